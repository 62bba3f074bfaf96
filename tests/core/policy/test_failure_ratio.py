"""How large a share of failures is too large: never on little evidence, never by what is long past."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from autotask_queue.policy.failure_ratio import (
    ENOUGH,
    HIGHEST,
    LEARN_AFTER,
    LEARN_EVERY,
    LOWEST,
    WINDOW,
    FailureRatio,
    wilson_lower,
)

OUTCOMES = st.lists(st.tuples(st.floats(0, 20), st.booleans()), max_size=60)


def fed(outcomes: list[tuple[float, bool]], ratio: FailureRatio, mono: float = 1_000.0) -> float:
    for wait, failed in outcomes:
        mono += wait
        ratio.add(failed=failed, mono=mono)
        ratio.learn(mono)
    return mono


def test_wilsons_interval_as_published() -> None:
    # Agresti and Coull, The American Statistician 1998: 0 of 10 and 10 of 10 at 95 %.
    assert wilson_lower(0, 10) == 0
    assert abs(wilson_lower(10, 10) - 0.7225) < 0.0005
    assert abs(wilson_lower(50, 100) - 0.4038) < 0.0005
    assert wilson_lower(0, 0) == 0


@given(st.integers(0, 500), st.integers(0, 500))
def test_the_lower_end_lies_below_the_share_and_more_evidence_raises_it(failed: int, good: int) -> None:
    total = failed + good
    if total:
        low = wilson_lower(failed, total)
        assert 0 <= low <= failed / total + 1e-12
        assert wilson_lower(failed * 4, total * 4) >= low


def test_few_calls_prove_nothing() -> None:
    ratio = FailureRatio()
    for _ in range(ENOUGH - 1):
        ratio.add(failed=True, mono=100.0)
    assert ratio.too_many(100.0) == ""
    ratio.add(failed=True, mono=100.0)
    assert ratio.too_many(100.0) == "10 of the last 10 calls failed"
    assert ratio.too_many(100.0 + WINDOW) == "", "they are past"


def test_eight_of_ten_may_be_chance_and_eighty_of_a_hundred_are_not() -> None:
    for hundreds, opens in ((0.1, False), (1, True)):
        ratio = FailureRatio()
        for i in range(int(hundreds * 100)):
            ratio.add(failed=i % 5 != 0, mono=100.0)
        assert bool(ratio.too_many(100.0)) is opens


def test_half_of_the_calls_failing_is_no_reason_to_stop_but_nearly_all_is() -> None:
    half, most = FailureRatio(), FailureRatio()
    for i in range(200):
        half.add(failed=i % 2 == 0, mono=100 + i / 10)
        most.add(failed=i % 10 != 0, mono=100 + i / 10)
    assert half.too_many(120.0) == ""
    assert most.too_many(120.0)


@given(OUTCOMES, OUTCOMES)
def test_b12_what_is_older_than_the_window_does_not_count(
    old: list[tuple[float, bool]], new: list[tuple[float, bool]]
) -> None:
    plain, with_past = FailureRatio(), FailureRatio()
    now = fed(old, with_past) + WINDOW + 1
    for wait, failed in new:
        now += wait
        plain.add(failed=failed, mono=now)
        with_past.add(failed=failed, mono=now)
        assert with_past.counts(now) == plain.counts(now)


@given(OUTCOMES, st.floats(0, 1))
def test_b11_the_threshold_keeps_its_bounds(outcomes: list[tuple[float, bool]], usual: float) -> None:
    ratio = FailureRatio(usual=usual)
    fed(outcomes, ratio)
    assert LOWEST <= ratio.threshold <= HIGHEST


def test_it_learns_what_is_usual_in_days_not_in_minutes() -> None:
    ratio = FailureRatio()
    mono = 0.0
    for _ in range(60 * 24):
        for i in range(ENOUGH * 2):
            ratio.add(failed=i % 5 == 0, mono=mono)
        ratio.learn(mono)
        mono += LEARN_EVERY
        if mono == LEARN_EVERY * 5:
            assert abs(ratio.usual - 0.05) < 0.001
    assert 0.14 < ratio.usual < 0.16, "a day has moved it by 63 % of the way to 0.2"
    assert ratio.threshold == HIGHEST


def test_b11_an_outage_teaches_nothing() -> None:
    ratio = FailureRatio()
    ratio.interrupt()
    before = ratio.usual
    for second in range(int(LEARN_AFTER)):
        ratio.add(failed=True, mono=5_000.0 + second)
        ratio.learn(5_000.0 + second)
    assert ratio.usual == before
    ratio.learn(5_000.0 + LEARN_AFTER)
    assert ratio.usual > before

"""R3: whatever happens in whatever order, retries stay a bounded share of the first attempts."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.core.policy.test_retry import failed, request

from autotask_queue.model.failure import FailureClass
from autotask_queue.policy.budget import CAP, REFILL, SHARE, RetryBudget, cost_of

STEPS = st.lists(
    st.tuples(st.sampled_from(["first", "retry", "dear", "time"]), st.floats(0, 40), st.integers(1, 30)),
    min_size=1,
    max_size=12,
)


@given(steps=STEPS)
def test_r3_in_no_window_are_there_more_retries_than_the_budget_has(
    steps: list[tuple[str, float, int]],
) -> None:
    mono = 0.0
    budget = RetryBudget(mono)
    events: list[tuple[float, float, float]] = []
    every = [(what, seconds) for what, seconds, times in steps for _ in range(times)]
    for number, (what, seconds) in enumerate(every):
        cost = {"retry": 1.0, "dear": 2.0}.get(what, 0.0)
        if what == "time":
            mono += seconds
        elif what == "first":
            budget.earn(mono)
            events.append((mono, SHARE, 0.0))
        elif budget.wait(str(number), cost, mono, longest=120) == 0:
            budget.spend(cost, mono)
            events.append((mono, 0.0, cost))
    for begin, end in itertools.combinations(range(len(events) + 1), 2):
        window = events[begin:end]
        allowed = sum(e for _, e, _ in window) + CAP + (window[-1][0] - window[0][0]) / REFILL
        assert sum(c for _, _, c in window) <= allowed + 1e-6


@given(costs=st.lists(st.sampled_from([1.0, 2.0]), min_size=1, max_size=60))
def test_who_waits_as_long_as_told_may_go_in_the_end(costs: list[float]) -> None:
    """Empty means wait, never fail; and nobody comes back more often than there is room."""
    mono, asked, longest = 0.0, 0, 120.0
    budget = RetryBudget(mono)
    budget.spend(CAP, mono)
    due = [(0.0, str(n), cost) for n, cost in enumerate(costs)]
    while due:
        due.sort()
        mono, key, cost = due.pop(0)
        asked += 1
        wait = budget.wait(key, cost, mono, longest=longest)
        assert wait == 0 or 0.2 <= wait <= longest
        if wait > 0:
            due.append((mono + wait, key, cost))
        else:
            budget.spend(cost, mono)
    assert mono <= sum(costs) * REFILL + longest
    assert asked <= 2 * len(costs) + sum(costs) * sum(costs) * REFILL / longest


def test_first_attempts_shorten_the_wait() -> None:
    quiet, busy = RetryBudget(0.0), RetryBudget(0.0)
    for _ in range(600):
        busy.earn(1.0)
    for budget in (quiet, busy):
        budget.spend(CAP, 1.0)
    assert busy.wait("a", 1.0, 1.0, longest=120) < quiet.wait("a", 1.0, 1.0, longest=120) / 5


def test_who_never_comes_back_is_not_waited_for() -> None:
    budget = RetryBudget(0.0)
    budget.spend(CAP, 0.0)
    for n in range(50):
        budget.wait(str(n), 1.0, 0.0, longest=120)
    budget.spend(CAP, 400.0)
    assert budget.wait("new", 1.0, 400.0, longest=120) < 3 * REFILL


@pytest.mark.parametrize(
    ("attempts", "kind", "cost"),
    [
        (0, None, 0.0),
        (0, FailureClass.TIMEOUT_UNKNOWN, 0.0),
        (1, None, 1.0),
        (1, FailureClass.SERVER_TRANSIENT, 1.0),
        (2, FailureClass.TIMEOUT_UNKNOWN, 2.0),
    ],
)
def test_what_an_attempt_costs(attempts: int, kind: FailureClass | None, cost: float) -> None:
    last = failed(kind) if kind else None
    assert cost_of(request(attempts=attempts, failure=last)) == cost

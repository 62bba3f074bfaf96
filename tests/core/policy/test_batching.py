"""Size, waiting and the search for the poison, as pure decisions."""

from __future__ import annotations

import math
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.core.engine.conftest import failure
from tests.core.store.making import NOW, read, request

from autotask_queue.model.failure import Applied, Failure, FailureClass
from autotask_queue.model.status import Effect
from autotask_queue.policy.batching import Size, bisect, is_one_requests, linger

BUSY = failure(FailureClass.SERVER_TRANSIENT, status=503)
INVALID = failure(FailureClass.VALIDATION, status=500)


def batches_until_near(size: Size, optimum: int) -> int:
    """How many full batches until the size was within a tenth below the optimum; more than it fails."""
    for count in range(200):
        if 0.9 * optimum <= size.now <= optimum:
            return count
        size.succeeded(size.now) if size.now <= optimum else size.failed(size.now, BUSY)
    raise AssertionError("it never came near")


@given(st.integers(1, 500), st.lists(st.booleans(), max_size=200))
def test_bt3_size_stays_within_its_bounds_and_halves(cap: int, went_well: list[bool]) -> None:
    size = Size(cap)
    for ok in went_well:
        before = size.now
        size.succeeded(before) if ok else size.failed(before, BUSY)
        assert 1 <= size.now <= cap
        assert size.now == (min(cap, before + max(1, before // 10)) if ok else max(1, before // 2))


@pytest.mark.parametrize(("first", "then"), [(50, 500), (500, 50), (100, 400), (400, 20)])
def test_bt3_size_recovers_within_30_batches_after_a_step(first: int, then: int) -> None:
    size = Size(500)
    batches_until_near(size, first)
    assert batches_until_near(size, then) <= 30


def test_bt3_only_overload_makes_it_smaller_and_only_a_full_one_larger() -> None:
    size = Size(500)
    size.succeeded(49)
    for kind in (
        FailureClass.VALIDATION,
        FailureClass.THROTTLE,
        FailureClass.AUTH,
        FailureClass.LOCAL_OFFLINE,
    ):
        size.failed(50, failure(kind))
    assert size.now == 50
    size.failed(8, failure(FailureClass.TIMEOUT_UNKNOWN))
    assert size.now == 4, "half of what failed"


def test_who_used_up_tries_goes_with_an_eighth_as_many() -> None:
    size = Size(500)
    lead = read()
    assert [size.for_lead(msgspec.structs.replace(lead, attempts=n)) for n in (0, 1, 2, 99)] == [50, 6, 1, 1]


@pytest.mark.parametrize(
    ("values", "seconds"),
    [
        ({"priority": 10}, 0.0),
        ({"priority": 9}, 0.0),
        ({"priority": 5}, 0.05),
        ({"priority": 2}, 1.0),
        ({"priority": 1, "created_at": NOW - 60}, 0.0),
        ({"priority": 1, "created_at": NOW + 3600}, 1.0),
        ({"priority": 1, "effect": Effect.WRITE}, 0.0),
    ],
)
def test_how_long_a_request_waits_for_company(values: dict[str, Any], seconds: float) -> None:
    waits = linger(request(**{"effect": Effect.READ, **values}), batch_timeout=1.0, now=NOW)
    assert waits == pytest.approx(seconds, abs=1e-6)


def test_batch_timeout_caps_every_wait() -> None:
    assert linger(read(priority=5), batch_timeout=0.01, now=NOW) == pytest.approx(0.01, abs=1e-6)
    assert linger(read(priority=1), batch_timeout=0, now=NOW) == 0


@given(
    st.integers(2, 64).flatmap(lambda n: st.tuples(st.just(n), st.sets(st.integers(0, n - 1), min_size=1)))
)
def test_bt4_poisons_are_found_in_few_calls(case: tuple[int, set[int]]) -> None:
    count, bad = case
    members = list(range(count))
    calls, served, found = 1, set[int](), list[tuple[int, Failure]]()
    search = bisect(members, INVALID)
    group = next(search)
    while True:
        calls += 1
        failed = bool(bad & set(group))
        served |= set() if failed else set(group)
        try:
            group = search.send(INVALID if failed else None)
        except StopIteration as end:
            found = end.value
            break
    assert sorted(one for one, _ in found) == sorted(bad)
    assert served == set(members) - bad
    assert calls <= len(bad) * (math.ceil(math.log2(count)) + 1) + 1


@pytest.mark.parametrize(
    ("why", "effect", "answer"),
    [
        (INVALID, Effect.READ, True),
        (INVALID, Effect.WRITE, True),
        (failure(FailureClass.PROCESSOR_ERROR, applied=Applied.UNKNOWN), Effect.READ, True),
        (failure(FailureClass.PROCESSOR_ERROR, applied=Applied.UNKNOWN), Effect.WRITE, False),
        (BUSY, Effect.READ, False),
        (failure(FailureClass.THROTTLE), Effect.READ, False),
        (failure(FailureClass.LOCAL_OFFLINE), Effect.WRITE, False),
    ],
)
def test_when_one_of_them_may_be_to_blame(why: Failure, effect: Effect, *, answer: bool) -> None:
    assert is_one_requests(why, effect) is answer

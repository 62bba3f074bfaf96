"""Back-off within its bounds, and a verdict for every failure there is."""

from __future__ import annotations

import itertools
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autotask_queue.model.config import RetryConfig
from autotask_queue.model.failure import Applied, Failure, FailureClass
from autotask_queue.model.request import Request, RequestId
from autotask_queue.model.status import Effect, Reason, Status, can_move
from autotask_queue.policy.retry import FLOOR, Signal, ZoneEffect, backoff, judge, throttle_pause

CONFIG = RetryConfig()


def request(
    *,
    effect: Effect = Effect.WRITE,
    method: str = "POST",
    attempts: int = 0,
    retryable: bool = True,
    max_retries: int = 3,
    failure: Failure | None = None,
) -> Request:
    return Request(
        seq=1, id=RequestId("r"), status=Status.PROCESSING, zone="z", endpoint="/Tickets", method=method,
        effect=effect, entity="Tickets", priority=5, summary="s", created_at=0.0, updated_at=0.0,
        attempts=attempts, max_retries=max_retries, failure=failure, retryable=retryable,
    )  # fmt: skip


def failed(kind: FailureClass, applied: Applied = Applied.NO, *, retry_after: float | None = None) -> Failure:
    return Failure(
        kind=kind, code="c", title="t", message="m", remedy="r", applied=applied, retry_after=retry_after
    )


@given(tries=st.integers(0, 10**6), seed=st.integers(0, 10**6))
def test_r1_the_wait_stays_in_its_bounds(tries: int, seed: int) -> None:
    wait = backoff(tries, CONFIG, random.Random(seed))
    assert FLOOR <= wait <= CONFIG.max_delay


@given(
    attempts=st.integers(0, 10**6),
    seed=st.integers(0, 10**6),
    wish=st.none() | st.floats(0, 1e12),
    kind=st.sampled_from(
        [FailureClass.SERVER_TRANSIENT, FailureClass.TIMEOUT_UNKNOWN, FailureClass.APP_ERROR]
    ),
)
def test_r1_a_servers_wish_lengthens_the_wait_and_only_so_far(
    attempts: int, seed: int, wish: float | None, kind: FailureClass
) -> None:
    read = request(effect=Effect.READ, method="GET", attempts=attempts, max_retries=10**7)
    plain = judge(read, failed(kind), CONFIG, random.Random(seed))
    wished = judge(read, failed(kind, retry_after=wish), CONFIG, random.Random(seed))
    if plain.delay is None or wished.delay is None:
        assert kind is FailureClass.APP_ERROR, "only unknown words are given up after two tries"
        return
    assert plain.delay <= wished.delay <= plain.delay + 300
    assert wished.delay <= CONFIG.max_delay + 300
    if wish is not None and plain.delay <= wish <= plain.delay + 300:
        assert wished.delay == wish


def test_r2_at_the_cap_the_jitter_is_kept() -> None:
    rng = random.Random(1)
    waits = sorted(backoff(50, CONFIG, rng) for _ in range(2_000))
    assert len(set(waits)) >= 1_000
    places = [(wait / CONFIG.max_delay - 0.5) / 0.5 for wait in waits]
    assert places[0] >= 0
    assert places[-1] <= 1
    # Kolmogorov and Smirnov's distance from an even spread, at the level of one in a thousand.
    distance = max(abs(place - (n + 0.5) / len(places)) for n, place in enumerate(places))
    assert distance < 1.95 / len(places) ** 0.5


def test_without_jitter_the_wait_doubles() -> None:
    config = RetryConfig(base_delay=1, max_delay=10, multiplier=2, jitter=False)
    assert [backoff(n, config, random.Random(1)) for n in range(1, 6)] == [1, 2, 4, 8, 10]


@pytest.mark.parametrize(
    ("kind", "applied", "effect"), list(itertools.product(FailureClass, Applied, Effect)), ids=str
)
def test_every_failure_has_a_legal_verdict(kind: FailureClass, applied: Applied, effect: Effect) -> None:
    verdict = judge(request(effect=effect), failed(kind, applied), CONFIG, random.Random(1))
    assert can_move(Status.PROCESSING, verdict.to)
    if effect is Effect.WRITE and applied is not Applied.NO:
        assert verdict.to is Status.UNCERTAIN, "what may have arrived is never simply sent again"
    if effect is Effect.READ:
        assert verdict.to is not Status.UNCERTAIN
    assert (verdict.delay is not None) == (verdict.to is Status.RETRYING)


@pytest.mark.parametrize(
    "kind",
    [FailureClass.LOCAL_OFFLINE, FailureClass.THROTTLE, FailureClass.THREAD_LIMIT, FailureClass.AUTH,
     FailureClass.QUOTA_SUSPENDED, FailureClass.CANCELLED],
)  # fmt: skip
def test_r4_what_is_not_the_requests_fault_uses_up_no_try(kind: FailureClass) -> None:
    verdict = judge(request(), failed(kind), CONFIG, random.Random(1))
    assert (verdict.to, verdict.counts) == (Status.PENDING, False)


@pytest.mark.parametrize("attempts", [0, 3, 100])
@pytest.mark.parametrize(
    "kind", [FailureClass.SERVER_TRANSIENT, FailureClass.TIMEOUT_UNKNOWN, FailureClass.CONNECT_FAIL]
)
def test_r4_what_fails_because_the_zone_is_shut_meanwhile_uses_up_no_try(
    kind: FailureClass, attempts: int
) -> None:
    read = request(effect=Effect.READ, method="GET", attempts=attempts)
    verdict = judge(read, failed(kind), CONFIG, random.Random(1), outage=True)
    assert (verdict.to, verdict.counts) == (Status.RETRYING, False)
    once = request(effect=Effect.READ, method="GET", retryable=False)
    assert judge(once, failed(kind), CONFIG, random.Random(1), outage=True).to is Status.FAILED


def test_a_refusal_that_names_its_time_waits_for_it_until_the_tries_are_used_up() -> None:
    """Autotask takes 10 MB of files in five minutes: four photos are no mistake of the technician's."""
    full = failed(FailureClass.APP_ERROR, retry_after=300.0)
    for attempts in range(3):
        verdict = judge(request(attempts=attempts), full, CONFIG, random.Random(1))
        assert verdict.to is Status.RETRYING
        assert verdict.delay is not None
        assert verdict.delay >= 300
    assert judge(request(attempts=3), full, CONFIG, random.Random(1)).to is Status.FAILED


@pytest.mark.parametrize(
    ("kind", "attempts", "expected"),
    [
        (FailureClass.VALIDATION, 0, Status.FAILED),
        (FailureClass.PERMISSION, 0, Status.FAILED),
        (FailureClass.BUG, 0, Status.FAILED),
        (FailureClass.APP_ERROR, 0, Status.RETRYING),
        (FailureClass.APP_ERROR, 1, Status.FAILED),
        (FailureClass.SERVER_TRANSIENT, 2, Status.RETRYING),
        (FailureClass.SERVER_TRANSIENT, 3, Status.FAILED),
        (FailureClass.CONFLICT, 0, Status.HELD),
    ],
)
def test_verdicts(kind: FailureClass, attempts: int, expected: Status) -> None:
    assert judge(request(attempts=attempts), failed(kind), CONFIG, random.Random(1)).to is expected


@pytest.mark.parametrize(
    ("method", "expected", "reason"),
    [
        ("DELETE", Status.COMPLETED, None),
        ("PATCH", Status.HELD, Reason.GONE),
        ("PUT", Status.HELD, Reason.GONE),
        ("POST", Status.FAILED, None),
    ],
)
def test_a_missing_record(method: str, expected: Status, reason: Reason | None) -> None:
    verdict = judge(request(method=method), failed(FailureClass.NOT_FOUND), CONFIG, random.Random(1))
    assert (verdict.to, verdict.reason) == (expected, reason)


def test_not_retryable_fails_at_the_first_failure() -> None:
    verdict = judge(request(retryable=False), failed(FailureClass.SERVER_TRANSIENT), CONFIG, random.Random(1))
    assert verdict.to is Status.FAILED


def test_only_the_servers_illness_counts_for_the_breaker() -> None:
    counting = {
        kind
        for kind in FailureClass
        if judge(request(), failed(kind), CONFIG, random.Random(1)).signal is Signal.FAIL
    }
    assert counting == {
        FailureClass.CONNECT_FAIL,
        FailureClass.SERVER_TRANSIENT,
        FailureClass.TIMEOUT_UNKNOWN,
    }
    interrupted = judge(request(), failed(FailureClass.CANCELLED, Applied.UNKNOWN), CONFIG, random.Random(1))
    assert (interrupted.signal, interrupted.reason) == (Signal.NEUTRAL, Reason.INTERRUPTED)


def test_a_lost_connection_asks_whether_the_network_is_there() -> None:
    verdict = judge(
        request(), failed(FailureClass.TIMEOUT_UNKNOWN, Applied.UNKNOWN), CONFIG, random.Random(1)
    )
    assert verdict.zone is ZoneEffect.OFFLINE


@given(times=st.integers(1, 10**6), seed=st.integers(0, 1_000))
def test_a_throttled_zone_rests_within_bounds(times: int, seed: int) -> None:
    rng = random.Random(seed)
    assert 0.5 <= throttle_pause(times, rng, failure=failed(FailureClass.THROTTLE)) <= 60
    assert 1 <= throttle_pause(times, rng, failure=failed(FailureClass.THREAD_LIMIT)) <= 3
    asked = failed(FailureClass.THROTTLE, retry_after=120.0)
    assert throttle_pause(times, rng, failure=asked) >= 120
    threads = failed(FailureClass.THREAD_LIMIT, retry_after=20.0)
    assert throttle_pause(times, rng, failure=threads) == 20
    absurd = failed(FailureClass.THROTTLE, retry_after=1e12)
    assert throttle_pause(times, rng, failure=absurd) <= 3_600

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
    *, effect: Effect = Effect.WRITE, method: str = "POST", attempts: int = 0, retryable: bool = True
) -> Request:
    return Request(
        seq=1, id=RequestId("r"), status=Status.PROCESSING, zone="z", endpoint="/Tickets", method=method,
        effect=effect, entity="Tickets", priority=5, summary="s", created_at=0.0, updated_at=0.0,
        attempts=attempts, max_retries=3, retryable=retryable,
    )  # fmt: skip


def failed(kind: FailureClass, applied: Applied = Applied.NO, *, retry_after: float | None = None) -> Failure:
    return Failure(
        kind=kind, code="c", title="t", message="m", remedy="r", applied=applied, retry_after=retry_after
    )


@given(tries=st.integers(0, 10**6), seed=st.integers(0, 10**6))
def test_r1_the_wait_stays_in_its_bounds(tries: int, seed: int) -> None:
    wait = backoff(tries, CONFIG, random.Random(seed))
    assert FLOOR <= wait <= CONFIG.max_delay


def test_r2_at_the_cap_the_jitter_is_kept() -> None:
    rng = random.Random(1)
    waits = [backoff(50, CONFIG, rng) for _ in range(2_000)]
    assert len(set(waits)) >= 1_000
    assert min(waits) >= 0.5 * CONFIG.max_delay
    assert sum(waits) / len(waits) == pytest.approx(0.75 * CONFIG.max_delay, rel=0.02)


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
    absurd = failed(FailureClass.THROTTLE, retry_after=1e12)
    assert throttle_pause(times, rng, failure=absurd) <= 3_600

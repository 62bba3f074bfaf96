"""What follows from a failed attempt: by class of failure, "was it applied?" first.

Back-off is full jitter (AWS Architecture Blog, "Exponential Backoff And Jitter"); at the cap the
jitter is kept, so that a fleet that failed together does not come back together.
"""

from __future__ import annotations

import random
from enum import StrEnum

import msgspec

from autotask_queue.model.config import RetryConfig
from autotask_queue.model.failure import Applied, Failure, FailureClass
from autotask_queue.model.request import Request
from autotask_queue.model.status import Effect, Reason, Status

FLOOR = 0.2
"""Seconds; no retry comes sooner."""
_EXPONENT_CAP = 16
_APP_ERROR_TRIES = 2
"""A refusal in unknown words is tried once more (locked tables exist), then a person must look."""
_LONGEST_WISH = 300.0
"""Seconds by which a server's `Retry-After` may lengthen a wait."""


class Signal(StrEnum):
    """What an attempt tells the zone's breaker."""

    OK = "ok"
    FAIL = "fail"
    NEUTRAL = "neutral"
    THROTTLE = "throttle"


class ZoneEffect(StrEnum):
    """What an attempt means for the whole zone."""

    NONE = "none"
    OFFLINE = "offline"
    """The network may be gone: check the connection."""
    THROTTLED = "throttled"
    SIGN_IN = "sign_in"


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """The decision about a request after a failure.

    `delay` is seconds until the next try (None: none), `counts` whether it used up a try.
    """

    to: Status
    signal: Signal
    reason: Reason | None = None
    delay: float | None = None
    counts: bool = False
    zone: ZoneEffect = ZoneEffect.NONE


def backoff(tries: int, config: RetryConfig, rng: random.Random, *, factor: float = 1.0) -> float:
    """Seconds to wait after the `tries`-th counted failure (1 for the first).

    Full jitter in [FLOOR, base * multiplier**(tries-1)]; once that reaches `max_delay`, drawn from
    its upper half. Without `jitter` the upper bound itself.
    """
    exponent = min(max(tries - 1, 0), _EXPONENT_CAP)
    bound = config.base_delay * factor * config.multiplier**exponent
    if not config.jitter:
        return max(FLOOR, min(config.max_delay, bound)) if config.max_delay >= FLOOR else config.max_delay
    if bound >= config.max_delay:
        return config.max_delay * rng.uniform(0.5, 1.0)
    return min(config.max_delay, max(min(FLOOR, bound), rng.uniform(0.0, bound)))


def throttle_pause(times: int, rng: random.Random, *, failure: Failure) -> float:
    """Seconds the whole zone rests after the `times`-th refusal in a row for too many calls."""
    pause = rng.uniform(0.5, 1.0) * min(60.0, 2.0 ** min(max(times, 1), 6))
    if failure.kind is FailureClass.THREAD_LIMIT:
        pause = rng.uniform(1.0, 3.0)
    return max(pause, min(failure.retry_after or 0.0, 3_600.0))


_WAITS: dict[FailureClass, tuple[Signal, ZoneEffect]] = {
    FailureClass.LOCAL_OFFLINE: (Signal.NEUTRAL, ZoneEffect.OFFLINE),
    FailureClass.THROTTLE: (Signal.THROTTLE, ZoneEffect.THROTTLED),
    FailureClass.THREAD_LIMIT: (Signal.THROTTLE, ZoneEffect.THROTTLED),
    FailureClass.QUOTA_SUSPENDED: (Signal.THROTTLE, ZoneEffect.THROTTLED),
    FailureClass.AUTH: (Signal.NEUTRAL, ZoneEffect.SIGN_IN),
    FailureClass.CANCELLED: (Signal.NEUTRAL, ZoneEffect.NONE),
}
"""Surely not sent, or refused unread, and not the request's fault: it waits, and no try is used up."""

_REPEATS: dict[FailureClass, tuple[Signal, ZoneEffect, float]] = {
    FailureClass.CONNECT_FAIL: (Signal.FAIL, ZoneEffect.OFFLINE, 1.0),
    FailureClass.SERVER_TRANSIENT: (Signal.FAIL, ZoneEffect.NONE, 1.0),
    FailureClass.TIMEOUT_UNKNOWN: (Signal.FAIL, ZoneEffect.OFFLINE, 2.0),
    FailureClass.PROCESSOR_ERROR: (Signal.NEUTRAL, ZoneEffect.NONE, 1.0),
    FailureClass.WRONG_ZONE: (Signal.NEUTRAL, ZoneEffect.NONE, 1.0),
}
"""Worth repeating, with the factor on the back-off."""


def judge(
    request: Request, failure: Failure, config: RetryConfig, rng: random.Random, *, outage: bool = False
) -> Verdict:
    """Decides what becomes of `request`, whose attempt ended with `failure`.

    `outage`: the zone's breaker opened while the call was out. Then what can be repeated uses up no try.
    """
    kind = failure.kind
    if request.effect is Effect.WRITE and failure.applied is not Applied.NO:
        return _unknown(failure)
    if kind in _WAITS:
        signal, zone = _WAITS[kind]
        return Verdict(to=Status.PENDING, signal=signal, zone=zone)
    if kind in _REPEATS:
        signal, zone, factor = _REPEATS[kind]
        return _retry(request, failure, config, rng, signal=signal, zone=zone, factor=factor, free=outage)
    if kind is FailureClass.APP_ERROR and _may_pass(request, failure):
        return _retry(request, failure, config, rng, signal=Signal.NEUTRAL)
    if kind is FailureClass.NOT_FOUND:
        return _not_found(request)
    if kind is FailureClass.CONFLICT:
        return Verdict(to=Status.HELD, signal=Signal.NEUTRAL, reason=Reason.CONFLICT)
    return Verdict(to=Status.FAILED, signal=Signal.NEUTRAL, counts=True)


def _unknown(failure: Failure) -> Verdict:
    signal = Signal.NEUTRAL
    zone = ZoneEffect.NONE
    if failure.kind in (FailureClass.TIMEOUT_UNKNOWN, FailureClass.SERVER_TRANSIENT):
        signal = Signal.FAIL
        zone = ZoneEffect.OFFLINE if failure.kind is FailureClass.TIMEOUT_UNKNOWN else ZoneEffect.NONE
    reason = Reason.INTERRUPTED if failure.kind is FailureClass.CANCELLED else Reason.REPLY_LOST
    return Verdict(to=Status.UNCERTAIN, signal=signal, reason=reason, counts=True, zone=zone)


def _may_pass(request: Request, failure: Failure) -> bool:
    """Whether a refusal may be no more after a while: in unknown words once, or when it names its time."""
    return failure.retry_after is not None or request.attempts + 1 < _APP_ERROR_TRIES


def _retry(
    request: Request,
    failure: Failure,
    config: RetryConfig,
    rng: random.Random,
    *,
    signal: Signal,
    zone: ZoneEffect = ZoneEffect.NONE,
    factor: float = 1.0,
    free: bool = False,
) -> Verdict:
    tries = request.attempts + 1
    if not request.retryable or (tries > request.max_retries and not free):
        return Verdict(to=Status.FAILED, signal=signal, counts=True, zone=zone)
    delay = backoff(tries, config, rng, factor=factor)
    delay = max(delay, min(failure.retry_after or 0.0, delay + _LONGEST_WISH))
    return Verdict(to=Status.RETRYING, signal=signal, delay=delay, counts=not free, zone=zone)


def _not_found(request: Request) -> Verdict:
    if request.method == "DELETE":  # what was to be gone is gone
        return Verdict(to=Status.COMPLETED, signal=Signal.NEUTRAL, counts=True)
    if request.method in ("PATCH", "PUT"):
        return Verdict(to=Status.HELD, signal=Signal.NEUTRAL, reason=Reason.GONE, counts=True)
    return Verdict(to=Status.FAILED, signal=Signal.NEUTRAL, counts=True)

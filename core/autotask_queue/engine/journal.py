"""What the log says of events: a line and its facts, for people and for programs that read JSON lines.

Requests as they move are debug records; what somebody may want to know afterwards (a failure, a breaker, the
network) is info. Documents and summaries are not logged, for they hold what customers wrote; nor are reasons
that a person typed: they stand in the audit trail, which is encrypted with the queue.
"""

from __future__ import annotations

import logging

from autotask_queue.model.events import (
    BatchEvent,
    BatchFailed,
    CircuitClosed,
    CircuitForced,
    ConnectivityChanged,
    Event,
    HealthDegraded,
    HealthRecovered,
    MetricsUpdated,
    RequestEvent,
    RequestExpired,
    RequestFailedEvent,
    RequestHeld,
    RequestUncertain,
    SignInRefused,
    StrategyChanged,
    ZoneEvent,
)

_GRAVE = (BatchFailed, RequestFailedEvent, RequestHeld, RequestUncertain, RequestExpired)


def log_event(logger: logging.Logger, event: Event) -> None:
    """Writes the event down, if anybody listens at its level."""
    level = _level(event)
    if logger.isEnabledFor(level):
        facts = _facts(event)
        words = " ".join(f"{name}={value}" for name, value in facts.items())
        logger.log(level, "%s", f"{event.name} {words}".rstrip(), extra={"event": event.name, **facts})


def _level(event: Event) -> int:
    if isinstance(event, MetricsUpdated | RequestEvent | BatchEvent) and not isinstance(event, _GRAVE):
        return logging.DEBUG
    return logging.INFO


def _facts(event: Event) -> dict[str, str | int]:
    match event:
        case RequestEvent(request=r):
            facts: dict[str, str | int] = {
                "request": r.id,
                "zone": r.zone,
                "method": r.method,
                "endpoint": r.endpoint.partition("?")[0],
                "attempts": r.attempts,
            }
            why = r.failure.title if r.failure is not None else r.reason
            return facts | ({"why": str(why)} if why else {})
        case BatchEvent():
            why = event.failure.title if isinstance(event, BatchFailed) else ""
            facts = {"zone": event.zone, "entity": event.entity, "requests": len(event.ids)}
            return facts | ({"why": why} if why else {})
        case ZoneEvent():
            typed = isinstance(event, CircuitForced | CircuitClosed)
            facts = {"zone": event.zone, "state": event.breaker.state.value}
            return facts if typed else facts | {"why": event.reason}
        case ConnectivityChanged(connectivity=c):
            return {"state": c.state.value, "why": c.detail}
        case HealthDegraded() | HealthRecovered():
            reason = event.reason if isinstance(event, HealthDegraded) else ""
            return {"component": event.component, "why": reason}
        case StrategyChanged(state=s):
            facts = {"strategy": s.strategy, "actor": s.actor}
            return facts | ({"strains": ",".join(s.strains)} if s.strains else {})
        case SignInRefused():
            return {"zone": event.zone, "why": event.reason}
        case _:
            return {}

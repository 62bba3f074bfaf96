"""The queue's health: the worst of its parts, each with its reason and what happens by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from autotask_queue.model.breaker import BreakerState
from autotask_queue.model.gates import Gate, GateKind
from autotask_queue.model.metrics import ComponentHealth, Connectivity, Health, HealthLevel
from autotask_queue.model.status import OPEN, Status

if TYPE_CHECKING:
    from autotask_queue.engine.assembly import Engine

_SEVERITY = [HealthLevel.HEALTHY, HealthLevel.DEGRADED, HealthLevel.OFFLINE, HealthLevel.CRITICAL]


def health(engine: Engine) -> Health:
    """A snapshot. It never asks the network: an outage there is not this program's illness."""
    if not engine.started:
        part = ComponentHealth(name="queue", level=HealthLevel.CRITICAL, reason="The queue is not running.")
        return Health(status=part.level, components=(part,), message=part.reason)
    parts = (
        _storage(engine),
        _connection(engine),
        _sending(engine),
        _sign_in(engine),
        *_zones(engine),
        _capacity(engine),
        _tasks(engine),
        _attention(engine),
    )
    worst = max(parts, key=lambda p: _SEVERITY.index(p.level))
    message = worst.reason if worst.level is not HealthLevel.HEALTHY else "Everything works."
    return Health(status=worst.level, components=parts, message=message)


def _storage(engine: Engine) -> ComponentHealth:
    trouble = engine.settler.storage_trouble
    if trouble:
        return ComponentHealth(
            name="storage",
            level=HealthLevel.CRITICAL,
            reason=trouble,
            action="Writing is tried again by itself.",
        )
    return ComponentHealth(name="storage", level=HealthLevel.HEALTHY)


def _connection(engine: Engine) -> ComponentHealth:
    state = engine.connectivity.state
    if state.state is Connectivity.ONLINE:
        return ComponentHealth(name="connection", level=HealthLevel.HEALTHY, since=state.since)
    by_hand = state.state is Connectivity.WORK_OFFLINE
    return ComponentHealth(
        name="connection",
        level=HealthLevel.OFFLINE,
        reason="Working offline, by choice." if by_hand else state.detail or "There is no connection.",
        since=state.since,
        action="" if by_hand else "The connection is tried again by itself.",
    )


def _sending(engine: Engine) -> ComponentHealth:
    paused = engine.gates.paused
    if paused is None:
        return ComponentHealth(name="sending", level=HealthLevel.HEALTHY)
    by = f" by {paused.actor}" if paused.actor else ""
    why = f": {paused.reason.rstrip('.')}" if paused.reason else ""
    ends = "It goes on by itself." if paused.until is not None else "It goes on when somebody resumes."
    return ComponentHealth(
        name="sending", level=HealthLevel.DEGRADED, reason=f"Sending is paused{by}{why}.", action=ends
    )


def _sign_in(engine: Engine) -> ComponentHealth:
    refused = [g for g in engine.gates.for_people() if g.kind is GateKind.SIGN_IN]
    if not refused:
        return ComponentHealth(name="sign-in", level=HealthLevel.HEALTHY)
    zones = ", ".join(g.zone or "" for g in refused)
    return ComponentHealth(
        name="sign-in",
        level=HealthLevel.DEGRADED,
        reason=f"Sign-in does not work for {zones}: {refused[0].reason}",
        action="Sending to it waits until the sign-in is mended.",
    )


def _zones(engine: Engine) -> list[ComponentHealth]:
    out = []
    for breaker in engine.board.get_all_metrics():
        held = next((g for g in engine.gates.for_people() if _holds(g, breaker.zone)), None)
        if held is not None:
            level, reason = HealthLevel.DEGRADED, f"Held by {held.actor}: {held.reason}"
        elif breaker.state is BreakerState.CLOSED:
            level, reason = HealthLevel.HEALTHY, ""
        else:
            level, reason = HealthLevel.DEGRADED, f"Sending is stopped: {breaker.reason}."
        action = "It is tested by itself." if breaker.retry_in is not None and held is None else ""
        out.append(
            ComponentHealth(
                name=f"zone {breaker.zone}", level=level, reason=reason, since=breaker.since, action=action
            )
        )
    return out


def _holds(gate: Gate, zone: str) -> bool:
    own = None if zone == "*" else zone
    return gate.kind is GateKind.MAINTENANCE and gate.zone == own and gate.entity is None


def _capacity(engine: Engine) -> ComponentHealth:
    size = engine.ctx.store.counters().count(*OPEN)
    limit = engine.ctx.config.max_size
    if size >= limit:
        return ComponentHealth(
            name="capacity",
            level=HealthLevel.DEGRADED,
            reason=f"{size} requests wait; look-ups are refused above {limit}.",
            action="New changes are still accepted.",
        )
    return ComponentHealth(name="capacity", level=HealthLevel.HEALTHY)


def _tasks(engine: Engine) -> ComponentHealth:
    failed = engine.ctx.tasks.failed
    if failed:
        return ComponentHealth(
            name="workers",
            level=HealthLevel.CRITICAL,
            reason="Stopped after repeated failures: " + ", ".join(sorted(failed)),
            action="Restart the program; nothing stored is lost.",
        )
    return ComponentHealth(name="workers", level=HealthLevel.HEALTHY)


def _attention(engine: Engine) -> ComponentHealth:
    waiting = engine.ctx.store.counters().count(Status.FAILED, Status.HELD)
    if waiting:
        return ComponentHealth(
            name="attention",
            level=HealthLevel.HEALTHY,
            reason="1 request needs a person." if waiting == 1 else f"{waiting:,} requests need a person.",
        )
    return ComponentHealth(name="attention", level=HealthLevel.HEALTHY)

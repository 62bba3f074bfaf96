"""(state, events, facts) → (state, changes): pure, so that every picture can be tested as a value."""

from __future__ import annotations

from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING

from autotask_console.state.app_state import AppState, ChangeFlags, Changes, Snapshot
from autotask_queue import (
    Connectivity,
    Event,
    EventsLost,
    MetricsUpdated,
    RequestCompleted,
    RequestEnqueued,
    RequestEvent,
    RequestsChanged,
    SignInAccepted,
    SignInRefused,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from autotask_queue import Request, RequestId


@dataclass(slots=True)
class _Batch:
    """What one batch of events adds up to; lives only inside `reduce`."""

    requests: dict[RequestId, Request]
    refused: dict[str, str]
    added: int = 0
    bulk: bool = False
    flags: ChangeFlags = ChangeFlags.NONE


def reduce(state: AppState, events: Sequence[Event], facts: Snapshot) -> tuple[AppState, Changes]:
    """Folds a batch of events and the facts read after it into the state.

    The facts are the truth for everything that the queue keeps in memory; events add what facts
    cannot tell: which rows changed, and that something just happened.
    """
    batch = _Batch(requests={}, refused=dict(state.refused))
    fresh = state
    for event in events:
        fresh = _fold(fresh, event, batch)
    if batch.refused != state.refused:
        fresh = replace(fresh, refused=MappingProxyType(batch.refused))
    fresh, flags = _look(fresh, state, facts)
    if batch.requests or batch.bulk:
        fresh = replace(fresh, saved_at=facts.at)
    changes = Changes(
        flags=batch.flags | flags,
        requests=MappingProxyType(batch.requests),
        added=batch.added,
        bulk=batch.bulk,
    )
    return fresh, Changes() | changes


def _fold(state: AppState, event: Event, batch: _Batch) -> AppState:
    match event:
        case RequestEvent(request=request):
            batch.requests[request.id] = request
            batch.flags |= ChangeFlags.REQUESTS
            batch.added += isinstance(event, RequestEnqueued)
            if isinstance(event, RequestCompleted):
                return replace(state, last_sent_at=event.at)
        case RequestsChanged():
            batch.flags |= ChangeFlags.REQUESTS
            batch.bulk = True
        case EventsLost():
            batch.flags |= ChangeFlags.ALL
            batch.bulk = True
        case MetricsUpdated(metrics=metrics):
            batch.flags |= ChangeFlags.METRICS
            return replace(state, metrics=metrics)
        case SignInRefused(zone=zone, reason=reason):
            batch.refused[zone] = reason
            batch.flags |= ChangeFlags.ZONES
        case SignInAccepted(zone=zone):
            batch.refused.pop(zone, None)
            batch.flags |= ChangeFlags.ZONES
        case _:
            pass  # its consequences are in the facts
    return state


def _look(state: AppState, before: AppState, facts: Snapshot) -> tuple[AppState, ChangeFlags]:
    flags = ChangeFlags.NONE
    if facts.counters != before.counters:
        flags |= ChangeFlags.COUNTERS
        state = replace(
            state, counters=facts.counters, by_status=MappingProxyType(facts.counters.by_status())
        )
    if facts.connectivity != before.connectivity:
        flags |= ChangeFlags.CONNECTIVITY
        back = _came_back(before.connectivity.state, facts.connectivity.state)
        state = replace(
            state,
            connectivity=facts.connectivity,
            back_online_at=facts.at if back else state.back_online_at,
        )
    if facts.gates != before.gates:
        flags |= ChangeFlags.GATES
    if facts.breakers != before.breakers:
        flags |= ChangeFlags.BREAKERS
    if (facts.paused, facts.paused_until) != (before.paused, before.paused_until):
        flags |= ChangeFlags.PAUSED
    if facts.zones != before.zones:
        flags |= ChangeFlags.ZONES
    state = replace(
        state,
        at=facts.at,
        gates=facts.gates,
        breakers=facts.breakers,
        paused=facts.paused,
        paused_until=facts.paused_until,
        zones=facts.zones,
    )
    return state, flags


def _came_back(before: Connectivity, now: Connectivity) -> bool:
    return now is Connectivity.ONLINE and before is not Connectivity.ONLINE

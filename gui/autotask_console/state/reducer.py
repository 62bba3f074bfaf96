"""(state, events, facts) → (state, changes): pure, so that every picture can be tested as a value."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from types import MappingProxyType

import msgspec

from autotask_console.state.app_state import AppState, ChangeFlags, Changes, Snapshot
from autotask_console.text import lacks_sign_in
from autotask_queue import (
    Connectivity,
    ConnectivityState,
    Effect,
    Event,
    EventsLost,
    MetricsUpdated,
    Request,
    RequestCompleted,
    RequestEnqueued,
    RequestEvent,
    RequestFailedEvent,
    RequestId,
    RequestsChanged,
    SignInAccepted,
    SignInRefused,
    Status,
)


def reduce(state: AppState, events: Sequence[Event], facts: Snapshot) -> tuple[AppState, Changes]:
    """Folds a batch of events and the facts read after it into the state.

    The facts are the truth for everything that the queue keeps in memory; events add what facts
    cannot tell: which rows changed, and that something just happened.
    """
    requests: dict[RequestId, Request] = {}
    flags, added, bulk = ChangeFlags.NONE, 0, False
    for event in events:
        flags |= _flags_of(event)
        match event:
            case RequestEvent(request=request):
                requests[request.id] = request
                added += isinstance(event, RequestEnqueued)
                state = _told(state, event)
            case RequestsChanged() | EventsLost():
                bulk = True
            case MetricsUpdated(metrics=metrics):
                state = replace(state, metrics=metrics)
            case _:
                pass  # its consequences are in the facts
    if flags & ChangeFlags.REQUESTS:
        state = replace(state, saved_at=facts.at)
    state, looked = _look(state, facts)
    changes = Changes(flags=flags | looked, requests=requests, added=added, bulk=bulk)
    return state, Changes() | changes


def _told(state: AppState, event: RequestEvent) -> AppState:
    """What counters cannot tell: whether it was somebody's work that ended, or a look-up."""
    read = event.request.effect is Effect.READ
    if isinstance(event, RequestCompleted) and not read:
        return replace(state, last_sent_at=event.at)
    if isinstance(event, RequestFailedEvent) and read:
        return replace(state, failed_reads=state.failed_reads + 1)
    return state


def _flags_of(event: Event) -> ChangeFlags:
    match event:
        case RequestEvent() | RequestsChanged():
            return ChangeFlags.REQUESTS
        case EventsLost():
            return ChangeFlags.ALL
        case MetricsUpdated():
            return ChangeFlags.METRICS
        case SignInRefused() | SignInAccepted():
            return ChangeFlags.ZONES
        case _:
            return ChangeFlags.NONE


def _look(before: AppState, facts: Snapshot) -> tuple[AppState, ChangeFlags]:
    flags = ChangeFlags.NONE
    if facts.counters != before.counters:
        flags |= ChangeFlags.COUNTERS
    if _without_replies(facts.connectivity) != _without_replies(before.connectivity):
        flags |= ChangeFlags.CONNECTIVITY
    if facts.gates != before.gates:
        flags |= ChangeFlags.GATES
    if facts.breakers != before.breakers:
        flags |= ChangeFlags.BREAKERS
    if (facts.paused, facts.paused_until) != (before.paused, before.paused_until):
        flags |= ChangeFlags.PAUSED
    if facts.zones != before.zones:
        flags |= ChangeFlags.ZONES
    by_status, without_sign_in = before.by_status, before.without_sign_in
    if flags & ChangeFlags.COUNTERS:
        by_status = MappingProxyType(facts.counters.by_status())
    if flags & (ChangeFlags.COUNTERS | ChangeFlags.GATES):
        without_sign_in = _without_sign_in(facts)
    state = replace(
        before,
        at=facts.at,
        counters=facts.counters,
        by_status=by_status,
        without_sign_in=without_sign_in,
        connectivity=facts.connectivity,
        back_online_at=facts.at if _came_back(before, facts) else before.back_online_at,
        gates=facts.gates,
        breakers=facts.breakers,
        paused=facts.paused,
        paused_until=facts.paused_until,
        zones=facts.zones,
    )
    return state, flags


def _without_sign_in(facts: Snapshot) -> int:
    return sum(
        cell.count
        for cell in facts.counters.cells
        if cell.status is Status.HELD and lacks_sign_in(facts.gates, cell.zone, cell.entity)
    )


def _without_replies(connectivity: ConnectivityState) -> ConnectivityState:
    """Each answer moves `last_ok_at`; that alone is no news."""
    return msgspec.structs.replace(connectivity, last_ok_at=None)


def _came_back(before: AppState, facts: Snapshot) -> bool:
    return facts.connectivity.state is Connectivity.ONLINE and not before.online

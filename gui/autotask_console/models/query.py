"""What the table asks for, in the words that a person sees, and the filters that fetch it.

A row is called *Held* when a closed gate stands in front of it, although its stored status is pending
or retrying (decisions.md). So one question in a person's words may need several disjoint filters:
"held" is what has the status held, and what waits at a closed gate. Gates cover zones and endpoints,
and the counters name all that exist, so the filters are exact.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from autotask_console.text import UiState, held_at, lacks_sign_in, statuses_of
from autotask_queue import Cell, Counters, Effect, Gate, GateKind, Range, Reason, RequestFilter, Status

if TYPE_CHECKING:
    from autotask_queue import QueueManager

T = TypeVar("T")

BEFORE_GATES = frozenset({Status.PENDING, Status.RETRYING})
"""Statuses whose name a closed gate changes to Held."""


class Concern(StrEnum):
    """What requests mean to a person.

    A look-up is nobody's work: one that failed was told to who asked, one that came back is not "sent".
    """

    NEEDS_YOU = "needs-you"
    WAITING = "waiting"
    SENT = "sent"


@dataclass(frozen=True, kw_only=True)
class Query:
    """All conditions must hold.

    Args:
        concern: what the requests mean to a person.
        states: what a row is called, any of these; None for whatever it is called.
        statuses: stored statuses, any of these; empty for all.
        narrow: everything else; its `status` and `not_status` are empty.
    """

    concern: Concern | None = None
    states: frozenset[UiState] | None = None
    statuses: tuple[Status, ...] = ()
    narrow: RequestFilter = field(default_factory=RequestFilter)

    def filters(self, gates: Sequence[Gate], counters: Counters) -> tuple[RequestFilter, ...]:
        """Disjoint filters that together match exactly this; none if nothing can match."""
        places = _Places.of(gates, counters.cells)
        if self.concern is not None:
            parts = _parts_of_concern(self.concern, places)
        elif self.states is None or self.states >= frozenset(UiState):
            return (msgspec.structs.replace(self.narrow, status=self.statuses),)
        else:
            parts = _parts(self.states, places)
        return tuple(found for part in _joined(parts) if (found := self._narrowed(part)) is not None)

    def _narrowed(self, part: _Part) -> RequestFilter | None:
        within = tuple(s for s in Status if s in part.statuses and (not self.statuses or s in self.statuses))
        zones, entities = part.place
        chosen = {
            "zone": _both(self.narrow.zone, zones),
            "entity": _both(self.narrow.entity, entities),
            "reason": _both(self.narrow.reason, part.reasons),
            "effect": _both(self.narrow.effect, part.effects),
        }
        if not within or None in chosen.values():
            return None
        return msgspec.structs.replace(self.narrow, status=within, **chosen)


def closed_gates(queue: QueueManager) -> tuple[Gate, ...]:
    """The queue's closed gates, and one for each zone that nobody signed in to and where something waits."""
    zones = queue.zones
    unsigned = {cell.zone for cell in queue.counters().cells if cell.count and cell.status in _MAY_WAIT}
    missing = sorted(unsigned - set(zones))
    return (*queue.gates(), *(Gate(kind=GateKind.NO_PROCESSOR, zone=zone) for zone in missing))


_MAY_WAIT = BEFORE_GATES | {Status.HELD}


def count_states(counters: Counters, gates: Sequence[Gate], *, zones: Sequence[str] = ()) -> Counter[UiState]:
    """How many requests are called what; in `zones` only, if any are given."""
    counts: Counter[UiState] = Counter()
    for cell in counters.cells:
        if cell.count and (not zones or cell.zone in zones):
            counts[_cell_state(cell, gates)] += cell.count
    return counts


def count_zones(counters: Counters, gates: Sequence[Gate], query: Query) -> Counter[str]:
    """How many requests of each zone are called what `query` asks for."""
    counts: Counter[str] = Counter()
    for cell in counters.cells:
        called = query.states is None or _cell_state(cell, gates) in query.states
        concerned = query.concern is None or _concern_of(cell, gates) is query.concern
        stored = not query.statuses or cell.status in query.statuses
        if cell.count and called and concerned and stored:
            counts[cell.zone] += cell.count
    return counts


def intersect(one: Range | None, other: Range | None) -> Range | None:
    """What lies in both; None is everything."""
    if one is None or other is None:
        return one or other
    lows = [r.min for r in (one, other) if r.min is not None]
    highs = [r.max for r in (one, other) if r.max is not None]
    return Range(min=max(lows, default=None), max=min(highs, default=None))


def _cell_state(cell: Cell, gates: Sequence[Gate]) -> UiState:
    status = cell.status
    if status is Status.HELD and lacks_sign_in(gates, cell.zone, cell.entity):
        status = Status.PENDING
    if status in BEFORE_GATES and held_at(gates, cell.zone, cell.entity):
        return UiState.HELD
    return next(s for s in UiState if status in statuses_of(s))


def _concern_of(cell: Cell, gates: Sequence[Gate]) -> Concern | None:
    if cell.status is Status.HELD and lacks_sign_in(gates, cell.zone, cell.entity):
        return Concern.WAITING
    return next((concern for concern, statuses in STATUSES.items() if cell.status in statuses), None)


STATUSES: dict[Concern, tuple[Status, ...]] = {
    Concern.NEEDS_YOU: (Status.FAILED, Status.HELD),
    Concern.WAITING: (Status.PENDING, Status.DEFERRED, Status.RETRYING, Status.UNCERTAIN),
    Concern.SENT: (Status.COMPLETED,),
}
"""The statuses behind a concern; but what is held only for want of a sign-in is waiting."""


# -- places: where gates stand


Place = tuple[tuple[str, ...], tuple[str, ...]]
"""Zones and entities, as in a filter: an empty one means all."""

_ANYWHERE: Place = ((), ())


@dataclass(frozen=True, kw_only=True)
class _Places:
    """The endpoints that exist, cut into those at a closed gate and the others.

    Where nobody signed in, what is held is only waiting: those endpoints are told apart from the `signed`.
    """

    closed: tuple[Place, ...]
    open: tuple[Place, ...]
    signed: tuple[Place, ...]
    unsigned_closed: tuple[Place, ...]
    unsigned_open: tuple[Place, ...]

    @classmethod
    def of(cls, gates: Sequence[Gate], cells: Iterable[Cell]) -> _Places:
        all_of_them = {(c.zone, c.entity) for c in cells}
        closed = {place for place in all_of_them if held_at(gates, *place)}
        unsigned = {place for place in all_of_them if lacks_sign_in(gates, *place)}

        def cut(these: set[tuple[str, str]]) -> tuple[Place, ...]:
            return _cut(_by_zone(these), _by_zone(all_of_them - these))

        return cls(
            closed=cut(closed),
            open=cut(all_of_them - closed),
            signed=cut(all_of_them - unsigned) if unsigned else (_ANYWHERE,),
            unsigned_closed=cut(unsigned & closed),
            unsigned_open=cut(unsigned - closed),
        )


def _by_zone(places: Iterable[tuple[str, str]]) -> dict[str, set[str]]:
    zones: dict[str, set[str]] = defaultdict(set)
    for zone, entity in places:
        zones[zone].add(entity)
    return zones


def _cut(these: dict[str, set[str]], others: dict[str, set[str]]) -> tuple[Place, ...]:
    if not these:
        return ()
    if not others:
        return (_ANYWHERE,)
    whole = tuple(sorted(zone for zone in these if zone not in others))
    split = [((zone,), tuple(sorted(these[zone]))) for zone in sorted(these) if zone in others]
    return ((whole, ()), *split) if whole else tuple(split)


@dataclass(frozen=True, kw_only=True)
class _Part:
    """Statuses at a place; of reasons and effects an empty tuple means all."""

    statuses: frozenset[Status]
    place: Place = _ANYWHERE
    reasons: tuple[Reason, ...] = ()
    effects: tuple[Effect, ...] = ()


_HELD = frozenset({Status.HELD})


def _parts_of_concern(concern: Concern, places: _Places) -> list[_Part]:
    match concern:
        case Concern.NEEDS_YOU:
            failed = _Part(statuses=frozenset({Status.FAILED}), effects=(Effect.WRITE,))
            return [failed, *(_Part(statuses=_HELD, place=place) for place in places.signed)]
        case Concern.WAITING:
            unsigned = (*places.unsigned_open, *places.unsigned_closed)
            waiting = _Part(statuses=frozenset(STATUSES[concern]))
            return [waiting, *(_Part(statuses=_HELD, place=place) for place in unsigned)]
        case Concern.SENT:
            return [_Part(statuses=frozenset(STATUSES[concern]), effects=(Effect.WRITE,))]


def _parts(states: frozenset[UiState], places: _Places) -> list[_Part]:
    asked = {s for state in states - {UiState.BOTH_CHANGED} for s in statuses_of(state)}
    passing = asked & BEFORE_GATES
    stopped = set(BEFORE_GATES) if UiState.HELD in states else set[Status]()
    same = passing & stopped
    parts = [_Part(statuses=frozenset(asked - BEFORE_GATES - _HELD | same))]
    parts += [_Part(statuses=frozenset(passing - same), place=place) for place in places.open]
    parts += [_Part(statuses=frozenset(stopped - same), place=place) for place in places.closed]
    held: list[Place] = []
    if UiState.HELD in states:
        held += (*places.signed, *places.unsigned_closed)
    if UiState.WAITING in states:
        held += places.unsigned_open
    parts += [_Part(statuses=_HELD, place=place) for place in held]
    if UiState.BOTH_CHANGED in states and UiState.HELD not in states:
        parts += [_Part(statuses=_HELD, place=place, reasons=(Reason.CONFLICT,)) for place in places.signed]
    return parts


def _joined(parts: Iterable[_Part]) -> list[_Part]:
    """Parts of the same place become one: with no gate closed, one filter is enough."""
    joined: dict[tuple[Any, ...], _Part] = {}
    for part in parts:
        key = (part.place, part.reasons, part.effects)
        before = joined[key].statuses if key in joined else frozenset[Status]()
        joined[key] = replace(part, statuses=before | part.statuses)
    return [part for part in joined.values() if part.statuses]


def _both(one: tuple[T, ...], other: tuple[T, ...]) -> tuple[T, ...] | None:
    """What is in both, where empty means all; None if nothing is."""
    if not one or not other:
        return one or other
    return tuple(x for x in one if x in other) or None

"""What the table asks for, in the words that a person sees, and the filters that fetch it.

A row is called *Held* when a closed gate stands in front of it, although its stored status is pending
or retrying (decisions.md). So one question in a person's words may need several disjoint filters:
"held" is what has the status held, and what waits at a closed gate. Gates cover zones and endpoints,
and the counters name all that exist, so the filters are exact.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import msgspec

from autotask_console.text import UiState, held_at, statuses_of
from autotask_queue import Cell, Counters, Gate, Range, Reason, RequestFilter, Status

T = TypeVar("T")

BEFORE_GATES = frozenset({Status.PENDING, Status.RETRYING})
"""Statuses whose name a closed gate changes to Held."""


@dataclass(frozen=True, kw_only=True)
class Query:
    """All conditions must hold.

    Args:
        states: what a row is called, any of these; None for whatever it is called.
        statuses: stored statuses, any of these; empty for all. For views that mean something of the
            request itself, whatever the gates are.
        narrow: everything else; its `status` and `not_status` are empty.
    """

    states: frozenset[UiState] | None = None
    statuses: tuple[Status, ...] = ()
    narrow: RequestFilter = field(default_factory=RequestFilter)

    def filters(self, gates: Sequence[Gate], counters: Counters) -> tuple[RequestFilter, ...]:
        """Disjoint filters that together match exactly this; none if nothing can match."""
        if self.states is None or self.states >= frozenset(UiState):
            return (msgspec.structs.replace(self.narrow, status=self.statuses),)
        found = []
        for statuses, reasons, place in _parts(self.states, _Places.of(gates, counters.cells)):
            within = tuple(s for s in Status if s in statuses and (not self.statuses or s in self.statuses))
            narrowed = _place(self.narrow, place)
            if within and narrowed is not None and (fitting := _reasons(narrowed, reasons)) is not None:
                found.append(msgspec.structs.replace(fitting, status=within))
        return tuple(found)


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
        if cell.count and called and (not query.statuses or cell.status in query.statuses):
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
    if cell.status in BEFORE_GATES and held_at(gates, cell.zone, cell.entity):
        return UiState.HELD
    return next(s for s in UiState if cell.status in statuses_of(s))


# -- places: where gates stand


Place = tuple[tuple[str, ...], tuple[str, ...]]
"""Zones and entities, as in a filter: an empty one means all."""

_ANYWHERE: Place = ((), ())


@dataclass(frozen=True, kw_only=True)
class _Places:
    """The endpoints that exist, cut into those at a closed gate and the others."""

    closed: tuple[Place, ...]
    open: tuple[Place, ...]

    @classmethod
    def of(cls, gates: Sequence[Gate], cells: Iterable[Cell]) -> _Places:
        shut: dict[str, set[str]] = defaultdict(set)
        free: dict[str, set[str]] = defaultdict(set)
        for zone, entity in {(c.zone, c.entity) for c in cells}:
            (shut if held_at(gates, zone, entity) else free)[zone].add(entity)
        return cls(closed=_cut(shut, free), open=_cut(free, shut))


def _cut(these: dict[str, set[str]], others: dict[str, set[str]]) -> tuple[Place, ...]:
    if not these:
        return ()
    if not others:
        return (_ANYWHERE,)
    whole = tuple(sorted(zone for zone in these if zone not in others))
    split = [((zone,), tuple(sorted(these[zone]))) for zone in sorted(these) if zone in others]
    return ((whole, ()), *split) if whole else tuple(split)


Part = tuple[frozenset[Status], tuple[Reason, ...], Place]
"""Statuses, reasons (empty: all) and where."""


def _parts(states: frozenset[UiState], places: _Places) -> list[Part]:
    everywhere = {s for state in states - {UiState.BOTH_CHANGED} for s in statuses_of(state)} - BEFORE_GATES
    passing = {s for state in states for s in statuses_of(state)} & BEFORE_GATES
    stopped = set(BEFORE_GATES) if UiState.HELD in states else set[Status]()
    same = passing & stopped
    everywhere |= same
    parts: list[Part] = [(frozenset(everywhere), (), _ANYWHERE)]
    parts += [(frozenset(passing - same), (), place) for place in places.open]
    parts += [(frozenset(stopped - same), (), place) for place in places.closed]
    if UiState.BOTH_CHANGED in states and UiState.HELD not in states:
        parts.append((frozenset({Status.HELD}), (Reason.CONFLICT,), _ANYWHERE))
    return _joined(parts)


def _joined(parts: list[Part]) -> list[Part]:
    """Parts of the same place become one: with no gate closed, one filter is enough."""
    joined: dict[tuple[tuple[Reason, ...], Place], frozenset[Status]] = {}
    for statuses, reasons, place in parts:
        if statuses:
            joined[reasons, place] = joined.get((reasons, place), frozenset()) | statuses
    return [(statuses, reasons, place) for (reasons, place), statuses in joined.items()]


def _place(narrow: RequestFilter, place: Place) -> RequestFilter | None:
    zones, entities = place
    zone = _both(narrow.zone, zones)
    entity = _both(narrow.entity, entities)
    if zone is None or entity is None:
        return None
    return msgspec.structs.replace(narrow, zone=zone, entity=entity)


def _reasons(narrow: RequestFilter, reasons: tuple[Reason, ...]) -> RequestFilter | None:
    both = _both(narrow.reason, reasons)
    return None if both is None else msgspec.structs.replace(narrow, reason=both)


def _both(one: tuple[T, ...], other: tuple[T, ...]) -> tuple[T, ...] | None:
    """What is in both, where empty means all; None if nothing is."""
    if not one or not other:
        return one or other
    return tuple(x for x in one if x in other) or None

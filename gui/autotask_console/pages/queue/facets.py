"""Views and facets as values: what they are called, what they ask for and how many they count. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from autotask_console.models.query import STATUSES, Concern, Query, count_states, count_zones
from autotask_console.state import AppState
from autotask_console.text import UI_STATES, UiState, tr
from autotask_queue import Counters, Gate, Range, RequestFilter


@dataclass(frozen=True, kw_only=True)
class View:
    """A list that the program knows by itself."""

    id: str
    source: str
    concern: Concern | None = None
    today: bool = False

    @property
    def title(self) -> str:
        return tr(self.source)

    def query(self, *, midnight: float) -> Query:
        finished = Range(min=midnight) if self.today else None
        return Query(concern=self.concern, narrow=RequestFilter(finished=finished))


VIEWS: dict[str, View] = {
    view.id: view
    for view in (
        View(id="needs-you", source="Needs you", concern=Concern.NEEDS_YOU),
        View(id="waiting", source="Waiting", concern=Concern.WAITING),
        View(id="sent-today", source="Sent today", concern=Concern.SENT, today=True),
        View(id="all", source="All"),
    )
}


def first_view(counts: Mapping[str, int]) -> str:
    """Where a person starts: what needs them, else what waits, else what was sent."""
    return next((v for v in ("needs-you", "waiting") if counts.get(v)), "sent-today")


def view_of(query: RequestFilter) -> str | None:
    """The view that shows what this filter means, if there is one."""
    for view in VIEWS.values():
        if view.concern and not view.today and query == RequestFilter(status=STATUSES[view.concern]):
            return view.id
    return "all" if query == RequestFilter() else None


def count_views(state: AppState, *, sent_today: int) -> dict[str, int]:
    """How many each view holds; the same numbers as in the strip."""
    return {
        "needs-you": state.needs_you,
        "waiting": state.waiting,
        "sent-today": sent_today,
        "all": state.counters.count(),
    }


@dataclass(frozen=True, kw_only=True)
class Facet:
    """One value that can be narrowed to. `key` and `value` are those of the filter text."""

    key: str
    value: str
    title: str
    count: int
    state: UiState | None = None


def facets(
    counters: Counters, gates: Sequence[Gate], query: Query, *, chosen: Mapping[str, Sequence[str]]
) -> tuple[list[Facet], list[Facet]]:
    """States and zones with their counts. What is empty is left out, unless it is chosen.

    Zones are left out altogether where there is only one: there is nothing to choose.
    """
    by_state = count_states(counters, gates, zones=query.narrow.zone)
    states = [
        Facet(key="state", value=s.value, title=UI_STATES[s].word, count=by_state[s], state=s)
        for s in UiState
        if by_state[s] or s.value in chosen.get("state", ())
    ]
    by_zone = count_zones(counters, gates, query)
    known = sorted(counters.by_zone())
    zones = [
        Facet(key="zone", value=zone, title=zone, count=by_zone[zone])
        for zone in known
        if by_zone[zone] or zone.lower() in chosen.get("zone", ())
    ]
    return states, zones if len(known) > 1 else []

"""What the page shows of all requests: a view, a text that narrows it, and a sort."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import TYPE_CHECKING

import msgspec

from autotask_console.models.cells import DEFAULT_SORT
from autotask_console.models.query import Query, closed_gates, intersect
from autotask_console.pages.queue.facets import VIEWS
from autotask_console.pages.queue.filter_text import (
    Known,
    Problem,
    parse,
    set_value,
    toggle_value,
    values_of,
)
from autotask_console.pages.queue.filter_text.amounts import midnight
from autotask_console.text import tr
from autotask_queue import RequestFilter, Sort

if TYPE_CHECKING:
    from autotask_console.pages.base import Services


class Narrowing:
    """The view and the text. A text with a mistake changes nothing: the last one without stays in force."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self.view = "all"
        self.sort: Sort = DEFAULT_SORT
        self._text = ""
        self.problem: Problem | None = None

    # -- what is in force

    @property
    def text(self) -> str:
        """The last text without a mistake."""
        return self._text

    @property
    def shown_view(self) -> str:
        """The view that is in force: a text that names states itself looks at all requests."""
        return "all" if parse(self._text, self.known()).names_states else self.view

    @property
    def question(self) -> Hashable:
        """Different for different lists."""
        return (self.view, self._text, self.sort.field, self.sort.direction)

    @property
    def moves_with_time(self) -> bool:
        """Whether rows come and go without any of them changing."""
        return any(values_of(self._text, key) for key in ("age", "created", "finished", "due"))

    @property
    def chosen(self) -> dict[str, Sequence[str]]:
        """The values that the text narrows to, for the facets."""
        return {key: values_of(self._text, key) for key in ("state", "zone")}

    @property
    def words(self) -> str:
        """What all of the list have in common, for a question about them."""
        view = VIEWS[self.shown_view]
        parts = [tr("view {title}", title=view.title)] if view.id != "all" or not self._text else []
        if self._text:
            parts.append(self._text)
        return ", ".join(parts)

    def known(self) -> Known:
        """What exists now."""
        counters = self._services.queue.counters()
        entities = sorted({cell.entity for cell in counters.cells if cell.entity})
        zones = dict.fromkeys((*self._services.queue.zones, *sorted(counters.by_zone())))
        return Known(now=self._services.clock.now(), zones=tuple(zones), entities=tuple(entities))

    def query(self) -> Query:
        """View and text together."""
        parsed = parse(self._text, self.known())
        view = VIEWS[self.view].query(midnight=midnight(self._services.clock.now()))
        narrow = msgspec.structs.replace(parsed.query.narrow, sort=self.sort)
        if parsed.names_states:
            return Query(states=parsed.query.states, statuses=parsed.query.statuses, narrow=narrow)
        finished = intersect(view.narrow.finished, narrow.finished)
        return Query(concern=view.concern, narrow=msgspec.structs.replace(narrow, finished=finished))

    def filters(self) -> tuple[RequestFilter, ...]:
        """The disjoint filters of this moment."""
        queue = self._services.queue
        return self.query().filters(closed_gates(queue), queue.counters())

    # -- changing it

    def set_text(self, text: str) -> bool:
        """Takes a text if it has no mistake; tells whether the list is another one now."""
        self.problem = parse(text, self.known()).problem
        if self.problem is not None or text.strip() == self._text:
            return False
        self._text = text.strip()
        return True

    def set_view(self, view: str) -> None:
        """Another view; what the text says about states goes, the rest stays."""
        self.view = view
        self._text = set_value(set_value(self._text, "state"), "status")
        self.problem = None

    def with_facet(self, key: str, value: str, *, adds: bool) -> str:
        """The text after a click on a facet: only this, or this too; again on the only one: all."""
        if adds:
            return toggle_value(self._text, key, value)
        if values_of(self._text, key) == (value.lower(),):
            return set_value(self._text, key)
        return set_value(self._text, key, value)

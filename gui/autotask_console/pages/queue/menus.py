"""The page's menus: views and facets where the sidebar has no room, and the actions for the menu bar."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QMenu, QWidget

from autotask_console.actions import Action
from autotask_console.pages.queue.bulk_bar import PRIORITIES
from autotask_console.pages.queue.facets import VIEWS, Facet
from autotask_console.pages.queue.verbs import Verb
from autotask_console.state import AppState
from autotask_console.text import UI_STATES, number, priority_word, tr
from autotask_queue import Status

if TYPE_CHECKING:
    from autotask_console.pages.queue.page import QueuePage


class ViewsMenu(QMenu):
    """`view_picked(id)`; `facet_picked(key, value, adds)`. `current` is what stands on its button."""

    view_picked = Signal(str)
    facet_picked = Signal(str, str, bool)

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setObjectName("queue.views.menu")
        self.current = ""
        self._counts: Mapping[str, int] = {}
        self._view = ""
        self._facets: Sequence[Facet] = ()
        self._chosen: Mapping[str, Sequence[str]] = {}
        self.aboutToShow.connect(self._fill)

    def show_counts(
        self,
        counts: Mapping[str, int],
        view: str,
        states: Sequence[Facet],
        zones: Sequence[Facet],
        *,
        chosen: Mapping[str, Sequence[str]],
    ) -> None:
        self._counts, self._view = counts, view
        self._facets, self._chosen = (*states, *zones), chosen
        self.current = tr("{view}  {n}", view=VIEWS[view].title, n=number(counts.get(view, 0)))

    def _fill(self) -> None:
        self.clear()
        for view in VIEWS.values():
            action = self.addAction(f"{view.title}\t{number(self._counts.get(view.id, 0))}")
            action.setObjectName(f"queue.views.{view.id}")
            action.setCheckable(True)
            action.setChecked(view.id == self._view)
            action.triggered.connect(lambda _=False, which=view.id: self.view_picked.emit(which))
        for key, title in (("state", tr("State")), ("zone", tr("Zone"))):
            fitting = [f for f in self._facets if f.key == key]
            if fitting:
                self.addSection(title)
            for facet in fitting:
                self._add(facet)

    def _add(self, facet: Facet) -> None:
        glyph = f"{UI_STATES[facet.state].glyph}  " if facet.state is not None else ""
        action = self.addAction(f"{glyph}{facet.title}\t{number(facet.count)}")
        action.setObjectName(f"queue.views.{facet.key}.{facet.value}")
        action.setCheckable(True)
        action.setChecked(facet.value.lower() in self._chosen.get(facet.key, ()))
        action.triggered.connect(
            lambda _=False, key=facet.key, value=facet.value: self.facet_picked.emit(key, value, True)
        )


def page_actions(page: QueuePage) -> Sequence[Action]:
    """What the page offers in the menus. Single letters are the table's own keys and not here."""

    def verb(which: Verb, title: str, *, group: str = "selection", tip: str = "") -> Action:
        return Action(
            id=f"requests.{which.value}",
            title=title,
            menu="Queue",
            group=group,
            tip=tip,
            when=lambda _: page.choice.why_not(which),
            run=lambda: page.do(which),
        )

    def failed(state: AppState) -> str:
        return "" if state.by_status[Status.FAILED] else tr("Nothing failed.")

    return [
        verb(Verb.RETRY, "&Retry now", tip="In the list: R"),
        verb(Verb.CANCEL, "&Cancel", tip="In the list: Del. Ctrl+Z takes it back."),
        verb(Verb.RESTORE, "Re&store"),
        verb(Verb.EDIT, "&Edit…", tip="In the list: E"),
        verb(Verb.DUPLICATE, "&Use again…", tip="In the list: D"),
        verb(Verb.RESCHEDULE, "Resc&hedule…"),
        *(_priority(page, n) for n in PRIORITIES),
        Action(
            id="requests.retry-all-failed",
            title="Retry &all failed…",
            menu="Queue",
            group="all",
            when=failed,
            tip="For example after an outage. You are asked first.",
            run=page.commands.retry_all_failed,
        ),
        *_edit_actions(page),
        *_view_actions(page),
    ]


def _priority(page: QueuePage, priority: int) -> Action:
    return Action(
        id=f"requests.priority.{priority}",
        title=tr("{word} ({n})", word=priority_word(priority), n=priority),
        menu="Queue/Priority",
        when=lambda _: page.choice.why_not(Verb.PRIORITY),
        run=lambda: page.prioritise(priority),
    )


def _edit_actions(page: QueuePage) -> Sequence[Action]:
    def some(_: AppState) -> str:
        return "" if page.model.vector else tr("The list is empty.")

    return [
        Action(
            id="requests.curl",
            title="Copy as c&URL",
            menu="Edit",
            group="copy",
            when=lambda _: page.choice.why_not(Verb.CURL),
            run=lambda: page.do(Verb.CURL),
        ),
        Action(
            id="requests.select-loaded",
            title="Select &all",
            menu="Edit",
            group="select",
            tip="In the list: Ctrl+A",
            when=some,
            run=page.table.select_loaded,
        ),
        Action(
            id="requests.select-matching",
            title="Select all &matching",
            shortcut="Ctrl+Shift+A",
            menu="Edit",
            group="select",
            when=some,
            run=page.select_everything,
        ),
        Action(
            id="requests.find",
            title="&Find",
            shortcut="Ctrl+F",
            menu="Edit",
            group="find",
            tip="In the list: /",
            run=page.go_to_filter,
        ),
    ]


def _view_actions(page: QueuePage) -> Sequence[Action]:
    return [
        Action(
            id="requests.details",
            title="&Details pane",
            shortcut="Ctrl+I",
            menu="View",
            group="panes",
            checked=lambda _: page.panes.details_shown,
            run=page.panes.toggle_details,
        ),
        Action(
            id="requests.facets",
            title="Views and &facets",
            shortcut="Ctrl+B",
            menu="View",
            group="panes",
            checked=lambda _: page.panes.sidebar_shown,
            run=page.panes.toggle_sidebar,
        ),
        Action(
            id="requests.live",
            title="&Live updates",
            menu="View",
            group="panes",
            checked=lambda _: page.live.paused_at is None,
            run=page.toggle_live,
        ),
        Action(
            id="requests.dense",
            title="Dense &rows",
            menu="View",
            group="look",
            checked=lambda _: page.presentation.is_dense,
            run=page.presentation.toggle_density,
        ),
    ]

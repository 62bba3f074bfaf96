"""The Queue page: the live list of requests, what to do with them, and the story of each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from PySide6.QtCore import QPoint, Qt, QTimer
from PySide6.QtGui import QHideEvent, QResizeEvent
from PySide6.QtWidgets import QVBoxLayout, QWidget
from typing_extensions import override

from autotask_console.actions import Action
from autotask_console.models.requests import RequestTableModel
from autotask_console.pages.base import Page, Services
from autotask_console.pages.queue.bulk_bar import BulkBar, VerbMenu
from autotask_console.pages.queue.choice import Choice, Doing
from autotask_console.pages.queue.commands import QueueCommands
from autotask_console.pages.queue.details import DetailsPane
from autotask_console.pages.queue.empty import empty_text
from autotask_console.pages.queue.facets import count_views, facets, first_view, view_of
from autotask_console.pages.queue.filter_bar import FilterBar, LiveButton
from autotask_console.pages.queue.filter_text import text_of
from autotask_console.pages.queue.frame import ListFrame
from autotask_console.pages.queue.live import LiveList
from autotask_console.pages.queue.menus import ViewsMenu, page_actions
from autotask_console.pages.queue.narrowing import Narrowing
from autotask_console.pages.queue.panes import Panes
from autotask_console.pages.queue.presentation import Presentation
from autotask_console.pages.queue.sent_today import SentToday
from autotask_console.pages.queue.sidebar import Sidebar
from autotask_console.pages.queue.table import KEYS_IN_WORDS, MOST_BY_HAND, RequestTable
from autotask_console.pages.queue.verbs import Verb, too_many_words
from autotask_console.state import AppState, ChangeFlags, Changes
from autotask_console.text import clock_time, number, tr
from autotask_console.widgets.button import Button
from autotask_console.widgets.focus_order import tab_before
from autotask_queue import RequestFilter

TOAST_ROOM = 36
"""Toasts stand above the bar with the commands."""
_SETTLE_MS = 40


class QueuePage(Page):
    """See the module. Everything that takes long is elsewhere; this wires the parts together."""

    page_id: ClassVar[str] = "queue"
    flags: ClassVar[ChangeFlags] = (
        ChangeFlags.REQUESTS
        | ChangeFlags.COUNTERS
        | ChangeFlags.GATES
        | ChangeFlags.CONNECTIVITY
        | ChangeFlags.ZONES
        | ChangeFlags.TIME
    )
    more_keys = KEYS_IN_WORDS

    def __init__(self, services: Services) -> None:
        super().__init__(services)
        self.narrowing = Narrowing(services)
        self.model = RequestTableModel(parent=self)
        self.table = RequestTable(self.model)
        self.live = LiveList(services, self.model, self.table)
        self.choice = Choice(services.queue, self.table, self.model, self.narrowing)
        self.commands = QueueCommands(services, self, after=self.live.look_again)
        self.presentation = Presentation(services.settings, self.table, self.narrowing)
        self._entering = False
        self._by_hand = False  # a person chose what is shown
        self.sent_today = SentToday(services, parent=self)
        self._wanted_seq: int | None = None
        self._build()
        self._wire()

    # -- construction

    def _build(self) -> None:
        self.filter = FilterBar(self.narrowing.known, over=self)
        self.views_button = Button("", name="queue.views")
        self._views_menu = ViewsMenu(self.views_button)
        self.views_button.setMenu(self._views_menu)
        self.live_button = LiveButton()
        self.columns_button = Button(tr("Columns"), name="queue.columns")
        self.columns_button.setMenu(self.presentation.menu(self.columns_button))
        self.filter.row.insertWidget(0, self.views_button)
        self.filter.row.addWidget(self.live_button)
        self.filter.row.addWidget(self.columns_button)
        self.frame = ListFrame(self.table)
        self.bulk = BulkBar()
        main = QWidget()
        column = QVBoxLayout(main)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        column.addWidget(self.frame, 1)
        column.addWidget(self.bulk)
        self.sidebar = Sidebar()
        self.details = DetailsPane(self.services, self.commands)
        self.panes = Panes(
            self,
            self.services.settings,
            bar=self.filter,
            main=main,
            details=self.details,
            sidebar=self.sidebar,
        )
        tab_before(self.filter.line, self.views_button)
        self._menu = VerbMenu(tuple(Verb), name="queue.menu", parent=self)
        self._settle = QTimer(self, singleShot=True, interval=_SETTLE_MS)

    def _wire(self) -> None:
        self.filter.edited.connect(self._text_edited)
        self.sidebar.view_picked.connect(self.show_view)
        self.sidebar.facet_picked.connect(self._facet_picked)
        self._views_menu.view_picked.connect(self.show_view)
        self._views_menu.facet_picked.connect(self._facet_picked)
        self.live_button.clicked.connect(self.toggle_live)
        self.presentation.sorted.connect(self._ask)
        self.live.changed.connect(self._list_changed)
        self.frame.new_wanted.connect(self.live.show_new)
        self.table.selection_changed.connect(self._settle.start)
        self.table.asked.connect(self._asked)
        self.table.menu_wanted.connect(self._open_menu)
        self.table.too_many.connect(self._say_too_many)
        self.model.filled.connect(self._settle.start)
        self.bulk.asked.connect(self._asked)
        self.bulk.priority_asked.connect(self._prioritise)
        self.bulk.everything_wanted.connect(self.select_everything)
        self._menu.chosen.connect(self._asked)
        self._menu.priority_chosen.connect(self._prioritise)
        self._menu.aboutToHide.connect(self._menu_closed)
        self.details.left.connect(self._back_to_table)
        self.frame.pressed.connect(self._empty_pressed)
        self.panes.arranged.connect(self._arranged)
        self._settle.timeout.connect(self._selection_settled)
        self.sent_today.changed.connect(self._show_facets)
        self.filter.left.connect(self.table.setFocus)

    # -- Page

    @override
    def enter(self, argument: object) -> None:
        match argument:
            case RequestFilter():
                self._show_filter(argument)
            case str():
                self._show_request(argument)
            case _:
                self._show_first_view()
        self._entering = True
        self.live.see(self.state, relative=self.presentation.relative)
        self.sent_today.ask()
        self.services.toasts.set_room(TOAST_ROOM)
        self.table.setFocus(Qt.FocusReason.OtherFocusReason)

    @override
    def leave(self) -> None:
        self.services.toasts.set_room(0)
        self.sent_today.stop()
        self.live.stop()

    @override
    def refresh(self, state: AppState, changed: Changes) -> None:
        entering, self._entering = self._entering, False
        if changed.flags is ChangeFlags.ALL and not entering and self.live.paused_at is not None:
            self.toggle_live()  # F5: read everything again, and follow
        self.live.refresh(state, changed)
        if changed.flags & (ChangeFlags.COUNTERS | ChangeFlags.GATES | ChangeFlags.ZONES):
            self._show_facets()
            self.sent_today.ask_soon()
        if self.live.paused_at is None:
            self._refresh_details(changed)
        self._show_empty()
        if changed.flags & ChangeFlags.REQUESTS:
            self._settle.start()

    @override
    def page_actions(self) -> Sequence[Action]:
        return page_actions(self)

    @override
    def focus_regions(self) -> Sequence[QWidget]:
        return (self.filter, self.sidebar, self.frame, self.bulk, self.details)

    # -- which list

    def _show_first_view(self) -> None:
        view = first_view(count_views(self.state, sent_today=0))
        if not self._by_hand and view != self.narrowing.view:
            self.show_view(view)
            self._by_hand = False

    def show_view(self, view: str) -> None:
        """One of `facets.VIEWS`."""
        self._by_hand = True
        self.narrowing.set_view(view)
        self.filter.put_text(self.narrowing.text)
        self.filter.show_problem(None)
        self._ask()

    def _show_filter(self, wanted: RequestFilter) -> None:
        view = view_of(wanted)
        self._by_hand = True
        self.narrowing.set_view(view or "all")
        self.filter.set_text("" if view is not None else text_of(wanted))
        self._ask()

    def _show_request(self, request_id: str) -> None:
        async def find() -> None:
            request = await self.services.queue.get_request(request_id)
            self._wanted_seq = request.seq
            self.show_view("all")
            self.panes.open_details()

        self.services.tasks.start(find(), what=tr("show a request"))

    def _text_edited(self, text: str) -> None:
        if self.narrowing.set_text(text):
            self._by_hand = True
            self._ask()
        self.filter.show_problem(self.narrowing.problem)

    def _facet_picked(self, key: str, value: str, adds: bool) -> None:
        self.filter.set_text(self.narrowing.with_facet(key, value, adds=adds))

    def _ask(self) -> None:
        self.live.ask(
            self.narrowing.question,
            self.narrowing.filters,
            moves_with_time=self.narrowing.moves_with_time,
        )
        self._show_facets()

    def _list_changed(self) -> None:
        self._show_count()
        self._show_empty()
        self.frame.show_new(self.live.new_rows)
        self.live_button.show_paused(paused=self.live.paused_at is not None)
        if self._wanted_seq is not None and not self.live.loading:
            found = self.table.go_to(self._wanted_seq)
            if found or self.live.complete:
                self._wanted_seq = None
        self._settle.start()
        self.actions_changed.emit()

    def toggle_live(self) -> None:
        """Follows, or stands still."""
        if self.live.paused_at is None:
            self.live.pause()
        else:
            self.live.see(self.state, relative=self.presentation.relative)
            self.live.go_live()

    # -- showing

    def _show_count(self) -> None:
        shown, total = len(self.model.vector), self.services.queue.counters().count()
        count = number(shown) if self.live.complete else "…"
        text = tr("{n} of {all}", n=count, all=number(max(total, shown)))
        if self.live.paused_at is not None:
            at = clock_time(self.live.paused_at, seconds=True)
            text = tr("{count}, as of {time}", count=text, time=at)
        self.filter.count.setText(text)

    def _show_empty(self) -> None:
        nothing = not self.model.vector and not self.live.loading
        words = None
        if nothing:
            narrowing, now = self.narrowing, self.services.clock.now()
            words = empty_text(self.state, view=narrowing.shown_view, text=narrowing.text, now=now)
        self.frame.show_empty(words)
        self.bulk.setVisible(not nothing)

    def _show_facets(self) -> None:
        state, chosen = self.state, self.narrowing.chosen
        views = count_views(state, sent_today=self.sent_today.count)
        states, zones = facets(state.counters, state.gates, self.narrowing.query(), chosen=chosen)
        current = self.narrowing.shown_view
        self.sidebar.show_views(views, current)
        self.sidebar.show_facets(states, zones, chosen=chosen)
        self._views_menu.show_counts(views, current, states, zones, chosen=chosen)
        self.views_button.setText(self._views_menu.current)
        self._show_count()

    def _refresh_details(self, changed: Changes) -> None:
        row = self.details.row
        if row is None:
            return
        newer = changed.requests.get(row.id)
        if newer is not None:
            self.details.show_row(newer, self.model.sight)
        elif changed.bulk and changed.flags & ChangeFlags.REQUESTS:
            self.details.read_again()
        self.details.see(self.model.sight)

    def _arranged(self) -> None:
        self.views_button.setVisible(not self.panes.sidebar_shown)
        if self.table.chosen_seq() is not None:
            self.table.scrollTo(self.table.currentIndex())
        self.actions_changed.emit()

    # -- the selection

    def select_everything(self) -> None:
        """All that match at this moment."""
        if self.live.complete:
            self.choice.select_everything()

    def _selection_settled(self) -> None:
        chosen = self.choice.weigh()
        self.bulk.show_selection(
            self.choice.offers,
            count=chosen.count,
            all_matching=bool(chosen.everything),
            matching=len(self.model.vector) if self.live.complete else 0,
        )
        self._show_details()
        self.actions_changed.emit()

    def _show_details(self) -> None:
        seq = self.table.chosen_seq()
        row = self.model.known(seq) if seq is not None else None
        if row is not None or seq is None:
            self.details.show_row(row, self.model.sight)

    def _say_too_many(self) -> None:
        self.services.toasts.say(too_many_words(MOST_BY_HAND), seconds=6)

    # -- doing

    def do(self, verb: Verb) -> Doing | None:
        """The command for the selection, to be run; None if it cannot be."""
        return self.choice.do(self.commands, verb)

    def prioritise(self, priority: int) -> Doing | None:
        """The same for a priority."""
        return self.choice.prioritise(self.commands, priority)

    def _asked(self, word: str) -> None:
        match word:
            case "open":
                self.panes.open_details()
                self.details.take_focus()
            case "filter":
                self.go_to_filter()
            case _:
                self._selection_settled()
                self._start(self.do(Verb(word)), word)

    def _prioritise(self, priority: int) -> None:
        self._start(self.prioritise(priority), tr("change the priority"))

    def _start(self, doing: Doing | None, what: str) -> None:
        if doing is not None:
            self.services.tasks.start(doing, what=what)

    def go_to_filter(self) -> None:
        """The keyboard goes to the filter box."""
        self.filter.line.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self.filter.line.selectAll()

    def _back_to_table(self) -> None:
        self.panes.close_details()
        self.table.setFocus(Qt.FocusReason.ShortcutFocusReason)

    def _open_menu(self, place: QPoint) -> None:
        self._selection_settled()
        self._menu.show_offers(self.choice.offers)
        self.table.menu_open = True
        self._menu.popup(place)

    def _menu_closed(self) -> None:
        self.table.menu_open = False

    def _empty_pressed(self, button_id: str) -> None:
        match button_id:
            case "clear":
                self.filter.set_text("")
            case "all":
                self.show_view("all")
            case "sign-in":
                self.services.navigate("sign-in", None)
            case _:
                self.services.navigate("compose", None)

    # -- Qt

    @override
    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.panes.arrange(event.size().width())

    @override
    def hideEvent(self, event: QHideEvent) -> None:
        self.live.stop()
        super().hideEvent(event)


def create(services: Services) -> Page:
    """Makes the page; called when it is first visited."""
    return QueuePage(services)

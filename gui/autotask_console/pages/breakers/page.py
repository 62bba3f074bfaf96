"""Breakers: a card per zone, worst first; holding for maintenance, testing, resuming."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QHBoxLayout, QScrollArea, QVBoxLayout, QWidget
from typing_extensions import override

from autotask_console.actions import Action
from autotask_console.pages.base import Page, Services
from autotask_console.pages.breakers.card import EverythingCard, FoldedZones, ZoneCard
from autotask_console.pages.breakers.changes import KINDS, READ, ChangesPanel
from autotask_console.pages.breakers.commands import Commands
from autotask_console.pages.breakers.grid import CardGrid
from autotask_console.pages.breakers.view import (
    FOLD_ABOVE,
    HELD_STATUSES,
    CardView,
    HoldLine,
    Verb,
    card,
    everything,
    worst_first,
    zone_names,
)
from autotask_console.state import AppState, ChangeFlags, Changes
from autotask_console.text import BREAKER_LOOKS, BreakerWord, tr
from autotask_console.widgets.button import Button
from autotask_console.widgets.empty import EmptyState
from autotask_console.widgets.label import ToneLabel, heading
from autotask_queue import EVERY_ZONE, RequestFilter

_LEGEND = (BreakerWord.SENDING, BreakerWord.TESTING, BreakerWord.STOPPED, BreakerWord.MAINTENANCE)


def create(services: Services) -> Page:
    """The page, not yet visited."""
    return BreakersPage(services)


class BreakersPage(Page):
    """`enter("ww5")` puts that zone's card in view; the order is made anew only then and with F5."""

    page_id: ClassVar[str] = "breakers"
    flags: ClassVar[ChangeFlags] = (
        ChangeFlags.BREAKERS
        | ChangeFlags.GATES
        | ChangeFlags.COUNTERS
        | ChangeFlags.ZONES
        | ChangeFlags.METRICS
        | ChangeFlags.TIME
    )

    def __init__(self, services: Services) -> None:
        super().__init__(services)
        self._commands = Commands(services, self)
        self._cards: dict[str, ZoneCard] = {}
        self._views: dict[str, CardView] = {}
        self._everything_line: HoldLine | None = None
        self._order: list[str] = []
        self._wanted: str | None = None
        self._events: object = None
        self._offered: object = None
        self._everything = EverythingCard()
        self._everything.asked.connect(self._commands.start)
        self._grid = CardGrid()
        self._folded = FoldedZones()
        self._folded.toggled.connect(lambda _: self._arrange())
        self._changes = ChangesPanel()
        self._empty = EmptyState()
        self._empty.pressed.connect(lambda _: self.services.navigate("sign-in", None))
        self._start = Button(tr("Start maintenance…"), name="breakers.start")
        self._start.setToolTip(tr("Hold one kind of record, a zone or everything for a while."))
        self._start.clicked.connect(lambda: self._commands.start(Verb.MAINTENANCE, self._current()))
        self._scroll = QScrollArea()
        self._lay_out()

    def _lay_out(self) -> None:
        inside = QWidget()
        column = self._inside = QVBoxLayout(inside)
        column.setContentsMargins(0, 0, 4, 4)
        column.setSpacing(10)
        column.addWidget(self._everything)
        column.addWidget(self._grid)
        column.addWidget(self._folded)
        column.addWidget(self._empty, 1)
        column.addWidget(self._changes)
        column.addStretch(1)
        self._scroll.setWidget(inside)
        self._scroll.setWidgetResizable(True)
        self._scroll.setFrameShape(QFrame.Shape.NoFrame)
        self._scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._scroll.setObjectName("breakers.scroll")
        top = QHBoxLayout()
        top.setSpacing(10)
        top.addWidget(heading(tr("Zones, worst first")))
        top.addWidget(self._start)
        top.addStretch(1)
        for word in _LEGEND:
            label = ToneLabel()
            label.set_look(BREAKER_LOOKS[word])
            top.addWidget(label)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.setSpacing(8)
        outer.addLayout(top)
        outer.addWidget(self._scroll, 1)

    # -- life

    @override
    def enter(self, argument: object) -> None:
        self._wanted = argument if isinstance(argument, str) else None

    @override
    def refresh(self, state: AppState, changed: Changes) -> None:
        """Everything at once means the page was entered, or F5: only then are the cards sorted."""
        self._show(state, sort=changed.flags == ChangeFlags.ALL)
        events = [(b.zone, b.state, b.overrides) for b in state.breakers]
        if changed.flags == ChangeFlags.ALL or events != self._events:
            self._events = events
            self.services.tasks.start(self._load_changes(), what=tr("read the recent changes"))
        if self._wanted is not None:
            self._bring_into_view(self._wanted)
            self._wanted = None

    def _bring_into_view(self, zone: str) -> None:
        if zone not in self._cards:
            return
        if self._cards[zone] not in self._grid.cards:
            self._folded.unfold()
        self._inside.activate()
        self._scroll.ensureWidgetVisible(self._cards[zone])

    # -- showing

    def _show(self, state: AppState, *, sort: bool) -> None:
        now = self.services.clock.now()
        names = zone_names(state)
        self._views = {zone: card(state, zone, now=now) for zone in names}
        if sort:
            self._order = [view.zone for view in worst_first(list(self._views.values()))]
        for gone in self._cards.keys() - self._views.keys():
            self._cards.pop(gone).deleteLater()
        for zone in names:
            if zone not in self._cards:
                made = ZoneCard(zone)
                made.asked.connect(self._commands.start)
                made.list_asked.connect(self._show_requests)
                self._cards[zone] = made
        top = max((max(view.points, default=0) for view in self._views.values()), default=0)
        for zone, view in self._views.items():
            self._cards[zone].show_view(view, top=float(top))
        self._everything_line = everything(state, now=now)
        self._everything.show_line(self._everything_line)
        self._arrange()
        offered = [(view.zone, view.verbs) for view in self._views.values()]
        if (offered, self._everything_line is None) != self._offered:
            self._offered = (offered, self._everything_line is None)
            self.actions_changed.emit()

    def _arrange(self) -> None:
        """Cards in their order; zones that are new since the last sorting go to the end."""
        new = [zone for zone in self._views if zone not in self._order]
        self._order = [zone for zone in self._order if zone in self._views] + new
        healthy = [zone for zone in self._order if self._views[zone].healthy]
        fold = len(self._order) > FOLD_ABOVE and len(healthy) > 1
        self._folded.show_zones(tuple(healthy) if fold else ())
        hidden = set(healthy) if fold and not self._folded.unfolded else set()
        self._grid.show_cards([self._cards[zone] for zone in self._order if zone not in hidden])
        self._empty.setVisible(not self._order)
        if not self._order and not self._empty.text:
            self._empty.say(
                tr("No zone is set up yet."),
                tr("After you sign in, each zone has a card here: whether it sends, and why not."),
                (("sign-in", tr("Sign in…")),),
            )

    async def _load_changes(self) -> None:
        entries = await self.services.queue.audit(kinds=KINDS, limit=READ)
        self._changes.show_entries(entries, now=self.services.clock.now())

    def _show_requests(self, zone: str) -> None:
        self.services.navigate("queue", RequestFilter(zone=(zone,), status=HELD_STATUSES))

    # -- actions

    def _current(self, verb: Verb | None = None) -> str:
        """The zone an action is about: the focused card, else the first that offers `verb`."""
        shown = [zone for zone in self._order if verb is None or verb in self._views[zone].verbs]
        focus = self.focusWidget()
        # PySide's stubs do not say that it may be None.
        if focus is not None:
            focused = next((z for z in shown if self._cards[z].isAncestorOf(focus)), None)
            if focused is not None:
                return focused
        line = self._everything_line
        if verb is not None and line is not None and verb in line.verbs:
            return EVERY_ZONE
        return next(iter(shown), EVERY_ZONE if verb is None else "")

    def _action(
        self, verb: Verb, title: str, *, why_not: str = "", shortcut: str = "", tip: str = ""
    ) -> Action:
        wanted = None if verb is Verb.MAINTENANCE else verb
        return Action(
            id=f"breakers.{verb.value}",
            title=title,
            run=lambda: self._commands.start(verb, self._current(wanted)),
            when=lambda _: "" if wanted is None or self._current(wanted) else why_not,
            shortcut=shortcut,
            menu="Breakers",
            group="zone",
            tip=tip,
        )

    @override
    def page_actions(self) -> Sequence[Action]:
        no_hold = tr("Nothing is held now.")
        return (
            self._action(Verb.MAINTENANCE, tr("&Start maintenance…"), shortcut="Ctrl+Shift+M"),
            self._action(Verb.EXTEND, tr("&Extend 15 min"), why_not=tr("No hold has an end to move.")),
            self._action(Verb.END, tr("E&nd maintenance"), why_not=no_hold),
            self._action(Verb.TEST, tr("&Test now"), why_not=tr("No zone is stopped.")),
            self._action(Verb.RESUME, tr("&Resume now…"), why_not=tr("No zone is stopped.")),
        )

    @override
    def focus_regions(self) -> Sequence[QWidget]:
        return (self._start, *(self._cards[zone] for zone in self._order), self._changes.view)

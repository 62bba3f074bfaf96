"""Runs look-ups for the page and feeds what they bring to the lists of this laptop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Signal

from autotask_console.models import look_ups
from autotask_console.models.look_ups import Obstacle, obstacle
from autotask_console.pages.compose.look_up_view import LookUpView
from autotask_console.text import Tone, clock_time, number, plural, tr

if TYPE_CHECKING:
    from autotask_console.pages.base import Services
    from autotask_console.state import AppState

_LISTED = ("Companies", "Contacts", "Resources", "Tickets")


class Searching(QObject):
    """`found()` when the lists learnt something that a person asked for."""

    found = Signal()

    def __init__(self, services: Services, view: LookUpView, zone: Callable[[], str]) -> None:
        super().__init__(view)
        self._services = services
        self._references = services.references
        self._lists = services.lists
        self._view = view
        self._zone = zone
        self._refresh_wanted = False
        self._searching = False
        self._asking: asyncio.Task[Any] | None = None
        view.asked.connect(self.ask)
        view.lists_asked.connect(self.refresh_lists)
        self._lists.changed.connect(self._lists_changed)

    # -- what is possible now

    def why_not(self, state: AppState) -> str:
        """Why Autotask cannot be asked; empty if it can."""
        match obstacle(state, self._zone()):
            case Obstacle.NO_SIGN_IN:
                return tr("You are not signed in yet. What this laptop knows is searched instead.")
            case Obstacle.OFFLINE:
                return tr(
                    "Look-ups need a connection, and you are offline. This laptop’s list is searched instead."
                )
            case Obstacle.HELD:
                return tr("Sending is held at the moment. This laptop’s list is searched instead.")
            case None:
                return ""

    def refresh(self, state: AppState) -> None:
        """Shows what is possible and how old the lists are. What cannot be answered now is not waited for."""
        why_not = self.why_not(state)
        if why_not and self._asking is not None:
            self._asking.cancel()
            self._asking = None
        self._view.set_reach(why_not)
        self._view.show_lists(self.lists_words(state.at))

    def lists_words(self, now: float) -> str:
        """What this laptop knows, in one line."""
        known = [(entity, self._references.as_of(entity)) for entity in _LISTED]
        ages = [at for _, at in known if at is not None]
        if not ages:
            return tr(
                "This laptop knows no names yet. They come with the first look-up, or with Refresh lists."
            )
        parts = [
            f"{number(len(self._references.all(entity)))} {look_ups.plural_of(entity)}"
            for entity, at in known
            if at is not None
        ]
        when = clock_time(min(ages), now=now)
        words = tr("On this laptop: {what}, as of {when}.", what=", ".join(parts), when=when)
        return f"{words} {self._lists.trouble}".rstrip()

    # -- asking

    def ask(self, entity: str, text: str) -> None:
        """From the look-up view."""
        if self.why_not(self._services.store.state):
            self._search_here(entity, text)
        elif not self._searching:
            self._searching = True
            self._view.set_busy(True, tr("Asking Autotask…"))
            self._asking = self._services.tasks.start(
                self._ask(entity, text),
                what=tr("look up {what}", what=look_ups.plural_of(entity)),
                on_error=self._services.presenter.at(lambda words: self._view.say(words, Tone.BAD)),
                on_done=self._asked,
            )

    def ask_for_field(self, entity: str, text: str) -> None:
        """From a field's list: what is found appears in that list."""
        if text and not self._searching and not self.why_not(self._services.store.state):
            self._searching = True
            self._asking = self._services.tasks.start(
                self._learn(entity, text),
                what=tr("look up {what}", what=look_ups.plural_of(entity)),
                on_error=self._field_failed,
                on_done=self._asked,
            )

    def refresh_lists(self) -> None:
        """Fetches the lists again."""
        if not self.why_not(self._services.store.state):
            self._refresh_wanted = True
            self._view.say(tr("Fetching lists… You can go on meanwhile."), Tone.QUIET)
            self._lists.refresh()

    # -- how

    async def _ask(self, entity: str, text: str) -> None:
        answer = await self._search(entity, text)
        self._view.show_records(entity, answer.records)
        count = len(answer.records)
        if answer.more:
            words = tr("The first {n}. There are more: narrow it down.", n=number(count))
        elif count:
            words = plural(count, "{n} found in Autotask.", "{n} found in Autotask.")
        else:
            words = tr("Autotask has nothing like “{text}”.", text=text)
        self._view.say(words, Tone.QUIET)

    async def _learn(self, entity: str, text: str) -> None:
        answer = await self._search(entity, text)
        if answer.records:
            self.found.emit()
        else:
            words = tr("Autotask has no {what} like “{text}”.", what=look_ups.plural_of(entity), text=text)
            self._services.toasts.say(words)

    async def _search(self, entity: str, text: str) -> look_ups.Answer:
        services, zone = self._services, self._zone()
        answer = await look_ups.search(
            services.queue, services.clock, zone, entity, text, actor=services.actor
        )
        await self._references.learn(zone, entity, answer.records)
        return answer

    def _search_here(self, entity: str, text: str) -> None:
        found = self._references.find(entity, text)
        self._view.show_records(entity, [one.values for one in found])
        at = self._references.as_of(entity)
        if at is None:
            words = tr("This laptop has no list of {what} yet.", what=look_ups.plural_of(entity))
        else:
            when = clock_time(at, now=self._services.clock.now())
            words = plural(
                len(found),
                "{n} on this laptop’s list, as of {when}.",
                "{n} on this laptop’s list, as of {when}.",
                when=when,
            )
        reason = self.why_not(self._services.store.state).partition(". ")[0]
        self._view.say(f"{words} {reason}." if reason else words, Tone.HELD)

    def _field_failed(self, error: BaseException, what: str) -> None:
        self._services.presenter.present(error, what)

    def _asked(self) -> None:
        self._searching = False
        self._asking = None
        self._view.set_busy(False)
        self._view.settle()

    def _lists_changed(self) -> None:
        self._view.set_refreshing(self._lists.busy)
        if self._refresh_wanted and not self._lists.busy:
            self._refresh_wanted = False
            trouble = self._lists.trouble
            self._view.say(trouble or tr("The lists are fresh."), Tone.WARN if trouble else Tone.GOOD)
        self.refresh(self._services.store.state)

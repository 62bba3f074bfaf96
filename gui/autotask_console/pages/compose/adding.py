"""Puts what is on the bench into the queue: once, however often it is pressed, and says so."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from autotask_console.pages.compose.bar import saved_words, then_words
from autotask_console.pages.compose.checks import FORM, Finding
from autotask_console.pages.compose.draft import Draft
from autotask_console.pages.compose.kinds import Kind
from autotask_console.text import plural, tr
from autotask_queue import RequestFilter

if TYPE_CHECKING:
    from autotask_console.pages.base import Services
    from autotask_console.pages.compose.view import View
    from autotask_console.pages.compose.workbench import Added, Workbench


class Adding(QObject):
    """`tried` is set once a person pressed the button: from then on what is missing is said.

    While one is being stored a second press does nothing, and one that comes later still carries the same
    request id, so that the queue stores it once. `check` returns what is wrong now.
    """

    busy_changed = Signal()

    def __init__(
        self, services: Services, bench: Workbench, view: View, check: Callable[[], tuple[Finding, ...]]
    ) -> None:
        super().__init__(view)
        self._services = services
        self._bench = bench
        self._view = view
        self._check = check
        self.busy = False
        self.tried = False

    def add(self, *, and_new: bool = False) -> None:
        """Adds the request, or saves the changes; or says what stops it and puts the keyboard there."""
        draft = self._bench.draft
        if self.busy or draft.kind is Kind.LOOK_UP:
            return
        self._view.json.flush()
        self.tried = True
        blocking = [one for one in self._check() if one.blocks]
        if blocking or self._view.options.wrong:
            self._point_at(blocking)
            return
        draft = self._bench.draft
        self._set_busy(True)
        self._view.bar.say_problem("")
        self._services.tasks.start(
            self._store(draft, and_new=and_new),
            what=tr("save the changes") if draft.editing else tr("add it to the queue"),
            on_error=self._services.presenter.at(self._view.bar.say_problem),
            on_done=lambda: self._set_busy(False),
        )

    def words_for(self, blocking: Sequence[Finding]) -> str:
        """What stops it, in the line beside the button: the first, and how many more there are."""
        first, others = blocking[0], len(blocking) - 1
        if first.field == FORM or first.field.startswith("option."):
            return first.text
        field = self._bench.draft.spec.field(first.field)
        label = tr("Ticket") if first.field == "id" else tr(field.label) if field else first.field
        said = first.text if label.casefold() in first.text.casefold() else f"{label}: {first.text}"
        words = tr("Not added yet. {what}", what=said)
        if others:
            words += plural(others, " {n} more is marked above.", " {n} more are marked above.")
        return words

    async def _store(self, draft: Draft, *, and_new: bool) -> None:
        self._say(draft, await self._bench.add(draft, and_new=and_new))

    def _set_busy(self, busy: bool) -> None:
        self.busy = busy
        self.busy_changed.emit()

    def _say(self, draft: Draft, added: Added) -> None:
        state = self._services.store.state
        if added.superseded:
            words = tr("An earlier version is in the queue already. These are your later changes.")
        elif added.duplicate:
            words = tr("It is in the queue already. Nothing was added twice.")
        elif added.changed:
            words = f"{tr('Changes saved.')} {then_words(draft, state)}"
        else:
            words = f"{saved_words(state)} {then_words(draft, state)}"
        only = RequestFilter(ids=(added.request_id,))
        show = (tr("Show"), lambda: self._services.navigate("queue", only))
        self._services.toasts.say(words, button=show)

    def _point_at(self, blocking: Sequence[Finding]) -> None:
        first = blocking[0] if blocking else None
        if first is None or first.field.startswith("option."):
            self._view.options.focus_problem()
            self._view.bar.say_problem(first.text if first else tr("Correct the options first."))
            return
        self._view.bar.say_problem(self.words_for(blocking))
        if self._view.shows_form and first.field != FORM:
            self._view.form.focus_field(first.field)
        elif self._view.shows_json and self._view.json.problem is not None:
            self._view.json.go_to_problem()

"""A field that names another record: searched in what this laptop knows, or typed as a number."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget
from typing_extensions import override

from autotask_console.models.references import Reference, References
from autotask_console.pages.compose.editors import Editor
from autotask_console.text import tr
from autotask_console.widgets.suggest import Suggestion, SuggestLine
from autotask_queue.catalogue import Field

LOOK_UP = "look-up"


@dataclass(frozen=True, kw_only=True, slots=True)
class Waiting:
    """A record that was composed here and has no number yet."""

    label: str


@dataclass(kw_only=True, slots=True)
class Surroundings:
    """What the pickers of one form know beyond the lists; changed by the page.

    `fits` says, for a field and a record, whether the record goes with the rest of the document.
    `waiting` are tickets of this laptop that are not sent, `own` those that were sent and have a number.
    """

    fits: Callable[[Field, Reference], bool] = lambda _field, _one: True
    waiting: Sequence[Waiting] = ()
    own: Sequence[Reference] = ()
    online: bool = False


class ReferenceEditor(Editor):
    """Shows a name and holds a number. `look_up(entity, text)` asks the page to ask Autotask."""

    look_up = Signal(str, str)

    def __init__(self, field: Field, *, entity: str, references: References, around: Surroundings) -> None:
        super().__init__(field)
        self.entity = entity
        self._references = references
        self._around = around
        self._value: Any = None
        self._line = SuggestLine(self._suggest, name=f"{self.objectName()}.line")
        self._line.setPlaceholderText(tr("Type a name or a number"))
        self._hold(self._line)
        self._line.textEdited.connect(self._edited)
        self._line.picked.connect(self._picked)
        self._line.left.connect(self._left)

    @property
    @override
    def inner(self) -> QWidget:
        return self._line

    @property
    @override
    def has_keyboard(self) -> bool:
        # While its list is open, the list has the focus on the line's behalf.
        return self._line.hasFocus() or self._line.is_open

    @property
    def line(self) -> SuggestLine:
        return self._line

    @property
    @override
    def value(self) -> Any:
        return self._value

    @property
    @override
    def typed(self) -> str:
        return self._line.text().strip() if self._value is None else ""

    @property
    @override
    def hint(self) -> str:
        if self._value is None:
            return ""
        known = self._known(self._value)
        if known is None:
            return tr(
                "{what} number {number} (not in this laptop’s list)",
                what=tr(self._singular()),
                number=self._value,
            )
        return " · ".join(part for part in (known.more, tr("number {n}", n=known.id)) if part)

    @override
    def show_value(self, value: Any, typed: str = "") -> None:
        if typed:
            self._value = None
            self._set_text(typed)
        elif value != self._value or not self.has_keyboard:
            self._value = value
            self._set_text(self._name())

    def suggest_again(self) -> None:
        """A look-up brought something: the list shows it if the person is still here."""
        if self.has_keyboard and self.typed:
            self._line.suggest()

    # -- what a person does

    def _edited(self, text: str) -> None:
        self._value = self._meant(text.strip())
        self.edited.emit()

    def _picked(self, suggestion: Suggestion) -> None:
        if suggestion.key == LOOK_UP:
            self.look_up.emit(self.entity, self._line.text().strip())
            return
        self._value = int(suggestion.key)
        self._set_text(self._name())
        self.edited.emit()
        self.left.emit()

    def _left(self) -> None:
        if self._value is not None:
            self._set_text(self._name())
        self.left.emit()

    def _meant(self, text: str) -> int | None:
        """A number, a ticket's number, or the whole name of exactly one record."""
        if re.fullmatch(r"\d{1,18}", text):
            return int(text)
        if not text:
            return None
        candidates = [*self._around.own, *self._references.all(self.entity)] if self._is_ticket else (
            self._references.all(self.entity)
        )  # fmt: skip
        wanted = text.casefold()
        exact = {
            one.id
            for one in candidates
            if wanted in (one.label.casefold(), str(one.values.get("ticketNumber", "")).casefold())
        }
        return exact.pop() if len(exact) == 1 else None

    # -- the list

    def _suggest(self, text: str) -> Sequence[Suggestion]:
        text = text.strip()
        if self._value is not None and text == self._name():
            text = ""  # opened on a chosen record: show the others too
        found = self._references.find(self.entity, text, fits=lambda one: self._around.fits(self.field, one))
        rows = [Suggestion(key=str(one.id), label=one.label, more=one.more) for one in found if one.active]
        if self._is_ticket:
            rows = [*self._own_tickets(text, {row.key for row in rows}), *rows, *self._waiting_tickets(text)]
        return [*rows, *self._last_line(text, found=bool(rows))]

    def _own_tickets(self, text: str, listed: set[str]) -> list[Suggestion]:
        more = tr("created on this laptop")
        return [
            Suggestion(key=str(one.id), label=one.label, more=more)
            for one in self._around.own
            if str(one.id) not in listed and _matches(text, f"{one.label} {one.id}")
        ]

    def _waiting_tickets(self, text: str) -> list[Suggestion]:
        more = tr("not sent yet: choose it once it is sent and has a number")
        return [
            Suggestion(key="", label=one.label, more=more, enabled=False)
            for one in self._around.waiting
            if _matches(text, one.label)
        ]

    def _last_line(self, text: str, *, found: bool) -> list[Suggestion]:
        """How to get at what is not listed."""
        if self._can_look_up and self._around.online:
            label = tr("Look up “{text}” in Autotask", text=text)
            return [Suggestion(key=LOOK_UP, label=label)] if text else []
        if found:
            return []
        return [Suggestion(key="", label=tr("Not on this laptop’s list: type its number"), enabled=False)]

    # -- words

    @property
    def _is_ticket(self) -> bool:
        return self.entity == "Tickets"

    @property
    def _can_look_up(self) -> bool:
        return self.entity in {"Tickets", "Companies", "Contacts"}

    def _known(self, value: Any) -> Reference | None:
        own = next((one for one in self._around.own if str(one.id) == str(value)), None)
        return self._references.get(self.entity, value) or (own if self._is_ticket else None)

    def _name(self) -> str:
        if self._value is None:
            return ""
        known = self._known(self._value)
        return known.label if known is not None else str(self._value)

    def _singular(self) -> str:
        return "Ticket" if self._is_ticket else self.field.label

    def _set_text(self, text: str) -> None:
        if text != self._line.text():
            self._line.setText(text)
            self._line.setCursorPosition(0)


def _matches(text: str, heap: str) -> bool:
    heap = heap.casefold()
    return all(word in heap for word in text.casefold().split())

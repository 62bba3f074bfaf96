"""The controls of the form: each shows one value of the document and tells when a person changed it."""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite
from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QFocusEvent, QFontMetrics
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QPlainTextEdit, QVBoxLayout, QWidget
from typing_extensions import override

from autotask_console.pages.compose.hours import parse_hours
from autotask_console.text import Tone, number, tr
from autotask_console.widgets.button import Button, ButtonKind
from autotask_console.widgets.form import give_room
from autotask_console.widgets.label import small
from autotask_queue.catalogue import Field, FieldType, PicklistValue

LINE_HEIGHT = 26
LINE_LIMIT = 300
"""Texts that may be longer than this get an area instead of a line."""


class Editor(QWidget):
    """What every control of the form can do.

    `edited` after a person changed something: then `value` is the JSON value (None for nothing) and
    `typed` a text that is no value yet ("" if there is none). `left` when the focus goes elsewhere.
    `show_value` shows without emitting.
    """

    edited = Signal()
    left = Signal()

    def __init__(self, field: Field) -> None:
        super().__init__()
        self.field = field
        self.setObjectName(f"compose.field.{field.name}")

    @property
    def value(self) -> Any:
        raise NotImplementedError

    @property
    def typed(self) -> str:
        return ""

    @property
    def hint(self) -> str:
        """What to know about the value, for the line below."""
        return ""

    @property
    def inner(self) -> QWidget:
        """The widget that takes the keyboard."""
        raise NotImplementedError

    def show_value(self, value: Any, typed: str = "") -> None:
        raise NotImplementedError

    def set_read_only(self, read_only: bool) -> None:
        self.setEnabled(not read_only)

    def set_choices(self, choices: Sequence[PicklistValue]) -> None:
        """Other values to choose from; only lists have them."""

    @property
    def has_keyboard(self) -> bool:
        """Whether a person is in it right now."""
        return self.inner.hasFocus()

    @override
    def setAccessibleName(self, name: str) -> None:
        super().setAccessibleName(name)
        self.inner.setAccessibleName(name)

    @override
    def setAccessibleDescription(self, description: str) -> None:
        super().setAccessibleDescription(description)
        self.inner.setAccessibleDescription(description)

    def _hold(self, widget: QWidget) -> QHBoxLayout:
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(6)
        row.addWidget(widget, 1)
        self.setFocusProxy(widget)
        return row


class Line(QLineEdit):
    """A line edit that tells when the focus leaves it."""

    left = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.setMinimumHeight(LINE_HEIGHT)
        give_room(self)

    @override
    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        if event.reason() is not Qt.FocusReason.PopupFocusReason:
            self.left.emit()


class LineEditor(Editor):
    """Text of one line, with a counter as the limit comes near."""

    def __init__(self, field: Field) -> None:
        super().__init__(field)
        self._line = Line()
        self._line.setObjectName(f"{self.objectName()}.line")
        self._counter = small()
        self._counter.setVisible(False)
        self._hold(self._line).addWidget(self._counter)
        self._line.textEdited.connect(lambda _: self.edited.emit())
        self._line.textChanged.connect(lambda _: self._count())
        self._line.left.connect(self.left)

    @property
    @override
    def inner(self) -> QWidget:
        return self._line

    @property
    @override
    def value(self) -> Any:
        return self._line.text() or None

    @override
    def show_value(self, value: Any, typed: str = "") -> None:
        text = "" if value is None else str(value)
        if text != self._line.text():
            self._line.setText(text)
            self._line.setCursorPosition(0)

    def _count(self) -> None:
        _show_count(self._counter, len(self._line.text()), self.field.max_length, from_share=0.8)


class TextEditor(Editor):
    """Text of several lines, with a counter."""

    def __init__(self, field: Field) -> None:
        super().__init__(field)
        self._text = _Area()
        self._text.setObjectName(f"{self.objectName()}.text")
        self._counter = small()
        self._counter.setAlignment(Qt.AlignmentFlag.AlignRight)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(1)
        column.addWidget(self._text)
        column.addWidget(self._counter)
        self.setFocusProxy(self._text)
        self._quiet = False
        self._text.textChanged.connect(self._changed)
        self._text.left.connect(self.left)
        self._count()

    @property
    @override
    def inner(self) -> QWidget:
        return self._text

    @property
    @override
    def value(self) -> Any:
        return self._text.toPlainText() or None

    @override
    def show_value(self, value: Any, typed: str = "") -> None:
        text = "" if value is None else str(value)
        if text != self._text.toPlainText():
            self._quiet = True
            self._text.setPlainText(text)
            self._quiet = False

    def _changed(self) -> None:
        self._count()
        if not self._quiet:
            self.edited.emit()

    def _count(self) -> None:
        _show_count(self._counter, len(self._text.toPlainText()), self.field.max_length, from_share=0.0)


class _Area(QPlainTextEdit):
    """Four lines high; Tab goes on to the next field."""

    left = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.setTabChangesFocus(True)
        self.setFixedHeight(QFontMetrics(self.font()).lineSpacing() * 4 + 14)

    @override
    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        if event.reason() is not Qt.FocusReason.PopupFocusReason:
            self.left.emit()


def _show_count(counter: Any, length: int, limit: int | None, *, from_share: float) -> None:
    near = limit is not None and length >= limit * from_share
    counter.setVisible(near)
    if limit is not None:
        counter.setText(f"{length}/{limit}")
        counter.set_tone(Tone.BAD if length > limit else Tone.QUIET)


class NumberEditor(LineEditor):
    """A number. Both decimal marks are read; hours may be written 1:30 or 90 min."""

    @property
    @override
    def value(self) -> Any:
        return _number(self._line.text(), self.field)

    @property
    @override
    def typed(self) -> str:
        text = self._line.text().strip()
        return text if text and self.value is None else ""

    @override
    def show_value(self, value: Any, typed: str = "") -> None:
        if typed or value is None or _number(self._line.text(), self.field) != value:
            super().show_value(typed or value)


def _number(text: str, field: Field) -> int | float | None:
    text = text.strip()
    if field.name == "hoursWorked" and (hours := parse_hours(text)) is not None:
        return hours
    try:
        if field.type is FieldType.INTEGER:
            return int(text)
        found = float(text.replace(",", "."))
    except ValueError:
        return None
    if not isfinite(found):
        return None
    return int(found) if found == int(found) else found


class JsonEditorNote(Editor):
    """For what a form cannot hold: says what is there, and where to change it."""

    asked = Signal()

    def __init__(self, field: Field) -> None:
        super().__init__(field)
        self._value: Any = None
        self._button = Button("", kind=ButtonKind.LINK, name=f"{self.objectName()}.json")
        self._button.clicked.connect(self.asked)
        row = self._hold(self._button)
        row.addStretch(1)
        self.show_value(None)

    @property
    @override
    def inner(self) -> QWidget:
        return self._button

    @property
    @override
    def value(self) -> Any:
        return self._value

    @override
    def show_value(self, value: Any, typed: str = "") -> None:
        self._value = value
        count = number(len(value)) if isinstance(value, list) else "0"
        self._button.setText(tr("{n} set – change them in the JSON view", n=count))

    @override
    def setAccessibleName(self, name: str) -> None:
        QWidget.setAccessibleName(self, name)
        self._button.setAccessibleName(f"{name}: {self._button.text()}")

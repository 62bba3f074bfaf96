"""The control for dates and times."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, time
from typing import Any

from PySide6.QtCore import QDate, QLocale
from PySide6.QtWidgets import QWidget
from typing_extensions import override

from autotask_console.pages.compose import moments
from autotask_console.pages.compose.editors import Editor, Line
from autotask_console.text import clock_time, countdown, duration, tr
from autotask_console.widgets.button import Button, ButtonKind
from autotask_queue.catalogue import Field, FieldType


class MomentEditor(Editor):
    """A date with its time, or a date alone, as people write them; what was understood stands below."""

    def __init__(self, field: Field, *, now: Callable[[], float]) -> None:
        super().__init__(field)
        self._now = now
        self._value: Any = None
        self._line = Line()
        self._line.setObjectName(f"{self.objectName()}.line")
        self._line.setPlaceholderText(tr("now, +1d, tomorrow 9:00, 2026-09-24 17:00"))
        row = self._hold(self._line)
        today = field.type is FieldType.DATE
        shortcut = Button(
            tr("Today") if today else tr("Now"), kind=ButtonKind.QUIET, name=f"{self.objectName()}.now"
        )
        shortcut.setAccessibleName(tr("{label}: now", label=field.label))
        shortcut.clicked.connect(lambda: self._write("today" if today else "now"))
        row.addWidget(shortcut)
        self._line.textEdited.connect(self._edited)
        self._line.left.connect(self._left)

    @property
    @override
    def inner(self) -> QWidget:
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
        moment = moments.from_wire(self._value)
        if moment is None:
            return ""
        if self.field.type is FieldType.DATE:
            return "= " + QLocale().toString(QDate(moment.year, moment.month, moment.day), "dddd d MMMM")
        at, now = moment.timestamp(), self._now()
        when = clock_time(at, now=now)
        if at >= now:
            return tr("= {when} this laptop’s time, in {left}", when=when, left=countdown(at, now=now))
        return tr("= {when} this laptop’s time, {ago} ago", when=when, ago=duration(now - at))

    @override
    def show_value(self, value: Any, typed: str = "") -> None:
        if typed:
            self._value = None
            self._set_text(typed)
        elif value != self._value or (value is None and not self.has_keyboard):
            self._value = value
            self._set_text(self._as_written())

    def _set_text(self, text: str) -> None:
        if text != self._line.text():
            self._line.setText(text)

    def _as_written(self) -> str:
        moment = moments.from_wire(self._value)
        if moment is None:
            return "" if self._value is None else str(self._value)
        return moment.date().isoformat() if self.field.type is FieldType.DATE else moments.written(moment)

    def _write(self, text: str) -> None:
        self._line.setText(text)
        self._edited(text)
        self._left()

    def _edited(self, text: str) -> None:
        now = datetime.fromtimestamp(self._now()).astimezone()
        if self.field.type is FieldType.DATE:
            day = moments.parse_day(text, now=now)
            self._value = None if day is None else moments.day_to_wire(day)
        else:
            usual = time(17) if self.field.name.startswith("due") else None
            moment = moments.parse_moment(text, now=now, default_time=usual)
            self._value = None if moment is None else moments.to_wire(moment)
        self.edited.emit()

    def _left(self) -> None:
        if self._value is not None:
            self._set_text(self._as_written())
        self.left.emit()

"""Asks when requests are to go out."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING

from PySide6.QtCore import QDateTime
from PySide6.QtWidgets import QDateTimeEdit, QWidget

from autotask_console.text import clock_time, plural, tr
from autotask_console.widgets.form import Chips, FormRow, note
from autotask_console.widgets.sheets import Sheet

if TYPE_CHECKING:
    from autotask_queue import Clock

_CHOICES = (
    ("now", "As soon as possible"),
    ("1h", "In 1 hour"),
    ("evening", "Today 18:00"),
    ("morning", "Tomorrow 08:00"),
    ("at", "At…"),
)


class RescheduleSheet(Sheet):
    """`scheduled_at` holds the answer afterwards: seconds since the epoch, None for as soon as possible."""

    def __init__(self, parent: QWidget, *, count: int, clock: Clock) -> None:
        super().__init__(
            parent,
            name="reschedule",
            title=plural(count, "When shall it go out?", "When shall these {n} go out?"),
            keep=tr("Leave it"),
            do=tr("Reschedule"),
        )
        self._clock = clock
        self._chips = Chips([(i, tr(words)) for i, words in _CHOICES], name="reschedule.when")
        self._chips.setAccessibleName(tr("When"))
        self._at = QDateTimeEdit(QDateTime.fromSecsSinceEpoch(int(self._in_an_hour())))
        self._at.setObjectName("reschedule.at")
        self._at.setAccessibleName(tr("Date and time"))
        self._at.setCalendarPopup(True)
        self._at.setDisplayFormat("ddd d MMM yyyy  HH:mm")
        self._row = FormRow(tr("At"), self._at, label_width=60)
        self._said = note("")
        self.body.addWidget(self._chips)
        self.body.addWidget(self._row)
        self.body.addWidget(self._said)
        evening_is_over = self._evening() <= clock.now()
        self._chips.set_available("evening", not evening_is_over, tr("It is later than that already."))
        self._chips.choose("1h")
        self._chips.chosen.connect(lambda _: self._show())
        self._at.dateTimeChanged.connect(lambda _: self._show())
        self._show()

    @property
    def scheduled_at(self) -> float | None:
        match self._chips.value:
            case "now":
                return None
            case "1h":
                return self._in_an_hour()
            case "evening":
                return self._evening()
            case "morning":
                return self._on(self._today() + timedelta(days=1), 8)
            case _:
                return float(self._at.dateTime().toSecsSinceEpoch())

    def _in_an_hour(self) -> float:
        return self._clock.now() + 3600

    def _evening(self) -> float:
        return self._on(self._today(), 18)

    def _today(self) -> datetime:
        return datetime.fromtimestamp(self._clock.now()).astimezone()

    def _on(self, day: datetime, hour: int) -> float:
        return datetime.combine(day.date(), time(hour)).timestamp()

    def _show(self) -> None:
        self._row.setVisible(self._chips.value == "at")
        at = self.scheduled_at
        past = at is not None and at <= self._clock.now()
        self.do_button.setEnabled(not past)
        self._row.set_error(tr("That is over already. Choose a later time.") if past else "")
        if at is None:
            self._said.setText(tr("It goes out when its turn comes."))
        elif past:
            self._said.setText("")
        else:
            when = clock_time(at, now=self._clock.now())
            self._said.setText(tr("It goes out {when}, or as soon after that as you are online.", when=when))
        self.adjustSize()

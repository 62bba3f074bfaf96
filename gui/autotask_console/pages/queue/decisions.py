"""Asks what became of a request that may have reached Autotask: three answers, each with its reason."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QBoxLayout, QLabel, QSizePolicy, QVBoxLayout, QWidget

from autotask_console.text import Tone, tr
from autotask_console.widgets.button import Button
from autotask_console.widgets.form import FormRow, line
from autotask_console.widgets.panel import Panel
from autotask_console.widgets.sheets import ReasonSheet
from autotask_queue import Reason, RequestRow, Status

ANSWERS: tuple[tuple[str, str], ...] = (
    ("again", "It did not arrive – send it"),
    ("sent", "It is in Autotask – mark as sent"),
    ("never", "Do not send it"),
)

_SHEETS: dict[str, tuple[str, str, str]] = {
    "again": (
        "Send it again?",
        "If it did arrive after all, Autotask will have it twice. Look there first.",
        "Send it again",
    ),
    "sent": (
        "Mark it as sent?",
        "It is not sent again. Requests that wait for it go on.",
        "Mark as sent",
    ),
    "never": (
        "Give it up?",
        "It is not sent again and counts as failed. Later you can still say what became of it.",
        "Do not send it",
    ),
}


class DecisionPanel(Panel):
    """The three buttons; `decided(which)` for one of ANSWERS."""

    decided = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(tone=Tone.WARN, parent=parent)
        self.setObjectName("details.decision")
        column = QVBoxLayout(self)
        column.setContentsMargins(10, 7, 10, 7)
        column.setSpacing(5)
        self._words = QLabel()
        self._words.setWordWrap(True)
        column.addWidget(self._words)
        self._buttons: dict[str, Button] = {}
        self._answers = QBoxLayout(QBoxLayout.Direction.TopToBottom)
        self._answers.setSpacing(5)
        column.addLayout(self._answers)
        for which, text in ANSWERS:
            button = Button(tr(text), name=f"details.decide.{which}")
            button.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
            button.clicked.connect(lambda _=False, answer=which: self.decided.emit(answer))
            self._buttons[which] = button
            self._answers.addWidget(button)

    def set_wide(self, wide: bool) -> None:
        """Answers beside each other, or below each other."""
        direction = QBoxLayout.Direction
        self._answers.setDirection(direction.LeftToRight if wide else direction.TopToBottom)

    def show_row(self, row: RequestRow) -> None:
        """Says whether anything goes on without an answer; what was decided already is not offered."""
        given_up = row.status is Status.FAILED
        self._buttons["never"].setVisible(not given_up)
        if given_up:
            words = tr("You gave it up without knowing whether it had arrived. If you know now, say so:")
        elif row.status is Status.UNCERTAIN:
            words = tr("We are looking it up. If you know what became of it, say so:")
        elif row.reason is Reason.GONE:
            words = tr("Its record is gone in Autotask. What shall become of it?")
        else:
            words = tr("It may have reached Autotask already. Look there, then say what you know:")
        self._words.setText(words)
        self.set_tone(Tone.QUIET if given_up or row.status is Status.UNCERTAIN else Tone.WARN)


class DecisionSheet(ReasonSheet):
    """Asks for the reason, and for the record's number where it is known to be in Autotask."""

    def __init__(self, parent: QWidget, *, which: str, summary: str, recent_reasons: Sequence[str]) -> None:
        title, message, do = _SHEETS[which]
        super().__init__(
            parent,
            title=tr(title),
            message=f"{summary}\n\n{tr(message)}",
            keep=tr("Decide later"),
            do=tr(do),
            recent_reasons=recent_reasons,
            dangerous=which != "sent",
        )
        self._number = line(name="decision.record", placeholder=tr("if you know it"))
        self._row = FormRow(tr("Its id"), self._number, label_width=60)
        self._row.setVisible(which == "sent")
        self.body.addWidget(self._row)
        self._number.textChanged.connect(lambda _: self._check_number())

    @property
    def record_id(self) -> int | None:
        """The record's id in Autotask, None if it was not given."""
        text = self._number.text().strip()
        return int(text) if text.isdecimal() else None

    def _check_number(self) -> None:
        text = self._number.text().strip()
        wrong = bool(text) and not text.isdecimal()
        self._row.set_error(tr("An id is a number, such as 48120.") if wrong else "")
        self.do_button.setEnabled(bool(self.reason) and not wrong)

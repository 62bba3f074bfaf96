"""Asks for a passphrase where a page would be: a known one, or a new one twice."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QVBoxLayout, QWidget

from autotask_console.text import tr
from autotask_console.widgets.button import Button, ButtonKind
from autotask_console.widgets.form import FormRow, line
from autotask_console.widgets.label import ToneLabel, heading
from autotask_console.widgets.panel import Panel

_LABEL_WIDTH = 130


class PassphraseForm(QWidget):
    """`answered(id)` when a button is pressed, or Return in the last field; the first button is primary.

    Args:
        head: what is asked.
        more: why, and what follows.
        new: whether the passphrase is chosen here, and so typed twice.
        buttons: (id, title) each.
    """

    answered = Signal(str)

    def __init__(self, head: str, more: str, *, new: bool, buttons: tuple[tuple[str, str], ...]) -> None:
        super().__init__()
        self.setObjectName("passphrase")
        self._edits = [line(name="passphrase.first")]
        hint = tr("Several words that nobody guesses, ten characters at least.") if new else ""
        rows = [FormRow(tr("Passphrase"), self._edits[0], help_text=hint, label_width=_LABEL_WIDTH)]
        if new:
            self._edits.append(line(name="passphrase.again"))
            rows.append(FormRow(tr("The same again"), self._edits[1], label_width=_LABEL_WIDTH))
        self._row = rows[-1]
        self._show = Button(tr("Show"), kind=ButtonKind.QUIET, name="passphrase.show")
        self._show.setAccessibleName(tr("Show the passphrase"))
        self._show.setCheckable(True)
        self._show.toggled.connect(self._show_letters)
        self._show_letters(False)
        primary = buttons[0][0]
        for edit, after in zip(self._edits, [*self._edits[1:], None], strict=True):
            edit.setMinimumHeight(26)
            edit.textEdited.connect(lambda: self.set_error(""))
            edit.returnPressed.connect(lambda a=after: a.setFocus() if a else self.answered.emit(primary))
        self._buttons = [self._button(place, *named) for place, named in enumerate(buttons)]
        self._lay_out(head, more, rows)
        self.setFocusProxy(self._edits[0])

    def _button(self, place: int, button_id: str, title: str) -> Button:
        kind = ButtonKind.PRIMARY if place == 0 else ButtonKind.PLAIN
        button = Button(title, kind=kind, name=f"passphrase.{button_id}")
        button.clicked.connect(lambda: self.answered.emit(button_id))
        return button

    def _lay_out(self, head: str, more: str, rows: list[FormRow]) -> None:
        panel = Panel()
        panel.setMaximumWidth(640)
        column = QVBoxLayout(panel)
        column.setContentsMargins(24, 18, 24, 18)
        column.setSpacing(8)
        column.addWidget(heading(head, factor=1.25))
        said = ToneLabel()
        said.setObjectName("passphrase.why")
        said.setText(more)
        said.setWordWrap(True)
        column.addWidget(said)
        column.addSpacing(6)
        for row in rows:
            column.addWidget(row)
        column.addWidget(self._show, 0, Qt.AlignmentFlag.AlignRight)
        column.addSpacing(4)
        across = QHBoxLayout()
        across.setSpacing(8)
        for button in reversed(self._buttons[1:]):
            across.addWidget(button)
        across.addStretch(1)
        across.addWidget(self._buttons[0])
        column.addLayout(across)
        outer = QVBoxLayout(self)
        outer.addStretch(1)
        centre = QHBoxLayout()
        centre.addStretch(1)
        centre.addWidget(panel, 6)
        centre.addStretch(1)
        outer.addLayout(centre)
        outer.addStretch(2)

    @property
    def passphrase(self) -> str:
        """What was typed first."""
        return self._edits[0].text()

    @property
    def again(self) -> str:
        """What was typed in the last field."""
        return self._edits[-1].text()

    def set_error(self, text: str) -> None:
        """Says below the last field what is wrong."""
        self._row.set_error(text)

    def set_busy(self, busy: bool) -> None:
        """While a passphrase is tried, nothing can be changed."""
        for widget in (*self._edits, *self._buttons):
            widget.setEnabled(not busy)

    def forget(self) -> None:
        """Leaves no letter standing."""
        for edit in self._edits:
            edit.clear()
        self._show.setChecked(False)
        self._edits[0].setFocus()

    def _show_letters(self, shown: bool) -> None:
        mode = QLineEdit.EchoMode.Normal if shown else QLineEdit.EchoMode.Password
        for edit in self._edits:
            edit.setEchoMode(mode)
        self._show.setText(tr("Hide") if shown else tr("Show"))

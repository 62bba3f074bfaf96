"""Confirmation sheets, in tiers (console.md P7): asked only when it cannot be taken back.

The button is a verb and its object, never OK or Yes; the focus is on the safe one.
"""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialog, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from autotask_console.text import tr
from autotask_console.widgets.button import Button, ButtonKind
from autotask_console.widgets.form import FormRow, ReasonField
from autotask_console.widgets.label import heading


class Sheet(QDialog):
    """A window-modal dialog with a heading, a body to fill, and two buttons: keep, and do.

    Open it with `await ask(sheet)`; `QDialog.DialogCode.Accepted` means do.
    """

    def __init__(
        self,
        parent: QWidget,
        *,
        name: str,
        title: str,
        keep: str,
        do: str,
        dangerous: bool = False,
        message: str = "",
    ) -> None:
        super().__init__(parent)
        self.setObjectName(name)
        self.setWindowTitle(title)
        self.setAccessibleName(title)
        self.setWindowModality(Qt.WindowModality.WindowModal)
        self.setMinimumWidth(460)
        column = QVBoxLayout(self)
        column.setContentsMargins(20, 16, 20, 16)
        column.setSpacing(10)
        column.addWidget(heading(title, factor=1.15))
        if message:
            words = QLabel(message)
            words.setWordWrap(True)
            words.setObjectName("sheet.message")
            column.addWidget(words)
        self.body = QVBoxLayout()
        self.body.setSpacing(10)
        column.addLayout(self.body)
        self.keep_button = Button(keep, name="sheet.keep")
        self.keep_button.clicked.connect(self.reject)
        kind = ButtonKind.DANGER if dangerous else ButtonKind.PRIMARY
        self.do_button = Button(do, kind=kind, name="sheet.do")
        self.do_button.clicked.connect(self.accept)
        row = QHBoxLayout()
        row.addStretch(1)
        row.addWidget(self.keep_button)
        row.addWidget(self.do_button)
        column.addSpacing(6)
        column.addLayout(row)
        self.keep_button.setDefault(True)
        self.keep_button.setFocus()


class ConfirmSheet(Sheet):
    """T1: "Cancel 1 240 requests?" with what they have in common."""

    def __init__(self, parent: QWidget, *, title: str, message: str, keep: str, do: str) -> None:
        super().__init__(parent, name="confirm", title=title, message=message, keep=keep, do=do)


class ReasonSheet(Sheet):
    """T2: dangerous, so the reason is required; `reason` holds it afterwards.

    An empty line takes the placeholder, if there is one ("Maintenance by anna"): then the reason is
    prefilled rather than missing.
    """

    def __init__(
        self,
        parent: QWidget,
        *,
        title: str,
        message: str,
        keep: str,
        do: str,
        recent_reasons: Sequence[str] = (),
        placeholder: str = "",
        dangerous: bool = True,
    ) -> None:
        super().__init__(
            parent, name="reason", title=title, message=message, keep=keep, do=do, dangerous=dangerous
        )
        self._field = ReasonField(recent_reasons, placeholder=placeholder)
        self._row = FormRow(tr("Why"), self._field, required=True, label_width=60)
        self.body.addWidget(self._row)
        self._field.changed.connect(self._check)
        self._check()

    @property
    def reason(self) -> str:
        return self._field.text or self._field.placeholder

    def _check(self) -> None:
        ready = bool(self.reason)
        self.do_button.setEnabled(ready)
        self.do_button.setToolTip("" if ready else tr("Say why first; it goes into the audit trail."))

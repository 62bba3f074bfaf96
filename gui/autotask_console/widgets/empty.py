"""What stands where there is nothing to show: why, and one or two things to do."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from autotask_console.text import Tone
from autotask_console.widgets.button import Button, ButtonKind
from autotask_console.widgets.label import ToneLabel, heading


class EmptyState(QWidget):
    """A sentence, a second one, and buttons; `pressed(button id)`."""

    pressed = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._head = heading("")
        self._head.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        self._head.setWordWrap(True)
        self._more = ToneLabel(tone=Tone.QUIET)
        self._more.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        self._more.setWordWrap(True)
        self._more.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._buttons = QHBoxLayout()
        self._buttons.setSpacing(8)
        column = QVBoxLayout(self)
        column.addStretch(2)
        column.addWidget(self._head)
        column.addWidget(self._more)
        column.addSpacing(8)
        column.addLayout(self._buttons)
        column.addStretch(3)

    @property
    def text(self) -> str:
        return f"{self._head.text()} {self._more.text()}".strip()

    def say(self, head: str, more: str = "", buttons: tuple[tuple[str, str], ...] = ()) -> None:
        """Shows the text; `buttons` are (id, title), the first is the primary one."""
        self._head.setText(head)
        self._more.setText(more)
        self._more.setVisible(bool(more))
        self.setAccessibleName(self.text)
        while (item := self._buttons.takeAt(0)) is not None:
            if (old := item.widget()) is not None:
                old.hide()
                old.deleteLater()
        self._buttons.addStretch(1)
        for place, (button_id, title) in enumerate(buttons):
            kind = ButtonKind.PRIMARY if place == 0 else ButtonKind.PLAIN
            button = Button(title, kind=kind, name=f"empty.{button_id}")
            button.clicked.connect(lambda _=False, which=button_id: self.pressed.emit(which))
            self._buttons.addWidget(button)
        self._buttons.addStretch(1)

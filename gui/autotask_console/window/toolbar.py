"""The three buttons of the toolbar; nothing else belongs here (console.md 5.3)."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QSize, Signal
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QHBoxLayout, QMenu, QWidget

from autotask_console.platform.icons import tinted
from autotask_console.platform.theme import Tokens
from autotask_console.state import AppState
from autotask_console.text import tr
from autotask_console.widgets.button import Button, ButtonKind

_ICON = QSize(14, 14)


class Toolbar(QWidget):
    """New request, pause or resume, send now; `pressed(action id)` says which action is wanted."""

    pressed = Signal(str)

    def __init__(self, *, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("toolbar")
        self.new = Button(tr("New request"), kind=ButtonKind.PRIMARY, name="toolbar.new")
        self.pause = Button(tr("Pause sending"), name="toolbar.pause")
        self.send = Button(tr("Send now"), name="toolbar.send-now")
        self.pause_menu = QMenu(self.pause)
        self.pause_menu.setObjectName("toolbar.pause.menu")
        self._paused = False
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        for button in (self.new, self.pause, self.send):
            button.setIconSize(_ICON)
            row.addWidget(button)
        row.addStretch(1)
        self.new.clicked.connect(lambda: self.pressed.emit("file.new"))
        self.pause.clicked.connect(self._pause_pressed)
        self.send.clicked.connect(lambda: self.pressed.emit("queue.send-now"))

    def set_pauses(self, actions: Sequence[QAction]) -> None:
        """How long one may pause."""
        self.pause_menu.clear()
        self.pause_menu.addActions(list(actions))

    def show_state(self, state: AppState) -> None:
        self._paused = state.paused
        self.pause.setText(tr("Resume sending") if state.paused else tr("Pause sending"))
        for button in (self.new, self.pause, self.send):
            button.setEnabled(state.open and not state.closing)

    def tint(self, colours: Tokens) -> None:
        """Draws the icons in the colours of a palette."""
        self.new.setIcon(tinted("plus", colours.accent_text))
        self.pause.setIcon(tinted("pause", colours.text))
        self.send.setIcon(tinted("refresh", colours.text))

    def _pause_pressed(self) -> None:
        if self._paused:
            self.pressed.emit("queue.resume")
        else:
            self.pause_menu.popup(self.pause.mapToGlobal(self.pause.rect().bottomLeft()))

"""Where the window was: restored before it is first shown, remembered while it moves, not only at the end."""

from __future__ import annotations

from PySide6.QtCore import QByteArray, QEvent, QObject, QTimer
from PySide6.QtWidgets import QMainWindow
from typing_extensions import override

from autotask_console.settings import Settings, declared

_DELAY_MS = 800
FIRST_SIZE = (1280, 720)


class Geometry(QObject):
    """Keeps one window's place and size in the settings."""

    def __init__(self, window: QMainWindow, settings: Settings) -> None:
        super().__init__(window)
        self._window, self._settings = window, settings
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_DELAY_MS)
        self._timer.timeout.connect(self.remember)
        window.installEventFilter(self)

    def restore(self) -> None:
        """Puts the window where it was; onto a screen that is there, and to a first size if unknown."""
        saved = self._settings.get(declared.GEOMETRY)
        if not saved or not self._window.restoreGeometry(QByteArray.fromBase64(saved.encode())):
            self._window.resize(*FIRST_SIZE)
        screen = self._window.screen().availableGeometry()
        if not screen.intersects(self._window.frameGeometry()):
            self._window.move(screen.topLeft())

    def remember(self) -> None:
        self._timer.stop()
        if self._window.isVisible() and not self._window.isFullScreen():
            geometry = bytes(self._window.saveGeometry().toBase64().data()).decode("ascii")
            self._settings.set(declared.GEOMETRY, geometry)

    def stop(self) -> None:
        """Remembers a last time."""
        self._window.removeEventFilter(self)
        self.remember()

    @override
    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() in {QEvent.Type.Resize, QEvent.Type.Move} and self._window.isVisible():
            self._timer.start()
        return False

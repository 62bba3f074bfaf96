"""Where the window was: restored before it is first shown, remembered while it moves, not only at the end."""

from __future__ import annotations

import re

from PySide6.QtCore import QByteArray, QEvent, QObject, QRect, QSize, QTimer
from PySide6.QtWidgets import QMainWindow
from typing_extensions import override

from autotask_console.settings import Settings, declared

_DELAY_MS = 800
FIRST_SIZE = QSize(1280, 720)
MINIMUM = QSize(1024, 640)
"""Below this, pages scroll. Smaller screens get a smaller window all the same."""
_SAVED = re.compile(r"(\d{2,5})x(\d{2,5}) (\S+)")


class Geometry(QObject):
    """Keeps one window's place and size in the settings.

    What is saved is the size and Qt's own record. Qt makes a window that fills its screen smaller by a
    frame each time it restores it, so the size is put right afterwards.
    """

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
        window = self._window
        saved = _SAVED.fullmatch(self._settings.get(declared.GEOMETRY))
        if saved and window.restoreGeometry(QByteArray.fromBase64(saved[3].encode())):
            size = QSize(int(saved[1]), int(saved[2]))
        else:
            size = FIRST_SIZE
        room = window.screen().availableGeometry()
        window.setMinimumSize(MINIMUM.boundedTo(room.size()))
        if not window.isMaximized():
            window.resize(size.boundedTo(room.size()))
            self._bring_into(room)

    def _bring_into(self, room: QRect) -> None:
        frame = self._window.frameGeometry()
        left = max(room.left(), min(frame.left(), room.right() + 1 - frame.width()))
        top = max(room.top(), min(frame.top(), room.bottom() + 1 - frame.height()))
        if frame.topLeft() != (place := QRect(left, top, 1, 1).topLeft()):
            self._window.move(place)

    def remember(self) -> None:
        self._timer.stop()
        window = self._window
        if window.isVisible() and not window.isFullScreen():
            size = window.normalGeometry().size() if window.isMaximized() else window.size()
            record = bytes(window.saveGeometry().toBase64().data()).decode("ascii")
            self._settings.set(declared.GEOMETRY, f"{size.width()}x{size.height()} {record}")

    def stop(self) -> None:
        """Remembers a last time."""
        self._window.removeEventFilter(self)
        self.remember()

    def _fit(self) -> None:
        """Now its frame is known: a window whose frame leaves the screen is made smaller by that much."""
        window = self._window
        if window.isMaximized() or window.isFullScreen():
            return
        room = window.screen().availableGeometry()
        beyond = (window.frameGeometry().size() - room.size()).expandedTo(QSize(0, 0))
        if not beyond.isNull():
            window.setMinimumSize(MINIMUM.boundedTo(room.size() - beyond))
            window.resize(window.size() - beyond)
            self._bring_into(room)

    @override
    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() in {QEvent.Type.Resize, QEvent.Type.Move} and self._window.isVisible():
            self._timer.start()
        elif event.type() is QEvent.Type.Show:
            QTimer.singleShot(0, self, self._fit)
        return False

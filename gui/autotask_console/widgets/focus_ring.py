"""A ring around what one types into, two pixels wide: Fusion draws one, in a colour that is hardly seen."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtGui import QPainter, QPaintEvent, QRegion
from PySide6.QtWidgets import (
    QAbstractItemView,
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QLineEdit,
    QPlainTextEdit,
    QTextEdit,
    QWidget,
)
from typing_extensions import override

from autotask_console.platform.theme import tokens

WIDTH = 2
_FIELDS = (QLineEdit, QComboBox, QAbstractSpinBox, QPlainTextEdit, QTextEdit)


class FocusRings(QObject):
    """One for the program: the ring follows the keyboard.

    Lists and tables get it only from somebody who walks with keys; buttons, cells and the rail draw theirs.
    """

    def __init__(self, app: QApplication) -> None:
        super().__init__(app)
        self._ring: _Ring | None = None
        self._number = 0
        app.focusChanged.connect(self._moved)

    def _moved(self, _: QWidget | None, now: QWidget | None) -> None:
        before, self._ring = self._ring, None
        if before is not None:
            before.hide()
            before.deleteLater()
        if now is not None and _is_ringed(now):
            self._number += 1
            self._ring = _Ring(now)
            self._ring.destroyed.connect(lambda _=None, number=self._number: self._gone(number))

    def _gone(self, number: int) -> None:
        """A ring ends with what it lies around."""
        if number == self._number:
            self._ring = None


def _is_ringed(widget: QWidget) -> bool:
    if widget.window().windowType() is Qt.WindowType.Popup:
        return False  # a list that hangs below its field
    if isinstance(widget, QAbstractItemView):
        return widget.window().testAttribute(Qt.WidgetAttribute.WA_KeyboardFocusChange)
    return isinstance(widget, _FIELDS)


class _Ring(QWidget):
    """Lies over the edge of its parent, and of nothing else."""

    def __init__(self, around: QWidget) -> None:
        super().__init__(around)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        around.installEventFilter(self)
        self._fit(around)
        self.show()

    @override
    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() is QEvent.Type.Resize and isinstance(watched, QWidget):
            self._fit(watched)
        return False

    def _fit(self, around: QWidget) -> None:
        whole = around.rect()
        self.setGeometry(whole)
        self.setMask(QRegion(whole) - QRegion(whole.adjusted(WIDTH, WIDTH, -WIDTH, -WIDTH)))
        self.raise_()

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(self.rect(), tokens(self.palette()).accent)
        painter.end()

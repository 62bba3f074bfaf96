"""A rounded surface that groups things: cards, details panes, fields."""

from __future__ import annotations

from PySide6.QtCore import QRectF
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QFrame, QWidget
from typing_extensions import override

from autotask_console.platform.theme import tokens
from autotask_console.text import Tone


class Panel(QFrame):
    """White (or its dark counterpart) with a thin border; `tone` colours the border."""

    def __init__(self, *, tone: Tone | None = None, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._tone = tone

    def set_tone(self, tone: Tone | None) -> None:
        if tone is not self._tone:
            self._tone = tone
            self.update()

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        colours = tokens(self.palette())
        paint_panel(
            QPainter(self),
            QRectF(self.rect()),
            fill=colours.surface,
            border=colours.tones[self._tone] if self._tone else colours.border,
        )


def paint_panel(painter: QPainter, rect: QRectF, *, fill: QColor, border: QColor, radius: float = 6) -> None:
    """A rounded rectangle with a hairline border inside `rect`."""
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setBrush(fill)
    painter.setPen(QPen(border, 1))
    painter.drawRoundedRect(rect.adjusted(0.5, 0.5, -0.5, -0.5), radius, radius)

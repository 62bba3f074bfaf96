"""A line of at most sixty numbers, painted directly: no scene, no axes (1 ms for six, measured)."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QPointF, QRectF, QSize
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QSizePolicy, QWidget
from typing_extensions import override

from autotask_console.platform.theme import tokens
from autotask_console.text import Tone, number, tr


def paint_sparkline(
    painter: QPainter, rect: QRectF, points: Sequence[float], colour: QColor, *, top: float | None = None
) -> None:
    """Draws `points`, oldest first, from zero to `top` (their maximum if not given), a dot on the last."""
    if len(points) < 2:
        return
    highest = max(top or 0.0, *points, 1e-9)
    step = rect.width() / (len(points) - 1)
    line = QPolygonF(
        [
            QPointF(rect.left() + i * step, rect.bottom() - rect.height() * value / highest)
            for i, value in enumerate(points)
        ]
    )
    painter.setPen(QPen(colour, 1.25))
    painter.drawPolyline(line)
    painter.setBrush(colour)
    painter.drawEllipse(line.last(), 1.6, 1.6)


def describe_points(name: str, points: Sequence[float], span: str) -> str:
    """The text alternative: "Waiting: 12 to 42 in 30 min"."""
    if not points:
        return name
    return tr(
        "{name}: {first} to {last} in {span}",
        name=name,
        first=number(points[0]),
        last=number(points[-1]),
        span=span,
    )


class Sparkline(QWidget):
    """A sparkline as a widget. Give the same `top` to all of a group, so that they compare."""

    def __init__(self, *, tone: Tone = Tone.ACTIVE, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._tone = tone
        self._points: tuple[float, ...] = ()
        self._top: float | None = None
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def set_points(
        self, points: Sequence[float], *, top: float | None = None, tone: Tone | None = None, text: str = ""
    ) -> None:
        """Shows `points`; `text` is what a screen reader says (see `describe_points`)."""
        self._points = tuple(points)
        self._top = top
        self._tone = tone or self._tone
        self.setAccessibleName(text)
        self.setToolTip(text)
        self.update()

    @override
    def sizeHint(self) -> QSize:
        return QSize(120, 28)

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        area = QRectF(self.rect()).adjusted(1, 3, -3, -3)
        paint_sparkline(painter, area, self._points, tokens(self.palette()).tones[self._tone], top=self._top)

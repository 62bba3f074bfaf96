"""Keys of a chart: lines that can be switched off, and shaded stretches that can only be read."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QBrush, QColor, QEnterEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QAbstractButton, QSizePolicy, QWidget
from typing_extensions import override

from autotask_console.platform.theme import tokens
from autotask_console.text import Tone, tr
from autotask_console.widgets.button import paint_focus

_SAMPLE = 22
_GAP = 6


class LegendToggle(QAbstractButton):
    """A line's sample and name; checked while the line is shown."""

    def __init__(
        self, text: str, *, tone: Tone, style: Qt.PenStyle, name: str, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setObjectName(name)
        self.setText(text)
        self._tone = tone
        self._style = style
        self.setCheckable(True)
        self.setChecked(True)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.setToolTip(tr("Show or hide this line"))
        self.setAccessibleName(tr("Line: {name}", name=text))

    @override
    def sizeHint(self) -> QSize:
        metrics = self.fontMetrics()
        width = _SAMPLE + _GAP + metrics.horizontalAdvance(self.text()) + 10
        return QSize(width, metrics.height() + 6)

    @override
    def enterEvent(self, event: QEnterEvent) -> None:
        self.update()
        super().enterEvent(event)

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        colours = tokens(self.palette())
        painter = QPainter(self)
        area = QRectF(self.rect())
        if self.underMouse():
            painter.fillRect(area, colours.hover)
        on = self.isChecked()
        painter.setPen(QPen(colours.tones[self._tone] if on else colours.disabled, 1.5, self._style))
        middle = area.center().y()
        painter.drawLine(QPointF(4, middle), QPointF(4 + _SAMPLE, middle))
        font = self.font()
        font.setStrikeOut(not on)
        painter.setFont(font)
        painter.setPen(colours.text if on else colours.muted)
        words = area.adjusted(4 + _SAMPLE + _GAP, 0, 0, 0)
        painter.drawText(words, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, self.text())
        if self.hasFocus():
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            paint_focus(painter, area, colours)


class BandKey(QWidget):
    """A shaded stretch's sample and what it means."""

    def __init__(
        self, text: str, *, tone: Tone, hatched: bool = False, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._text = text
        self._tone = tone
        self._hatched = hatched
        self.setAccessibleName(tr("Shaded: {name}", name=text))
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)

    @override
    def sizeHint(self) -> QSize:
        metrics = self.fontMetrics()
        return QSize(14 + _GAP + metrics.horizontalAdvance(self._text) + 8, metrics.height() + 6)

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        colours = tokens(self.palette())
        painter = QPainter(self)
        middle = self.rect().center().y()
        sample = QRectF(2, middle - 6, 14, 12)
        painter.fillRect(sample, band_brush(colours.tones[self._tone], hatched=self._hatched))
        painter.setPen(colours.muted)
        words = QRectF(self.rect()).adjusted(16 + _GAP, 0, 0, 0)
        painter.drawText(words, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, self._text)


def band_brush(colour: QColor, *, hatched: bool) -> QBrush:
    """How a stretch is shaded: plain or hatched, so that hue alone never tells two apart."""
    shade = QColor(colour)
    shade.setAlpha(120 if hatched else 36)
    brush = QBrush(shade)
    if hatched:
        brush.setStyle(Qt.BrushStyle.BDiagPattern)
    return brush

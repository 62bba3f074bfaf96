"""The strip of numbers at a glance; each cell is a button that leads to what it counts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QEnterEvent, QFont, QFontMetricsF, QPainter, QPaintEvent
from PySide6.QtWidgets import QAbstractButton, QHBoxLayout, QSizePolicy, QWidget
from typing_extensions import override

from autotask_console.platform.fonts import scaled
from autotask_console.platform.theme import Tokens, tokens
from autotask_console.text import Tone
from autotask_console.widgets.button import keyboard_is_here, paint_focus
from autotask_console.widgets.panel import paint_panel
from autotask_console.widgets.sparkline import paint_sparkline

_HEIGHT, _COMPACT = 57, 28
_PAD = 11


@dataclass(frozen=True, kw_only=True, slots=True)
class CellValue:
    """What a cell shows. `points` is a sparkline, oldest first."""

    value: str
    note: str = ""
    tone: Tone | None = None
    points: tuple[float, ...] = ()
    points_tone: Tone = Tone.ACTIVE
    tip: str = ""


class Cell(QAbstractButton):
    """Caption, number, note; the number's digits keep their width, so nothing jumps."""

    def __init__(self, cell_id: str, caption: str, *, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName(f"strip.{cell_id}")
        self.cell_id = cell_id
        self._caption = caption
        self._shown = CellValue(value="–")
        self._compact = False
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self._name()

    @property
    def shown(self) -> CellValue:
        return self._shown

    def show_value(self, value: CellValue) -> None:
        if value != self._shown:
            self._shown = value
            self._name()
            self.update()

    def set_compact(self, compact: bool) -> None:
        self._compact = compact
        self.updateGeometry()
        self.update()

    def _name(self) -> None:
        shown = self._shown
        note = f", {shown.note}" if shown.note else ""
        self.setAccessibleName(f"{self._caption}: {shown.value}{note}")
        self.setToolTip(shown.tip)

    @override
    def sizeHint(self) -> QSize:
        return QSize(150, _COMPACT if self._compact else _HEIGHT)

    @override
    def minimumSizeHint(self) -> QSize:
        return QSize(112, self.sizeHint().height())

    @override
    def enterEvent(self, event: QEnterEvent) -> None:
        self.update()
        super().enterEvent(event)

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        colours = tokens(self.palette())
        painter = QPainter(self)
        area = QRectF(self.rect())
        fill = colours.hover if self.underMouse() or self.isDown() else colours.surface
        paint_panel(painter, area, fill=fill, border=colours.border)
        inner = area.adjusted(_PAD, 5, -_PAD, -5)
        if self._compact:
            self._paint_line(painter, inner, colours)
        else:
            self._paint_block(painter, inner, colours)
        if keyboard_is_here(self):
            paint_focus(painter, area, colours)

    def _paint_block(self, painter: QPainter, inner: QRectF, colours: Tokens) -> None:
        shown = self._shown
        minor = scaled(self.font(), 0.9)
        minor_height = QFontMetricsF(minor).height()
        painter.setFont(minor)
        painter.setPen(colours.muted)
        top = QRectF(inner.left(), inner.top(), inner.width(), minor_height)
        painter.drawText(top, Qt.AlignmentFlag.AlignLeft, self._caption.upper())
        bottom = QRectF(inner.left(), inner.bottom() - minor_height, inner.width(), minor_height)
        metrics = QFontMetricsF(minor)
        note = metrics.elidedText(shown.note, Qt.TextElideMode.ElideRight, bottom.width())
        painter.drawText(bottom, Qt.AlignmentFlag.AlignLeft, note)
        painter.setFont(fitting_font(self.font(), shown.value, inner.width()))
        painter.setPen(colours.tones[shown.tone] if shown.tone else colours.text)
        middle = QRectF(inner.left(), top.bottom(), inner.width(), bottom.top() - top.bottom())
        metrics = QFontMetricsF(painter.font())
        value = metrics.elidedText(shown.value, Qt.TextElideMode.ElideRight, inner.width())
        width = metrics.horizontalAdvance(value)
        painter.drawText(middle, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, value)
        room = inner.width() - width - 14
        if shown.points and room >= 36:
            wide = min(70.0, room)
            spark = QRectF(inner.right() - wide, middle.center().y() - 8, wide - 2, 15)
            paint_sparkline(painter, spark, shown.points, colours.tones[shown.points_tone])

    def _paint_line(self, painter: QPainter, inner: QRectF, colours: Tokens) -> None:
        minor = scaled(self.font(), 0.9)
        painter.setFont(minor)
        painter.setPen(colours.muted)
        flags = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
        painter.drawText(inner, flags, self._caption)
        width = QFontMetricsF(minor).horizontalAdvance(self._caption) + 8
        painter.setFont(scaled(self.font(), 1.0, bold=True))
        painter.setPen(colours.tones[self._shown.tone] if self._shown.tone else colours.text)
        rest = inner.adjusted(width, 0, 0, 0)
        metrics = QFontMetricsF(painter.font())
        value = metrics.elidedText(self._shown.value, Qt.TextElideMode.ElideRight, rest.width())
        painter.drawText(rest, flags, value)


class Strip(QWidget):
    """The cells side by side; `pressed(cell_id)` when one is activated."""

    pressed = Signal(str)

    def __init__(self, cells: Sequence[tuple[str, str]], *, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("strip")
        self._cells = {cell_id: Cell(cell_id, caption, parent=self) for cell_id, caption in cells}
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        for cell in self._cells.values():
            cell.clicked.connect(lambda _=False, which=cell.cell_id: self.pressed.emit(which))
            row.addWidget(cell, 1)

    @property
    def ids(self) -> tuple[str, ...]:
        return tuple(self._cells)

    def __getitem__(self, cell_id: str) -> Cell:
        return self._cells[cell_id]

    def show_values(self, values: dict[str, CellValue]) -> None:
        for cell_id, value in values.items():
            self._cells[cell_id].show_value(value)

    def set_compact(self, compact: bool) -> None:
        for cell in self._cells.values():
            cell.set_compact(compact)


def number_font(base: QFont, factor: float = 1.34) -> QFont:
    """Large and bold, every digit equally wide."""
    font = scaled(base, factor, bold=True)
    font.setFeature(QFont.Tag("tnum"), 1)
    return font


def fitting_font(base: QFont, text: str, width: float) -> QFont:
    """The largest size, down to that of the notes, in which `text` is no wider than `width`."""
    fonts = [number_font(base, factor) for factor in (1.34, 1.15, 1.0, 0.9)]
    return next((font for font in fonts if QFontMetricsF(font).horizontalAdvance(text) <= width), fonts[-1])

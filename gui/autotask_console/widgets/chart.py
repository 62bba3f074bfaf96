"""A line chart over time: the one home of pyqtgraph.

As measured: lines one pixel wide without antialiasing (two pixels with it cost 50 times as much),
clipped to the view and downsampled, `setData` on items that stay, gaps as NaN, no menu. pyqtgraph
takes 200–460 ms to import; so this module is imported when the first chart is made, not at start.
"""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

os.environ.setdefault("PYQTGRAPH_QT_LIB", "PySide6")

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QEvent, QPointF, QRectF, Qt, Signal
from PySide6.QtWidgets import QVBoxLayout, QWidget
from typing_extensions import override

from autotask_console.platform.theme import tokens
from autotask_console.text import Tone
from autotask_console.widgets.legend import band_brush
from autotask_console.widgets.scales import COUNT, Scale

_AXIS_WIDTH = 52
_HEADROOM = 1.03
"""So that a line along the top is not cut in half."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """One curve: `style` differs from the others', so that hue alone never tells them apart.

    `right` measures it on the right axis.
    """

    name: str
    tone: Tone
    style: Qt.PenStyle = Qt.PenStyle.SolidLine
    right: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Band:
    """A shaded stretch of time (offline, maintenance); seconds since the epoch."""

    start: float
    end: float
    name: str
    tone: Tone = Tone.HELD
    hatched: bool = False


class ValueAxis(pg.AxisItem):  # type: ignore[misc]  # pyqtgraph ships no types
    """Ticks in a scale's own steps.

    The right axis is the left one in other units: `factor` of its units make one of the left's.
    That spares a second view, and both axes share their grid lines' ends.
    """

    def __init__(self, side: str, scale: Scale) -> None:
        super().__init__(orientation=side)
        self.enableAutoSIPrefix(False)
        self.setWidth(_AXIS_WIDTH)
        self.value_scale = scale
        self.factor = 1.0

    def tickValues(self, minVal: float, maxVal: float, size: float) -> list[tuple[float, list[float]]]:
        """All of one level, from zero."""
        highest = maxVal * self.factor / _HEADROOM
        step = self.value_scale.step(highest / max(1.0, min(4.0, size / 24)))
        count = int(highest / step + 1e-6) + 1
        return [(step, [place * step / self.factor for place in range(count)])]

    def boundingRect(self) -> QRectF:
        """With room for half a label above and below: pyqtgraph leaves out what does not fit whole."""
        rect: QRectF = super().boundingRect()
        return rect.adjusted(0, -9, 0, 9)

    def tickStrings(self, values: Sequence[float], scale: float, spacing: float) -> list[str]:
        """In this axis's own units."""
        return [self.value_scale.label(value * self.factor, spacing) for value in values]


class LocalTimeAxis(pg.AxisItem):  # type: ignore[misc]  # pyqtgraph ships no types
    """Times of this laptop's clock; pyqtgraph's own axis takes the offset of 1970 in some zones."""

    def tickValues(self, minVal: float, maxVal: float, size: float) -> list[tuple[float, list[float]]]:
        """Ticks on whole steps of local time, about one each 90 pixels."""
        span = max(1.0, maxVal - minVal)
        wanted = span / max(2.0, size / 90)
        step = next((s for s in _STEPS if s >= wanted), _STEPS[-1])
        offset = _utc_offset(minVal)
        first = math.ceil((minVal + offset) / step) * step - offset
        count = int((maxVal - first) // step) + 1
        return [(float(step), [first + i * step for i in range(max(0, count))])]

    def tickStrings(self, values: Sequence[float], scale: float, spacing: float) -> list[str]:
        """Short where the ticks are close, with the date where they are days apart."""
        if spacing < 60:
            pattern = "%H:%M:%S"
        elif spacing < 86_400:
            pattern = "%H:%M"
        else:
            pattern = "%d %b"
        return [datetime.fromtimestamp(v).astimezone().strftime(pattern) for v in values]


_STEPS = (1, 5, 10, 30, 60, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400, 172_800, 604_800)


def _utc_offset(at: float) -> float:
    offset = datetime.fromtimestamp(at).astimezone().utcoffset()
    return offset.total_seconds() if offset is not None else 0.0


def lonely(values: Any) -> Any:
    """A mask of the finite values (a float array) that have no finite neighbour."""
    known = np.isfinite(values)
    beside = np.zeros_like(known)
    beside[1:] |= known[:-1]
    beside[:-1] |= known[1:]
    return known & ~beside


class Chart(QWidget):
    """Curves over a common time axis.

    `moved()` when a person pans or zooms (live following should pause), `hovered(at)` with the time
    under the pointer and `unhovered()` when it left. `name` and `set_summary` are what a screen
    reader gets; give it a table too. `times` False leaves the labels to a chart below.
    """

    moved = Signal()
    hovered = Signal(float)
    unhovered = Signal()

    def __init__(
        self,
        lines: Sequence[Line],
        *,
        name: str,
        left: Scale = COUNT,
        right: Scale | None = None,
        times: bool = True,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setObjectName(name)
        self.lines = tuple(lines)
        self._left = ValueAxis("left", left)
        self._right = ValueAxis("right", right) if right is not None else None
        self._bands: list[Any] = []
        self._shown_bands: tuple[Band, ...] = ()
        self._data: tuple[Any, list[Any]] = (np.empty(0), [np.empty(0) for _ in self.lines])
        self._visible = [True] * len(self.lines)
        axes: dict[str, Any] = {"bottom": LocalTimeAxis(orientation="bottom"), "left": self._left}
        if self._right is not None:
            axes["right"] = self._right
        self._plot = pg.PlotWidget(axisItems=axes, enableMenu=False, parent=self)
        self._build(times=times)
        column = QVBoxLayout(self)
        # Charts one above the other stay aligned, whether or not they have a right axis.
        column.setContentsMargins(0, 0, 0 if self._right is not None else _AXIS_WIDTH, 0)
        column.addWidget(self._plot)
        self._paint_colours()

    def _build(self, *, times: bool) -> None:
        plot = self._plot
        plot.setAntialiasing(False)
        # Made even when no menu is wanted, and without a parent: it would outlive the chart. It keeps its
        # flags, so that it stays a window of its own, never shown, and no part of the picture.
        menu = plot.getPlotItem().ctrlMenu
        menu.setParent(self, menu.windowFlags())
        plot.hideButtons()
        plot.setMouseEnabled(x=True, y=False)
        plot.setFrameShape(pg.QtWidgets.QFrame.Shape.NoFrame)
        plot.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        if not times:
            plot.getAxis("bottom").setStyle(showValues=False)
            plot.getAxis("bottom").setHeight(6)
        item = plot.getPlotItem()
        item.setContentsMargins(0, 4, 0, 0)
        item.setDownsampling(auto=True, mode="peak")
        item.setClipToView(True)
        item.vb.setLimits(yMin=0)
        item.showGrid(x=False, y=True, alpha=0.15)
        if self._right is not None:
            self._right.setGrid(False)
        self._curves = [plot.plot(connect="finite", antialias=False) for _ in self.lines]
        # A value between two gaps is no line; without a dot it would not be seen at all.
        self._dots = [pg.ScatterPlotItem(size=4, antialias=False) for _ in self.lines]
        for dots in self._dots:
            plot.addItem(dots, ignoreBounds=True)
        self._cursor = pg.InfiniteLine(angle=90, movable=False)
        self._cursor.hide()
        plot.addItem(self._cursor, ignoreBounds=True)
        # By a person only: it is not emitted by show_range.
        item.vb.sigRangeChangedManually.connect(lambda *_: self.moved.emit())
        plot.scene().sigMouseMoved.connect(self._hover)

    def show_series(self, times: Sequence[float], series: Sequence[Sequence[float | None]]) -> None:
        """Replaces the points; None (or NaN) is a gap. One sequence for each line, in their order."""
        ys = [np.array([math.nan if v is None else v for v in values], dtype=float) for values in series]
        self._data = (np.asarray(times, dtype=float), ys)
        self._draw()

    def set_line_visible(self, place: int, visible: bool) -> None:
        """Shows or hides the line at `place`; the axes fit what is left."""
        self._visible[place] = visible
        self._curves[place].setVisible(visible)
        self._dots[place].setVisible(visible)
        self._draw()

    def _draw(self) -> None:
        x, ys = self._data
        left, right = (self._highest(right=side) for side in (False, True))
        top = self._left.value_scale.top(left)
        factor = 1.0
        if self._right is not None:
            factor = self._right.value_scale.top(right) / top
            if factor != self._right.factor:
                self._right.factor = factor
                self._right.picture = None
                self._right.update()
        for curve, dots, line, y in zip(self._curves, self._dots, self.lines, ys, strict=True):
            drawn = y / factor if line.right else y
            curve.setData(x, drawn)
            alone = lonely(drawn)
            dots.setData(x[alone], drawn[alone])
        self._plot.setYRange(0, top * _HEADROOM, padding=0)

    def _highest(self, *, right: bool) -> float:
        shown = [
            y
            for y, line, visible in zip(self._data[1], self.lines, self._visible, strict=True)
            if line.right is right and visible and y.size and not np.all(np.isnan(y))
        ]
        return max((float(np.nanmax(y)) for y in shown), default=0.0)

    def show_range(self, start: float, end: float) -> None:
        """The visible span of time; does not emit `moved`."""
        self._plot.setXRange(start, end, padding=0)

    def set_limits(self, start: float, end: float, *, shortest: float, longest: float) -> None:
        """How far a person can pan, and how narrow and wide they can zoom; in seconds."""
        self._plot.getPlotItem().vb.setLimits(xMin=start, xMax=end, minXRange=shortest, maxXRange=longest)

    @property
    def range(self) -> tuple[float, float]:
        low, high = self._plot.getPlotItem().vb.viewRange()[0]
        return float(low), float(high)

    def show_bands(self, bands: Sequence[Band]) -> None:
        """Shades stretches of time behind the curves."""
        if tuple(bands) == self._shown_bands:
            return
        self._shown_bands = tuple(bands)
        for old in self._bands:
            self._plot.removeItem(old)
        self._bands = []
        colours = tokens(self.palette())
        no_pen = pg.mkPen(None)
        for band in bands:
            brush = band_brush(colours.tones[band.tone], hatched=band.hatched)
            region = pg.LinearRegionItem((band.start, band.end), movable=False, brush=brush, pen=no_pen)
            region.setZValue(-10)
            region.setToolTip(band.name)
            self._plot.addItem(region, ignoreBounds=True)
            self._bands.append(region)

    def show_cursor(self, at: float | None) -> None:
        """The vertical line that linked charts share."""
        self._cursor.setVisible(at is not None)
        if at is not None:
            self._cursor.setPos(at)

    def set_summary(self, text: str) -> None:
        """What a screen reader says about the picture."""
        self.setAccessibleDescription(text)
        self._plot.setAccessibleDescription(text)

    @override
    def setAccessibleName(self, name: str) -> None:
        super().setAccessibleName(name)
        self._plot.setAccessibleName(name)

    def _hover(self, place: QPointF) -> None:
        box = self._plot.getPlotItem().vb
        if box.sceneBoundingRect().contains(place):
            self.hovered.emit(float(box.mapSceneToView(place).x()))

    def _paint_colours(self) -> None:
        colours = tokens(self.palette())
        self._plot.setBackground(colours.surface)
        for side in ("left", "bottom", *(("right",) if self._right is not None else ())):
            axis = self._plot.getAxis(side)
            axis.setPen(pg.mkPen(colours.border))
            axis.setTextPen(pg.mkPen(colours.muted))
        self._cursor.setPen(pg.mkPen(colours.muted))
        for curve, dots, spec in zip(self._curves, self._dots, self.lines, strict=True):
            curve.setPen(pg.mkPen(colours.tones[spec.tone], width=1, style=spec.style))
            dots.setPen(pg.mkPen(None))
            dots.setBrush(pg.mkBrush(colours.tones[spec.tone]))
        bands, self._shown_bands = self._shown_bands, ()
        self.show_bands(bands)

    @override
    def changeEvent(self, event: QEvent) -> None:
        if event.type() is QEvent.Type.PaletteChange:
            self._paint_colours()
        super().changeEvent(event)

    @override
    def leaveEvent(self, event: QEvent) -> None:
        self.unhovered.emit()
        super().leaveEvent(event)

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
from PySide6.QtCore import QEvent, QPointF, Qt, Signal
from PySide6.QtWidgets import QVBoxLayout, QWidget
from typing_extensions import override

from autotask_console.platform.theme import tokens
from autotask_console.text import Tone, number

LineStyle = Qt.PenStyle


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """One curve: `style` differs from the others', so that hue alone never tells them apart."""

    name: str
    tone: Tone
    style: Qt.PenStyle = Qt.PenStyle.SolidLine


@dataclass(frozen=True, kw_only=True, slots=True)
class Band:
    """A shaded stretch of time (offline, maintenance); seconds since the epoch."""

    start: float
    end: float
    name: str
    tone: Tone = Tone.HELD


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


class Chart(QWidget):
    """Curves over a common time axis.

    `moved()` when a person pans or zooms (live following should pause), `hovered(at)` with the time
    under the pointer. `name` and `set_summary` are what a screen reader gets; give it a table too.
    """

    moved = Signal()
    hovered = Signal(float)

    def __init__(
        self, lines: Sequence[Line], *, name: str, unit: str = "", parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setObjectName(name)
        self.lines = tuple(lines)
        self._unit = unit
        self._bands: list[Any] = []
        self._shown_bands: tuple[Band, ...] = ()
        self._quiet = False
        axis = LocalTimeAxis(orientation="bottom")
        self._plot = pg.PlotWidget(axisItems={"bottom": axis}, parent=self)
        self._plot.setAntialiasing(False)
        self._plot.setMenuEnabled(False)
        self._plot.hideButtons()
        self._plot.setMouseEnabled(x=True, y=False)
        self._plot.setFrameShape(pg.QtWidgets.QFrame.Shape.NoFrame)
        self._plot.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._plot.getAxis("left").setWidth(44)
        item = self._plot.getPlotItem()
        item.setDownsampling(auto=True, mode="peak")
        item.setClipToView(True)
        item.showGrid(x=False, y=True, alpha=0.15)
        item.vb.setLimits(yMin=0)
        self._curves = [self._plot.plot(connect="finite", antialias=False) for _ in self.lines]
        self._cursor = pg.InfiniteLine(angle=90, movable=False)
        self._cursor.hide()
        self._plot.addItem(self._cursor, ignoreBounds=True)
        item.vb.sigRangeChangedManually.connect(self._moved)
        self._plot.scene().sigMouseMoved.connect(self._hover)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self._plot)
        self._paint_colours()

    def show_series(self, times: Sequence[float], series: Sequence[Sequence[float | None]]) -> None:
        """Replaces the points; None (or NaN) is a gap. One sequence for each line, in their order."""
        x = np.asarray(times, dtype=float)
        highest = 0.0
        for curve, values in zip(self._curves, series, strict=True):
            y = np.array([math.nan if v is None else v for v in values], dtype=float)
            curve.setData(x, y)
            if y.size and not np.all(np.isnan(y)):
                highest = max(highest, float(np.nanmax(y)))
        self._quiet = True
        self._plot.setYRange(0, highest * 1.1 or 1.0, padding=0)
        self._quiet = False

    def show_range(self, start: float, end: float) -> None:
        """The visible span of time; does not emit `moved`."""
        self._quiet = True
        self._plot.setXRange(start, end, padding=0)
        self._quiet = False

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
            colour = pg.mkColor(colours.tones[band.tone])
            colour.setAlpha(36)
            region = pg.LinearRegionItem((band.start, band.end), movable=False, brush=colour, pen=no_pen)
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

    def value_text(self, value: float) -> str:
        return f"{number(value, decimals=0 if value >= 10 else 1)} {self._unit}".strip()

    def _moved(self, *_: object) -> None:
        if not self._quiet:
            self.moved.emit()

    def _hover(self, place: QPointF) -> None:
        box = self._plot.getPlotItem().vb
        if box.sceneBoundingRect().contains(place):
            self.hovered.emit(float(box.mapSceneToView(place).x()))

    def _paint_colours(self) -> None:
        colours = tokens(self.palette())
        self._plot.setBackground(colours.surface)
        for side in ("left", "bottom"):
            axis = self._plot.getAxis(side)
            axis.setPen(pg.mkPen(colours.border))
            axis.setTextPen(pg.mkPen(colours.muted))
        self._cursor.setPen(pg.mkPen(colours.muted))
        for curve, spec in zip(self._curves, self.lines, strict=True):
            curve.setPen(pg.mkPen(colours.tones[spec.tone], width=1, style=spec.style))
        bands, self._shown_bands = self._shown_bands, ()
        self.show_bands(bands)

    @override
    def changeEvent(self, event: QEvent) -> None:
        if event.type() is QEvent.Type.PaletteChange:
            self._paint_colours()
        super().changeEvent(event)

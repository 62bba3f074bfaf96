"""The three charts, one above the other, moving together. Importing this imports pyqtgraph."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from autotask_console.pages.metrics.buckets import Bucket, Figures, at_time, stretches
from autotask_console.pages.metrics.view import KEPT, LONGEST, SHORTEST, View
from autotask_console.pages.metrics.words import low_confidence, readouts, summaries
from autotask_console.text import Tone, tr
from autotask_console.widgets.chart import Band, Chart, Line
from autotask_console.widgets.label import heading, small
from autotask_console.widgets.legend import BandKey, LegendToggle
from autotask_console.widgets.panel import Panel
from autotask_console.widgets.scales import AGE, COUNT, LATENCY

_DASH, _DOT = Qt.PenStyle.DashLine, Qt.PenStyle.DotLine


class Plot(Panel):
    """A chart with its title, its legend and a line for the values under the pointer."""

    def __init__(self, chart: Chart, *, title: str, keys: Sequence[BandKey] = ()) -> None:
        super().__init__()
        self.chart = chart
        chart.setAccessibleName(title)
        self._notice = ""
        self._values = ""
        self._line = small()
        self._line.setObjectName(f"{chart.objectName()}.values")
        self._line.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        # Its words come and go; the width of the window must not.
        self._line.setMinimumWidth(1)
        top = QHBoxLayout()
        top.setContentsMargins(10, 0, 10, 0)
        top.setSpacing(4)
        top.addWidget(heading(title, factor=1.0))
        top.addSpacing(8)
        for place, line in enumerate(chart.lines):
            name = f"{chart.objectName()}.show.{place}"
            toggle = LegendToggle(line.name, tone=line.tone, style=line.style, name=name)
            toggle.toggled.connect(lambda on, which=place: chart.set_line_visible(which, on))
            top.addWidget(toggle)
        top.addSpacing(8)
        for key in keys:
            top.addWidget(key)
        top.addWidget(self._line, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(2, 4, 2, 2)
        column.setSpacing(0)
        column.addLayout(top)
        column.addWidget(chart, 1)

    @property
    def line(self) -> str:
        return self._line.text()

    def show_values(self, text: str) -> None:
        """What is under the pointer; empty shows the notice again."""
        self._values = text
        self._show()

    def set_notice(self, text: str) -> None:
        """What to know about the data while nothing is pointed at."""
        self._notice = text
        self._show()

    def _show(self) -> None:
        self._line.set_tone(Tone.QUIET if self._values else Tone.WARN)
        self._line.setText(self._values or (f"⚠ {self._notice}" if self._notice else ""))


class Plots(QWidget):
    """`moved(start, end)` when a person panned or zoomed any of the three."""

    moved = Signal(float, float)

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("metrics.plots")
        self._buckets: Sequence[Bucket] = ()
        self._now = 0.0
        requests = Chart(
            (
                Line(name=tr("sent"), tone=Tone.GOOD),
                Line(name=tr("failed"), tone=Tone.BAD, style=_DASH),
                Line(name=tr("queued"), tone=Tone.ACTIVE, style=_DOT),
            ),
            name="metrics.requests",
            left=COUNT,
            times=False,
        )
        waiting = Chart(
            (
                Line(name=tr("waiting (left)"), tone=Tone.ACTIVE),
                Line(name=tr("oldest age (right)"), tone=Tone.WARN, style=_DASH, right=True),
            ),
            name="metrics.waiting",
            left=COUNT,
            right=AGE,
            times=False,
        )
        times = Chart(
            (
                Line(name=tr("p50"), tone=Tone.ACTIVE),
                Line(name=tr("p95"), tone=Tone.HELD, style=_DASH),
            ),
            name="metrics.times",
            left=LATENCY,
        )
        keys = (
            BandKey(tr("offline"), tone=Tone.HELD),
            BandKey(tr("held"), tone=Tone.WARN, hatched=True),
            BandKey(tr("still running"), tone=Tone.QUIET),
        )
        self.plots = (
            Plot(requests, title=tr("Requests per minute"), keys=keys),
            Plot(waiting, title=tr("Waiting and oldest age")),
            Plot(times, title=tr("Response time")),
        )
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        for plot in self.plots:
            column.addWidget(plot, 1)
            plot.chart.moved.connect(lambda chart=plot.chart: self._moved(chart))
            plot.chart.hovered.connect(self._hovered)
            plot.chart.unhovered.connect(lambda: self._hovered(None))
        # The lowest one has the time axis besides.
        column.setStretch(2, 1)

    def show_buckets(self, buckets: Sequence[Bucket], shown: Figures, *, now: float) -> None:
        """Draws the values of the shown range."""
        self._buckets, self._now = buckets, now
        times = [b.middle for b in buckets]
        requests, waiting, answers = (plot.chart for plot in self.plots)
        requests.show_series(
            times, ([b.sent for b in buckets], [b.failed for b in buckets], [b.queued for b in buckets])
        )
        waiting.show_series(times, ([b.waiting for b in buckets], [b.oldest_age for b in buckets]))
        answers.show_series(times, ([b.p50 for b in buckets], [b.p95 for b in buckets]))
        bands = _bands(buckets)
        for plot, summary in zip(self.plots, summaries(shown), strict=True):
            plot.chart.show_bands(bands)
            plot.chart.set_summary(summary)
        self.plots[2].set_notice(low_confidence(shown))

    def show_view(self, view: View, *, now: float) -> None:
        """Moves all three to `view`, and sets how far a person can go from there."""
        for plot in self.plots:
            end = max(view.end, now)
            plot.chart.set_limits(now - KEPT, end, shortest=SHORTEST, longest=LONGEST + view.size)
            plot.chart.show_range(view.start, view.end)

    def _moved(self, chart: Chart) -> None:
        start, end = chart.range
        for plot in self.plots:
            if plot.chart is not chart:
                plot.chart.show_range(start, end)
        self.moved.emit(start, end)

    def _hovered(self, at: float | None) -> None:
        bucket = at_time(self._buckets, at) if at is not None else None
        texts = readouts(bucket, now=self._now) if bucket is not None else ("", "", "")
        for plot, text in zip(self.plots, texts, strict=True):
            plot.chart.show_cursor(at if bucket is not None else None)
            plot.show_values(text)


def _bands(buckets: Sequence[Bucket]) -> list[Band]:
    offline = [Band(start=s, end=e, name=tr("offline")) for s, e in stretches(buckets, "offline")]
    held = [
        Band(start=s, end=e, name=tr("held"), tone=Tone.WARN, hatched=True)
        for s, e in stretches(buckets, "held")
    ]
    running = [
        Band(start=s, end=e, name=tr("still running"), tone=Tone.QUIET)
        for s, e in stretches(buckets, "partial")
    ]
    return [*offline, *held, *running]

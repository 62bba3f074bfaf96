"""What one repaint of the charts costs on the window's thread.

    python gui/benchmarks/charts.py [--repaints 100]

Each line replaces all points and paints at once, as the metrics page does at most once a second. First one
chart with six lines of 3,600 points, the case that the design was measured with (platform.md: 2.3 ms with
lines one pixel wide and not antialiased, 126 ms with two pixels and antialiasing; the second row shows that
on this machine). Then the page itself: its three charts with seven lines, as it draws them (600 points at
most), and with six times as many. Offscreen, unless QT_QPA_PLATFORM says otherwise. The budget is 8 ms.
"""

from __future__ import annotations

import argparse
import os
import random
import statistics
import sys
import time
from collections.abc import Callable, Sequence

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QGraphicsView, QWidget

from autotask_console.pages.metrics.buckets import Bucket, figures
from autotask_console.pages.metrics.plots import Plots
from autotask_console.pages.metrics.view import View
from autotask_console.platform.fonts import ensure_fonts
from autotask_console.platform.theme import Theme
from autotask_console.text import Tone
from autotask_console.widgets.chart import Chart, Line

BUDGET_MS = 8.0
START = 1_800_000_000.0
_TONES = (Tone.GOOD, Tone.BAD, Tone.ACTIVE, Tone.WARN, Tone.HELD, Tone.QUIET)


def walk(count: int, *, seed: int) -> list[float]:
    """A line that looks like a measured one."""
    rng, level, out = random.Random(seed), 20.0, []
    for _ in range(count):
        level = max(0.0, level + rng.uniform(-3, 3))
        out.append(level)
    return out


def buckets(count: int, *, seed: int) -> list[Bucket]:
    """Minutes of a busy day, a stretch of it offline."""
    sent, waiting, p95 = (walk(count, seed=seed + i) for i in range(3))
    return [
        Bucket(
            start=START + 60 * i,
            size=60,
            recorded=1,
            sent=sent[i],
            failed=sent[i] / 20,
            queued=sent[count - 1 - i],
            most_sent=int(sent[i]),
            waiting=int(waiting[i]),
            oldest_age=waiting[i] * 20,
            p50=p95[i] / 100,
            p95=p95[i] / 30,
            samples=int(sent[i]),
            offline=count // 3 < i < count // 2,
        )
        for i in range(count)
    ]


def measure(show: Callable[[int], None], window: QWidget, repaints: int) -> list[float]:
    """Milliseconds of each repaint, after three that warm up."""
    views = [view.viewport() for view in window.findChildren(QGraphicsView)]
    out = []
    for turn in range(repaints + 3):
        start = time.perf_counter()
        show(turn)
        for view in views:
            view.repaint()
        out.append((time.perf_counter() - start) * 1000)
    return out[3:]


def one_chart(count: int, *, wide: bool) -> tuple[Chart, Callable[[int], None]]:
    """Six lines in one chart; `wide` as it should not be done."""
    chart = Chart([Line(name=str(t), tone=t) for t in _TONES], name="chart")
    chart.resize(1000, 300)
    if wide:
        for curve in chart.findChildren(QGraphicsView)[0].getPlotItem().listDataItems():  # type: ignore[attr-defined]
            pen = curve.opts["pen"]
            pen.setWidth(2)
            curve.setPen(pen)
            curve.opts["antialias"] = True
    times = [START + i for i in range(count)]
    series = [[walk(count, seed=10 * turn + i) for i in range(len(_TONES))] for turn in range(4)]
    chart.show_range(times[0], times[-1])
    return chart, lambda turn: chart.show_series(times, series[turn % 4])


def page(count: int) -> tuple[Plots, Callable[[int], None]]:
    """The three charts of the page."""
    plots = Plots()
    plots.resize(980, 520)
    rounds = [buckets(count, seed=turn) for turn in range(4)]
    end = START + 60 * count
    plots.show_view(View(start=START, end=end), now=end)

    def show(turn: int) -> None:
        shown = rounds[turn % 4]
        plots.show_buckets(shown, figures(shown, now=14), now=end)

    return plots, show


def report(name: str, costs: Sequence[float], *, bounded: bool = True) -> None:
    """Prints one row."""
    typical = statistics.median(costs)
    slow = statistics.quantiles(costs, n=20)[-1]
    verdict = "" if not bounded else "ok" if typical <= BUDGET_MS else f"over {BUDGET_MS:g} ms"
    print(f"{name:<52}{typical:8.1f}{slow:8.1f}   {verdict}")


def main(arguments: Sequence[str] | None = None) -> int:
    """Measures and prints all cases."""
    parser = argparse.ArgumentParser(description="What one repaint of the charts costs.")
    parser.add_argument("--repaints", type=int, default=100, help="how often each case is painted")
    repaints = parser.parse_args(arguments).repaints
    app = QApplication(sys.argv[:1])
    ensure_fonts(app)
    theme = Theme(app, "light")
    print(f"{'milliseconds a repaint':<52}{'median':>8}{'p95':>8}")
    cases: list[tuple[str, tuple[QWidget, Callable[[int], None]], int, bool]] = [
        ("one chart, 6 lines of 3,600 points", one_chart(3_600, wide=False), repaints, True),
        ("the same, two pixels wide, antialiased", one_chart(3_600, wide=True), min(10, repaints), False),
        ("the page: 3 charts, 7 lines of 60 points (1 h)", page(60), repaints, True),
        ("the page: 3 charts, 7 lines of 504 points (7 d)", page(504), repaints, True),
        ("the page: 3 charts, 7 lines of 3,600 points", page(3_600), repaints, False),
    ]
    for name, (window, show), times, bounded in cases:
        window.show()
        QTest.qWaitForWindowExposed(window)  # before, nothing is painted at all
        report(name, measure(show, window, times), bounded=bounded)
        window.close()
    theme.deleteLater()
    return 0


if __name__ == "__main__":
    sys.exit(main())

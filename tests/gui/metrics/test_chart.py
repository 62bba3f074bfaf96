"""The chart widget: what it draws, what it tells, what it leaves alone."""

from __future__ import annotations

import math

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QColor, QMouseEvent, QWheelEvent
from PySide6.QtWidgets import QApplication, QMenu
from pytestqt.qtbot import QtBot

from autotask_console.platform.theme import Theme, load
from autotask_console.text import Tone
from autotask_console.widgets.chart import Band, Chart, Line, lonely
from autotask_console.widgets.scales import AGE, COUNT

T = 1_800_000_000.0
TIMES = [T + 60 * i for i in range(5)]


@pytest.fixture
def chart(qtbot: QtBot, theme: Theme) -> Chart:
    made = Chart(
        (
            Line(name="waiting", tone=Tone.ACTIVE),
            Line(name="oldest", tone=Tone.WARN, style=Qt.PenStyle.DashLine, right=True),
        ),
        name="chart",
        left=COUNT,
        right=AGE,
    )
    qtbot.addWidget(made)
    made.resize(800, 200)
    made.show()
    made.show_range(TIMES[0], TIMES[-1])
    return made


def curve(chart: Chart, place: int) -> list[float]:
    _, y = chart._curves[place].getData()
    return [float(v) for v in y]


def labels(chart: Chart, side: str) -> list[str]:
    axis = chart._plot.getAxis(side)
    low, high = chart._plot.getPlotItem().vb.viewRange()[1]
    ((step, values),) = axis.tickValues(low, high, 160)
    return list(axis.tickStrings(values, 1.0, step))


def test_each_axis_counts_in_its_own_units(chart: Chart) -> None:
    chart.show_series(TIMES, ([0, 10, 40, 20, 8], [0, 60, 180, 90, 30]))
    assert labels(chart, "left") == ["0", "10", "20", "30", "40"]
    assert labels(chart, "right") == ["0 s", "1 min", "2 min", "3 min"]
    # 180 s reach the top of the right axis where 40 reach the top of the left one.
    assert curve(chart, 1)[2] == pytest.approx(40)
    assert curve(chart, 0)[2] == 40


def test_gaps_stay_open_and_lonely_values_get_a_dot(chart: Chart) -> None:
    chart.show_series(TIMES, ([1, 2, None, 4, None], [None] * 5))
    drawn = curve(chart, 0)
    assert [math.isnan(v) for v in drawn] == [False, False, True, False, True]
    x, y = chart._dots[0].getData()
    assert (list(x), list(y)) == ([TIMES[3]], [4])
    assert len(chart._dots[1].getData()[0]) == 0


def test_lonely() -> None:
    nan = math.nan
    assert list(lonely(np.array([1.0, nan, 2.0, 3.0, nan, 4.0]))) == [True, False, False, False, False, True]
    assert list(lonely(np.array([]))) == []


def test_a_hidden_line_does_not_stretch_the_axis(chart: Chart) -> None:
    chart.show_series(TIMES, ([0, 10, 40, 20, 8], [0, 60, 180, 90, 30]))
    chart.set_line_visible(0, False)
    assert not chart._curves[0].isVisible()
    assert labels(chart, "left")[-1] == "1"
    chart.set_line_visible(0, True)
    assert labels(chart, "left")[-1] == "40"


def test_following_is_not_moving(chart: Chart, qtbot: QtBot) -> None:
    moved: list[None] = []
    chart.moved.connect(lambda: moved.append(None))
    chart.show_range(T, T + 600)
    chart.show_series(TIMES, ([1, 2, 3, 4, 5], [1] * 5))
    chart.set_limits(T - 1e6, T + 600, shortest=60, longest=1e6)
    assert chart.range == (T, T + 600)
    assert moved == []


def test_the_wheel_zooms_time_and_says_so(chart: Chart, qtbot: QtBot) -> None:
    chart.show_range(T, T + 600)
    viewport = chart._plot.viewport()
    middle = QPointF(viewport.rect().center())
    wheel = QWheelEvent(
        middle,
        viewport.mapToGlobal(middle),
        QPoint(),
        QPoint(0, 240),
        Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    with qtbot.waitSignal(chart.moved):
        QApplication.sendEvent(viewport, wheel)
    start, end = chart.range
    assert end - start < 600
    assert chart._plot.getPlotItem().vb.viewRange()[1][0] == 0


def test_the_pointer_tells_the_time_under_it(chart: Chart, qtbot: QtBot) -> None:
    chart.show_range(T, T + 600)
    viewport = chart._plot.viewport()
    place = QPointF(400, 90)
    move = QMouseEvent(
        QMouseEvent.Type.MouseMove,
        place,
        viewport.mapToGlobal(place),
        Qt.MouseButton.NoButton,
        Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier,
    )
    with qtbot.waitSignal(chart.hovered) as heard:
        QApplication.sendEvent(viewport, move)
    assert T < heard.args[0] < T + 600


def test_bands_are_kept_while_they_are_the_same(chart: Chart) -> None:
    bands = [
        Band(start=T, end=T + 60, name="offline"),
        Band(start=T + 120, end=T + 180, name="held", tone=Tone.WARN, hatched=True),
    ]
    chart.show_bands(bands)
    first = list(chart._bands)
    assert [b.brush.style() for b in first] == [Qt.BrushStyle.SolidPattern, Qt.BrushStyle.BDiagPattern]
    chart.show_bands(list(bands))
    assert chart._bands == first
    chart.show_bands([])
    assert chart._bands == []


def test_no_menu_is_seen(chart: Chart) -> None:
    menus = chart.findChildren(QMenu)
    assert menus
    assert not any(menu.isVisibleTo(chart) for menu in menus)


def test_lines_differ_without_colour(chart: Chart) -> None:
    styles = [c.opts["pen"].style() for c in chart._curves]
    assert len(set(styles)) == len(styles)


def test_measured_rules_of_speed(chart: Chart) -> None:
    """One pixel wide, not antialiased, clipped and downsampled: else a repaint takes 50 times as long."""
    for one in chart._curves:
        assert one.opts["pen"].width() == 1
        assert one.opts["antialias"] is False
        assert one.opts["clipToView"] is True
        assert one.opts["autoDownsample"] is True


def test_it_follows_the_palette(chart: Chart, theme: Theme, qtbot: QtBot) -> None:
    def colour() -> QColor:
        return QColor(chart._curves[0].opts["pen"].color())

    theme.choose("dark")
    qtbot.waitUntil(lambda: colour() == load("dark").tones["active"])
    theme.choose("light")
    qtbot.waitUntil(lambda: colour() == load("light").tones["active"])


def test_a_screen_reader_gets_name_and_summary(chart: Chart) -> None:
    chart.setAccessibleName("Waiting and oldest age")
    chart.set_summary("3 waiting.")
    assert chart._plot.accessibleName() == "Waiting and oldest age"
    assert chart.accessibleDescription() == "3 waiting."

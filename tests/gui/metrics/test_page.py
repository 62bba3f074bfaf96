"""The page over a real queue: follows the present, stops to look, tells it as a table, saves it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QApplication, QFileDialog, QLabel, QLineEdit, QTableView, QVBoxLayout
from tests.core.clock import FakeClock
from tests.gui.harness import Bench, bench, until
from tests.gui.looks import backward, child, clipped, nameless, unringed
from tests.gui.zones import Zones, submit

from autotask_console.pages.metrics.page import MetricsPage, create
from autotask_console.pages.metrics.plots import Plots
from autotask_console.platform.theme import Theme
from autotask_console.state import ChangeFlags, Changes
from autotask_console.state.app_state import EVERYTHING
from autotask_console.widgets.button import Button
from autotask_console.widgets.legend import LegendToggle

METRICS = Changes(flags=ChangeFlags.METRICS)
TIME = Changes(flags=ChangeFlags.TIME)


@dataclass(kw_only=True)
class Scene:
    bench: Bench
    page: MetricsPage
    clock: FakeClock
    reads: list[float]
    """`since` of each time that the page asked for minutes."""

    def enter(self) -> None:
        self.bench.deliver()
        self.page.enter(None)
        self.page.refresh(self.bench.store.state, EVERYTHING)

    def tell(self, changes: Changes = METRICS) -> None:
        self.bench.deliver()
        self.page.refresh(self.bench.store.state, changes)

    @property
    def plots(self) -> Plots:
        return child(self.page, Plots, "metrics.plots")

    def figure(self, name: str) -> str:
        return child(self.page, QLabel, f"metrics.figure.{name}").text()

    @property
    def live(self) -> Button:
        return child(self.page, Button, "metrics.live")

    def press(self, name: str) -> None:
        child(self.page, Button, name).click()

    async def drawn(self) -> None:
        await until(lambda: self.page.findChild(Plots) is not None and self.page._buckets)

    def pan(self, start: float, end: float) -> None:
        """What dragging the first chart does."""
        chart = self.plots.plots[0].chart
        chart.show_range(start, end)
        chart.moved.emit()


Stage = Callable[..., AbstractAsyncContextManager[Scene]]


@pytest.fixture
def stage(theme: Theme, settings_file: Path) -> Stage:
    @asynccontextmanager
    async def make(*, size: tuple[int, int] = (1120, 560), show: bool = True) -> AsyncIterator[Scene]:
        clock = FakeClock()
        async with bench(theme, settings_file, processors={"zones": Zones()}, clock=clock) as b:
            reads: list[float] = []
            minutes = b.queue.minutes

            async def counted(*, since: float, until: float | None = None) -> Any:
                reads.append(since)
                return await minutes(since=since, until=until)

            b.queue.minutes = counted  # type: ignore[method-assign]
            page = create(b.services)
            assert isinstance(page, MetricsPage)
            b.host.resize(*size)
            layout = QVBoxLayout(b.host)
            layout.setContentsMargins(0, 0, 0, 0)
            layout.addWidget(page)
            scene = Scene(bench=b, page=page, clock=clock, reads=reads)
            if show:
                b.host.show()
            scene.enter()
            yield scene
            page.leave()
            assert b.errors == []

    return make


def test_importing_the_page_does_not_import_pyqtgraph() -> None:
    """It takes up to half a second: that happens in a thread, after the page is on the screen."""
    code = "import sys, autotask_console.pages.metrics.page; sys.exit('pyqtgraph' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=60).returncode == 0


def test_what_is_sent_is_drawn(run: Any, stage: Stage) -> None:
    async def scenario() -> None:
        async with stage() as scene:
            await scene.drawn()
            await submit(scene.bench.queue, "ww5", 14)
            await scene.clock.advance(2)
            scene.tell()
            await until(lambda: scene.figure("now") == "14/min")
            assert scene.figure("peak") == "14/min"
            assert scene.figure("success").startswith("100")
            last = scene.page._buckets[-1]
            assert (last.sent, last.queued, last.partial) == (14, 14, True)
            times, sent = scene.plots.plots[0].chart._curves[0].getData()
            assert (times[-1], sent[-1]) == (last.middle, 14)
            assert scene.plots.plots[2].line == "⚠ low confidence: 14 samples"

    run(scenario())


def test_the_view_moves_on_with_the_minute(run: Any, stage: Stage) -> None:
    async def scenario() -> None:
        async with stage() as scene:
            await scene.drawn()
            before = scene.plots.plots[2].chart.range
            await scene.clock.advance(61)
            await until(lambda: not scene.page._rest.isActive())
            scene.tell(TIME)
            await until(lambda: scene.plots.plots[2].chart.range != before)
            assert scene.plots.plots[2].chart.range == (before[0] + 60, before[1] + 60)
            assert len(scene.page._buckets) == 60

    run(scenario())


def test_nothing_is_read_while_nothing_happens(run: Any, stage: Stage) -> None:
    async def scenario() -> None:
        async with stage() as scene:
            await scene.drawn()
            await until(lambda: not scene.page._rest.isActive())
            before = len(scene.reads)
            for _ in range(5):
                scene.tell(TIME)
                await scene.clock.settle()
            assert len(scene.reads) == before

    run(scenario())


def test_a_storm_of_changes_is_read_once_a_second(run: Any, stage: Stage) -> None:
    async def scenario() -> None:
        async with stage() as scene:
            await scene.drawn()
            before = len(scene.reads)
            for _ in range(50):
                scene.tell()
                await scene.clock.settle()
            assert len(scene.reads) - before <= 1
            await until(lambda: len(scene.reads) > before)

    run(scenario())


def test_nothing_is_read_while_hidden(run: Any, stage: Stage) -> None:
    async def scenario() -> None:
        async with stage(show=False) as scene:
            for _ in range(5):
                scene.tell()
                await scene.clock.settle()
            assert scene.reads == []

    run(scenario())


def test_only_what_is_new_is_read_again(run: Any, stage: Stage) -> None:
    async def scenario() -> None:
        async with stage() as scene:
            await scene.drawn()
            await until(lambda: not scene.page._rest.isActive())
            scene.tell()
            await until(lambda: len(scene.reads) == 2)
            whole, again = scene.reads
            assert scene.clock.now() - whole > 3_500
            assert scene.clock.now() - again <= 60

    run(scenario())


def test_moving_stops_and_one_press_follows_again(run: Any, stage: Stage) -> None:
    async def scenario() -> None:
        async with stage() as scene:
            await scene.drawn()
            assert scene.live.text() == "● Live"
            start = scene.clock.now() - 1_800
            scene.pan(start, start + 900)
            assert scene.live.text() == "‖ Paused – back to live"
            assert [plot.chart.range for plot in scene.plots.plots] == [(start, start + 900)] * 3
            await until(lambda: len(scene.page._buckets) <= 17)
            await scene.clock.advance(120)
            scene.tell()
            await scene.clock.settle()
            assert scene.plots.plots[0].chart.range == (start, start + 900)
            scene.live.click()
            assert scene.live.text() == "● Live"
            await until(lambda: scene.plots.plots[0].chart.range[1] > scene.clock.now())
            await until(lambda: len(scene.page._buckets) == 60)

    run(scenario())


def test_refresh_follows_again(run: Any, stage: Stage) -> None:
    async def scenario() -> None:
        async with stage() as scene:
            await scene.drawn()
            scene.pan(scene.clock.now() - 1_800, scene.clock.now() - 900)
            scene.page.refresh(scene.bench.store.state, EVERYTHING)
            assert scene.live.text() == "● Live"

    run(scenario())


@pytest.mark.parametrize(("chip", "points"), [("15m", 15), ("6h", 360), ("24h", 480), ("7d", 504)])
def test_ranges(run: Any, stage: Stage, chip: str, points: int) -> None:
    async def scenario() -> None:
        async with stage() as scene:
            await scene.drawn()
            scene.press(f"metrics.range.{chip}")
            await until(lambda: len(scene.page._buckets) == points)
            await until(lambda: len(scene.plots.plots[1].chart._curves[0].xData) == points)

    run(scenario())


def test_offline_and_held_minutes_are_shaded(run: Any, stage: Stage) -> None:
    async def scenario() -> None:
        async with stage() as scene:
            await scene.drawn()
            await scene.bench.queue.work_offline()
            await scene.clock.advance(130)
            await scene.bench.queue.work_online()
            await scene.bench.queue.circuit_breaker.force_open("*", "swap")
            await scene.clock.advance(120)
            await until(lambda: not scene.page._rest.isActive())
            scene.tell()
            await until(lambda: any(b.held for b in scene.page._buckets))
            names = {band.name for band in scene.plots.plots[0].chart._shown_bands}
            assert names == {"offline", "held", "still running"}

    run(scenario())


def test_the_pointer_shows_the_values_of_its_minute_everywhere(run: Any, stage: Stage) -> None:
    async def scenario() -> None:
        async with stage() as scene:
            await scene.drawn()
            first, *_ = scene.plots.plots
            first.chart.hovered.emit(scene.page._buckets[-1].middle)
            lines = [plot.line for plot in scene.plots.plots]
            assert "sent 0 · failed 0 · queued 0 per min · still running" in lines[0]
            assert all(plot.chart._cursor.isVisible() for plot in scene.plots.plots)
            first.chart.unhovered.emit()
            assert [plot.line for plot in scene.plots.plots] == ["", "", ""]
            assert not any(plot.chart._cursor.isVisible() for plot in scene.plots.plots)

    run(scenario())


def test_lines_can_be_switched_off(run: Any, stage: Stage) -> None:
    async def scenario() -> None:
        async with stage() as scene:
            await scene.drawn()
            toggle = child(scene.page, LegendToggle, "metrics.requests.show.2")
            toggle.click()
            assert not scene.plots.plots[0].chart._curves[2].isVisible()
            toggle.click()
            assert scene.plots.plots[0].chart._curves[2].isVisible()

    run(scenario())


def test_the_table_has_the_same_numbers(run: Any, stage: Stage) -> None:
    async def scenario() -> None:
        async with stage() as scene:
            await scene.drawn()
            await submit(scene.bench.queue, "ww5", 3)
            await scene.clock.advance(2)
            scene.press("metrics.as-table")
            table = child(scene.page, QTableView, "metrics.table")
            assert table.isVisible()
            await until(lambda: not scene.page._rest.isActive())
            scene.tell()
            await until(lambda: table.model().index(0, 1).data() == "3")
            assert table.model().rowCount() == 60
            assert table.model().index(0, 9).data() == "still running"
            assert not child(scene.page, Button, "metrics.export.png").isEnabled()
            scene.press("metrics.as-table")
            assert scene.plots.isVisible()

    run(scenario())


async def save_as(scene: Scene, path: Path) -> None:
    """Types a file name, as a person does."""
    await until(lambda: scene.page.findChild(QFileDialog) is not None)
    dialog = child(scene.page, QFileDialog, "metrics.export.dialog")
    child(dialog, QLineEdit, "fileNameEdit").setText(str(path))
    dialog.accept()


def test_values_are_saved(run: Any, stage: Stage, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with stage() as scene:
            await scene.drawn()
            scene.press("metrics.export.csv")
            await save_as(scene, tmp_path / "values.csv")
            toasts = scene.bench.services.toasts
            await until(lambda: toasts.texts == ["Saved 60 rows as values.csv."])
            data = (tmp_path / "values.csv").read_bytes()
            assert data.startswith(b"\xef\xbb\xbffrom,to,")
            assert data.count(b"\r\n") == 61
            assert b"\r\r" not in data

    run(scenario())


def test_the_picture_is_saved(run: Any, stage: Stage, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with stage() as scene:
            await scene.drawn()
            scene.press("metrics.export.png")
            await save_as(scene, tmp_path / "picture.png")
            await until(lambda: scene.bench.services.toasts.texts == ["Saved the picture as picture.png."])
            image = QImage(str(tmp_path / "picture.png"))
            assert image.width() > 700
            assert image.height() > 400

    run(scenario())


def test_not_saving_is_fine(run: Any, stage: Stage) -> None:
    async def scenario() -> None:
        async with stage() as scene:
            await scene.drawn()
            scene.press("metrics.export.csv")
            await until(lambda: scene.page.findChild(QFileDialog) is not None)
            child(scene.page, QFileDialog, "metrics.export.dialog").reject()
            await until(lambda: scene.page.findChild(QFileDialog) is None)
            assert scene.bench.services.toasts.texts == []

    run(scenario())


@pytest.mark.parametrize("kind", ["csv", "png"])
def test_what_cannot_be_written_is_said(run: Any, stage: Stage, tmp_path: Path, kind: str) -> None:
    async def scenario() -> None:
        async with stage() as scene:
            await scene.drawn()
            scene.press(f"metrics.export.{kind}")
            await until(lambda: scene.page.findChild(QFileDialog) is not None)
            dialog = child(scene.page, QFileDialog, "metrics.export.dialog")
            dialog.setDirectory(str(tmp_path))
            child(dialog, QLineEdit, "fileNameEdit").setText(f"{tmp_path}/x.{kind}")
            (tmp_path / f"x.{kind}").mkdir()  # after the person chose the name
            dialog.done(QFileDialog.DialogCode.Accepted)
            toasts = scene.bench.services.toasts
            await until(lambda: toasts.texts)
            assert "did not work" in toasts.texts[0]
            assert "Check the disk and the folder" in toasts.texts[0]

    run(scenario())


def test_actions(run: Any, stage: Stage) -> None:
    async def scenario() -> None:
        async with stage() as scene:
            await scene.drawn()
            state = scene.bench.store.state
            actions = {action.id: action for action in scene.page.page_actions()}
            assert actions["metrics.go-live"].when(state)
            scene.pan(scene.clock.now() - 900, scene.clock.now() - 300)
            assert actions["metrics.go-live"].when(state) == ""
            actions["metrics.view-as-table"].run()
            checked = actions["metrics.view-as-table"].checked
            assert checked is not None
            assert checked(state)
            assert actions["metrics.save-png"].when(state) == "Show the charts first."

    run(scenario())


@pytest.mark.parametrize("size", [(1120, 560), (930, 470)])
@pytest.mark.parametrize("dark", [False, True])
def test_names_and_fit(
    qapp: QApplication, run: Any, stage: Stage, theme: Theme, *, size: tuple[int, int], dark: bool
) -> None:
    async def scenario() -> None:
        theme.choose("dark" if dark else "light")
        async with stage(size=size) as scene:
            await scene.drawn()
            await scene.clock.settle()
            assert nameless(scene.page) == []
            assert backward(scene.page) == []
            scene.page.window().activateWindow()
            await until(scene.page.window().isActiveWindow)
            assert unringed(scene.page, qapp) == []
            assert clipped(scene.page) == []
            assert scene.page.minimumSizeHint().width() <= size[0]
            assert scene.page.minimumSizeHint().height() <= size[1]
            areas = [plot.chart._plot.getViewBox().sceneBoundingRect() for plot in scene.plots.plots]
            assert len({round(area.left()) for area in areas}) == 1
            assert len({round(area.right()) for area in areas}) == 1

    run(scenario())

"""Every picture of the page: named, nothing cut off, readable in both palettes."""

from __future__ import annotations

from typing import Any

import pytest
from PySide6.QtWidgets import QApplication, QMenu
from tests.gui.harness import until
from tests.gui.looks import backward, child, clipped, nameless, unringed
from tests.gui.queue.conftest import Scene, Stage

from autotask_console.models.cells import COLUMNS
from autotask_console.platform.theme import Theme

SIZES = {"smallest": (948, 430), "usual": (1108, 520), "wide": (1268, 560)}


async def fill(scene: Scene) -> None:
    await scene.add("refused 1", "lost 1", "fine 1", "stuck 1")
    await until(lambda: scene.bench.queue.counters().count() == 4)
    await until(lambda: len(scene.told.sent) == 1)
    await scene.bench.queue.pause(900, why="lunch")
    await scene.add("a request with a very long title that no table is wide enough for " * 3, zone="zone2")


@pytest.mark.parametrize("palette", ["light", "dark"])
@pytest.mark.parametrize("size", SIZES)
def test_nothing_is_nameless_or_cut_off(
    qapp: QApplication, run: Any, stage: Stage, theme: Theme, *, size: str, palette: str
) -> None:
    async def scenario() -> None:
        async with stage(size=SIZES[size], sending=True) as scene:
            theme.choose(palette)
            await fill(scene)
            page = await scene.open()
            page.show_view("all")
            await until(lambda: len(scene.texts()) == 5 and not page.live.loading)
            for row in range(5):
                await scene.select(row)
                page.panes.open_details()
                await until(lambda: page.details.row is not None and page.details.timeline.toPlainText())
                await until(lambda: page.details.height() >= page.details.minimumSizeHint().height())
                for tab in range(4):
                    page.details.show_tab(tab)
                    page.window().grab()
                    assert nameless(page) == []
                    assert clipped(page) == []
            assert backward(page) == []
            page.window().activateWindow()
            await until(page.window().isActiveWindow)
            assert unringed(page, qapp) == []
            page.filter.set_text("nothing like this")
            await until(lambda: page.frame.is_empty)
            page.window().grab()
            assert (nameless(page), clipped(page)) == ([], [])

    run(scenario())


@pytest.mark.parametrize("size", SIZES)
def test_no_column_is_cut_by_the_table(run: Any, stage: Stage, size: str) -> None:
    async def scenario() -> None:
        async with stage(size=SIZES[size]) as scene:
            await scene.add(*(f"n{i}" for i in range(40)))
            page = await scene.open()
            await until(lambda: len(scene.texts()) == 40)
            header = page.table.horizontalHeader()
            request = next(i for i, c in enumerate(COLUMNS) if c.id == "request")
            assert header.length() == page.table.viewport().width()
            assert header.sectionSize(request) >= 300

    run(scenario())


def test_details_stand_beside_where_there_is_room_and_facets_too(run: Any, stage: Stage) -> None:
    async def scenario() -> None:
        async with stage() as scene:
            await scene.add("one")
            page = await scene.open()
            seen = []
            for width, height in SIZES.values():
                scene.bench.host.resize(width, height)
                await until(lambda w=width: page.width() == w)  # type: ignore[misc]
                seen.append((page.panes.details_shown, page.panes.sidebar_shown))
                assert page.views_button.isHidden() == page.panes.sidebar_shown
            assert seen == [(False, False), (True, False), (True, True)]
            page.panes.toggle_sidebar()
            page.panes.toggle_details()
            assert (page.panes.details_shown, page.panes.sidebar_shown) == (False, False)
            assert page.panes.splitter.sizes()[0] > 0

    run(scenario())


def test_where_there_is_no_sidebar_a_menu_has_it_all(run: Any, stage: Stage) -> None:
    async def scenario() -> None:
        async with stage() as scene:
            ids = await scene.add("one", "two")
            await scene.add("far", zone="zone2")
            await scene.bench.queue.cancel(ids[0])
            page = await scene.open()
            await until(lambda: page.views_button.text() == "Waiting  2")
            menu = child(page, QMenu, "queue.views.menu")
            menu.aboutToShow.emit()
            texts = [a.text().split("\t") for a in menu.actions() if a.text()]
            assert texts == [
                ["Needs you", "0"],
                ["Waiting", "2"],
                ["Sent today", "0"],
                ["All", "3"],
                ["State"],
                ["◷  Waiting", "2"],
                ["⊘  Cancelled", "1"],
                ["Zone"],
                ["zone1", "1"],
                ["zone2", "1"],
            ]
            next(a for a in menu.actions() if a.objectName() == "queue.views.state.cancelled").trigger()
            await scene.shows("Cancelled one")

    run(scenario())


def test_the_filter_menu_writes_the_text(run: Any, stage: Stage) -> None:
    async def scenario() -> None:
        async with stage() as scene:
            await scene.add("one")
            page = await scene.open()
            menu = child(page, QMenu, "queue.filter.menu")

            def pick(name: str) -> None:
                menu.aboutToShow.emit()
                submenus = [a.menu() for a in menu.actions() if isinstance(a.menu(), QMenu)]
                actions = [*menu.actions(), *(a for m in submenus for a in m.actions())]  # type: ignore[attr-defined]
                next(a for a in actions if a.objectName() == name).trigger()

            pick("queue.filter.state.failed")
            pick("queue.filter.state.waiting")
            pick("queue.filter.age.<10m")
            assert page.filter.text == "state:failed,waiting age:<10m"
            await scene.shows("Waiting one")
            pick("queue.filter.state.failed")
            pick("queue.filter.age.<10m")
            assert page.filter.text == "state:waiting"
            pick("queue.filter.menu.clear")
            assert page.filter.text == ""

    run(scenario())

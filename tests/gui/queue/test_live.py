"""The list is true and still: rows change in place, new ones wait for their moment, paused means paused."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from tests.gui.harness import until
from tests.gui.queue.conftest import Scene, Stage

from autotask_console.widgets.button import Button


async def many(scene: Scene, count: int = 40) -> None:
    await scene.add(*(f"n{i:02}" for i in range(count)))
    await scene.open()
    await until(lambda: scene.page.model.rowCount() == count and scene.texts()[0] != " ")


def pill(scene: Scene) -> Button:
    return scene.page.frame.pill


def test_at_the_top_new_rows_come_by_themselves(run: Any, stage: Stage) -> None:
    async def scenario() -> None:
        async with stage() as scene:
            await many(scene)
            await scene.add("new")
            await until(lambda: scene.texts()[0] == "Waiting new")
            assert not pill(scene).isVisible()

    run(scenario())


def test_while_scrolled_they_wait_behind_a_pill(run: Any, stage: Stage) -> None:
    async def scenario() -> None:
        async with stage() as scene:
            await many(scene)
            table = scene.page.table
            table.verticalScrollBar().setValue(200)
            top = table.rowAt(0)
            seen = scene.page.model.seq_at(top)
            await scene.add("new 1", "new 2")
            await until(lambda: pill(scene).text() == "2 new – show" and pill(scene).isVisible())
            assert scene.page.model.seq_at(table.rowAt(0)) == seen
            pill(scene).click()
            await until(lambda: scene.texts()[0] == "Waiting new 2")
            assert table.verticalScrollBar().value() == 0
            assert not pill(scene).isVisible()

    run(scenario())


def test_scrolling_back_to_the_top_shows_them_too(run: Any, stage: Stage) -> None:
    async def scenario() -> None:
        async with stage() as scene:
            await many(scene)
            bar = scene.page.table.verticalScrollBar()
            bar.setValue(200)
            await scene.add("new")
            await until(lambda: pill(scene).isVisible())
            bar.setValue(0)
            await until(lambda: scene.texts()[0] == "Waiting new")
            assert not pill(scene).isVisible()

    run(scenario())


def test_several_selected_rows_stay_where_they_are_but_change_in_place(run: Any, stage: Stage) -> None:
    async def scenario() -> None:
        async with stage() as scene:
            await many(scene, 10)
            await scene.select(0, 1)
            ids = [scene.page.model.request_at(i).id for i in (0, 1)]  # type: ignore[union-attr]
            await scene.bench.queue.cancel(ids)
            await scene.add("new")
            await until(lambda: scene.texts()[0].startswith("Cancelled"))
            await until(lambda: pill(scene).isVisible())
            assert scene.page.table.selected_seqs() == [10, 9]
            scene.key(Qt.Key.Key_Escape)
            await until(lambda: scene.texts()[0] == "Waiting new")

    run(scenario())


def test_an_open_menu_keeps_the_rows_still(run: Any, stage: Stage) -> None:
    async def scenario() -> None:
        async with stage() as scene:
            await many(scene, 10)
            await scene.select(0)
            scene.page.table.menu_wanted.emit(QPoint(5, 5))
            assert scene.page._menu.isVisible()
            await scene.add("new")
            await until(lambda: pill(scene).isVisible())
            scene.page._menu.hide()
            await until(lambda: scene.texts()[0] == "Waiting new")

    run(scenario())


def test_the_pointer_over_the_rows_keeps_them_still_for_a_moment(run: Any, stage: Stage) -> None:
    async def scenario() -> None:
        async with stage() as scene:
            await many(scene, 10)
            table = scene.page.table
            QTest.mouseMove(table.viewport(), QPoint(100, 50))
            await until(lambda: table.viewport().underMouse())
            QTest.mouseMove(table.viewport(), QPoint(101, 51))
            await until(lambda: table.pointer_busy)
            await scene.add("new")
            await until(lambda: scene.page.live.new_rows == 1)
            assert scene.texts()[0] != "Waiting new"
            await until(lambda: scene.texts()[0] == "Waiting new")

    run(scenario())


def test_paused_means_that_nothing_changes(run: Any, stage: Stage) -> None:
    async def scenario() -> None:
        async with stage() as scene:
            await many(scene, 5)
            before = scene.texts()
            scene.button("queue.live").click()
            assert scene.button("queue.live").text() == "‖ Paused"
            reads: list[object] = []
            scene.page.model.wanted.connect(reads.append)
            await scene.add("new")
            await scene.bench.queue.cancel([scene.page.model.request_at(0).id])  # type: ignore[union-attr]
            await until(lambda: scene.bench.store.state.counters.count() == 6)
            scene.host.refresh_now = lambda: None  # type: ignore[method-assign]
            await until(lambda: "6" in scene.page.filter.count.text())
            assert scene.texts() == before
            assert reads == []
            assert "as of" in scene.page.filter.count.text()
            scene.button("queue.live").click()
            await until(lambda: scene.texts()[0] == "Waiting new")

    run(scenario())


def test_paused_stays_so_while_other_pages_are_seen(run: Any, stage: Stage) -> None:
    async def scenario() -> None:
        async with stage() as scene:
            await many(scene, 3)
            page = scene.page
            page.toggle_live()
            await scene.add("new")
            scene.host.stack.setCurrentWidget(scene.host.message)
            page.leave()
            scene.host.show("queue")
            assert page.live.paused_at is not None
            assert len(page.model.vector) == 3

    run(scenario())


def test_f5_follows_again(run: Any, stage: Stage) -> None:
    async def scenario() -> None:
        async with stage() as scene:
            await many(scene, 3)
            scene.page.toggle_live()
            await scene.add("new")
            scene.host.refresh_now()
            assert scene.page.live.paused_at is None
            await until(lambda: scene.texts()[0] == "Waiting new")

    run(scenario())


def test_another_question_is_answered_at_once_whatever_is_selected(run: Any, stage: Stage) -> None:
    async def scenario() -> None:
        async with stage() as scene:
            await many(scene, 10)
            await scene.select(0, 1, 2)
            scene.page.filter.set_text("n03")
            await scene.shows("Waiting n03")

    run(scenario())


def test_a_long_list_shows_its_first_rows_before_it_is_complete(run: Any, stage: Stage) -> None:
    async def scenario() -> None:
        async with stage() as scene:
            await many(scene, 700)
            lengths: list[int] = []
            scene.page.model.rowsInserted.connect(lambda *_: lengths.append(scene.page.model.rowCount()))
            scene.page.filter.set_text("nothing")
            await scene.shows()
            scene.page.filter.set_text("")
            await until(lambda: scene.page.live.complete and scene.page.model.rowCount() == 700)
            assert lengths == [512, 700]

    run(scenario())


def test_a_hidden_page_reads_nothing(run: Any, stage: Stage) -> None:
    async def scenario() -> None:
        async with stage() as scene:
            await many(scene, 3)
            page = scene.page
            page.leave()
            page.hide()
            await scene.add("new")
            await until(lambda: scene.bench.store.state.counters.count() == 4)
            assert not page.live._timer.isActive()
            assert len(page.model.vector) == 3

    run(scenario())


def test_many_changes_are_one_signal(run: Any, stage: Stage) -> None:
    async def scenario() -> None:
        async with stage() as scene:
            await many(scene, 40)
            scene.page.show_view("all")
            await until(lambda: not scene.page.live.loading)
            signals: list[object] = []
            scene.page.model.dataChanged.connect(lambda *_: signals.append(None))
            ids = [r.id for r in await scene.bench.queue.get_requests()]
            await scene.bench.queue.cancel(ids)
            await until(lambda: all(t.startswith("Cancelled") for t in scene.texts()))
            assert len(signals) <= 4

    run(scenario())

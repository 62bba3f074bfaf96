"""Commands at their edges: more than can be listed, times that are over, a store that fails."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from PySide6.QtCore import QDateTime, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QDateTimeEdit
from tests.core.clock import FakeClock
from tests.gui.harness import until
from tests.gui.looks import child
from tests.gui.queue.conftest import Stage

from autotask_console.pages.queue.commands import Chosen
from autotask_console.pages.queue.reschedule import RescheduleSheet
from autotask_console.platform.theme import Theme
from autotask_console.widgets.button import Button
from autotask_queue import BulkResult, QueueManager, RequestFilter, Status, StoreError


def test_undo_of_more_than_can_be_listed_restores_exactly_those(run: Any, stage: Stage) -> None:
    async def scenario() -> None:
        async with stage() as scene:
            queue = scene.bench.queue
            ids = await scene.add("one", "two", "three")
            await queue.cancel(ids[0])
            earlier = await queue.get_request(ids[0])
            page = await scene.open()
            await until(lambda: scene.bench.services.clock.now() > earlier.updated_at)
            selection = queue.selection(RequestFilter(status=(Status.PENDING,)))
            chosen = Chosen(everything=(selection,), count=2)
            start = scene.bench.services.clock.now()
            result = await queue.cancel(selection)
            too_many = BulkResult(changed=result.changed, skipped=0, ids=())

            targets = page.commands._back(chosen, too_many, start)
            for target in targets:
                await queue.restore(target)

            assert await scene.statuses(ids) == ["cancelled", "pending", "pending"]

    run(scenario())


def test_rescheduling_asks_when(run: Any, stage: Stage) -> None:
    async def scenario() -> None:
        async with stage() as scene:
            ids = await scene.add("one")
            page = await scene.open()
            await scene.select(0)
            page.bulk.asked.emit("reschedule")
            do = await scene.dialog("sheet.do")
            child(page.window(), Button, "reschedule.when.morning").click()
            do.click()
            await scene.said("Rescheduled 1 request.")
            request = await scene.bench.queue.get_request(ids[0])
            assert request.status is Status.DEFERRED
            assert request.scheduled_at is not None
            at = datetime.fromtimestamp(request.scheduled_at).astimezone()
            tomorrow = datetime.now().astimezone().date() + timedelta(days=1)
            assert (at.date(), at.hour, at.minute) == (tomorrow, 8, 0)

    run(scenario())


def test_a_time_that_is_over_cannot_be_chosen(qtbot: Any, theme: Theme) -> None:
    clock = FakeClock()
    host = Button("")
    qtbot.addWidget(host)
    sheet = RescheduleSheet(host, count=2, clock=clock)
    choose = child(sheet, Button, "reschedule.when.at")
    choose.click()
    edit = child(sheet, QDateTimeEdit, "reschedule.at")

    edit.setDateTime(QDateTime.fromSecsSinceEpoch(int(clock.now()) - 60))
    assert not sheet.do_button.isEnabled()
    edit.setDateTime(QDateTime.fromSecsSinceEpoch(int(clock.now()) + 600))
    assert sheet.do_button.isEnabled()
    assert sheet.scheduled_at == pytest.approx(clock.now() + 600, abs=1)
    child(sheet, Button, "reschedule.when.now").click()
    assert sheet.scheduled_at is None


def test_curl_goes_to_the_clipboard_without_secrets(run: Any, stage: Stage) -> None:
    async def scenario() -> None:
        async with stage() as scene:
            await scene.add("one")
            await scene.open()
            await scene.select(0)
            scene.key(Qt.Key.Key_C)
            await scene.said("Copied as cURL. Secrets are hidden.")
            text = QGuiApplication.clipboard().text()
            assert text.startswith("curl --request POST")
            assert "Secret: ***" in text

    run(scenario())


def test_more_than_fifty_are_asked_about(run: Any, stage: Stage) -> None:
    async def scenario() -> None:
        async with stage() as scene:
            ids = await scene.add(*(f"n{i}" for i in range(60)))
            page = await scene.open()
            await until(lambda: page.model.rowCount() == 60)
            page.table.setFocus()
            scene.key(Qt.Key.Key_A, Qt.KeyboardModifier.ControlModifier)
            await scene.selected("60 selected")
            scene.key(Qt.Key.Key_Delete)
            (await scene.dialog("sheet.do")).click()
            await scene.said("Cancelled 60 requests.")
            assert set(await scene.statuses(ids)) == {"cancelled"}

    run(scenario())


def test_a_command_that_fails_says_so_and_changes_nothing(
    run: Any, stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: object, **__: object) -> BulkResult:
        raise StoreError("The disk is full.")

    async def scenario() -> None:
        async with stage() as scene:
            ids = await scene.add("one")
            await scene.open()
            await scene.select(0)
            monkeypatch.setattr(QueueManager, "cancel", broken)
            scene.key(Qt.Key.Key_Delete)
            toasts = scene.bench.services.toasts
            await until(lambda: any("The disk is full." in text for text in toasts.texts))
            assert await scene.statuses(ids) == ["pending"]
            assert toasts.undo_text == ""

    run(scenario())


def test_a_list_that_cannot_be_read_is_said_once_and_stays(
    run: Any, stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: object) -> object:
        raise StoreError("The file cannot be read.")

    async def scenario() -> None:
        async with stage() as scene:
            await scene.add("one")
            page = await scene.open()
            await scene.shows("Waiting one")
            monkeypatch.setattr(QueueManager, "index", broken)
            toasts = scene.bench.services.toasts
            for title in ("two", "three", "four"):
                await scene.add(title)
                await until(lambda: not page.live._reader.busy)
            await until(lambda: len(toasts.texts) == 1)
            assert scene.texts() == ["Waiting one"]

    run(scenario())


def test_a_suggestion_completes_the_text(run: Any, stage: Stage) -> None:
    async def scenario() -> None:
        async with stage() as scene:
            ids = await scene.add("one", "two")
            await scene.bench.queue.cancel(ids[0])
            page = await scene.open()
            page.go_to_filter()
            QTest.keyClicks(page.filter.line, "canc")
            assert page.filter.line.is_open
            suggested = page.filter.line.suggestions
            assert [s.label for s in suggested] == ["state:cancelled"]
            page.filter.line.pick(suggested[0])
            assert page.filter.text == "state:cancelled"
            await scene.shows("Cancelled one")

    run(scenario())


def test_esc_in_the_filter_goes_to_the_list(run: Any, stage: Stage) -> None:
    async def scenario() -> None:
        async with stage() as scene:
            await scene.add("one")
            page = await scene.open()
            scene.key(Qt.Key.Key_Slash)
            assert page.window().focusWidget() is page.filter.line
            QTest.keyClick(page.filter.line, Qt.Key.Key_Escape)
            assert page.window().focusWidget() is page.table

    run(scenario())

"""Tasks, dialogs, the bridge, the hooks, one console at a time."""

import asyncio
import gc
import logging
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QTimer, qWarning
from PySide6.QtNetwork import QLocalSocket
from PySide6.QtWidgets import QApplication, QDialog, QWidget
from tests.gui.harness import until

from autotask_console.runtime.ask import ask
from autotask_console.runtime.bridge import CoreBridge
from autotask_console.runtime.hooks import Hooks
from autotask_console.runtime.single_instance import FolderUnusable, SingleInstance
from autotask_console.runtime.tasks import Tasks
from autotask_queue import KNOWN_SECRETS, Event, EventsLost, QueueEmpty


class TestTasks:
    def test_errors_reach_the_handler_with_words(self, run: Any) -> None:
        async def fails() -> None:
            raise LookupError("gone")

        async def scenario() -> None:
            seen: list[tuple[str, str]] = []
            tasks = Tasks(lambda error, what: seen.append((str(error), what)))
            own: list[str] = []
            tasks.start(fails(), what="cancel 3 requests")
            tasks.start(fails(), what="save", on_error=lambda error, what: own.append(what))
            await until(lambda: seen and own)
            assert seen == [("gone", "cancel 3 requests")]
            assert own == ["save"]
            assert tasks.running == ()

        run(scenario())

    def test_done_is_told_in_any_case(self, run: Any) -> None:
        async def fails() -> None:
            raise LookupError

        async def scenario() -> None:
            told: list[str] = []
            tasks = Tasks(lambda error, what: None)
            tasks.start(asyncio.sleep(0), what="a", on_done=lambda: told.append("a"))
            tasks.start(fails(), what="b", on_done=lambda: told.append("b"))
            await until(lambda: len(told) == 2)
            tasks.start(asyncio.sleep(60), what="c", on_done=lambda: told.append("c"))
            await asyncio.sleep(0)
            await tasks.shutdown()
            assert sorted(told) == ["a", "b", "c"]

        run(scenario())

    def test_references_are_kept(self, run: Any) -> None:
        async def waits(event: asyncio.Event, done: list[int]) -> None:
            await event.wait()
            done.append(1)

        async def scenario() -> None:
            event, done = asyncio.Event(), list[int]()
            tasks = Tasks(lambda error, what: None)
            tasks.start(waits(event, done), what="wait")
            await asyncio.sleep(0)
            gc.collect()
            event.set()
            await until(lambda: done)

        run(scenario())

    def test_shutdown_waits_then_cancels_then_refuses(self, run: Any) -> None:
        async def scenario() -> None:
            tasks = Tasks(lambda error, what: None)
            quick = tasks.start(asyncio.sleep(0.01), what="quick")
            slow = tasks.start(asyncio.sleep(60), what="slow")
            await tasks.shutdown(grace=0.5)
            assert quick is not None
            assert not quick.cancelled()
            assert slow is not None
            assert slow.cancelled()
            late = asyncio.sleep(0)
            assert tasks.start(late, what="late") is None

        run(scenario())

    def test_a_failing_handler_is_not_lost(self, run: Any) -> None:
        async def fails() -> None:
            raise LookupError

        def broken(error: BaseException, what: str) -> None:
            raise RuntimeError("the handler is broken")

        async def scenario() -> None:
            seen: list[dict[str, Any]] = []
            asyncio.get_running_loop().set_exception_handler(lambda loop, context: seen.append(context))
            tasks = Tasks(broken)
            tasks.start(fails(), what="x")
            await until(lambda: seen)
            assert "the handler is broken" in str(seen[0]["exception"])

        run(scenario())


class TestAsk:
    def test_the_answer_comes_without_blocking_others(self, run: Any, qtbot: Any) -> None:
        host = QWidget()
        qtbot.addWidget(host)
        host.show()

        async def scenario() -> None:
            dialog = QDialog(host)
            ticks: list[int] = []

            async def ticking() -> None:
                while True:
                    ticks.append(1)
                    await asyncio.sleep(0.001)

            other = asyncio.ensure_future(ticking())
            waiting = asyncio.ensure_future(ask(dialog))
            await until(lambda: dialog.isVisible() and len(ticks) > 5)
            dialog.accept()
            assert await waiting == QDialog.DialogCode.Accepted
            other.cancel()
            await asyncio.gather(other, return_exceptions=True)

        run(scenario())

    def test_cancelling_the_wait_closes_the_dialog(self, run: Any, qtbot: Any) -> None:
        host = QWidget()
        qtbot.addWidget(host)
        host.show()

        async def scenario() -> None:
            dialog = QDialog(host)
            rejected: list[int] = []
            dialog.rejected.connect(lambda: rejected.append(1))
            waiting = asyncio.ensure_future(ask(dialog))
            await until(dialog.isVisible)
            waiting.cancel()
            await asyncio.gather(waiting, return_exceptions=True)
            assert rejected == [1]

        run(scenario())


class FakeMailbox:
    def __init__(self) -> None:
        self.waiting: list[Event] = []
        self.arrived = asyncio.Event()
        self.closed = False
        self.drains = 0

    def put(self, event: Event) -> None:
        self.waiting.append(event)
        self.arrived.set()

    async def wait(self) -> None:
        await self.arrived.wait()

    def drain(self) -> list[Event]:
        self.drains += 1
        out, self.waiting = self.waiting, []
        self.arrived.clear()
        return out

    def close(self) -> None:
        self.closed = True


class TestBridge:
    def test_events_are_gathered_and_an_idle_queue_costs_nothing(self, run: Any) -> None:
        async def scenario() -> None:
            box = FakeMailbox()
            bridge = CoreBridge(box)
            batches: list[tuple[Event, ...]] = []
            bridge.events.connect(batches.append)
            task = asyncio.ensure_future(bridge.run())
            await asyncio.sleep(0.25)
            assert box.drains == 0
            box.put(QueueEmpty(at=1))
            await until(lambda: len(batches) == 1)
            for at in (2, 3, 4):
                box.put(QueueEmpty(at=at))
                await asyncio.sleep(0)
            await until(lambda: len(batches) == 2)
            assert [e.at for e in batches[1]] == [2, 3, 4]
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            assert box.closed

        run(scenario())

    def test_lost_events_are_a_gap(self, run: Any) -> None:
        async def scenario() -> None:
            box = FakeMailbox()
            bridge = CoreBridge(box)
            gaps: list[int] = []
            batches: list[tuple[Event, ...]] = []
            bridge.gap.connect(lambda: gaps.append(1))
            bridge.events.connect(batches.append)
            box.put(EventsLost(at=1, count=9))
            box.put(QueueEmpty(at=1))
            bridge.deliver()
            bridge.deliver()
            assert (gaps, batches) == ([1], [])

        run(scenario())


@pytest.fixture
def hooks(tmp_path: Path) -> Iterator[Hooks]:
    made = Hooks(folder=tmp_path / "reports", version="1.2.3")
    made.install()
    yield made
    made.uninstall()


def fail(text: str) -> None:
    raise LookupError(text)


class TestHooks:
    def reports(self, hooks: Hooks) -> list[str]:
        return [p.read_text(encoding="utf-8") for p in sorted(hooks.folder.glob("report-*.txt"))]

    @pytest.mark.expected_logs("bug while")
    def test_a_bug_in_a_slot_is_reported_once_and_redacted(self, hooks: Hooks, qapp: QApplication) -> None:
        told: list[tuple[str, Path | None]] = []
        hooks.on_bug = lambda title, path: told.append((title, path))
        KNOWN_SECRETS.add("hunter2-planted")
        for _ in range(3):
            try:
                fail("secret is hunter2-planted")
            except LookupError as error:
                sys.excepthook(type(error), error, error.__traceback__)
        (text,) = self.reports(hooks)
        assert "hunter2-planted" not in text
        assert "LookupError" in text
        assert "1.2.3" in text
        assert len(told) == 1
        assert told[0][1] is not None
        assert stat.S_IMODE(told[0][1].stat().st_mode) == 0o600

    @pytest.mark.expected_logs("bug while")
    def test_bugs_in_threads_in_tasks_and_while_cleaning_up(self, hooks: Hooks, run: Any) -> None:
        thread = threading.Thread(target=fail, args=("in a thread",), name="worker")
        thread.start()
        thread.join()

        class Grumpy:
            def __del__(self) -> None:
                raise ValueError("while cleaning up")

        Grumpy()

        async def scenario() -> None:
            hooks.watch(asyncio.get_running_loop())
            asyncio.get_running_loop().call_soon({"": 1}.__getitem__, "in a callback")
            await asyncio.sleep(0.01)

        run(scenario())
        text = "\n".join(self.reports(hooks))
        for words in ("in a thread", "while cleaning up", "in a callback"):
            assert words in text

    @pytest.mark.expected_logs("no crash reports")
    def test_a_folder_that_cannot_be_made_is_said_and_survived(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("x")
        hooks = Hooks(folder=tmp_path / "file" / "reports", version="1")
        hooks.install()
        hooks.uninstall()

    @pytest.mark.expected_logs("bug while", "the report could not be written")
    def test_a_report_that_cannot_be_written_is_survived(self, hooks: Hooks, tmp_path: Path) -> None:
        told: list[Path | None] = []
        hooks.on_bug = lambda title, path: told.append(path)
        (tmp_path / "file").write_text("x")
        hooks.folder = tmp_path / "file" / "reports"
        assert hooks.report(LookupError("x"), "test") is None
        assert told == [None]

    @pytest.mark.expected_logs("bug while", "reporting a bug failed")
    def test_a_broken_listener_does_not_hide_the_bug(self, hooks: Hooks) -> None:
        def broken(title: str, path: Path | None) -> None:
            raise RuntimeError("listener")

        hooks.on_bug = broken
        sys.excepthook(LookupError, LookupError("x"), None)

    @pytest.mark.qt_log_ignore(".*")
    def test_qt_messages_go_to_the_log(self, hooks: Hooks, caplog: pytest.LogCaptureFixture) -> None:
        with caplog.at_level(logging.WARNING, logger="qt"):
            qWarning("something odd")
            qWarning("This plugin does not support raise()")
        assert [r.message for r in caplog.records if r.name == "qt"] == ["something odd"]

    @pytest.mark.expected_logs("bug while")
    def test_only_the_newest_reports_are_kept(self, hooks: Hooks) -> None:
        for number in range(30):
            (hooks.folder / f"report-2020{number:02}.txt").write_text("old")
        hooks.report(LookupError("new"), "test")
        left = sorted(p.name for p in hooks.folder.glob("report-*.txt"))
        assert len(left) == 20
        assert left[-1] > "report-202029.txt"


class TestSingleInstance:
    def test_the_second_brings_the_first_to_the_front(self, run: Any, tmp_path: Path) -> None:
        async def scenario() -> None:
            first, second = SingleInstance(tmp_path), SingleInstance(tmp_path)
            raised: list[int] = []
            first.raise_wanted.connect(lambda: raised.append(1))
            assert first.acquire()
            assert stat.S_IMODE((tmp_path / "console.token").stat().st_mode) == 0o600
            assert not second.acquire()
            # A process of its own, as in life: the second blocks while it waits for the answer.
            program = (
                "import sys; from pathlib import Path; from PySide6.QtCore import QCoreApplication\n"
                "from autotask_console.runtime.single_instance import SingleInstance\n"
                "app = QCoreApplication([]); one = SingleInstance(Path(sys.argv[1]))\n"
                "print(one.acquire(), one.ask_first_to_show())"
            )
            said = await asyncio.to_thread(
                subprocess.run,
                [sys.executable, "-c", program, str(tmp_path)],
                capture_output=True,
                text=True,
                timeout=30,
                check=True,
            )
            assert said.stdout.split() == ["False", "True"]
            assert raised == [1]
            first.release()
            assert second.acquire()
            second.release()

        run(scenario())

    @pytest.mark.parametrize(
        "line",
        [
            b'{"do": "raise", "token": "wrong"}\n',
            b'{"do": "quit"}\n',
            b"not json\n",
            b"[1]\n",
            b'{"do": "raise", "token": 7}\n',
        ],
    )
    def test_strangers_are_not_heard(self, run: Any, tmp_path: Path, line: bytes) -> None:
        async def scenario() -> None:
            first = SingleInstance(tmp_path)
            raised: list[int] = []
            first.raise_wanted.connect(lambda: raised.append(1))
            assert first.acquire()
            socket = QLocalSocket()
            ended: list[int] = []
            socket.disconnected.connect(lambda: ended.append(1))
            socket.connectToServer(first.name)
            assert socket.waitForConnected(2000)
            socket.write(line)
            socket.flush()
            await until(lambda: ended)
            assert (bytes(socket.readAll().data()), raised) == (b"", [])
            first.release()

        run(scenario())

    def test_a_flood_without_an_end_is_cut_off(self, run: Any, tmp_path: Path) -> None:
        async def scenario() -> None:
            first = SingleInstance(tmp_path)
            assert first.acquire()
            socket = QLocalSocket()
            ended: list[int] = []
            socket.disconnected.connect(lambda: ended.append(1))
            socket.connectToServer(first.name)
            assert socket.waitForConnected(2000)
            socket.write(b"x" * 100_000)
            await until(lambda: ended)
            first.release()

        run(scenario())

    def test_no_answer_is_no_answer(self, qapp: QApplication, tmp_path: Path) -> None:
        assert not SingleInstance(tmp_path).ask_first_to_show()

    def test_profiles_do_not_meet(self, qapp: QApplication, tmp_path: Path) -> None:
        one, two = SingleInstance(tmp_path / "a"), SingleInstance(tmp_path / "b")
        assert one.acquire()
        assert two.acquire()
        assert one.name != two.name
        one.release()
        two.release()

    def test_a_folder_that_cannot_be_made_is_an_error(self, qapp: QApplication, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("x")
        with pytest.raises(FolderUnusable, match="below cannot be written: Not a directory"):
            SingleInstance(tmp_path / "file" / "below").acquire()


def test_a_qt_timer_keeps_running_beside_coroutines(run: Any) -> None:
    async def scenario() -> None:
        ticks: list[int] = []
        timer = QTimer()
        timer.setInterval(1)
        timer.timeout.connect(lambda: ticks.append(1))
        timer.start()
        await until(lambda: len(ticks) >= 5)
        timer.stop()

    run(scenario())

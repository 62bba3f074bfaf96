"""Parts of the composition root that need no process of their own."""

import asyncio
import json
import logging
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.gui.harness import bench, until

from autotask_console.app import demo
from autotask_console.app.commands import QueueCommands
from autotask_console.app.crash_note import CrashNote
from autotask_console.app.demo_run import leave_evidence, summarise
from autotask_console.app.logs import logging_installed
from autotask_console.app.snapshot import look_at
from autotask_console.app.work_facts import FailedReads, last_sent
from autotask_console.platform.theme import Theme
from autotask_console.state import ChangeFlags
from autotask_queue import (
    KNOWN_SECRETS,
    Connectivity,
    FailureClass,
    GateKind,
    ProcessorError,
    Reply,
    Request,
    Status,
)
from autotask_queue.simulator import run_simulator
from autotask_queue.simulator.command import ready


class TestLogs:
    def test_lines_are_json_with_secrets_masked(self, tmp_path: Path, capsys: Any) -> None:
        KNOWN_SECRETS.add("planted-value-7")
        logger = logging.getLogger("tests.app")
        with logging_installed(tmp_path / "logs", "debug"):
            logger.info("signing in with %s", "planted-value-7")
            try:
                raise LookupError("planted-value-7")
            except LookupError:
                logger.exception("it failed")
        first, second = (
            json.loads(x) for x in (tmp_path / "logs" / "console.jsonl").read_text().splitlines()
        )
        assert (first["level"], first["logger"]) == ("info", "tests.app")
        assert "planted" not in json.dumps([first, second])
        assert "LookupError" in second["traceback"]
        assert first["time"].endswith("Z")
        said = capsys.readouterr().err
        assert "signing in" in said
        assert "planted" not in said

    def test_people_see_warnings_and_the_file_has_all(self, tmp_path: Path, capsys: Any) -> None:
        logger = logging.getLogger("tests.app")
        with logging_installed(tmp_path / "logs", "info"):
            logger.info("for the file")
            logger.warning("for people")
        assert (tmp_path / "logs" / "console.jsonl").read_text().count("\n") == 2
        assert capsys.readouterr().err == "WARNING tests.app: for people\n"

    @pytest.mark.expected_logs("there is no log file")
    def test_a_folder_that_cannot_be_written_is_said_once(self, tmp_path: Path, capsys: Any) -> None:
        (tmp_path / "file").write_text("x")
        with logging_installed(tmp_path / "file" / "logs", "info"):
            pass
        assert capsys.readouterr().err.count("there is no log file") == 1

    def test_without_a_stderr_there_is_only_the_file(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        before = list(logging.getLogger().handlers)
        with monkeypatch.context() as context:
            context.setattr(sys, "stderr", None)
            with logging_installed(tmp_path / "logs", "info"):
                (added,) = (h for h in logging.getLogger().handlers if h not in before)
                assert isinstance(added, logging.FileHandler)


class TestCrashNote:
    def test_a_run_that_did_not_end_is_noticed_once(self, tmp_path: Path) -> None:
        assert not CrashNote(tmp_path / "state").begin()
        second = CrashNote(tmp_path / "state")
        assert second.begin()
        second.end()
        third = CrashNote(tmp_path / "state")
        assert not third.begin()
        third.end()
        third.end()

    def test_a_folder_that_cannot_be_written_is_no_crash(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("x")
        assert not CrashNote(tmp_path / "file" / "below").begin()


def test_the_shells_commands_do_what_they_say(run: Any, theme: Theme, settings_file: Path) -> None:
    async def scenario() -> None:
        async with bench(theme, settings_file) as b:
            s = b.services
            commands = QueueCommands(b.queue, b.store, s.toasts, s.tasks)
            await commands.pause(900)
            assert b.store.state.paused is True
            assert b.store.state.gate(GateKind.PAUSED) is not None
            assert s.toasts.undo_text == "pause"
            s.toasts.undo_last()
            await until(lambda: not b.store.state.paused)
            await commands.pause(None)
            assert b.store.state.paused_until is None
            await commands.resume()
            assert b.store.state.gate(GateKind.PAUSED) is None
            await commands.send_now()
            assert s.toasts.texts[-1] == "Nothing was waiting for its next try."
            await commands.work_offline()
            assert b.store.state.connectivity.state is Connectivity.WORK_OFFLINE
            await commands.try_now()
            assert s.toasts.texts[-1].startswith("Still offline.")
            await commands.work_online()
            assert b.store.state.online

    run(scenario())


def test_looking_twice_at_a_resting_queue_shows_no_change(
    run: Any, theme: Theme, settings_file: Path
) -> None:
    async def scenario() -> None:
        async with bench(theme, settings_file) as b:
            await b.queue.enqueue("/Tickets", "POST", "zone1", data={"title": "x"})
            await b.queue.circuit_breaker.force_open("zone1", "router", expires_in=60)
            one = look_at(b.queue, b.services.clock)
            two = look_at(b.queue, b.services.clock)
            assert (one.gates, one.breakers, one.counters) == (two.gates, two.breakers, two.counters)
            assert one.gates[0].until == round(one.gates[0].until or 0)

    run(scenario())


def test_failed_look_ups_are_told_apart(run: Any, theme: Theme, settings_file: Path) -> None:
    class Refusing:
        def can_process(self, request: Request) -> bool:
            return True

        async def process_request(self, request: Request) -> Reply:
            raise ProcessorError("No.", kind=FailureClass.PERMISSION)

    async def scenario() -> None:
        async with bench(theme, settings_file, processors={"refusing": Refusing()}) as b:
            for method in ("GET", "POST"):
                await b.queue.result((await b.queue.submit("/Tickets", method, "zone1", data={})).id)
            await until(lambda: b.store.state.by_status[Status.FAILED] == 2)
            facts = FailedReads(b.queue, b.store, b.services.tasks, parent=b.host)
            await facts.count()
            assert b.store.state.failed_reads == 1
            assert b.store.state.needs_you == 1
            await b.queue.result((await b.queue.submit("/Tickets", "GET", "zone1")).id)
            await until(lambda: b.store.state.by_status[Status.FAILED] == 3)
            assert b.store.state.needs_you == 1
            b.store.note(ChangeFlags.COUNTERS, failed_reads=9)  # whatever went wrong: it is counted again
            await until(lambda: b.store.state.failed_reads == 2)
            assert await last_sent(b.queue) is None

    run(scenario())


def test_what_a_timed_demo_leaves(run: Any, theme: Theme, settings_file: Path, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with bench(theme, settings_file) as b:
            await b.queue.enqueue("/Tickets", "POST", "zone1", data={"title": "x"})
            await b.queue.pause()
            await b.queue.submit("/Tickets", "POST", "zone1", data={"title": "y"})
            told = await summarise(b.queue)
            assert (told["sent"], told["waiting"], told["failed"]) == (1, 1, 0)
            assert [r["status"] for r in told["requests"]] == ["completed", "pending"]
            picture, summary = tmp_path / "p.png", tmp_path / "s.json"
            await leave_evidence(b.queue, b.host, screenshot=picture, summary=summary)
            assert json.loads(summary.read_text()) == told
            assert picture.exists()

    run(scenario())


def test_a_console_with_nothing_to_send_keeps_its_simulator_company(
    run: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(demo, "_VISIT_EVERY", 0.01)

    async def scenario() -> None:
        async with run_simulator() as simulator:
            await until(lambda: simulator.idle > 0.2)
            told = msgspec.convert(ready(simulator), demo.Simulator)
            company = asyncio.create_task(demo.keep_company(told))
            await until(lambda: simulator.idle < 0.2)
            company.cancel()
            await asyncio.gather(company, return_exceptions=True)

    run(scenario())


@pytest.mark.expected_logs("could not be written")
def test_evidence_that_cannot_be_written_does_not_stop_the_end(
    run: Any, theme: Theme, settings_file: Path, tmp_path: Path
) -> None:
    async def scenario() -> None:
        async with bench(theme, settings_file) as b:
            nowhere = tmp_path / "none" / "s.json"
            await leave_evidence(b.queue, b.host, screenshot=None, summary=nowhere)
            await leave_evidence(b.queue, b.host, screenshot=nowhere, summary=None)

    run(scenario())

"""Logging: where records go, what a line holds, and an attack on every handler with planted secrets."""

from __future__ import annotations

import ast
import json
import logging
import logging.handlers
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.architecture.source import sources
from typing_extensions import override

from autotask_queue import (
    KNOWN_SECRETS,
    BatchFailed,
    BatchProcessing,
    Credentials,
    EchoProcessor,
    FailureClass,
    ProcessorError,
    QueueManager,
    QuickSetup,
    Reply,
    Request,
    RequestFailed,
    RequestId,
    create_production_configuration,
    log_to_files,
    log_to_stderr,
)
from autotask_queue.engine.journal import log_event
from autotask_queue.simulator import run_simulator

PLANTED = "pl4nted~s€cret/+&word"


@pytest.fixture
def logger() -> Iterator[logging.Logger]:
    KNOWN_SECRETS.add(PLANTED)
    logger = logging.getLogger("tests.logs.child")
    yield logger
    logger.setLevel(logging.NOTSET)


def lines(folder: Path, name: str = "queue") -> list[dict[str, Any]]:
    text = (folder / f"{name}.jsonl").read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


class Printing:
    """Tells a secret whenever somebody prints it."""

    @override
    def __repr__(self) -> str:
        return f"Printing({PLANTED})"


def attack(logger: logging.Logger) -> int:
    """Logs the planted secret in every way that a record has; how many records that makes."""
    logger.info("said: %s", PLANTED)
    logger.info(f"said: {PLANTED}")  # noqa: G004 - the worst that a caller can do
    logger.info("an object %s and %r", Printing(), Printing())
    logger.info({"message": PLANTED})
    logger.info("extra", extra={"detail": PLANTED, "deep": {"list": [PLANTED, {PLANTED: 1}]}})
    logger.info("extra", extra={"object": Printing(), "password": "hunter2"})
    logger.info("stack", stack_info=True, extra={"bytes": PLANTED.encode(), "header": ("Secret", "hunter2")})
    try:
        try:
            raise LookupError(PLANTED)
        except LookupError as error:
            raise ValueError(f"because of {PLANTED}") from error
    except ValueError:
        logger.exception("with a traceback")
    logger.info('{"Secret": "hunter2", "ApiIntegrationCode": "hunter2"}')
    logger.info("redis://user:hunter2@host, password=hunter2 Authorization: Basic hunter2")
    return 10


def test_no_planted_secret_leaves_any_handler(
    logger: logging.Logger, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with log_to_stderr("debug"), log_to_files(tmp_path, level="debug"):
        sent = attack(logger)
    written = lines(tmp_path)
    said = capsys.readouterr().err
    for text in (json.dumps(written, ensure_ascii=False), said):
        assert "pl4nted" not in text
        assert "word" not in text.replace("password", "")
        assert "hunter2" not in text
    assert len(written) == sent
    assert said.count("tests.logs.child:") == sent
    assert "ValueError: because of [hidden]" in written[7]["traceback"]
    assert written[4]["deep"] == {"list": ["[hidden]", {"[hidden]": 1}]}


async def test_a_queue_at_debug_level_tells_no_secret(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with run_simulator() as sim:
        wrong = "wr0ng~secret-of-mine"
        own = Credentials(
            url=sim.base_url, user=sim.credentials.user, secret=wrong, integration_code="c0de-of-mine-77"
        )
        with log_to_stderr("debug"), log_to_files(tmp_path, level="debug"):
            async with QuickSetup.memory(credentials={"zone1": own}) as queue:
                refused = await queue.submit("/Tickets/1", "GET", "zone1", metadata={"title": "private"})
                await queue.result(refused.id, timeout=1.0)
    written = json.dumps(lines(tmp_path)) + capsys.readouterr().err
    assert "zone.sign_in_refused" in written
    for planted in (wrong, "c0de-of-mine-77", "private"):
        assert planted not in written


class Refusing:
    """Refuses what is for zone1 and takes nothing else."""

    async def process_request(self, request: Request) -> Reply:
        raise ProcessorError("No.", kind=FailureClass.VALIDATION)

    def can_process(self, request: Request) -> bool:
        return request.zone == "zone1"


async def test_events_are_lines_with_facts(tmp_path: Path) -> None:
    with log_to_files(tmp_path, name="worker", level="debug"):
        async with QuickSetup.memory(processors={"no": Refusing(), "echo": EchoProcessor()}) as queue:
            await queue.enqueue("/Things?search=private", "GET", "zone2")
            with pytest.raises(RequestFailed):
                await queue.enqueue("/Things", "POST", "zone1")
            control = queue.circuit_breaker
            await control.force_open("zone1", "a private reason")
            await control.release("zone1", "a private reason")
            await control.force_close("zone1", "a private reason")
            await control.reset("zone1", "a private reason")
            await queue.set_priority_strategy("fifo", why="a private reason")
            await queue.pause(60, why="a private reason")
    written = [line for line in lines(tmp_path, "worker") if "event" in line]
    assert [line["event"] for line in written if line.get("zone") == "zone2"] == [
        "request.enqueued",
        "request.processing",
        "request.completed",
    ]
    (failed,) = (line for line in written if line["event"] == "request.failed")
    assert (failed["level"], failed["zone"], failed["endpoint"]) == ("info", "zone1", "/Things")
    assert failed["logger"] == "autotask_queue"
    assert "circuit.forced" in {line["event"] for line in written}
    assert "private" not in json.dumps(written)


def test_a_level_leaves_out_what_is_less_grave(
    logger: logging.Logger, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with log_to_stderr("error"), log_to_files(tmp_path / "new" / "folder", level="info"):
        logger.debug("one")
        logger.info("two")
        logger.error("three")
    assert [line["message"] for line in lines(tmp_path / "new" / "folder")] == ["two", "three"]
    assert capsys.readouterr().err == "ERROR tests.logs.child: three\n"


def test_files_rotate_and_the_oldest_go(
    logger: logging.Logger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("autotask_queue.logs._BYTES", 300)
    with log_to_files(tmp_path):
        for number in range(40):
            logger.info("line %d", number)
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ["queue.jsonl", *(f"queue.jsonl.{n}" for n in range(1, 6))]
    assert lines(tmp_path)[-1]["message"] == "line 39"


def test_logging_is_as_it_was_afterwards(tmp_path: Path) -> None:
    root = logging.getLogger()
    before = (root.level, list(root.handlers), logging.getLogger("httpx").level)
    with log_to_stderr("debug"), log_to_files(tmp_path, level="debug"):
        assert (root.level, logging.getLogger("httpx").level) == (logging.DEBUG, logging.WARNING)
    assert (root.level, list(root.handlers), logging.getLogger("httpx").level) == before


@pytest.mark.expected_logs("there is no log file")
def test_a_folder_that_cannot_be_written_is_said_and_survived(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x", encoding="utf-8")
    with log_to_files(tmp_path / "file" / "logs"):
        pass


def test_a_library_installs_no_handler_by_itself() -> None:
    before = list(logging.getLogger().handlers), list(logging.getLogger("autotask_queue").handlers)
    QueueManager(create_production_configuration(), processors={"echo": EchoProcessor()})
    assert (list(logging.getLogger().handlers), list(logging.getLogger("autotask_queue").handlers)) == before


def test_handlers_are_made_in_one_place_where_the_filter_is_put_on_them() -> None:
    handlers = {name for module in (logging, logging.handlers) for name in vars(module) if "Handler" in name}
    made = {
        source.path
        for source in sources()
        for node in ast.walk(source.tree)
        if isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] in handlers
    }
    assert made == {"core/autotask_queue/logs.py"}


def test_a_batch_is_a_line_too(tmp_path: Path) -> None:
    failure = ProcessorError("Nobody answered.").failure
    begun = BatchProcessing(at=1.0, zone="zone1", entity="Companies", ids=(RequestId("a"), RequestId("b")))
    failed = BatchFailed(at=2.0, zone="zone1", entity="Companies", ids=begun.ids, failure=failure)
    with log_to_files(tmp_path, level="debug"):
        for event in (begun, failed):
            log_event(logging.getLogger("tests.logs.batch"), event)
    first, second = lines(tmp_path)
    assert (first["level"], first["event"], first["requests"]) == ("debug", "batch.processing", 2)
    assert (second["level"], second["entity"], second["why"]) == ("info", "Companies", failure.title)

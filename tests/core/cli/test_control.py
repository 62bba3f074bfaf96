"""The control channel: what owners answer, and how clients tell owners from what they left behind."""

from __future__ import annotations

import asyncio
import gc
import os
import stat
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from autotask_queue import (
    ConfigError,
    ControlServer,
    DuplicateKey,
    EchoProcessor,
    IllegalTransition,
    InvalidRequest,
    Outcome,
    QueueError,
    QueueManager,
    QuickSetup,
    RequestFailed,
    RequestFilter,
    RequestId,
    RequestNotFound,
    Status,
)
from autotask_queue.engine.control import CommandRefused, ControlClient, OwnerUnreachable, read_owner
from autotask_queue.engine.control.command import Command, answer_type
from autotask_queue.engine.control.commands import TABLE
from autotask_queue.engine.control.errors import ErrorMessage, to_error, to_message
from autotask_queue.engine.control.orders import CancelOne, Clear, Edit, Pause, Submit
from autotask_queue.engine.control.owner_file import owner_path, write_owner
from autotask_queue.engine.control.questions import Find, Gates, ListBreakers, Metrics, Result, Rows, Show
from autotask_queue.engine.intake import new_request_id

pytestmark = pytest.mark.integration


@pytest.fixture
async def queue(tmp_path: Path) -> AsyncIterator[QueueManager]:
    async with QuickSetup.sqlite(tmp_path / "queue.db", processors={"echo": EchoProcessor()}) as running:
        yield running


@pytest.fixture
async def server(queue: QueueManager) -> AsyncIterator[ControlServer]:
    async with ControlServer(queue, role="console") as running:
        yield running


@pytest.fixture
def client(server: ControlServer, queue: QueueManager) -> ControlClient:
    found = ControlClient.of(Path(queue.location))
    assert found is not None
    return found


def submit(**fields: Any) -> Submit:
    return Submit(request_id=new_request_id(), endpoint="/Tickets", method="POST", zone="z", **fields)


async def test_a_request_is_sent_through_the_owner(client: ControlClient, queue: QueueManager) -> None:
    receipt = await client.ask(submit(data={"title": "T"}, actor="anna"))
    outcome = await client.ask(Result(id=receipt.id, wait=10.0))
    assert outcome.ok

    assert (await queue.get_request(receipt.id)).actor == "anna"
    found = await client.ask(Find())
    assert (found.total, found.seqs) == (1, [receipt.seq])
    assert [row.id for row in await client.ask(Rows(seqs=found.seqs))] == [receipt.id]
    shown = await client.ask(Show(id=receipt.id))
    assert shown.request == await queue.get_request(receipt.id)
    assert shown.attempts == await queue.attempts(receipt.id)


async def test_every_command_gives_the_same_here_and_there(
    client: ControlClient, queue: QueueManager
) -> None:
    receipt = await client.ask(submit())
    await client.ask(Result(id=receipt.id, wait=10.0))
    await client.ask(Pause(expires_in=60.0, why="test"))
    commands: list[Command[Any]] = [
        Gates(), Find(filter=RequestFilter(status=(Status.COMPLETED,))), Show(id=receipt.id), Clear(zone="z"),
    ]  # fmt: skip
    for command in commands:
        assert await client.ask(command) == await command.run(queue), command
    assert [b.zone for b in await client.ask(ListBreakers())] == ["z"]
    assert (await client.ask(Metrics())).completed_requests == 1


@pytest.mark.parametrize("name", sorted(TABLE))
def test_every_command_says_what_it_answers(name: str) -> None:
    required: dict[str, Any] = {
        field.name: {"seqs": []}.get(field.name, "x")
        for field in msgspec.structs.fields(TABLE[name])
        if field.required
    }
    assert msgspec.json.Decoder(answer_type(TABLE[name](**required))) is not None


async def test_documents_as_large_as_the_queue_takes_travel(client: ControlClient) -> None:
    text = "x" * (8 * 2**20 - 100)
    receipt = await client.ask(submit(data={"text": text}))
    assert (await client.ask(Show(id=receipt.id))).request.data == {"text": text}
    with pytest.raises(InvalidRequest, match="larger than 8 MB"):
        await client.ask(submit(data={"text": text + text[:200]}))
    with pytest.raises(CommandRefused, match="longer than 16 MB"):
        await client.ask(submit(data={"text": text + text + "xxxxxxxx" * 100}))


async def test_an_answer_too_long_to_be_sent_is_refused(client: ControlClient) -> None:
    text = "x" * (8 * 2**20 - 200)
    edited = await client.ask(submit(data={"text": text}))
    await client.ask(Result(id=edited.id, wait=10.0))
    # The echo's reply holds the document once more.
    with pytest.raises(CommandRefused, match="too long"):
        await client.ask(Show(id=edited.id))


async def test_errors_come_out_as_what_they_are(client: ControlClient) -> None:
    with pytest.raises(RequestNotFound) as missing:
        await client.ask(CancelOne(id=RequestId("nobody")))
    assert missing.value.remedy == RequestNotFound.default_remedy

    receipt = await client.ask(submit())
    await client.ask(Result(id=receipt.id, wait=10.0))
    with pytest.raises(IllegalTransition) as late:
        await client.ask(CancelOne(id=receipt.id))
    assert (late.value.status, late.value.message) == (Status.COMPLETED, "It is completed already.")


async def test_an_edit_tells_nothing_from_not_given(client: ControlClient, queue: QueueManager) -> None:
    await queue.pause()
    receipt = await client.ask(submit(data={"a": 1}, scheduled_at=4e9))
    await client.ask(Edit(id=receipt.id, data=None))
    stored = await queue.get_request(receipt.id)
    assert (stored.data, stored.scheduled_at) == (None, 4e9)
    await client.ask(Edit(id=receipt.id, scheduled_at=None))
    assert (await queue.get_request(receipt.id)).scheduled_at is None


def test_every_error_class_survives_the_journey() -> None:
    outcome = Outcome(id=RequestId("1"), status=Status.FAILED)
    errors = [
        ConfigError(["a.b is wrong", "c is too"], remedy="mend"),
        RequestFailed("it failed", outcome=outcome, remedy="look"),
        IllegalTransition("no", status=Status.HELD),
        DuplicateKey("taken", request_id="019b", remedy="wait"),
        *(kind("what happened", remedy="what to do") for kind in plain_errors()),
    ]
    for error in errors:
        came = to_error(msgspec.json.decode(msgspec.json.encode(to_message(error)), type=ErrorMessage))
        assert type(came) is type(error)
        assert (str(came), vars(came)) == (str(error), vars(error))


def plain_errors() -> Iterator[type[QueueError]]:
    from autotask_queue.model import errors

    special = {"ConfigError", "RequestFailed", "DuplicateKey", "IllegalTransition", "ProcessorError"}
    for kind in vars(errors).values():
        if isinstance(kind, type) and issubclass(kind, QueueError) and kind.__name__ not in special:
            yield kind


def test_an_error_of_a_newer_version_keeps_its_words() -> None:
    came = to_error(ErrorMessage(code="brand_new", title="New", message="m", remedy="r"))
    assert (came.code, came.title, came.message, came.remedy) == ("brand_new", "New", "m", "r")


# ---------------------------------------------------------------------------------------------
# The owner file


async def test_the_owner_file_is_private_and_goes_with_its_owner(queue: QueueManager) -> None:
    path = owner_path(Path(queue.location))
    server = ControlServer(queue, role="console")
    await server.start()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600 or os.name == "nt"
    assert list(path.parent.glob("*.owner*")) == [path]
    owner = server.owner
    assert owner is not None
    assert owner == read_owner(Path(queue.location))
    assert owner.token not in repr(owner)
    await server.close()
    await server.close()
    assert not path.exists()


async def test_a_file_of_another_owner_is_not_removed(server: ControlServer, queue: QueueManager) -> None:
    database = Path(queue.location)
    owner = server.owner
    assert owner is not None
    other = msgspec.structs.replace(owner, token="of the next owner")
    write_owner(database, other)
    await server.close()
    assert read_owner(database) == other


@pytest.mark.parametrize("content", [b"", b"{}", b"[1", b"\xff\xfe", b'{"pid": "x", "port": 1}'])
def test_a_broken_owner_file_is_no_owner(tmp_path: Path, content: bytes) -> None:
    owner_path(tmp_path / "queue.db").write_bytes(content)
    assert ControlClient.of(tmp_path / "queue.db") is None


async def test_what_a_killed_owner_left_behind_does_not_answer(
    client: ControlClient, server: ControlServer
) -> None:
    await server.close()
    assert not await client.answers()
    with pytest.raises(OwnerUnreachable, match="could not be reached"):
        await client.ask(Gates())


async def test_a_stranger_on_the_old_port_learns_nothing(
    client: ControlClient, server: ControlServer
) -> None:
    received = bytearray()

    async def stranger(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        received.extend(await reader.readline())
        writer.write(b'{"proof": "trust me"}\n')
        received.extend(await reader.read())
        writer.close()

    await server.close()
    other = await asyncio.start_server(stranger, "127.0.0.1", client.owner.port)
    with pytest.raises(OwnerUnreachable, match="Something else"):
        await client.ask(submit(data={"title": "of a customer"}))
    other.close()
    await other.wait_closed()
    assert b"customer" not in received
    assert client.owner.token.encode() not in received


async def test_a_client_is_told_when_the_owner_ends_during_its_command(
    client: ControlClient, server: ControlServer, queue: QueueManager, monkeypatch: pytest.MonkeyPatch
) -> None:
    reached = asyncio.Event()

    async def never(request_id: str, timeout: float | None = None) -> Outcome:
        reached.set()
        await asyncio.Event().wait()
        raise AssertionError

    monkeypatch.setattr(queue, "result", never)
    async with asyncio.TaskGroup() as group:
        asked = group.create_task(_unanswered(client))
        await reached.wait()
        await server.close()
    assert "may have been done" in asked.result().message


async def test_a_connection_just_made_is_closed_with_the_server(
    client: ControlClient, server: ControlServer
) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", client.owner.port)
    server._connected(reader, writer)  # as the loop calls it; its task has had no step yet
    await server.close()
    assert server.connections == 0
    assert writer.transport.is_closing()
    gc.collect()  # a coroutine that was never awaited would warn now


async def _unanswered(client: ControlClient) -> OwnerUnreachable:
    with pytest.raises(OwnerUnreachable) as caught:
        await client.ask(Result(id=RequestId("x"), wait=20.0))
    return caught.value

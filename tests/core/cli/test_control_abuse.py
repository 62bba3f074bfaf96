"""What anybody on the machine can throw at the control port; the owner must not care."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from autotask_queue import ControlServer, QueueManager, QuickSetup
from autotask_queue.engine.control import ControlClient, server
from autotask_queue.engine.control.questions import Gates
from autotask_queue.engine.control.wire import LONGEST_GREETING, LONGEST_MESSAGE, prove

pytestmark = pytest.mark.integration

HELLO = b'{"nonce": "0123"}\n'


class Port:
    """The control port as anybody can reach it, and a client with the token to see that all is well."""

    def __init__(self, control: ControlServer, queue: QueueManager) -> None:
        assert control.owner is not None
        self.control, self.queue, self.owner = control, queue, control.owner

    async def talk(self, *messages: bytes) -> list[Any]:
        """Sends each message after the answer to the one before, then all answers until it hangs up."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.owner.port)
        answers = []
        try:
            async with asyncio.timeout(10):
                for message in messages:
                    writer.write(message)
                    await writer.drain()
                    if line := await reader.readline():
                        answers.append(json.loads(line))
                assert await reader.read() == b""
        except ConnectionError:
            pass  # hung up on while still talking
        finally:
            writer.transport.abort()
        return answers

    def key(self, token: str | None = None) -> bytes:
        return json.dumps({"token": self.owner.token if token is None else token}).encode() + b"\n"

    async def connections(self, count: int) -> None:
        """Waits until so many clients are connected."""
        for _ in range(100_000):
            if self.control.connections == count:
                return
            await asyncio.sleep(0)
        raise AssertionError(f"{self.control.connections} and not {count} connections")

    async def is_well(self) -> bool:
        client = ControlClient.of(Path(self.queue.location))
        assert client is not None
        return await client.ask(Gates()) == self.queue.gates()


@pytest.fixture
async def port(tmp_path: Path) -> AsyncIterator[Port]:
    async with QuickSetup.sqlite(tmp_path / "queue.db") as queue, ControlServer(queue) as control:
        yield Port(control, queue)


async def test_the_owner_proves_itself_first(port: Port) -> None:
    answers = await port.talk(HELLO, port.key() + b'{"do": "gates"}\n')
    assert answers == [{"proof": prove(port.owner.token, "0123")}, {"result": []}]


@pytest.mark.parametrize("token", ["", "wrong", "é" * 64])
async def test_a_wrong_token_opens_nothing(port: Port, token: str) -> None:
    answers = await port.talk(HELLO, port.key(token) + b'{"do": "clear"}\n')
    assert answers[1]["error"]["code"] == "command_refused"
    assert "token is wrong" in answers[1]["error"]["message"]
    assert port.owner.token not in json.dumps(answers)
    assert await port.is_well()


@pytest.mark.parametrize(
    "greeting",
    [
        b"\n",
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        b"\xff\xfe\x00\x01\n",
        b"null\n",
        b"[]\n",
        b'{"nonce": 5}\n',
        b'{"nonce": "x", "do": "clear"}\n',
        b'{"nonce": "' + b"x" * LONGEST_GREETING + b'"}\n',
        b"[" * 900 + b"\n",
    ],
)
async def test_garbage_is_hung_up_on(port: Port, greeting: bytes) -> None:
    (answer,) = await port.talk(greeting)
    assert answer["error"]["code"] == "command_refused"
    assert await port.is_well()


async def test_a_flood_without_a_token_is_cut_short(port: Port) -> None:
    await port.talk(b"x" * 5_000_000)
    assert await port.is_well()


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (b'{"do": "shutdown"}', "shutdown"),
        (b'{"do": "__class__"}', "__class__"),
        (b'{"do": ["cancel"]}', "do"),
        (b"{}", "do"),
        (b"null", "object"),
        (b'{"do": "pause", "expires_in": -1}', "expires_in"),
        (b'{"do": "pause", "expires_in": 1e300}', "expires_in"),
        (b'{"do": "pause", "sudo": true}', "sudo"),
        (b'{"do": "rows", "seqs": ["1; DROP TABLE request"]}', "seqs"),
        (b'{"do": "rows", "seqs": [' + b"1," * 600 + b"1]}", "length"),
        (b'{"do": "result", "id": "x", "wait": 1e9}', "wait"),
        (b'{"do": "find", "filter": {"status": ["nonsense"]}}', "nonsense"),
        (b'{"do": "resolve", "id": "x", "decision": "delete"}', "delete"),
        (b'{"do": "submit", "endpoint": "/T"}', "request_id"),
        (b'{"do": "submit", "data": ' + b"[" * 100_000, "ecursion"),
        (b'{"do": "gates"', "truncated"),
    ],
)
async def test_what_is_no_command_is_refused(port: Port, command: bytes, said: str) -> None:
    answers = await port.talk(HELLO, port.key() + command + b"\n")
    assert answers[1]["error"]["code"] == "command_refused"
    assert said in answers[1]["error"]["message"]
    assert await port.is_well()


async def test_a_command_without_end_is_cut(port: Port) -> None:
    answers = await port.talk(HELLO, port.key() + b"x" * (LONGEST_MESSAGE + 500_000))
    assert all("too long" in answer["error"]["message"] for answer in answers[1:])
    assert await port.is_well()


async def test_who_says_nothing_is_hung_up_on(port: Port, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "GREETING_TIMEOUT", 0.05)
    monkeypatch.setattr(server, "MESSAGE_TIMEOUT", 0.05)
    assert await port.talk(b"") == []  # connected, and silent
    assert len(await port.talk(HELLO)) == 1  # no token
    assert len(await port.talk(HELLO, port.key())) == 1  # no command
    assert await port.is_well()


async def test_more_connections_than_there_is_room_for(port: Port, monkeypatch: pytest.MonkeyPatch) -> None:
    crowd = [
        await asyncio.open_connection("127.0.0.1", port.owner.port) for _ in range(server.MOST_CONNECTIONS)
    ]
    await port.connections(server.MOST_CONNECTIONS)
    assert await port.talk(HELLO) == []  # hung up on at once
    for _, writer in crowd:
        writer.transport.abort()
    await port.connections(0)
    assert await port.is_well()


async def test_half_open_connections_do_not_hold_the_end_up(port: Port) -> None:
    _, silent = await asyncio.open_connection("127.0.0.1", port.owner.port)
    reader, greeted = await asyncio.open_connection("127.0.0.1", port.owner.port)
    greeted.write(HELLO)
    await reader.readline()
    async with asyncio.timeout(2):
        await port.control.close()
    assert await reader.read() == b""
    for writer in (silent, greeted):
        writer.transport.abort()

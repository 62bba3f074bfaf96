"""What goes into an encrypted queue stands in no file: not in the queue's own, not in a Redis server's."""

from __future__ import annotations

import asyncio
import secrets
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from tests.support.redis_server import RedisServer
from typing_extensions import override

from autotask_queue import (
    ControlServer,
    Durability,
    EchoProcessor,
    FailureClass,
    ProcessorError,
    QueueManager,
    QuickSetup,
    Reply,
    Request,
    change_encryption,
    new_encryption_key,
)

pytestmark = pytest.mark.integration


class Plants:
    """Random words, each put in somewhere; by where."""

    def __init__(self) -> None:
        self.words: dict[str, str] = {}

    def __call__(self, where: str) -> str:
        return self.words.setdefault(where, f"plant{secrets.token_hex(8)}")

    def found(self, folder: Path) -> set[tuple[str, str]]:
        """Which of them stand in which file."""
        contents = {path.name: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
        return {
            (where, name)
            for where, word in self.words.items()
            for name, content in contents.items()
            if word.encode() in content
        }


class Answering(EchoProcessor):
    """Answers with a plant, or fails with one."""

    def __init__(self, plant: Plants) -> None:
        self._plant = plant

    @override
    async def process_request(self, request: Request) -> Reply:
        if request.endpoint == "/Fails":
            raise ProcessorError(self._plant("failure"), kind=FailureClass.VALIDATION)
        return Reply(status_code=200, body={"said": self._plant("result")})


async def fill(queue: QueueManager, plant: Plants) -> None:
    """Puts a plant through every entry."""
    for endpoint in ("/Tickets", "/Fails"):
        receipt = await queue.submit(
            endpoint,
            "POST",
            "zone1",
            data={"title": plant(f"body of {endpoint}")},
            headers={"X-Note": plant("header")},
            metadata={"seen": plant("metadata")},
            summary=plant("summary"),
            dedup_key=plant(f"dedup key of {endpoint}"),
            actor=plant("actor"),
            max_retries=0,
        )
        await queue.result(receipt.id, timeout=30)
    waiting = await queue.submit(f"/Tickets/{plant('endpoint')}", "POST", "zone1", scheduled_at=4e9)
    await queue.cancel_request(waiting.id, why=plant("reason of a cancellation"))
    await queue.circuit_breaker.force_open("zone1", plant("reason of a hold"))
    await queue.documents.put("draft", plant("name of a draft"), {"text": plant("draft")})
    await queue.documents.put("metadata", "zone1", {"picklist": plant("metadata cache")})


async def live(folder: Path, plant: Plants, key: bytes | None) -> set[tuple[str, str]]:
    """A queue filled in `folder`; what is readable while it is open, and afterwards."""
    queue = QuickSetup.sqlite(folder / "queue.db", processors={"own": Answering(plant)}, encryption_key=key)
    async with queue as running, ControlServer(running, role="test"):
        await fill(running, plant)
        names = {path.name for path in folder.iterdir()}
        assert names >= {"queue.db", "queue.db-wal", "queue.db-shm", "queue.db.owner", "queue.db.lock"}
        found = plant.found(folder)
    return found | plant.found(folder)


async def test_nothing_that_was_put_in_can_be_read_without_the_key(tmp_path: Path) -> None:
    plant = Plants()
    key = new_encryption_key()
    assert await live(tmp_path, plant, key) == set()
    assert len(plant.words) >= 15
    whole = (tmp_path / "queue.db").read_bytes()
    (tmp_path / "queue.db.version-1").write_bytes(whole)
    await change_encryption(tmp_path / "queue.db", key=key, new_key=new_encryption_key(), now=1.8e9)
    assert plant.found(tmp_path) == set()
    assert all(key not in path.read_bytes() for path in tmp_path.iterdir())
    assert all(key.hex().encode() not in path.read_bytes() for path in tmp_path.iterdir())


async def test_without_a_key_the_same_search_finds_every_plant(tmp_path: Path) -> None:
    plant = Plants()
    found = {where for where, _ in await live(tmp_path, plant, None)}
    assert found == set(plant.words)


async def test_a_file_that_was_plain_leaves_nothing_readable_in_its_folder(tmp_path: Path) -> None:
    plant = Plants()
    await live(tmp_path, plant, None)
    with closing(sqlite3.connect(tmp_path / "queue.db")) as connection:
        connection.execute("VACUUM INTO ?", (str(tmp_path / "queue.db.version-1"),))
    await change_encryption(tmp_path / "queue.db", key=None, new_key=new_encryption_key(), now=1.8e9)
    assert plant.found(tmp_path) == set()


# ---------------------------------------------------------------------------------------------
# A Redis server, and the file that keeps what is added while it is away


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    """One that writes everything down as it is, each change by itself."""
    options = (
        "appendonly",
        "yes",
        "appendfsync",
        "always",
        "aof-use-rdb-preamble",
        "no",
        "rdbcompression",
        "no",
    )
    server = RedisServer(tmp_path / "server", *options)
    server.start()
    yield server
    server.stop()


async def live_on_redis(
    folder: Path, server: RedisServer, plant: Plants, key: bytes | None
) -> set[tuple[str, str]]:
    """A queue filled on the server and beside it; what is readable on the way, and afterwards."""
    queue = QuickSetup.redis(
        server.url,
        processors={"own": Answering(plant)},
        encryption_key=key,
        persistence={"connection": {"spool_path": str(folder / "spool.db")}},
    )
    async with queue as running:
        await fill(running, plant)
        assert server.command("SAVE").startswith(b"+OK")
        found = plant.found(folder)
        server.kill()
        kept = await running.submit(
            "/Tickets", "POST", "zone1", data={"title": plant("kept")}, summary=plant("kept summary")
        )
        gone = await running.submit("/Tickets", "POST", "zone1", scheduled_at=4e9)
        await running.cancel_request(gone.id, why=plant("reason beside the server"))
        assert (folder / "spool.db-wal").exists()
        found |= plant.found(folder)
        server.start()
        deadline = time.monotonic() + 30
        while running.durability is not Durability.REDIS_FSYNC:
            assert time.monotonic() < deadline
            await asyncio.sleep(0.01)
        assert (await running.get_request(kept.id)).data == {"title": plant("kept")}
        assert server.command("SAVE").startswith(b"+OK")
        assert {"dump.rdb", "spool.db"} < {path.name for path in folder.rglob("*")}
        found |= plant.found(folder)
    return found | plant.found(folder)


@pytest.mark.expected_logs("cannot be reached|is starting|did not answer")
async def test_nothing_that_was_put_in_can_be_read_on_a_server(tmp_path: Path, server: RedisServer) -> None:
    plant = Plants()
    key = new_encryption_key()
    assert await live_on_redis(tmp_path, server, plant, key) == set()
    assert len(plant.words) >= 17
    for path in tmp_path.rglob("*"):
        assert not path.is_file() or key not in path.read_bytes()
        assert not path.is_file() or key.hex().encode() not in path.read_bytes()


@pytest.mark.expected_logs("cannot be reached|is starting|did not answer")
async def test_without_a_key_the_same_search_finds_every_plant_on_a_server(
    tmp_path: Path, server: RedisServer
) -> None:
    plant = Plants()
    found = {where for where, _ in await live_on_redis(tmp_path, server, plant, None)}
    assert found == set(plant.words)

"""The receipt never promises more than the server keeps."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.core.store.making import NOW, add_one, claim_one, load
from tests.support.redis_server import LOOPBACK, RedisServer

from autotask_queue.model.request import Durability, Request
from autotask_queue.model.status import Status
from autotask_queue.store.redis import RedisStore

pytestmark = pytest.mark.integration


@pytest.mark.parametrize(
    ("options", "durability", "notes"),
    [
        (("appendonly", "no"), Durability.MEMORY, 0),
        (("appendonly", "no", "save", "60 1"), Durability.MEMORY, 0),
        (("appendonly", "yes", "appendfsync", "everysec"), Durability.REDIS_EVERYSEC, 0),
        (("appendonly", "yes", "appendfsync", "always"), Durability.REDIS_FSYNC, 0),
        (("appendonly", "yes", "appendfsync", "no"), Durability.MEMORY, 1),
    ],
)
async def test_as_the_server_is_set_up(
    tmp_path: Path, options: tuple[str, ...], durability: Durability, notes: int
) -> None:
    server = RedisServer(tmp_path / "server", *options)
    server.start()
    try:
        store = RedisStore(server.url)
        recovery = await store.open(now=NOW)
        assert (store.durability, len(recovery.notes)) == (durability, notes)
        await store.close()
    finally:
        server.stop()


async def test_without_leave_to_ask_no_more_than_once_a_second_is_assumed(tmp_path: Path) -> None:
    server = RedisServer(tmp_path / "server", "appendonly", "yes", "appendfsync", "always")
    server.start()
    try:
        server.command("ACL", "SETUSER", "anna", "on", ">pw", "~*", "&*", "+@all", "-config")
        store = RedisStore(f"redis://anna:pw@{LOOPBACK}:{server.port}")
        recovery = await store.open(now=NOW)
        assert store.durability is Durability.REDIS_EVERYSEC
        assert "+config|get" in recovery.notes[0]
        await store.close()
    finally:
        server.stop()


async def test_killed_and_started_again_the_server_has_everything_acknowledged(tmp_path: Path) -> None:
    server = RedisServer(tmp_path / "server", "appendonly", "yes", "appendfsync", "always")
    server.start()
    try:
        store = RedisStore(server.url)
        await store.open(now=NOW)
        stored: list[Request] = []
        for _ in range(5):
            stored += [await add_one(store, lane="l") for _ in range(4)]
            server.kill()
            server.start()  # on the same file; the store finds it again by itself
        first = await claim_one(store)
        assert first.id == stored[0].id
        server.kill()
        server.start()
        assert (await load(store, first.id)).status is Status.PROCESSING
        for one in stored[1:]:
            assert await load(store, one.id) == one
        await store.close()
    finally:
        server.stop()

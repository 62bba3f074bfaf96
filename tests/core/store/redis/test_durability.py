"""The receipt never promises more than the server keeps."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest
from tests.core.store.making import NOW, add_one, claim, claim_one, complete, load
from tests.support.redis_server import LOOPBACK, RedisServer

from autotask_queue.model.errors import StoreUnreachable
from autotask_queue.model.request import Durability, Request, RequestId
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


class Work:
    """Callers and a worker on one store that does not wait for its server; what they were told."""

    def __init__(self, store: RedisStore) -> None:
        self._store = store
        self.added: dict[RequestId, Request] = {}
        self.done: dict[RequestId, Request] = {}

    async def until_the_server_dies(self, server: RedisServer, *, after: int) -> None:
        """Kills it in the middle, when so many more were added and half as many were done."""
        added, done = len(self.added) + after, len(self.done) + after // 2
        tasks = [asyncio.ensure_future(self._add(n)) for n in range(20)]
        tasks += [asyncio.ensure_future(self._work()) for _ in range(3)]
        deadline = time.monotonic() + 30
        while len(self.added) < added or len(self.done) < done:
            assert time.monotonic() < deadline
            await asyncio.sleep(0)
        assert not any(task.done() for task in tasks)
        server.kill()
        for outcome in await asyncio.gather(*tasks, return_exceptions=True):
            assert isinstance(outcome, StoreUnreachable), outcome

    async def _add(self, number: int) -> None:
        while True:
            one = await add_one(self._store, data={"n": number})
            self.added[one.id] = one

    async def _work(self) -> None:
        while True:
            for one in (await claim(self._store, limit=5)).requests:
                self.done[one.id] = await complete(self._store, one)

    async def lost(self, store: RedisStore) -> set[RequestId]:
        """What was acknowledged, and is not there as it was."""
        lost = set()
        for request_id, one in self.added.items():
            found = await store.get(request_id)
            if found is None or found.data != one.data or self.done.get(request_id, found) != found:
                lost.add(request_id)
        return lost


@pytest.mark.parametrize(
    ("keeps", "durability"), [("yes", Durability.REDIS_FSYNC), ("no", Durability.MEMORY)]
)
async def test_killed_in_the_middle_of_the_work_it_keeps_what_the_receipts_promise(
    tmp_path: Path, keeps: str, durability: Durability
) -> None:
    """Killed, not cut from its power: what it had handed to the system before it answered is not lost."""
    server = RedisServer(tmp_path / "server", "appendonly", keeps, "appendfsync", "always")
    server.start()
    try:
        for _ in range(3):
            store = RedisStore(server.url, patience=0.0)
            await store.open(now=NOW)
            assert store.durability is durability
            work = Work(store)
            await work.until_the_server_dies(server, after=60)
            server.start()
            heir = RedisStore(server.url)
            await heir.open(now=NOW)
            lost = await work.lost(heir)
            assert lost == (set() if keeps == "yes" else set(work.added)), "or this test could not see a loss"
            await heir.close()
            await store.close()
    finally:
        server.stop()

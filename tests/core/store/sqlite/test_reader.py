"""Looking waits for no writer, a short question for no long one, and nobody for what was given up."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

import pytest
from tests.core.store.making import add, add_one, request

from autotask_queue.model.errors import StoreError
from autotask_queue.model.filters import RequestFilter
from autotask_queue.store import SqliteStore
from autotask_queue.store.sqlite.driver import Connection, Driver
from autotask_queue.store.sqlite.reader import Reader

pytestmark = pytest.mark.integration

ENDLESS = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT count(*) FROM n"


async def test_a_question_that_was_given_up_stops(store: SqliteStore) -> None:
    started = threading.Event()

    def ask_for_ever(connection: Connection) -> None:
        started.set()
        connection.execute(ENDLESS).fetchone()

    asked = asyncio.ensure_future(store._slow.ask(ask_for_ever))
    assert await asyncio.to_thread(started.wait, 10)
    asked.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asked
    await add_one(store)
    async with asyncio.timeout(10):
        assert await store.index(RequestFilter(text="ticket")) is not None


async def test_short_questions_do_not_wait_for_long_ones(store: SqliteStore) -> None:
    one = await add_one(store)
    started, answered = threading.Event(), threading.Event()

    def ask_for_long(connection: Connection) -> None:
        started.set()
        assert answered.wait(10)

    asked = asyncio.ensure_future(store._slow.ask(ask_for_long))
    assert await asyncio.to_thread(started.wait, 10)
    async with asyncio.timeout(5):
        assert await store.get(one.id) == one
        assert await store.rows([one.seq])
    answered.set()
    await asked


async def test_looking_does_not_wait_for_the_writer(store: SqliteStore) -> None:
    one = await add_one(store)
    looked = threading.Event()

    def busy() -> None:
        assert looked.wait(10)

    assert store._channel is not None
    writing = asyncio.ensure_future(store._channel.run(busy))
    async with asyncio.timeout(5):
        assert await store.get(one.id) == one
        assert len(await store.find(RequestFilter())) == 1
    looked.set()
    await writing


async def test_a_long_answer_leaves_room_for_the_loop(store: SqliteStore) -> None:
    for _ in range(10):
        await add(store, *(request() for _ in range(2_000)))
    beats = 0

    async def beat() -> None:
        nonlocal beats
        while True:
            await asyncio.sleep(0)
            beats += 1

    beating = asyncio.ensure_future(beat())
    assert len(await store.index(RequestFilter())) == 20_000
    beating.cancel()
    assert beats > 100


async def test_what_cannot_be_read_is_a_store_error(path: Path) -> None:
    reader = Reader(Driver(), path)
    with pytest.raises(StoreError):
        await reader.ask(lambda connection: connection.execute("SELECT 1"))
    path.write_bytes(b"")
    with pytest.raises(StoreError, match="no such table"):
        await reader.ask(lambda connection: connection.execute("SELECT * FROM request"))
    await reader.close()
    await reader.close()

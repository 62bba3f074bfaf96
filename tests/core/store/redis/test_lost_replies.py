"""A connection that breaks after the server did what was asked: it is done once, and answered."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from tests.core.store.making import NOW, add_one, claim_one, complete, load, request
from tests.support.redis_server import LOOPBACK, RedisServer

from autotask_queue.model.errors import StoreUnreachable
from autotask_queue.model.filters import RequestFilter
from autotask_queue.model.request import AttemptResult, Request
from autotask_queue.model.status import Status
from autotask_queue.store.redis import RedisStore
from autotask_queue.store.redis.batches import operation, pack
from autotask_queue.store.redis.scripts import write_script

pytestmark = pytest.mark.integration


class Line:
    """Stands between a store and its server; `cut` ends connections when the next reply comes."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()
        self.cuts = 0
        """How many replies to calls of scripts are still to be lost."""
        self.lost = 0

    async def start(self) -> str:
        self._server = await asyncio.start_server(self._join, LOOPBACK, 0)
        return f"redis://{LOOPBACK}:{self._server.sockets[0].getsockname()[1]}/0"

    async def stop(self) -> None:
        assert self._server is not None
        self._server.close()
        for writer in set(self._open):
            writer.close()
        await self._server.wait_closed()

    async def _join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there_reader, there_writer = await asyncio.open_connection(LOOPBACK, self._port)
        self._open |= {writer, there_writer}
        called = False

        async def forth() -> None:
            nonlocal called
            while data := await reader.read(65_536):
                # Not the look that a store takes by itself, whenever that comes.
                called = b"EVAL" in data and b"sync" not in data
                there_writer.write(data)
            there_writer.close()

        async def back() -> None:
            while data := await there_reader.read(65_536):
                if called and self.cuts:
                    self.cuts -= 1
                    self.lost += 1
                    break
                writer.write(data)
            writer.close()
            there_writer.close()

        await asyncio.gather(forth(), back(), return_exceptions=True)
        self._open -= {writer, there_writer}


@pytest.fixture
async def line(redis_server: RedisServer) -> AsyncIterator[Line]:
    made = Line(redis_server.port)
    yield made
    await made.stop()


@pytest.fixture
async def store(line: Line) -> AsyncIterator[RedisStore]:
    made = RedisStore(await line.start())
    looked = asyncio.Event()
    made.on_change(lambda news: looked.set())
    await made.open(now=NOW)
    async with asyncio.timeout(10):  # its own first look must not be the one whose reply is lost
        await looked.wait()
    await add_one(made, summary="the script is known")
    await complete(made, await claim_one(made))
    yield made
    await made.close()


async def test_a_request_is_stored_once(store: RedisStore, line: Line) -> None:
    line.cuts = 1
    one = request()
    (stored,) = await store.enqueue([one], actor="tester")
    assert line.lost == 1
    assert isinstance(stored, Request)
    assert stored.created_at == one.created_at
    assert await store.count(RequestFilter()) == 2
    assert len(await store.audit(request_id=one.id)) == 1


async def test_what_was_claimed_is_handed_out_all_the_same(store: RedisStore, line: Line) -> None:
    one = await add_one(store, data={"a": 1})
    line.cuts = 2
    claimed = await claim_one(store)
    assert line.lost == 2
    assert (claimed.id, claimed.fence, claimed.data) == (one.id, 1, {"a": 1})
    assert len(await store.attempts(one.id)) == 1


async def test_a_result_is_written_down_once(store: RedisStore, line: Line) -> None:
    await add_one(store)
    one = await claim_one(store)
    line.cuts = 3
    done = await complete(store, one, count_attempt=True)
    assert line.lost == 3
    assert (done.status, done.attempts) == (Status.COMPLETED, 1)
    assert await load(store, one.id) == done
    assert store.counters().count(Status.COMPLETED) == 2


async def test_a_read_is_asked_again(store: RedisStore, line: Line) -> None:
    one = await add_one(store)
    line.cuts = 1
    assert await store.get(one.id) == one


async def test_what_is_lost_for_too_long_is_an_error_and_not_done_twice_later(
    store: RedisStore, line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store._writer, "_patience", 0.0)
    line.cuts = 1
    one = request()
    with pytest.raises(StoreUnreachable):
        await store.enqueue([one], actor="tester")
    (again,) = await store.enqueue([one], actor="tester")
    assert isinstance(again, Request)
    assert await store.count(RequestFilter()) == 2


@pytest.mark.parametrize("ends", [False, True])
async def test_what_was_claimed_and_never_handed_out_is_pending_again(
    store: RedisStore, line: Line, monkeypatch: pytest.MonkeyPatch, ends: bool
) -> None:
    one = await add_one(store, lane="l")
    monkeypatch.setattr(store._writer, "_patience", 0.0)
    run = store._link.run

    async def run_and_lose(script: Any, arguments: list[bytes]) -> list[bytes]:
        line.cuts = int(b"claim" in arguments[0])
        return await run(script, arguments)

    monkeypatch.setattr(store._link, "run", run_and_lose)
    with pytest.raises(StoreUnreachable):
        await claim_one(store)
    monkeypatch.undo()
    assert line.lost == 1
    assert (await load(store, one.id)).status is Status.PROCESSING
    if ends:
        await store.close()
        await store.open(now=NOW)
        assert (await load(store, one.id)).status is Status.PENDING
    again = await claim_one(store)
    assert (again.id, again.fence) == (one.id, 2)
    first, second = await store.attempts(one.id)
    assert (first.result, second.result) == (AttemptResult.NOT_SENT, AttemptResult.RUNNING)
    kinds = [entry.kind for entry in await store.audit(request_id=one.id)]
    assert kinds[::-1] == ["enqueued", "claimed", "returned", "claimed"]


async def test_a_batch_that_arrives_after_a_later_one_changes_nothing(store: RedisStore) -> None:
    from redis.exceptions import ResponseError

    assert store._writer is not None
    late = pack(
        [[operation("document", "draft", "1", "1", False)]],
        writer=store._writer.name,
        number=1,
        version=0,
        lease=1_000,
        key="",
    )
    with pytest.raises(ResponseError, match="OUTDATED"):
        await store._link.run(write_script(), late)
    assert await store.get_document("draft", "1") is None


@pytest.mark.parametrize("ask", [RedisStore.oldest_waiting, RedisStore.checkpoint])
async def test_a_server_that_forgot_the_scripts_is_taught_again(
    store: RedisStore, ask: Callable[[RedisStore], Any]
) -> None:
    await store._link.command("SCRIPT", "FLUSH")
    await ask(store)
    assert (await add_one(store)).seq == 2


async def test_a_cancelled_caller_does_not_break_the_others(store: RedisStore) -> None:
    one = asyncio.ensure_future(store.enqueue([request()], actor=""))
    other = asyncio.ensure_future(store.enqueue([request()], actor=""))
    await asyncio.sleep(0)
    one.cancel()
    (stored,) = await other
    assert isinstance(stored, Request)
    with pytest.raises(asyncio.CancelledError):
        await one
    assert await store.count(RequestFilter()) == 3, "a cancelled call may still take effect"

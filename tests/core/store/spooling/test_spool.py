"""Moving from the file to the server: in order, once, whatever happens in between."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from tests.core.store.making import NOW, add_one, change, claim, claim_ids, claim_one, complete, read, request
from tests.support.redis_server import LOOPBACK, RedisServer, free_port

from autotask_queue.model.errors import (
    IllegalTransition,
    QueueError,
    StoreError,
    StoreUnreachable,
    StoreUnwritable,
)
from autotask_queue.model.filters import RequestFilter
from autotask_queue.model.request import Durability, OnDuplicate, Request, RequestId
from autotask_queue.model.status import Reason, Status
from autotask_queue.ports import Change, News
from autotask_queue.store import RedisStore, SpoolingStore, SqliteStore
from autotask_queue.store.spooling.spool import BATCH, Spool

pytestmark = pytest.mark.integration

PATIENCE = 30.0
CHILD = Path(__file__).with_name("spool_child.py")


async def until(ready: Callable[[], bool]) -> None:
    """Waits until something has happened."""
    deadline = time.monotonic() + PATIENCE
    while not ready():
        assert time.monotonic() < deadline, "it did not happen"
        await asyncio.sleep(0.01)


@pytest.fixture
async def server(redis_server: RedisServer) -> AsyncIterator[RedisStore]:
    store = RedisStore(redis_server.url)
    await store.open(now=NOW)
    yield store
    await store.close()


@pytest.fixture
async def spool(tmp_path: Path) -> AsyncIterator[Spool]:
    made = Spool(tmp_path / "spool.db")
    await made.open(now=NOW)
    yield made
    await made.close()


async def keep(spool: Spool, count: int, **values: Any) -> list[RequestId]:
    requests = [request(actor=f"person {n}", **values) for n in range(count)]
    await spool.keep(requests, actor="", doubtful=False)
    return [one.id for one in requests]


async def ids_in(store: RedisStore) -> list[RequestId]:
    return [one.id for one in await store.find(RequestFilter())]


async def test_everything_moves_in_order_with_who_added_it_and_when(server: RedisStore, spool: Spool) -> None:
    kept = await keep(spool, 2 * BATCH + 1, lane="l")
    assert [await spool.move(server) for _ in range(4)] == [True, True, True, False]
    assert await ids_in(server) == kept
    assert spool.is_idle
    (entry,) = await server.audit(request_id=kept[7])
    assert (entry.kind, entry.actor, entry.at) == ("enqueued", "person 7", NOW)
    assert spool.store is not None
    (entry,) = await spool.store.audit(request_id=kept[7])
    assert entry.kind == "enqueued", "the file remembers, too"
    assert await spool.store.find(RequestFilter()) == []


class CrashError(Exception):
    """The program ends here."""


@pytest.mark.parametrize("where", ["before", "after"])
async def test_a_crash_while_it_moves(
    server: RedisStore, spool: Spool, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    kept = await keep(spool, 3, lane="l")
    adopt = server.adopt

    async def adopt_and_crash(requests: Sequence[Request]) -> Any:
        if where == "after":
            await adopt(requests)
        raise CrashError

    monkeypatch.setattr(server, "adopt", adopt_and_crash)
    with pytest.raises(CrashError):
        await spool.move(server)
    monkeypatch.undo()
    await spool.close()
    await spool.open(now=NOW)
    # Nobody knows whether these are on the server: a cancel here could be a lie.
    answers = await spool.apply([Change(id=kept[0], kind="cancelled", at=NOW, to=Status.CANCELLED)])
    assert isinstance(answers[0], IllegalTransition)
    if where == "after":  # it is even finished there already
        await complete(server, await claim_one(server))
    while await spool.move(server):
        pass
    assert await ids_in(server) == kept
    first = await server.get(kept[0])
    assert first is not None
    assert first.status is (Status.COMPLETED if where == "after" else Status.PENDING)
    assert spool.is_idle


async def test_what_came_ended_and_was_pruned_is_not_sent_once_more(server: RedisStore, spool: Spool) -> None:
    """A laptop in a drawer: its request arrived unheard, was sent, and forgotten after the retention."""
    (kept,) = await keep(spool, 1)
    await add_one(server, id=kept)
    await complete(server, await claim_one(server))
    assert await server.prune(finished_before=NOW + 1) == 1
    assert await spool.move(server)
    assert spool.is_idle
    assert await ids_in(server) == []


@pytest.mark.parametrize("policy", [OnDuplicate.REJECT, OnDuplicate.KEEP_FIRST])
async def test_a_key_that_the_server_knows_is_for_a_person_to_decide(
    server: RedisStore, spool: Spool, policy: OnDuplicate
) -> None:
    first = await add_one(server, dedup_key="k")
    (kept,) = await keep(spool, 1, dedup_key="k", on_duplicate=policy)
    assert await spool.move(server)
    held = await server.get(kept)
    assert held is not None, "its receipt was given out"
    assert (held.status, held.reason) == (Status.HELD, Reason.CONFLICT)
    assert first.id in held.reason_text


async def test_what_is_to_replace_another_does_so_when_it_arrives(server: RedisStore, spool: Spool) -> None:
    first = await add_one(server, dedup_key="k")
    (kept,) = await keep(spool, 1, dedup_key="k", on_duplicate=OnDuplicate.REPLACE)
    assert await spool.move(server)
    assert await claim_ids(server) == [kept]
    assert first.id not in await claim_ids(server)


async def test_two_contents_under_one_id_are_both_kept(server: RedisStore, spool: Spool) -> None:
    (kept,) = await keep(spool, 1, digest="a", data={"n": 1})
    await add_one(server, id=kept, digest="b", data={"n": 2})
    assert await spool.move(server)
    there, held = await server.find(RequestFilter())
    assert (there.id, there.data) == (kept, {"n": 2})
    assert (held.status, held.data) == (Status.HELD, {"n": 1})
    assert kept in held.reason_text
    assert spool.is_idle


async def test_a_change_waits_for_the_move_and_goes_where_the_request_went(
    server: RedisStore, spool: Spool, monkeypatch: pytest.MonkeyPatch
) -> None:
    (kept,) = await keep(spool, 1)
    adopt, may_go = server.adopt, asyncio.Event()

    async def adopt_slowly(requests: Sequence[Request]) -> list[Request | QueueError]:
        await may_go.wait()
        return await adopt(requests)

    monkeypatch.setattr(server, "adopt", adopt_slowly)
    moving = asyncio.ensure_future(spool.move(server))
    await asyncio.sleep(0)
    wanted = Change(id=kept, kind="cancelled", at=NOW, to=Status.CANCELLED)
    changing = asyncio.ensure_future(spool.apply([wanted]))
    for _ in range(20):
        await asyncio.sleep(0)
    assert not changing.done()
    may_go.set()
    assert await moving
    assert await changing == {}, "it is not here any more"
    assert (await change(server, kept, to=Status.CANCELLED)).status is Status.CANCELLED


async def test_killed_again_and_again_while_it_moves(
    server: RedisStore, spool: Spool, redis_server: RedisServer
) -> None:
    kept = await keep(spool, 25 * BATCH)
    await spool.close()
    for goal in (1, 8 * BATCH, 16 * BATCH):
        process = await _child(redis_server.url, spool.path)
        deadline = time.monotonic() + PATIENCE
        while len(await server.index(RequestFilter())) < goal:
            assert time.monotonic() < deadline
        process.kill()
        await process.wait()
        assert len(await server.index(RequestFilter())) < len(kept), "it was killed on its way"
    last = await _child(redis_server.url, spool.path)
    assert await asyncio.wait_for(last.wait(), 30) == 0
    assert await ids_in(server) == kept
    await spool.open(now=NOW)
    assert spool.is_idle


async def _child(url: str, path: Path) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(sys.executable, str(CHILD), url, str(path))


# ---------------------------------------------------------------------------------------------
# The store as a whole


@pytest.mark.expected_logs("has no memory left")
async def test_a_server_that_takes_no_writes_is_away_too(tmp_path: Path, redis_server: RedisServer) -> None:
    store = SpoolingStore(RedisStore(redis_server.url, patience=0.0), tmp_path / "spool.db")
    await store.open(now=NOW)
    redis_server.command("CONFIG", "SET", "maxmemory", "1")
    one, other = request(), read()
    await store.enqueue([one], actor="anna")
    await store.enqueue([other], actor="anna")
    assert store.durability is Durability.SQLITE_FSYNC
    assert [r.id for r in await store.find(RequestFilter())] == [one.id, other.id]
    with pytest.raises(StoreUnwritable):
        await store.put_document("drafts", "1", {}, at=NOW)
    redis_server.command("CONFIG", "SET", "maxmemory", "0")
    await until(lambda: not store.durability.startswith("sqlite"))
    assert [r.id for r in await store.find(RequestFilter())] == [one.id, other.id]
    await store.close()


@pytest.fixture
async def returning(tmp_path: Path, redis_server: RedisServer) -> AsyncIterator[SpoolingStore]:
    """A store that was opened while its server was away, with a request that waits, and the server back."""
    url = f"redis://{LOOPBACK}:{free_port()}/0"
    store = SpoolingStore(RedisStore(url, patience=0.0), tmp_path / "spool.db")
    await store.open(now=NOW)
    await store.enqueue([request()], actor="")
    store._server = RedisStore(redis_server.url)
    yield store
    await store.close()


@pytest.mark.expected_logs("cannot be reached")
async def test_nothing_is_handed_out_before_all_has_moved(
    returning: SpoolingStore, server: RedisStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only then are the controls read: what others have paused must not be sent."""
    there = await add_one(server)
    told: list[News] = []
    returning.on_change(told.append)
    adopt, asked, may_go = RedisStore.adopt, asyncio.Event(), asyncio.Event()

    async def adopt_slowly(self: RedisStore, requests: Sequence[Request]) -> list[Request | QueueError]:
        asked.set()
        await may_go.wait()
        return await adopt(self, requests)

    monkeypatch.setattr(RedisStore, "adopt", adopt_slowly)
    await asyncio.wait_for(asked.wait(), PATIENCE)
    assert (await claim(returning)).requests == ()
    assert await returning.get(there.id) == there, "but the server is asked again"
    told.clear()
    may_go.set()
    await until(lambda: told == [News.CONTROL, News.WORK])
    assert len((await claim(returning)).requests) == 2


@pytest.mark.expected_logs("cannot be reached")
async def test_what_comes_at_the_last_moment_moves_too(
    returning: SpoolingStore, server: RedisStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    late, move = request(), returning._spool.move

    async def move_and_add(server: RedisStore) -> bool:
        moved = await move(server)
        if not moved and late not in added:
            added.append(late)
            await returning.enqueue([late], actor="")
        return moved

    added: list[Request] = []
    monkeypatch.setattr(returning._spool, "move", move_and_add)
    await until(lambda: not returning.durability.startswith("sqlite"))
    assert late.id in await ids_in(server)


async def test_neither_server_nor_file(tmp_path: Path) -> None:
    file = SqliteStore(tmp_path / "spool.db")
    await file.open(now=NOW)
    store = SpoolingStore(RedisStore(f"redis://{LOOPBACK}:{free_port()}/0"), tmp_path / "spool.db")
    with pytest.raises(StoreUnreachable, match="Nor can the file") as caught:
        await store.open(now=NOW)
    assert isinstance(caught.value.__cause__, StoreError)
    await file.close()

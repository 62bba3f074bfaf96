"""Cleaning up (CL1 to CL5): what is old goes, in slices; what somebody may still need never does."""

from __future__ import annotations

import asyncio
import logging
import random
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from pathlib import Path

import pytest
from tests.core.store.making import NOW, add, add_one, change, claim, complete, fail, request
from tests.support.redis_server import RedisServer

from autotask_queue.engine.bus import EventBus
from autotask_queue.engine.context import Context, Processors
from autotask_queue.engine.janitor import AUDIT_PERIOD, SLICE, Janitor
from autotask_queue.engine.slots import Slots
from autotask_queue.engine.supervisor import Supervisor
from autotask_queue.model.filters import RequestFilter
from autotask_queue.model.presets import create_test_configuration
from autotask_queue.model.request import Request, RequestId
from autotask_queue.model.status import Status
from autotask_queue.ports import Change, Store
from autotask_queue.store import MemoryStore, RedisStore, SqliteStore

DAY = 86_400.0
WEEK = 7 * DAY
_LOG = logging.getLogger("autotask_queue")


class QuickClock:
    """Whoever sleeps wakes at once, later. `awake` is called each time."""

    def __init__(self) -> None:
        self.passed = 0.0
        self.set_by = 0.0
        self.awake: Callable[[], None] = lambda: None

    def now(self) -> float:
        return NOW + self.passed + self.set_by

    def monotonic(self) -> float:
        return self.passed

    async def sleep(self, seconds: float) -> None:
        self.passed += seconds
        self.awake()
        await asyncio.sleep(0)


class Cleaning:
    """A store and its janitor."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.clock = QuickClock()
        self.janitor = self.new_janitor()

    def new_janitor(self, retention: float = WEEK) -> Janitor:
        config = create_test_configuration(persistence={"options": {"retention_period": retention}})
        tasks = Supervisor(self.clock, _LOG)
        return Janitor(
            Context(
                config=config, store=self.store, clock=self.clock, rng=random.Random(1), tasks=tasks,
                bus=EventBus(_LOG, tasks.spawn), processors=Processors(), actor="anna", logger=_LOG,
                slots=Slots(1),
            )
        )  # fmt: skip

    async def let_pass(self, seconds: float, *, step: float = 3_600.0) -> None:
        """Time passes, and the janitor looks every hour."""
        end = self.clock.passed + seconds
        while self.clock.passed < end:
            self.clock.passed += step
            await self.janitor.look()

    async def finished(self, count: int = 1) -> list[Request]:
        """Requests that were completed just now."""
        stored = await add(self.store, *(request(created_at=self.clock.now()) for _ in range(count)))
        claimed = await claim(self.store, now=self.clock.now(), limit=max(count, 10))
        for one in claimed.requests:
            await complete(self.store, one, at=self.clock.now())
        return stored

    async def left(self) -> set[RequestId]:
        return {found.id for found in await self.store.find(RequestFilter())}


@pytest.fixture(params=["memory", "sqlite", pytest.param("redis", marks=pytest.mark.integration)])
async def cleaning(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Cleaning]:
    if request.param == "redis":
        server: RedisServer = request.getfixturevalue("redis_server")
        store: Store = RedisStore(server.url)
    else:
        store = MemoryStore() if request.param == "memory" else SqliteStore(tmp_path / "queue.db")
    await store.open(now=NOW)
    made = Cleaning(store)
    await made.janitor.look()
    yield made
    await store.close()


async def test_cl1_only_what_is_finished_and_old_goes(cleaning: Cleaning) -> None:
    store = cleaning.store
    (old,) = await cleaning.finished()
    failed = await add_one(store)
    await fail(store, (await claim(store)).requests[0])
    kept = {
        failed.id,
        (await add_one(store)).id,
        (await add_one(store, status=Status.HELD)).id,
        (await add_one(store, status=Status.DEFERRED, scheduled_at=NOW + 1e9)).id,
    }
    await cleaning.let_pass(WEEK - DAY)
    assert old.id in await cleaning.left()
    (young,) = await cleaning.finished()  # takes the pending one along
    await cleaning.let_pass(1.5 * DAY)
    assert old.id not in await cleaning.left()
    await cleaning.let_pass(2 * WEEK)
    assert young.id not in await cleaning.left()
    left = await cleaning.left()
    assert left <= kept
    assert failed.id in left, "somebody has to look at it first"
    assert len(left) == 3


async def test_cl1_a_clock_set_ten_years_ahead_deletes_nothing(cleaning: Cleaning) -> None:
    (one,) = await cleaning.finished()
    await cleaning.let_pass(DAY)
    cleaning.clock.set_by = 10 * 365 * DAY
    await cleaning.let_pass(DAY)
    cleaning.clock.set_by = 0.0
    await cleaning.let_pass(DAY)
    assert await cleaning.left() == {one.id}
    assert (await cleaning.store.audit(limit=1))[0].kind == "completed", "nor anything of the audit trail"


async def test_what_time_has_passed_is_remembered_over_a_restart(cleaning: Cleaning) -> None:
    await cleaning.finished()
    for _ in range(9):
        cleaning.clock.passed += 20 * 3_600.0
        await cleaning.janitor.look()
        cleaning.janitor = cleaning.new_janitor()
        await cleaning.janitor._load()
    await cleaning.let_pass(2 * DAY)
    assert await cleaning.left() == set()


async def test_nothing_goes_when_it_is_kept_for_ever(cleaning: Cleaning) -> None:
    (one,) = await cleaning.finished()
    cleaning.janitor = cleaning.new_janitor(retention=0.0)
    await cleaning.let_pass(3 * WEEK)
    assert await cleaning.left() == {one.id}


async def test_cl2_it_can_be_stopped_anywhere_and_repeated(cleaning: Cleaning) -> None:
    await cleaning.finished(SLICE + 50)
    young = {r.id for r in await cleaning.finished()}
    await cleaning.let_pass(WEEK - DAY)
    before = await cleaning.finished()

    class Stopped(Exception):
        pass

    def stop() -> None:
        raise Stopped

    cleaning.clock.awake = stop
    with pytest.raises(Stopped):
        await cleaning.let_pass(2 * DAY)
    assert await cleaning.store.count(RequestFilter()) == 52, "one slice went"
    cleaning.clock.awake = lambda: None
    cleaning.janitor = cleaning.new_janitor()
    await cleaning.janitor._load()
    await cleaning.let_pass(DAY)
    left = await cleaning.left()
    assert left == {r.id for r in before}
    assert not left & young
    assert cleaning.store.counters().count() == 1
    await cleaning.let_pass(DAY)
    assert await cleaning.left() == left


async def test_cl3_between_two_slices_others_get_their_turn(cleaning: Cleaning) -> None:
    await cleaning.finished(3 * SLICE)
    await cleaning.let_pass(WEEK - DAY)
    seen: list[int] = []
    cleaning.clock.awake = lambda: seen.append(cleaning.store.counters().count())
    await cleaning.let_pass(2 * DAY)
    assert [n for n in seen if n] == [2 * SLICE, SLICE], "a pause after each slice, and no slice is larger"


async def test_cl5_nothing_is_left_dangling(cleaning: Cleaning) -> None:
    store = cleaning.store
    (parent,) = await cleaning.finished()
    cancelled = await add_one(store)
    child = await add_one(store, depends_on=(parent.id, cancelled.id))
    await change(store, cancelled.id, to=Status.CANCELLED)
    await cleaning.let_pass(2 * WEEK)
    assert await cleaning.left() == {cancelled.id, child.id}, "what an unfinished one looks at stays"
    await change(store, cancelled.id, restore=True, at=cleaning.clock.now())
    (again,) = (await claim(store, now=cleaning.clock.now())).requests
    await complete(store, again, at=cleaning.clock.now())
    (freed,) = (await claim(store, now=cleaning.clock.now())).requests
    await complete(store, freed, at=cleaning.clock.now())
    assert freed.id == child.id
    await cleaning.let_pass(2 * WEEK)
    assert await cleaning.left() == set()
    assert await store.attempts(child.id) == []
    assert store.counters().count() == 0


async def test_the_audit_trail_is_kept_a_year_and_says_what_was_taken(cleaning: Cleaning) -> None:
    (old,) = await cleaning.finished()
    await cleaning.let_pass(AUDIT_PERIOD - 2 * DAY, step=DAY)
    assert len(await cleaning.store.audit(request_id=old.id)) == 3, "it outlives the request"
    (young,) = await cleaning.finished()
    await cleaning.let_pass(9 * DAY, step=DAY)
    entries = await cleaning.store.audit()
    assert [e.kind for e in entries] == ["audit_pruned", "completed", "claimed", "enqueued"]
    assert entries[0].detail["entries"] == 3
    assert entries[0].detail["up_to"] == 3
    assert [e.request_id for e in entries[1:]] == [young.id] * 3
    assert await cleaning.store.audit(request_id=old.id) == []


# -- the file


async def sized(path: Path, store: SqliteStore) -> int:
    await store.checkpoint()
    return path.stat().st_size


async def test_cl4_the_file_becomes_small_again(tmp_path: Path) -> None:
    path = tmp_path / "queue.db"
    store = SqliteStore(path)
    await store.open(now=NOW)
    cleaning = Cleaning(store)
    await cleaning.janitor.look()
    kept = await add(store, *(request(status=Status.HELD, data="x" * 4_000) for _ in range(100)))
    live = await sized(path, store)
    for _ in range(2):
        gone = await add(store, *(request(data="x" * 4_000) for _ in range(1_500)))
        at = cleaning.clock.now()
        await store.apply([Change(id=r.id, kind="cancelled", at=at, to=Status.CANCELLED) for r in gone])
        full = await sized(path, store)
        assert full > 5 * live
        await cleaning.let_pass(8 * DAY)
        left = await sized(path, store)
        # The trail of all that happened stays for a year, and is no waste.
        with closing(sqlite3.connect(path)) as connection:
            (free,) = connection.execute("PRAGMA freelist_count").fetchone()
            (pages,) = connection.execute("PRAGMA page_count").fetchone()
        assert free <= max(256, pages / 8)
        assert left < 0.6 * full
        assert await cleaning.left() == {r.id for r in kept}
    await store.close()

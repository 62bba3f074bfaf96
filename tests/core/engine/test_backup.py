"""Copies as the queue makes them: audited, once a day; and nothing is sent twice after a restore."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from tests.core.engine.conftest import MakeWorld, Server, World
from tests.core.engine.test_cleanup import DAY, Cleaning
from tests.core.store.making import NOW, add_one, claim
from tests.support.redis_server import RedisServer

from autotask_queue import BackupUnavailable, QueueManager, QuickSetup, restore_backup
from autotask_queue.engine.backing_up import AGAIN, PATIENCE
from autotask_queue.engine.reconciler import QUARANTINE
from autotask_queue.model.errors import StoreError, StoreUnwritable
from autotask_queue.model.status import Reason, Status
from autotask_queue.store import MemoryStore, SqliteStore
from autotask_queue.store.sqlite import backups, copying


async def test_a_backup_is_in_the_audit_trail(tmp_path: Path) -> None:
    async with QuickSetup.sqlite(tmp_path / "queue.db") as queue:
        await queue.submit("/Tickets", "POST", "z1")
        made = await queue.backup(tmp_path / "copy.db", actor="ada")
        (entry,) = await queue.audit(kinds=("backed_up",))
    assert (made.requests, made.unfinished) == (1, 1)
    assert (entry.actor, entry.detail["path"]) == ("ada", str(tmp_path / "copy.db"))


async def test_a_queue_in_memory_has_no_copies(tmp_path: Path) -> None:
    async with QuickSetup.memory() as queue:
        with pytest.raises(BackupUnavailable, match="in memory"):
            await queue.backup(tmp_path / "copy.db")
    assert not list(tmp_path.iterdir())


@pytest.mark.integration
async def test_a_server_is_backed_up_by_its_own_means(tmp_path: Path, redis_server: RedisServer) -> None:
    async with QuickSetup.redis(redis_server.url) as queue:
        with pytest.raises(BackupUnavailable, match="by a server") as caught:
            await queue.backup(tmp_path / "copy.db")
    assert "append-only file" in caught.value.remedy
    assert redis_server.url.rpartition("@")[2].split("/")[2] in caught.value.message


# -- once a day


async def with_janitor(path: Path) -> tuple[Cleaning, SqliteStore]:
    store = SqliteStore(path)
    await store.open(now=NOW)
    return Cleaning(store), store


@pytest.mark.integration
async def test_a_copy_is_made_every_day_while_the_queue_runs(tmp_path: Path) -> None:
    cleaning, store = await with_janitor(tmp_path / "queue.db")
    await add_one(store)
    days = asyncio.Event()
    cleaning.clock.awake = lambda: days.set() if cleaning.clock.passed > 5.5 * DAY else None
    task = asyncio.get_running_loop().create_task(cleaning.janitor.run())
    await asyncio.wait_for(days.wait(), 60)
    task.cancel()
    await asyncio.wait({task})
    entries = await store.audit(kinds=("backed_up",))
    assert [round((e.at - NOW) / DAY) for e in reversed(entries)] == [0, 1, 2, 3, 4, 5]
    assert {e.actor for e in entries} == {"queue"}
    assert len(backups.copies(tmp_path / "queue.db")) == 3
    await store.close()


@pytest.mark.integration
async def test_an_empty_queue_is_not_copied_and_a_busy_one_is_waited_for(tmp_path: Path) -> None:
    cleaning, store = await with_janitor(tmp_path / "queue.db")
    daily = cleaning.janitor._daily
    await daily.look(idle=True)
    assert not backups.copies(tmp_path / "queue.db")
    await add_one(store)
    await claim(store)
    await daily.look(idle=False)
    cleaning.clock.passed += PATIENCE - 1
    await daily.look(idle=False)
    assert not backups.copies(tmp_path / "queue.db")
    cleaning.clock.passed += 1
    await daily.look(idle=False)
    assert len(backups.copies(tmp_path / "queue.db")) == 1, "not for ever"
    await store.close()


@pytest.mark.integration
@pytest.mark.expected_logs("the daily copy of the queue was not made")
async def test_a_copy_that_cannot_be_made_is_said_and_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    cleaning, store = await with_janitor(tmp_path / "queue.db")
    await add_one(store)
    tries = []

    def full(*_: object) -> None:
        tries.append(cleaning.clock.passed)
        raise StoreUnwritable("There is no room.")

    with monkeypatch.context() as patched:
        patched.setattr(copying, "_check_room", full)
        for _ in range(3):
            await cleaning.janitor._daily.look(idle=True)
            cleaning.clock.passed += AGAIN / 2
    assert tries == [0, AGAIN]
    assert "There is no room." in caplog.text
    cleaning.clock.passed += AGAIN
    await cleaning.janitor._daily.look(idle=True)
    assert len(backups.copies(tmp_path / "queue.db")) == 1
    await store.close()


# -- after a restore


@pytest.mark.integration
async def test_what_was_sent_after_the_copy_is_not_sent_again(tmp_path: Path) -> None:
    """A ticket waits, a copy is made, the ticket is sent, the laptop is restored: there is one ticket."""
    path, server = tmp_path / "queue.db", Server()
    async with QuickSetup.sqlite(path, processors={"server": server}) as queue:
        await queue.pause()
        sent = await queue.submit("/Tickets", "POST", "z1", data={"title": "once"})
        made = await queue.backup(tmp_path / "copy.db")
        await queue.resume()
        assert (await queue.result(sent.id, timeout=20)).ok
    restored = await restore_backup(made.path, path, now=made.at)
    assert restored.uncertain == 1
    async with QuickSetup.sqlite(path, processors={"server": server}) as queue:
        await queue.resume()  # the copy was made while it was paused
        outcome = await queue.result(sent.id, timeout=20)
        assert outcome.ok
        assert outcome.reply is not None
        assert outcome.reply.adopted
    assert len(server.calls) == len(server.records) == 1


async def taken_up(make_world: MakeWorld, server: Server, method: str, **options: object) -> World:
    store = MemoryStore()
    await store.open(now=NOW)
    first = await make_world(store=store, server=server)
    await first.engine.gates.pause(None, why="", actor="t")
    await first.submit("/Tickets", method, **options)
    await first.engine.stop(0.2)
    await store.open(now=first.clock.now())
    doubted = store._ledger.take_up_copy(why="It may have been sent since.", now=first.clock.now(), actor="")
    assert [r.reason for r in doubted] == [Reason.RESTORED]
    world: World = await make_world(store=store, server=server)
    await world.engine.gates.resume(why="", actor="t")
    return world


async def test_what_is_surely_not_there_is_sent_after_the_quarantine(make_world: MakeWorld) -> None:
    server = Server(sure=True)
    world = await taken_up(make_world, server, "POST")
    await world.clock.advance(QUARANTINE - 1)
    assert server.calls == []
    await world.clock.advance(60)
    assert len(server.records) == 1


async def test_what_was_scheduled_keeps_its_time(make_world: MakeWorld) -> None:
    server = Server(sure=True)
    world = await taken_up(make_world, server, "POST", scheduled_at=NOW + DAY)
    await world.clock.advance(DAY / 2)
    assert server.calls == []
    assert [r.status for r in world.store._all()] == [Status.DEFERRED]
    await world.clock.advance(DAY)
    assert len(server.records) == 1


async def test_what_cannot_be_looked_up_waits_for_a_person_who_hears_why(make_world: MakeWorld) -> None:
    server = Server(sure=True)
    world = await taken_up(make_world, server, "PATCH")
    await world.clock.advance(DAY)
    (request,) = world.store._all()
    assert server.calls == []
    assert (request.status, request.reason) == (Status.HELD, Reason.CONFIRM)
    assert request.reason_text == "It may have been sent since. It cannot be looked up in Autotask."
    await world.engine.commands.send_again(request.id, why="I looked", actor="ada")
    await world.clock.settle()
    assert len(server.calls) == 1


async def test_a_shutdown_in_the_middle_of_a_backup_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loop, began = asyncio.get_running_loop(), asyncio.Event()
    go_on = copying._go_on

    def meanwhile(stop: object, *rest: int) -> None:
        loop.call_soon_threadsafe(began.set)
        assert stop.wait(30)  # type: ignore[attr-defined]
        go_on(stop, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(copying, "_STEP", 1)
    monkeypatch.setattr(copying, "_go_on", meanwhile)
    queue: QueueManager = await QuickSetup.sqlite(tmp_path / "queue.db")
    await queue.submit("/Tickets", "POST", "z1")
    task = loop.create_task(queue.backup(tmp_path / "copy.db"))
    await began.wait()
    await queue.shutdown()
    with pytest.raises(StoreError, match="closed while it was being copied"):
        await task
    assert {p.name for p in tmp_path.iterdir()} == {"queue.db", "queue.db.lock"}

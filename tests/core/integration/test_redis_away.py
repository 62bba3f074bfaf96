"""Programs on a shared queue whose server goes away: they go on accepting, and nothing is lost or doubled."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from tests.support.redis_server import RedisServer

from autotask_queue import (
    Durability,
    HealthLevel,
    IllegalTransition,
    QueueManager,
    QuickSetup,
    Reason,
    Request,
    RequestFilter,
    Status,
    StoreKeyMissing,
    StoreKeyWrong,
    StoreUnreachable,
    new_encryption_key,
)

pytestmark = pytest.mark.integration

PATIENCE = 30.0
AWAY = "cannot be reached|is starting|did not answer"


async def until(ready: Callable[[], bool]) -> None:
    """Waits until something has happened."""
    deadline = time.monotonic() + PATIENCE
    while not ready():
        assert time.monotonic() < deadline, "it did not happen"
        await asyncio.sleep(0.01)


class Noting:
    """Notes what it is given, in order."""

    def __init__(self) -> None:
        self.seen: list[str] = []

    def can_process(self, request: Request) -> bool:
        return True

    async def process_request(self, request: Request) -> dict[str, Any]:
        self.seen.append(request.id)
        return {"given": request.data}


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    server = RedisServer(tmp_path / "server", "appendonly", "yes", "appendfsync", "always")
    server.start()
    yield server
    server.stop()


@pytest.fixture
def processor() -> Noting:
    return Noting()


Open = Callable[..., Any]


@pytest.fixture
async def open_queue(tmp_path: Path, server: RedisServer, processor: Noting) -> AsyncIterator[Open]:
    """Opens a program's queue; all are closed at the end, unless the test did so."""
    async with AsyncExitStack() as opened:

        async def make(spool: str | None = "spool.db", **options: Any) -> QueueManager:
            connection = {"spool_path": str(tmp_path / spool)} if spool else {}
            queue = await QuickSetup.redis(
                server.url,
                processors={"noting": processor},
                persistence={"connection": connection},
                **options,
            )
            opened.push_async_callback(queue.shutdown)
            return queue

        yield make


@pytest.mark.expected_logs(AWAY)
async def test_what_is_added_while_the_server_is_away(
    server: RedisServer, open_queue: Open, processor: Noting
) -> None:
    queue = await open_queue()
    first = await queue.submit("/Tickets", "POST", lane="l", data={"n": 0})
    assert (await queue.result(first.id, timeout=PATIENCE)).ok
    server.kill()

    receipts = [await queue.submit("/Tickets", "POST", lane="l", data={"n": n}) for n in range(1, 100)]
    assert {r.durability for r in receipts} == {Durability.SQLITE_FSYNC}
    assert not any(r.duplicate for r in receipts)
    assert [r.id for r in await queue.get_requests()] == [r.id for r in receipts]
    assert queue.counters().count(Status.PENDING) == 99
    assert "spool.db" in queue.location
    assert (await queue.result(receipts[3].id, timeout=0.05)).status is Status.PENDING
    with pytest.raises(StoreUnreachable, match=r"spool\.db"):
        await queue.get_request(first.id)
    await until(lambda: "spool.db" in queue._engine.settler.storage_trouble)
    storage = next(c for c in (await queue.get_health()).components if c.name == "storage")
    assert "spool.db" in storage.reason
    assert storage.level is not HealthLevel.HEALTHY

    waiting = asyncio.ensure_future(queue.result(receipts[-1].id, timeout=PATIENCE))
    server.start()
    assert (await waiting).ok
    assert queue.durability is Durability.REDIS_FSYNC
    assert processor.seen == [first.id, *(r.id for r in receipts)], "in order, each once"
    stored = await queue.get_requests()
    assert [r.seq for r in stored] == list(range(1, 101))
    assert [r.id for r in stored] == processor.seen
    later = await queue.submit("/Tickets", "POST", lane="l")
    assert (later.durability, later.seq) == (Durability.REDIS_FSYNC, 101)


@pytest.mark.expected_logs(AWAY)
async def test_a_program_that_starts_while_the_server_is_away(
    server: RedisServer, open_queue: Open, processor: Noting
) -> None:
    server.kill()
    queue = await open_queue()
    receipt = await queue.submit("/Tickets", "POST")
    await queue.shutdown()
    again = await open_queue()
    assert [r.id for r in await again.get_requests()] == [receipt.id], "it is there after a restart"
    server.start()
    assert (await again.result(receipt.id, timeout=PATIENCE)).ok
    assert processor.seen == [receipt.id]


@pytest.mark.expected_logs(AWAY)
async def test_what_was_kept_moves_at_the_next_start_before_anything_else(
    server: RedisServer, open_queue: Open, processor: Noting
) -> None:
    server.kill()
    queue = await open_queue()
    kept = [(await queue.submit("/Tickets", "POST", lane="l")).id for _ in range(150)]
    await queue.shutdown()
    server.start()
    again = await open_queue()
    assert {r.id for r in await again.get_requests()} == set(kept)
    last = await again.submit("/Tickets", "POST", lane="l")
    assert (await again.result(last.id, timeout=PATIENCE)).ok
    assert processor.seen == [*kept, last.id]


@pytest.mark.expected_logs(AWAY)
async def test_what_waits_here_can_be_changed_here(
    server: RedisServer, open_queue: Open, processor: Noting
) -> None:
    server.kill()
    queue = await open_queue()
    kept = [await queue.submit("/Tickets", "POST", data={"n": n}) for n in range(3)]
    await queue.edit(kept[0].id, data={"n": "edited"})
    await queue.cancel_request(kept[1].id)
    assert (await queue.reprioritise((kept[2].id,), 9)).changed == 1
    server.start()
    outcome = await queue.result(kept[0].id, timeout=PATIENCE)
    assert outcome.reply is not None
    assert outcome.reply.body == {"given": {"n": "edited"}}
    assert (await queue.result(kept[2].id, timeout=PATIENCE)).ok
    assert (await queue.get_request(kept[2].id)).priority == 9
    assert kept[1].id not in processor.seen


@pytest.mark.expected_logs(AWAY)
async def test_what_may_have_reached_the_server_is_not_changed_before_it_can_be_asked(
    server: RedisServer, open_queue: Open
) -> None:
    queue = await open_queue()
    server.kill()
    tried = await queue.submit("/Tickets", "POST")  # sent there, and not answered
    later = await queue.submit("/Tickets", "POST")
    with pytest.raises(IllegalTransition, match="may be on the server"):
        await queue.cancel_request(tried.id)
    assert (await queue.cancel_request(later.id)).status is Status.CANCELLED
    await queue.shutdown()
    again = await open_queue()
    with pytest.raises(IllegalTransition, match="may be on the server"):
        await again.cancel_request(tried.id)
    server.start()
    assert (await again.result(tried.id, timeout=PATIENCE)).ok


@pytest.mark.expected_logs(AWAY)
async def test_parents_on_the_server_and_here(
    server: RedisServer, open_queue: Open, processor: Noting
) -> None:
    queue = await open_queue()
    await queue.pause(why="until all are there")
    parent = await queue.submit("/Tickets", "POST")
    server.kill()
    here = await queue.submit("/Tickets", "POST")
    child = await queue.submit("/Tickets", "POST", depends_on=[parent.id, here.id], summary="child")
    assert (await queue.get_request(child.id)).status is Status.HELD
    server.start()
    await until(lambda: queue.durability is Durability.REDIS_FSYNC)
    moved = await queue.get_request(child.id)
    assert (moved.status, moved.reason) == (Status.PENDING, Reason.AFTER)
    await queue.resume()
    assert (await queue.result(child.id, timeout=PATIENCE)).ok
    assert processor.seen[-1] == child.id


@pytest.mark.expected_logs(AWAY)
async def test_a_key_that_was_taken_meanwhile_is_a_persons_decision(
    server: RedisServer, open_queue: Open, processor: Noting
) -> None:
    queue = await open_queue()
    other = await open_queue(spool=None)
    await other.pause(why="nothing ends")
    server.kill()
    kept = await queue.submit("/Tickets", "POST", dedup_key="k")
    free = await queue.submit("/Tickets", "POST", dedup_key="free")
    await queue.submit("/Tickets", "POST")
    # The server is back for the other one first: somebody took the key.
    queue._engine.ctx.store._return.cancel()
    server.start()
    taken = await other.submit("/Tickets", "POST", dedup_key="k")
    await queue.shutdown()
    again = await open_queue()
    held = await again.get_request(kept.id)
    assert (held.status, held.reason) == (Status.HELD, Reason.CONFLICT)
    assert taken.id in held.reason_text
    assert (await again.get_request(free.id)).status is Status.PENDING


@pytest.mark.expected_logs(AWAY)
async def test_two_programs_with_one_spool(server: RedisServer, open_queue: Open, processor: Noting) -> None:
    queues = [await open_queue(), await open_queue()]
    server.kill()
    kept = await queues[0].submit("/Tickets", "POST")
    with pytest.raises(StoreUnreachable, match="Nor can the file"):
        await queues[1].submit("/Tickets", "POST")
    server.start()
    for queue in queues:
        assert (await queue.result(kept.id, timeout=PATIENCE)).ok
    assert processor.seen == [kept.id]


@pytest.mark.expected_logs(AWAY)
async def test_many_at_once_while_it_goes_and_comes(
    server: RedisServer, open_queue: Open, processor: Noting
) -> None:
    queue = await open_queue(max_concurrency=5)
    acknowledged: list[str] = []

    async def add(lane: int) -> None:
        for _ in range(60):
            receipt = await queue.submit("/Tickets", "POST", lane=f"lane-{lane}")
            acknowledged.append(receipt.id)

    work = [asyncio.ensure_future(add(lane)) for lane in range(5)]
    for goal in (50, 120, 200):
        await until(lambda goal=goal: len(acknowledged) >= goal)  # type: ignore[misc]
        server.kill()
        await until(lambda: queue.durability is Durability.SQLITE_FSYNC or all(w.done() for w in work))
        server.start()
    await asyncio.gather(*work)
    await until(lambda: queue.durability is Durability.REDIS_FSYNC)
    await until(lambda: queue.counters().count(Status.COMPLETED) == 300)
    assert Counter(processor.seen) == Counter(acknowledged)
    assert {r.id for r in await queue.get_requests(RequestFilter(status=(Status.COMPLETED,)))} == set(
        acknowledged
    )


@pytest.mark.expected_logs(AWAY)
async def test_choosing_to_work_offline_holds_after_a_start_without_the_server(
    server: RedisServer, open_queue: Open, processor: Noting
) -> None:
    queue = await open_queue()
    await queue.work_offline()
    await queue.shutdown()
    server.kill()
    again = await open_queue()
    kept = await again.submit("/Tickets", "POST")
    server.start()
    await until(lambda: again.durability is Durability.REDIS_FSYNC)
    assert (await again.result(kept.id, timeout=0.3)).status is Status.PENDING
    assert processor.seen == []
    await again.work_online()
    assert (await again.result(kept.id, timeout=PATIENCE)).ok


@pytest.mark.expected_logs(AWAY)
async def test_a_key_is_for_the_file_too(
    tmp_path: Path, server: RedisServer, open_queue: Open, processor: Noting
) -> None:
    key = new_encryption_key()
    queue = await open_queue(encryption_key=key)
    server.kill()
    kept = await queue.submit("/Tickets", "POST", data={"n": 1})
    assert not (tmp_path / "spool.db").read_bytes().startswith(b"SQLite format 3")
    await queue.shutdown()
    with pytest.raises(StoreUnreachable, match=r"Nor can the file.*encrypted"):
        await open_queue()
    again = await open_queue(encryption_key=key)
    server.start()
    assert (await again.result(kept.id, timeout=PATIENCE)).ok
    with pytest.raises(StoreKeyMissing):
        await open_queue()
    with pytest.raises(StoreKeyWrong):
        await open_queue(encryption_key=new_encryption_key())

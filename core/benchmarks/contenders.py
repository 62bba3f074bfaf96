"""The contests of the SQLite store, and who takes part.

The contenders take turns within a round, so that a busy machine slows all of them alike; what counts is the
ratios. Requests and tasks are made before the clock starts. Everyone flushes the disk before an enqueue
counts as done: SQLite, WAL, synchronous=FULL. huey is told so (fsync=True); persist-queue runs SQLite's
default, which is FULL; both use threads, ours a hundred coroutines. huey takes a task off its queue before it
runs and has no acknowledgement: the fastest way to lose one. Ours also keeps an audit chain, attempts,
counters and a history.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from autotask_queue.engine.intake import new_request_id
from autotask_queue.model.request import AttemptResult, Reply, Request
from autotask_queue.model.status import Effect, Status
from autotask_queue.policy.schedule import ORDERS
from autotask_queue.ports import AttemptRecord, Change, Claim, ZoneGate
from autotask_queue.store import SqliteStore

PAYLOAD = {"title": "Printer on fire", "description": "It burns. " * 20, "companyID": 175, "priority": 1}
CALLERS = 100
OURS, HUEY, PERSIST, RAW = "autotask-queue", "huey", "persist-queue", "raw sqlite3, one commit each"
ONE_CALLER, MANY_CALLERS = "durable enqueue, 1 caller", f"durable enqueue, {CALLERS} callers"
WORK = "claim, run, settle (no-op)"


class Speed(NamedTuple):
    """How fast something was done."""

    rate: float
    """How many a second."""
    cpu: float
    """Microseconds of processor time for each, all threads together: steadier than the rate."""


Contest = Callable[[Path, int], Speed]
"""Does a number of things in a new folder."""


def stopwatch() -> Callable[[int], Speed]:
    """Starts; what it returns is told how many were done, and stops."""
    started, processor = time.perf_counter(), time.process_time()

    def stop(count: int) -> Speed:
        return Speed(count / (time.perf_counter() - started), (time.process_time() - processor) / count * 1e6)

    return stop


# ---------------------------------------------------------------------------------------------
# Ours


def new_request(zone: str = "zone1", entity: str = "Tickets", priority: int = 5) -> Request:
    """A ticket to create."""
    now = time.time()
    return Request(
        seq=0,
        id=new_request_id(),
        status=Status.PENDING,
        zone=zone,
        endpoint="/Tickets",
        method="POST",
        effect=Effect.WRITE,
        entity=entity,
        priority=priority,
        summary="Create ticket: Printer on fire",
        created_at=now,
        updated_at=now,
        data=PAYLOAD,
    )


def everything(limit: int) -> Claim:
    """A claim that no gate stands in the way of."""
    gate = ZoneGate(slots=limit)
    return Claim(now=time.time(), limit=limit, order=ORDERS["fifo"], default_gate=gate)


def ours_enqueue(callers: int) -> Contest:
    """Each caller waits for its receipt before it comes again."""

    async def run(folder: Path, count: int) -> Speed:
        store = SqliteStore(folder / "queue.db")
        await store.open(now=time.time())

        made = [new_request() for _ in range(count)]

        async def caller(first: int) -> None:
            for request in made[first::callers]:
                await store.enqueue([request], actor="benchmark")

        stop = stopwatch()
        await asyncio.gather(*map(caller, range(callers)))
        speed = stop(count)
        await store.close()
        return speed

    return lambda folder, count: asyncio.run(run(folder, count))


async def settle(store: SqliteStore, request: Request) -> None:
    """It was sent, and went well."""
    now = time.time()
    done = AttemptRecord(result=AttemptResult.OK, started_at=now, ended_at=now)
    change = Change(
        id=request.id,
        kind="completed",
        at=now,
        to=Status.COMPLETED,
        fence=request.fence,
        reply=Reply(record_id=1, body={"itemId": 1}),
        attempt=done,
    )
    assert isinstance((await store.apply([change]))[0], Request)


async def work_off(store: SqliteStore) -> int:
    """Claims up to a hundred at a time; each is settled by a coroutine of its own. How many there were."""
    done = 0
    while requests := (await store.claim(everything(CALLERS))).requests:
        await asyncio.gather(*(settle(store, request) for request in requests))
        done += len(requests)
    return done


def ours_work(folder: Path, count: int) -> Speed:
    """All that is there."""

    async def run() -> Speed:
        store = SqliteStore(folder / "queue.db")
        await store.open(now=time.time())
        await store.enqueue([new_request() for _ in range(count)], actor="benchmark")
        stop = stopwatch()
        assert await work_off(store) == count
        speed = stop(count)
        await store.close()
        return speed

    return asyncio.run(run())


# ---------------------------------------------------------------------------------------------
# Peers


def in_threads(threads: int, work: Callable[[], object], count: int) -> Speed:
    """Calls `work` from several threads."""

    def run() -> None:
        for _ in range(count // threads):
            work()

    crew = [threading.Thread(target=run) for _ in range(threads)]
    stop = stopwatch()
    for member in crew:
        member.start()
    for member in crew:
        member.join()
    return stop(count)


@contextmanager
def a_huey(folder: Path) -> Iterator[tuple[Any, Any]]:
    """SqliteHuey that flushes, with a task that does nothing."""
    from huey import SqliteHuey

    logging.getLogger("huey").setLevel(logging.ERROR)
    huey = SqliteHuey(filename=str(folder / "huey.db"), fsync=True, results=False, timeout=60)

    def noop(data: dict[str, Any]) -> None:
        del data

    yield huey, huey.task()(noop)
    huey.storage.close()


def huey_enqueue(callers: int) -> Contest:
    """A task a call."""

    def run(folder: Path, count: int) -> Speed:
        with a_huey(folder) as (huey, task):
            made = [task.s(PAYLOAD) for _ in range(count)]
            return in_threads(callers, lambda: huey.enqueue(made.pop()), count)

    return run


def huey_work(folder: Path, count: int) -> Speed:
    """Takes a task off and runs it."""
    with a_huey(folder) as (huey, task):
        for _ in range(count):
            task(PAYLOAD)
        return in_threads(1, lambda: huey.execute(huey.dequeue()), count)


def persist_enqueue(callers: int) -> Contest:
    """SQLiteAckQueue, each put committed."""

    def run(folder: Path, count: int) -> Speed:
        from persistqueue import SQLiteAckQueue

        queue = SQLiteAckQueue(str(folder / "persist"), multithreading=True, auto_commit=True)
        with closing(queue):
            return in_threads(callers, lambda: queue.put(PAYLOAD), count)

    return run


def persist_work(folder: Path, count: int) -> Speed:
    """Gets and acknowledges."""
    from persistqueue import SQLiteAckQueue

    queue = SQLiteAckQueue(str(folder / "persist"), multithreading=True, auto_commit=True)
    with closing(queue):
        for _ in range(count):
            queue.put(PAYLOAD)
        return in_threads(1, lambda: queue.ack(queue.get(block=False)), count)


def raw_enqueue(folder: Path, count: int) -> Speed:
    """What one commit an insert can be at most."""
    with closing(sqlite3.connect(folder / "raw.db", isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = wal")
        connection.execute("PRAGMA synchronous = full")
        connection.execute("CREATE TABLE t (seq INTEGER PRIMARY KEY, value BLOB)")
        value = repr(PAYLOAD).encode()
        stop = stopwatch()
        for _ in range(count):
            connection.execute("INSERT INTO t (value) VALUES (?)", (value,))
        return stop(count)


# ---------------------------------------------------------------------------------------------
# The contests

CONTESTS: dict[str, dict[str, Contest]] = {
    ONE_CALLER: {
        OURS: ours_enqueue(1),
        HUEY: huey_enqueue(1),
        PERSIST: persist_enqueue(1),
        RAW: raw_enqueue,
    },
    MANY_CALLERS: {
        OURS: ours_enqueue(CALLERS),
        HUEY: huey_enqueue(CALLERS),
        PERSIST: persist_enqueue(CALLERS),
    },
    WORK: {OURS: ours_work, HUEY: huey_work, PERSIST: persist_work},
}


def compete(*, rounds: int, count: int, folder: Path) -> dict[str, dict[str, Speed]]:
    """The median speed of everyone in every contest; contenders take turns in each round."""
    seen: dict[str, dict[str, list[Speed]]] = {name: {} for name in CONTESTS}
    for number in range(rounds):
        for name, contenders in CONTESTS.items():
            # One caller is bound by the flush alone: fewer are enough.
            fewer = max(count // 5, CALLERS) if name == ONE_CALLER else count
            for who, contest in contenders.items():
                with tempfile.TemporaryDirectory(dir=folder) as own:
                    seen[name].setdefault(who, []).append(contest(Path(own), fewer))
        print(f"round {number + 1} of {rounds} done", flush=True)
    return {
        name: {
            who: Speed(statistics.median(s.rate for s in speeds), statistics.median(s.cpu for s in speeds))
            for who, speeds in contenders.items()
        }
        for name, contenders in seen.items()
    }


def show(results: dict[str, dict[str, Speed]]) -> None:
    """A table of rates, of processor time, and of how many times as fast ours is."""
    for name, contenders in results.items():
        print(f"\n{name}")
        for who, speed in contenders.items():
            times = f"   ours is {contenders[OURS].rate / speed.rate:5.1f} times as fast"
            print(
                f"  {who:<30} {speed.rate:>9,.0f} /s {speed.cpu:>7.1f} us cpu{'' if who == OURS else times}"
            )

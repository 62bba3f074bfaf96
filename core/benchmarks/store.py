"""How fast the SQLite store is, beside its peers, in one run on this disk.

    python core/benchmarks/store.py             durable enqueue, and claim-run-settle, as ratios
    python core/benchmarks/store.py --claims    claiming with the head zone closed, and opening, as the queue
                                                grows: 10,000 and 100,000 waiting (--full: 1,000,000)

The contests are held twice: on this disk as it is, and with every flush made 1 ms longer for everyone (Linux,
with a C compiler; --flush changes the milliseconds, 0 leaves it out). A server's disk with a cache that needs
no flush answers in 0.2 ms, a technician's laptop in one to ten, and that is where sharing a flush counts.

The contenders take turns within a round, so that a busy machine slows all of them alike; what counts is
the ratios. Requests and tasks are made before the clock starts. Everyone flushes the disk before an
enqueue counts as done: SQLite, WAL, synchronous=FULL. huey is told so (fsync=True); persist-queue runs
SQLite's default, which is FULL; both use threads, ours a hundred coroutines. huey takes a task off its
queue before it runs and has no acknowledgement: the fastest way to lose one. Ours also keeps an audit
chain, attempts, counters and a history.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from autotask_queue.model.request import AttemptResult, Reply, Request, RequestId
from autotask_queue.model.status import Effect, Status
from autotask_queue.policy.schedule import ORDERS
from autotask_queue.ports import AttemptRecord, Change, Claim, ZoneGate
from autotask_queue.store import SqliteStore

PAYLOAD = {"title": "Printer on fire", "description": "It burns. " * 20, "companyID": 175, "priority": 1}
CALLERS = 100
OURS = "autotask-queue"
RAW = "raw sqlite3, one commit each"

Contest = Callable[[Path, int], float]
"""Does a number of things in a new folder; how many a second."""


# ---------------------------------------------------------------------------------------------
# Ours


def new_request(zone: str = "zone1", entity: str = "Tickets", priority: int = 5) -> Request:
    """A ticket to create."""
    now = time.time()
    return Request(
        seq=0,
        id=RequestId(f"{int(now * 1000):012x}-{uuid.uuid4().hex}"),
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

    async def run(folder: Path, count: int) -> float:
        store = SqliteStore(folder / "queue.db")
        await store.open(now=time.time())

        made = [new_request() for _ in range(count)]

        async def caller(first: int) -> None:
            for request in made[first::callers]:
                await store.enqueue([request], actor="benchmark")

        started = time.perf_counter()
        await asyncio.gather(*map(caller, range(callers)))
        rate = count / (time.perf_counter() - started)
        await store.close()
        return rate

    return lambda folder, count: asyncio.run(run(folder, count))


def ours_work(folder: Path, count: int) -> float:
    """Claims up to a hundred at a time; each is settled by a coroutine of its own."""

    async def run() -> float:
        store = SqliteStore(folder / "queue.db")
        await store.open(now=time.time())
        await store.enqueue([new_request() for _ in range(count)], actor="benchmark")

        async def work(request: Request) -> None:
            now = time.time()
            await store.apply(
                [
                    Change(
                        id=request.id,
                        kind="completed",
                        at=now,
                        to=Status.COMPLETED,
                        fence=request.fence,
                        reply=Reply(record_id=1, body={"itemId": 1}),
                        attempt=AttemptRecord(result=AttemptResult.OK, started_at=now, ended_at=now),
                    )
                ]
            )

        started = time.perf_counter()
        done = 0
        while requests := (await store.claim(everything(CALLERS))).requests:
            await asyncio.gather(*map(work, requests))
            done += len(requests)
        rate = done / (time.perf_counter() - started)
        assert done == count
        await store.close()
        return rate

    return asyncio.run(run())


# ---------------------------------------------------------------------------------------------
# Peers


def in_threads(threads: int, work: Callable[[], object], count: int) -> float:
    """Calls `work` from several threads; how often a second."""

    def run() -> None:
        for _ in range(count // threads):
            work()

    crew = [threading.Thread(target=run) for _ in range(threads)]
    started = time.perf_counter()
    for member in crew:
        member.start()
    for member in crew:
        member.join()
    return count / (time.perf_counter() - started)


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

    def run(folder: Path, count: int) -> float:
        with a_huey(folder) as (huey, task):
            made = [task.s(PAYLOAD) for _ in range(count)]
            return in_threads(callers, lambda: huey.enqueue(made.pop()), count)

    return run


def huey_work(folder: Path, count: int) -> float:
    """Takes a task off and runs it."""
    with a_huey(folder) as (huey, task):
        for _ in range(count):
            task(PAYLOAD)
        return in_threads(1, lambda: huey.execute(huey.dequeue()), count)


def persist_enqueue(callers: int) -> Contest:
    """SQLiteAckQueue, each put committed."""

    def run(folder: Path, count: int) -> float:
        from persistqueue import SQLiteAckQueue

        queue = SQLiteAckQueue(str(folder / "persist"), multithreading=True, auto_commit=True)
        with closing(queue):
            return in_threads(callers, lambda: queue.put(PAYLOAD), count)

    return run


def persist_work(folder: Path, count: int) -> float:
    """Gets and acknowledges."""
    from persistqueue import SQLiteAckQueue

    queue = SQLiteAckQueue(str(folder / "persist"), multithreading=True, auto_commit=True)
    with closing(queue):
        for _ in range(count):
            queue.put(PAYLOAD)
        return in_threads(1, lambda: queue.ack(queue.get(block=False)), count)


def raw_enqueue(folder: Path, count: int) -> float:
    """What one commit an insert can be at most."""
    with closing(sqlite3.connect(folder / "raw.db", isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = wal")
        connection.execute("PRAGMA synchronous = full")
        connection.execute("CREATE TABLE t (seq INTEGER PRIMARY KEY, value BLOB)")
        value = repr(PAYLOAD).encode()
        started = time.perf_counter()
        for _ in range(count):
            connection.execute("INSERT INTO t (value) VALUES (?)", (value,))
        return count / (time.perf_counter() - started)


# ---------------------------------------------------------------------------------------------
# The contests

CONTESTS: dict[str, dict[str, Contest]] = {
    "durable enqueue, 1 caller": {
        OURS: ours_enqueue(1),
        "huey": huey_enqueue(1),
        "persist-queue": persist_enqueue(1),
        RAW: raw_enqueue,
    },
    f"durable enqueue, {CALLERS} callers": {
        OURS: ours_enqueue(CALLERS),
        "huey": huey_enqueue(CALLERS),
        "persist-queue": persist_enqueue(CALLERS),
    },
    "claim, run, settle (no-op)": {OURS: ours_work, "huey": huey_work, "persist-queue": persist_work},
}


def compete(*, rounds: int, count: int, folder: Path) -> dict[str, dict[str, float]]:
    """The median rate of everyone in every contest; contenders take turns in each round."""
    rates: dict[str, dict[str, list[float]]] = {name: {} for name in CONTESTS}
    for number in range(rounds):
        for name, contenders in CONTESTS.items():
            # One caller is bound by the flush alone: fewer are enough.
            fewer = count if CALLERS == 1 or "1 caller" not in name else max(count // 5, CALLERS)
            for who, contest in contenders.items():
                with tempfile.TemporaryDirectory(dir=folder) as own:
                    rates[name].setdefault(who, []).append(contest(Path(own), fewer))
        print(f"round {number + 1} of {rounds} done", flush=True)
    return {
        name: {who: statistics.median(seen) for who, seen in contenders.items()}
        for name, contenders in rates.items()
    }


def flush_cost(folder: Path) -> float:
    """Seconds that this disk takes to flush 4 KiB, median of 200."""
    seen: list[float] = []
    with tempfile.TemporaryFile(dir=folder) as file:
        for _ in range(200):
            file.write(b"x" * 4096)
            file.flush()
            started = time.perf_counter()
            os.fsync(file.fileno())
            seen.append(time.perf_counter() - started)
    return statistics.median(seen)


def show(results: dict[str, dict[str, float]]) -> None:
    """A table of rates and of how many times as fast ours is."""
    for name, contenders in results.items():
        print(f"\n{name}")
        for who, rate in contenders.items():
            ratio = "" if who == OURS else f"   ours is {contenders[OURS] / rate:6.1f} times as fast"
            print(f"  {who:<30} {rate:>10,.0f} /s{ratio}")


# ---------------------------------------------------------------------------------------------
# A slower disk

_FLUSH = "BENCHMARK_FLUSH_NS"
SLOW_FLUSH = """
#define _GNU_SOURCE
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static void wait_for_the_disk(void) {
    long nanoseconds = atol(getenv("BENCHMARK_FLUSH_NS"));
    struct timespec time = {nanoseconds / 1000000000, nanoseconds % 1000000000};
    nanosleep(&time, 0);
}
int fsync(int file) { wait_for_the_disk(); return syscall(SYS_fsync, file); }
int fdatasync(int file) { wait_for_the_disk(); return syscall(SYS_fdatasync, file); }
"""


def run_again_slowed(milliseconds: float, arguments: Sequence[str]) -> int:
    """Runs this program anew with every flush made longer."""
    with tempfile.TemporaryDirectory() as folder:
        library = Path(folder) / "slow.so"
        source = library.with_suffix(".c")
        source.write_text(SLOW_FLUSH, encoding="ascii")
        subprocess.run(["cc", "-shared", "-fPIC", "-O2", "-o", library, source], check=True)
        slowed = os.environ | {"LD_PRELOAD": str(library), _FLUSH: str(int(milliseconds * 1e6))}
        return subprocess.run([sys.executable, __file__, *arguments], env=slowed, check=False).returncode


# ---------------------------------------------------------------------------------------------
# Claims and opening


async def fill(store: SqliteStore, count: int) -> None:
    """Requests of two zones: all the older ones in the one that will be closed."""
    for start in range(0, count, 1_000):
        zone = "closed" if start < count - 1_000 else "open"
        await store.enqueue([new_request(zone) for _ in range(1_000)], actor="benchmark")
        if start % 50_000 == 0:
            await store.checkpoint()


async def claim_latency(store: SqliteStore, *, rounds: int = 50) -> tuple[float, float]:
    """Seconds for picking one behind a closed zone, and for the whole durable claim; medians."""
    gates = {"closed": ZoneGate(slots=0), "open": ZoneGate(slots=1)}
    wanted = Claim(now=time.time(), limit=1, order=ORDERS["fifo"], zones=gates)
    nothing = Claim(now=time.time(), limit=1, order=ORDERS["fifo"], zones={"closed": ZoneGate(slots=0)})
    picking, whole = [], []
    for _ in range(rounds):
        started = time.perf_counter()
        assert not (await store.claim(nothing)).requests
        picking.append(time.perf_counter() - started)
        started = time.perf_counter()
        assert len((await store.claim(wanted)).requests) == 1
        whole.append(time.perf_counter() - started)
    return statistics.median(picking), statistics.median(whole)


async def measure_claims(sizes: Sequence[int], folder: Path) -> None:
    """How long claiming and opening take as the queue grows."""
    print(f"{'waiting':>10} {'nothing open':>14} {'claim of one':>14} {'open':>10} {'to first claim':>15}")
    for size in sizes:
        with tempfile.TemporaryDirectory(dir=folder) as own:
            store = SqliteStore(Path(own) / "queue.db")
            await store.open(now=time.time())
            await fill(store, size)
            nothing, one = await claim_latency(store)
            await store.close()
            again = SqliteStore(Path(own) / "queue.db")
            started = time.perf_counter()
            await again.open(now=time.time())
            opened = time.perf_counter() - started
            await again.claim(everything(1))
            first = time.perf_counter() - started
            await again.close()
        print(
            f"{size:>10,} {nothing * 1e3:>11.3f} ms {one * 1e3:>11.3f} ms "
            f"{opened * 1e3:>7.1f} ms {first * 1e3:>12.1f} ms",
            flush=True,
        )


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs what the arguments ask for."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument("--claims", action="store_true", help="claim latency with the head zone closed")
    parser.add_argument("--full", action="store_true", help="with --claims: up to 1,000,000 waiting")
    parser.add_argument("--sizes", default="10000,100000", help="with --claims: how many are waiting")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--count", type=int, default=2_000, help="requests for each contender and round")
    parser.add_argument("--flush", type=float, default=1.0, metavar="MS", help="of the slower disk; 0: none")
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()), help="on which disk")
    options = parser.parse_args(arguments)
    print(f"one flush of this disk: {flush_cost(options.folder) * 1e3:.2f} ms")
    if options.claims:
        sizes = [int(size) for size in options.sizes.split(",")] + [1_000_000] * options.full
        asyncio.run(measure_claims(sizes, options.folder))
        return 0
    show(compete(rounds=options.rounds, count=options.count, folder=options.folder))
    if options.flush and _FLUSH not in os.environ and sys.platform == "linux" and shutil.which("cc"):
        print(f"\n\nThe same with {options.flush:g} ms more for every flush:\n", flush=True)
        same = [f"--{name}={getattr(options, name)}" for name in ("rounds", "count", "folder")]
        return run_again_slowed(options.flush, same)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

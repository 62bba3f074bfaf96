"""What a full queue costs: claims behind a closed zone, opening, history; and how soon an idle one acts."""

from __future__ import annotations

import asyncio
import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from autotask_queue import Reply, Request
from autotask_queue.policy.schedule import ORDERS
from autotask_queue.ports import Claim, Claimed, ZoneGate
from autotask_queue.quick import QuickSetup
from autotask_queue.store import SqliteStore
from autotask_queue.store.sqlite import operations
from autotask_queue.store.sqlite.session import Session
from contenders import CALLERS, everything, new_request, settle, stopwatch, work_off
from goals import Goal, at_most

_FLAT = 0.2


async def fill(store: SqliteStore, count: int) -> None:
    """Requests of two zones: all the older ones in the one that will be closed."""
    for start in range(0, count, 1_000):
        zone = "closed" if start < count - 1_000 else "open"
        await store.enqueue([new_request(zone) for _ in range(1_000)], actor="benchmark")
        if start % 50_000 == 0:
            await store.checkpoint()


async def claim_cost(store: SqliteStore, *, rounds: int = 200) -> float:
    """Seconds for choosing one behind a closed zone and marking it; without the flush and the way to it."""
    gates = {"closed": ZoneGate(slots=0), "open": ZoneGate(slots=1)}
    claim = operations.claim(Claim(now=time.time(), limit=1, order=ORDERS["fifo"], zones=gates))
    seen: list[float] = []

    def timed(session: Session) -> Claimed:
        started = time.perf_counter()
        claimed: Claimed = claim(session)
        session.shelf.settle()
        seen.append(time.perf_counter() - started)
        return claimed

    for _ in range(rounds):
        claimed: Claimed = await store._write_one(timed)  # noqa: SLF001 - the flush is not meant
        assert len(claimed.requests) == 1
    return statistics.median(seen)


async def measure_claims(sizes: Sequence[int], folder: Path) -> list[Goal]:
    """How long claiming and opening take as the queue grows."""
    print(f"\n{'waiting':>10} {'claim of one':>14} {'open':>10} {'to first claim':>15}")
    costs: list[float] = []
    first = 0.0
    for size in sizes:
        with tempfile.TemporaryDirectory(dir=folder) as own:
            store = SqliteStore(Path(own) / "queue.db")
            await store.open(now=time.time())
            await fill(store, size)
            costs.append(await claim_cost(store))
            await store.close()
            again = SqliteStore(Path(own) / "queue.db")
            started = time.perf_counter()
            await again.open(now=time.time())
            opened = time.perf_counter() - started
            await again.claim(everything(1))
            first = time.perf_counter() - started
            await again.close()
        print(
            f"{size:>10,} {costs[-1] * 1e3:>11.3f} ms {opened * 1e3:>7.1f} ms {first * 1e3:>12.1f} ms",
            flush=True,
        )
    most, least = sizes[-1], sizes[0]
    grown = abs(costs[-1] / costs[0] - 1)
    return [
        at_most(f"claim behind a closed zone, {most:,} waiting", 0.1, costs[-1] * 1e3, "ms"),
        at_most(f"that claim, {most:,} waiting against {least:,}", _FLAT, grown, "more or less"),
        at_most(f"open with {most:,} waiting, to the first claim", 100, first * 1e3, "ms"),
    ]


# ---------------------------------------------------------------------------------------------
# A long history


async def finish(store: SqliteStore, count: int) -> None:
    """So many requests that are done."""
    for start in range(0, count, 1_000):
        await store.enqueue([new_request() for _ in range(1_000)], actor="benchmark")
        claimed = (await store.claim(everything(1_000))).requests
        await asyncio.gather(*(settle(store, request) for request in claimed))
        if start % 50_000 == 0:
            await store.checkpoint()


async def _rate(store: SqliteStore, count: int) -> float:
    """Requests a second, from their enqueueing in hundreds to their end."""
    made = [new_request() for _ in range(count)]
    stop = stopwatch()
    for start in range(0, count, CALLERS):
        await store.enqueue(made[start : start + CALLERS], actor="benchmark")
        await work_off(store)
    return stop(count).rate


async def measure_history(finished: int, folder: Path, *, rounds: int, count: int) -> list[Goal]:
    """The same work beside an empty history and beside a long one, in turns."""
    with tempfile.TemporaryDirectory(dir=folder) as own:
        stores = [SqliteStore(Path(own) / name) for name in ("short.db", "long.db")]
        for store in stores:
            await store.open(now=time.time())
        await finish(stores[1], finished)
        rates: list[list[float]] = [[], []]
        for _ in range(rounds):
            for store, seen in zip(stores, rates, strict=True):
                seen.append(await _rate(store, count))
        for store in stores:
            await store.close()
    short, long = map(statistics.median, rates)
    print(f"\nfrom enqueueing to the end: {short:,.0f} /s; with {finished:,} finished kept: {long:,.0f} /s")
    return [at_most(f"slower with {finished:,} finished kept", 10, max(0.0, 100 * (1 - long / short)), "%")]


# ---------------------------------------------------------------------------------------------
# An idle queue


class _Noting:
    """Notes when it was asked."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self.at = 0.0

    async def process_request(self, request: Request) -> Reply:
        """Does nothing."""
        del request
        self.at = time.perf_counter()
        self.asked.set()
        return Reply()

    def can_process(self, request: Request) -> bool:
        """Takes everything."""
        del request
        return True


async def measure_pickup(folder: Path, *, rounds: int = 100) -> list[Goal]:
    """From the call of `submit` on an idle queue to the call of its processor, two flushes included."""
    processor = _Noting()
    seen: list[float] = []
    with tempfile.TemporaryDirectory(dir=folder) as own:
        async with QuickSetup.sqlite(Path(own) / "queue.db", processors={"any": processor}) as queue:
            for _ in range(rounds):
                processor.asked.clear()
                started = time.perf_counter()
                receipt = await queue.submit("/anything", "POST", data={"a": 1})
                await processor.asked.wait()
                seen.append(processor.at - started)
                await queue.result(receipt.id)
    return [at_most("an idle queue picks a request up, median", 3, statistics.median(seen) * 1e3, "ms")]

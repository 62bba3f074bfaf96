"""Six things that a user of the source README would expect, and that its code does not do. Ours does."""

from __future__ import annotations

import asyncio
import sqlite3
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, closing
from pathlib import Path

import pytest
from tests.core.clock import FakeClock
from tests.core.integration import outbox_child

from autotask_queue import (
    Credentials,
    EchoProcessor,
    Effect,
    FailureClass,
    ProcessorError,
    QueueManager,
    QuickSetup,
    Reply,
    Request,
    RequestFilter,
    Status,
    create_production_configuration,
    create_test_configuration,
)
from autotask_queue.model.config import QueueConfig
from autotask_queue.simulator import Simulator, run_simulator

pytestmark = pytest.mark.integration

PATIENCE = 30.0

BACKENDS = ("memory", "sqlite", "redis")
"""A server is started for the last one; where there is none, it is skipped."""


@pytest.fixture
async def sim() -> AsyncIterator[Simulator]:
    async with run_simulator(seed=7, latency_scale=0.0) as running:
        yield running


@pytest.fixture
def credentials(sim: Simulator) -> dict[str, Credentials]:
    own = sim.credentials
    return {
        "zone1": Credentials(
            user=own.user, secret=own.secret, integration_code=own.integration_code, url=sim.base_url
        )
    }


async def until(ready: Callable[[], bool], what: str) -> None:
    """Waits until it is so, for a while."""
    deadline = time.monotonic() + PATIENCE
    while not ready():
        assert time.monotonic() < deadline, what
        await asyncio.sleep(0.01)


async def finished(queue: QueueManager, count: int) -> None:
    await until(lambda: queue.counters().count(Status.COMPLETED) == count, "not all were completed")


# ---------------------------------------------------------------------------------------------
# 1. A zone with any name is served on every backend.

ZONES = (
    "zone1",
    "production",
    "Kunde Süd/Ost: 50 % *?",
    "{a}:b[1]",
    "'; DROP TABLE request; --",
    "日本",
    "-1",
)


@pytest.mark.parametrize("backend", BACKENDS)
async def test_a_zone_with_any_name_is_served_on_every_backend(
    backend: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    processors = {"echo": EchoProcessor()}
    opened: AbstractAsyncContextManager[QueueManager]
    match backend:
        case "memory":
            opened = QuickSetup.memory(processors=processors)
        case "sqlite":
            opened = QuickSetup.sqlite(tmp_path / "queue.db", processors=processors)
        case _:
            opened = QuickSetup.redis(request.getfixturevalue("redis_server").url, processors=processors)
    async with opened as queue:
        for zone in ZONES:
            reply = await asyncio.wait_for(queue.enqueue("/Companies", "GET", zone), PATIENCE)
            assert reply.body["endpoint"] == "/Companies"
            (stored,) = await queue.get_requests(RequestFilter(zone=(zone,)))
            assert (stored.status, stored.zone) == (Status.COMPLETED, zone)


# ---------------------------------------------------------------------------------------------
# 2. An hour offline loses nothing.


class Line:
    """A line that can be cut: nothing arrives then, and everything once otherwise."""

    def __init__(self) -> None:
        self.cut = False
        self.arrived: list[str] = []

    def can_process(self, request: Request) -> bool:
        return True

    def can_probe(self, zone: str) -> bool:
        return True

    async def probe(self, zone: str) -> None:
        if self.cut:
            raise ProcessorError("There is no network.", kind=FailureClass.LOCAL_OFFLINE)

    async def process_request(self, request: Request) -> Reply:
        await self.probe(request.zone)
        self.arrived.append(request.id)
        return Reply()


@pytest.mark.parametrize("backend", ["memory", "sqlite"])
async def test_an_hour_offline_loses_nothing(backend: str, tmp_path: Path) -> None:
    """Twelve times as long as a request of the original lives; a minute between two requests."""
    clock, line = FakeClock(), Line()
    where = {"backend": backend, "connection": {"db_path": str(tmp_path / "queue.db")}}
    config = create_production_configuration(persistence=where, default_retries=0)
    async with QueueManager(config, processors={"line": line}, clock=clock) as queue:
        line.cut = True
        receipts = []
        for minute in range(60):
            receipts.append(await queue.submit(f"/Tickets/{minute}", "POST", "zone1", data={"n": minute}))
            await clock.advance(60.0)
        assert line.arrived == []
        assert queue.counters().count(Status.PENDING) == 60
        line.cut = False
        deadline = time.monotonic() + PATIENCE
        while queue.counters().count(Status.PENDING, Status.PROCESSING):
            assert time.monotonic() < deadline
            await clock.advance(10.0)
            await asyncio.sleep(0.001)  # the file's thread needs time of its own
        outcomes = [await queue.result(receipt.id) for receipt in receipts]
    assert [outcome.status for outcome in outcomes] == [Status.COMPLETED] * 60
    assert sorted(line.arrived) == sorted(receipt.id for receipt in receipts), "each arrived, and once"


# ---------------------------------------------------------------------------------------------
# 3. kill -9 leaves no row stuck.


async def test_kill_9_leaves_no_row_stuck(
    sim: Simulator, credentials: dict[str, Credentials], tmp_path: Path
) -> None:
    path, count = tmp_path / "queue.db", 6
    slow = sim.add_fault("latency", route="POST /Tickets$", latency=4.0)
    own = sim.credentials
    child = await asyncio.create_subprocess_exec(
        sys.executable, str(Path(outbox_child.__file__)), str(path), sim.base_url, own.user, own.secret,
        own.integration_code, "0", str(count), stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert child.stdout is not None
    async with asyncio.timeout(PATIENCE):
        for _ in range(count):
            assert await child.stdout.readline()
    # Both that may be on their way at once are there: one that is not would wait for 330 s before it is sent.
    await until(lambda: len(sim.state()["writes"]) >= 2, "nothing was sent")
    child.kill()
    await child.wait()
    await until(lambda: all(w["applied"] for w in sim.state()["writes"]), "the server did not go on")
    await sim.end_fault(slow)
    with closing(sqlite3.connect(path)) as rows:
        (in_flight,) = rows.execute("SELECT count(*) FROM request WHERE status = 'processing'").fetchone()
    assert in_flight >= 1, "it was killed too late to prove anything"
    async with QuickSetup.sqlite(path, credentials=credentials) as queue:
        await finished(queue, count)
        stored = await queue.get_requests()
    titles = [t["title"] for t in sim.state()["entities"]["Tickets"] if t["title"].startswith("Crash ")]
    assert sorted(titles) == [f"Crash {number}" for number in range(count)], "each once"
    assert sum(r.reply is not None and r.reply.adopted for r in stored) == in_flight, "found, not sent again"


# ---------------------------------------------------------------------------------------------
# 4. Two intended identical notes arrive twice.


async def test_two_intended_identical_notes_arrive_twice(
    sim: Simulator, credentials: dict[str, Credentials], tmp_path: Path
) -> None:
    number = sim.state()["entities"]["Tickets"][0]["id"]
    note = {"title": "Called", "description": "No answer.", "noteType": 1, "publish": 1}
    async with QuickSetup.sqlite(tmp_path / "queue.db", credentials=credentials) as queue:
        replies = await asyncio.gather(
            *(queue.enqueue(f"/Tickets/{number}/Notes", "POST", "zone1", data=note) for _ in range(2))
        )
    notes = [n for n in sim.state()["entities"]["TicketNotes"] if n["title"] == "Called"]
    assert [(n["ticketID"], n["description"]) for n in notes] == [(number, "No answer.")] * 2
    assert {reply.record_id for reply in replies} == {n["id"] for n in notes}
    assert len({reply.record_id for reply in replies}) == 2


# ---------------------------------------------------------------------------------------------
# 5. `max_concurrency=3` never exceeds three in flight.


async def test_max_concurrency_3_never_exceeds_three_in_flight(
    sim: Simulator, credentials: dict[str, Credentials], tmp_path: Path
) -> None:
    """As the server counts them, over six endpoints that would each take two."""
    sim.add_fault("latency", latency=0.03)
    entities = ("Companies", "Contacts", "Tickets", "Resources", "Contracts", "Projects")
    async with QuickSetup.sqlite(tmp_path / "queue.db", credentials=credentials, max_concurrency=3) as queue:
        await queue.pause()
        for number in range(8):
            for entity in entities:
                priority = 1 + number % 10
                await queue.submit(f"/{entity}/{number + 1}", "GET", "zone1", priority=priority)
        await queue.resume()
        await until(
            lambda: not queue.counters().count(Status.PENDING, Status.PROCESSING), "not all were sent"
        )
    state = sim.state()
    assert state["requests"] >= 8 * len(entities)
    assert state["at_once"] == 3


# ---------------------------------------------------------------------------------------------
# 6. The five strategies give five different orders.


class Server:
    """Takes one call at a time, and has too much to do at first."""

    def __init__(self) -> None:
        self.taken: list[str] = []
        self.refusals = 3

    def can_process(self, request: Request) -> bool:
        return True

    async def process_request(self, request: Request) -> Reply:
        if self.refusals:
            self.refusals -= 1
            raise ProcessorError("Too many calls.", kind=FailureClass.THROTTLE)
        self.taken.append(request.endpoint.removeprefix("/"))
        return Reply()


async def order_under(strategy: str) -> list[str]:
    """One afternoon, the same for all: what the server took, in its order."""
    config: QueueConfig = create_test_configuration(
        max_concurrency=1, strategies={"priority_strategy": strategy, "circuit_breaker": {"enabled": False}}
    )
    clock, server = FakeClock(), Server()
    async with QueueManager(config, processors={"server": server}, clock=clock) as queue:
        await queue.pause()
        arrivals: list[tuple[str, int, Effect]] = [
            *((f"background-{n}", 1, Effect.WRITE) for n in range(3)),
            *((f"look-up-{n}", 6, Effect.READ) for n in range(4)),
            *((f"urgent-{n}", 9, Effect.WRITE) for n in range(2)),
            *((f"change-{n}", 5, Effect.WRITE) for n in range(2)),
        ]
        for name, priority, effect in arrivals:
            await queue.submit(f"/{name}", "POST", "zone1", priority=priority, effect=effect)
            await clock.advance(3.0 if priority > 1 else 120.0)
        await queue.resume()
        await clock.advance(3_600.0)  # three refusals, a pause after each, and then all of it
    assert sorted(server.taken) == sorted(name for name, _, _ in arrivals)
    return server.taken


async def test_the_five_strategies_give_five_different_orders() -> None:
    orders = {name: await order_under(name) for name in ("fifo", "lifo", "priority", "weighted", "adaptive")}
    assert len({tuple(order) for order in orders.values()}) == 5, orders
    background = {name: [o.index(f"background-{n}") for n in range(3)] for name, o in orders.items()}
    assert background["fifo"] == [0, 1, 2]
    assert background["priority"][0] < 8, "it is older than its head start"
    assert min(background["adaptive"]) == 8, "the server has too much to do: background work waits"

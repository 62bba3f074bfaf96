"""An engine on a fake clock, over the memory store, with processors that do what a test says."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from tests.core.clock import FakeClock

from autotask_queue.engine.assembly import Engine
from autotask_queue.engine.context import Processors
from autotask_queue.engine.intake import build_request
from autotask_queue.model.errors import ProcessorError, QueueError
from autotask_queue.model.events import Event
from autotask_queue.model.failure import Applied, Failure, FailureClass
from autotask_queue.model.presets import create_test_configuration
from autotask_queue.model.request import Attempt, Reply, Request, RequestId
from autotask_queue.model.status import Effect
from autotask_queue.ports import Facts, LookupResult
from autotask_queue.store import MemoryStore


def failure(kind: FailureClass, *, applied: Applied = Applied.NO, status: int | None = None) -> Failure:
    return Failure(
        kind=kind,
        code=kind.value,
        title="It failed",
        message=f"It failed: {kind.value}.",
        remedy="Wait.",
        applied=applied,
        http_status=status,
    )


@dataclass
class Server:
    """A processor and the server behind it: `script` says what each call meets, then all is well."""

    script: list[Failure | str] = field(default_factory=list)
    calls: list[Request] = field(default_factory=list)
    records: dict[str, int] = field(default_factory=dict)
    probes: int = 0
    probe_failure: Failure | None = None
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    always: Failure | None = None
    sure: bool = False
    """Whether what a lookup does not find is surely not there."""
    alike: bool = False
    """Whether every record looks as if any request had made it."""

    def __post_init__(self) -> None:
        self.gate.set()

    async def process_request(self, request: Request) -> Reply:
        self.calls.append(request)
        await self.gate.wait()
        step = self.script.pop(0) if self.script else self.always
        if isinstance(step, Failure):
            if step.applied is Applied.YES:
                self._apply(request)
            raise ProcessorError(step.message, failure=step)
        return Reply(record_id=self._apply(request))

    def _apply(self, request: Request) -> int:
        number = len(self.records) + 1
        self.records[f"{request.marker}#{number}"] = number
        return number

    def can_process(self, request: Request) -> bool:
        return request.zone != "nowhere"

    def describe(self, request: Request) -> Facts:
        entity = request.endpoint.split("/")[1]
        write = request.method != "GET"
        lane = f"{request.zone}{request.endpoint}" if request.method == "PATCH" else None
        return Facts(
            entity=entity,
            lane=lane,
            effect=Effect.WRITE if write else Effect.READ,
            summary=f"{request.method} {entity}",
            marker=f"marker-{request.id}" if request.method == "POST" else None,
            data=request.data,
        )

    def can_reconcile(self, request: Request) -> bool:
        return request.marker is not None

    async def reconcile(self, request: Request) -> LookupResult:
        if self.alike and self.records:
            first, *others = [Reply(record_id=n, adopted=True) for n in self.records.values()]
            return LookupResult(found=True, reply=first, alternatives=tuple(others), absent=self.sure)
        found = [n for key, n in self.records.items() if key.startswith(f"{request.marker}#")]
        if not found:
            return LookupResult(found=False, absent=self.sure)
        return LookupResult(found=True, matches=len(found), reply=Reply(record_id=found[0], adopted=True))

    def can_probe(self, zone: str) -> bool:
        return zone != "nowhere"

    async def probe(self, zone: str) -> None:
        self.probes += 1
        if self.probe_failure is not None:
            raise ProcessorError(self.probe_failure.message, failure=self.probe_failure)


@dataclass
class World:
    """One engine and everything around it."""

    engine: Engine
    clock: FakeClock
    server: Server
    store: MemoryStore
    events: list[Event] = field(default_factory=list)

    async def submit(
        self, endpoint: str = "/Tickets", method: str = "POST", zone: str = "z1", **options: Any
    ) -> Request:
        defaults: dict[str, Any] = {
            "priority": 5, "data": {"title": "t"}, "headers": None, "metadata": None, "retryable": True,
            "batchable": False, "timeout": None, "max_retries": None, "scheduled_at": None,
            "expires_at": None, "dedup_key": None, "depends_on": (), "base": None, "lane": None,
            "effect": None, "request_id": None, "summary": "", "actor": "",
        }  # fmt: skip
        request = build_request(self.engine.ctx, endpoint, method, zone, **(defaults | options))
        stored = (await self.store.enqueue([request], actor="anna"))[0]
        if isinstance(stored, QueueError):
            raise stored
        self.engine.wake()
        return stored

    async def get(self, request: Request) -> Request:
        found = await self.store.get(request.id)
        assert found is not None
        return found

    async def attempts(self, request: Request) -> list[Attempt]:
        return await self.store.attempts(RequestId(request.id))

    def names(self) -> list[str]:
        return [e.name for e in self.events]


MakeWorld = Callable[..., Any]


@pytest.fixture
async def make_world() -> AsyncIterator[MakeWorld]:
    """Starts engines; the test's end stops them."""
    started: list[World] = []

    async def make(store: MemoryStore | None = None, server: Server | None = None, **config: Any) -> World:
        clock = FakeClock() if not started else started[-1].clock
        processors = Processors()
        server = server or Server()
        store = store or MemoryStore()
        processors["server"] = server
        engine = Engine(
            config=create_test_configuration(**config),
            store=store,
            clock=clock,
            processors=processors,
            logger=logging.getLogger("autotask_queue"),
            rng=random.Random(7),
        )
        world = World(engine=engine, clock=clock, server=server, store=store)
        engine.ctx.bus.on("*", world.events.append)
        started.append(world)
        await engine.start()
        return world

    yield make
    for world in started:
        world.server.gate.set()
        await world.engine.stop(0.2)


@pytest.fixture
async def world(make_world: MakeWorld) -> World:
    made: World = await make_world()
    return made

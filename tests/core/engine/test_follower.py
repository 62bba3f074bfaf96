"""What other processes do to a shared store: heeded before the next claim, and told to everybody here."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from msgspec.structs import replace
from tests.core.clock import FakeClock
from tests.core.engine.conftest import MakeWorld, World
from typing_extensions import override

from autotask_queue.model.breaker import BreakerRecord, BreakerState, Override, OverrideKind
from autotask_queue.model.errors import StoreError
from autotask_queue.model.metrics import Connectivity
from autotask_queue.model.request import Reply, Request, RequestId
from autotask_queue.model.status import Reason, Status
from autotask_queue.policy.schedule import ORDERS
from autotask_queue.ports import Change, Claim, Claimed, News, Shared, ZoneGate
from autotask_queue.store import MemoryStore

GATE = ZoneGate(slots=1)


class SharedMemory(MemoryStore):
    """A memory store that a test changes as another process would."""

    def __init__(self) -> None:
        super().__init__()
        self.tell: Callable[[News], None] = lambda _: None
        self.failing = False
        self.claims: list[Claim] = []

    def on_change(self, callback: Callable[[News], None]) -> None:
        self.tell = callback

    @override
    async def get_document(self, kind: str, key: str) -> object:
        await asyncio.sleep(0)  # as long as it takes another process to do something meanwhile
        if self.failing:
            raise StoreError("The server is away.")
        return await super().get_document(kind, key)

    @override
    async def claim(self, claim: Claim) -> Claimed:
        self.claims.append(claim)
        return await super().claim(claim)


@pytest.fixture
async def world(make_world: MakeWorld) -> World:
    made: World = await make_world(store=SharedMemory())
    await made.clock.settle()
    return made


def shared(world: World) -> SharedMemory:
    assert isinstance(world.store, SharedMemory)
    assert isinstance(world.store, Shared)
    return world.store


def another(request: Request, **values: Any) -> Request:
    """A new request like this one, as another process would add it."""
    own = {"id": RequestId(f"other-{request.id}"), "seq": 0, "fence": 0, "finished_at": None, "reply": None}
    return replace(request, **{**own, **values})


def hold(entity: str | None = None, **values: float) -> Override:
    return Override(
        kind=OverrideKind.FORCED_OPEN,
        reason="firewall",
        actor="bert",
        since=FakeClock().now(),
        entity=entity,
        **values,
    )


async def test_a_pause_from_elsewhere_is_heeded_and_told(world: World) -> None:
    store = shared(world)
    await store.put_document("control", "paused", {"until": None}, at=0)
    store.tell(News.CONTROL)
    request = await world.submit()
    await world.clock.settle()
    assert (await world.get(request)).status is Status.PENDING
    assert world.engine.gates.paused is not None
    assert "processing.paused" in world.names()
    await store.delete_document("control", "paused")
    store.tell(News.CONTROL)
    await world.clock.settle()
    assert (await world.get(request)).status is Status.COMPLETED
    assert "processing.resumed" in world.names()


@pytest.mark.expected_logs("server is away")
async def test_nothing_is_claimed_while_the_controls_cannot_be_read(world: World) -> None:
    store = shared(world)
    store.failing = True
    store.tell(News.CONTROL)
    before = len(store.claims)
    request = await world.submit()
    await world.clock.advance(20)
    assert len(store.claims) == before
    assert (await world.get(request)).status is Status.PENDING
    store.failing = False
    await world.clock.advance(30)
    assert (await world.get(request)).status is Status.COMPLETED


async def test_a_hold_from_elsewhere_stops_its_zone_and_its_end_tests_it_first(world: World) -> None:
    store = shared(world)
    await store.save_breaker(BreakerRecord(zone="z1", overrides=(hold(),)))
    store.tell(News.CONTROL)
    held, free = await world.submit(), await world.submit(zone="z2")
    await world.clock.advance(5)
    assert (await world.get(held)).status is Status.PENDING
    assert (await world.get(free)).status is Status.COMPLETED
    assert "circuit.forced" in world.names()
    assert world.engine.control.get_metrics("z1").overrides == (hold(),)
    probes = world.server.probes
    await store.save_breaker(BreakerRecord(zone="z1"))
    store.tell(News.CONTROL)
    await world.clock.advance(5)
    assert world.server.probes > probes
    assert (await world.get(held)).status is Status.COMPLETED


async def test_the_automatic_state_elsewhere_is_not_taken_over(world: World) -> None:
    store = shared(world)
    record = BreakerRecord(zone="z1", state=BreakerState.OPEN, trips=3, overrides=(hold("TimeEntries"),))
    await store.save_breaker(record)
    store.tell(News.CONTROL)
    request = await world.submit()
    await world.clock.advance(1)
    assert (await world.get(request)).status is Status.COMPLETED
    assert world.engine.control.get_metrics("z1").state is BreakerState.CLOSED


async def test_what_is_read_again_unchanged_changes_nothing(world: World) -> None:
    await world.engine.control.force_open("z1", "firewall", entity="Tickets")
    before = world.names()
    shared(world).tell(News.CONTROL)
    await world.clock.settle()
    assert world.names() == before


async def test_a_result_from_elsewhere_ends_the_wait_for_it(world: World) -> None:
    store = shared(world)
    await store.put_document("control", "paused", {"until": None}, at=0)
    store.tell(News.CONTROL)
    request = await world.submit()
    waiting = asyncio.ensure_future(world.engine.settler.wait(request.id))
    await world.clock.settle()
    (claimed,) = (
        await MemoryStore.claim(
            store, Claim(now=world.clock.now(), limit=1, order=ORDERS["fifo"], default_gate=GATE)
        )
    ).requests
    done = Change(
        id=claimed.id, kind="completed", at=0, to=Status.COMPLETED, fence=1, reply=Reply(record_id=7)
    )
    await store.apply([done])
    assert not waiting.done()
    store.tell(News.WORK)
    outcome = await asyncio.wait_for(waiting, 5)
    assert outcome.reply is not None
    assert outcome.reply.record_id == 7
    assert {"request.completed", "requests.changed"} <= set(world.names())


async def test_work_from_elsewhere_wakes_the_dispatcher(world: World) -> None:
    store = shared(world)
    other = await world.submit()  # the world's own way wakes it; this one is put in behind its back
    await world.clock.settle()
    copy = await world.get(other)
    fresh = another(copy, status=Status.PENDING)
    await store.enqueue([fresh], actor="bert")
    await world.clock.settle()
    assert (await world.get(fresh)).status is Status.PENDING
    store.tell(News.WORK)
    await world.clock.settle()
    assert (await world.get(fresh)).status is Status.COMPLETED


async def test_what_nobody_could_send_elsewhere_is_let_go_here(world: World) -> None:
    store = shared(world)
    request = await world.submit()
    await world.clock.settle()
    held = another(await world.get(request), status=Status.HELD, reason=Reason.NO_PROCESSOR)
    await store.enqueue([held], actor="bert")
    store.tell(News.WORK)
    await world.clock.settle()
    assert (await world.get(held)).status is Status.COMPLETED


async def test_news_after_the_end_are_ignored(world: World) -> None:
    await world.engine.stop(0.1)
    shared(world).tell(News.WORK)
    shared(world).tell(News.CONTROL)


async def test_work_offline_is_kept_for_this_computer_alone(
    make_world: MakeWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = SharedMemory()
    here = await make_world(store=store)
    await here.engine.connectivity.work_offline(actor="anna")
    await here.engine.stop(0.1)
    monkeypatch.setattr("platform.node", lambda: "elsewhere")
    there = await make_world(store=store)
    assert there.engine.connectivity.state.state is Connectivity.ONLINE
    await there.engine.stop(0.1)
    monkeypatch.undo()
    again = await make_world(store=store)
    assert again.engine.connectivity.state.state is Connectivity.WORK_OFFLINE

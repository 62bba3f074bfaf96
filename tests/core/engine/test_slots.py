"""`max_concurrency` bounds the calls that are out, lookups of lost writes included."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import pytest
from tests.core.engine.conftest import MakeWorld, Server, failure
from typing_extensions import override

from autotask_queue.engine.slots import Slots
from autotask_queue.model.failure import Applied, FailureClass
from autotask_queue.model.request import Reply, Request
from autotask_queue.model.status import Status
from autotask_queue.ports import Claim, Claimed, LookupResult
from autotask_queue.store import MemoryStore

LOST = failure(FailureClass.TIMEOUT_UNKNOWN, applied=Applied.YES)


@dataclass
class Counting(Server):
    """Counts what is out at a time. Calls take as long as the test says."""

    out: int = 0
    most: int = 0

    def _begin(self) -> None:
        self.out += 1
        self.most = max(self.most, self.out)

    @override
    async def process_request(self, request: Request) -> Reply:
        self._begin()
        try:
            return await super().process_request(request)
        finally:
            self.out -= 1

    @override
    async def reconcile(self, request: Request) -> LookupResult:
        self._begin()
        try:
            await self.gate.wait()
            return await super().reconcile(request)
        finally:
            self.out -= 1


@pytest.mark.parametrize("most", [1, 2])
async def test_lookups_take_slots_too_and_go_before_what_is_new(make_world: MakeWorld, most: int) -> None:
    server = Counting(script=[LOST, LOST])
    world = await make_world(server=server, max_concurrency=most, batching_enabled=False)
    lost = [await world.submit("/Tickets", zone=zone) for zone in ("z1", "z2")]
    await world.clock.advance(3.0)
    assert [(await world.get(one)).status for one in lost] == [Status.UNCERTAIN] * 2
    server.gate.clear()
    reads = [await world.submit(f"/Tickets/{n}", "GET") for n in range(6)]
    await world.clock.advance(3.0)
    assert server.out == most, "all slots are taken by reads when the lookups come due"
    for _ in range(len(reads) + len(lost)):
        server.gate.set()
        server.gate.clear()
        await world.clock.advance(0.01)
        if all([(await world.get(one)).status is Status.COMPLETED for one in lost]):
            break
    assert len([call for call in server.calls if call.method == "GET"]) < len(reads), "lookups went before"
    server.gate.set()
    await world.clock.advance(5.0)
    assert {(await world.get(one)).status for one in (*lost, *reads)} == {Status.COMPLETED}
    assert server.most == most


class SlowStore(MemoryStore):
    """Its claims take as long as the test says."""

    def __init__(self) -> None:
        super().__init__()
        self.gate = asyncio.Event()
        self.gate.set()

    @override
    async def claim(self, claim: Claim) -> Claimed:
        await self.gate.wait()
        return await super().claim(claim)


async def test_a_lookup_does_not_take_what_a_claim_is_about_to_use(make_world: MakeWorld) -> None:
    server, store = Counting(script=[LOST]), SlowStore()
    world = await make_world(server=server, store=store, max_concurrency=1)
    lost = await world.submit("/Tickets")
    await world.clock.advance(3.0)
    store.gate.clear()
    server.gate.clear()
    read = await world.submit("/Tickets/1", "GET")
    await world.clock.advance(3.0)
    begun = server.out
    store.gate.set()  # before anything is asserted: a shutdown waits for the claim
    assert begun == 0, "the claim is not through, and the lookup waits for its slot"
    await world.clock.settle()
    assert [call.id for call in server.calls] == [lost.id, read.id]
    server.gate.set()
    await world.clock.advance(3.0)
    assert {(await world.get(one)).status for one in (lost, read)} == {Status.COMPLETED}
    assert server.most == 1


async def test_who_waits_for_a_slot_gets_it_in_order_and_may_give_up() -> None:
    slots = Slots(2)
    slots.take()
    order: list[str] = []
    slots.changed = lambda: order.append("told")

    async def look_up(name: str) -> None:
        async with slots.next():
            order.append(name)
            await asyncio.sleep(0)

    async with slots.next():
        assert slots.free == 0
        tasks = {name: asyncio.create_task(look_up(name)) for name in "abc"}
        await asyncio.sleep(0)
        tasks["b"].cancel()
        await asyncio.sleep(0)
        slots.give()
        assert slots.free == 0, "it is kept for those who wait"
    await asyncio.wait(tasks.values())
    assert sorted(order) == ["a", "c", *["told"] * 4], "whoever claims is told of each that is free again"
    assert slots.free == 2


async def test_a_slot_that_comes_in_the_moment_of_giving_up_is_not_lost() -> None:
    slots = Slots(1)
    slots.take()

    async def look_up() -> None:
        async with slots.next():
            pass

    task = asyncio.create_task(look_up())
    await asyncio.sleep(0)
    slots.give()
    task.cancel()
    await asyncio.wait({task})
    assert slots.free == 1

"""Requests that wait for others: chains, circles and parents that never come, or come late."""

from __future__ import annotations

import pytest
from tests.core.engine.conftest import Server, World, failure
from tests.core.engine.test_unknown_outcomes import LOST

from autotask_queue.manager import QueueManager
from autotask_queue.model.errors import InvalidRequest
from autotask_queue.model.failure import FailureClass
from autotask_queue.model.presets import create_test_configuration
from autotask_queue.model.status import Reason, Status

IDS = [f"018f0000-0000-7000-8000-{n:012x}" for n in range(40)]
TICKET = ("/Tickets", "POST", "z1")
INVALID = failure(FailureClass.VALIDATION, status=500)


async def test_a_long_chain_goes_in_its_order_whichever_end_came_first(world: World) -> None:
    for place in reversed(range(30)):
        await world.submit(request_id=IDS[place], depends_on=IDS[place - 1 : place])
    await world.clock.advance(60)
    assert [c.id for c in world.server.calls] == IDS[:30]


@pytest.mark.parametrize("length", [2, 3, 20])
async def test_a_circle_is_refused_when_it_would_close(length: int) -> None:
    server = Server()
    async with QueueManager(create_test_configuration(), processors={"server": server}) as queue:
        for place in range(length - 1):
            await queue.submit(*TICKET, request_id=IDS[place], depends_on=[IDS[place + 1]])
        with pytest.raises(InvalidRequest, match="wait for itself"):
            await queue.submit(*TICKET, request_id=IDS[length - 1], depends_on=[IDS[0]])
        assert await queue.count() == length - 1
        await queue.submit(*TICKET, request_id=IDS[length - 1])
        assert (await queue.result(IDS[0], timeout=10)).ok
    assert sorted(c.id for c in server.calls) == IDS[:length]


async def test_two_ways_to_one_parent_are_no_circle(world: World) -> None:
    top, left, right, bottom = IDS[:4]
    await world.submit(request_id=bottom, depends_on=[left, right])
    await world.submit(request_id=left, depends_on=[top])
    await world.submit(request_id=right, depends_on=[top])
    await world.submit(request_id=top)
    await world.clock.advance(60)
    assert (world.server.calls[0].id, world.server.calls[-1].id) == (top, bottom)
    assert len(world.server.calls) == 4


async def test_a_parent_that_fails_holds_its_children_and_a_retry_frees_them_all(world: World) -> None:
    world.server.script = [INVALID]
    parent = await world.submit(request_id=IDS[0])
    child = await world.submit(depends_on=[IDS[0]])
    grandchild = await world.submit(depends_on=[child.id])
    await world.clock.settle()
    assert (await world.get(child)).reason is Reason.PARENT_FAILED
    assert (await world.get(grandchild)).reason is Reason.AFTER
    result = await world.engine.commands.retry(child.id, why="", actor="anna")
    assert result.changed == 0, "without its parent it must not go"
    await world.engine.commands.retry(parent.id, why="", actor="anna")
    await world.clock.advance(5)
    for one in (parent, child, grandchild):
        assert (await world.get(one)).status is Status.COMPLETED


async def test_children_of_a_write_in_doubt_wait_for_its_end(world: World) -> None:
    world.server.script = [LOST]
    parent = await world.submit("/Tickets", "PATCH")
    child = await world.submit("/Notes", "POST", depends_on=[parent.id])
    await world.clock.advance(600)
    assert (await world.get(child)).status is Status.PENDING
    await world.engine.commands.mark_sent(parent.id, why="I saw it", actor="anna", record_id=7)
    await world.clock.advance(5)
    assert (await world.get(child)).status is Status.COMPLETED


async def test_a_child_whose_time_comes_before_its_parent_is_done_waits_for_both(world: World) -> None:
    now = world.clock.now()
    parent = await world.submit(scheduled_at=now + 100)
    child = await world.submit(depends_on=[parent.id], scheduled_at=now + 50)
    late = await world.submit(depends_on=[parent.id], expires_at=now + 60)
    await world.clock.advance(70)
    assert (await world.get(child)).status is Status.PENDING
    assert (await world.get(late)).status is Status.EXPIRED
    await world.clock.advance(40)
    assert (await world.get(child)).status is Status.COMPLETED
    assert (await world.get(late)).status is Status.EXPIRED

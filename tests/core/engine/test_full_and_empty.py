"""A queue that is full says so and drops nothing; one that is empty says so once."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from tests.core.engine.conftest import MakeWorld, World, failure

from autotask_queue import EchoProcessor, QueueFull, QueueFullEvent, QuickSetup, Receipt
from autotask_queue.engine import room
from autotask_queue.engine.health import health
from autotask_queue.engine.intake import build_request
from autotask_queue.model.failure import FailureClass
from autotask_queue.model.filters import RequestFilter, Selection
from autotask_queue.model.status import Status
from autotask_queue.policy.schedule import BACKGROUND
from autotask_queue.policy.wording import AGAIN


def empties(world: World) -> int:
    return world.names().count("queue.empty")


async def test_at_max_size_a_persons_writes_are_still_taken(make_world: MakeWorld) -> None:
    world = await make_world(max_size=3)
    await world.engine.gates.pause(None, why="", actor="t")
    for _ in range(3):
        await world.submit()
    read = build_request(world.engine.ctx, "/Tickets/1", "GET", "z1")
    for request in (
        read,
        msgspec.structs.replace(read, priority=10),
        build_request(world.engine.ctx, "/Tickets", "POST", "z1", priority=BACKGROUND),
    ):
        with pytest.raises(QueueFull, match="3 requests wait already; the limit is 3"):
            await world.engine.room.check(request)
    mine = build_request(world.engine.ctx, "/Tickets", "POST", "z1", priority=BACKGROUND + 1)
    for _ in range(27):
        await world.engine.room.check(mine)
        await world.submit()
    with pytest.raises(QueueFull, match="30 requests wait already; the limit is 30"):
        await world.engine.room.check(mine)
    said = [e for e in world.events if isinstance(e, QueueFullEvent)]
    assert [(e.size, e.size_bytes) for e in said] == [(3, None)] * 3 + [(30, None)]
    assert world.engine.ctx.store.counters().count(Status.PENDING) == 30, "nothing was dropped"


async def test_what_takes_too_much_room_is_refused_loudly(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The limit is about what waits: however much is kept of what is finished, people can go on."""
    monkeypatch.setattr(room, "MOST_BYTES", 4 << 20)
    large = {"data": "x" * 400_000}
    async with QuickSetup.sqlite(tmp_path / "queue.db", processors={"echo": EchoProcessor()}) as queue:
        said: list[QueueFullEvent] = []
        queue.on("queue.full", said.append)
        for _ in range(20):
            await queue.enqueue("/Attachments", "POST", "z1", data=large)
        assert await queue.size_bytes() > 8 << 20
        await queue.pause()
        receipts: list[Receipt] = []

        async def fill() -> None:
            while len(receipts) < 40:
                receipts.append(await queue.submit("/Attachments", "POST", "z1", data=large))

        with pytest.raises(
            QueueFull, match="requests that wait take 4 MB already; the limit is 4 MB"
        ) as caught:
            await fill()
        assert 10 <= len(receipts) <= 13
        assert "attachments" in caught.value.remedy
        assert said[0].size == len(receipts)
        assert (said[0].size_bytes or 0) >= 4 << 20
        with pytest.raises(QueueFull):
            await queue.submit("/Tickets", "POST", "z1", data={"title": "small"}, priority=10)
        again = await queue.submit("/Attachments", "POST", "z1", data=large, request_id=receipts[0].id)
        assert again.duplicate, "what is stored already is no more"
        for receipt in receipts[:8]:
            await queue.cancel_request(receipt.id)
        await queue.submit("/Attachments", "POST", "z1", data=large)
        await queue.resume()
        assert (await queue.result(receipts[-1].id, timeout=20)).ok


async def test_empty_is_said_once_for_each_time_that_the_work_is_done(world: World) -> None:
    await world.engine.gates.pause(None, why="", actor="t")
    for _ in range(3):
        await world.submit()
    await world.engine.gates.resume(why="", actor="t")
    await world.clock.settle()
    assert empties(world) == 1
    failed = await world.submit(zone="nowhere")
    assert (await world.get(failed)).status is Status.HELD
    assert empties(world) == 1
    await world.engine.commands.cancel(failed.id, why="", actor="t")
    assert empties(world) == 2


async def test_empty_is_said_when_a_command_on_many_ends_the_last(world: World) -> None:
    await world.engine.gates.pause(None, why="", actor="t")
    for _ in range(3):
        await world.submit()
    everything = Selection(filter=RequestFilter(), max_seq=world.store.max_seq())
    await world.engine.commands.cancel(everything, why="", actor="t")
    assert empties(world) == 1
    await world.engine.commands.restore(everything, why="", actor="t")
    assert empties(world) == 1
    await world.engine.gates.resume(why="", actor="t")
    await world.clock.settle()
    assert empties(world) == 2, "what was brought back is finished, too"


async def test_what_is_given_up_does_not_promise_another_try(make_world: MakeWorld) -> None:
    world = await make_world(default_retries=1)
    busy = failure(FailureClass.SERVER_TRANSIENT, status=503)
    world.server.always = msgspec.structs.replace(busy, remedy=f"{AGAIN} Or ask Bob.")
    request = await world.submit()
    await world.clock.settle()
    retrying = await world.get(request)
    assert retrying.failure is not None
    assert retrying.failure.remedy == f"{AGAIN} Or ask Bob."
    await world.clock.advance(60)
    failed = await world.get(request)
    assert failed.status is Status.FAILED
    assert failed.failure is not None
    assert AGAIN not in failed.failure.remedy
    assert "tries are used up" in failed.failure.remedy
    assert failed.failure.remedy.endswith("Or ask Bob.")
    attention = next(c for c in health(world.engine).components if c.name == "attention")
    assert attention.reason == "1 request needs a person."

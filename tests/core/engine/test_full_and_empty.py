"""A queue that is full says so and drops nothing; one that is empty says so once."""

from __future__ import annotations

import msgspec
from tests.core.engine.conftest import MakeWorld, World, failure

from autotask_queue.engine.health import health
from autotask_queue.model.failure import FailureClass
from autotask_queue.model.filters import RequestFilter, Selection
from autotask_queue.model.status import Status
from autotask_queue.policy.wording import AGAIN


def empties(world: World) -> int:
    return world.names().count("queue.empty")


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

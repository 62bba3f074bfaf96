"""What the queue notices of its own load."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from tests.core.clock import FakeClock
from tests.core.engine.conftest import MakeWorld, World, failure
from tests.core.store.making import read, request

from autotask_queue.engine.load import HOUR, LATELY, MINUTE, LoadMeter
from autotask_queue.model.failure import FailureClass
from autotask_queue.model.strategy import Load
from autotask_queue.policy.schedule import INTERACTIVE


@pytest.fixture
async def clock(world: World) -> FakeClock:
    return world.clock


@pytest.fixture
def meter(world: World) -> LoadMeter:
    return LoadMeter(world.engine.ctx, calls=lambda _: 0)


@pytest.fixture
def urgent(clock: FakeClock) -> Callable[..., Any]:
    """An urgent read of an age in seconds."""

    def make(age: float, **values: Any) -> Any:
        return read(**{"priority": INTERACTIVE, "created_at": clock.now() - age, **values})

    return make


def waits(load: Load) -> tuple[float, float]:
    return load.shortest_wait, load.longest_wait


async def test_waits_are_those_of_urgent_reads_at_their_first_try(
    meter: LoadMeter, clock: FakeClock, urgent: Callable[..., Any]
) -> None:
    await clock.advance(100.0)
    later = clock.now() - 1.0
    meter.started(
        [
            urgent(3.0),
            urgent(9.0),
            urgent(50.0, scheduled_at=later),
            urgent(60.0, priority=INTERACTIVE - 1),
            urgent(60.0, attempts=1),
            urgent(60.0, depends_on=("a",)),
            request(priority=10, created_at=clock.now() - 60.0),
        ]
    )
    assert waits(meter.load()) == (1.0, 9.0)


async def test_a_wait_begins_when_its_zone_opens_and_the_rest_is_an_outage(
    meter: LoadMeter, clock: FakeClock, urgent: Callable[..., Any]
) -> None:
    await clock.advance(10.0)
    meter.started([urgent(30.0)])
    assert (waits(meter.load()), meter.load().outage) == ((10.0, 10.0), 20.0), (
        "the program did not run before"
    )
    meter.look({"zone1"}, full=False)
    await clock.advance(100.0)
    meter.look((), full=False)
    await clock.advance(2.0)
    meter.started([urgent(50.0), urgent(90.0, zone="zone2")])
    assert meter.load().outage == 48.0
    assert waits(meter.load()) == (2.0, 90.0)


async def test_what_was_started_is_forgotten_but_not_while_nothing_can_be_started(
    meter: LoadMeter, clock: FakeClock, urgent: Callable[..., Any]
) -> None:
    await clock.advance(100.0)
    meter.started([urgent(7.0)])
    await clock.advance(600.0)
    meter.look((), full=True)
    assert waits(meter.load()) == (7.0, 7.0)
    meter.started([urgent(1.0)])
    await clock.advance(LATELY)
    meter.look((), full=False)
    assert waits(meter.load()) == (1.0, 1.0)
    await clock.advance(0.1)
    meter.look((), full=False)
    assert meter.load() == Load()


async def test_refusals_count_for_a_minute(meter: LoadMeter, clock: FakeClock) -> None:
    for kind, status in (
        (FailureClass.THROTTLE, 429), (FailureClass.THREAD_LIMIT, 429), (FailureClass.SERVER_TRANSIENT, 503),
        (FailureClass.SERVER_TRANSIENT, 502), (FailureClass.VALIDATION, 500),
    ):  # fmt: skip
        meter.failed("z", failure(kind, status=status))
    assert meter.load().refusals == 3
    assert meter.load().calls_used == 0.0
    await clock.advance(MINUTE)
    assert meter.load().refusals == 0


async def test_the_calls_before_a_refusal_are_taken_for_the_hour_s_limit(
    world: World, clock: FakeClock
) -> None:
    made = {"z": 8, "y": 0}
    meter = LoadMeter(world.engine.ctx, calls=made.__getitem__)
    used_up = failure(FailureClass.QUOTA_SUSPENDED, status=429)
    meter.failed("z", used_up)
    assert meter.load().calls_used == 1.0
    made["z"] = 2
    assert meter.load().calls_used == 0.25
    meter.failed("y", used_up)
    assert meter.load().calls_used == 1.0, "others have used them up"
    await clock.advance(HOUR)
    assert meter.load().calls_used == 0.0


@pytest.mark.parametrize("how", ["pause", "hold", "offline"])
async def test_whatever_stops_a_zone_is_an_outage_of_it(make_world: MakeWorld, how: str) -> None:
    world = await make_world(max_concurrency=1, strategies={"priority_strategy": "adaptive"})
    engine = world.engine
    await world.clock.advance(600.0)
    stop = {
        "pause": lambda: engine.gates.pause(None, why="", actor=""),
        "hold": lambda: engine.control.force_open("z1", "swap"),
        "offline": lambda: engine.connectivity.work_offline(actor="anna"),
    }
    go = {
        "pause": lambda: engine.gates.resume(why="", actor=""),
        "hold": lambda: engine.control.release("z1", "done"),
        "offline": lambda: engine.connectivity.work_online(actor="anna"),
    }
    await stop[how]()
    for number in range(20):
        await world.submit(f"/Tickets/{number}", "GET")
    await world.clock.advance(300.0)
    await go[how]()
    await world.clock.advance(3.0)
    assert engine.meter.load().outage == pytest.approx(300.0, abs=3.0)

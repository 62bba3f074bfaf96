"""The strategy in a running engine: switched, kept, followed, and what the adaptive one makes of the load."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace
from tests.core.engine.conftest import MakeWorld, World, failure
from tests.core.engine.test_follower import SharedMemory

from autotask_queue.model.errors import ConfigError
from autotask_queue.model.events import StrategyChanged
from autotask_queue.model.failure import FailureClass
from autotask_queue.model.request import Request
from autotask_queue.model.strategy import Strain, StrategyState
from autotask_queue.ports import News

USED_UP = failure(FailureClass.QUOTA_SUSPENDED, status=429)
THROTTLED = failure(FailureClass.THROTTLE, status=429)
BUSY = failure(FailureClass.SERVER_TRANSIENT, status=503)


def state(world: World) -> StrategyState:
    return world.engine.ordering.state


def told(world: World) -> list[StrategyState]:
    return [event.state for event in world.events if isinstance(event, StrategyChanged)]


def sent(world: World) -> list[int]:
    return [request.priority for request in world.server.calls]


async def switch(world: World, strategy: Any, why: str = "", actor: str = "anna") -> StrategyState:
    return await world.engine.ordering.set(strategy, why=why, actor=actor)


async def waiting(world: World, *priorities: int, method: str = "GET", age: float = 0.0) -> list[Request]:
    """Requests that wait behind a pause, one second apart; the last is `age` seconds old afterwards."""
    await world.engine.gates.pause(None, why="", actor="")
    stored: list[Request] = []
    for priority in priorities:
        stored.append(await world.submit(f"/Tickets/{len(stored)}", method, priority=priority))
        await world.clock.advance(1.0)
    await world.clock.advance(age)
    return stored


async def go(world: World, seconds: float = 0.0) -> None:
    await world.engine.gates.resume(why="", actor="")
    await world.clock.advance(seconds)


# ---------------------------------------------------------------------------------------------
# Switching


async def test_a_switch_takes_effect_with_the_next_claim(make_world: MakeWorld) -> None:
    world = await make_world(max_concurrency=1)
    await waiting(world, 1, 5, 10)
    world.server.gate.clear()
    await go(world)
    assert sent(world) == [10], "by priority, as configured"
    assert await switch(world, "fifo", why="an import") == StrategyState(
        strategy="fifo", configured="priority", since=world.clock.now(), actor="anna", reason="an import"
    )
    world.server.gate.set()
    await world.clock.settle()
    assert sent(world) == [10, 1, 5]
    assert told(world) == [state(world)]
    (entry,) = await world.store.audit(kinds=("strategy.changed",))
    assert (entry.actor, entry.why, entry.target, entry.detail) == (
        "anna", "an import", "fifo", {"before": "priority"},
    )  # fmt: skip


async def test_a_switch_is_kept_over_a_restart_until_it_is_taken_back(make_world: MakeWorld) -> None:
    world = await make_world(strategies={"priority_strategy": "weighted"})
    chosen = await switch(world, "lifo")
    await world.engine.stop(0.1)
    again = await make_world(store=world.store, strategies={"priority_strategy": "fifo"})
    assert state(again) == replace(chosen, configured="fifo")
    assert await switch(again, None) == StrategyState(strategy="fifo", configured="fifo")
    await again.engine.stop(0.1)
    last = await make_world(store=world.store)
    assert state(last).strategy == "priority"
    assert told(again) == [StrategyState(strategy="fifo", configured="fifo")]


async def test_a_switch_by_another_process_is_followed_before_the_next_claim(make_world: MakeWorld) -> None:
    store = SharedMemory()
    world = await make_world(store=store, max_concurrency=1)
    await waiting(world, 1, 5, 10)
    other = {"strategy": "fifo", "since": 7.0, "actor": "bert", "reason": "an import"}
    await store.put_document("control", "strategy", other, at=0)
    store.tell(News.CONTROL)
    await go(world)
    assert sent(world) == [1, 5, 10]
    assert state(world).actor == "bert"
    assert told(world) == [state(world)]
    store.tell(News.CONTROL)
    await world.clock.settle()
    assert len(told(world)) == 1, "the same again is no news"


@pytest.mark.expected_logs("is not known here")
async def test_a_strategy_of_a_newer_version_is_not_guessed_at(make_world: MakeWorld) -> None:
    world = await make_world()
    await world.store.put_document("control", "strategy", {"strategy": "fair", "since": 0.0}, at=0)
    await world.engine.stop(0.1)
    again = await make_world(store=world.store)
    assert state(again).strategy == "priority"


async def test_what_cannot_be_switched_to_is_refused(make_world: MakeWorld) -> None:
    world = await make_world()
    with pytest.raises(ConfigError, match="no strategy 'fair'") as refused:
        await switch(world, "fair")
    assert "weighted" in refused.value.remedy
    assert await world.store.get_document("control", "strategy") is None
    plain = await make_world(priority_enabled=False)
    assert state(plain) == StrategyState(strategy="fifo", configured="priority")
    with pytest.raises(ConfigError, match="priority_enabled is false"):
        await switch(plain, "weighted")
    assert state(plain).strategy == "fifo"


# ---------------------------------------------------------------------------------------------
# Slots


@pytest.mark.parametrize(("strategy", "together"), [("priority", 3), ("weighted", 3), ("fifo", 4)])
async def test_background_never_takes_the_last_slot(
    make_world: MakeWorld, strategy: str, together: int
) -> None:
    world = await make_world(max_concurrency=4, strategies={"priority_strategy": strategy})
    world.server.gate.clear()
    await waiting(world, *[1] * 8)
    await go(world)
    assert len(world.server.calls) == together
    urgent = await world.submit("/Companies", "GET", priority=10)
    await world.clock.settle()
    assert (urgent.id in {call.id for call in world.server.calls}) is (together == 3)
    world.server.gate.set()
    await world.clock.settle()
    assert len(world.server.calls) == 9


# ---------------------------------------------------------------------------------------------
# Adaptive

ADAPTIVE = {"strategies": {"priority_strategy": "adaptive", "circuit_breaker": {"enabled": False}}}


async def test_a_calm_queue_goes_by_priority_and_needs_no_timer(make_world: MakeWorld) -> None:
    world = await make_world(max_concurrency=1, **ADAPTIVE)
    await waiting(world, 1, 5, 10)
    await go(world, 10.0)
    assert sent(world) == [10, 5, 1]
    assert state(world).strains == ()
    assert told(world) == []
    assert world.engine.ordering.next_time() is None


async def test_urgent_look_ups_that_stand_in_a_queue_go_the_newest_first_and_background_waits(
    make_world: MakeWorld,
) -> None:
    """One slot, two seconds a call, and a new look-up each second: a queue that stands."""
    world = await make_world(max_concurrency=1, **ADAPTIVE)
    old = await world.submit("/Companies", "GET", priority=1)
    world.server.gate.clear()
    await world.clock.settle()
    assert [call.id for call in world.server.calls] == [old.id]
    reads = []
    for second in range(40):
        reads.append(await world.submit(f"/Tickets/{second}", "GET", priority=9))
        if second % 2:
            await one_call(world)
        await world.clock.advance(1.0)
    assert state(world).strains == (Strain.CROWDED,)
    background = await world.submit("/Companies", "GET", priority=2)
    newest = await world.submit("/Tickets/new", "GET", priority=9)
    before = len(world.server.calls)
    for _ in range(2):
        await one_call(world)
        await world.clock.advance(1.0)
    assert newest.id in {call.id for call in world.server.calls[before:]}
    while len(world.server.calls) < len(reads) + 2:
        await one_call(world)
        await world.clock.advance(1.0)
    world.server.gate.set()
    await world.clock.advance(3.0)
    assert background.id not in {call.id for call in world.server.calls}, "it waits while it is crowded"
    await world.clock.advance(30.0)
    assert world.server.calls[-1].id == background.id
    assert state(world).strains == ()
    assert world.engine.ordering.next_time() is None


async def one_call(world: World) -> None:
    """Lets what is being sent come to its end, and the next begin."""
    world.server.gate.set()
    world.server.gate.clear()
    await world.clock.settle()


async def test_after_an_outage_every_class_gets_its_share(make_world: MakeWorld) -> None:
    world = await make_world(max_concurrency=1, **ADAPTIVE)
    await waiting(world, *[9] * 12, *[3] * 3, age=600.0)
    await go(world)
    assert Strain.DRAINING in told(world)[0].strains
    assert sent(world)[1:10].count(3) >= 1, "one of the low class among the first nine that the strain orders"
    assert sorted(sent(world)) == [3] * 3 + [9] * 12
    await world.clock.advance(59.0)
    assert state(world).strains == (Strain.DRAINING,)
    await world.clock.advance(20.0)
    assert state(world).strains == ()


async def test_a_short_pause_is_no_outage(make_world: MakeWorld) -> None:
    world = await make_world(max_concurrency=1, **ADAPTIVE)
    await waiting(world, *[9] * 12, *[3] * 3)
    await go(world)
    assert sent(world) == [9] * 12 + [3] * 3
    assert told(world) == []


async def test_what_gathered_while_the_program_did_not_run_is_drained_too(make_world: MakeWorld) -> None:
    world = await make_world(max_concurrency=1, **ADAPTIVE)
    await waiting(world, *[9] * 12, *[3] * 3)
    await world.store.delete_document("control", "paused")
    await world.engine.stop(0.1)
    await world.clock.advance(600.0)
    again = await make_world(store=world.store, max_concurrency=1, **ADAPTIVE)
    await again.clock.advance(1.0)
    assert told(again)[0].strains == (Strain.DRAINING,)
    assert 3 in sent(again)[:10]
    assert len(sent(again)) == 15


async def test_when_the_hour_is_used_up_background_waits_until_there_is_room_again(
    make_world: MakeWorld,
) -> None:
    world = await make_world(max_concurrency=1, **ADAPTIVE)
    for number in range(8):
        await world.submit(f"/Tickets/{number}", "GET")
    await world.clock.advance(1.0)
    world.server.script = [USED_UP]
    refused = await world.submit("/Tickets/9", "GET", priority=9)
    await world.clock.settle()
    background = await world.submit("/Companies", "GET", priority=1)
    await world.clock.advance(120.0)
    assert state(world).strains == (Strain.SCARCE,)
    sent_then = {call.id for call in world.server.calls}
    assert (refused.id in sent_then, background.id in sent_then) == (True, False)
    await world.clock.advance(1_000.0)
    assert background.id not in {call.id for call in world.server.calls}
    await world.clock.advance(800.0)
    assert background.id in {call.id for call in world.server.calls}, "half an hour is the most it waits"
    await world.clock.advance(2_300.0)
    assert state(world).strains == (), "the calls of the hour before have passed out of the hour"


@pytest.mark.parametrize("refusal", [THROTTLED, BUSY])
async def test_refusals_in_a_row_make_calls_scarce_for_a_while(make_world: MakeWorld, refusal: Any) -> None:
    world = await make_world(max_concurrency=1, default_retries=20, **ADAPTIVE)
    world.server.script = [refusal] * 3
    await world.submit("/Tickets/1", "GET")
    await world.clock.advance(30.0)
    assert state(world).strains == (Strain.SCARCE,)
    await world.clock.advance(300.0)
    assert state(world).strains == (Strain.SCARCE,)
    await world.clock.advance(100.0)
    assert state(world).strains == ()


async def test_a_switch_away_forgets_the_strains(make_world: MakeWorld) -> None:
    world = await make_world(max_concurrency=1, default_retries=20, **ADAPTIVE)
    world.server.script = [THROTTLED] * 3
    await world.submit("/Tickets/1", "GET")
    await world.clock.advance(30.0)
    assert (await switch(world, "priority")).strains == ()
    assert world.engine.ordering.next_time() is None

"""What stops sending, what starts it again, and that no row is touched by it."""

from __future__ import annotations

import msgspec
import pytest
from tests.core.engine.conftest import MakeWorld, Server, World, failure

from autotask_queue.engine.health import health
from autotask_queue.model.breaker import BreakerState
from autotask_queue.model.errors import ReasonRequired
from autotask_queue.model.failure import Applied, FailureClass
from autotask_queue.model.gates import GateKind, gate_for
from autotask_queue.model.metrics import Connectivity, HealthLevel
from autotask_queue.model.status import Status

OFFLINE = failure(FailureClass.LOCAL_OFFLINE)
BUSY = failure(FailureClass.SERVER_TRANSIENT, status=503)
DENIED = failure(FailureClass.AUTH, status=401)
THREADS = failure(FailureClass.THREAD_LIMIT, status=429)


async def test_a_hold_stops_a_zone_until_it_ends_and_then_tests_it_first(world: World) -> None:
    board = world.engine.control
    await board.force_open("z1", "firewall swap", expires_in=900, actor="anna")
    request = await world.submit()
    elsewhere = await world.submit(zone="z2")
    await world.clock.advance(800)
    assert (await world.get(request)).status is Status.PENDING
    assert (await world.get(elsewhere)).status is Status.COMPLETED, "another zone must not notice"
    gate = gate_for(world.engine.gates.for_people(), "z1", "Tickets")
    assert gate is not None
    assert (gate.kind, gate.reason, gate.actor) == (GateKind.MAINTENANCE, "firewall swap", "anna")
    probes = world.server.probes
    await world.clock.advance(120)
    assert world.server.probes > probes, "a harmless test comes before the first request"
    assert (await world.get(request)).status is Status.COMPLETED
    assert board.get_metrics("z1").state is BreakerState.CLOSED
    kinds = [e.kind for e in await world.store.audit(limit=50)]
    assert "circuit.forced_open" in kinds
    assert "circuit.override_ended" in kinds


async def test_a_hold_needs_a_reason(world: World) -> None:
    with pytest.raises(ReasonRequired):
        await world.engine.control.force_open("z1", "  ")


async def test_a_hold_on_one_endpoint_leaves_the_others_alone(world: World) -> None:
    await world.engine.control.force_open("z1", "import running", entity="Tickets", expires_in=60)
    held = await world.submit("/Tickets")
    free = await world.submit("/TimeEntries")
    await world.clock.advance(30)
    assert (await world.get(held)).status is Status.PENDING
    assert (await world.get(free)).status is Status.COMPLETED
    await world.clock.advance(31)
    assert (await world.get(held)).status is Status.COMPLETED


async def test_a_hold_on_everything_stops_everything(world: World) -> None:
    await world.engine.control.force_open("*", "month end")
    requests = [await world.submit(zone=z) for z in ("z1", "z2")]
    await world.clock.advance(1_000)
    assert {(await world.get(r)).status for r in requests} == {Status.PENDING}
    probes = world.server.probes
    await world.engine.control.release("*", "done", actor="anna")
    states = {world.engine.board.get_metrics(z).state for z in ("z1", "z2")}
    assert states == {BreakerState.HALF_OPEN}, "each zone is tested before it is used again"
    await world.clock.advance(60)
    assert {(await world.get(r)).status for r in requests} == {Status.COMPLETED}
    assert world.server.probes >= probes + 2


async def test_a_hold_can_be_extended_ended_and_survives_a_restart(make_world: MakeWorld) -> None:
    world = await make_world()
    board = world.engine.control
    await board.force_open("z1", "firewall swap", expires_in=60, actor="anna")
    await board.extend("z1", 900)
    request = await world.submit()
    await world.engine.stop(0.1)
    again = await make_world(store=world.store)
    await again.clock.advance(300)
    assert (await again.get(request)).status is Status.PENDING
    override = again.engine.board.get_metrics("z1").override
    assert override is not None
    assert (override.reason, override.actor) == ("firewall swap", "anna")
    await again.engine.control.release("z1", "swapped", actor="anna")
    await again.clock.advance(20)
    assert (await again.get(request)).status is Status.COMPLETED


async def test_a_hold_ends_by_the_wall_clock_although_the_laptop_slept(world: World) -> None:
    await world.engine.control.force_open("z1", "swap", expires_in=3_600)
    request = await world.submit()
    await world.clock.settle()
    world.clock.jump(3_700)
    world.engine.wake()
    await world.clock.advance(5)
    assert (await world.get(request)).status is Status.COMPLETED


async def test_a_planned_hold_begins_at_its_time(world: World) -> None:
    start = world.clock.now() + 100
    await world.engine.control.force_open("z1", "tonight", starts_at=start, expires_in=100)
    early = await world.submit()
    await world.clock.advance(99)
    assert (await world.get(early)).status is Status.COMPLETED
    await world.clock.advance(2)
    late = await world.submit()
    await world.clock.advance(50)
    assert (await world.get(late)).status is Status.PENDING
    await world.clock.advance(60)
    assert (await world.get(late)).status is Status.COMPLETED


async def test_failures_in_a_row_open_the_breaker_and_a_healthy_zone_closes_it(make_world: MakeWorld) -> None:
    world = await make_world(max_concurrency=1, default_retries=50)
    await world.clock.advance(10)
    world.server.always = BUSY
    requests = [await world.submit(f"/Tickets/{i}", "GET") for i in range(8)]
    world.server.probe_failure = BUSY
    await world.clock.advance(20)
    assert world.engine.board.get_metrics("z1").state is not BreakerState.CLOSED
    calls = len(world.server.calls)
    await world.clock.advance(120)
    assert len(world.server.calls) == calls, "while it is open only probes go out"
    assert world.server.probes >= 3
    world.server.always = None
    world.server.probe_failure = None
    await world.clock.advance(120)
    assert {(await world.get(r)).status for r in requests} == {Status.COMPLETED}
    assert world.engine.board.get_metrics("z1").state is BreakerState.CLOSED
    assert {"circuit.opened", "circuit.half_open", "circuit.closed"} <= set(world.names())


async def test_a_zone_whose_calls_all_hang_is_stopped_and_another_is_not(make_world: MakeWorld) -> None:
    world = await make_world(zones={"z1": {"max_concurrency": 2}})
    world.server.probe_failure = BUSY
    world.server.gate.clear()
    for i in range(3):
        await world.submit(f"/Tickets/{i}", "GET")
    await world.clock.advance(9)
    assert world.engine.board.get_metrics("z1").state is BreakerState.CLOSED
    await world.clock.advance(2)
    metrics = world.engine.board.get_metrics("z1")
    assert metrics.state is BreakerState.OPEN
    assert metrics.reason == "all 2 calls that may run get no answer"
    assert world.engine.board.get_metrics("z2").state is BreakerState.CLOSED
    world.server.probe_failure = None
    world.server.gate.set()
    await world.clock.advance(60)
    assert len(world.server.records) == 3, "what hung is taken when it comes, and the third went out"
    assert world.engine.board.get_metrics("z1").state is BreakerState.CLOSED


async def test_one_endpoint_that_is_not_full_keeps_the_zone_open(make_world: MakeWorld) -> None:
    world = await make_world(zones={"z1": {"max_concurrency": 2}})
    world.server.gate.clear()
    for path in ("/Tickets/1", "/Tickets/2", "/Companies/1"):
        await world.submit(path, "GET")
    await world.clock.advance(60)
    assert world.engine.board.get_metrics("z1").state is BreakerState.CLOSED
    world.server.gate.set()
    await world.clock.settle()


async def test_what_is_usual_for_a_zone_is_stored_without_another_reason(make_world: MakeWorld) -> None:
    world = await make_world()
    breaker = world.engine.board.zone("z1")
    await world.submit("/Tickets/1", "GET")
    await world.clock.advance(70)
    breaker.ratio.usual = 0.2
    await world.submit("/Tickets/1", "GET")
    await world.clock.advance(70)
    (stored,) = [r for r in await world.store.load_breakers() if r.zone == "z1"]
    assert stored.usual_failures == 0.2


async def test_an_open_breaker_is_remembered_over_a_restart(make_world: MakeWorld) -> None:
    world = await make_world(max_concurrency=1, default_retries=50)
    await world.clock.advance(10)
    world.server.always = world.server.probe_failure = BUSY
    await world.submit("/Tickets/1", "GET")
    await world.clock.advance(60)
    await world.engine.stop(0.1)
    server = Server(always=BUSY, probe_failure=BUSY)
    again = await make_world(store=world.store, server=server)
    await again.clock.advance(2)
    assert server.calls == []


async def test_offline_uses_up_no_try_and_everything_goes_out_afterwards(world: World) -> None:
    world.server.always = OFFLINE
    world.server.probe_failure = OFFLINE
    requests = [await world.submit() for _ in range(5)]
    await world.clock.advance(3_600)
    states = [await world.get(r) for r in requests]
    assert {(s.status, s.attempts) for s in states} == {(Status.PENDING, 0)}
    assert world.engine.connectivity.state.state is Connectivity.OFFLINE
    calls = len(world.server.calls)
    await world.clock.advance(3_600)
    assert len(world.server.calls) == calls
    assert world.server.probes < 180, "probing slows down"
    world.server.always = world.server.probe_failure = None
    await world.clock.advance(70)
    assert {(await world.get(r)).status for r in requests} == {Status.COMPLETED}


async def test_a_dead_host_beside_a_living_one_is_not_taken_for_being_offline(world: World) -> None:
    world.server.script = [OFFLINE]
    request = await world.submit()
    await world.clock.advance(6)
    assert world.engine.connectivity.state.state is Connectivity.ONLINE
    done = await world.get(request)
    assert done.status is Status.COMPLETED
    assert len(world.server.calls) == 2


async def test_working_offline_by_hand_survives_a_restart(make_world: MakeWorld) -> None:
    world = await make_world()
    await world.engine.connectivity.work_offline(actor="anna")
    request = await world.submit()
    await world.clock.advance(600)
    await world.engine.stop(0.1)
    again = await make_world(store=world.store)
    await again.clock.advance(600)
    assert (await again.get(request)).status is Status.PENDING
    assert again.server.probes == 0, "by hand means: nothing leaves"
    assert await again.engine.connectivity.work_online(actor="anna")
    await again.clock.advance(1)
    assert (await again.get(request)).status is Status.COMPLETED


async def test_a_refused_sign_in_stops_the_zone_after_one_call(world: World) -> None:
    world.server.always = DENIED
    requests = [await world.submit() for _ in range(3)]
    await world.clock.settle()
    calls = len(world.server.calls)
    await world.clock.advance(3_600)
    assert len(world.server.calls) == calls <= 3
    assert {(await world.get(r)).status for r in requests} == {Status.PENDING}
    assert [g.kind for g in world.engine.gates.for_people()] == [GateKind.SIGN_IN]
    world.server.always = None
    world.engine.gates.sign_in_mended("z1")
    await world.clock.settle()
    assert {(await world.get(r)).status for r in requests} == {Status.COMPLETED}


async def test_too_many_calls_rests_the_zone_and_uses_up_no_try(world: World) -> None:
    world.server.script = [THREADS]
    request = await world.submit()
    await world.clock.settle()
    waiting = await world.get(request)
    assert (waiting.status, waiting.attempts) == (Status.PENDING, 0)
    await world.clock.advance(0.9)
    assert len(world.server.calls) == 1
    await world.clock.advance(3)
    assert (await world.get(request)).status is Status.COMPLETED


async def test_a_pause_ends_by_itself_and_survives_a_restart(make_world: MakeWorld) -> None:
    world = await make_world()
    await world.engine.gates.pause(900, why="meeting", actor="anna")
    request = await world.submit()
    await world.engine.stop(0.1)
    again = await make_world(store=world.store)
    await again.clock.advance(800)
    assert (await again.get(request)).status is Status.PENDING
    (gate,) = again.engine.gates.for_people()
    assert (gate.kind, gate.reason, gate.actor) == (GateKind.PAUSED, "meeting", "anna")
    sending = next(p for p in health(again.engine).components if p.name == "sending")
    assert sending.reason == "Sending is paused by anna: meeting."
    await again.clock.advance(101)
    assert health(again.engine).status is HealthLevel.HEALTHY
    assert (await again.get(request)).status is Status.COMPLETED


async def test_endpoint_limits_are_kept(make_world: MakeWorld) -> None:
    world = await make_world(zones={"z1": {"max_concurrency": 2}})
    world.server.gate.clear()
    for n in range(6):
        await world.submit(f"/Tickets/{n}", "GET")
    await world.submit("/Companies/1", "GET")
    await world.clock.settle()
    assert sorted(c.entity for c in world.server.calls) == ["Companies", "Tickets", "Tickets"]


async def test_a_write_cut_off_by_a_dying_network_waits_for_its_lookup(world: World) -> None:
    lost = failure(FailureClass.TIMEOUT_UNKNOWN, applied=Applied.YES)
    world.server.script = [lost]
    world.server.probe_failure = OFFLINE
    request = await world.submit()
    await world.clock.advance(300)
    assert (await world.get(request)).status is Status.UNCERTAIN
    world.server.probe_failure = None
    await world.clock.advance(90)
    done = await world.get(request)
    assert done.status is Status.COMPLETED
    assert len(world.server.calls) == 1


async def test_an_open_breaker_can_be_tested_by_hand(make_world: MakeWorld) -> None:
    world = await make_world(max_concurrency=1, default_retries=50)
    await world.clock.advance(10)
    world.server.always = world.server.probe_failure = BUSY
    request = await world.submit("/Tickets/1", "GET")
    await world.clock.advance(40)
    assert world.engine.board.get_metrics("z1").state is not BreakerState.CLOSED
    world.server.always = world.server.probe_failure = None
    metrics = await world.engine.control.test_now("z1", actor="anna")
    assert metrics.state in (BreakerState.HALF_OPEN, BreakerState.CLOSED)
    await world.engine.commands.skip_waits(actor="anna")
    world.engine.wake()
    await world.clock.settle()
    assert (await world.get(request)).status is Status.COMPLETED


async def test_resetting_closes_at_once(make_world: MakeWorld) -> None:
    world = await make_world()
    await world.engine.control.force_open("z1", "swap")
    await world.engine.control.reset("z1", actor="anna")
    request = await world.submit()
    await world.clock.settle()
    assert (await world.get(request)).status is Status.COMPLETED


async def test_forcing_a_zone_closed_sends_whatever_the_breaker_thinks(make_world: MakeWorld) -> None:
    world = await make_world(max_concurrency=1, default_retries=50)
    await world.clock.advance(10)
    world.server.always = world.server.probe_failure = BUSY
    await world.submit("/Tickets/1", "GET")
    await world.clock.advance(40)
    world.server.always = None
    await world.engine.control.force_close("z1", "it works, I looked", actor="anna")
    other = await world.submit()
    await world.clock.settle()
    assert (await world.get(other)).status is Status.COMPLETED
    assert world.engine.gates.for_people() == ()


async def test_a_hold_on_one_endpoint_of_every_zone_is_kept_everywhere(world: World) -> None:
    await world.engine.control.force_open("*", "ticket import", entity="Tickets", actor="anna")
    held = [await world.submit("/Tickets", zone=z) for z in ("z1", "z2")]
    free = await world.submit("/TimeEntries")
    await world.clock.advance(60)
    assert {(await world.get(r)).status for r in held} == {Status.PENDING}
    assert (await world.get(free)).status is Status.COMPLETED
    gate = gate_for(world.engine.gates.for_people(), "z2", "Tickets")
    assert gate is not None
    assert gate.reason == "ticket import"
    await world.engine.control.release("*", "done", entity="Tickets")
    await world.clock.advance(60)
    assert {(await world.get(r)).status for r in held} == {Status.COMPLETED}


async def test_a_longer_rest_is_not_cut_short_by_a_smaller_complaint(make_world: MakeWorld) -> None:
    world = await make_world(max_concurrency=2)
    quota = msgspec.structs.replace(failure(FailureClass.QUOTA_SUSPENDED, status=429), retry_after=600.0)
    world.server.gate.clear()
    world.server.script = [quota, THREADS]
    for number in range(3):
        await world.submit(f"/Tickets/{number}", "GET")
    await world.clock.settle()
    world.server.gate.set()
    await world.clock.advance(590)
    assert len(world.server.calls) == 2, "the hour's limit is not over because of a thread limit of 3 s"
    await world.clock.advance(20)
    assert len(world.server.calls) > 2


@pytest.mark.parametrize("seconds", [float("nan"), float("inf"), -5, 0, "600", True])
async def test_a_hold_or_pause_of_no_length_is_refused(world: World, seconds: object) -> None:
    """NaN would hold for ever, and keep the dispatcher looking at the clock a hundred times a second."""
    control, gates = world.engine.control, world.engine.gates
    for attempt in (
        control.force_open("z1", "why", expires_in=seconds),  # type: ignore[arg-type]
        control.force_open("z1", "why", starts_at=seconds),  # type: ignore[arg-type]
        control.force_close("z1", "why", expires_in=seconds),  # type: ignore[arg-type]
        control.extend("z1", seconds),  # type: ignore[arg-type]
        gates.pause(seconds, why="", actor="t"),  # type: ignore[arg-type]
    ):
        with pytest.raises(ValueError, match="seconds"):
            await attempt
    assert gates.for_people() == ()


async def test_without_anybody_to_ask_no_network_uses_up_no_tries(
    make_world: MakeWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A processor that cannot probe says that there is no network: its word counts."""
    monkeypatch.setattr(Server, "can_probe", lambda self, zone: False)
    world = await make_world(default_retries=2)
    world.server.always = OFFLINE
    request = await world.submit()
    await world.clock.advance(3_600)
    waiting = await world.get(request)
    assert (waiting.status, waiting.attempts) == (Status.RETRYING, 0)
    assert 100 < len(world.server.calls) < 300
    world.server.always = None
    await world.clock.advance(60)
    assert (await world.get(request)).status is Status.COMPLETED


async def test_an_expired_request_that_is_retried_is_sent(world: World) -> None:
    await world.engine.gates.pause(None, why="", actor="t")
    request = await world.submit(expires_at=world.clock.now() + 60)
    await world.clock.advance(61)
    assert (await world.get(request)).status is Status.EXPIRED, "also while paused"
    await world.engine.gates.resume(why="", actor="t")
    result = await world.engine.commands.retry(request.id, why="still wanted", actor="anna")
    await world.clock.settle()
    assert result.changed == 1
    done = await world.get(request)
    assert (done.status, done.expires_at) == (Status.COMPLETED, None)

"""Clocks that jump, laptops that sleep, and an engine that has nothing to do."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from tests.core.clock import FakeClock
from tests.core.engine.conftest import Server, failure
from typing_extensions import override

from autotask_queue.manager import QueueManager
from autotask_queue.model.failure import Applied, FailureClass
from autotask_queue.model.gates import GateKind
from autotask_queue.model.metrics import Connectivity
from autotask_queue.model.presets import create_test_configuration
from autotask_queue.model.request import AttemptKind
from autotask_queue.model.status import Status
from autotask_queue.ports import Change
from autotask_queue.store import MemoryStore

TICKET = ("/Tickets", "POST", "z1")
BUSY = failure(FailureClass.SERVER_TRANSIENT, status=503)
OFFLINE = failure(FailureClass.LOCAL_OFFLINE)
LOST = failure(FailureClass.TIMEOUT_UNKNOWN, applied=Applied.YES)
UNSURE = failure(FailureClass.TIMEOUT_UNKNOWN, applied=Applied.UNKNOWN)
HOUR = 3_600.0


class CountingClock(FakeClock):
    """Counts how often somebody sets an alarm, and stops a test that never stops."""

    def __init__(self) -> None:
        super().__init__()
        self.sleeps = 0

    @override
    async def sleep(self, seconds: float) -> None:
        self.sleeps += 1
        assert self.sleeps < 20_000, "something spins"
        await super().sleep(seconds)

    async def suspend(self, seconds: float) -> None:
        """The lid is closed: the wall clock goes on, the monotonic one does not."""
        self.jump(seconds)
        await self.settle()


class Bench:
    def __init__(self) -> None:
        self.clock = CountingClock()
        self.store = MemoryStore()
        self.server = Server()
        self.queue = self.manager()

    def manager(self) -> QueueManager:
        retry = {"base_delay": 10, "max_delay": 60, "jitter": False}
        return QueueManager(
            create_test_configuration(strategies={"retry": retry}, default_retries=100),
            processors={"server": self.server},
            clock=self.clock,
            store=self.store,
        )


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    made = Bench()
    await made.queue.initialize()
    await made.clock.settle()
    yield made
    await made.queue.shutdown(grace=0.1)


# -- nothing to do


async def nothing(bench: Bench) -> None:
    """An empty queue."""


async def one_done(bench: Bench) -> None:
    await bench.queue.submit(*TICKET)


async def work_offline(bench: Bench) -> None:
    await bench.queue.work_offline()
    await bench.queue.submit(*TICKET)
    await bench.queue.submit("/Tickets/1", "GET", "z1", expires_at=bench.clock.now() + 1)


async def paused(bench: Bench) -> None:
    await bench.queue.pause()
    await bench.queue.submit(*TICKET)


async def paused_for_a_day(bench: Bench) -> None:
    await bench.queue.pause(86_400)
    await bench.queue.submit(*TICKET)
    await bench.queue.submit(*TICKET, expires_at=bench.clock.now() + 1)


async def held(bench: Bench) -> None:
    await bench.queue.circuit_breaker.force_open("z1", "firewall")
    await bench.queue.submit(*TICKET)


async def one_endpoint_held_with_a_lost_write(bench: Bench) -> None:
    bench.server.script = [UNSURE]
    await bench.queue.submit(*TICKET)
    await bench.clock.settle()
    await bench.queue.circuit_breaker.force_open("z1", "import", entity="Tickets")


async def lost_write_and_work_offline(bench: Bench) -> None:
    bench.server.script = [UNSURE]
    await bench.queue.submit(*TICKET)
    await bench.clock.settle()
    await bench.queue.work_offline()


async def offline(bench: Bench) -> None:
    bench.server.probe_failure = OFFLINE
    bench.server.always = OFFLINE
    await bench.queue.submit(*TICKET)


async def breaker_open(bench: Bench) -> None:
    bench.server.probe_failure = BUSY
    bench.server.always = BUSY
    for number in range(8):
        await bench.queue.submit(f"/Tickets/{number}", "GET", "z1")


async def sign_in_refused(bench: Bench) -> None:
    bench.server.always = failure(FailureClass.AUTH, status=401)
    await bench.queue.submit(*TICKET)


async def deferred_for_ten_years(bench: Bench) -> None:
    await bench.queue.submit(*TICKET, scheduled_at=bench.clock.now() + 10 * 365 * 86_400)


async def waiting_for_a_person(bench: Bench) -> None:
    bench.server.script = [UNSURE]
    await bench.queue.submit("/Tickets", "PATCH", "z1")
    await bench.queue.submit("/Tickets", "PATCH", "z1")


async def half_open_without_work(bench: Bench) -> None:
    await bench.queue.circuit_breaker.force_open("z1", "firewall", expires_in=1)
    await bench.queue.submit("/Tickets", "GET", "z1")


async def a_child_of_nobody(bench: Bench) -> None:
    await bench.queue.submit(*TICKET, depends_on=["018f0000-0000-7000-8000-0000000000aa"])


IDLE = [
    (nothing, 2), (one_done, 2), (paused, 2), (held, 2), (sign_in_refused, 2), (waiting_for_a_person, 2),
    (a_child_of_nobody, 2), (half_open_without_work, 2), (work_offline, 2), (lost_write_and_work_offline, 2),
    (one_endpoint_held_with_a_lost_write, 2), (paused_for_a_day, 4), (deferred_for_ten_years, 4),
    (offline, 8), (breaker_open, 30),
]  # fmt: skip


@pytest.mark.parametrize(("make", "most"), IDLE, ids=[make.__name__ for make, _ in IDLE])
async def test_it_does_not_spin_while_there_is_nothing_to_do(bench: Bench, make: Any, most: float) -> None:
    """`most` alarms a minute, of which the minute's end and the janitor's round are two."""
    await make(bench)
    await bench.clock.advance(600)
    before, looked = bench.clock.sleeps, bench.queue._engine.ctx.store.counters()
    await bench.clock.advance(HOUR)
    assert bench.clock.sleeps - before <= 60 * most + 60
    assert bench.queue._engine.ctx.store.counters() == looked


# -- clocks that jump


@pytest.mark.parametrize("jump", [2 * HOUR, -2 * HOUR, 86_400.0, -86_400.0])
async def test_a_jump_of_the_clock_neither_stops_nor_doubles_anything(bench: Bench, jump: float) -> None:
    bench.server.script = [BUSY, LOST]
    read = await bench.queue.submit("/Tickets/1", "GET", "z1")
    await bench.clock.settle()
    write = await bench.queue.submit(*TICKET)
    await bench.clock.settle()
    assert (await bench.queue.get_request(read.id)).status is Status.RETRYING
    assert (await bench.queue.get_request(write.id)).status is Status.UNCERTAIN
    bench.clock.jump(jump)
    await bench.clock.advance(420)  # the longest wait there is, and the half minute between looks
    assert (await bench.queue.result(read.id, timeout=0.1)).ok
    assert (await bench.queue.result(write.id, timeout=0.1)).ok
    assert len(bench.server.calls) == 3
    later = await bench.queue.submit(*TICKET)
    await bench.clock.advance(1)
    assert (await bench.queue.result(later.id, timeout=0.1)).ok
    minutes = await bench.queue.minutes(since=0)
    assert sum(m.sent for m in minutes) == 3


async def test_a_clock_set_back_while_the_program_was_closed_delays_no_retry(bench: Bench) -> None:
    bench.server.script = [BUSY, UNSURE]
    read = await bench.queue.submit("/Tickets/1", "GET", "z1")
    await bench.clock.settle()
    write = await bench.queue.submit(*TICKET)
    await bench.clock.settle()
    await bench.queue.shutdown()
    bench.clock.jump(-10 * HOUR)
    again = bench.manager()
    async with again:
        await bench.clock.advance(130)
        assert (await again.result(read.id, timeout=0.1)).ok
        await bench.clock.advance(300)
        lookups = [a for a in await again.attempts(write.id) if a.kind is AttemptKind.LOOKUP]
        assert lookups, "a lost write must not wait ten hours for its first lookup"


async def test_what_is_scheduled_for_the_morning_goes_in_the_morning_although_the_laptop_slept(
    bench: Bench,
) -> None:
    receipt = await bench.queue.submit(*TICKET, scheduled_at=bench.clock.now() + 8 * HOUR)
    await bench.clock.advance(60)
    await bench.clock.suspend(8 * HOUR)
    await bench.clock.advance(31)
    assert (await bench.queue.result(receipt.id, timeout=0.1)).ok


async def test_a_hold_that_ended_in_the_night_is_over_in_the_morning(bench: Bench) -> None:
    await bench.queue.circuit_breaker.force_open("z1", "firewall", expires_in=4 * HOUR)
    await bench.queue.pause(5 * HOUR)
    receipt = await bench.queue.submit(*TICKET)
    await bench.clock.advance(1)
    await bench.clock.suspend(8 * HOUR)
    await bench.clock.advance(31)
    assert (await bench.queue.result(receipt.id, timeout=0.1)).ok


async def test_a_lookup_due_in_the_night_is_made_in_the_morning(bench: Bench) -> None:
    bench.server.script = [LOST]
    receipt = await bench.queue.submit(*TICKET)
    await bench.clock.advance(1)
    await bench.clock.suspend(8 * HOUR)
    await bench.clock.advance(31)
    assert (await bench.queue.result(receipt.id, timeout=0.1)).ok


async def test_being_offline_is_noticed_to_be_over_whatever_the_clock_says(bench: Bench) -> None:
    bench.server.probe_failure = OFFLINE
    bench.server.script = [OFFLINE]
    receipt = await bench.queue.submit(*TICKET)
    await bench.clock.advance(30)
    assert bench.queue.gates()[0].kind is GateKind.OFFLINE
    bench.clock.jump(-10 * HOUR)
    await bench.clock.advance(61)
    bench.server.probe_failure = None
    await bench.clock.advance(61)
    assert bench.queue.connectivity.state is Connectivity.ONLINE
    assert (await bench.queue.result(receipt.id, timeout=0.1)).ok


async def test_minutes_are_stored_whatever_the_clock_does(bench: Bench) -> None:
    for jump in (0.0, -HOUR, 3 * HOUR, -2 * HOUR, 0.0):
        bench.clock.jump(jump)
        await bench.queue.submit(*TICKET)
        await bench.clock.advance(125)
    minutes = await bench.queue.minutes(since=0)
    assert sum(m.sent for m in minutes) == 5
    assert len({m.at for m in minutes}) == len(minutes)


# -- the network comes and goes


async def test_a_flapping_network_is_not_probed_to_death_and_uses_up_no_tries(bench: Bench) -> None:
    """Three seconds on, three seconds off, for ten minutes."""
    receipts = []
    for turn in range(200):
        gone = turn % 2 == 0
        bench.server.always = bench.server.probe_failure = OFFLINE if gone else None
        receipts.append(await bench.queue.submit(*TICKET))
        await bench.clock.advance(3)
    assert bench.server.probes <= 200
    bench.server.always = bench.server.probe_failure = None
    await bench.clock.advance(120)
    for receipt in receipts:
        done = await bench.queue.get_request(receipt.id)
        assert (done.status, done.attempts) == (Status.COMPLETED, 1)
    assert len(bench.server.records) == 200


async def test_working_offline_during_a_probe_wins(bench: Bench) -> None:
    bench.server.script = [OFFLINE]
    answer = asyncio.Event()
    probe = bench.server.probe

    async def slow(zone: str) -> None:
        await answer.wait()
        await probe(zone)

    bench.server.probe = slow  # type: ignore[method-assign]
    receipt = await bench.queue.submit(*TICKET)
    await bench.clock.settle()
    await bench.queue.work_offline()
    answer.set()
    await bench.clock.advance(600)
    assert bench.queue.connectivity.state is Connectivity.WORK_OFFLINE
    assert (await bench.queue.get_request(receipt.id)).status is Status.PENDING
    await bench.queue.work_online()
    assert (await bench.queue.result(receipt.id, timeout=0.1)).ok


async def test_pausing_and_resuming_in_any_order_ends_as_the_last_one_said(bench: Bench) -> None:
    receipt = await bench.queue.submit(*TICKET, scheduled_at=bench.clock.now() + 5)
    steps = [bench.queue.pause(60), bench.queue.resume(), bench.queue.pause(), bench.queue.resume()]
    await asyncio.gather(*steps)
    assert not bench.queue.is_paused
    assert await bench.store.get_document("control", "paused") is None
    await bench.clock.advance(40)
    assert (await bench.queue.result(receipt.id, timeout=0.1)).ok


async def test_a_change_due_in_the_past_is_no_reason_to_spin(bench: Bench) -> None:
    """Whatever a store keeps as due, the dispatcher looks at it now and then, not all the time."""
    await bench.queue.pause()
    receipt = await bench.queue.submit(*TICKET)
    change = Change(id=receipt.id, kind="edited", at=0, edit={"expires_at": bench.clock.now() - 5})
    await bench.store.apply([change])
    await bench.clock.advance(60)
    assert (await bench.queue.get_request(receipt.id)).status in (Status.PENDING, Status.EXPIRED)
    assert bench.clock.sleeps < 100

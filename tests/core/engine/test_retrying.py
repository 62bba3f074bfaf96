"""R3 to R7 with the whole engine in virtual time: what goes on the wire, and what a try is used up by."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable, Callable

import msgspec
import pytest
from tests.core.engine.conftest import MakeWorld, Server, World, failure
from typing_extensions import override

from autotask_queue.model.events import ConnectivityChanged
from autotask_queue.model.failure import Applied, Failure, FailureClass
from autotask_queue.model.metrics import Connectivity
from autotask_queue.model.request import AttemptResult, Reply, Request
from autotask_queue.model.status import Reason, Status
from autotask_queue.policy.budget import CAP, REFILL, SHARE
from autotask_queue.store import MemoryStore

BUSY = failure(FailureClass.SERVER_TRANSIENT, status=503)
LOST = failure(FailureClass.TIMEOUT_UNKNOWN)
OFFLINE = failure(FailureClass.LOCAL_OFFLINE)
_UNKNOWN = Applied.UNKNOWN
READ = ("/Tickets/1", "GET")
NO_BREAKER = {"enabled": False}


async def _at_once() -> None: ...


class Timed(Server):
    """Notes when each call reached it."""

    def __init__(self) -> None:
        super().__init__()
        self.times: list[tuple[float, bool]] = []
        """When, and whether it was a retry."""
        self.now: Callable[[], float] = lambda: 0.0
        self.delay: Callable[[], Awaitable[None]] = _at_once

    @override
    async def process_request(self, request: Request) -> Reply:
        self.times.append((self.now(), request.attempts > 0))
        await self.delay()
        return await super().process_request(request)


def _wishing(wish: Failure, seconds: float) -> Failure:
    return msgspec.structs.replace(wish, retry_after=seconds)


async def _timed(make_world: MakeWorld, **config: object) -> tuple[World, Timed]:
    server = Timed()
    # The reads here ask the same, and are meant to be sent each.
    world: World = await make_world(server=server, **{"deduplication_enabled": False, **config})
    server.now = world.clock.monotonic
    return world, server


# ---------------------------------------------------------------------------------------------
# R3


@pytest.mark.parametrize("kind", [FailureClass.SERVER_TRANSIENT, FailureClass.TIMEOUT_UNKNOWN])
async def test_r3_retries_are_a_bounded_share_of_what_is_sent(
    make_world: MakeWorld, kind: FailureClass
) -> None:
    retry = {"base_delay": 1, "max_delay": 60}
    world, server = await _timed(
        make_world, default_retries=30, strategies={"retry": retry, "circuit_breaker": NO_BREAKER}
    )
    server.always = failure(kind)
    requests = [await world.submit(*READ) for _ in range(80)]
    await world.clock.advance(240)
    cost = 2 if kind is FailureClass.TIMEOUT_UNKNOWN else 1
    _check_windows(server.times, cost)
    assert sum(again for _, again in server.times) * cost >= CAP, "there were retries to be bounded"
    waiting = [await world.get(r) for r in requests]
    assert {r.status for r in waiting} == {Status.RETRYING}, "an empty budget fails nobody"
    put_off = [a for r in requests for a in await world.attempts(r) if "waits for its turn" in a.note]
    assert put_off
    assert {a.result for a in put_off} == {AttemptResult.NOT_SENT}
    assert sum(r.attempts for r in waiting) == len(server.times), "who is put off uses up no try"
    server.always = None
    await world.clock.advance(2_400)
    _check_windows(server.times, cost)
    assert {(await world.get(r)).status for r in requests} == {Status.COMPLETED}


def _check_windows(times: list[tuple[float, bool]], cost: float) -> None:
    for begin, end in itertools.combinations(range(0, len(times) + 1, 3), 2):
        window = times[begin:end]
        retries = sum(again for _, again in window)
        length = window[-1][0] - window[0][0]
        allowed = SHARE * (len(window) - retries) + CAP + length / REFILL
        assert retries * cost <= allowed + 1e-6, f"{retries} retries in {length:.0f} s"


async def test_r3_what_waited_behind_a_pause_does_not_go_all_at_once(make_world: MakeWorld) -> None:
    """Counted where a call leaves: an hour's pause must not let a hundred retries out together."""
    world, server = await _timed(make_world, default_retries=9, strategies={"circuit_breaker": NO_BREAKER})
    server.script = [BUSY] * 100
    for _ in range(100):
        await world.submit(*READ)
    await world.clock.settle()
    await world.engine.gates.pause(None, why="lunch", actor="anna")
    await world.clock.advance(3_600)
    before = len(server.times)
    await world.engine.gates.resume(why="back", actor="anna")
    await world.clock.settle()
    assert len(server.times) - before == CAP
    await world.clock.advance(1_200)
    assert len(server.times) == 200
    _check_windows(server.times, 1)


async def test_r3_first_attempts_are_never_put_off(make_world: MakeWorld) -> None:
    world, server = await _timed(make_world, default_retries=9, strategies={"circuit_breaker": NO_BREAKER})
    server.script = [BUSY] * 60
    for _ in range(60):
        await world.submit(*READ)
    await world.clock.advance(30)
    fresh = [await world.submit(*READ) for _ in range(30)]
    await world.clock.settle()
    assert {(await world.get(r)).status for r in fresh} == {Status.COMPLETED}


async def test_a_person_who_retries_waits_for_no_budget(make_world: MakeWorld) -> None:
    world, server = await _timed(make_world, default_retries=0, strategies={"circuit_breaker": NO_BREAKER})
    server.script = [BUSY] * 50
    requests = [await world.submit(*READ) for _ in range(50)]
    await world.clock.settle()
    for request in requests:
        await world.engine.commands.retry(request.id, why="now", actor="anna")
    await world.clock.settle()
    assert {(await world.get(r)).status for r in requests} == {Status.COMPLETED}


# ---------------------------------------------------------------------------------------------
# R4


async def test_r4_offline_uses_up_no_try(make_world: MakeWorld) -> None:
    world = await make_world(default_retries=2)
    world.server.probe_failure = OFFLINE
    world.server.always = failure(FailureClass.CONNECT_FAIL)
    read = await world.submit(*READ)
    write = await world.submit()
    await world.clock.advance(7_200)
    assert [((r := await world.get(one)).status, r.attempts) for one in (read, write)] == [
        (Status.PENDING, 0),
        (Status.PENDING, 0),
    ]


async def test_r4_a_read_that_hangs_because_the_network_went_uses_up_no_try(make_world: MakeWorld) -> None:
    world = await make_world(default_retries=2)
    world.server.probe_failure = OFFLINE
    world.server.always = LOST
    read = await world.submit(*READ)
    await world.clock.advance(600)
    found = await world.get(read)
    assert (found.status, found.attempts) == (Status.PENDING, 0)
    assert len(world.server.calls) == 1


async def test_r4_calls_that_fail_after_the_breaker_opened_use_up_no_try(make_world: MakeWorld) -> None:
    world = await make_world(max_concurrency=12, default_retries=0, deduplication_enabled=False)
    world.server.gate.clear()
    world.server.script = [BUSY] * 12
    requests = [await world.submit(*READ) for _ in range(12)]
    await world.clock.settle()
    assert len(world.server.calls) == 12
    world.server.gate.set()
    await world.clock.settle()
    assert world.engine.board.get_metrics("z1").state == "open"
    found = [await world.get(r) for r in requests]
    assert sorted(r.attempts for r in found) == [0] * 7 + [1] * 5
    assert {r.status for r in found if r.attempts == 0} == {Status.RETRYING}
    await world.clock.advance(300)
    assert {(await world.get(r)).status for r, f in zip(requests, found, strict=True) if not f.attempts} == {
        Status.COMPLETED
    }


async def test_r4_a_test_of_a_shut_zone_does_use_up_a_try(make_world: MakeWorld) -> None:
    """Else one request that always lets the server fail would be the test for ever, and shut the zone."""
    world = await make_world(default_retries=3)
    world.server.always = BUSY
    poison = await world.submit(*READ)
    await world.clock.advance(1_800)
    assert (await world.get(poison)).status is Status.FAILED


@pytest.mark.parametrize(
    "kind", [FailureClass.THROTTLE, FailureClass.THREAD_LIMIT, FailureClass.QUOTA_SUSPENDED]
)
async def test_r4_a_throttled_zone_uses_up_no_try(make_world: MakeWorld, kind: FailureClass) -> None:
    world = await make_world(default_retries=1)
    world.server.script = [failure(kind, status=429)] * 20
    request = await world.submit()
    await world.clock.advance(3_600)
    found = await world.get(request)
    assert (found.status, found.attempts) == (Status.COMPLETED, 1)


# ---------------------------------------------------------------------------------------------
# R5


@pytest.mark.parametrize("jump", [-36_000, -5, 0, 3, 36_000])
async def test_r5_a_restart_keeps_the_time_of_the_next_try_and_no_clock_lengthens_it(
    make_world: MakeWorld, jump: float
) -> None:
    retry = {"base_delay": 100, "max_delay": 100, "jitter": False}
    store = MemoryStore()
    world = await make_world(store=store, default_retries=3, strategies={"retry": retry})
    world.server.script = [BUSY]
    request = await world.submit(*READ)
    await world.clock.settle()
    due = (await world.get(request)).not_before
    assert due == world.clock.now() + 100
    await world.clock.advance(40)
    await world.engine.stop(0.2)
    world.clock.jump(jump)
    again = await make_world(store=store, default_retries=3, strategies={"retry": retry})
    await again.clock.settle()
    found = await again.get(request)
    if found.status is Status.RETRYING:
        assert found.not_before is not None
        assert found.not_before - again.clock.now() <= 100 + 30
        if jump > -36_000:
            assert found.not_before == due
    else:
        assert jump == 36_000
    await again.clock.advance(131)
    assert (await again.get(request)).status is Status.COMPLETED


# ---------------------------------------------------------------------------------------------
# R6


@pytest.mark.parametrize("retries", [0, 1, 4])
@pytest.mark.parametrize(
    "always",
    [BUSY, LOST, failure(FailureClass.CONNECT_FAIL), failure(FailureClass.WRONG_ZONE)],
    ids=lambda f: f.kind.value,
)
async def test_r6_no_more_calls_than_tries(make_world: MakeWorld, always: Failure, retries: int) -> None:
    world = await make_world(default_retries=retries)
    world.server.always = always
    request = await world.submit(*READ)
    own = await world.submit(*READ, max_retries=retries + 1)
    await world.clock.advance(3_600)
    assert (await world.get(request)).status is Status.FAILED
    assert len([c for c in world.server.calls if c.id == request.id]) == retries + 1
    assert len([c for c in world.server.calls if c.id == own.id]) == retries + 2


async def test_r6_a_write_whose_replies_are_all_lost_is_sent_no_more_often(make_world: MakeWorld) -> None:
    world = await make_world(default_retries=2)
    world.server.sure = True
    world.server.always = failure(FailureClass.TIMEOUT_UNKNOWN, applied=_UNKNOWN)
    request = await world.submit()
    await world.clock.advance(7_200)
    assert len(world.server.calls) == 3
    found = await world.get(request)
    assert (found.status, found.reason) == (Status.HELD, Reason.CONFIRM)


async def test_what_has_an_end_is_not_tried_after_it(make_world: MakeWorld) -> None:
    retry = {"base_delay": 60, "max_delay": 60, "jitter": False}
    world = await make_world(default_retries=9, strategies={"retry": retry})
    world.server.always = BUSY
    request = await world.submit(*READ, expires_at=world.clock.now() + 100)
    await world.clock.advance(600)
    assert (await world.get(request)).status is Status.EXPIRED
    assert len(world.server.calls) == 2


async def test_a_servers_wish_is_heeded(make_world: MakeWorld) -> None:
    world = await make_world(default_retries=3)
    world.server.script = [_wishing(BUSY, 200.0)]
    request = await world.submit(*READ)
    await world.clock.advance(190)
    assert len(world.server.calls) == 1
    await world.clock.advance(20)
    assert (await world.get(request)).status is Status.COMPLETED


async def test_a_servers_wish_is_heeded_before_a_lost_write_is_looked_up(make_world: MakeWorld) -> None:
    world = await make_world()
    world.server.script = [_wishing(failure(FailureClass.SERVER_TRANSIENT, applied=_UNKNOWN), 60.0)]
    request = await world.submit()
    await world.clock.advance(55)
    assert [a.kind for a in await world.attempts(request)] == ["send"]
    await world.clock.advance(10)
    assert [a.kind for a in await world.attempts(request)] == ["send", "lookup"]


# ---------------------------------------------------------------------------------------------
# R7


async def test_r7_a_cancellation_goes_through_and_is_no_reason_to_try_again(world: World) -> None:
    """An outer time limit that turned into a retry would send twice under one claim."""
    world.server.gate.clear()
    request = await world.submit()
    await world.clock.settle()
    running = await world.get(request)
    assert running.status is Status.PROCESSING
    board, runner = world.engine.board, world.engine.runner
    out = len(board.zone("z1").live)
    attempt = asyncio.create_task(asyncio.wait_for(runner.run(running), 3_600))
    await world.clock.settle()
    assert len(world.server.calls) == 2
    attempt.cancel()
    with pytest.raises(asyncio.CancelledError):
        await attempt
    assert len(world.server.calls) == 2
    assert (await world.get(request)) == running, "a cancelled attempt settles nothing"
    assert len(board.zone("z1").live) == out, "and gives its permit back"


async def test_r7_an_outer_time_limit_stays_one(world: World) -> None:
    world.server.gate.clear()
    request = await world.submit()
    await world.clock.settle()
    running = await world.get(request)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0):
            await world.engine.runner.run(running)
    assert (await world.get(request)).status is Status.PROCESSING


# ---------------------------------------------------------------------------------------------
# What stands between


async def test_a_page_in_between_does_not_count_as_the_servers_answer(make_world: MakeWorld) -> None:
    """The second call's page comes when it is known already that the Wi-Fi wants a sign-in."""
    server = Timed()
    world: World = await make_world(server=server, deduplication_enabled=False)
    server.delay = lambda: world.clock.sleep(10.0 * len(server.times))
    server.probe_failure = server.always = failure(FailureClass.LOCAL_OFFLINE, status=200)
    requests = [await world.submit(*READ) for _ in range(2)]
    await world.clock.advance(300)
    assert len(server.times) == 2
    told = [e.connectivity.state for e in world.events if isinstance(e, ConnectivityChanged)]
    assert told[0] is Connectivity.OFFLINE
    assert Connectivity.ONLINE not in told
    assert {((r := await world.get(one)).status, r.attempts) for one in requests} == {(Status.PENDING, 0)}

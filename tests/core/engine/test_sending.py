"""What the engine does with requests, on a clock that the test moves."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from tests.core.engine.conftest import MakeWorld, Server, World, failure
from typing_extensions import override

from autotask_queue.engine.reconciler import QUARANTINE
from autotask_queue.engine.runner import handed_back
from autotask_queue.model.errors import IllegalTransition, ReasonRequired
from autotask_queue.model.failure import Applied, FailureClass
from autotask_queue.model.filters import RequestFilter, Selection
from autotask_queue.model.request import AttemptKind, AttemptResult
from autotask_queue.model.status import Reason, Status
from autotask_queue.ports import Change

LOST = failure(FailureClass.TIMEOUT_UNKNOWN, applied=Applied.YES)
LOST_UNAPPLIED = failure(FailureClass.TIMEOUT_UNKNOWN, applied=Applied.UNKNOWN)
REFUSED = failure(FailureClass.CONNECT_FAIL)
BUSY = failure(FailureClass.SERVER_TRANSIENT, status=503)
INVALID = failure(FailureClass.VALIDATION, status=500)


async def test_a_request_is_sent_once_and_completes(world: World) -> None:
    request = await world.submit()
    await world.clock.settle()
    done = await world.get(request)
    assert done.status is Status.COMPLETED
    assert done.reply is not None
    assert done.reply.record_id == 1
    assert len(world.server.calls) == 1
    assert [e for e in world.names() if e.startswith("request.")] == [
        "request.processing",
        "request.completed",
    ]
    assert "queue.empty" in world.names()


async def test_higher_priority_goes_first_and_equal_in_order(make_world: MakeWorld) -> None:
    world = await make_world(max_concurrency=1)
    await world.engine.gates.pause(None, why="", actor="t")
    for name, priority in (("low", 1), ("a", 5), ("b", 5), ("top", 10)):
        await world.submit(data={"title": name}, priority=priority)
    await world.engine.gates.resume(why="", actor="t")
    await world.clock.settle()
    assert [c.data["title"] for c in world.server.calls] == ["top", "a", "b", "low"]


async def test_a_scheduled_request_waits_for_its_time(world: World) -> None:
    request = await world.submit(scheduled_at=world.clock.now() + 100)
    await world.clock.advance(99)
    assert (await world.get(request)).status is Status.DEFERRED
    await world.clock.advance(2)
    assert (await world.get(request)).status is Status.COMPLETED


async def test_a_failure_worth_repeating_is_repeated_with_growing_waits(make_world: MakeWorld) -> None:
    world = await make_world(strategies={"retry": {"base_delay": 10, "max_delay": 100, "jitter": False}})
    world.server.script = [BUSY, BUSY]
    request = await world.submit("/Tickets/1", "GET")
    await world.clock.settle()
    first = await world.get(request)
    assert first.status is Status.RETRYING
    assert first.not_before == world.clock.now() + 10
    await world.clock.advance(11)
    second = await world.get(request)
    assert second.attempts == 2
    await world.clock.advance(21)
    assert (await world.get(request)).status is Status.COMPLETED
    assert [a.result for a in await world.attempts(request)] == [
        AttemptResult.FAILED,
        AttemptResult.FAILED,
        AttemptResult.OK,
    ]


async def test_tries_run_out_and_the_request_fails_with_its_failure(make_world: MakeWorld) -> None:
    world = await make_world(default_retries=2)
    world.server.always = BUSY
    request = await world.submit("/Tickets/1", "GET")
    await world.clock.advance(60)
    done = await world.get(request)
    assert done.status is Status.FAILED
    assert done.attempts == 3
    assert done.failure == BUSY
    assert len(world.server.calls) == 3


async def test_a_content_error_is_never_repeated_and_leaves_the_breaker_closed(world: World) -> None:
    world.server.always = INVALID
    requests = [await world.submit() for _ in range(20)]
    await world.clock.advance(60)
    assert {(await world.get(r)).status for r in requests} == {Status.FAILED}
    assert len(world.server.calls) == 20
    assert world.engine.board.get_metrics("z1").state == "closed"


async def test_a_lost_reply_is_looked_up_and_adopted_never_sent_again(world: World) -> None:
    world.server.script = [LOST]
    request = await world.submit()
    await world.clock.settle()
    assert (await world.get(request)).status is Status.UNCERTAIN
    await world.clock.advance(6)
    done = await world.get(request)
    assert done.status is Status.COMPLETED
    assert done.reply is not None
    assert done.reply.adopted
    assert len(world.server.calls) == 1
    assert len(world.server.records) == 1
    kinds = [(a.kind, a.result) for a in await world.attempts(request)]
    assert kinds == [
        (AttemptKind.SEND, AttemptResult.UNKNOWN),
        (AttemptKind.LOOKUP, AttemptResult.FOUND),
    ]


async def test_a_lost_write_that_is_not_found_waits_for_a_person(world: World) -> None:
    world.server.script = [LOST_UNAPPLIED]
    request = await world.submit()
    await world.clock.advance(600)
    held = await world.get(request)
    assert (held.status, held.reason) == (Status.HELD, Reason.CONFIRM)
    assert len(world.server.calls) == 1
    lookups = [a for a in await world.attempts(request) if a.kind is AttemptKind.LOOKUP]
    assert len(lookups) == 4
    with pytest.raises(ReasonRequired):
        await world.engine.commands.send_again(request.id, why=" ", actor="anna")
    await world.engine.commands.send_again(request.id, why="not in Autotask", actor="anna")
    world.engine.wake()
    await world.clock.settle()
    assert (await world.get(request)).status is Status.COMPLETED


async def test_a_lost_write_that_surely_did_not_arrive_is_sent_again_after_the_quarantine(
    world: World,
) -> None:
    world.server.script = [LOST_UNAPPLIED]
    world.server.sure = True
    request = await world.submit()
    await world.clock.advance(QUARANTINE - 5)
    assert (await world.get(request)).status is Status.UNCERTAIN
    assert len(world.server.calls) == 1
    await world.clock.advance(20)
    assert (await world.get(request)).status is Status.COMPLETED
    assert len(world.server.calls) == 2
    assert len(world.server.records) == 1
    assert "did not arrive" in [e.why for e in await world.store.audit(request_id=request.id)][2]


@pytest.mark.parametrize("jump", [-7_200.0, 7_200.0])
async def test_p3_no_clock_that_is_set_shortens_the_quarantine(world: World, jump: float) -> None:
    world.server.script = [LOST_UNAPPLIED]
    world.server.sure = True
    request = await world.submit()
    await world.clock.settle()
    for _ in range(4):
        world.clock.jump(jump)
        world.engine.wake()
        await world.clock.advance(60)
    assert len(world.server.calls) == 1
    assert (await world.get(request)).status is Status.UNCERTAIN
    await world.clock.advance(QUARANTINE + 600)
    assert (await world.get(request)).status is Status.COMPLETED


async def test_p3_a_restart_starts_the_quarantine_anew(make_world: MakeWorld) -> None:
    server = Server(script=[LOST_UNAPPLIED], sure=True)
    world = await make_world(server=server)
    request = await world.submit()
    await world.clock.advance(300)
    await world.engine.stop(0.1)
    again = await make_world(store=world.store, server=server)
    await again.clock.advance(QUARANTINE - 40)
    assert len(server.calls) == 1
    await again.clock.advance(120)
    assert len(server.calls) == 2
    assert (await again.get(request)).status is Status.COMPLETED


@pytest.mark.parametrize("limits", [{"retryable": False}, {"max_retries": 0}])
async def test_what_may_not_be_repeated_waits_for_a_person_although_it_did_not_arrive(
    world: World, limits: dict[str, Any]
) -> None:
    world.server.script = [LOST_UNAPPLIED]
    world.server.sure = True
    request = await world.submit(**limits)
    await world.clock.advance(2 * QUARANTINE)
    held = await world.get(request)
    assert (held.status, held.reason) == (Status.HELD, Reason.CONFIRM)
    assert len(world.server.calls) == 1


async def test_two_alike_whose_replies_were_lost_do_not_share_one_record(world: World) -> None:
    """Two notes with the same words: each is found, or sent again, as if the other were not there."""
    world.server.script = [LOST, LOST_UNAPPLIED]
    world.server.sure = world.server.alike = True
    first, second = await world.submit(), await world.submit()
    await world.clock.advance(2 * QUARANTINE)
    done = [await world.get(first), await world.get(second)]
    assert {r.status for r in done} == {Status.COMPLETED}
    assert done[0].record_id != done[1].record_id
    assert len(world.server.records) == 2


async def test_a_lost_write_without_a_marker_waits_for_a_person_at_once(world: World) -> None:
    world.server.script = [LOST]
    request = await world.submit("/Tickets", "PATCH")
    await world.clock.settle()
    held = await world.get(request)
    assert (held.status, held.reason) == (Status.HELD, Reason.CONFIRM)
    later = await world.submit("/Tickets", "PATCH")
    await world.clock.advance(60)
    assert (await world.get(later)).status is Status.PENDING, "the same record's later edit must wait"


async def test_an_unknown_exception_on_a_write_is_not_taken_for_a_failure(
    world: World, monkeypatch: pytest.MonkeyPatch, expected_logs: object
) -> None:
    assert callable(expected_logs)
    expected_logs("raised ValueError")

    async def explode(request: object) -> None:
        raise ValueError("surprise")

    monkeypatch.setattr(world.server, "process_request", explode)
    request = await world.submit("/Tickets", "PATCH")
    await world.clock.settle()
    held = await world.get(request)
    assert (held.status, held.reason) == (Status.HELD, Reason.CONFIRM)


async def test_a_request_nobody_takes_is_held_until_somebody_does(world: World) -> None:
    request = await world.submit(zone="nowhere")
    await world.clock.settle()
    assert (await world.get(request)).reason is Reason.NO_PROCESSOR

    class Anywhere(Server):
        @override
        def can_process(self, request: object) -> bool:
            return True

    world.engine.ctx.processors["anywhere"] = Anywhere()
    await world.clock.settle()
    assert (await world.get(request)).status is Status.COMPLETED


async def test_writes_of_one_record_go_in_order_one_at_a_time(world: World) -> None:
    world.server.gate.clear()
    for i in range(5):
        await world.submit("/Tickets", "PATCH", data={"n": i})
    other = await world.submit("/Companies", "PATCH", data={"n": "other"})
    await world.clock.settle()
    assert [c.data["n"] for c in world.server.calls] == [0, "other"]
    world.server.gate.set()
    await world.clock.settle()
    assert [c.data["n"] for c in world.server.calls if c.id != other.id] == [0, 1, 2, 3, 4]


async def test_what_is_on_the_wire_cannot_be_cancelled_and_the_rest_can_be_restored(world: World) -> None:
    world.server.gate.clear()
    first = await world.submit("/Tickets", "PATCH")
    second = await world.submit("/Tickets", "PATCH")
    await world.clock.settle()
    with pytest.raises(IllegalTransition, match="being sent right now"):
        await world.engine.commands.cancel_one(first.id, why="", actor="anna")
    await world.engine.commands.cancel_one(second.id, why="oops", actor="anna")
    before = await world.get(second)
    result = await world.engine.commands.restore(second.id, why="", actor="anna")
    assert (before.status, result.changed) == (Status.CANCELLED, 1)
    world.server.gate.set()
    await world.clock.settle()
    assert (await world.get(second)).status is Status.COMPLETED


async def test_a_selection_does_not_grow(world: World) -> None:
    await world.engine.gates.pause(None, why="", actor="t")
    for _ in range(3):
        await world.submit()
    chosen = Selection(filter=RequestFilter(status=(Status.PENDING,)), max_seq=world.store.max_seq())
    late = await world.submit()
    result = await world.engine.commands.cancel(chosen, why="", actor="anna")
    assert result.changed == 3
    assert (await world.get(late)).status is Status.PENDING
    assert "requests.changed" in world.names()


async def test_an_edit_changes_what_is_sent_and_brings_a_failed_request_back(world: World) -> None:
    world.server.script = [INVALID]
    request = await world.submit(data={"title": "wrong"})
    await world.clock.settle()
    assert (await world.get(request)).status is Status.FAILED
    await world.engine.commands.edit(request.id, why="", actor="anna", fields={"data": {"title": "right"}})
    await world.clock.settle()
    done = await world.get(request)
    assert done.status is Status.COMPLETED
    assert [c.data["title"] for c in world.server.calls] == ["wrong", "right"]


async def test_shutdown_parks_what_is_on_the_wire_and_the_next_start_looks_it_up(
    make_world: MakeWorld,
) -> None:
    world = await make_world()
    world.server.gate.clear()
    write = await world.submit()
    read = await world.submit("/Tickets/1", "GET")
    await world.clock.settle()
    await world.engine.stop(0.05)
    await world.store.open(now=world.clock.now())
    parked = await world.get(write)
    assert (parked.status, parked.reason) == (Status.UNCERTAIN, Reason.INTERRUPTED)
    assert (await world.get(read)).status is Status.PENDING
    await world.store.close()

    again = await make_world(store=world.store, server=Server())
    await again.clock.advance(600)
    assert (await again.get(read)).status is Status.COMPLETED
    held = await again.get(write)
    assert (held.status, held.reason) == (Status.HELD, Reason.CONFIRM)
    assert [c.id for c in again.server.calls] == [read.id], "the write must not be sent by itself"


async def test_a_late_answer_of_an_older_claim_settles_nothing(world: World) -> None:
    world.server.gate.clear()
    request = await world.submit("/Tickets/1", "GET")
    await world.clock.settle()
    first = await world.get(request)
    await world.store.apply([handed_back(first, "its worker was thought dead", now=world.clock.now())])
    world.engine.wake()
    await world.clock.settle()
    second = await world.get(request)
    assert (second.status, len(world.server.calls)) == (Status.PROCESSING, 2)
    late = Change(id=request.id, kind="failed", at=world.clock.now(), to=Status.FAILED, fence=first.fence)
    await world.engine.settler.settle(late)
    assert (await world.get(request)).status is Status.PROCESSING
    world.server.gate.set()
    await world.clock.settle()
    assert (await world.get(request)).status is Status.COMPLETED


async def test_nothing_is_polled_while_idle(world: World) -> None:
    await world.clock.settle()
    sleeping = len([s for s in world.clock._sleepers if not s[2].done()])
    assert sleeping <= 2, "only the running minute and the janitor may wait for a time"


async def test_waiting_for_a_result_ends_with_the_request(world: World) -> None:
    world.server.gate.clear()
    request = await world.submit()
    waiter = asyncio.ensure_future(world.engine.settler.wait(request.id))
    await world.clock.settle()
    assert not waiter.done()
    world.server.gate.set()
    await world.clock.settle()
    assert (await waiter).ok
    assert (await world.engine.settler.wait(request.id)).ok, "a finished one is answered at once"

"""BT5: successive edits of a record are sent as one, and end as if each had been sent."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from tests.core.engine.conftest import MakeWorld, Server, World, failure
from typing_extensions import override

from autotask_queue.model.errors import ProcessorError
from autotask_queue.model.events import BatchCompleted, BatchCreated, BatchFailed
from autotask_queue.model.failure import Applied, FailureClass
from autotask_queue.model.request import JSON, AttemptResult, Reply, Request
from autotask_queue.model.status import Reason, Status
from autotask_queue.ports import LookupResult

EDIT = ("/Tickets/7", "PATCH")
LOST = failure(FailureClass.TIMEOUT_UNKNOWN, applied=Applied.YES)
NEVER_CAME = failure(FailureClass.TIMEOUT_UNKNOWN, applied=Applied.UNKNOWN)


class Records(Server):
    """A server that keeps what edits change, refuses the value "bad", and tells what it holds."""

    def __init__(self) -> None:
        super().__init__()
        self.held: dict[str, JSON] = {}
        self.mergeable = True

    def merge(self, requests: Sequence[Request]) -> JSON:
        if not self.mergeable:
            raise RuntimeError("no")
        merged: dict[str, JSON] = {}
        for request in requests:
            merged |= request.data
        return merged

    @override
    async def process_request(self, request: Request) -> Reply:
        if "bad" in (request.data or {}).values():
            self.calls.append(request)
            raise ProcessorError("No.", failure=failure(FailureClass.VALIDATION, status=400))
        return await super().process_request(request)

    @override
    def _apply(self, request: Request) -> int:
        self.held |= request.data
        return 7

    @override
    def can_reconcile(self, request: Request) -> bool:
        return True

    @override
    async def reconcile(self, request: Request) -> LookupResult:
        there = all(self.held.get(name) == value for name, value in request.data.items())
        return LookupResult(found=there, reply=Reply(record_id=7, adopted=True))


@pytest.fixture
async def world(make_world: MakeWorld) -> World:
    made: World = await make_world(server=Records())
    return made


def records(world: World) -> Records:
    assert isinstance(world.server, Records)
    return world.server


async def edits(world: World, *data: dict[str, JSON], **values: Any) -> list[Request]:
    """Edits of one ticket that wait behind a first one, which is on the wire."""
    world.server.gate.clear()
    first = await world.submit(*EDIT, data={"first": 1}, batchable=False)
    await world.clock.settle()
    assert world.server.calls[-1].id == first.id
    return [await world.submit(*EDIT, data=one, batchable=None, **values) for one in data]


async def go(world: World) -> None:
    world.server.gate.set()
    await world.clock.settle()


async def statuses(world: World, requests: Sequence[Request]) -> list[Status]:
    return [(await world.get(one)).status for one in requests]


async def test_bt5_what_waits_is_sent_as_one_and_the_last_values_win(world: World) -> None:
    waiting = await edits(world, {"status": 1, "title": "a"}, {"status": 2}, {"status": 5, "note": "n"})
    await go(world)
    _, call = world.server.calls
    assert call.data == {"status": 5, "title": "a", "note": "n"}
    stored = [await world.get(one) for one in waiting]
    assert [one.status for one in stored] == [Status.COMPLETED] * 3
    assert [one.merged_into for one in stored] == [None, waiting[0].id, waiting[0].id]
    assert [one.data for one in stored] == [one.data for one in waiting], "what each wanted stays on record"
    for one in waiting:
        (attempt,) = await world.attempts(one)
        assert attempt.result is AttemptResult.OK
        assert "ogether with" in attempt.note
        assert (await world.store.audit(request_id=one.id))[0].kind == "completed"
    assert world.names().count("request.completed") == 4
    (completed,) = [e for e in world.events if isinstance(e, BatchCompleted)]
    assert (completed.ids, completed.calls, completed.failed) == (tuple(r.id for r in waiting), 1, 0)
    batches = (await world.engine.monitor.metrics()).batches
    assert (batches.batches, batches.requests, batches.calls_saved) == (1, 3, 2)


async def test_one_alone_is_no_batch(world: World) -> None:
    await edits(world, {"a": 1})
    await go(world)
    assert not [e for e in world.events if isinstance(e, BatchCreated)]
    assert len(world.server.calls) == 2


async def test_no_more_than_max_batch_size_go_together(make_world: MakeWorld) -> None:
    world = await make_world(server=Records(), max_batch_size=3)
    await edits(world, *({"n": n} for n in range(7)))
    await go(world)
    assert [call.data["n"] for call in world.server.calls[1:]] == [2, 5, 6]


@pytest.mark.parametrize(
    ("config", "values"),
    [({"batching_enabled": False}, {}), ({}, {"batchable": False}), ({}, {"retryable": False})],
    ids=["switched off", "asked to go alone", "to be tried once"],
)
async def test_some_are_sent_one_by_one(
    make_world: MakeWorld, config: dict[str, Any], values: dict[str, Any]
) -> None:
    world = await make_world(server=Records(), **config)
    world.server.gate.clear()
    for n in range(4):
        await world.submit(*EDIT, data={"n": n}, **{"batchable": None, **values})
    await go(world)
    assert [call.data["n"] for call in world.server.calls] == [0, 1, 2, 3]


async def test_bt5_nothing_is_pulled_forward(world: World) -> None:
    """Other kinds, other priorities, later times and dependants stay where they are."""
    plain = await edits(world, {"n": 1}, {"n": 2})
    later = await world.submit(*EDIT, data={"later": 1}, batchable=None, scheduled_at=world.clock.now() + 50)
    urgent = await world.submit(*EDIT, data={"n": 3}, batchable=None, priority=9)
    replace = await world.submit("/Tickets/7", "PUT", data={"put": 1}, lane="z1/Tickets/7")
    parent = await world.submit("/Tickets", "POST", data={"title": "p"}, scheduled_at=world.clock.now() + 90)
    child = await world.submit(*EDIT, data={"n": 5}, batchable=None, depends_on=(parent.id,))
    await go(world)
    assert [call.data for call in world.server.calls[1:4]] == [{"n": 2}, {"n": 3}, {"put": 1}]
    assert await statuses(world, [*plain, urgent, replace]) == [Status.COMPLETED] * 4
    assert await statuses(world, [later, child]) == [Status.DEFERRED, Status.PENDING]


async def test_a_lost_reply_makes_all_uncertain_and_found_together(world: World) -> None:
    waiting = await edits(world, {"status": 1}, {"status": 2}, {"note": "n"})
    world.server.script = [failure(FailureClass.VALIDATION), LOST]  # the one on the wire is refused
    await go(world)
    assert await statuses(world, waiting) == [Status.UNCERTAIN] * 3
    await world.clock.advance(60)
    assert await statuses(world, waiting) == [Status.COMPLETED] * 3
    assert len(world.server.calls) == 2, "nothing was sent again"


async def test_what_is_not_found_is_for_a_person_to_decide_once_for_all(world: World) -> None:
    waiting = await edits(world, {"status": 1}, {"status": 2})
    world.server.script = [failure(FailureClass.VALIDATION), NEVER_CAME]
    await go(world)
    await world.clock.advance(600)
    stored = [await world.get(one) for one in waiting]
    assert {(one.status, one.reason) for one in stored} == {(Status.HELD, Reason.CONFIRM)}
    await world.engine.commands.send_again(waiting[0].id, why="not there", actor="anna")
    await world.clock.settle()
    assert await statuses(world, waiting) == [Status.COMPLETED] * 2
    assert records(world).held["status"] == 2


async def test_what_was_surely_not_applied_goes_again_together(world: World) -> None:
    waiting = await edits(world, {"status": 1}, {"status": 2})
    world.server.script = [
        failure(FailureClass.VALIDATION),
        failure(FailureClass.SERVER_TRANSIENT, status=503),
    ]
    await go(world)
    assert await statuses(world, waiting) == [Status.RETRYING, Status.PENDING]
    assert [(await world.get(one)).attempts for one in waiting] == [1, 1]
    await world.clock.advance(120)
    assert await statuses(world, waiting) == [Status.COMPLETED] * 2
    assert records(world).held == {"status": 2}


async def test_bt5_of_a_refused_one_only_the_bad_edit_fails(world: World) -> None:
    waiting = await edits(world, {"a": 1}, {"b": "bad"}, {"c": 3})
    await go(world)
    assert await statuses(world, waiting) == [Status.COMPLETED, Status.FAILED, Status.COMPLETED]
    assert records(world).held == {"first": 1, "a": 1, "c": 3}
    assert [call.data for call in world.server.calls[2:]] == [{"a": 1}, {"b": "bad"}, {"c": 3}]
    (failed,) = [e for e in world.events if isinstance(e, BatchFailed)]
    assert failed.failure.kind is FailureClass.VALIDATION
    results = [attempt.result for attempt in await world.attempts(waiting[0])]
    assert results == [AttemptResult.FAILED, AttemptResult.OK]
    assert (await world.get(waiting[0])).attempts == 1, "the common refusal used up nobody's try"


@pytest.mark.expected_logs("merge raised RuntimeError")
async def test_a_processor_that_cannot_merge_after_all_sends_each(world: World) -> None:
    records(world).mergeable = False
    waiting = await edits(world, {"a": 1}, {"b": 2})
    await go(world)
    assert await statuses(world, waiting) == [Status.COMPLETED] * 2
    assert [call.data for call in world.server.calls[1:]] == [{"a": 1}, {"b": 2}]


async def test_a_program_that_ends_meanwhile_leaves_all_alike(make_world: MakeWorld, world: World) -> None:
    waiting = await edits(world, {"status": 1}, {"status": 2})
    world.server.gate.set()
    world.server.gate.clear()  # only the first gets through
    await world.clock.settle()
    assert [call.data for call in world.server.calls[1:]] == [{"status": 2}]
    await world.engine.stop(0)
    await world.store.open(now=world.clock.now())
    stored = [await world.get(one) for one in waiting]
    assert {(one.status, one.reason) for one in stored} == {(Status.UNCERTAIN, Reason.INTERRUPTED)}
    records(world).held["status"] = 2  # it had arrived
    again = await make_world(store=world.store, server=world.server)
    await again.clock.advance(60)
    assert await statuses(again, waiting) == [Status.COMPLETED] * 2
    assert len(world.server.calls) == 2

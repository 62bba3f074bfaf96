"""Requests that share a call, on a clock that the test moves."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from tests.core.engine.conftest import MakeWorld, Server, World, failure
from typing_extensions import override

from autotask_queue.model.errors import ProcessorError
from autotask_queue.model.events import BatchCompleted, BatchCreated, BatchFailed, BatchProcessing
from autotask_queue.model.failure import Applied, Failure, FailureClass
from autotask_queue.model.request import AttemptResult, Reply, Request, RequestId
from autotask_queue.model.status import Reason, Status

INVALID = failure(FailureClass.VALIDATION, status=500)
BUSY = failure(FailureClass.SERVER_TRANSIENT, status=503)
LOST = failure(FailureClass.TIMEOUT_UNKNOWN, applied=Applied.UNKNOWN)
ABSENT = failure(FailureClass.NOT_FOUND, status=404)


@dataclass
class BatchServer(Server):
    """Also does several at once; `bad` spoils every call it is in, `absent` is missing in the answer."""

    groups: list[list[RequestId]] = field(default_factory=list)
    bad: dict[RequestId, Failure] = field(default_factory=dict)
    own: dict[RequestId, Failure] = field(default_factory=dict)
    absent: set[RequestId] = field(default_factory=set)

    @override
    async def process_request(self, request: Request) -> Reply:
        self.groups.append([request.id])
        for known in (self.bad, self.own):
            if request.id in known:
                raise ProcessorError("bad", failure=known[request.id])
        if request.id in self.absent:
            raise ProcessorError("absent", failure=ABSENT)
        return await super().process_request(request)

    async def process_batch(self, requests: Sequence[Request]) -> Mapping[RequestId, Any]:
        self.groups.append([r.id for r in requests])
        await self.gate.wait()
        for request in requests:
            if request.id in self.bad:
                raise ProcessorError("bad", failure=self.bad[request.id])
        if self.script:
            step = self.script.pop(0)
            assert isinstance(step, Failure)
            raise ProcessorError(step.message, failure=step)
        return {
            r.id: ProcessorError("own", failure=self.own[r.id]) if r.id in self.own else {"for": r.id}
            for r in requests
            if r.id not in self.absent
        }


@pytest.fixture
def server() -> BatchServer:
    return BatchServer()


async def waiting(world: World, count: int, *, method: str = "GET", **options: Any) -> list[Request]:
    """Requests that wait together, until `go`."""
    await world.engine.gates.pause(None, why="", actor="t")
    values = {"batchable": True, "data": None, **options}
    return [await world.submit(f"/Tickets/{n}", method, **values) for n in range(count)]


async def go(world: World, seconds: float = 0.1) -> None:
    await world.engine.gates.resume(why="", actor="t")
    await world.clock.advance(seconds)


async def statuses(world: World, requests: Sequence[Request]) -> list[Status]:
    return [(await world.get(r)).status for r in requests]


def groups_of(world: World) -> list[list[RequestId]]:
    assert isinstance(world.server, BatchServer)
    return world.server.groups


async def test_bt1_each_gets_its_own_result_once(make_world: MakeWorld, server: BatchServer) -> None:
    world = await make_world(server=server)
    requests = await waiting(world, 10)
    server.own[requests[3].id] = INVALID
    server.absent.add(requests[4].id)
    await go(world)
    assert groups_of(world) == [[r.id for r in requests]]
    for place, request in enumerate(requests):
        done = await world.get(request)
        attempts = await world.attempts(request)
        assert len(attempts) == 1
        assert "9 others" in attempts[0].note
        assert world.names().count("request.processing") == 10
        if place in (3, 4):
            assert done.status is Status.FAILED
            assert done.failure is not None
            assert done.failure.kind is (FailureClass.VALIDATION if place == 3 else FailureClass.NOT_FOUND)
        else:
            assert (done.status, done.reply) == (Status.COMPLETED, Reply(body={"for": request.id}))
    outcome = await world.engine.settler.wait(requests[0].id)
    assert outcome.ok


async def test_bt1_events_and_numbers_tell_of_it(make_world: MakeWorld, server: BatchServer) -> None:
    world = await make_world(server=server)
    requests = await waiting(world, 6)
    server.own[requests[0].id] = INVALID
    await go(world)
    told = [e for e in world.events if e.name.startswith("batch.")]
    assert [type(e) for e in told] == [BatchCreated, BatchProcessing, BatchCompleted]
    last = told[-1]
    assert isinstance(last, BatchCompleted)
    assert (last.zone, last.entity, len(last.ids), last.failed, last.calls) == ("z1", "Tickets", 6, 1, 1)
    metrics = await world.engine.monitor.metrics()
    assert (metrics.batches.batches, metrics.batches.requests, metrics.batches.calls) == (1, 6, 1)
    assert (metrics.batches.average_size, metrics.batches.calls_saved) == (6.0, 5)
    assert metrics.batches.sizes == {"z1/Tickets": 10}
    assert metrics.api_calls_last_hour == 1, "a batch is one call"


@pytest.mark.parametrize("poisons", [(), (0,), (7,), (2, 5)])
async def test_bt2_batched_and_alone_end_alike(make_world: MakeWorld, poisons: tuple[int, ...]) -> None:
    ends = []
    for enabled in (True, False):
        world = await make_world(server=BatchServer(), batching_enabled=enabled)
        requests = await waiting(world, 8)
        assert isinstance(world.server, BatchServer)
        world.server.bad = {requests[n].id: INVALID for n in poisons}
        world.server.absent = {requests[3].id}
        await go(world, 10)
        rows = [await world.get(r) for r in requests]
        ends.append([(r.status, r.failure.kind if r.failure else None, r.attempts) for r in rows])
        if not enabled:
            assert all(len(group) == 1 for group in world.server.groups)
    assert ends[0] == ends[1]


@pytest.mark.parametrize("poisons", [(3,), (0, 9), (1, 4, 5)])
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_bt4_poisons_cost_few_calls_and_hurt_nobody(
    make_world: MakeWorld, server: BatchServer, poisons: tuple[int, ...], method: str
) -> None:
    world = await make_world(server=server)
    requests = await waiting(world, 10, method=method)
    server.bad = {requests[n].id: INVALID for n in poisons}
    await go(world, 10)
    failed = [n for n, status in enumerate(await statuses(world, requests)) if status is Status.FAILED]
    assert failed == list(poisons)
    assert len(groups_of(world)) <= len(poisons) * (math.ceil(math.log2(10)) + 1) + 1
    assert world.engine.board.get_metrics("z1").state == "closed", "refused content hurts no zone"
    ends = [e for e in world.events if isinstance(e, BatchCompleted)]
    assert [(e.failed, e.calls) for e in ends] == [(len(poisons), len(groups_of(world)))]


async def test_writes_of_which_nobody_knows_the_fate_are_each_uncertain(
    make_world: MakeWorld, server: BatchServer
) -> None:
    world = await make_world(server=server)
    server.script = [LOST]
    requests = await waiting(world, 4, method="POST")
    await go(world)
    assert await statuses(world, requests) == [Status.UNCERTAIN] * 4
    assert len(groups_of(world)) == 1
    assert [a.result for a in await world.attempts(requests[3])] == [AttemptResult.UNKNOWN]
    assert isinstance(next(e for e in world.events if isinstance(e, BatchFailed)).failure, Failure)
    await world.clock.advance(600)
    assert {(await world.get(r)).reason for r in requests} == {Reason.CONFIRM}
    assert len(groups_of(world)) == 1, "nothing is sent again"


async def test_a_write_that_the_answer_leaves_out_is_uncertain(
    make_world: MakeWorld, server: BatchServer
) -> None:
    world = await make_world(server=server)
    requests = await waiting(world, 3, method="POST")
    server.absent = {requests[1].id}
    await go(world)
    assert await statuses(world, requests) == [Status.COMPLETED, Status.UNCERTAIN, Status.COMPLETED]


async def test_a_fault_of_the_server_repeats_all_in_smaller_groups(
    make_world: MakeWorld, server: BatchServer
) -> None:
    world = await make_world(server=server, max_batch_size=500)
    server.script = [BUSY]
    requests = await waiting(world, 20)
    await go(world, 10)
    assert await statuses(world, requests) == [Status.COMPLETED] * 20
    first, *later = [len(group) for group in groups_of(world)]
    assert first == 20
    assert max(later) == 1, "a tenth of 20, in eighths: they go alone"
    assert {(await world.get(r)).attempts for r in requests} == {2}


async def test_being_offline_uses_up_no_try(make_world: MakeWorld, server: BatchServer) -> None:
    world = await make_world(server=server)
    server.script = [failure(FailureClass.LOCAL_OFFLINE)]
    server.probe_failure = failure(FailureClass.LOCAL_OFFLINE)
    requests = await waiting(world, 5)
    await go(world)
    assert await statuses(world, requests) == [Status.PENDING] * 5
    assert {(await world.get(r)).attempts for r in requests} == {0}


async def test_no_more_share_a_call_than_the_settings_say(make_world: MakeWorld, server: BatchServer) -> None:
    world = await make_world(server=server, max_batch_size=4)
    await waiting(world, 10)
    await go(world, 1)
    assert sorted(len(group) for group in groups_of(world)) == [2, 4, 4]


async def test_only_the_batchable_share_a_call(make_world: MakeWorld, server: BatchServer) -> None:
    world = await make_world(server=server)
    alike = await waiting(world, 2)
    others = [
        await world.submit("/Tickets/7", "GET", data=None),
        await world.submit("/Tickets/7", "GET", data=None, batchable=True, headers={"X-A": "1"}),
        await world.submit("/Tickets/7", "GET", data=None, batchable=True, timeout=2.0),
        await world.submit("/Companies/7", "GET", data=None, batchable=True),
        await world.submit("/Tickets/7", "GET", zone="z2", data=None, batchable=True),
    ]
    await go(world, 1)
    assert sorted(map(len, groups_of(world))) == [1, 1, 1, 1, 1, 2]
    assert await statuses(world, [*alike, *others]) == [Status.COMPLETED] * 7


async def test_a_batch_takes_one_slot_of_its_endpoint(make_world: MakeWorld, server: BatchServer) -> None:
    world = await make_world(
        server=server, max_concurrency=3, max_batch_size=4, zones={"z1": {"max_concurrency": 2}}
    )
    server.gate.clear()
    requests = await waiting(world, 12)
    await go(world, 0.2)
    assert [len(group) for group in groups_of(world)] == [4, 4]
    assert (await statuses(world, requests)).count(Status.PROCESSING) == 8
    server.gate.set()
    await world.clock.advance(0.2)
    assert await statuses(world, requests) == [Status.COMPLETED] * 12


async def test_a_zone_under_test_gets_one_request(make_world: MakeWorld, server: BatchServer) -> None:
    world = await make_world(server=server)
    requests = await waiting(world, 5)
    world.engine.board._announce("z1", world.engine.board.zone("z1").test_first("a test"))
    await go(world, 0.01)
    assert len(groups_of(world)[0]) == 1
    await world.clock.advance(60)
    assert await statuses(world, requests) == [Status.COMPLETED] * 5


async def test_background_reads_wait_for_company(make_world: MakeWorld, server: BatchServer) -> None:
    world = await make_world(server=server)
    for n in range(3):
        await world.submit(f"/Tickets/{n}", "GET", data=None, batchable=True, priority=1)
        await world.clock.advance(0.3)
    assert groups_of(world) == []
    await world.clock.advance(0.2)
    assert [len(group) for group in groups_of(world)] == [3]


async def test_a_person_does_not_wait_for_company(make_world: MakeWorld, server: BatchServer) -> None:
    world = await make_world(server=server)
    await world.submit("/Tickets/1", "GET", data=None, batchable=True, priority=9)
    await world.clock.settle()
    assert len(groups_of(world)) == 1


async def test_a_person_who_joins_others_makes_them_go(make_world: MakeWorld, server: BatchServer) -> None:
    world = await make_world(server=server)
    for priority in (1, 10):
        await world.submit(f"/Tickets/{priority}", "GET", data=None, batchable=True, priority=priority)
        await world.clock.settle()
    assert [len(group) for group in groups_of(world)] == [2]


async def test_a_full_batch_goes_at_once(make_world: MakeWorld, server: BatchServer) -> None:
    world = await make_world(server=server, max_batch_size=3)
    for n in range(3):
        await world.submit(f"/Tickets/{n}", "GET", data=None, batchable=True, priority=1)
    await world.clock.settle()
    assert [len(group) for group in groups_of(world)] == [3]


async def test_a_hostile_answer_fails_no_more_than_its_requests(
    make_world: MakeWorld, server: BatchServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def strange(requests: Sequence[Request]) -> Any:
        return [1, 2, 3]

    monkeypatch.setattr(server, "process_batch", strange)
    world = await make_world(server=server)
    requests = await waiting(world, 4)
    await go(world, 10)
    assert await statuses(world, requests) == [Status.COMPLETED] * 4, "each alone, in the end"


async def test_a_shutdown_parks_all_of_a_batch(make_world: MakeWorld, server: BatchServer) -> None:
    world = await make_world(server=server)
    server.gate.clear()
    reads = await waiting(world, 3)
    writes = [await world.submit("/Notes/1", "POST", batchable=True) for _ in range(3)]
    await go(world, 0.1)
    assert await statuses(world, [*reads, *writes]) == [Status.PROCESSING] * 6
    await world.engine.stop(0.01)
    await world.store.open(now=world.clock.now())
    assert await statuses(world, reads) == [Status.PENDING] * 3
    assert await statuses(world, writes) == [Status.UNCERTAIN] * 3

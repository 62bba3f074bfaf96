"""From a composed request to a record in Autotask, once, whatever happens on the way."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

import pytest

from autotask_queue import (
    BreakerState,
    Connectivity,
    Credentials,
    GateKind,
    InvalidRequest,
    QuickSetup,
    Reason,
    RequestFailed,
    RequestFilter,
    Status,
)
from autotask_queue.simulator import Simulator

pytestmark = pytest.mark.integration

TICKET: dict[str, Any] = {
    "companyID": 0, "queueID": 5, "priority": 2, "status": 1, "dueDateTime": "2030-03-21T00:00:00Z",
}  # fmt: skip


def ticket(title: str, **more: Any) -> dict[str, Any]:
    return TICKET | {"title": title} | more


def named(sim: Simulator, prefix: str) -> list[dict[str, Any]]:
    return [t for t in sim.state()["entities"]["Tickets"] if str(t["title"]).startswith(prefix)]


@pytest.fixture(params=["memory", "sqlite"])
def backend(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    """Makes a queue on either backend; on SQLite a second call opens the same file again."""

    def make(credentials: dict[str, Credentials], **config: Any) -> Any:
        if request.param == "memory":
            return QuickSetup.memory(credentials=credentials, **config)
        return QuickSetup.sqlite(tmp_path / "queue.db", credentials=credentials, **config)

    return make


async def test_a_ticket_composed_here_is_created_there(
    sim: Simulator, credentials: dict[str, Credentials], backend: Any
) -> None:
    async with backend(credentials) as queue:
        reply = await queue.enqueue("/Tickets", "POST", "zone1", data=ticket("First light"), priority=10)
    assert [t["id"] for t in named(sim, "First light")] == [reply.record_id]
    assert reply.status_code == 200


async def test_ten_tickets_whose_replies_are_all_lost_arrive_once_each(
    sim: Simulator, credentials: dict[str, Credentials], backend: Any
) -> None:
    sim.add_fault("drop_after_apply", route="POST /Tickets$")
    async with backend(credentials) as queue:
        receipts = [
            await queue.submit("/Tickets", "POST", "zone1", data=ticket(f"Lost {i}")) for i in range(10)
        ]
        outcomes = await asyncio.gather(*(queue.result(r.id, timeout=60) for r in receipts))
    assert [o.status for o in outcomes] == [Status.COMPLETED] * 10
    assert all(o.reply is not None and o.reply.adopted for o in outcomes)
    arrived = named(sim, "Lost ")
    assert sorted(t["title"] for t in arrived) == sorted(f"Lost {i}" for i in range(10))
    assert {o.reply.record_id for o in outcomes if o.reply} == {t["id"] for t in arrived}


async def test_notes_and_time_go_to_their_ticket_in_order(
    sim: Simulator, credentials: dict[str, Credentials], backend: Any
) -> None:
    async with backend(credentials) as queue:
        created = await queue.enqueue("/Tickets", "POST", "zone1", data=ticket("With notes"))
        number = created.record_id
        for i in range(4):
            await queue.submit(
                f"/Tickets/{number}/Notes", "POST", "zone1",
                data={"title": f"note {i}", "description": "d", "noteType": 1, "publish": 1},
            )  # fmt: skip
        await queue.submit("/Tickets", "PATCH", "zone1", data={"id": number, "status": 8})
        await _drained(queue)
    notes = [n for n in sim.state()["entities"]["TicketNotes"] if n["ticketID"] == number]
    assert [n["title"] for n in notes] == [f"note {i}" for i in range(4)]
    assert next(t for t in named(sim, "With notes"))["status"] == 8


async def test_a_refusal_is_told_in_the_servers_words_and_harms_nobody(
    sim: Simulator, credentials: dict[str, Credentials], backend: Any
) -> None:
    async with backend(credentials) as queue:
        with pytest.raises(RequestFailed) as caught:
            await queue.enqueue("/Tickets", "POST", "zone1", data=ticket("Bad", status=4711))
        failure = caught.value.outcome.failure
        assert failure is not None
        assert "4711" in failure.message
        assert failure.remedy
        assert queue.circuit_breaker.get_metrics("zone1").state is BreakerState.CLOSED
        stored = (await queue.get_requests(RequestFilter(status=(Status.FAILED,))))[0]
        await queue.edit(stored.id, data=ticket("Good"))
        assert (await queue.result(stored.id, timeout=20)).ok
    assert named(sim, "Bad") == []
    assert len(named(sim, "Good")) == 1


async def test_what_can_never_be_sent_is_refused_at_once_and_nothing_is_stored(
    sim: Simulator, credentials: dict[str, Credentials], backend: Any
) -> None:
    async with backend(credentials) as queue:
        for endpoint, method in (("/TicketNotes", "POST"), ("/Tickets/5", "PATCH"), ("tickets", "GET")):
            with pytest.raises(InvalidRequest):
                await queue.submit(endpoint, method, "zone1", data={"id": 5})
        assert await queue.count() == 0


async def test_composed_offline_it_is_sent_when_the_network_is_back(
    sim: Simulator, credentials: dict[str, Credentials], backend: Any
) -> None:
    fault = sim.add_fault("offline")
    async with backend(credentials) as queue:
        receipt = await queue.submit("/Tickets", "POST", "zone1", data=ticket("Offline"))
        await _until(lambda: queue.connectivity.state is Connectivity.OFFLINE)
        assert [g.kind for g in queue.gates()] == [GateKind.OFFLINE]
        await _until_status(queue, receipt.id, Status.PENDING)  # the gate closes before the row is settled
        assert (await queue.get_request(receipt.id)).attempts == 0
        assert await sim.end_fault(fault)
        state = await queue.check_connection()
        assert state.state is Connectivity.ONLINE
        assert (await queue.result(receipt.id, timeout=20)).ok
    assert len(named(sim, "Offline")) == 1


async def test_wrong_credentials_stop_after_one_refusal_and_lose_nothing(
    sim: Simulator, credentials: dict[str, Credentials], backend: Any
) -> None:
    good = credentials["zone1"]
    bad = Credentials(user=good.user, secret="wrong", integration_code=good.integration_code, url=good.url)
    async with backend({"zone1": bad}) as queue:
        receipts = [
            await queue.submit("/Tickets", "POST", "zone1", data=ticket(f"Later {i}")) for i in range(3)
        ]
        await _until(lambda: any(g.kind is GateKind.SIGN_IN for g in queue.gates()))
        stored = [await queue.get_request(r.id) for r in receipts]
        assert {s.status for s in stored} <= {Status.PENDING, Status.PROCESSING}
        refused = sim.state()["requests"]
        await asyncio.sleep(0)
        assert sim.state()["requests"] - refused <= 1
    assert named(sim, "Later") == []


async def test_a_write_interrupted_by_the_end_of_the_program_is_looked_up_next_time(
    sim: Simulator, credentials: dict[str, Credentials], tmp_path: Path
) -> None:
    path = tmp_path / "queue.db"
    sim.add_fault("hang", route="POST /Tickets$", count=1)
    async with QuickSetup.sqlite(path, credentials=credentials, shutdown_grace=0.2) as queue:
        receipt = await queue.submit("/Tickets", "POST", "zone1", data=ticket("Interrupted"))
        await _until_status(queue, receipt.id, Status.PROCESSING)
        await asyncio.sleep(0.2)  # let the bytes leave
    async with QuickSetup.sqlite(path, credentials=credentials) as queue:
        found = await queue.get_request(receipt.id)
        assert found.status in (Status.UNCERTAIN, Status.COMPLETED)
        assert found.reason in (Reason.INTERRUPTED, Reason.NOT_FOUND_YET, None)
        assert len(named(sim, "Interrupted")) <= 1
        assert [w["method"] for w in sim.state()["writes"]].count("POST") <= 1


async def _drained(queue: Any) -> None:
    await _until(lambda: queue.counters().count(Status.PENDING, Status.PROCESSING, Status.RETRYING) == 0)


async def _until(condition: Any, seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        await asyncio.sleep(0.02)


async def _until_status(queue: Any, request_id: str, status: Status) -> None:
    deadline = time.monotonic() + 20.0
    while (await queue.get_request(request_id)).status is not status:
        assert time.monotonic() < deadline, f"it did not become {status.value} in time"
        await asyncio.sleep(0.02)

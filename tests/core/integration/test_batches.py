"""Requests that share a call: over real HTTP, and through a killed process."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest

from autotask_queue import Credentials, EchoProcessor, QuickSetup, Status
from autotask_queue.simulator import Simulator

pytestmark = pytest.mark.integration

CHILD = Path(__file__).with_name("batch_child.py")
PATIENCE = 30.0


@pytest.mark.parametrize("enabled", [True, False])
async def test_bt2_two_hundred_reads_are_few_calls_with_the_same_answers(
    sim: Simulator, credentials: dict[str, Credentials], tmp_path: Path, *, enabled: bool
) -> None:
    companies = [company["id"] for company in sim.state()["entities"]["Companies"]]
    path = tmp_path / "queue.db"
    async with QuickSetup.sqlite(path, credentials=credentials, batching_enabled=enabled) as queue:
        one = await queue.enqueue(f"/Companies/{companies[0]}", "GET", "zone1")
        await queue.pause()
        count = 200 if enabled else 20
        wanted = [companies[n % len(companies)] for n in range(count - 1)] + [99_999_999]
        receipts = [await queue.submit(f"/Companies/{i}", "GET", "zone1", batchable=True) for i in wanted]
        before = sim.state()["requests"]
        await queue.resume()
        outcomes = [await queue.result(receipt.id, timeout=PATIENCE) for receipt in receipts]
        calls = sim.state()["requests"] - before
        metrics = await queue.get_metrics()
    for record, outcome in zip(wanted[:-1], outcomes, strict=False):
        assert outcome.ok
        assert outcome.reply is not None
        assert outcome.reply.body["item"]["id"] == record
    same = outcomes[0].reply
    assert same == one, "as a call of its own would have answered, to the last field"
    missing = outcomes[-1]
    assert missing.status is Status.FAILED
    assert missing.failure is not None
    assert (missing.failure.kind.value, missing.failure.http_status) == ("not_found", 404)
    if enabled:
        assert calls <= 5
        assert metrics.batches.calls_saved + metrics.shared_reads >= 195
    else:
        assert calls == count


async def test_a_process_killed_during_a_batch_leaves_nothing_stuck(tmp_path: Path) -> None:
    path = tmp_path / "queue.db"
    child = await asyncio.create_subprocess_exec(
        sys.executable, str(CHILD), str(path), stdout=asyncio.subprocess.PIPE
    )
    assert child.stdout is not None
    async with asyncio.timeout(PATIENCE):
        told = {(await child.stdout.readline()).decode().strip() for _ in range(2)}
    child.kill()
    await child.wait()
    assert told == {"GET 5", "POST 5"}
    async with QuickSetup.sqlite(path, processors={"echo": EchoProcessor()}) as queue:
        for request in await queue.get_requests():
            if request.method == "GET":
                assert (await queue.result(request.id, timeout=PATIENCE)).ok
            else:
                assert request.status in (Status.UNCERTAIN, Status.HELD), "never simply sent again"
        assert queue.counters().count(Status.PROCESSING) == 0


async def test_bt5_ten_edits_made_offline_are_one_call(
    sim: Simulator, credentials: dict[str, Credentials], tmp_path: Path
) -> None:
    record = sim.state()["entities"]["Tickets"][0]["id"]
    async with QuickSetup.sqlite(tmp_path / "queue.db", credentials=credentials) as queue:
        await queue.work_offline()
        edits = [{"priority": n % 4 + 1, "title": f"Version {n}"} for n in range(9)]
        edits.append({"description": "last", "Priority": 3})
        receipts = [
            await queue.submit("/Tickets", "PATCH", "zone1", data={"id": record, **edit}) for edit in edits
        ]
        before = sim.state()["requests"]
        await queue.work_online()
        outcomes = [await queue.result(receipt.id, timeout=PATIENCE) for receipt in receipts]
        batches = (await queue.get_metrics()).batches
        (own,) = await queue.attempts(receipts[4].id)
    assert [outcome.status for outcome in outcomes] == [Status.COMPLETED] * 10
    assert {outcome.reply.record_id for outcome in outcomes if outcome.reply} == {record}
    (ticket,) = [t for t in sim.state()["entities"]["Tickets"] if t["id"] == record]
    assert (ticket["title"], ticket["priority"], ticket["description"]) == ("Version 8", 3, "last")
    assert (batches.batches, batches.requests, batches.calls) == (1, 10, 1)
    assert sim.state()["requests"] - before <= 4, "one edit, and questions whether the zone is there"
    assert own.note == f"Sent together with request {receipts[0].seq}."

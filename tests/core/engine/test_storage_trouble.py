"""A full or failing disk: nothing is lost or sent twice, and all goes on by itself when the disk does."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from tests.core.clock import FakeClock
from tests.core.engine.conftest import Server, failure
from tests.core.engine.troubled import FULL, TroubledStore

from autotask_queue.manager import QueueManager
from autotask_queue.model.errors import StoreError
from autotask_queue.model.failure import Applied, FailureClass
from autotask_queue.model.metrics import HealthLevel
from autotask_queue.model.presets import create_test_configuration
from autotask_queue.model.status import Status
from autotask_queue.store import MemoryStore

TICKET = ("/Tickets", "POST", "z1")
CHILD = Path(__file__).with_name("full_disk_child.py")


class Bench:
    def __init__(self) -> None:
        self.clock = FakeClock()
        self.store = TroubledStore(MemoryStore())
        self.server = Server()
        self.names: list[str] = []
        self.queue = QueueManager(
            create_test_configuration(persistence={"options": {"checkpoint_interval": 5}}),
            processors={"server": self.server},
            clock=self.clock,
            store=self.store,
        )
        self.queue.on("*", lambda event: self.names.append(event.name))


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    made = Bench()
    await made.queue.initialize()
    yield made
    made.store.failing.clear()
    made.server.gate.set()
    await made.queue.shutdown(grace=0.1)


async def test_a_disk_that_is_full_for_an_hour_stops_nothing_for_good(
    bench: Bench, expected_logs: Any
) -> None:
    expected_logs("cannot be written")
    waiting = await bench.queue.submit(*TICKET, scheduled_at=bench.clock.now() + 60)
    bench.server.script = [failure(FailureClass.TIMEOUT_UNKNOWN, applied=Applied.YES)]
    lost = await bench.queue.submit(*TICKET)
    await bench.clock.settle()
    assert (await bench.queue.get_request(lost.id)).status is Status.UNCERTAIN
    bench.store.failing["*"] = FULL
    await bench.clock.advance(3_600)
    health = await bench.queue.get_health()
    assert health.status is HealthLevel.CRITICAL
    assert health.components[0].reason == FULL.message
    assert bench.queue._engine.ctx.tasks.failed == {}, "no part may be given up because of a full disk"
    assert sum(bench.store.calls.values()) < 2_000, "it must not be tried all the time"
    bench.store.failing.clear()
    await bench.clock.advance(120)
    assert (await bench.queue.result(waiting.id)).ok
    assert (await bench.queue.result(lost.id)).ok
    assert len(bench.server.calls) == 2
    assert bench.names.count("health.degraded") == 1
    assert bench.names.count("health.recovered") == 1
    assert (await bench.queue.get_health()).components[0].level is HealthLevel.HEALTHY


@pytest.mark.parametrize(
    ("call", "work"),
    [
        ("enqueue", lambda q, i: q.submit(*TICKET)),
        ("enqueue", lambda q, i: q.enqueue(*TICKET)),
        ("apply", lambda q, i: q.cancel_request(i)),
        ("apply", lambda q, i: q.edit(i, data={"n": 2})),
        ("apply_matching", lambda q, i: q.clear()),
        ("put_document", lambda q, i: q.pause(5)),
        ("delete_document", lambda q, i: q.resume()),
        ("put_document", lambda q, i: q.work_offline()),
        ("save_breaker", lambda q, i: q.circuit_breaker.force_open("z1", "why")),
        ("save_breaker", lambda q, i: q.circuit_breaker.release("z2", "why")),
        ("save_breaker", lambda q, i: q.circuit_breaker.extend("z2", 60)),
    ],
)
async def test_a_command_that_cannot_be_stored_says_so_and_changes_nothing(
    bench: Bench, call: str, work: Any
) -> None:
    await bench.queue.pause()
    await bench.queue.circuit_breaker.force_open("z2", "firewall", expires_in=600)
    receipt = await bench.queue.submit(*TICKET, data={"n": 1})
    before = await bench.queue.get_request(receipt.id)
    gates = bench.queue.gates()
    bench.store.failing[call] = FULL
    with pytest.raises(StoreError) as refused:
        await work(bench.queue, receipt.id)
    assert refused.value.remedy
    bench.store.failing.clear()
    assert await bench.queue.get_request(receipt.id) == before
    assert bench.queue.gates() == gates
    assert await bench.queue.count() == 1


async def test_waiters_of_a_clear_that_failed_half_way_are_told(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    await bench.queue.pause()
    receipt = await bench.queue.submit(*TICKET)
    waiter = asyncio.ensure_future(bench.queue.result(receipt.id))
    await bench.clock.settle()
    applied = bench.store.store.apply_matching

    async def half(*args: Any) -> Any:
        await applied(*args)
        raise FULL  # the next chunk did not fit

    monkeypatch.setattr(bench.store.store, "apply_matching", half)
    with pytest.raises(StoreError):
        await bench.queue.clear()
    async with asyncio.timeout(5):
        assert (await waiter).status is Status.CANCELLED
    assert "requests.changed" in bench.names


async def test_a_pause_whose_end_cannot_be_stored_ends_later(bench: Bench, expected_logs: Any) -> None:
    expected_logs("cannot be written")
    await bench.queue.pause(60)
    receipt = await bench.queue.submit(*TICKET)
    bench.store.failing["delete_document"] = FULL
    await bench.clock.advance(600)
    assert bench.queue.is_paused
    bench.store.failing.clear()
    await bench.clock.advance(60)
    assert (await bench.queue.result(receipt.id)).ok


@pytest.mark.integration
async def test_a_real_disk_that_is_full_and_then_is_not(tmp_path: Path) -> None:
    """A process of its own, whose files may not grow: SQLite then fails in enqueue, claim and settle."""
    child = await asyncio.create_subprocess_exec(
        sys.executable, str(CHILD), str(tmp_path / "queue.db"), stdout=asyncio.subprocess.PIPE
    )
    async with asyncio.timeout(90):
        out, _ = await child.communicate()
    assert child.returncode == 0, out
    seen = json.loads(out)
    assert seen["refused"] > 0, "the disk was never full"
    assert seen["settled_while_full"] == 0
    assert seen["acknowledged"] > 5
    assert seen["lost"] == []
    assert seen["sent_twice"] == []
    assert set(seen["statuses"]) == {"completed"}
    assert "storage" in seen["degraded"]
    assert "storage" in seen["recovered"]

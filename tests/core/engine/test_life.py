"""Starting, stopping and giving up waiting: in any order, at any moment, more than once."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from tests.core.clock import FakeClock
from tests.core.engine.conftest import MakeWorld, Server, failure
from tests.core.engine.troubled import FULL, TroubledStore

from autotask_queue.manager import QueueManager
from autotask_queue.model.errors import NoProcessor, QueueClosed, StoreError, StoreInUse
from autotask_queue.model.failure import FailureClass
from autotask_queue.model.filters import RequestFilter
from autotask_queue.model.presets import create_test_configuration
from autotask_queue.model.request import AttemptResult, Request
from autotask_queue.model.status import Reason, Status
from autotask_queue.store import MemoryStore, SqliteStore

OFFLINE = failure(FailureClass.LOCAL_OFFLINE)
TICKET = ("/Tickets", "POST", "z1")


class Bench:
    """A manager whose store, clock and server the test holds in its hands."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.store = TroubledStore(MemoryStore())
        self.server = Server()
        self.queue = self.manager()

    def manager(self, **options: Any) -> QueueManager:
        return QueueManager(
            create_test_configuration(),
            processors={"server": self.server},
            clock=self.clock,
            **{"store": self.store, **options},
        )

    async def stored(self, request_id: str) -> Request:
        """What the store holds, also after a shutdown."""
        await self.store.store.open(now=self.clock.now()) if not self.queue.is_running else None
        (found,) = await self.store.store.find(RequestFilter(ids=(request_id,)))  # type: ignore[arg-type]
        return found


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    made = Bench()
    yield made
    made.server.gate.set()
    for gates in (made.store.held_before, made.store.held_after):
        for event in gates.values():
            event.set()
    made.store.failing.clear()
    await made.queue.shutdown(grace=0.1)


# -- starting


async def test_before_the_start_and_after_the_end_everything_says_so(bench: Bench) -> None:
    queue = bench.queue

    async def closed() -> None:
        for call in (
            queue.submit(*TICKET),
            queue.enqueue(*TICKET),
            queue.result("x"),
            queue.get_requests(),
            queue.cancel_request("x"),
            queue.retry("x"),
            queue.pause(),
            queue.work_offline(),
            queue.send_now(),
            queue.get_metrics(),
            queue.minutes(since=0),
            queue.circuit_breaker.force_open("z1", "why"),
            queue.circuit_breaker.release("z1", "why"),
            queue.circuit_breaker.test_now("z1"),
            queue.documents.put("k", "a", 1),
            queue.documents.get("k", "a"),
        ):
            with pytest.raises((QueueClosed, StoreError)) as refused:
                await call
            assert refused.value.remedy
        assert (await queue.get_health()).components[0].reason == "The queue is not running."
        assert queue.counters().count(*Status) == 0
        assert queue.gates() == ()

    await closed()
    await queue.shutdown()  # before the start: nothing to do
    await queue.initialize()
    await queue.shutdown()
    await closed()


async def test_starting_twice_is_starting_once(bench: Bench) -> None:
    bench.server.gate.clear()
    await asyncio.gather(bench.queue.initialize(), bench.queue.initialize())
    read = await bench.queue.submit("/Tickets/1", "GET", "z1")
    await bench.clock.settle()
    await bench.queue.initialize()
    async with bench.queue:
        await bench.clock.settle()
        assert bench.store.calls["open"] == 1
        assert len(bench.server.calls) == 1, "a second start must not take back what is on the wire"
        bench.server.gate.set()
        assert (await bench.queue.result(read.id)).ok


async def test_a_queue_that_only_stores_can_begin_to_send(bench: Bench) -> None:
    await bench.queue.initialize(send=False)
    receipt = await bench.queue.submit(*TICKET)
    await bench.clock.advance(60)
    assert bench.server.calls == []
    await bench.queue.initialize()
    assert (await bench.queue.result(receipt.id)).ok


async def test_a_queue_lives_once(bench: Bench) -> None:
    async with bench.queue:
        pass
    with pytest.raises(QueueClosed, match="shut down") as refused:
        await bench.queue.initialize()
    assert "new" in refused.value.remedy


@pytest.mark.parametrize("call", ["load_breakers", "get_document", "find"])
async def test_a_start_that_fails_leaves_nothing_open_and_can_be_repeated(bench: Bench, call: str) -> None:
    bench.store.failing[call] = FULL
    with pytest.raises(StoreError):
        await bench.queue.initialize()
    assert not bench.queue.is_running
    assert bench.store.calls["close"] == 1
    bench.store.failing.clear()
    receipt = await _submit_started(bench)
    assert (await bench.queue.result(receipt)).ok


async def _submit_started(bench: Bench) -> str:
    await bench.queue.initialize()
    return (await bench.queue.submit(*TICKET)).id


async def test_a_start_that_is_given_up_leaves_the_file_free(tmp_path: Path) -> None:
    path = tmp_path / "queue.db"
    store = TroubledStore(SqliteStore(path))
    store.held_before["load_breakers"] = asyncio.Event()
    queue = QueueManager(create_test_configuration(), processors={"s": Server()}, store=store)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.2):
            await queue.initialize()
    other = SqliteStore(path)
    await other.open(now=0.0)
    await other.close()


async def test_a_second_queue_on_the_same_file_is_refused_and_harms_nobody(tmp_path: Path) -> None:
    path = tmp_path / "queue.db"
    first, second = (
        QueueManager(create_test_configuration(), processors={"s": Server()}, store=SqliteStore(path))
        for _ in range(2)
    )
    async with first:
        with pytest.raises(StoreInUse):
            await second.initialize()
        with pytest.raises(QueueClosed):
            await second.submit(*TICKET)
        await second.shutdown()
        assert (await first.enqueue(*TICKET)).record_id == 1
    await second.initialize()
    assert await second.count() == 1
    await second.shutdown()


# -- stopping


async def test_a_claim_that_a_shutdown_overtakes_is_handed_back_unsent(bench: Bench) -> None:
    await bench.queue.initialize()
    held = bench.store.held_after["claim"] = asyncio.Event()
    receipt = await bench.queue.submit(*TICKET)
    await bench.clock.settle()
    stopping = asyncio.ensure_future(bench.queue.shutdown(grace=0.0))
    await bench.clock.settle()
    held.set()
    await stopping
    assert bench.server.calls == []
    found = await bench.stored(receipt.id)
    assert found.status is Status.PENDING, "it never left, so nobody has to be asked"
    attempts = await bench.store.store.attempts(found.id)
    assert [a.result for a in attempts] == [AttemptResult.NOT_SENT]


async def test_nothing_is_started_while_a_shutdown_waits_for_the_wire(bench: Bench) -> None:
    await bench.queue.initialize()
    bench.server.gate.clear()
    first = await bench.queue.submit("/Tickets", "PATCH", "z1")
    behind = await bench.queue.submit("/Tickets", "PATCH", "z1")  # the same record: waits its turn
    await bench.clock.settle()
    stopping = asyncio.ensure_future(bench.queue.shutdown(grace=30))
    await bench.clock.settle()
    bench.server.gate.set()
    await stopping
    assert (await bench.stored(first.id)).status is Status.COMPLETED
    assert (await bench.stored(behind.id)).status is Status.PENDING
    assert len(bench.server.calls) == 1


async def test_what_surely_did_not_leave_is_not_in_doubt_after_a_shutdown(bench: Bench) -> None:
    """Offline, the send failed at once; the program ends while the connection is still being checked."""
    await bench.queue.initialize()
    answer = asyncio.Event()

    async def probe(zone: str) -> None:
        await answer.wait()

    bench.server.probe = probe  # type: ignore[method-assign]
    bench.server.script = [OFFLINE]
    receipt = await bench.queue.submit(*TICKET)
    await bench.clock.settle()
    await bench.queue.shutdown(grace=0.0)
    found = await bench.stored(receipt.id)
    assert (found.status, found.attempts) == (Status.PENDING, 0)


async def test_an_answer_that_the_store_did_not_take_in_time_is_kept_at_the_shutdown(
    bench: Bench, expected_logs: Any
) -> None:
    expected_logs("cannot be written")
    await bench.queue.initialize()
    bench.server.gate.clear()
    receipt = await bench.queue.submit(*TICKET)
    await bench.clock.settle()
    bench.store.failing["apply"] = FULL
    bench.server.gate.set()
    await bench.clock.advance(10)
    assert (await bench.queue.get_request(receipt.id)).status is Status.PROCESSING
    stopping = asyncio.ensure_future(bench.queue.shutdown(grace=0.0))
    await asyncio.sleep(0)
    bench.store.failing.clear()
    await stopping
    found = await bench.stored(receipt.id)
    assert found.status is Status.COMPLETED


async def test_a_shutdown_whose_caller_gives_up_goes_on_and_the_next_waits_for_it(bench: Bench) -> None:
    await bench.queue.initialize()
    held = bench.store.held_before["close"] = asyncio.Event()
    first = asyncio.ensure_future(bench.queue.shutdown())
    await bench.clock.settle()
    first.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await first
    second = asyncio.ensure_future(bench.queue.shutdown())
    await bench.clock.settle()
    assert not second.done(), "the file is still open"
    held.set()
    await second
    assert bench.store.calls["close"] == 1


async def test_a_shutdown_cancelled_at_any_moment_still_ends_everything(tmp_path: Path) -> None:
    for turns in range(40):
        server = Server()
        server.gate.clear()
        store = SqliteStore(tmp_path / "queue.db")
        queue = QueueManager(create_test_configuration(), processors={"s": server}, store=store)
        await queue.initialize()
        await queue.submit(*TICKET)
        stopping = asyncio.ensure_future(queue.shutdown(grace=0.01))
        for _ in range(turns):
            await asyncio.sleep(0.0005)
        stopping.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await stopping
        await queue.shutdown()
        other = SqliteStore(tmp_path / "queue.db")
        await other.open(now=0.0)  # the lock is free, and everything has an end
        found = await other.find(RequestFilter(status=(Status.PROCESSING,)))
        assert found == []
        await other.close()


async def test_ending_in_the_middle_of_everything_loses_nothing_acknowledged(tmp_path: Path) -> None:
    path = tmp_path / "queue.db"
    server = Server()
    acknowledged: list[str] = []
    for turn in range(6):
        queue = QueueManager(create_test_configuration(), processors={"s": server}, store=SqliteStore(path))
        await queue.initialize()

        async def keep_submitting(queue: QueueManager = queue) -> None:
            with contextlib.suppress(QueueClosed, StoreError):
                while True:
                    acknowledged.append((await queue.submit(*TICKET)).id)

        tasks = [asyncio.ensure_future(keep_submitting()) for _ in range(5)]
        await asyncio.sleep(0.02 * turn)
        await queue.shutdown(grace=0.0)
        await asyncio.gather(*tasks)
    queue = QueueManager(create_test_configuration(), processors={"s": server}, store=SqliteStore(path))
    async with queue:
        outcomes = [await queue.result(i, timeout=20) for i in acknowledged]
    assert len(acknowledged) > 20
    assert {o.status for o in outcomes} <= {Status.COMPLETED, Status.UNCERTAIN, Status.HELD}
    copies = [call.id for call in server.calls]
    assert len(set(copies)) == len(copies), "sent twice"


async def test_a_stubborn_processor_does_not_keep_a_shutdown_waiting(
    make_world: MakeWorld, expected_logs: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected_logs("does not end")
    monkeypatch.setattr("autotask_queue.engine.supervisor.STUBBORN", 0.1)
    world = await make_world()
    release = asyncio.Event()

    async def stubborn(request: Request) -> Any:
        while not release.is_set():
            try:
                await release.wait()
            except asyncio.CancelledError:
                continue

    world.server.process_request = stubborn
    request = await world.submit()
    await world.clock.settle()
    async with asyncio.timeout(10):
        await world.engine.stop(0.05)
    release.set()
    await world.clock.settle()
    await world.store.open(now=world.clock.now())
    parked = await world.get(request)
    assert (parked.status, parked.reason) == (Status.UNCERTAIN, Reason.INTERRUPTED)
    await world.store.close()


async def test_a_processor_may_shut_the_queue_down_itself(bench: Bench) -> None:
    await bench.queue.initialize()

    async def last(request: Request) -> None:
        await bench.queue.shutdown(grace=0.05)

    bench.server.process_request = last  # type: ignore[assignment, method-assign]
    receipt = await bench.queue.submit(*TICKET)
    async with asyncio.timeout(10):
        while bench.queue.is_running:  # noqa: ASYNC110
            await asyncio.sleep(0)
        await bench.queue.shutdown()
    assert (await bench.stored(receipt.id)).status is Status.UNCERTAIN


async def test_a_subscriber_may_shut_the_queue_down_itself(bench: Bench) -> None:
    await bench.queue.initialize()

    async def enough(event: object) -> None:
        await bench.queue.shutdown()

    bench.queue.on("request.completed", enough)
    receipt = await bench.queue.submit(*TICKET)
    async with asyncio.timeout(10):
        while bench.queue.is_running:  # noqa: ASYNC110
            await asyncio.sleep(0)
        await bench.queue.shutdown()
    assert (await bench.stored(receipt.id)).status is Status.COMPLETED


async def test_a_processors_own_close_is_called_and_may_fail(bench: Bench, expected_logs: Any) -> None:
    expected_logs("raised OSError")
    closed: list[str] = []

    async def close() -> None:
        closed.append("server")
        raise OSError("already gone")

    bench.server.close = close  # type: ignore[attr-defined]
    async with bench.queue:
        pass
    assert closed == ["server"]


# -- waiting


async def test_those_who_wait_are_told_when_the_queue_ends(bench: Bench) -> None:
    await bench.queue.initialize()
    await bench.queue.pause()
    receipt = await bench.queue.submit(*TICKET)
    waiters = [
        asyncio.ensure_future(bench.queue.result(receipt.id)),
        asyncio.ensure_future(bench.queue.enqueue(*TICKET)),
    ]
    await bench.clock.settle()
    await bench.queue.shutdown()
    async with asyncio.timeout(5):
        for waiter in waiters:
            with pytest.raises(QueueClosed) as told:
                await waiter
            assert "safe" in told.value.remedy


async def test_watching_events_ends_with_the_queue_and_begins_at_once(bench: Bench) -> None:
    await bench.queue.initialize()
    stream = bench.queue.events()
    await bench.queue.submit(*TICKET)  # before anybody iterates
    await bench.clock.settle()
    await bench.queue.shutdown()
    async with asyncio.timeout(5):
        names = [event.name async for event in stream]
    assert names[:3] == ["request.enqueued", "request.processing", "request.completed"]


async def test_a_stream_that_nobody_reads_is_forgotten(bench: Bench) -> None:
    bus = bench.queue._engine.ctx.bus
    bench.queue.events()
    assert bus._mailboxes == []
    box = bench.queue.mailbox()
    box.close()
    box.close()
    assert bus._mailboxes == []


async def test_a_submit_whose_caller_gives_up_is_still_sent_and_announced(bench: Bench) -> None:
    await bench.queue.initialize()
    names: list[str] = []
    bench.queue.on("*", lambda event: names.append(event.name))
    held = bench.store.held_after["enqueue"] = asyncio.Event()
    submitting = asyncio.ensure_future(bench.queue.submit(*TICKET))
    await bench.clock.settle()
    submitting.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await submitting
    held.set()
    await bench.clock.settle()
    assert "request.enqueued" in names
    assert "request.completed" in names, "it is stored, so it goes without waiting for the next one"


@pytest.mark.parametrize("command", ["cancel_request", "cancel", "clear"])
async def test_a_cancel_whose_caller_gives_up_still_wakes_those_who_wait(bench: Bench, command: str) -> None:
    await bench.queue.initialize()
    await bench.queue.pause()
    receipt = await bench.queue.submit(*TICKET)
    waiter = asyncio.ensure_future(bench.queue.result(receipt.id))
    await bench.clock.settle()
    name = "apply_matching" if command == "clear" else "apply"
    held = bench.store.held_after[name] = asyncio.Event()
    work = bench.queue.clear() if command == "clear" else getattr(bench.queue, command)(receipt.id)
    cancelling = asyncio.ensure_future(work)
    await bench.clock.settle()
    cancelling.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await cancelling
    held.set()
    async with asyncio.timeout(5):
        assert (await waiter).status is Status.CANCELLED


async def test_a_pause_whose_caller_gives_up_is_in_force(bench: Bench) -> None:
    await bench.queue.initialize()
    held = bench.store.held_after["put_document"] = asyncio.Event()
    pausing = asyncio.ensure_future(bench.queue.pause())
    await bench.clock.settle()
    pausing.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await pausing
    held.set()
    await bench.clock.settle()
    assert bench.queue.is_paused, "it stands in the store, so it must hold now as after a restart"


async def test_waiting_for_what_is_gone_says_so(bench: Bench) -> None:
    from autotask_queue.model.errors import RequestNotFound

    await bench.queue.initialize()
    reply = await bench.queue.submit(*TICKET)
    await bench.queue.result(reply.id)
    assert await bench.store.store.prune(finished_before=bench.clock.now() + 1) == 1
    with pytest.raises(RequestNotFound):
        await bench.queue.result(reply.id)
    with pytest.raises(RequestNotFound):
        await bench.queue.result(reply.id, timeout=0)


async def test_a_wait_that_is_given_up_leaves_nothing_behind(bench: Bench) -> None:
    await bench.queue.initialize()
    await bench.queue.pause()
    receipt = await bench.queue.submit(*TICKET)
    for _ in range(3):
        outcome = await bench.queue.result(receipt.id, timeout=0.001)
        assert (outcome.status, outcome.ok) == (Status.PENDING, False)
    assert bench.queue._engine.settler._waiting == {}


async def test_fifty_wait_for_one_and_one_waits_for_fifty(bench: Bench) -> None:
    await bench.queue.initialize()
    bench.server.gate.clear()
    receipt = await bench.queue.submit(*TICKET)
    waiters = [asyncio.ensure_future(bench.queue.result(receipt.id)) for _ in range(50)]
    replies = [asyncio.ensure_future(bench.queue.enqueue(*TICKET)) for _ in range(50)]
    await bench.clock.settle()
    for waiter in waiters[::2]:
        waiter.cancel()
    bench.server.gate.set()
    await bench.clock.settle()
    assert all(outcome.ok for outcome in await asyncio.gather(*waiters[1::2]))
    assert len({reply.record_id for reply in await asyncio.gather(*replies)}) == 50


# -- enqueue


async def test_enqueue_without_a_processor_stores_nothing(bench: Bench) -> None:
    await bench.queue.initialize()
    with pytest.raises(NoProcessor):
        await bench.queue.enqueue("/Tickets", "POST", "nowhere")
    assert await bench.queue.count() == 0


async def test_enqueue_of_a_child_waits_for_its_parent_and_blames_nobody(bench: Bench) -> None:
    await bench.queue.initialize()
    parent = "018f0000-0000-7000-8000-00000000000a"
    waiting = asyncio.ensure_future(bench.queue.enqueue(*TICKET, depends_on=[parent]))
    await bench.clock.settle()
    assert not waiting.done()
    await bench.queue.submit(*TICKET, request_id=parent)
    assert (await waiting).record_id == 2


async def test_the_same_id_again_is_the_same_request_even_at_the_same_instant(bench: Bench) -> None:
    await bench.queue.initialize()
    names: list[str] = []
    bench.queue.on("request.enqueued", lambda event: names.append(event.name))
    own = "018f0000-0000-7000-8000-00000000000b"
    first = await bench.queue.submit(*TICKET, request_id=own)
    again = await bench.queue.submit(*TICKET, request_id=own)  # the clock has not moved
    assert (first.duplicate, again.duplicate) == (False, True)
    assert len(names) == 1
    assert (await bench.queue.enqueue(*TICKET, request_id=own)).record_id == 1
    assert len(bench.server.calls) == 1


async def test_the_same_id_again_is_found_although_the_queue_is_full() -> None:
    queue = QueueManager(create_test_configuration(max_size=1), processors={"server": Server()})
    async with queue:
        await queue.pause()
        own = "018f0000-0000-7000-8000-00000000000c"
        for number in range(10):
            await queue.submit("/T", "POST", "z1", request_id=own if number == 0 else None)
        assert (await queue.submit("/T", "POST", "z1", request_id=own)).duplicate

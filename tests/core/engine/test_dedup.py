"""What is submitted twice: one request, a clear refusal, or the newer one in its place (D1 to D4)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from tests.core.clock import FakeClock
from tests.core.engine.conftest import Server, failure

from autotask_queue.manager import QueueManager
from autotask_queue.model.errors import DuplicateKey, InvalidRequest, RequestIdTaken
from autotask_queue.model.failure import FailureClass
from autotask_queue.model.filters import RequestFilter
from autotask_queue.model.presets import create_test_configuration
from autotask_queue.model.request import OnDuplicate, Reply
from autotask_queue.model.status import Status
from autotask_queue.store import MemoryStore, SqliteStore

OWN_ID = "019b0000-0000-7000-8000-000000000001"
NOTE = ("/Tickets/7/Notes", "POST", "z")
ALIKE = {"title": "Called the customer", "priority": 7}


class Bench:
    """A manager and the server it sends to."""

    def __init__(self, store: MemoryStore | None = None, **config: object) -> None:
        self.clock = FakeClock()
        self.server = Server()
        self.events: list[str] = []
        self.queue = QueueManager(
            create_test_configuration(**config),
            processors={"server": self.server},
            clock=self.clock,
            store=store or MemoryStore(),
        )
        self.queue.on("*", lambda event: self.events.append(event.name))


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    made = Bench()
    async with made.queue:
        yield made
        made.server.gate.set()


async def test_d1_the_same_id_and_content_is_one_request_however_often(bench: Bench) -> None:
    bench.server.gate.clear()
    receipts = [
        await bench.queue.submit(*NOTE, data=data, priority=priority, summary=summary, request_id=OWN_ID)
        for data, priority, summary in [
            (ALIKE, 5, ""),
            (dict(reversed(ALIKE.items())), 9, "again"),
            (ALIKE, 5, ""),
        ]
    ]
    assert [r.duplicate for r in receipts] == [False, True, True]
    assert {(r.id, r.seq) for r in receipts} == {(OWN_ID, 1)}
    bench.server.gate.set()
    await bench.queue.result(OWN_ID)
    again = await bench.queue.submit(*NOTE, data=ALIKE, request_id=OWN_ID)
    assert (again.duplicate, again.status) == (True, Status.COMPLETED)
    assert len(bench.server.calls) == 1


@pytest.mark.parametrize(
    "other",
    [
        {"data": {"title": "Something else", "priority": 7}},
        {"endpoint": "/Tickets/8/Notes"},
        {"method": "PATCH"},
        {"zone": "z2"},
        {"headers": {"x": "1"}},
    ],
    ids=lambda other: next(iter(other)),
)
async def test_the_same_id_for_something_else_is_a_mistake(bench: Bench, other: dict[str, object]) -> None:
    await bench.queue.pause()
    first = {"endpoint": NOTE[0], "method": "POST", "zone": "z", "data": ALIKE, "request_id": OWN_ID}
    await bench.queue.submit(**first)  # type: ignore[arg-type]
    before = await bench.queue.get_request(OWN_ID)
    with pytest.raises(RequestIdTaken) as refused:
        await bench.queue.submit(**{**first, **other})  # type: ignore[arg-type]
    assert OWN_ID in refused.value.message
    assert refused.value.remedy
    assert await bench.queue.get_request(OWN_ID) == before


async def test_a_person_s_edit_does_not_turn_a_repeat_into_a_mistake(bench: Bench) -> None:
    await bench.queue.pause()
    await bench.queue.submit(*NOTE, data=ALIKE, request_id=OWN_ID)
    await bench.queue.edit(OWN_ID, data={"title": "Edited"})
    assert (await bench.queue.submit(*NOTE, data=ALIKE, request_id=OWN_ID)).duplicate


async def test_d2_two_intended_identical_notes_both_arrive(bench: Bench) -> None:
    receipts = [await bench.queue.submit(*NOTE, data=ALIKE) for _ in range(2)]
    outcomes = [await bench.queue.result(r.id) for r in receipts]
    assert all(o.ok for o in outcomes)
    assert len({o.reply.record_id for o in outcomes if o.reply}) == 2


async def test_a_key_in_use_is_refused_and_the_refusal_names_its_holder(bench: Bench) -> None:
    await bench.queue.pause()
    first = await bench.queue.submit(*NOTE, data=ALIKE, dedup_key="call")
    with pytest.raises(DuplicateKey) as refused:
        await bench.queue.submit(*NOTE, data={"title": "other"}, dedup_key="call")
    assert refused.value.request_id == first.id
    assert first.id in refused.value.message
    assert await bench.queue.count() == 1


async def test_keep_first_gives_the_receipt_of_the_first(bench: Bench) -> None:
    await bench.queue.pause()
    first = await bench.queue.submit(*NOTE, data=ALIKE, dedup_key="call", on_duplicate="keep_first")
    again = await bench.queue.submit(*NOTE, data=ALIKE, dedup_key="call", on_duplicate="keep_first")
    assert (first.duplicate, again.duplicate) == (False, True)
    assert (again.id, again.seq) == (first.id, first.seq)
    assert bench.events.count("request.enqueued") == 1


async def test_replace_cancels_the_first_and_tells_who_waits_for_it(bench: Bench) -> None:
    await bench.queue.pause()
    first = await bench.queue.submit(*NOTE, data=ALIKE, dedup_key="call")
    second = await bench.queue.submit(
        *NOTE, data={"title": "newer"}, dedup_key="call", on_duplicate=OnDuplicate.REPLACE
    )
    assert not second.duplicate
    assert (await bench.queue.result(first.id, timeout=0.5)).status is Status.CANCELLED
    assert bench.events.count("request.cancelled") == 1
    await bench.queue.resume()
    assert (await bench.queue.result(second.id)).ok
    assert [call.data["title"] for call in bench.server.calls] == ["newer"]


async def test_what_is_on_the_wire_is_not_replaced(bench: Bench) -> None:
    bench.server.gate.clear()
    first = await bench.queue.submit(*NOTE, data=ALIKE, dedup_key="call")
    await bench.clock.settle()
    with pytest.raises(DuplicateKey, match="may have been sent"):
        await bench.queue.submit(*NOTE, data=ALIKE, dedup_key="call", on_duplicate="replace")
    bench.server.gate.set()
    assert (await bench.queue.result(first.id)).ok
    await bench.queue.submit(*NOTE, data=ALIKE, dedup_key="call")  # D4: it is free again


@pytest.mark.parametrize("values", [{"on_duplicate": "replace"}, {"dedup_key": "k", "on_duplicate": "merge"}])
async def test_a_policy_without_a_key_or_of_no_kind_is_refused(bench: Bench, values: dict[str, str]) -> None:
    with pytest.raises(InvalidRequest, match="on_duplicate"):
        await bench.queue.submit(*NOTE, data=ALIKE, **values)  # type: ignore[arg-type]


async def test_switched_off_no_key_is_heeded_and_ids_are_still_stored_once() -> None:
    bench = Bench(deduplication_enabled=False)
    async with bench.queue as queue:
        await queue.pause()
        for _ in range(2):
            await queue.submit(*NOTE, data=ALIKE, dedup_key="call", on_duplicate="replace")
            await queue.submit(*NOTE, data=ALIKE, request_id=OWN_ID)
        assert await queue.count(RequestFilter(status=(Status.PENDING,))) == 3


async def test_d3_ids_and_keys_are_known_after_a_restart(tmp_path: Path) -> None:
    for run in range(2):
        async with QueueManager(
            create_test_configuration(), processors={"server": Server()}, store=SqliteStore(tmp_path / "q.db")
        ) as queue:
            await queue.pause()
            assert (await queue.submit(*NOTE, data=ALIKE, request_id=OWN_ID)).duplicate is bool(run)
            kept = await queue.submit(*NOTE, data=ALIKE, dedup_key="call", on_duplicate="keep_first")
            assert kept.duplicate is bool(run)
            assert await queue.count() == 2


# -- reads that are alike

LOOK = ("/Companies/7", "GET", "z")


async def test_d5_many_callers_one_call_and_one_who_gives_up_harms_none(bench: Bench) -> None:
    bench.server.gate.clear()
    callers = [asyncio.ensure_future(bench.queue.enqueue(*LOOK, priority=n % 10 + 1)) for n in range(20)]
    await bench.clock.settle()
    assert len(bench.server.calls) == 1
    callers[0].cancel()
    callers[7].cancel()
    await bench.clock.settle()
    bench.server.gate.set()
    answers = await asyncio.gather(*callers, return_exceptions=True)
    assert len(bench.server.calls) == 1
    assert sum(isinstance(answer, Reply) for answer in answers) == 18
    assert len({repr(answer) for answer in answers if isinstance(answer, Reply)}) == 1
    assert bench.events.count("request.completed") == 20
    metrics = await bench.queue.get_metrics()
    assert (metrics.shared_reads, metrics.completed_requests) == (19, 20)


async def test_d5_cancelling_the_one_that_leads_sends_the_next(bench: Bench) -> None:
    await bench.queue.pause()
    first, second, third = [await bench.queue.submit(*LOOK) for _ in range(3)]
    await bench.queue.cancel_request(first.id)
    assert (await bench.queue.result(first.id)).status is Status.CANCELLED
    await bench.queue.resume()
    assert [(await bench.queue.result(r.id, timeout=1)).ok for r in (second, third)] == [True, True]
    assert [call.id for call in bench.server.calls] == [second.id]


async def test_an_answer_that_fails_fails_for_all_and_they_are_tried_together(bench: Bench) -> None:
    busy = failure(FailureClass.SERVER_TRANSIENT, status=503)
    bench.server.script = [busy, failure(FailureClass.VALIDATION, status=400)]
    bench.server.gate.clear()
    receipts = [await bench.queue.submit(*LOOK, max_retries=3) for _ in range(3)]
    await bench.clock.settle()
    bench.server.gate.set()
    await bench.clock.advance(300)
    outcomes = [await bench.queue.result(r.id) for r in receipts]
    assert [o.failure.kind for o in outcomes if o.failure] == [FailureClass.VALIDATION] * 3
    assert len(bench.server.calls) == 2


async def test_an_edited_question_is_asked_by_itself(bench: Bench) -> None:
    await bench.queue.pause()
    first, second, third = [await bench.queue.submit(*LOOK) for _ in range(3)]
    await bench.queue.edit(first.id, endpoint="/Companies/8")
    await bench.queue.edit(third.id, endpoint="/Companies/8")
    await bench.queue.resume()
    for receipt in (first, second, third):
        assert (await bench.queue.result(receipt.id, timeout=1)).ok
    assert sorted(call.endpoint for call in bench.server.calls) == ["/Companies/7", *["/Companies/8"] * 2]


@pytest.mark.parametrize(
    ("config", "calls"), [({}, 1), ({"deduplication_enabled": False}, 4)], ids=["on", "off"]
)
async def test_sharing_can_be_switched_off(config: dict[str, Any], calls: int) -> None:
    bench = Bench(**config)
    async with bench.queue as queue:
        await queue.pause()
        receipts = [await queue.submit(*LOOK) for _ in range(4)]
        await queue.resume()
        assert [(await queue.result(r.id)).ok for r in receipts] == [True] * 4
        assert len(bench.server.calls) == calls
        assert (await queue.get_metrics()).shared_reads == 4 - calls

"""What is submitted twice: one request, a clear refusal, or the newer one in its place (D1 to D4)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.core.clock import FakeClock
from tests.core.engine.conftest import Server

from autotask_queue.manager import QueueManager
from autotask_queue.model.errors import DuplicateKey, InvalidRequest, RequestIdTaken
from autotask_queue.model.filters import RequestFilter
from autotask_queue.model.presets import create_test_configuration
from autotask_queue.model.request import OnDuplicate
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

"""Documents, breakers, minutes, the audit trail, pruning, opening and closing."""

from __future__ import annotations

import pytest
from tests.core.store.making import (
    NOW,
    add,
    add_one,
    change,
    claim,
    claim_ids,
    claim_one,
    complete,
    fail,
    load,
    read,
    request,
)

from autotask_queue.model.breaker import BreakerRecord, BreakerState, Override, OverrideKind
from autotask_queue.model.errors import InvalidRequest, StoreError
from autotask_queue.model.filters import RequestFilter
from autotask_queue.model.metrics import MinuteStat
from autotask_queue.model.request import AttemptResult, AuditEntry, Durability
from autotask_queue.model.status import Reason, Status
from autotask_queue.ports import Store


async def test_documents(store: Store) -> None:
    assert await store.get_document("draft", "1") is None
    assert await store.list_documents("draft") == {}
    await store.put_document("draft", "2", {"title": "b"}, at=NOW)
    await store.put_document("draft", "1", [1, None, "a"], at=NOW)
    await store.put_document("fields", "1", "other", at=NOW)
    await store.put_document("draft", "2", {"title": "c"}, at=NOW + 1)
    assert await store.list_documents("draft") == {"1": [1, None, "a"], "2": {"title": "c"}}
    await store.delete_document("draft", "1")
    await store.delete_document("draft", "1")
    assert await store.get_document("draft", "1") is None
    assert await store.get_document("draft", "2") == {"title": "c"}


async def test_a_document_that_is_not_json_is_refused(store: Store) -> None:
    with pytest.raises(InvalidRequest):
        await store.put_document("draft", "1", object(), at=NOW)


async def test_breakers_with_their_audit_entry(store: Store) -> None:
    override = Override(kind=OverrideKind.FORCED_OPEN, reason="update", actor="anna", since=NOW)
    record = BreakerRecord(
        zone="zone1", state=BreakerState.OPEN, trips=3, opened_at=NOW, overrides=(override,)
    )
    await store.save_breaker(BreakerRecord(zone="zone1"))
    await store.save_breaker(BreakerRecord(zone="a"))
    entry = AuditEntry(at=NOW, actor="anna", kind="breaker_forced", zone="zone1", why="update")
    await store.save_breaker(record, entry)
    assert await store.load_breakers() == [BreakerRecord(zone="a"), record]
    (stored,) = await store.audit()
    assert (stored.kind, stored.seq, stored.why) == ("breaker_forced", 1, "update")


async def test_minutes(store: Store) -> None:
    minutes = [MinuteStat(at=NOW + 60 * n, sent=n, p50=0.5 if n else None) for n in range(5)]
    await store.save_minutes(minutes)
    await store.save_minutes([MinuteStat(at=NOW, sent=99, offline=True)])
    found = await store.load_minutes(since=NOW)
    assert found == [MinuteStat(at=NOW, sent=99, offline=True), *minutes[1:]]
    assert await store.load_minutes(since=NOW + 60, until=NOW + 120) == minutes[1:3]


async def test_minutes_do_not_grow_for_ever(store: Store) -> None:
    await store.save_minutes([MinuteStat(at=NOW)])
    await store.save_minutes([MinuteStat(at=NOW + 9 * 86_400)])
    assert [m.at for m in await store.load_minutes(since=0)] == [NOW + 9 * 86_400]


async def test_the_audit_trail_is_read_backwards_in_pages(store: Store) -> None:
    one = await add_one(store)
    for n in range(5):
        await store.record(
            AuditEntry(
                at=NOW + n,
                actor="anna",
                kind="noted" if n % 2 else "seen",
                request_id=one.id if n == 3 else None,
                detail={"n": n, "text": "Grüße"},
            )
        )
    page = await store.audit(limit=2)
    assert [e.detail["n"] for e in page] == [4, 3]
    assert [e.seq for e in await store.audit(limit=2, before_seq=page[-1].seq)] == [4, 3]
    assert [e.detail["n"] for e in await store.audit(kinds=("noted",))] == [3, 1]
    assert [e.kind for e in await store.audit(request_id=one.id)] == ["noted", "enqueued"]
    whole = (await store.audit(limit=1))[0]
    assert whole == AuditEntry(seq=6, at=NOW + 4, actor="anna", kind="seen", detail={"n": 4, "text": "Grüße"})


async def test_pruning_takes_what_is_finished_and_old_enough(store: Store) -> None:
    completed = await add_one(store)
    await complete(store, await claim_one(store), at=NOW + 1)
    cancelled = await add_one(store)
    await change(store, cancelled.id, to=Status.CANCELLED, at=NOW + 2)
    expired = await add_one(store, expires_at=NOW + 3)
    await claim(store, now=NOW + 3)
    young = await add_one(store)
    await change(store, young.id, to=Status.CANCELLED, at=NOW + 100)
    assert await store.prune(finished_before=NOW + 100, limit=2) == 2
    assert await store.get(completed.id) is None
    assert await store.get(cancelled.id) is None
    assert await store.prune(finished_before=NOW + 100) == 1
    assert await store.get(expired.id) is None
    assert await store.prune(finished_before=NOW + 100) == 0
    assert await store.get(young.id) is not None
    assert store.counters().count() == 1
    assert await store.attempts(completed.id) == []
    assert [e.kind for e in await store.audit(request_id=completed.id)] == [
        "completed",
        "claimed",
        "enqueued",
    ]


async def test_pruning_never_takes_what_is_failed_or_unfinished(store: Store) -> None:
    await add(
        store,
        request(),
        request(status=Status.HELD),
        request(status=Status.DEFERRED, scheduled_at=NOW),
    )
    failed = await fail(store, await claim_one(store, limit=1, now=NOW - 1), at=NOW)
    assert await store.prune(finished_before=NOW + 1e9) == 0
    assert await store.count(RequestFilter()) == 3
    assert await load(store, failed.id) == failed


async def test_pruning_never_takes_what_an_unfinished_one_looks_at(store: Store) -> None:
    parent = await add_one(store)
    child = await add_one(store, depends_on=(parent.id,))
    await change(store, parent.id, to=Status.CANCELLED)
    assert await store.prune(finished_before=NOW + 1e9) == 0
    await change(store, child.id, to=Status.CANCELLED)
    assert await store.prune(finished_before=NOW + 1e9) == 2


async def test_pruning_takes_nothing_newer_than_it_is_told_to(store: Store) -> None:
    old, young = await add_one(store), await add_one(store)
    for one in (old, young):
        await change(store, one.id, to=Status.CANCELLED)
    assert await store.prune(finished_before=NOW + 1e9, max_seq=old.seq) == 1
    assert await store.get(old.id) is None
    assert await store.prune(finished_before=NOW + 1e9, max_seq=old.seq) == 0
    assert (await load(store, young.id)).status is Status.CANCELLED


async def test_pruning_steps_over_what_must_stay(store: Store) -> None:
    """More than a slice of old failed requests in front do not hide what may go."""
    failed = [await add_one(store) for _ in range(5)]
    for one in (await claim(store)).requests:
        await fail(store, one, at=NOW)
    cancelled = await add_one(store)
    await change(store, cancelled.id, to=Status.CANCELLED, at=NOW + 1)
    assert await store.prune(finished_before=NOW + 1e9, limit=2) == 1
    assert await store.count(RequestFilter()) == len(failed)
    assert store.counters().by_status()[Status.FAILED] == len(failed)


async def test_the_old_end_of_the_audit_trail_is_pruned(store: Store) -> None:
    one = await add_one(store)
    for n in range(1, 8):
        await store.record(AuditEntry(at=NOW + n, actor="anna", kind="noted", request_id=one.id))
    await store.record(AuditEntry(at=NOW + 1, actor="anna", kind="late", detail={"clock": "was set back"}))
    await store.record(AuditEntry(at=NOW + 9, actor="anna", kind="last"))
    assert await store.prune_audit(before=NOW) is None
    anchor = await store.prune_audit(before=NOW + 4, limit=2)
    assert anchor is not None
    removed = anchor.removed
    while more := await store.prune_audit(before=NOW + 4, limit=2):
        removed, anchor = removed + more.removed, more
    assert (removed, anchor.seq) == (4, 4), "in order: nothing behind the first young entry is taken"
    assert [e.seq for e in await store.audit()] == [10, 9, 8, 7, 6, 5]
    assert [e.seq for e in await store.audit(request_id=one.id)] == [8, 7, 6, 5]
    while await store.prune_audit(before=NOW + 1e9):
        pass
    assert [e.kind for e in await store.audit()] == ["last"], "the next entry must follow from something"
    await store.close()
    await store.open(now=NOW)
    await store.record(AuditEntry(at=NOW, actor="anna", kind="after"))
    assert [e.seq for e in await store.audit()] == [11, 10]
    assert await store.audit(request_id=one.id) == []


async def test_the_trail_of_a_pruned_request_goes_at_its_time(store: Store) -> None:
    one = await add_one(store)
    await change(store, one.id, to=Status.CANCELLED)
    assert await store.prune(finished_before=NOW + 1e9) == 1
    await store.record(AuditEntry(at=NOW + 50, actor="anna", kind="noted", request_id=one.id))
    await store.record(AuditEntry(at=NOW + 99, actor="anna", kind="last"))
    while await store.prune_audit(before=NOW + 40):
        pass
    assert [e.kind for e in await store.audit(request_id=one.id)] == ["noted"]


async def test_a_number_is_never_given_twice(store: Store) -> None:
    one = await add_one(store)
    await change(store, one.id, to=Status.CANCELLED)
    await store.prune(finished_before=NOW + 1e9)
    await store.close()
    await store.open(now=NOW)
    assert (await add_one(store)).seq == one.seq + 1
    assert (await add_one(store, id=one.id)).seq == one.seq + 2, "a pruned id may come again"


async def test_opening_again_brings_back_what_was_in_flight(store: Store) -> None:
    write, lookup, waiting = await add(store, request(lane="l"), read(), request(lane="l"))
    await claim(store)
    await store.close()
    recovery = await store.open(now=NOW + 50)
    assert [r.id for r in recovery.uncertain] == [write.id]
    assert [r.id for r in recovery.released] == [lookup.id]
    uncertain = await load(store, write.id)
    assert (uncertain.status, uncertain.reason) == (Status.UNCERTAIN, Reason.INTERRUPTED)
    assert [(a.result, a.ended_at) for a in await store.attempts(write.id)] == [
        (AttemptResult.UNKNOWN, NOW + 50)
    ]
    assert [(a.result, a.ended_at) for a in await store.attempts(lookup.id)] == [
        (AttemptResult.UNKNOWN, NOW + 50)
    ]
    assert (await store.audit(request_id=write.id))[0].kind == "recovered"
    assert await claim_ids(store) == [lookup.id], "the lane waits for the uncertain one"
    assert await load(store, waiting.id) == waiting


async def test_everything_is_still_there_after_opening_again(store: Store) -> None:
    stored = await add(
        store,
        request(data={"a": 1}, lane="l", priority=3),
        request(status=Status.DEFERRED, scheduled_at=NOW + 60),
        request(dedup_key="k"),
    )
    child = await add_one(store, depends_on=(stored[0].id,))
    await complete(store, await claim_one(store, limit=1))
    before = [await load(store, r.id) for r in (*stored, child)]
    counters, due = store.counters(), store.next_due()
    await store.close()
    recovery = await store.open(now=NOW)
    assert (recovery.uncertain, recovery.released, recovery.notes) == ((), (), ())
    assert [await load(store, r.id) for r in (*stored, child)] == before
    assert (store.counters(), store.next_due(), store.max_seq()) == (counters, due, 4)
    assert await claim_ids(store) == [stored[2].id, child.id]


async def test_a_closed_store_says_so(store: Store) -> None:
    await store.close()
    with pytest.raises(StoreError):
        await store.enqueue([request()], actor="")
    with pytest.raises(StoreError):
        await store.find(RequestFilter())
    with pytest.raises(StoreError):
        await store.count(RequestFilter())
    await store.close()


async def test_size_and_checkpoint(store: Store) -> None:
    await add_one(store)
    await store.checkpoint()
    assert await store.size_bytes() >= 0
    assert store.location


async def test_the_bytes_of_what_waits_are_told_where_they_are_known(store: Store) -> None:
    limit = 1 << 20
    assert await store.waiting_bytes(at_least=limit) is None
    finished = await add(store, *(request(data="x" * 50_000) for _ in range(30)))
    for one in finished:
        await change(store, one.id, to=Status.CANCELLED)
    assert await store.waiting_bytes(at_least=limit) is None, "what is finished does not wait"
    waiting = await add(store, *(request(data="x" * 50_000) for _ in range(30)))
    known = await store.waiting_bytes(at_least=limit)
    if store.durability is Durability.SQLITE_FSYNC:
        assert known is not None
        assert 30 * 50_000 <= known <= 31 * 50_000
    else:
        assert known is None
    for one in waiting[:15]:
        await change(store, one.id, to=Status.CANCELLED)
    assert await store.waiting_bytes(at_least=limit) is None

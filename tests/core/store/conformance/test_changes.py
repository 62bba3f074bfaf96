from __future__ import annotations

import msgspec
import pytest
from tests.core.store.making import (
    FAILURE,
    NOW,
    add,
    add_one,
    change,
    claim_ids,
    claim_one,
    complete,
    ended,
    fail,
    load,
    new_id,
    request,
    try_change,
)

from autotask_queue.model.errors import IllegalTransition, InvalidRequest, RequestNotFound
from autotask_queue.model.filters import RequestFilter
from autotask_queue.model.request import AttemptKind, AttemptResult, Reply, Request
from autotask_queue.model.status import TERMINAL, TRANSITIONS, Reason, Status
from autotask_queue.ports import Change, Store

PATHS: dict[Status, tuple[Status, ...]] = {
    Status.PENDING: (),
    Status.DEFERRED: (Status.DEFERRED,),
    Status.PROCESSING: (Status.PROCESSING,),
    Status.RETRYING: (Status.PROCESSING, Status.RETRYING),
    Status.UNCERTAIN: (Status.PROCESSING, Status.UNCERTAIN),
    Status.HELD: (Status.HELD,),
    Status.COMPLETED: (Status.PROCESSING, Status.COMPLETED),
    Status.FAILED: (Status.PROCESSING, Status.FAILED),
    Status.CANCELLED: (Status.CANCELLED,),
    Status.EXPIRED: (Status.EXPIRED,),
}


async def bring_to(store: Store, status: Status) -> Request:
    one = await add_one(store)
    for step in PATHS[status]:
        if step is Status.PROCESSING:
            one = await claim_one(store)
        else:
            one = await change(store, one.id, to=step, not_before=NOW + 10, scheduled_at=NOW + 10)
    assert one.status is status
    return one


@pytest.mark.parametrize("origin", Status)
async def test_exactly_the_legal_transitions_are_possible(store: Store, origin: Status) -> None:
    for target in Status:
        one = await bring_to(store, origin)
        answer = await try_change(store, one.id, to=target, resend=True)
        if target in TRANSITIONS[origin]:
            assert isinstance(answer, Request), target
            assert answer.status is target
        else:
            assert isinstance(answer, IllegalTransition), target
            assert answer.status is origin
            answer = one
        assert await load(store, one.id) == answer
        if answer.status not in TERMINAL:  # out of the way of the next claim
            for way in (Status.HELD, Status.CANCELLED):
                await try_change(store, one.id, to=way)


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (Status.UNCERTAIN, Reason.REPLY_LOST),
        (Status.HELD, Reason.CONFIRM),
        (Status.FAILED, Reason.BY_PERSON),
    ],
)
async def test_what_may_have_arrived_is_queued_again_by_a_person_only(
    store: Store, status: Status, reason: Reason
) -> None:
    await add_one(store)
    one = await claim_one(store)
    one = await change(store, one.id, to=status, reason=reason)
    for target in (Status.PENDING, Status.DEFERRED, Status.CANCELLED, Status.EXPIRED):
        assert isinstance(await try_change(store, one.id, to=target), IllegalTransition), target
        assert await load(store, one.id) == one
    await change(store, one.id, to=Status.PENDING, reason=None, resend=True)
    assert await claim_ids(store) == [one.id]


async def test_an_unknown_request_is_not_found(store: Store) -> None:
    assert isinstance(await try_change(store, new_id(), to=Status.CANCELLED), RequestNotFound)


async def test_changes_stand_for_themselves(store: Store) -> None:
    first, second = await add(store, request(), request())
    answers = await store.apply(
        [
            Change(id=first.id, kind="cancelled", at=NOW, to=Status.CANCELLED),
            Change(id=new_id(), kind="cancelled", at=NOW, to=Status.CANCELLED),
            Change(id=second.id, kind="cancelled", at=NOW, to=Status.CANCELLED),
        ]
    )
    assert [type(a) for a in answers] == [Request, RequestNotFound, Request]


async def test_a_change_is_refused_from_a_status_it_is_not_meant_for(store: Store) -> None:
    one = await add_one(store)
    sources = frozenset({Status.HELD})
    answer = await try_change(store, one.id, kind="edited", sources=sources, priority=9)
    assert isinstance(answer, IllegalTransition)
    assert (await load(store, one.id)).priority == 5


async def test_a_late_result_of_an_older_attempt_changes_nothing(store: Store) -> None:
    await add_one(store)
    old = await claim_one(store)
    await change(store, old.id, to=Status.PENDING)
    new = await claim_one(store)
    answer = await try_change(store, old.id, to=Status.COMPLETED, fence=old.fence)
    assert isinstance(answer, IllegalTransition)
    assert await load(store, new.id) == new


async def test_a_change_made_from_an_older_look_is_refused_if_it_says_so(store: Store) -> None:
    one = await add_one(store)
    first = await change(store, one.id, kind="edited", priority=7, at=NOW + 1, unchanged_since=one.updated_at)
    answer = await try_change(store, one.id, kind="edited", priority=9, unchanged_since=one.updated_at)
    assert isinstance(answer, IllegalTransition)
    assert await load(store, one.id) == first


async def test_completing_keeps_the_reply_and_ends_the_attempt(store: Store) -> None:
    await add_one(store)
    one = await claim_one(store)
    reply = Reply(status_code=201, body={"itemId": 7, "list": [1]}, record_id=7, adopted=True)
    done = await complete(
        store, one, reply=reply, at=NOW + 5, attempt=ended(AttemptResult.OK, http_status=201, note="n")
    )
    assert (done.status, done.reply, done.record_id, done.http_status) == (Status.COMPLETED, reply, 7, 201)
    assert (done.finished_at, done.updated_at) == (NOW + 5, NOW + 5)
    assert await store.get(one.id) == done
    (attempt,) = await store.attempts(one.id)
    assert (attempt.number, attempt.result, attempt.http_status, attempt.ended_at, attempt.note) == (
        1,
        AttemptResult.OK,
        201,
        NOW + 1,
        "n",
    )


async def test_failing_keeps_the_failure_and_counts_the_attempt(store: Store) -> None:
    await add_one(store)
    failed = await fail(store, await claim_one(store))
    assert (failed.failure, failed.failure_title, failed.http_status) == (FAILURE, "Server busy", 503)
    assert failed.attempts == 1
    (attempt,) = await store.attempts(failed.id)
    assert attempt.failure == FAILURE
    assert (await store.rows([failed.seq]))[0].failure_title == "Server busy"


async def test_a_retry_by_a_person_starts_counting_afresh(store: Store) -> None:
    one = await add_one(store)
    failed = await fail(store, await claim_one(store))
    again = await change(
        store, one.id, kind="retried", to=Status.PENDING, reset_attempts=True, failure=None, reply=None
    )
    assert (again.attempts, again.failure, again.failure_title, again.finished_at) == (0, None, "", None)
    assert again.seq == failed.seq == one.seq
    assert await claim_ids(store) == [one.id]
    assert [a.number for a in await store.attempts(one.id)] == [1, 2]


async def test_a_lookup_is_an_attempt_of_its_own(store: Store) -> None:
    await add_one(store)
    one = await claim_one(store)
    await change(store, one.id, to=Status.UNCERTAIN, attempt=ended(AttemptResult.UNKNOWN))
    looked = await change(
        store,
        one.id,
        kind="looked_up",
        reason=Reason.NOT_FOUND_YET,
        not_before=NOW + 330,
        attempt=ended(AttemptResult.ABSENT, kind=AttemptKind.LOOKUP),
    )
    assert (looked.status, looked.reason, looked.not_before) == (
        Status.UNCERTAIN,
        Reason.NOT_FOUND_YET,
        NOW + 330,
    )
    assert [(a.number, a.kind, a.result) for a in await store.attempts(one.id)] == [
        (1, AttemptKind.SEND, AttemptResult.UNKNOWN),
        (2, AttemptKind.LOOKUP, AttemptResult.ABSENT),
    ]
    assert store.next_due() is None, "looking up is the engine's business"


@pytest.mark.parametrize(
    ("target", "result"),
    [(Status.PENDING, AttemptResult.NOT_SENT), (Status.UNCERTAIN, AttemptResult.UNKNOWN)],
)
async def test_no_attempt_runs_on_after_its_request_went_away(
    store: Store, target: Status, result: AttemptResult
) -> None:
    await add_one(store)
    one = await claim_one(store)
    await change(store, one.id, to=target, at=NOW + 4, why="shutdown")
    (attempt,) = await store.attempts(one.id)
    assert (attempt.result, attempt.ended_at, attempt.note) == (result, NOW + 4, "shutdown")


@pytest.mark.parametrize("status", [Status.PENDING, Status.DEFERRED, Status.HELD])
async def test_undoing_a_cancel_brings_back_the_former_status(store: Store, status: Status) -> None:
    one = await bring_to(store, status)
    if status is Status.HELD:
        one = await change(store, one.id, reason=Reason.CONFLICT)
    cancelled = await change(store, one.id, kind="cancelled", to=Status.CANCELLED)
    assert cancelled.restore_to is status
    restored = await change(store, one.id, kind="restored", restore=True, at=NOW + 1)
    assert restored == msgspec.structs.replace(one, updated_at=NOW + 1)
    assert await load(store, one.id) == restored


async def test_a_cancelled_retry_comes_back_ready(store: Store) -> None:
    one = await bring_to(store, Status.RETRYING)
    await change(store, one.id, to=Status.CANCELLED)
    assert (await change(store, one.id, restore=True)).status is Status.PENDING
    assert await claim_ids(store) == [one.id]


async def test_only_a_cancelled_request_can_be_restored(store: Store) -> None:
    one = await add_one(store)
    assert isinstance(await try_change(store, one.id, restore=True), IllegalTransition)


async def test_an_edit_changes_what_it_names_and_nothing_else(store: Store) -> None:
    one = await add_one(store, data={"title": "a"}, headers={"h": "1"}, metadata={"m": 1})
    edit = {
        "data": {"title": "b"},
        "endpoint": "/Companies",
        "method": "PATCH",
        "entity": "Companies",
        "summary": "New",
        "search_text": "s",
        "headers": {"h": "2"},
        "metadata": {"m": 2},
        "timeout": 5.0,
        "max_retries": 1,
        "expires_at": NOW + 9,
        "marker": "mark",
        "base": {"title": "old"},
    }
    edited = await change(store, one.id, kind="edited", edit=edit, at=NOW + 1)
    assert edited == msgspec.structs.replace(one, updated_at=NOW + 1, **edit)
    assert await load(store, one.id) == edited
    assert store.next_due() == NOW + 9


async def test_an_edit_of_something_else_is_refused(store: Store) -> None:
    one = await add_one(store)
    answer = await try_change(store, one.id, kind="edited", edit={"seq": 7, "fence": 3})
    assert isinstance(answer, InvalidRequest)
    assert "fence" in answer.message
    assert await load(store, one.id) == one


async def test_an_edit_that_is_not_json_changes_nothing(store: Store) -> None:
    one = await add_one(store)
    assert isinstance(await try_change(store, one.id, edit={"data": object()}), InvalidRequest)
    assert await load(store, one.id) == one
    assert len(await store.audit()) == 1


async def test_a_new_schedule_moves_the_time(store: Store) -> None:
    one = await add_one(store)
    await change(store, one.id, kind="rescheduled", to=Status.DEFERRED, scheduled_at=NOW + 100)
    assert store.next_due() == NOW + 100
    await change(store, one.id, kind="rescheduled", scheduled_at=NOW + 50)
    assert store.next_due() == NOW + 50
    assert await claim_ids(store, now=NOW + 50) == [one.id]


async def test_every_transition_leaves_an_audit_entry(store: Store) -> None:
    one = await add_one(store)
    await claim_one(store)
    await change(
        store,
        one.id,
        kind="failed",
        to=Status.FAILED,
        actor="anna",
        why="because",
        detail={"k": [1]},
        attempt=ended(AttemptResult.FAILED),
        at=NOW + 2,
    )
    entries = (await store.audit(request_id=one.id))[::-1]
    assert [(e.kind, e.origin, e.target, e.actor) for e in entries] == [
        ("enqueued", "", "pending", "tester"),
        ("claimed", "pending", "processing", ""),
        ("failed", "processing", "failed", "anna"),
    ]
    last = entries[-1]
    assert (last.at, last.why, last.zone, last.detail["k"]) == (NOW + 2, "because", "zone1", [1])
    assert last.detail["attempt"] == {"number": 1, "kind": "send", "result": "failed"}
    assert [e.seq for e in entries] == [1, 2, 3]


async def test_a_refused_change_leaves_no_audit_entry(store: Store) -> None:
    one = await add_one(store)
    await try_change(store, one.id, to=Status.COMPLETED)
    assert len(await store.audit()) == 1


async def test_counters_follow_the_changes(store: Store) -> None:
    await add(store, request(), request(zone="zone2"), request(zone="zone2", entity="Companies"))
    one = await claim_one(store, limit=1)
    await complete(store, one)
    counters = store.counters()
    assert counters.count() == 3
    assert counters.count(Status.COMPLETED) == 1
    assert counters.by_zone() == {"zone1": 1, "zone2": 2}
    assert {(c.zone, c.entity, c.status, c.count) for c in counters.cells} == {
        ("zone1", "Tickets", Status.COMPLETED, 1),
        ("zone2", "Tickets", Status.PENDING, 1),
        ("zone2", "Companies", Status.PENDING, 1),
    }
    assert await store.count(RequestFilter(status=(Status.PENDING,))) == 2

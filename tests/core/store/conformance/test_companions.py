"""Requests that go along with one that is being sent: ready ones of its kind, or the edits behind it."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from tests.core.store.making import (
    NOW,
    add,
    add_one,
    change,
    claim_ids,
    claim_one,
    complete,
    fail,
    load,
    read,
    request,
)

from autotask_queue.model.request import AttemptResult, Request, RequestId
from autotask_queue.model.status import Effect, Reason, Status
from autotask_queue.ports import Companions, Store


def lookup(**values: Any) -> Request:
    return read(**{"batch": "read by id", **values})


def edit(**values: Any) -> Request:
    return request(**{"method": "PATCH", "lane": "zone1/Tickets/1", "batch": "edit 1", **values})


async def join(
    store: Store, lead: Request, *, limit: int = 100, now: float = NOW, merge: bool = False
) -> Any:
    wanted = Companions(now=now, lead=lead, limit=limit, merge=merge)
    return [one.id for one in await store.join(wanted)]


async def lead_of(store: Store, *requests: Request) -> tuple[Request, list[RequestId]]:
    """The first of these, being sent, and the ids of the others."""
    await add(store, requests[0])
    lead = await claim_one(store)
    return lead, [one.id for one in await add(store, *requests[1:])]


async def test_ready_ones_of_the_same_kind_go_along_in_order_of_arrival(store: Store) -> None:
    lead, others = await lead_of(store, lookup(), lookup(priority=1), lookup(priority=9), lookup())
    joined = await store.join(Companions(now=NOW + 1, lead=lead, limit=2))
    assert [one.id for one in joined] == others[:2]
    assert {(one.status, one.fence, one.merged_into) for one in joined} == {(Status.PROCESSING, 1, None)}
    assert [a.result for a in await store.attempts(others[0])] == [AttemptResult.RUNNING]
    assert (await store.audit(request_id=others[0]))[0].kind == "claimed"
    assert await claim_ids(store) == others[2:], "what was left is claimed as ever"


async def test_only_its_zone_entity_and_word_go_along(store: Store) -> None:
    lead, _ = await lead_of(
        store,
        lookup(),
        lookup(zone="zone2"),
        lookup(entity="Companies"),
        lookup(batch="something else"),
        lookup(batch=None),
    )
    assert await join(store, lead) == []


@pytest.mark.parametrize("limit", [0, 1])
async def test_no_more_go_along_than_wanted(store: Store, limit: int) -> None:
    lead, others = await lead_of(store, lookup(), lookup(), lookup())
    assert await join(store, lead, limit=limit) == others[:limit]


async def test_who_used_up_more_tries_does_not_go_along(store: Store) -> None:
    """It may be what made an earlier call fail."""
    tried, _ = await lead_of(store, lookup())
    lead, others = await lead_of(store, lookup(), lookup())
    await fail(store, tried, to=Status.RETRYING)
    assert await join(store, lead) == others
    back = await claim_one(store)
    assert (back.id, back.attempts) == (tried.id, 1)
    (newer,) = await add(store, lookup())
    assert await join(store, back) == [newer.id], "who used up fewer may join it"


async def test_what_waits_for_something_does_not_go_along(store: Store) -> None:
    lead, _ = await lead_of(
        store,
        lookup(),
        lookup(status=Status.DEFERRED, scheduled_at=NOW + 100),
        lookup(status=Status.HELD, reason=Reason.CONFLICT),
        lookup(depends_on=(RequestId("missing"),)),
        lookup(expires_at=NOW + 5),
    )
    assert await join(store, lead, now=NOW + 5) == []


async def test_nobody_joins_what_is_not_being_sent_any_more(store: Store) -> None:
    lead, others = await lead_of(store, lookup(), lookup())
    assert await join(store, msgspec.structs.replace(lead, fence=lead.fence + 1)) == []
    assert await join(store, msgspec.structs.replace(lead, id=RequestId("unknown"), seq=99)) == []
    await change(store, lead.id, to=Status.PENDING, fence=lead.fence)
    assert await join(store, lead) == []
    assert (await load(store, others[0])).status is Status.PENDING


async def test_edits_right_behind_are_merged_and_say_into_which(store: Store) -> None:
    lead, behind = await lead_of(store, edit(), edit(), edit())
    assert await join(store, lead, merge=True) == behind
    for one in behind:
        stored = await load(store, one)
        assert (stored.status, stored.merged_into, stored.fence) == (Status.PROCESSING, lead.id, 1)
        assert (await store.audit(request_id=one))[0].detail == {"attempt": 1, "merged_into": lead.id}
    later = await add_one(store, lane=lead.lane)
    assert await claim_ids(store) == [], "the lane is busy until they are done"
    await change(store, lead.id, to=Status.COMPLETED)
    assert await claim_ids(store) == [later.id]
    assert (await load(store, behind[0])).merged_into == lead.id, "it still says so"


@pytest.mark.parametrize(
    "between",
    [
        request(lane="zone1/Tickets/1"),
        edit(batch=None),
        edit(batch="edit 2"),
        edit(status=Status.HELD, reason=Reason.CONFLICT),
        edit(expires_at=NOW + 1),
        edit(depends_on=(RequestId("missing"),)),
        edit(effect=Effect.WRITE, zone="zone2"),
        edit(priority=9),
        edit(entity="Notes"),
    ],
    ids=[
        "a create",
        "one that goes alone",
        "another record's",
        "held",
        "expired",
        "orphan",
        "another zone's",
        "more urgent",
        "another endpoint's",
    ],
)
async def test_no_edit_is_merged_across_something_else_of_its_lane(store: Store, between: Request) -> None:
    between = msgspec.structs.replace(between, id=RequestId(f"between-{between.id}"))
    lead, behind = await lead_of(store, edit(), edit(), between, edit())
    assert await join(store, lead, merge=True, now=NOW + 1) == behind[:1]
    assert (await load(store, behind[2])).status is Status.PENDING


async def test_a_scheduled_edit_stops_nothing_before_its_time(store: Store) -> None:
    lead, behind = await lead_of(store, edit(), edit(status=Status.DEFERRED, scheduled_at=NOW + 100), edit())
    assert await join(store, lead, merge=True) == behind[1:]


async def test_no_more_edits_are_merged_than_wanted(store: Store) -> None:
    lead, behind = await lead_of(store, edit(), edit(), edit())
    assert await join(store, lead, merge=True, limit=1) == behind[:1]


@pytest.mark.parametrize("to", [Status.PENDING, Status.RETRYING])
async def test_an_edit_that_is_queued_again_is_its_own_again(store: Store, to: Status) -> None:
    lead, behind = await lead_of(store, edit(), edit())
    await join(store, lead, merge=True)
    await change(store, behind[0], to=to)
    assert (await load(store, behind[0])).merged_into is None
    await change(store, lead.id, to=Status.COMPLETED)
    assert await claim_ids(store) == behind


async def test_a_crash_leaves_merged_edits_uncertain_and_saying_so(store: Store) -> None:
    lead, behind = await lead_of(store, edit(), edit())
    await join(store, lead, merge=True)
    await store.close()
    recovery = await store.open(now=NOW)
    assert [one.id for one in recovery.uncertain] == [lead.id, *behind]
    assert recovery.uncertain[1].merged_into == lead.id
    assert await claim_ids(store) == []


async def test_a_crash_leaves_joined_reads_pending(store: Store) -> None:
    lead, others = await lead_of(store, lookup(), lookup())
    await join(store, lead)
    await store.close()
    recovery = await store.open(now=NOW)
    assert {one.id for one in recovery.released} == {lead.id, *others}
    assert await claim_ids(store) == [lead.id, *others]


async def test_the_word_can_be_edited_away(store: Store) -> None:
    lead, others = await lead_of(store, lookup(), lookup(), lookup())
    await change(store, others[0], edit={"batch": None})
    assert await join(store, lead) == others[1:]


# -- merged edits have one fate


async def merged_three(store: Store) -> tuple[Request, list[RequestId]]:
    lead, behind = await lead_of(store, edit(), edit(), edit())
    await join(store, lead, merge=True)
    store.consequences()
    return lead, behind


async def test_bt5_they_are_done_with_it_in_one_step_each_with_its_own_try(store: Store) -> None:
    lead, behind = await merged_three(store)
    done = await complete(store, lead, count_attempt=True)
    assert [one.id for one in store.consequences()] == behind
    for one in behind:
        stored = await load(store, one)
        assert (stored.status, stored.reply, stored.attempts) == (Status.COMPLETED, done.reply, 1)
        (attempt,) = await store.attempts(one)
        assert (attempt.result, attempt.http_status) == (AttemptResult.OK, 200)
        assert attempt.note == f"Sent together with request {lead.seq}."
        entry = (await store.audit(request_id=one))[0]
        assert (entry.kind, entry.detail["merged_into"]) == ("completed", lead.id)


@pytest.mark.parametrize(
    ("then", "values"),
    [
        (Status.COMPLETED, {"kind": "adopted"}),
        (Status.HELD, {"reason": Reason.CONFIRM}),
        (Status.FAILED, {"reason": Reason.BY_PERSON}),
        (Status.PENDING, {"resend": True, "reason": None}),
    ],
)
async def test_bt5_they_are_uncertain_and_whatever_follows_together(
    store: Store, then: Status, values: dict[str, Any]
) -> None:
    lead, behind = await merged_three(store)
    await change(store, lead.id, to=Status.UNCERTAIN, reason=Reason.REPLY_LOST)
    for one in behind:
        stored = await load(store, one)
        assert (stored.status, stored.reason) == (Status.UNCERTAIN, Reason.REPLY_LOST)
        assert stored.merged_into == lead.id
    await change(store, lead.id, to=then, **values)
    for one in behind:
        stored = await load(store, one)
        assert (stored.status, stored.reason) == (then, values.get("reason", stored.reason))
        assert stored.merged_into == (None if then is Status.PENDING else lead.id)


async def test_bt5_a_decision_about_what_is_held_is_for_all(store: Store) -> None:
    lead, behind = await merged_three(store)
    await change(store, lead.id, to=Status.HELD, reason=Reason.CONFIRM)
    assert {(await load(store, one)).reason for one in behind} == {Reason.CONFIRM}
    await change(store, lead.id, to=Status.COMPLETED)
    assert {(await load(store, one)).status for one in behind} == {Status.COMPLETED}


@pytest.mark.parametrize(
    ("to", "values"),
    [
        (Status.PENDING, {}),
        (Status.RETRYING, {"not_before": NOW + 5}),
        (Status.FAILED, {}),
        (Status.HELD, {"reason": Reason.GONE}),
    ],
)
async def test_bt5_what_was_surely_not_applied_goes_back_each_for_itself(
    store: Store, to: Status, values: dict[str, Any]
) -> None:
    lead, behind = await merged_three(store)
    await change(store, lead.id, to=to, count_attempt=True, **values)
    for one in behind:
        stored = await load(store, one)
        assert (stored.status, stored.reason, stored.merged_into) == (Status.PENDING, None, None)
        assert stored.attempts == 1
        assert stored.batch is not None
    expected = {Status.PENDING: [lead.id], Status.FAILED: behind[:1]}.get(to, [])
    assert await claim_ids(store) == expected, "the lane keeps its order"


async def test_bt5_taken_apart_they_share_no_call_any_more(store: Store) -> None:
    lead, behind = await merged_three(store)
    await change(store, lead.id, to=Status.PENDING, apart=True)
    assert {(await load(store, one)).batch for one in (lead.id, *behind)} == {None}
    again = await claim_one(store)
    assert again.id == lead.id
    assert await join(store, again, merge=True) == []


async def test_one_whose_fate_was_decided_by_itself_stays_as_decided(store: Store) -> None:
    lead, behind = await merged_three(store)
    await change(store, lead.id, to=Status.UNCERTAIN)
    await change(store, behind[0], to=Status.FAILED, reason=Reason.BY_PERSON)
    await change(store, lead.id, to=Status.COMPLETED)
    assert [(await load(store, one)).status for one in behind] == [Status.FAILED, Status.COMPLETED]


async def test_after_a_crash_they_still_have_one_fate(store: Store) -> None:
    lead, behind = await merged_three(store)
    await store.close()
    await store.open(now=NOW)
    await change(store, lead.id, to=Status.COMPLETED)
    assert {(await load(store, one)).status for one in behind} == {Status.COMPLETED}

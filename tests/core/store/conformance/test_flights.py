"""Reads that are alike are sent as one, and each gets the answer (D5), in every store."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from tests.core.store.making import (
    FAILURE,
    NOW,
    STRICT,
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
    status_of,
)

from autotask_queue.model.filters import RequestFilter, Selection
from autotask_queue.model.request import AttemptResult, Request, RequestId
from autotask_queue.model.status import Effect, Reason, Status
from autotask_queue.ports import Change, Store
from autotask_queue.store.flights import MOST_FOLLOWERS


def look(**values: Any) -> Request:
    return read(**{"flight": "companies", **values})


async def test_d5_the_first_is_sent_and_all_get_its_answer_in_one_step(store: Store) -> None:
    first, *others = await add(store, *(look(summary=f"look {n}") for n in range(4)))
    assert [r.merged_into for r in (first, *others)] == [None, first.id, first.id, first.id]
    sent = await claim_one(store)
    assert sent.id == first.id
    store.consequences()
    done = await complete(store, sent)
    told = store.consequences()
    assert [r.id for r in told] == [r.id for r in others]
    for one, heard in zip(others, told, strict=True):
        stored = await load(store, one.id)
        assert stored == heard
        assert (stored.status, stored.reply, stored.finished_at) == (Status.COMPLETED, done.reply, NOW)
        assert (stored.merged_into, stored.record_id, stored.summary) == (first.id, 4711, one.summary)
        (attempt,) = await store.attempts(one.id)
        assert (attempt.result, attempt.http_status) == (AttemptResult.OK, 200)
        kinds = [
            (e.kind, e.detail.get("merged_into"), e.detail.get("follows")) for e in await entries(store, one)
        ]
        assert kinds == [
            ("enqueued", None, first.id),
            ("claimed", first.id, None),
            ("completed", first.id, None),
        ]
    assert store.counters().count(Status.COMPLETED) == 4
    assert await claim_ids(store) == []


async def entries(store: Store, one: Request) -> list[Any]:
    return list(reversed(await store.audit(request_id=one.id)))


async def test_they_fail_with_it(store: Store) -> None:
    first, other = await add(store, look(), look())
    await fail(store, await claim_one(store))
    stored = await load(store, other.id)
    assert (stored.status, stored.failure, stored.attempts) == (Status.FAILED, FAILURE, 1)
    assert stored.failure_title == FAILURE.title
    assert first.seq < stored.seq


async def test_they_wait_with_it_for_its_next_try_and_after_a_hand_back(store: Store) -> None:
    _, other = await add(store, look(), look())
    sent = await claim_one(store)
    await change(store, sent.id, to=Status.RETRYING, not_before=NOW + 5)
    assert await claim_ids(store, now=NOW + 4) == []
    again = await claim_one(store, now=NOW + 6)
    await change(store, again.id, to=Status.PENDING)
    last = await claim_one(store, now=NOW + 7)
    assert [again.id, last.id] == [sent.id, sent.id]
    await complete(store, last)
    assert await status_of(store, other.id) is Status.COMPLETED


async def test_one_that_comes_while_it_is_sent_shares_the_answer(store: Store) -> None:
    await add(store, look())
    sent = await claim_one(store)
    late = (await add(store, look()))[0]
    assert late.merged_into == sent.id
    await complete(store, sent)
    assert await status_of(store, late.id) is Status.COMPLETED
    fresh = (await add(store, look()))[0]
    assert fresh.merged_into is None, "nobody gets an answer of before"


@pytest.mark.parametrize(
    "end",
    [
        {"to": Status.COMPLETED},
        {"to": Status.UNCERTAIN},
        {"to": Status.FAILED, "failure": FAILURE},
    ],
    ids=["completed", "uncertain", "failed"],
)
async def test_no_answer_is_shared_that_may_be_older_than_a_write_that_came_back(
    store: Store, end: dict[str, Any]
) -> None:
    """The write may be of another endpoint: a note changes its ticket."""
    note = await add_one(store, entity="Notes")
    early = (await add(store, look()))[0]
    assert len(await claim_ids(store)) == 2
    during = (await add(store, look()))[0]
    await change(store, note.id, **end)
    after, later = await add(store, look(), look())
    assert during.merged_into == early.id
    assert (after.merged_into, later.merged_into) == (None, after.id)
    assert await claim_ids(store) == [after.id]
    await change(store, early.id, to=Status.COMPLETED)
    assert await status_of(store, during.id) is Status.COMPLETED
    assert await status_of(store, later.id) is Status.PENDING, "it follows the younger one"


async def test_a_found_write_makes_answers_old_as_well(store: Store) -> None:
    note = await add_one(store, entity="Notes")
    await claim_one(store)
    await change(store, note.id, to=Status.UNCERTAIN)
    await add(store, look())
    await claim_one(store)
    await change(store, note.id, to=Status.COMPLETED)
    assert (await add(store, look()))[0].merged_into is None


async def test_a_write_elsewhere_and_one_before_it_was_sent_disturb_nothing(store: Store) -> None:
    await add(store, request(zone="zone2"), request(), look())
    others = await claim(store, limit=2)
    await complete(store, others.requests[1])
    sent = await claim_one(store)
    await complete(store, others.requests[0])
    assert (await add(store, look()))[0].merged_into == sent.id


@pytest.mark.parametrize(
    "end",
    [
        {"to": Status.CANCELLED},
        {"to": Status.HELD, "reason": Reason.NO_PROCESSOR},
        {"to": Status.DEFERRED, "scheduled_at": NOW + 99},
        {"edit": {"flight": "another"}},
        {"edit": {"effect": Effect.WRITE}},
        {"edit": {"flight": None}},
    ],
    ids=["cancelled", "held", "deferred", "another question", "a write", "by itself"],
)
async def test_d5_when_the_first_goes_its_own_way_the_next_leads(store: Store, end: dict[str, Any]) -> None:
    first, second, third, fourth = await add(store, look(), look(), look(), look())
    await change(store, first.id, **end)
    stored = [await load(store, r.id) for r in (second, third, fourth)]
    assert [r.merged_into for r in stored] == [None, second.id, second.id]
    assert second.id in [r.id for r in store.consequences()]
    assert (await entries(store, second))[-1].kind == "promoted"
    assert (await entries(store, second))[-1].detail == {"instead_of": first.id}
    sent = {r.id: r for r in (await claim(store)).requests}
    assert second.id in sent
    await complete(store, sent[second.id])
    for one in (third, fourth):
        assert await status_of(store, one.id) is Status.COMPLETED


async def test_d5_a_follower_that_is_cancelled_harms_none(store: Store) -> None:
    first, second, third = await add(store, look(), look(), look())
    await change(store, second.id, to=Status.CANCELLED)
    await complete(store, await claim_one(store))
    assert await status_of(store, second.id) is Status.CANCELLED
    assert await status_of(store, third.id) is Status.COMPLETED
    await change(store, second.id, restore=True)
    assert (await claim_one(store)).id == second.id, "a restored one is sent itself"
    assert first.seq == 1


async def test_a_follower_s_own_end_is_heeded(store: Store) -> None:
    first, second = await add(store, look(), look(expires_at=NOW + 5))
    await claim_one(store)
    (expired,) = (await claim(store, now=NOW + 6)).expired
    assert expired.id == second.id
    await complete(store, await load(store, first.id))
    assert await status_of(store, second.id) is Status.EXPIRED


async def test_one_that_expires_leaves_the_rest_to_the_next(store: Store) -> None:
    first, second, third = await add(store, look(expires_at=NOW + 5), look(), look())
    claimed = await claim(store, now=NOW + 6)
    assert [r.id for r in claimed.expired] == [first.id]
    assert [r.id for r in claimed.requests] == [second.id]
    assert (await load(store, third.id)).merged_into == second.id


async def test_whoever_is_followed_by_an_urgent_one_is_as_urgent(store: Store) -> None:
    low, other = await add(store, look(priority=1), request(priority=5))
    (urgent,) = await add(store, look(priority=9))
    assert [r.id for r in (await claim(store, order=STRICT, limit=1)).requests] == [low.id]
    await change(store, low.id, to=Status.PENDING)
    await change(store, urgent.id, to=Status.CANCELLED)
    assert [r.id for r in (await claim(store, order=STRICT, limit=1)).requests] == [other.id]


async def test_a_cancelled_leader_hands_on_what_made_it_urgent(store: Store) -> None:
    low, second = await add(store, look(priority=1), look(priority=2))
    await add(store, request(priority=5), look(priority=9))
    await change(store, low.id, to=Status.CANCELLED)
    assert [r.id for r in (await claim(store, order=STRICT, limit=1)).requests] == [second.id]


async def test_only_so_many_follow_one(store: Store) -> None:
    stored = await add(store, *(look() for _ in range(MOST_FOLLOWERS + 3)))
    first, second = stored[0], stored[MOST_FOLLOWERS + 1]
    assert second.merged_into is None
    assert stored[-1].merged_into == second.id
    assert await claim_ids(store) == [first.id, second.id]


@pytest.mark.parametrize(
    "other",
    [
        look(flight="others"),
        look(flight=None),
        request(flight="companies"),
        look(depends_on=(RequestId("missing"),)),
        look(status=Status.DEFERRED, scheduled_at=NOW + 9),
        look(status=Status.HELD, reason=Reason.CONFLICT),
    ],
    ids=["another question", "by itself", "a write", "a child", "scheduled", "held"],
)
async def test_what_is_not_alike_follows_nobody_and_leads_nobody(store: Store, other: Request) -> None:
    await add(store, look())
    for again in range(2):
        one = msgspec.structs.replace(other, id=RequestId(f"other-{again}-{other.id}"))
        stored = (await add(store, one))[0]
        expected = None if again == 0 or other.flight != "others" else RequestId(f"other-0-{other.id}")
        assert stored.merged_into == expected


async def test_after_a_restart_they_still_go_as_one(store: Store) -> None:
    first, other = await add(store, look(), look())
    await claim_one(store)
    await store.close()
    recovery = await store.open(now=NOW)
    assert [r.id for r in recovery.released] == [first.id]
    await complete(store, await claim_one(store))
    assert await status_of(store, other.id) is Status.COMPLETED


async def test_a_late_answer_of_an_earlier_try_ends_nobody(store: Store) -> None:
    _, other = await add(store, look(), look())
    sent = await claim_one(store)
    await change(store, sent.id, to=Status.PENDING)
    late = Change(id=sent.id, kind="completed", at=NOW, to=Status.COMPLETED, fence=sent.fence + 1)
    await store.apply([late])
    assert await status_of(store, other.id) is Status.PENDING


async def test_cancelling_all_of_them_cancels_each(store: Store) -> None:
    await add(store, *(look() for _ in range(5)))
    selection = Selection(filter=RequestFilter(), max_seq=store.max_seq())
    wanted = Change(id=RequestId(""), kind="cancelled", at=NOW, to=Status.CANCELLED)
    assert (await store.apply_matching(selection, wanted)).changed == 5
    assert await claim_ids(store) == []

"""Ids and keys that occur twice (D1, D3, D4): one row, or a clear word about which one is there already."""

from __future__ import annotations

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
    fail,
    load,
    request,
    status_of,
    try_change,
)

from autotask_queue.model.errors import DuplicateKey, IllegalTransition, RequestIdTaken
from autotask_queue.model.filters import RequestFilter
from autotask_queue.model.request import AuditEntry, OnDuplicate, Request
from autotask_queue.model.status import Reason, Status
from autotask_queue.ports import Store

_ALL = RequestFilter()
REJECT, REPLACE, KEEP_FIRST = OnDuplicate


async def offer(store: Store, one: Request) -> object:
    (answer,) = await store.enqueue([one], actor="anna")
    return answer


async def last_entry(store: Store, one: Request) -> AuditEntry:
    return (await store.audit(request_id=one.id))[0]


# -- ids


async def test_d1_an_id_with_the_same_content_is_one_request(store: Store) -> None:
    first = await add_one(store, digest="a")
    for now in (NOW, NOW + 5):
        (again,) = await add(store, request(id=first.id, digest="a", created_at=now))
        assert again == first
    assert await store.count(_ALL) == 1


async def test_an_id_with_other_content_is_refused_and_changes_nothing(store: Store) -> None:
    first = await add_one(store, digest="a", dedup_key="k")
    other = request(id=first.id, digest="b", dedup_key="k", on_duplicate=REPLACE)
    refused = await offer(store, other)
    assert isinstance(refused, RequestIdTaken)
    assert first.id in refused.message
    assert await load(store, first.id) == first
    assert len(await store.audit()) == 1


@pytest.mark.parametrize(("stored", "given"), [("", "a"), ("a", "")])
async def test_what_was_never_compared_counts_as_the_same(store: Store, stored: str, given: str) -> None:
    first = await add_one(store, digest=stored)
    assert (await add(store, request(id=first.id, digest=given)))[0] == first


async def test_an_edit_does_not_make_it_another_request(store: Store) -> None:
    first = await add_one(store, digest="a", data={"n": 1})
    edited = await change(store, first.id, edit={"data": {"n": 2}})
    assert (await add(store, request(id=first.id, digest="a", data={"n": 1})))[0] == edited


# -- keys


async def test_a_key_in_use_is_refused_by_the_name_of_its_holder_and_the_others_are_not(store: Store) -> None:
    first = await add_one(store, dedup_key="k")
    refused, stored = await store.enqueue([request(dedup_key="k"), request(dedup_key="other")], actor="")
    assert isinstance(refused, DuplicateKey)
    assert refused.request_id == first.id
    assert first.id in refused.message
    assert isinstance(stored, Request)
    assert await store.count(_ALL) == 2


async def test_d4_a_key_is_free_again_when_its_request_has_finished(store: Store) -> None:
    for end in (complete, fail):
        await add_one(store, dedup_key="k")
        await end(store, await claim_one(store))
    first = await add_one(store, dedup_key="k")
    await change(store, first.id, to=Status.CANCELLED)
    await add_one(store, dedup_key="k")
    assert isinstance(await try_change(store, first.id, restore=True), IllegalTransition), "it is another's"


@pytest.mark.parametrize("policy", [REPLACE, KEEP_FIRST])
async def test_a_free_key_is_taken_whatever_the_policy(store: Store, policy: OnDuplicate) -> None:
    one = await add_one(store, dedup_key="k", on_duplicate=policy)
    assert await load(store, one.id) == one
    assert one.on_duplicate is policy
    assert (await last_entry(store, one)).detail == {}


async def test_keep_first_answers_with_the_first(store: Store) -> None:
    first = await add_one(store, dedup_key="k", data={"n": 1})
    answer = await offer(store, request(dedup_key="k", on_duplicate=KEEP_FIRST, data={"n": 2}))
    assert answer == first
    sent = await claim_one(store)
    assert await offer(store, request(dedup_key="k", on_duplicate=KEEP_FIRST)) == sent
    assert store.max_seq() == 1
    assert len(await store.audit()) == 2


async def test_replace_cancels_the_first_in_favour_of_the_new_one(store: Store) -> None:
    first = await add_one(store, dedup_key="k")
    second = request(dedup_key="k", on_duplicate=REPLACE, created_at=NOW + 3)
    stored = await offer(store, second)
    assert isinstance(stored, Request)
    assert (stored.id, stored.seq) == (second.id, 2)
    gone = await load(store, first.id)
    assert (gone.status, gone.finished_at, gone.restore_to) == (Status.CANCELLED, NOW + 3, Status.PENDING)
    assert [r.id for r in store.consequences()] == [first.id]
    old, new = await last_entry(store, first), await last_entry(store, stored)
    assert (old.kind, old.actor, old.origin, old.target) == ("replaced", "anna", "pending", "cancelled")
    assert old.detail == {"replaced_by": second.id}
    assert second.id in old.why
    assert (new.kind, new.detail) == ("enqueued", {"replaces": first.id})
    assert await claim_ids(store) == [second.id]


async def test_what_a_replaced_one_left_behind_goes_on(store: Store) -> None:
    first = await add_one(store, dedup_key="k", lane="l")
    child = await add_one(store, depends_on=(first.id,))
    behind = await add_one(store, lane="l")
    await offer(store, request(dedup_key="k", on_duplicate=REPLACE))
    held = await load(store, child.id)
    assert (held.status, held.reason) == (Status.HELD, Reason.PARENT_FAILED)
    assert behind.id in await claim_ids(store)


@pytest.mark.parametrize(
    "values",
    [
        {"status": Status.DEFERRED, "scheduled_at": NOW + 50},
        {"status": Status.HELD, "reason": Reason.NO_PROCESSOR},
        {"depends_on": ("missing",)},
    ],
    ids=["deferred", "held", "missing parent"],
)
async def test_whatever_was_surely_not_sent_is_replaced(store: Store, values: dict[str, object]) -> None:
    first = await add_one(store, dedup_key="k", **values)
    assert isinstance(await offer(store, request(dedup_key="k", on_duplicate=REPLACE)), Request)
    gone = await load(store, first.id)
    back = Status.PENDING if first.reason is Reason.PARENT_MISSING else first.status
    assert (gone.status, gone.restore_to) == (Status.CANCELLED, back)
    assert gone.reason is (None if first.reason is Reason.PARENT_MISSING else first.reason)


async def test_one_that_waits_for_its_next_try_is_replaced(store: Store) -> None:
    first = await add_one(store, dedup_key="k")
    await claim_one(store)
    await change(store, first.id, to=Status.RETRYING, not_before=NOW + 9, failure=FAILURE)
    assert isinstance(await offer(store, request(dedup_key="k", on_duplicate=REPLACE)), Request)
    assert await status_of(store, first.id) is Status.CANCELLED


@pytest.mark.parametrize("state", ["processing", "uncertain", "to be confirmed"])
async def test_what_may_have_been_sent_is_never_replaced(store: Store, state: str) -> None:
    first = await add_one(store, dedup_key="k")
    before = await claim_one(store)
    if state != "processing":
        before = await change(store, first.id, to=Status.UNCERTAIN)
    if state == "to be confirmed":
        before = await change(store, first.id, to=Status.HELD, reason=Reason.CONFIRM)
    refused = await offer(store, request(dedup_key="k", on_duplicate=REPLACE))
    assert isinstance(refused, DuplicateKey)
    assert refused.request_id == first.id
    assert "may have been sent" in refused.message
    assert await load(store, first.id) == before
    assert await store.count(_ALL) == 1


async def test_replacing_goes_on_and_on(store: Store) -> None:
    versions = [request(dedup_key="k", on_duplicate=REPLACE) for _ in range(4)]
    for one in versions:
        assert isinstance(await offer(store, one), Request)
    assert await claim_ids(store) == [versions[-1].id]
    assert store.counters().count(Status.CANCELLED) == 3


async def test_d3_keys_and_ids_are_known_after_a_restart(store: Store) -> None:
    first = await add_one(store, dedup_key="k", digest="a")
    await store.close()
    await store.open(now=NOW)
    assert isinstance(await offer(store, request(dedup_key="k")), DuplicateKey)
    assert isinstance(await offer(store, request(id=first.id, digest="b")), RequestIdTaken)
    assert await offer(store, request(dedup_key="k", on_duplicate=KEEP_FIRST)) == first

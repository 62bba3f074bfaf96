"""Requests that depend on others."""

from __future__ import annotations

import pytest
from tests.core.store.making import (
    NOW,
    add_one,
    change,
    claim,
    claim_ids,
    claim_one,
    complete,
    fail,
    load,
    new_id,
    request,
    try_change,
)

from autotask_queue.model.errors import IllegalTransition
from autotask_queue.model.request import Request
from autotask_queue.model.status import Reason, Status
from autotask_queue.ports import Store


async def family(store: Store) -> tuple[Request, Request]:
    parent = await add_one(store)
    return parent, await add_one(store, depends_on=(parent.id,))


async def test_a_child_waits_for_its_parent_and_says_so(store: Store) -> None:
    parent, child = await family(store)
    assert (child.status, child.reason) == (Status.PENDING, Reason.AFTER)
    assert await claim_ids(store) == [parent.id]
    await complete(store, await load(store, parent.id))
    freed = await load(store, child.id)
    assert (freed.status, freed.reason) == (Status.PENDING, None)
    assert [r.id for r in store.consequences()] == [child.id]
    assert await claim_ids(store) == [child.id]


async def test_a_child_of_a_completed_parent_is_free(store: Store) -> None:
    parent = await add_one(store)
    await complete(store, await claim_one(store))
    child = await add_one(store, depends_on=(parent.id,))
    assert child.reason is None
    assert await claim_ids(store) == [child.id]


async def test_a_child_waits_for_all_its_parents(store: Store) -> None:
    first, second = await add_one(store), await add_one(store)
    child = await add_one(store, depends_on=(first.id, second.id))
    for one in (await claim(store)).requests:
        assert await claim_ids(store) == []
        assert (await load(store, child.id)).reason is Reason.AFTER
        await complete(store, one)
    assert await claim_ids(store) == [child.id]


@pytest.mark.parametrize("status", [Status.FAILED, Status.CANCELLED, Status.EXPIRED])
async def test_a_dead_parent_holds_its_children(store: Store, status: Status) -> None:
    parent, child = await family(store)
    if status is Status.FAILED:
        await fail(store, await claim_one(store))
    else:
        await change(store, parent.id, to=status, actor="anna")
    held = await load(store, child.id)
    assert (held.status, held.reason) == (Status.HELD, Reason.PARENT_FAILED)
    entry = (await store.audit(request_id=child.id))[0]
    assert (entry.kind, entry.origin, entry.target) == ("held", "pending", "held")
    assert [r.id for r in store.consequences()] == [child.id]
    late = await add_one(store, depends_on=(parent.id,))
    assert (late.status, late.reason) == (Status.HELD, Reason.PARENT_FAILED)


async def test_a_parent_that_never_existed_holds_the_child(store: Store) -> None:
    child = await add_one(store, depends_on=(new_id(),))
    assert (child.status, child.reason) == (Status.HELD, Reason.PARENT_MISSING)
    assert [(e.kind, e.target) for e in await store.audit()] == [("held", "held"), ("enqueued", "pending")]


async def test_a_parent_that_comes_later_frees_the_child(store: Store) -> None:
    parent = request()
    child = await add_one(store, depends_on=(parent.id,))
    await store.enqueue([parent], actor="")
    assert (await load(store, child.id)).reason is Reason.AFTER
    await complete(store, await claim_one(store))
    assert await claim_ids(store) == [child.id]


async def test_a_parent_that_is_retried_takes_its_children_along(store: Store) -> None:
    parent, child = await family(store)
    await fail(store, await claim_one(store))
    store.consequences()
    await change(store, parent.id, kind="retried", to=Status.PENDING)
    waiting = await load(store, child.id)
    assert (waiting.status, waiting.reason) == (Status.PENDING, Reason.AFTER)
    assert [r.id for r in store.consequences()] == [child.id]
    await complete(store, await claim_one(store))
    assert await claim_ids(store) == [child.id]


async def test_undoing_the_cancel_of_a_parent_undoes_the_hold_of_its_children(store: Store) -> None:
    parent = await add_one(store)
    child = await add_one(store, depends_on=(parent.id,))
    later = await add_one(store, depends_on=(parent.id,), status=Status.DEFERRED, scheduled_at=NOW + 60)
    await change(store, parent.id, to=Status.CANCELLED)
    await change(store, parent.id, restore=True)
    assert (await load(store, child.id)).status is Status.PENDING
    assert (await load(store, later.id)).status is Status.DEFERRED


async def test_a_held_child_cannot_go_before_its_dead_parent(store: Store) -> None:
    parent, child = await family(store)
    await change(store, parent.id, to=Status.CANCELLED)
    answer = await try_change(store, child.id, kind="retried", to=Status.PENDING)
    assert isinstance(answer, IllegalTransition)
    assert "Retry or restore" in answer.remedy


async def test_a_child_held_for_another_reason_keeps_it(store: Store) -> None:
    parent, child = await family(store)
    await change(store, child.id, to=Status.HELD, reason=Reason.CONFLICT)
    await change(store, parent.id, to=Status.CANCELLED)
    assert (await load(store, child.id)).reason is Reason.CONFLICT
    await change(store, parent.id, restore=True)
    assert (await load(store, child.id)).status is Status.HELD


async def test_a_grandchild_waits_while_its_parent_is_held(store: Store) -> None:
    parent, child = await family(store)
    grandchild = await add_one(store, depends_on=(child.id,))
    await change(store, parent.id, to=Status.CANCELLED)
    assert (await load(store, grandchild.id)).reason is Reason.AFTER


async def test_a_cancelled_child_looks_at_its_parent_afresh_when_restored(store: Store) -> None:
    parent, child = await family(store)
    await change(store, child.id, to=Status.CANCELLED)
    assert (await load(store, child.id)).reason is None
    await complete(store, await claim_one(store))
    await change(store, child.id, restore=True)
    assert await claim_ids(store) == [child.id]
    assert (await load(store, parent.id)).status is Status.COMPLETED


async def test_a_held_child_that_was_cancelled_is_held_again_when_restored(store: Store) -> None:
    parent, child = await family(store)
    await change(store, parent.id, to=Status.CANCELLED)
    await change(store, child.id, to=Status.CANCELLED)
    restored = await change(store, child.id, restore=True)
    assert (restored.status, restored.reason) == (Status.HELD, Reason.PARENT_FAILED)
    await change(store, parent.id, restore=True)
    assert (await load(store, child.id)).reason is Reason.AFTER


async def test_an_expired_parent_holds_a_child_that_comes_due_in_the_same_claim(store: Store) -> None:
    parent = await add_one(store, expires_at=NOW + 10)
    child = await add_one(store, depends_on=(parent.id,), status=Status.DEFERRED, scheduled_at=NOW + 10)
    await claim(store, now=NOW + 20)
    held = await load(store, child.id)
    assert (held.status, held.reason) == (Status.HELD, Reason.PARENT_FAILED)

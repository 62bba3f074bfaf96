"""Commands on all that match."""

from __future__ import annotations

from tests.core.store.making import NOW, add, add_one, change, claim, load, new_id, request, status_of

from autotask_queue.model.filters import RequestFilter, Selection
from autotask_queue.model.status import Reason, Status
from autotask_queue.ports import Change, Store

CANCEL = Change(id=new_id(), kind="cancelled", at=NOW + 1, to=Status.CANCELLED, actor="anna", why="wrong")


async def test_all_that_match_and_fit_are_changed(store: Store) -> None:
    stored = await add(store, *(request(zone=zone) for zone in ("a", "a", "b", "a")))
    await claim(store, limit=1)
    selection = Selection(filter=RequestFilter(zone=("a",)), max_seq=store.max_seq())
    result = await store.apply_matching(selection, CANCEL)
    assert (result.changed, result.skipped) == (2, 1)
    assert result.ids == (stored[1].id, stored[3].id)
    assert "1 processing" in result.skipped_why
    assert await status_of(store, stored[1].id) is Status.CANCELLED
    assert await status_of(store, stored[2].id) is Status.PENDING
    entry = (await store.audit(request_id=stored[3].id))[0]
    assert (entry.kind, entry.actor, entry.why) == ("cancelled", "anna", "wrong")


async def test_a_selection_does_not_grow(store: Store) -> None:
    await add_one(store)
    selection = Selection(filter=RequestFilter(), max_seq=store.max_seq())
    late = await add_one(store)
    assert (await store.apply_matching(selection, CANCEL)).changed == 1
    assert await status_of(store, late.id) is Status.PENDING


async def test_more_than_one_chunk(store: Store) -> None:
    await add(store, *(request() for _ in range(1_201)))
    selection = Selection(filter=RequestFilter(), max_seq=store.max_seq())
    result = await store.apply_matching(selection, CANCEL)
    assert (result.changed, result.skipped, result.skipped_why) == (1_201, 0, "")
    assert len(set(result.ids)) == 1_201
    assert store.counters().count(Status.CANCELLED) == 1_201


async def test_undo_brings_each_back_to_its_own_status(store: Store) -> None:
    pending = await add_one(store)
    deferred = await add_one(store, status=Status.DEFERRED, scheduled_at=NOW + 60)
    held = await add_one(store, status=Status.HELD, reason=Reason.CONFLICT)
    selection = Selection(filter=RequestFilter(), max_seq=store.max_seq())
    cancelled = await store.apply_matching(selection, CANCEL)
    undo = Change(id=new_id(), kind="restored", at=NOW + 2, restore=True)
    chosen = Selection(filter=RequestFilter(ids=cancelled.ids), max_seq=store.max_seq())
    assert (await store.apply_matching(chosen, undo)).changed == 3
    assert await status_of(store, pending.id) is Status.PENDING
    assert await status_of(store, deferred.id) is Status.DEFERRED
    assert (await load(store, held.id)).reason is Reason.CONFLICT


async def test_all_that_match_means_all_that_match_at_the_start(store: Store) -> None:
    # Cancelling the parent holds the child, which must not save it from being cancelled, too.
    parent = await add_one(store)
    child = await add_one(store, depends_on=(parent.id,))
    selection = Selection(filter=RequestFilter(status=(Status.PENDING,)), max_seq=store.max_seq())
    assert (await store.apply_matching(selection, CANCEL)).ids == (parent.id, child.id)


async def test_each_of_a_selection_is_judged_at_its_turn(store: Store) -> None:
    # Restoring the parent frees the child, which is deferred then when its own turn comes.
    parent = await add_one(store)
    child = await add_one(store, depends_on=(parent.id,), status=Status.DEFERRED, scheduled_at=NOW + 60)
    other = await add_one(store)
    await change(store, parent.id, to=Status.CANCELLED)
    await change(store, other.id, to=Status.CANCELLED)
    assert await status_of(store, child.id) is Status.HELD
    undo = Change(id=new_id(), kind="restored", at=NOW + 2, restore=True)
    result = await store.apply_matching(Selection(filter=RequestFilter(), max_seq=store.max_seq()), undo)
    assert result.skipped_why == "Not possible for 1 deferred."
    newest = [(e.request_id, e.kind) for e in await store.audit(limit=3)]
    assert newest == [(other.id, "restored"), (child.id, "released"), (parent.id, "restored")]


async def test_a_selection_keeps_its_limit(store: Store) -> None:
    stored = await add(store, *(request() for _ in range(5)))
    selection = Selection(filter=RequestFilter(limit=2), max_seq=store.max_seq())
    assert (await store.apply_matching(selection, CANCEL)).ids == (stored[0].id, stored[1].id)


async def test_nothing_matches(store: Store) -> None:
    result = await store.apply_matching(Selection(filter=RequestFilter(), max_seq=0), CANCEL)
    assert (result.changed, result.skipped, result.ids) == (0, 0, ())

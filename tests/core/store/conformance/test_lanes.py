"""Writes of one record go one at a time, in the order of their arrival."""

from __future__ import annotations

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
    request,
)

from autotask_queue.model.request import Request
from autotask_queue.model.status import Effect, Reason, Status
from autotask_queue.ports import Store


async def lane_of(store: Store, count: int) -> list[Request]:
    return await add(store, *(request(lane="zone1/Tickets/1") for _ in range(count)))


async def test_only_the_first_of_a_lane_is_ready(store: Store) -> None:
    first, _, _ = await lane_of(store, 3)
    other = await add_one(store, lane="zone1/Tickets/2")
    assert await claim_ids(store) == [first.id, other.id]
    assert await claim_ids(store) == []


async def test_a_lane_goes_on_when_its_first_is_completed(store: Store) -> None:
    stored = await lane_of(store, 3)
    for expected in stored:
        one = await claim_one(store)
        assert one.id == expected.id
        await complete(store, one)


async def test_a_failed_one_lets_its_lane_go_on(store: Store) -> None:
    _, second = await lane_of(store, 2)
    await fail(store, await claim_one(store))
    assert await claim_ids(store) == [second.id]


async def test_a_cancelled_one_lets_its_lane_go_on(store: Store) -> None:
    first, second = await lane_of(store, 2)
    await change(store, first.id, to=Status.CANCELLED)
    assert await claim_ids(store) == [second.id]


@pytest.mark.parametrize("status", [Status.UNCERTAIN, Status.HELD, Status.RETRYING])
async def test_an_unfinished_one_stops_its_lane(store: Store, status: Status) -> None:
    first, second = await lane_of(store, 2)
    await claim_one(store)
    await change(store, first.id, to=status, not_before=NOW + 10)
    assert await claim_ids(store) == []
    done = {
        Status.UNCERTAIN: Status.COMPLETED,
        Status.HELD: Status.CANCELLED,
        Status.RETRYING: Status.CANCELLED,
    }
    await change(store, first.id, to=done[status])
    assert await claim_ids(store) == [second.id]


async def test_a_retry_keeps_its_place_and_its_lane_waits_for_it(store: Store) -> None:
    first, second = await lane_of(store, 2)
    await claim_one(store)
    await change(store, first.id, to=Status.RETRYING, not_before=NOW + 10)
    assert await claim_ids(store, now=NOW + 9) == []
    assert await claim_ids(store, now=NOW + 10) == [first.id]
    await complete(store, await load(store, first.id))
    assert await claim_ids(store, now=NOW + 10) == [second.id]


async def test_a_deferred_one_does_not_stop_its_lane_until_it_is_due(store: Store) -> None:
    later = await add_one(store, lane="l", status=Status.DEFERRED, scheduled_at=NOW + 60)
    now, next_ = await add(store, request(lane="l"), request(lane="l"))
    assert await claim_ids(store) == [now.id]
    assert await claim_ids(store, now=NOW + 60) == [], "it is due, but one is on the wire"
    await complete(store, await load(store, now.id))
    assert await claim_ids(store, now=NOW + 60) == [later.id], "at the place of its arrival"
    await complete(store, await load(store, later.id))
    assert await claim_ids(store, now=NOW + 60) == [next_.id]


async def test_a_due_one_stops_the_ready_one_behind_it(store: Store) -> None:
    later = await add_one(store, lane="l", status=Status.DEFERRED, scheduled_at=NOW + 60)
    await add_one(store, lane="l")
    assert await claim_ids(store, now=NOW + 60) == [later.id]


async def test_a_restored_one_waits_for_the_later_one_on_the_wire(store: Store) -> None:
    first, second = await lane_of(store, 2)
    await change(store, first.id, to=Status.CANCELLED)
    assert await claim_ids(store) == [second.id]
    await change(store, first.id, restore=True)
    assert await claim_ids(store) == []
    await complete(store, await load(store, second.id))
    assert await claim_ids(store) == [first.id]


async def test_an_edit_does_not_free_one_that_waits_for_a_later_one(store: Store) -> None:
    first, second = await lane_of(store, 2)
    await change(store, first.id, to=Status.CANCELLED)
    assert await claim_ids(store) == [second.id]
    await change(store, first.id, restore=True)
    await change(store, first.id, kind="edited", priority=9)
    assert await claim_ids(store) == []


async def test_a_restored_one_goes_before_those_that_came_later(store: Store) -> None:
    first, second, _ = await lane_of(store, 3)
    await change(store, first.id, to=Status.CANCELLED)
    await change(store, first.id, restore=True)
    assert await claim_ids(store) == [first.id]
    await complete(store, await load(store, first.id))
    assert await claim_ids(store) == [second.id]


async def test_moving_to_another_lane_frees_the_old_one_and_queues_in_the_new_one(store: Store) -> None:
    first, second = await add(store, request(lane="a"), request(lane="a"))
    third = await add_one(store, lane="b")
    await change(store, first.id, kind="edited", edit={"lane": "b"})
    assert await claim_ids(store) == [first.id, second.id]
    assert await claim_ids(store) == []
    await complete(store, await load(store, first.id))
    assert await claim_ids(store) == [third.id]


async def test_leaving_the_lane_by_becoming_a_read(store: Store) -> None:
    first, second = await lane_of(store, 2)
    await change(store, second.id, kind="edited", edit={"effect": Effect.READ})
    assert await claim_ids(store) == [first.id, second.id]


async def test_one_in_the_middle_may_finish_first(store: Store) -> None:
    first, second, third = await lane_of(store, 3)
    await change(store, second.id, to=Status.HELD, reason=Reason.CONFLICT)
    await complete(store, await claim_one(store))
    assert await claim_ids(store) == []
    await change(store, second.id, to=Status.CANCELLED)
    assert await claim_ids(store) == [third.id]
    assert await store.get(first.id)

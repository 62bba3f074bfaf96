"""The strategies over real stores: the same order in each, whatever happens in between."""

from __future__ import annotations

import pytest
from tests.core.store.making import NOW, OPEN_GATE, add, add_one, change, claim, complete, read, request

from autotask_queue.model.request import Request
from autotask_queue.model.status import Status
from autotask_queue.policy.schedule import ORDERS
from autotask_queue.ports import Store

NAMES = sorted(ORDERS)


async def workload(store: Store) -> list[Request]:
    """Old background work, then reads, then urgent writes and normal ones."""
    priorities = [(1, False)] * 4 + [(5, True)] * 5 + [(9, False)] * 2 + [(5, False)] * 2
    return await add(
        store,
        *(
            (read if reads else request)(priority=priority, created_at=NOW + 10 * place)
            for place, (priority, reads) in enumerate(priorities)
        ),
    )


async def drain(store: Store, orders: list[str]) -> list[int]:
    """The `seq` of all, as claims of one give them, each by the next of `orders`."""
    found = []
    for name in orders:
        claimed = await claim(store, now=NOW + 200, limit=1, order=ORDERS[name])
        found += [one.seq for one in claimed.requests]
    return found


EXPECTED = {
    "fifo": [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13],
    "lifo": [1, 2, 3, 4, 9, 8, 7, 5, 6, 10, 11, 12, 13],
    "priority": [10, 11, 5, 6, 7, 8, 9, 12, 13, 1, 2, 3, 4],
    "weighted": [10, 5, 1, 11, 6, 7, 2, 8, 9, 3, 12, 13, 4],
}


@pytest.mark.parametrize("name", NAMES)
async def test_each_strategy_gives_its_own_order(store: Store, name: str) -> None:
    stored = await workload(store)
    assert await drain(store, [name] * len(stored)) == EXPECTED[name]


@pytest.mark.parametrize("name", NAMES)
async def test_one_large_claim_takes_the_same_order_as_many_small_ones(store: Store, name: str) -> None:
    await workload(store)
    claimed = await claim(store, now=NOW + 200, order=ORDERS[name])
    assert [one.seq for one in claimed.requests] == EXPECTED[name]


@pytest.mark.parametrize("name", NAMES)
async def test_s2_a_lane_keeps_its_order_under_every_strategy(store: Store, name: str) -> None:
    lane = [request(lane="l", priority=priority) for priority in (1, 9, 5, 10, 2)]
    stored = await add(store, *lane, request(priority=6))
    sent: list[Request] = []
    while len(sent) < len(stored):
        for one in (await claim(store, order=ORDERS[name])).requests:
            sent.append(one)
            await complete(store, one)
    assert [one.seq for one in sent if one.lane] == [1, 2, 3, 4, 5]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("before", [1, 6, 9])
async def test_s5_a_restart_does_not_change_the_remaining_order(store: Store, name: str, before: int) -> None:
    stored = await workload(store)
    first = await drain(store, [name] * before)
    for seq in first:  # so that nothing is on the wire when it ends
        await complete(store, stored[seq - 1], fence=1)
    await store.close()
    await store.open(now=NOW + 100)
    assert first + await drain(store, [name] * (len(stored) - before)) == EXPECTED[name]


@pytest.mark.parametrize("orders", [NAMES * 4, list(reversed(NAMES)) * 4, ["weighted", "lifo"] * 7])
async def test_s6_switching_loses_and_repeats_nobody(store: Store, orders: list[str]) -> None:
    stored = await workload(store)
    assert sorted(await drain(store, orders)) == [one.seq for one in stored]
    assert len(await store.audit(kinds=("claimed",))) == len(stored)


# ---------------------------------------------------------------------------------------------
# Inheritance


async def first_of_all(store: Store) -> int:
    (one,) = (await claim(store, limit=1, order=ORDERS["priority"])).requests
    return one.seq


async def test_s7_who_is_in_the_way_of_an_urgent_one_in_its_lane_goes_before_others(store: Store) -> None:
    await add(store, request(priority=6), request(priority=1, lane="l"), request(priority=10, lane="l"))
    assert await first_of_all(store) == 2
    assert [row.priority for row in await store.rows([2])] == [1], "people see its own"


async def test_s7_the_parent_of_an_urgent_one_goes_before_others(store: Store) -> None:
    other, parent = await add(store, request(priority=6), request(priority=1))
    child = await add_one(store, priority=10, depends_on=(parent.id,))
    assert [other.seq, parent.seq, child.seq] == [1, 2, 3]
    assert await first_of_all(store) == parent.seq


async def test_s7_urgency_runs_through_lanes_and_parents_together(store: Store) -> None:
    await add(store, request(priority=6), request(priority=1, lane="a"))
    (middle,) = await add(store, request(priority=2, lane="a"))
    await add(store, request(priority=3, lane="b", depends_on=(middle.id,)), request(priority=9, lane="b"))
    assert await first_of_all(store) == 2


async def test_s7_urgency_ends_with_its_reason(store: Store) -> None:
    _, _, urgent = await add(
        store, request(priority=6), request(priority=1, lane="l"), request(priority=10, lane="l")
    )
    await change(store, urgent.id, kind="cancelled", to=Status.CANCELLED)
    assert await first_of_all(store) == 1
    await change(store, urgent.id, kind="restored", restore=True)
    assert await first_of_all(store) == 2


async def test_s7_a_new_priority_counts_for_those_ahead(store: Store) -> None:
    _, _, last = await add(
        store, request(priority=6), request(priority=1, lane="l"), request(priority=1, lane="l")
    )
    await change(store, last.id, kind="reprioritised", priority=10)
    assert await first_of_all(store) == 2


async def test_s7_a_parent_that_is_put_behind_its_child_goes_with_it(store: Store) -> None:
    (parent,) = await add(store, request(priority=9))
    await add(store, request(priority=8, depends_on=(parent.id,)), request(priority=6))
    await change(store, parent.id, priority=1)
    assert await first_of_all(store) == parent.seq


async def test_s7_survives_a_restart(store: Store) -> None:
    await add(store, request(priority=6), request(priority=1, lane="l"), request(priority=10, lane="l"))
    await store.close()
    await store.open(now=NOW)
    assert await first_of_all(store) == 2


async def test_the_background_gets_no_more_than_its_slots(store: Store) -> None:
    await add(store, *(request(priority=2) for _ in range(3)), request(priority=3))
    claimed = await claim(store, background=1, zones={"zone1": OPEN_GATE})
    assert sorted(one.priority for one in claimed.requests) == [2, 3]

from __future__ import annotations

from tests.core.store.making import (
    NOW,
    OPEN_GATE,
    STRICT,
    add,
    add_one,
    change,
    claim,
    claim_ids,
    claim_one,
    complete,
    ended,
    load,
    read,
    request,
    status_of,
)

from autotask_queue.model.request import AttemptResult
from autotask_queue.model.status import Status
from autotask_queue.ports import Store, ZoneGate


async def test_a_claimed_request_is_processing_with_a_new_fence_and_a_running_attempt(store: Store) -> None:
    one = await add_one(store)
    claimed = await claim_one(store, now=NOW + 3)
    assert (claimed.id, claimed.status, claimed.fence) == (one.id, Status.PROCESSING, 1)
    assert claimed.updated_at == NOW + 3
    assert claimed.attempts == 0
    (attempt,) = await store.attempts(one.id)
    assert (attempt.number, attempt.result, attempt.started_at) == (1, AttemptResult.RUNNING, NOW + 3)
    assert await store.get(one.id) == claimed


async def test_nothing_is_claimed_twice(store: Store) -> None:
    await add(store, *(request() for _ in range(10)))
    first = await claim_ids(store, limit=6)
    second = await claim_ids(store, limit=6)
    assert len(first) == 6
    assert len(second) == 4
    assert not set(first) & set(second)


async def test_the_order_decides_who_goes_first(store: Store) -> None:
    low, high, middle = await add(store, request(priority=1), request(priority=9), request(priority=5))
    assert await claim_ids(store, order=STRICT) == [high.id, middle.id, low.id]


async def test_a_zone_without_a_gate_is_closed(store: Store) -> None:
    await add(store, request(zone="closed"), request(zone="open"))
    claimed = await claim(store, zones={"open": OPEN_GATE})
    assert [r.zone for r in claimed.requests] == ["open"]


async def test_a_zone_without_slots_is_closed_and_hides_nobody_behind_it(store: Store) -> None:
    await add(store, *(request(zone="closed") for _ in range(20)), request(zone="open"))
    gates = {"closed": ZoneGate(slots=0)}
    claimed = await claim(store, zones=gates, default_gate=OPEN_GATE)
    assert [r.zone for r in claimed.requests] == ["open"]


async def test_a_zones_slots_bound_what_is_taken_from_it(store: Store) -> None:
    await add(store, *(request(zone=zone) for zone in ("a", "b") for _ in range(5)))
    claimed = await claim(store, zones={"a": ZoneGate(slots=2), "b": ZoneGate(slots=3)})
    assert sorted(r.zone for r in claimed.requests) == ["a", "a", "b", "b", "b"]


async def test_an_endpoints_slots_bound_it_and_leave_the_others_alone(store: Store) -> None:
    await add(store, *(request(entity=entity) for entity in ("Tickets", "Notes", "Other") for _ in range(4)))
    gate = ZoneGate(slots=100, entity_slots={"Tickets": 0, "Notes": 3}, default_entity_slots=2)
    claimed = await claim(store, zones={"zone1": gate})
    assert sorted(r.entity for r in claimed.requests) == ["Notes"] * 3 + ["Other"] * 2


async def test_the_limit_bounds_a_claim(store: Store) -> None:
    await add(store, *(request() for _ in range(5)))
    assert len(await claim_ids(store, limit=3)) == 3


async def test_a_deferred_request_waits_for_its_time(store: Store) -> None:
    one = await add_one(store, status=Status.DEFERRED, scheduled_at=NOW + 60)
    assert store.next_due() == NOW + 60
    early = await claim(store, now=NOW + 59.9)
    assert early.requests == ()
    assert early.next_due == NOW + 60
    assert await claim_ids(store, now=NOW + 60) == [one.id]
    assert [e.kind for e in await store.audit(request_id=one.id)] == ["claimed", "released", "enqueued"]
    assert [r.id for r in store.consequences()] == [one.id]
    assert store.consequences() == ()


async def test_a_retrying_request_waits_for_its_time(store: Store) -> None:
    await add_one(store)
    one = await claim_one(store)
    await change(
        store,
        one.id,
        kind="retrying",
        to=Status.RETRYING,
        not_before=NOW + 30,
        attempt=ended(AttemptResult.FAILED),
        count_attempt=True,
    )
    assert (await claim(store, now=NOW + 29)).next_due == NOW + 30
    again = await claim_one(store, now=NOW + 30)
    assert (again.fence, again.attempts, again.not_before) == (2, 1, None)
    assert [a.number for a in await store.attempts(one.id)] == [1, 2]


async def test_a_retry_without_a_time_is_ready_at_once(store: Store) -> None:
    await add_one(store)
    one = await claim_one(store)
    await change(store, one.id, to=Status.RETRYING)
    assert await claim_ids(store) == [one.id]


async def test_a_wait_can_be_shortened(store: Store) -> None:
    await add_one(store)
    one = await claim_one(store)
    await change(store, one.id, to=Status.RETRYING, not_before=NOW + 3_600)
    await change(store, one.id, not_before=None)
    assert store.next_due() is None
    assert await claim_ids(store) == [one.id]


async def test_what_has_expired_is_never_sent(store: Store) -> None:
    pending = await add_one(store, expires_at=NOW + 10)
    deferred = await add_one(store, status=Status.DEFERRED, scheduled_at=NOW + 5, expires_at=NOW + 10)
    held = await add_one(store, status=Status.HELD, expires_at=NOW + 10)
    assert store.next_due() == NOW + 5
    claimed = await claim(store, now=NOW + 10)
    assert claimed.requests == ()
    assert {r.id for r in claimed.expired} == {pending.id, deferred.id}
    expired = await load(store, pending.id)
    assert (expired.status, expired.finished_at) == (Status.EXPIRED, NOW + 10)
    assert await status_of(store, held.id) is Status.HELD
    assert claimed.next_due is None


async def test_priority_can_change_while_waiting(store: Store) -> None:
    first, second = await add(store, request(), request())
    await change(store, second.id, kind="edited", priority=9)
    assert await claim_ids(store, order=STRICT) == [second.id, first.id]


async def test_reads_run_beside_writes(store: Store) -> None:
    await add(store, request(lane="l"), read(lane="l"), read(lane="l"))
    assert len(await claim_ids(store)) == 3


async def test_what_returns_unsent_is_ready_again_in_its_old_place(store: Store) -> None:
    first, second = await add(store, request(), request())
    one = await claim_one(store, limit=1)
    await change(store, one.id, kind="released", to=Status.PENDING, attempt=ended(AttemptResult.NOT_SENT))
    assert await claim_ids(store) == [first.id, second.id]


async def test_a_completed_request_is_not_claimed(store: Store) -> None:
    await add_one(store)
    await complete(store, await claim_one(store))
    assert await claim_ids(store) == []


async def test_what_changed_since_the_last_claim_counts_in_the_next(store: Store) -> None:
    stored = await add(store, *(request() for _ in range(6)))
    assert len(await claim_ids(store, limit=2)) == 2
    await change(store, stored[4].id, to=Status.CANCELLED)
    assert await claim_ids(store) == [stored[2].id, stored[3].id, stored[5].id]


async def test_an_earlier_one_that_comes_back_goes_first(store: Store) -> None:
    first, second = await add(store, request(), request())
    await change(store, first.id, to=Status.CANCELLED)
    assert await claim_ids(store, limit=0) == []
    await change(store, first.id, restore=True)
    assert await claim_ids(store, limit=1) == [first.id]
    assert await claim_ids(store, limit=1) == [second.id]

from __future__ import annotations

import msgspec
import pytest
from tests.core.store.making import NOW, add, add_one, claim_ids, claim_one, complete, request

from autotask_queue.model.errors import InvalidRequest
from autotask_queue.model.filters import RequestFilter
from autotask_queue.model.request import Request
from autotask_queue.model.status import Status
from autotask_queue.ports import Store

_ALL = RequestFilter()


async def test_a_stored_request_is_the_one_given_with_its_place_and_author(store: Store) -> None:
    given = request(
        data={"title": "Printer", "n": [1, 2.5, None, True]},
        headers={"x": "y"},
        metadata={"tag": "a"},
        base={"title": "Old"},
        marker="atq-1",
        timeout=12.5,
        max_retries=7,
        retryable=False,
        batchable=True,
        search_text="T2026",
        lane="zone1/Tickets/1",
        expires_at=NOW + 100,
        priority=9,
    )
    (stored,) = await add(store, given)
    assert stored == msgspec.structs.replace(given, seq=1, actor="tester")
    assert await store.get(given.id) == stored


async def test_numbers_follow_the_order_of_arrival(store: Store) -> None:
    stored = await add(store, *(request() for _ in range(5)))
    assert [r.seq for r in stored] == [1, 2, 3, 4, 5]
    assert store.max_seq() == 5


async def test_an_id_that_exists_is_answered_with_what_is_stored(store: Store) -> None:
    first = await add_one(store, summary="first")
    (again,) = await add(store, request(id=first.id, summary="second", created_at=NOW + 5))
    assert again == first
    assert await store.count(_ALL) == 1
    assert len(await store.audit()) == 1


async def test_an_id_that_is_finished_is_not_added_again(store: Store) -> None:
    first = await add_one(store)
    done = await complete(store, await claim_one(store))
    (again,) = await add(store, request(id=first.id))
    assert again == done
    assert await claim_ids(store) == []


async def test_the_same_id_twice_in_one_call_is_stored_once(store: Store) -> None:
    one = request()
    first, second = await add(store, one, one)
    assert first == second


@pytest.mark.parametrize("status", sorted(set(Status) - {Status.PENDING, Status.DEFERRED, Status.HELD}))
async def test_nothing_is_added_in_the_middle_of_its_life(store: Store, status: Status) -> None:
    (answer,) = await store.enqueue([request(status=status)], actor="")
    assert isinstance(answer, InvalidRequest)
    assert store.max_seq() == 0


async def test_what_is_not_json_is_refused_and_the_others_are_not(store: Store) -> None:
    answers = await store.enqueue([request(data=object()), request(data="\ud800"), request()], actor="")
    assert [type(a) for a in answers] == [InvalidRequest, InvalidRequest, Request]


async def test_nobody_can_change_what_is_stored_behind_the_stores_back(store: Store) -> None:
    data = {"title": "as given"}
    one = await add_one(store, data=data)
    data["title"] = "changed by the caller"
    one.data["title"] = "changed by the caller"
    found = await store.get(one.id)
    assert found is not None
    assert found.data == {"title": "as given"}

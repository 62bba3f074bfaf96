"""Filters, order, paging: what lists are made of."""

from __future__ import annotations

from array import array
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest
from tests.core.store.making import (
    NOW,
    add,
    add_one,
    change,
    claim_one,
    complete,
    fail,
    new_id,
    read,
    request,
)

from autotask_queue.model.filters import Range, RequestFilter, Sort, SortField
from autotask_queue.model.request import Request, RequestId, RequestRow
from autotask_queue.model.status import Effect, Reason, Status
from autotask_queue.ports import Store


@pytest.fixture
async def mixed(store: Store) -> dict[str, Request]:
    """Requests of every sort, by a name: finished and not, in both tables of a store that has two."""
    named = {
        "failed": request(priority=9, created_at=NOW + 5),
        "completed": request(summary="Create ticket: Drücker STRASSE", created_at=NOW + 4),
        "pending": request(zone="zone2", endpoint="/Companies", entity="Companies", created_at=NOW + 3),
        "read": read(summary="Look up", lane="zone1/Tickets/7", created_at=NOW + 2),
        "deferred": request(status=Status.DEFERRED, scheduled_at=NOW + 60, search_text="T2026.0042"),
        "held": request(status=Status.HELD, reason=Reason.CONFLICT, priority=2),
        "cancelled": request(method="PATCH"),
    }
    await add(store, *named.values())
    await change(store, named["cancelled"].id, to=Status.CANCELLED, at=NOW + 30)
    await fail(store, await claim_one(store, limit=1), at=NOW + 10)
    await complete(store, await claim_one(store, limit=1), at=NOW + 20)
    found = await store.find(RequestFilter())
    return dict(zip(named, found, strict=True))


async def names(store: Store, mixed: dict[str, Request], **conditions: Any) -> list[str]:
    by_seq = {one.seq: name for name, one in mixed.items()}
    query = RequestFilter(**conditions)
    found = [by_seq[seq] for seq in await store.index(query)]
    assert [by_seq[r.seq] for r in await store.find(query)] == found
    if query.limit is None and query.cursor is None:
        assert await store.count(query) == len(found)
    return found


@pytest.mark.parametrize(
    ("conditions", "expected"),
    [
        ({"status": (Status.FAILED,)}, ["failed"]),
        ({"status": (Status.HELD, Status.COMPLETED)}, ["completed", "held"]),
        (
            {"not_status": (Status.HELD, Status.COMPLETED)},
            ["failed", "pending", "read", "deferred", "cancelled"],
        ),
        ({"status": (Status.HELD,), "not_status": (Status.HELD,)}, []),
        ({"reason": (Reason.CONFLICT, Reason.GONE)}, ["held"]),
        ({"zone": ("zone2",)}, ["pending"]),
        ({"zone": ("zone2",), "status": (Status.FAILED,)}, []),
        ({"entity": ("Companies", "Nothing")}, ["pending"]),
        ({"endpoint": "/Companies"}, ["pending"]),
        ({"endpoint": "/Comp"}, []),
        ({"method": ("GET", "PATCH")}, ["read", "cancelled"]),
        ({"effect": (Effect.READ,)}, ["read"]),
        ({"effect": (Effect.WRITE,), "status": (Status.PENDING,)}, ["pending"]),
        ({"lane": "zone1/Tickets/7"}, ["read"]),
        ({"priority": Range(min=6)}, ["failed"]),
        ({"priority": Range(min=2, max=2)}, ["held"]),
        ({"created": Range(min=NOW + 3, max=NOW + 4)}, ["completed", "pending"]),
        ({"scheduled": Range(max=NOW + 60)}, ["deferred"]),
        ({"finished": Range(min=NOW + 20)}, ["completed", "cancelled"]),
        ({"finished": Range()}, ["failed", "completed", "pending", "read", "deferred", "held", "cancelled"]),
        ({"attempts": Range(min=1)}, ["failed"]),
        ({"http_status": (503, 404)}, ["failed"]),
        ({"text": "drücker strasse"}, ["completed"]),
        ({"text": "STRASSE Drücker"}, ["completed"]),
        ({"text": "drücker nowhere"}, []),
        ({"text": "t2026.0042"}, ["deferred"]),
        ({"text": "server busy"}, ["failed"]),
        ({"text": "4711"}, ["completed"]),
        ({"text": "/compan"}, ["pending"]),
        ({"text": "%"}, []),
        ({"text": "_"}, []),
    ],
)
async def test_conditions(
    store: Store, mixed: dict[str, Request], conditions: dict[str, Any], expected: list[str]
) -> None:
    assert await names(store, mixed, **conditions) == expected


async def test_ids(store: Store, mixed: dict[str, Request]) -> None:
    wanted = (mixed["held"].id, new_id(), mixed["failed"].id)
    assert await names(store, mixed, ids=wanted) == ["failed", "held"]
    assert await names(store, mixed, text=mixed["held"].id.upper()) == ["held"]


@pytest.mark.parametrize(
    ("field", "ascending"),
    [
        (SortField.SEQ, ["failed", "completed", "pending", "read", "deferred", "held", "cancelled"]),
        (SortField.PRIORITY, ["held", "completed", "pending", "read", "deferred", "cancelled", "failed"]),
        (SortField.CREATED, ["deferred", "held", "cancelled", "read", "pending", "completed", "failed"]),
        (SortField.UPDATED, ["pending", "read", "deferred", "held", "failed", "completed", "cancelled"]),
        (SortField.FINISHED, ["pending", "read", "deferred", "held", "failed", "completed", "cancelled"]),
        (SortField.STATUS, ["cancelled", "completed", "deferred", "failed", "held", "pending", "read"]),
        (SortField.ATTEMPTS, ["completed", "pending", "read", "deferred", "held", "cancelled", "failed"]),
        (SortField.SUMMARY, ["failed", "pending", "deferred", "held", "cancelled", "completed", "read"]),
        (SortField.ZONE, ["failed", "completed", "read", "deferred", "held", "cancelled", "pending"]),
    ],
)
async def test_order(store: Store, mixed: dict[str, Request], field: SortField, ascending: list[str]) -> None:
    assert await names(store, mixed, sort=Sort(field=field)) == ascending
    descending = Sort(field=field, direction="desc")
    assert await names(store, mixed, sort=descending) == ascending[::-1]
    assert await names(store, mixed, sort=descending, limit=3) == ascending[::-1][:3]


EVERY_ORDER = [Sort(field=f, direction=d) for f in SortField for d in ("asc", "desc")]


async def pages(store: Store, query: RequestFilter) -> AsyncIterator[list[Request]]:
    while page := await store.find(query):
        yield page
        query = query.after(page[-1])


@pytest.mark.parametrize("sort", EVERY_ORDER, ids=lambda s: f"{s.field}-{s.direction}")
async def test_pages_make_up_the_whole_list(store: Store, mixed: dict[str, Request], sort: Sort) -> None:
    for whole in (RequestFilter(sort=sort), RequestFilter(sort=sort, effect=(Effect.WRITE,), text="ticket")):
        wanted = [r.id for r in await store.find(whole)]
        for limit in (1, 2, 3, 100):
            query = msgspec.structs.replace(whole, limit=limit)
            found = [page async for page in pages(store, query)]
            assert [r.id for page in found for r in page] == wanted
            assert all(len(page) == limit for page in found[:-1])
    ids = tuple([r.id for r in await store.find(RequestFilter(sort=sort))][:5])
    query = RequestFilter(sort=sort, ids=ids, limit=2)
    assert [r.id for page in [p async for p in pages(store, query)] for r in page] == list(ids)


@pytest.mark.parametrize("sort", EVERY_ORDER, ids=lambda s: f"{s.field}-{s.direction}")
async def test_pages_hold_whatever_is_changed_meanwhile(store: Store, sort: Sort) -> None:
    """What nobody touches is on exactly one page, in its place; also when the last of a page is changed."""
    requests = [
        request(
            priority=1 + n % 3,
            created_at=NOW + n % 4,
            summary=f"Ticket {n % 5}",
            zone=f"zone{n % 2}",
            status=(Status.PENDING, Status.HELD)[n % 2],
        )
        for n in range(24)
    ]
    stored = await add(store, *requests)
    for one in stored[12:18]:
        await change(store, one.id, to=Status.CANCELLED, at=NOW + 10 + one.seq % 3)
    order = await store.find(RequestFilter(sort=sort))
    touched = {r.id for r in order[2::3]}
    quiet = [r.id for r in order if r.id not in touched]
    seen: list[RequestId] = []
    at = NOW + 100
    async for page in pages(store, RequestFilter(sort=sort, limit=3)):
        assert len(page) <= 3
        seen += [r.id for r in page]
        if len(seen) > 200:
            raise AssertionError("the pages have no end")
        if not touched:
            continue
        await add_one(store, priority=9, created_at=NOW - 5)
        # Also the last of the page, behind which the next one begins, in all that it may be sorted by.
        for one in [r for r in page if r.id in touched]:
            touched.discard(one.id)
            if one.status is Status.CANCELLED:
                await change(store, one.id, restore=True, at=at)
            else:
                await change(store, one.id, priority=10, edit={"summary": "A new one"}, at=at)
                await change(store, one.id, to=Status.CANCELLED, at=at)
            at += 1
    assert [i for i in seen if i in set(quiet)] == quiet


async def test_a_cursor_belongs_to_its_order(store: Store, mixed: dict[str, Request]) -> None:
    after = RequestFilter(sort=Sort(field=SortField.CREATED), limit=2).after(mixed["read"])
    found = await names(store, mixed, sort=after.sort, cursor=after.cursor)
    assert found == ["pending", "completed", "failed"]
    with pytest.raises(ValueError, match="sorted by created_at, not by status"):
        RequestFilter(cursor=after.cursor, sort=Sort(field=SortField.STATUS))


async def test_a_cursor_travels(store: Store, mixed: dict[str, Request]) -> None:
    """As JSON, over the control channel, or in a link."""
    for sort in EVERY_ORDER:
        query = RequestFilter(sort=sort, limit=2)
        for page in [p async for p in pages(store, query)]:
            after = query.after(page[-1])
            assert msgspec.json.decode(msgspec.json.encode(after), type=RequestFilter) == after


async def test_index_is_an_array_of_numbers(store: Store, mixed: dict[str, Request]) -> None:
    found = await store.index(RequestFilter())
    assert found == array("q", [one.seq for one in mixed.values()])


async def test_rows_come_in_the_order_asked_for(store: Store, mixed: dict[str, Request]) -> None:
    wanted = [mixed["held"].seq, 999, mixed["failed"].seq, mixed["completed"].seq]
    found = await store.rows(wanted)
    assert [type(row) for row in found] == [RequestRow] * 3
    expected = [mixed["held"], mixed["failed"], mixed["completed"]]
    for row, whole in zip(found, expected, strict=True):
        assert {n: getattr(row, n) for n in row.__struct_fields__} == {
            n: getattr(whole, n) for n in row.__struct_fields__
        }
    assert await store.rows([]) == []


async def test_an_edit_is_found_by_its_new_words(store: Store) -> None:
    one = await add_one(store, summary="old words")
    await change(store, one.id, edit={"summary": "new words", "search_text": "more"})
    assert await store.count(RequestFilter(text="old")) == 0
    assert await store.count(RequestFilter(text="new more")) == 1


async def test_the_oldest_waiting(store: Store) -> None:
    assert await store.oldest_waiting() is None
    await add_one(store, status=Status.DEFERRED, scheduled_at=NOW + 60, created_at=NOW + 1)
    assert await store.oldest_waiting() is None
    held = await add_one(store, status=Status.HELD, created_at=NOW + 2)
    await add_one(store, created_at=NOW + 3)
    assert await store.oldest_waiting() == NOW + 2
    await change(store, held.id, to=Status.CANCELLED)
    assert await store.oldest_waiting() == NOW + 3


async def test_priorities_of_what_is_unfinished(store: Store) -> None:
    await add(store, request(priority=9), request(priority=9), request(priority=2), request(priority=5))
    await complete(store, await claim_one(store, limit=1))
    assert await store.priorities() == {9: 1, 2: 1, 5: 1}


async def test_an_unknown_request_has_nothing(store: Store) -> None:
    assert await store.get(new_id()) is None
    assert await store.attempts(new_id()) == []
    assert await store.audit(request_id=new_id()) == []

"""The statements of the hot path use their indexes: nothing walks through the table.

Time is measured by the benchmark; here stands why it does not grow.
"""

from __future__ import annotations

from functools import partial
from typing import Literal

import pytest
from tests.core.store.making import NOW, add, claim, complete, request

from autotask_queue.model.filters import Cursor, Range, RequestFilter, Sort, SortField
from autotask_queue.model.status import OPEN, Status
from autotask_queue.ports import ZoneGate
from autotask_queue.store import SqliteStore
from autotask_queue.store.sqlite import audit, heads, operations, query, reader, statements

pytestmark = [pytest.mark.integration, pytest.mark.performance]


async def plan_of(store: SqliteStore, sql: str) -> str:
    read = partial(reader.every, f"EXPLAIN QUERY PLAN {sql}", ["1"] * sql.count("?"))
    return "\n".join(row[3] for row in await store._quick.ask(read))


HOT = {
    "the head of a group": (heads._NEXT, "request_ready"),
    "the groups": (heads._GROUPS, "counter"),
    "the front of a lane": (statements.LANE_FRONT, "request_lane"),
    "a lane on the wire": (statements.LANE_BUSY, "request_busy"),
    "what is behind in a lane": (statements.LANE_BEHIND, "request_lane"),
    "what may share a call": (statements.READY_BESIDE, "request_batch"),
    "what was in flight": (statements.SELECT_BUSY, "request_busy"),
    "open parents": (statements.OPEN_PARENTS, "sqlite_autoindex_request_1"),
    "a request by id": (statements.SELECT["request"] + "t.id = ?", "sqlite_autoindex_request_1"),
    "a finished one by id": (statements.SELECT["history"] + "t.id = ?", "sqlite_autoindex_history_1"),
    "what is due": (statements.DUE, "request_due"),
    "the next due": (statements.NEXT_DUE, "request_due"),
    "a dedup key": (statements.OPEN_WITH_DEDUP_KEY, "request_dedup"),
    "what may be pruned": (operations.PRUNE_CANDIDATES, "history_finished"),
    "attempts": (reader.ATTEMPTS, "attempt"),
    "the oldest waiting": (reader.OLDEST_WAITING, "request"),
}


@pytest.mark.parametrize("name", HOT)
async def test_the_hot_path_uses_its_indexes(store: SqliteStore, name: str) -> None:
    sql, index = HOT[name]
    plan = await plan_of(store, sql)
    assert index in plan
    if name == "the oldest waiting":
        assert "TEMP B-TREE" not in plan, "read in order and left at the first"
    elif name == "what was in flight":
        assert plan.startswith("SCAN t USING INDEX request_busy"), "an index of those in flight only"
    elif name != "the groups":
        assert "SCAN request" not in plan
        assert "SCAN t" not in plan
        assert "SCAN history" not in plan


SORTED = (SortField.CREATED, SortField.UPDATED, SortField.FINISHED, SortField.STATUS)


@pytest.mark.parametrize("field", SORTED)
async def test_the_history_is_sorted_by_its_indexes(store: SqliteStore, field: SortField) -> None:
    chosen = RequestFilter(not_status=tuple(OPEN), sort=Sort(field=field, direction="desc"))
    sql, _ = query.index_sql(chosen)
    assert "TEMP B-TREE" not in await plan_of(store, sql)


async def test_finished_today_is_a_range_of_an_index(store: SqliteStore) -> None:
    sql, _ = query.count_sql(RequestFilter(status=(Status.COMPLETED,), finished=Range(min=NOW)))
    assert "history_" in await plan_of(store, sql)
    sql, _ = query.count_sql(RequestFilter(finished=Range(min=NOW)))
    assert "SEARCH history USING COVERING INDEX history_finished" in await plan_of(store, sql)


@pytest.mark.parametrize("direction", ["asc", "desc"])
async def test_a_page_of_what_is_finished_begins_at_its_cursor(
    store: SqliteStore, direction: Literal["asc", "desc"]
) -> None:
    sort = Sort(field=SortField.CREATED, direction=direction)
    after = Cursor(field=SortField.CREATED, value=NOW, seq=5)
    asked = RequestFilter(sort=sort, limit=100, cursor=after)
    plan = await plan_of(store, query.index_sql(asked)[0])
    assert "SEARCH history USING COVERING INDEX history_created (created_at" in plan


async def test_the_trail_of_one_request_is_found_by_its_index(store: SqliteStore) -> None:
    plan = await plan_of(store, "SELECT rest FROM audit WHERE request_id = ? ORDER BY seq DESC LIMIT 1")
    assert "audit_request" in plan
    assert audit.COLUMNS


async def statements_of(store: SqliteStore, gates: dict[str, ZoneGate]) -> int:
    """How many steps of SQLite's machine a claim takes, in hundreds."""
    assert store._session is not None
    steps = 0

    def count() -> None:
        nonlocal steps
        steps += 1

    connection = store._session.connection
    connection.set_progress_handler(count, 100)
    try:
        assert len((await claim(store, limit=1, zones=gates)).requests) == 1
    finally:
        connection.set_progress_handler(None, 0)
    return steps


async def test_a_claim_costs_the_same_however_many_wait_in_a_closed_zone(store: SqliteStore) -> None:
    gates = {"open": ZoneGate(slots=1), "closed": ZoneGate(slots=0)}
    await add(store, request(zone="closed"), *(request(zone="open") for _ in range(10)))
    await statements_of(store, gates)
    few = await statements_of(store, gates)
    await add(store, *(request(zone="closed") for _ in range(5_000)))
    await statements_of(store, gates)
    assert await statements_of(store, gates) <= few + 1


async def test_a_claim_costs_the_same_however_many_are_finished(store: SqliteStore) -> None:
    gates = {"zone1": ZoneGate(slots=1)}
    await add(store, *(request() for _ in range(10)))
    await statements_of(store, gates)
    few = await statements_of(store, gates)
    for _ in range(3):
        await add(store, *(request(zone="other") for _ in range(300)))
        for one in (await claim(store, zones={"other": ZoneGate(slots=1_000)}, limit=1_000)).requests:
            await complete(store, one)
    await statements_of(store, gates)
    assert await statements_of(store, gates) <= few + 1

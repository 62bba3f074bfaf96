"""The trail is a chain: it only grows, and what is changed in it shows."""

from __future__ import annotations

import sqlite3
from typing import Any

import pytest
from tests.core.store.making import NOW, add, claim, complete, request
from tests.core.store.sqlite.conftest import Look

from autotask_queue.model.request import AuditEntry
from autotask_queue.store import SqliteStore
from autotask_queue.store.sqlite import audit

pytestmark = pytest.mark.integration

CHAIN = f"SELECT {', '.join(audit.COLUMNS)} FROM audit ORDER BY seq"


@pytest.fixture
async def trail(store: SqliteStore, look: Look) -> list[tuple[Any, ...]]:
    await add(store, *(request() for _ in range(4)))
    for one in (await claim(store, limit=2)).requests:
        await complete(store, one, why="Grüße", detail={"k": [1, None]})
    await store.record(AuditEntry(at=NOW, actor="anna", kind="noted"))
    return look(CHAIN)


async def test_every_entry_follows_from_the_one_before(trail: list[tuple[Any, ...]]) -> None:
    assert len(trail) == 9
    assert trail[0][5] == audit.START
    assert audit.first_break(trail) is None
    assert audit.first_break(trail[3:]) is None


@pytest.mark.parametrize("column", range(7))
async def test_any_change_shows(trail: list[tuple[Any, ...]], column: int) -> None:
    row = list(trail[4])
    value = row[column]
    if isinstance(value, bytes):
        row[column] = value[:-1] + bytes([value[-1] ^ 1])
    else:
        row[column] = f"{value}x" if isinstance(value, str) else value + 1
    changed = [*trail[:4], tuple(row), *trail[5:]]
    assert audit.first_break(changed) in {5, 6}


async def test_what_is_taken_out_or_moved_shows(trail: list[tuple[Any, ...]]) -> None:
    assert audit.first_break([*trail[:3], *trail[4:]]) == 5
    moved = [*trail[:3], trail[4], trail[3], *trail[5:]]
    assert audit.first_break(moved) == 5


async def test_the_chain_goes_on_after_opening_again(store: SqliteStore, look: Look) -> None:
    await add(store, request())
    await store.close()
    await store.open(now=NOW)
    await add(store, request())
    assert audit.first_break(look(CHAIN)) is None


@pytest.mark.parametrize("sql", ["UPDATE audit SET kind = 'x'", "DELETE FROM audit WHERE seq = 1"])
async def test_nothing_is_changed_or_deleted(trail: list[tuple[Any, ...]], look: Look, sql: str) -> None:
    with pytest.raises(sqlite3.IntegrityError, match="audit trail"):
        look(sql)
    assert look(CHAIN) == trail


async def test_only_what_lies_before_the_anchor_can_be_pruned(
    trail: list[tuple[Any, ...]], look: Look
) -> None:
    look("INSERT INTO meta (name, value) VALUES ('audit_pruned_to', 3)")
    look("DELETE FROM audit WHERE seq <= 3")
    with pytest.raises(sqlite3.IntegrityError):
        look("DELETE FROM audit WHERE seq = 4")
    assert audit.first_break(look(CHAIN)) is None

"""What a technician reads about a damaged file: plain words, and no names of tables."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from tests.core.store.making import NOW, add, request

from autotask_queue.store import SqliteStore

pytestmark = [pytest.mark.integration, pytest.mark.expected_logs("The queue file .*damaged")]

PAGE = 4096
TABLES = ("request", "history", "payload", "reply", "dependency", "attempt", "meta")


async def notes_of(path: Path) -> tuple[str, ...]:
    store = SqliteStore(path)
    recovery = await store.open(now=NOW)
    await store.close()
    return recovery.notes


async def test_a_file_of_which_nothing_can_be_read(path: Path) -> None:
    path.write_bytes(b"SQLite format 3\0" + b"\xff" * 20_000)
    damaged, nothing = await notes_of(path)
    assert nothing == (
        "Nothing in it could be read: the queue starts empty. "
        "Keep that file, for support may read more of it."
    )
    assert "damaged. " in damaged
    assert not [table for table in TABLES if f"{table};" in damaged]


async def test_what_could_not_be_read_is_named_in_plain_words(path: Path) -> None:
    store = SqliteStore(path)
    await store.open(now=NOW)
    await add(store, *(request(data={"text": f"content {n} " * 20}) for n in range(400)))
    await store.close()
    with closing(sqlite3.connect(path)) as connection, connection:
        pages = connection.execute(
            "SELECT pageno FROM dbstat WHERE name = 'payload' AND pagetype = 'leaf' ORDER BY path"
        ).fetchall()
        connection.execute("INSERT OR REPLACE INTO meta (name, value) VALUES ('damaged', 1)")
    with path.open("r+b") as file:
        file.seek((pages[2][0] - 1) * PAGE)
        file.write(b"\xff" * PAGE)
    notes = " ".join(await notes_of(path))
    assert "400 requests were brought over from it." in notes
    assert "held or kept without their content" in notes
    assert "Not readable: contents of requests " in notes

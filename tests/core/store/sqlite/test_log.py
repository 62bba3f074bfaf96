"""The write-ahead log: room in advance, and when it is written back."""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path
from typing import Self

import pytest
from tests.core.store.making import NOW, add, add_one, claim, complete, request

from autotask_queue.model.errors import StoreInUse
from autotask_queue.store import SqliteStore
from autotask_queue.store.sqlite import log

pytestmark = pytest.mark.integration


def log_of(path: Path) -> Path:
    return path.with_name(path.name + "-wal")


async def test_commits_find_the_log_long_enough(store: SqliteStore, path: Path) -> None:
    made = log_of(path).stat().st_size
    assert 4 << 20 <= made < 6 << 20
    for _ in range(50):
        await add_one(store)
    assert log_of(path).stat().st_size == made


async def test_room_is_made_again_before_it_runs_out(store: SqliteStore, path: Path) -> None:
    sizes = []
    assert store._channel is not None
    for _ in range(60):
        await add(store, *(request(data="x" * 1_000) for _ in range(50)))
        await store._channel.run(lambda: None)  # room is made after callers were answered
        sizes.append(log_of(path).stat().st_size)
    assert len({size % (1 << 20) for size in sizes}) == 1, "the file only ever grew by our own steps"
    assert sizes[-1] > 8 << 20


async def test_what_lies_in_front_of_the_zeros_is_found_again(store: SqliteStore, path: Path) -> None:
    stored = await add(store, *(request() for _ in range(30)))
    for one in (await claim(store, limit=10)).requests:
        await complete(store, one)
    killed = path.with_name("killed.db")
    for ending in ("", "-wal"):
        killed.with_name(f"killed.db{ending}").write_bytes(path.with_name(f"queue.db{ending}").read_bytes())
    again = SqliteStore(killed)
    await again.open(now=NOW)
    assert again.counters().count() == len(stored)
    assert len((await claim(again)).requests) == 20
    await again.close()


async def test_a_disk_without_room_is_no_error_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    database = tmp_path / "queue.db"
    log_of(database).write_bytes(b"frames")
    made = log.Log(database)
    real = Path.open

    def full(self: Path, *args: str, **options: int) -> object:
        file = real(self, *args, **options)  # type: ignore[call-overload]

        class Full:
            def __enter__(self) -> Self:
                return self

            def __exit__(self, *_: object) -> None:
                file.close()

            def write(self, data: bytes) -> int:
                file.write(data[:1000])
                raise OSError(28, "No space left on device")

            def __getattr__(self, name: str) -> object:
                return getattr(file, name)

        return Full()

    monkeypatch.setattr(Path, "open", full)
    made.make_room()
    assert log_of(database).read_bytes() == b"frames", "what was made in vain is given back"


async def test_room_is_made_only_while_nobody_else_writes(store: SqliteStore, path: Path) -> None:
    assert store._session is not None
    assert store._channel is not None
    connection = store._session.connection
    await store._channel.run(lambda: connection.execute("PRAGMA busy_timeout = 1").fetchall())
    before = log_of(path).stat().st_size
    stray = sqlite3.connect(path, isolation_level=None)
    try:
        stray.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreInUse):
            await store._channel.run(store._session.make_room)
    finally:
        stray.close()
    assert log_of(path).stat().st_size == before


async def test_the_log_stays_in_bounds_however_much_is_written(store: SqliteStore, path: Path) -> None:
    for _ in range(30):
        await asyncio.gather(*(add_one(store, data="x" * 10_000) for _ in range(100)))
    assert log_of(path).stat().st_size < 40 << 20

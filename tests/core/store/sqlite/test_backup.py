"""Copies of a queue file: whole, of one moment, checked, and never in the way."""

from __future__ import annotations

import asyncio
import errno
import os
import shutil
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from tests.core.store.making import NOW, add, add_one, claim, complete, request
from tests.core.store.sqlite.test_encryption import KEY, OTHER

from autotask_queue.model.errors import AlreadyThere, StoreDamaged, StoreError, StoreUnwritable
from autotask_queue.model.filters import RequestFilter
from autotask_queue.model.request import Request
from autotask_queue.store import SqliteStore
from autotask_queue.store.sqlite import backups, cipher, copying, place

pytestmark = pytest.mark.integration

DAY = backups.DAY


@pytest.fixture(params=[None, KEY], ids=["plain", "encrypted"])
def key(request: pytest.FixtureRequest) -> bytes | None:
    chosen: bytes | None = request.param
    return chosen


@pytest.fixture
async def store(path: Path, key: bytes | None) -> AsyncIterator[SqliteStore]:
    made = SqliteStore(path, encryption_key=key)
    await made.open(now=NOW)
    yield made
    await made.close()


def names(folder: Path) -> set[str]:
    return {p.name for p in folder.iterdir()} - {"queue.db", "queue.db-wal", "queue.db-shm", "queue.db.lock"}


async def contents(path: Path, key: bytes | None) -> list[Any]:
    store = SqliteStore(path, encryption_key=key)
    await store.open(now=NOW)
    found = await store.find(RequestFilter())
    await store.close()
    return [r.data for r in found]


async def test_a_copy_holds_everything_and_stands_alone(
    store: SqliteStore, key: bytes | None, tmp_path: Path
) -> None:
    await add(store, *(request(data={"n": n}) for n in range(5)))
    for one in (await claim(store, limit=2)).requests:
        await complete(store, one)
    made = await store.backup(tmp_path / "copy.db", now=NOW + 7)
    assert (made.requests, made.unfinished, made.at) == (5, 3, NOW + 7)
    copy = Path(made.path)
    assert made.size_bytes == copy.stat().st_size
    assert names(tmp_path) == {"copy.db"}, "one file, and nothing beside it"
    assert copy.stat().st_mode & 0o077 == 0
    assert (cipher.key_id_of(copy) != "") is (key is not None)
    if key is not None:
        assert cipher.fits(copy, key)
        with pytest.raises(StoreError):
            await SqliteStore(copy, encryption_key=OTHER).open(now=NOW)
    assert await contents(copy, key) == [{"n": n} for n in range(5)]
    assert len(await store.find(RequestFilter())) == 5, "the queue itself goes on"


async def test_a_copy_is_of_one_moment_and_nobody_waits_for_it(
    store: SqliteStore, key: bytes | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Requests are added between the steps of the copy, as they are in life."""
    monkeypatch.setattr(copying, "_STEP", 8)
    await add(store, *(request(data={"text": "x" * 3_000}) for _ in range(100)))
    loop, go_on = asyncio.get_running_loop(), copying._go_on
    added: list[Request] = []

    def meanwhile(*arguments: Any) -> None:
        if len(added) < 5:
            added.append(asyncio.run_coroutine_threadsafe(add_one(store), loop).result(30))
        go_on(*arguments)

    monkeypatch.setattr(copying, "_go_on", meanwhile)
    made = await store.backup(tmp_path / "copy.db", now=NOW)
    assert len(added) == 5
    assert made.requests == 100
    assert len(await contents(Path(made.path), key)) == 100


async def test_into_a_folder_it_gets_a_name_with_the_time(store: SqliteStore, tmp_path: Path) -> None:
    folder = tmp_path / "stick"
    folder.mkdir()
    made = await store.backup(folder, now=NOW)
    assert made.path == str(folder / "queue-20270115-080000.db")


async def test_what_is_there_is_never_written_over(store: SqliteStore, path: Path, tmp_path: Path) -> None:
    other = tmp_path / "letter.txt"
    other.write_text("Dear customer")
    for target in (other, path):
        with pytest.raises(AlreadyThere, match="not written over"):
            await store.backup(target, now=NOW)
    assert other.read_text() == "Dear customer"
    with pytest.raises(StoreUnwritable):
        await store.backup(tmp_path / "nowhere" / "copy.db", now=NOW)


async def test_a_copy_that_is_given_up_leaves_nothing(
    store: SqliteStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(copying, "_STEP", 1)
    await add(store, *(request(data={"text": "x" * 3_000}) for _ in range(100)))
    loop, go_on = asyncio.get_running_loop(), copying._go_on
    working = asyncio.create_task(store.backup(tmp_path / "copy.db", now=NOW))

    def cancelled(stop: Any, *rest: int) -> None:
        loop.call_soon_threadsafe(working.cancel)
        assert stop.wait(30), "whoever cancels stops the thread"
        go_on(stop, *rest)

    monkeypatch.setattr(copying, "_go_on", cancelled)
    with pytest.raises(asyncio.CancelledError):
        await working
    assert names(tmp_path) == set()


@pytest.mark.parametrize("trouble", ["full", "cut", "lost row"])
async def test_a_copy_that_does_not_work_out_leaves_nothing(
    store: SqliteStore, key: bytes | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, trouble: str
) -> None:
    await add(store, *(request(data={"text": "x" * 3_000}) for _ in range(30)))
    copy = copying._copy

    def broken(driver: Any, source: Path, made: Path, *rest: Any) -> Any:
        done = copy(driver, source, made, *rest)
        if trouble == "full":
            raise OSError(errno.ENOSPC, "No space left on device")
        if trouble == "cut":
            os.truncate(made, made.stat().st_size - 8 * 4_096)
        else:
            with closing(driver.blank(made)) as connection:
                connection.execute("DELETE FROM payload WHERE seq = 7")
        return done

    monkeypatch.setattr(copying, "_copy", broken)
    with pytest.raises(StoreError):
        await store.backup(tmp_path / "copy.db", now=NOW)
    assert names(tmp_path) == set()
    assert len(await store.find(RequestFilter())) == 30


async def test_the_disk_is_not_filled_up(
    store: SqliteStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await add_one(store)
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=copying.SPARE))
    with pytest.raises(StoreUnwritable, match="not enough room"):
        await store.backup(tmp_path / "copy.db", now=NOW)


async def test_a_disk_that_is_full_in_the_middle_is_said(
    store: SqliteStore, key: bytes | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await add(store, *(request(data={"text": "x" * 3_000}) for _ in range(100)))
    blank = type(store._driver).blank

    def small(driver: Any, path: Path) -> Any:
        connection = blank(driver, path)
        connection.execute("PRAGMA max_page_count = 20").fetchone()
        return connection

    monkeypatch.setattr(type(store._driver), "blank", small)
    with pytest.raises(StoreUnwritable, match=r"no space left for .*copy\.db"):
        await store.backup(tmp_path / "copy.db", now=NOW)
    assert names(tmp_path) == set()


@pytest.mark.expected_logs("is damaged; the next start mends it")
async def test_a_damaged_queue_is_not_copied_and_older_copies_stay(path: Path, tmp_path: Path) -> None:
    store = SqliteStore(path)
    await store.open(now=NOW)
    await add(store, *(request(data={"text": "x" * 3_000}) for _ in range(100)))
    await store.daily_backup(now=NOW)
    await store.checkpoint()
    with closing(sqlite3.connect(path)) as look:
        (root,) = look.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'request_lane'").fetchone()
    with path.open("r+b") as file:
        file.seek((root - 1) * 4_096)
        file.write(b"\xff" * 4_096)
    before = backups.copies(path)
    with pytest.raises(StoreDamaged) as caught:
        await store.daily_backup(now=NOW + DAY)
    assert "keep your older ones" in caught.value.remedy
    assert backups.copies(path) == before
    assert names(tmp_path) == {p.name for p in before}
    task = store._check._task
    assert task is not None, "the file itself is looked at"
    await asyncio.wait({task})
    assert store._check.damage
    await store.close()


# ---------------------------------------------------------------------------------------------
# Once a day


async def test_one_a_day_and_three_stay(store: SqliteStore, path: Path) -> None:
    await add_one(store)
    made = []
    for hour in range(0, 6 * 24, 6):
        one = await store.daily_backup(now=NOW + hour * 3_600)
        if one is not None:
            made.append((hour, Path(one.path).name))
    assert [hour for hour, _ in made] == [0, 24, 48, 72, 96, 120]
    assert [p.name for p in backups.copies(path)] == [name for _, name in made[-3:]]
    assert made[0][1] == "queue.db.backup-0001-2027-01-15"


async def test_a_wrong_clock_neither_stops_copies_nor_drops_the_new_ones(
    store: SqliteStore, path: Path
) -> None:
    await add_one(store)
    years = 10 * 365 * DAY
    for now in (NOW, NOW + years, NOW + DAY, NOW + 2 * DAY):
        assert await store.daily_backup(now=now) is not None
    numbers = [p.name[len("queue.db.backup-") :] for p in backups.copies(path)]
    assert numbers == ["0002-2037-01-12", "0003-2027-01-16", "0004-2027-01-17"]
    assert await store.daily_backup(now=NOW + 2 * DAY) is None


async def test_only_copies_count_and_only_they_are_removed(store: SqliteStore, path: Path) -> None:
    await add_one(store)
    others = ["queue.db.backup-mine", "queue.db.backup-0001-2020-01-01.zip", "queue.db.version-1",
              "other.db.backup-0001-2020-01-01"]  # fmt: skip
    for name in others:
        path.with_name(name).write_text("x")
    left = path.with_name(f"queue.db.backup-0001-2027-01-15{place.COPYING}")
    left.write_text("of a killed program")
    for day in range(5):
        assert await store.daily_backup(now=NOW + day * DAY) is not None
    for name in others:
        assert path.with_name(name).read_text() == "x"
    assert not left.exists()
    assert len(backups.copies(path)) == backups.KEPT

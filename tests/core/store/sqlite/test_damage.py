"""A damaged file is set aside, what can be read is brought over, and what is lost is said."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from tests.core.store.making import (
    NOW,
    add,
    add_one,
    claim,
    claim_ids,
    claim_one,
    complete,
    fail,
    load,
    request,
    status_of,
)

from autotask_queue.model.breaker import BreakerRecord
from autotask_queue.model.errors import StoreDamaged
from autotask_queue.model.filters import RequestFilter
from autotask_queue.model.request import Request
from autotask_queue.model.status import Reason, Status
from autotask_queue.ports import Recovery
from autotask_queue.store import SqliteStore
from autotask_queue.store.sqlite import audit

pytestmark = pytest.mark.integration
damage = pytest.mark.expected_logs("The queue file .*damaged")

PAGE = 4096
STAMP = "20270115-080000"


async def fill(path: Path, count: int = 400) -> list[Request]:
    """A closed file with finished, failed, waiting and dependent requests, and small things."""
    store = SqliteStore(path)
    await store.open(now=NOW)
    await add(store, *(request(data={"text": f"content {n} " * 20}) for n in range(count)))
    for one in (await claim(store, limit=count // 2)).requests:
        await (complete if one.seq % 2 else fail)(store, one)
    parent = await add_one(store, lane="l")
    await add_one(store, lane="l", depends_on=(parent.id,))
    await store.save_breaker(BreakerRecord(zone="zone1", trips=3))
    await store.put_document("draft", "1", {"title": "unfinished"}, at=NOW)
    found = await store.find(RequestFilter())
    await store.close()
    return found


async def reopen(path: Path) -> tuple[SqliteStore, Recovery]:
    store = SqliteStore(path)
    return store, await store.open(now=NOW)


def aside(path: Path) -> list[str]:
    return sorted(p.name for p in path.parent.iterdir() if "damaged" in p.name)


def pages_of(path: Path, table: str) -> list[int]:
    """The leaf pages of a table, by number."""
    with closing(sqlite3.connect(path)) as connection:
        found = connection.execute(
            "SELECT pageno FROM dbstat WHERE name = ? AND pagetype = 'leaf' ORDER BY path", (table,)
        )
        return [page for (page,) in found]


def overwrite(path: Path, page: int) -> None:
    with path.open("r+b") as file:
        file.seek((page - 1) * PAGE)
        file.write(b"\xff" * PAGE)


def as_if_killed(path: Path) -> None:
    """What an owner that was killed leaves: a file that does not say it was closed."""
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE meta SET value = 0 WHERE name = 'clean'")


async def reopen_until_noticed(path: Path) -> tuple[SqliteStore, Recovery]:
    """Opens a damaged file; what opening does not look at is found by the check after an unclean end."""
    store, recovery = await reopen(path)
    if not recovery.notes:
        await check_background(store)
        await store.close()
        store, recovery = await reopen(path)
    return store, recovery


async def check_background(store: SqliteStore) -> None:
    """Waits for the check that runs after an unclean end."""
    assert store._check._task is not None
    await asyncio.wait({store._check._task})


@damage
async def test_something_else_under_the_queues_name(path: Path) -> None:
    path.write_bytes(b"This is a letter, not a queue. " * 500)
    store, recovery = await reopen(path)
    assert aside(path) == [f"queue.db.damaged-{STAMP}"]
    notes = " ".join(recovery.notes)
    assert f"queue.db.damaged-{STAMP}" in notes
    assert "the queue starts empty" in notes
    await add_one(store)
    (entry,) = await store.audit(kinds=("file_recovered",))
    assert entry.why == notes
    await store.close()
    assert path.with_name(aside(path)[0]).read_bytes().startswith(b"This is a letter")


@damage
async def test_two_damages_in_one_second_are_both_kept(path: Path) -> None:
    for _ in range(2):
        path.write_bytes(b"garbage" * 1_000)
        store, _ = await reopen(path)
        await store.close()
    assert aside(path) == [f"queue.db.damaged-{STAMP}", f"queue.db.damaged-{STAMP}-2"]


@damage
async def test_a_destroyed_page_of_requests(path: Path) -> None:
    before = await fill(path)
    page = pages_of(path, "request")[2]
    overwrite(path, page)
    as_if_killed(path)
    store, recovery = await reopen_until_noticed(path)
    after = {r.id: r for r in await store.find(RequestFilter())}
    lost = [r for r in before if r.id not in after]
    assert 0 < len(lost) < 40
    assert all(after[r.id] == r for r in before if r.id in after)
    notes = " ".join(recovery.notes)
    assert f"{len(after):,} requests were brought over" in notes
    assert f"{len(lost)} were lost" in notes
    assert all(str(r.seq) in notes for r in lost[:20])
    assert store.counters().count() == len(after)
    assert await store.load_breakers() == [BreakerRecord(zone="zone1", trips=3)]
    assert await store.get_document("draft", "1") == {"title": "unfinished"}
    assert (await add_one(store)).seq == before[-1].seq + 1
    assert len(await store.attempts(before[0].id)) == 1
    await store.close()
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        rows = connection.execute(f"SELECT {', '.join(audit.COLUMNS)} FROM audit ORDER BY seq").fetchall()
    assert audit.first_break(rows) is None


@damage
async def test_a_destroyed_page_of_contents(path: Path) -> None:
    before = await fill(path)
    overwrite(path, pages_of(path, "payload")[-2])
    as_if_killed(path)
    store, recovery = await reopen_until_noticed(path)
    after = await store.find(RequestFilter())
    assert len(after) == len(before)
    emptied = [r for r in after if r.data is None and "content" not in str(r.data)]
    held = [r for r in emptied if r.status is Status.HELD]
    assert held
    assert all("content was lost" in r.reason_text for r in held)
    assert not {r.id for r in held} & set(await claim_ids(store, limit=1_000)), "nothing empty is sent"
    assert "without their content" in " ".join(recovery.notes)
    await store.close()


@damage
@pytest.mark.parametrize("part", [0.1, 0.3, 0.6, 0.9])
async def test_a_file_cut_short(path: Path, part: float) -> None:
    before = await fill(path)
    as_if_killed(path)
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.truncate(int(size * part) // PAGE * PAGE + 77)
    store, recovery = await reopen_until_noticed(path)
    after = await store.find(RequestFilter())
    known = {r.id: r for r in before}
    assert len(after) <= len(before)
    for one in after:
        assert known[one.id].seq == one.seq
    assert recovery.notes
    assert aside(path)
    await add_one(store)
    assert (await claim(store, limit=5)).requests
    await store.close()


@damage
async def test_a_lane_does_not_wait_for_ever_for_what_was_lost(path: Path) -> None:
    store = SqliteStore(path)
    await store.open(now=NOW)
    first, second = await add(store, request(lane="l"), request(lane="l"))
    await store.close()
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("DELETE FROM request WHERE seq = ?", (first.seq,))
        connection.execute("INSERT INTO meta (name, value) VALUES ('damaged', 'as if')")
    store, recovery = await reopen(path)
    assert "1 were lost: numbers 1." in " ".join(recovery.notes)
    assert await claim_ids(store) == [second.id]
    await store.close()


@damage
async def test_what_is_found_both_finished_and_unfinished_is_not_sent_again(path: Path) -> None:
    store = SqliteStore(path)
    await store.open(now=NOW)
    one = await add_one(store)
    with closing(sqlite3.connect(path)) as connection:
        (old,) = connection.execute("SELECT * FROM request").fetchall()
    done = await complete(store, await claim_one(store))
    await store.close()
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(f"INSERT INTO request VALUES ({', '.join('?' * len(old))})", old)
        connection.execute("INSERT INTO meta (name, value) VALUES ('damaged', 'as if')")
    store, _ = await reopen(path)
    assert await claim_ids(store) == []
    assert await load(store, one.id) == done
    await store.close()


@damage
async def test_a_child_does_not_wait_for_ever_for_a_parent_that_was_lost(path: Path) -> None:
    store = SqliteStore(path)
    await store.open(now=NOW)
    parent = await add_one(store)
    child = await add_one(store, depends_on=(parent.id,))
    await store.close()
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("DELETE FROM request WHERE seq = ?", (parent.seq,))
        connection.execute("INSERT INTO meta (name, value) VALUES ('damaged', 'as if')")
    store, _ = await reopen(path)
    held = await load(store, child.id)
    assert (held.status, held.reason) == (Status.HELD, Reason.PARENT_MISSING)
    await store.close()


@damage
async def test_what_was_on_the_wire_in_a_damaged_file_is_uncertain(path: Path) -> None:
    store = SqliteStore(path)
    await store.open(now=NOW)
    one = await add_one(store)
    await claim_one(store)
    await store.close()
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("INSERT INTO meta (name, value) VALUES ('damaged', 'as if')")
    store, recovery = await reopen(path)
    assert [r.id for r in recovery.uncertain] == [one.id]
    assert await status_of(store, one.id) is Status.UNCERTAIN
    await store.close()


@damage
async def test_a_log_whose_file_is_gone_is_not_thrown_away(path: Path) -> None:
    store = SqliteStore(path)
    await store.open(now=NOW)
    await add_one(store)
    log = path.with_name("queue.db-wal").read_bytes()
    await store.close()
    path.unlink()
    path.with_name("queue.db-wal").write_bytes(log)
    store, recovery = await reopen(path)
    assert recovery.notes
    assert f"queue.db.damaged-{STAMP}-wal" in aside(path)
    await store.close()


@pytest.mark.parametrize("remove", [Path.unlink, lambda p: p.write_bytes(b"")])
async def test_a_file_that_vanished_is_told(path: Path, remove: Callable[[Path], object]) -> None:
    await fill(path, 4)
    remove(path)
    store, recovery = await reopen(path)
    assert "missing or empty" in recovery.notes[0]
    await store.close()
    store, recovery = await reopen(path)
    assert recovery.notes == ()
    await store.close()


async def test_a_first_start_has_nothing_to_tell(path: Path) -> None:
    store, recovery = await reopen(path)
    assert recovery == Recovery()
    assert store._check._task is None
    await store.close()


async def test_after_an_unclean_end_the_file_is_checked(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    await fill(path)
    as_if_killed(path)
    with caplog.at_level(logging.ERROR):
        store, _ = await reopen(path)
        await check_background(store)
    assert not caplog.records
    await store.close()
    store, _ = await reopen(path)
    assert store._check._task is None, "closed in order: nothing to check"
    await store.close()


async def test_closing_does_not_wait_for_the_check(path: Path) -> None:
    await fill(path)
    as_if_killed(path)
    store, _ = await reopen(path)
    assert store._check._task is not None
    await store.close()


@damage
async def test_damage_met_while_reading_is_mended_at_the_next_start(path: Path) -> None:
    await fill(path)
    overwrite(path, pages_of(path, "payload")[1])
    store, _ = await reopen(path)
    with pytest.raises(StoreDamaged):
        await store.find(RequestFilter())
    await store.close()
    store, recovery = await reopen(path)
    assert "brought over" in " ".join(recovery.notes)
    await store.find(RequestFilter())
    await store.close()

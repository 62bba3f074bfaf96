"""A copy takes the queue's place: all or nothing, and nothing of it is sent twice."""

from __future__ import annotations

import asyncio
import os
import shutil
import sqlite3
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from tests.core.store.making import (
    NOW,
    add,
    add_one,
    change,
    claim_ids,
    claim_one,
    complete,
    fail,
    load,
    read,
    request,
)
from tests.core.store.sqlite.test_encryption import KEY, OTHER

from autotask_queue.model.errors import (
    StoreDamaged,
    StoreError,
    StoreForeign,
    StoreInUse,
    StoreKeyMissing,
    StoreKeyWrong,
    StoreNotEncrypted,
    StoreTooNew,
    StoreUnsuitable,
    StoreUnwritable,
)
from autotask_queue.model.filters import RequestFilter
from autotask_queue.model.status import Reason, Status
from autotask_queue.store import SqliteStore
from autotask_queue.store.sqlite import audit
from autotask_queue.store.sqlite.driver import choose_driver
from autotask_queue.store.sqlite.restoring import copied_at, restore_backup

pytestmark = pytest.mark.integration

MADE = NOW + 60
LATER = NOW + 86_400
KEYS = pytest.mark.parametrize("key", [None, KEY], ids=["plain", "encrypted"])


async def opened(path: Path, key: bytes | None = None, *, now: float = NOW) -> SqliteStore:
    store = SqliteStore(path, encryption_key=key)
    await store.open(now=now)
    return store


async def queue_and_copy(path: Path, key: bytes | None = None) -> Path:
    """A queue with three requests, a copy of it, and two more requests after that."""
    store = await opened(path, key)
    await add(store, *(request(data={"n": n}) for n in range(3)))
    copy = Path((await store.backup(path.with_name("copy.db"), now=MADE)).path)
    await add(store, *(request(data={"n": n}) for n in range(3, 5)))
    await store.close()
    return copy


async def numbers(path: Path, key: bytes | None = None) -> list[int]:
    store = await opened(path, key)
    found = [r.data["n"] for r in await store.find(RequestFilter())]
    await store.close()
    return found


def is_chain(path: Path, key: bytes | None) -> bool:
    with closing(choose_driver(key).reader(path)) as connection:
        columns = ", ".join(audit.COLUMNS)
        return (
            audit.first_break(connection.execute(f"SELECT {columns} FROM audit ORDER BY seq").fetchall())
            is None
        )


@KEYS
async def test_the_copy_takes_the_place_and_the_present_queue_is_kept(path: Path, key: bytes | None) -> None:
    copy = await queue_and_copy(path, key)
    before = copy.read_bytes()
    assert copied_at(copy, key=key) == MADE
    restored = await restore_backup(copy, path, key=key, actor="ada", now=LATER)
    assert (restored.copied_at, restored.uncertain) == (MADE, 3)
    assert restored.set_aside == str(path.with_name("queue.db.before-restore-20270116-080000"))
    assert copy.read_bytes() == before, "the copy can be restored again"
    assert await numbers(Path(restored.set_aside), key) == [0, 1, 2, 3, 4]
    store = await opened(path, key, now=LATER)
    assert [r.data["n"] for r in await store.find(RequestFilter())] == [0, 1, 2]
    (entry,) = await store.audit(kinds=("queue_restored",))
    assert (entry.actor, entry.at) == ("ada", LATER)
    assert entry.detail == {"copied_at": MADE, "copy": str(copy), "uncertain": 3}
    await store.close()
    assert is_chain(path, key)
    again = await restore_backup(copy, path, key=key, now=LATER)
    assert again.set_aside.endswith("-2"), "never onto what was set aside before"


async def test_what_was_unfinished_is_doubted_and_the_rest_stays(path: Path) -> None:
    store = await opened(path)
    sending, retrying, failed, completed = await add(store, *(request(created_at=NOW + n) for n in range(4)))
    for _ in range(4):
        one = await claim_one(store, limit=1)
        if one.id == retrying.id:
            await change(store, one.id, to=Status.RETRYING, not_before=NOW + 9e5, fence=one.fence)
        elif one.id == failed.id:
            await fail(store, one)
        elif one.id == completed.id:
            await complete(store, one)
    waiting = await add_one(store, lane="lane")
    behind = await add_one(store, lane="lane")
    child = await add_one(store, depends_on=(waiting.id,))
    later = await add_one(store, status=Status.DEFERRED, scheduled_at=NOW + 9e5)
    unprocessed = await add_one(store, status=Status.HELD, reason=Reason.NO_PROCESSOR)
    undecided = await add_one(store, status=Status.HELD, reason=Reason.CONFIRM, reason_text="look")
    cancelled = await add_one(store)
    await change(store, cancelled.id, to=Status.CANCELLED)
    reading = (await add(store, read()))[0]
    read_later = (await add(store, read(status=Status.DEFERRED, scheduled_at=NOW + 9e5)))[0]
    copy = await store.backup(path.with_name("copy.db"), now=MADE)
    await store.close()

    restored = await restore_backup(copy.path, path, now=LATER)
    doubted = (sending, retrying, waiting, behind, child, later, unprocessed)
    assert restored.uncertain == len(doubted)
    (note,) = restored.notes
    assert "7 of its requests may have been sent since" in note
    assert "2 that had failed or were cancelled may have been retried since" in note
    store = await opened(path, now=LATER)
    for one in doubted:
        found = await load(store, one.id)
        assert (found.status, found.reason, found.not_before) == (Status.UNCERTAIN, Reason.RESTORED, LATER)
        assert "restored from a copy of 2027-01-15 08:01 UTC" in found.reason_text
        (newest, *_) = await store.audit(request_id=one.id)
        assert (newest.kind, newest.target) == ("restored_from_copy", "uncertain")
    for one, status in (
        (undecided, Status.HELD), (failed, Status.FAILED), (completed, Status.COMPLETED),
        (cancelled, Status.CANCELLED), (reading, Status.PENDING), (read_later, Status.DEFERRED),
    ):  # fmt: skip
        assert (await load(store, one.id)).status is status
    held = await load(store, undecided.id)
    assert (held.reason, held.reason_text) == (Reason.CONFIRM, "look")
    assert await claim_ids(store, now=LATER) == [reading.id], "nothing that changes something is sent"
    assert store.counters().count(Status.UNCERTAIN) == len(doubted)
    await store.close()


async def test_a_copy_put_in_place_by_hand_is_doubted_too(path: Path) -> None:
    copy = await queue_and_copy(path)
    path.unlink()
    copy.rename(path)
    store = SqliteStore(path)
    recovery = await store.open(now=LATER)
    assert len(recovery.uncertain) == 3
    assert len(recovery.notes) == 1
    again = await change(store, recovery.uncertain[0].id, to=Status.PENDING, resend=True, at=LATER)
    new = await add_one(store)
    await store.close()
    store = SqliteStore(path)
    recovery = await store.open(now=LATER)
    assert (recovery.uncertain, recovery.notes) == ((), ()), "only once"
    assert {(await load(store, one.id)).status for one in (again, new)} == {Status.PENDING}
    await store.close()


async def test_a_copy_that_nobody_marked_is_doubted_when_it_is_restored(path: Path) -> None:
    """A file that was copied by other means, such as the copy from before a migration."""
    copy = await queue_and_copy(path)
    by_hand = path.with_name("by-hand.db")
    shutil.copy2(path, by_hand)
    restored = await restore_backup(by_hand, path, now=LATER)
    assert restored.uncertain == 5
    assert restored.copied_at == by_hand.stat().st_mtime
    assert copied_at(copy) == MADE


@KEYS
async def test_where_there_was_no_queue_one_is_made(path: Path, key: bytes | None) -> None:
    copy = await queue_and_copy(path, key)
    elsewhere = path.parent / "new" / "queue.db"
    restored = await restore_backup(copy, elsewhere, key=key, now=LATER)
    assert restored.set_aside == ""
    assert await numbers(elsewhere, key) == [0, 1, 2]
    assert {p.name for p in elsewhere.parent.iterdir()} == {"queue.db", "queue.db.lock"}


async def test_a_queue_that_is_open_is_left_alone(path: Path) -> None:
    copy = await queue_and_copy(path)
    store = await opened(path)
    with pytest.raises(StoreInUse, match="Process"):
        await restore_backup(copy, path, now=LATER)
    await add_one(store)
    await store.close()
    assert not list(path.parent.glob("queue.db.before*"))


def folder_of(path: Path) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in path.parent.iterdir() if not p.name.endswith(".lock")}


@pytest.mark.parametrize(
    ("kind", "key", "error"),
    [
        ("encrypted", None, StoreKeyMissing),
        ("encrypted", OTHER, StoreKeyWrong),
        ("plain", KEY, StoreNotEncrypted),
        ("letter", None, StoreUnsuitable),
        ("empty", None, StoreUnsuitable),
        ("missing", None, StoreUnwritable),
        ("folder", None, StoreUnwritable),
        ("itself", None, StoreUnsuitable),
        ("foreign", None, StoreForeign),
        ("newer", None, StoreTooNew),
        ("cut", None, StoreDamaged),
        ("index", None, StoreDamaged),
    ],
)
async def test_what_is_no_sound_copy_is_refused_and_nothing_is_touched(
    path: Path, kind: str, key: bytes | None, error: type[StoreError]
) -> None:
    copy = await queue_and_copy(path)
    match kind:
        case "encrypted":
            copy = path.with_name("secret.db")
            await (await opened(copy, KEY)).close()
        case "letter":
            copy.write_bytes(b"Dear customer. " * 1_000)
        case "empty":
            copy.write_bytes(b"")
        case "missing":
            copy.unlink()
        case "folder":
            copy.unlink()
            copy.mkdir()
        case "itself":
            copy = path
        case "foreign":
            copy.unlink()
            with closing(sqlite3.connect(copy)) as other:
                other.execute("CREATE TABLE stamp (name)")
        case "newer":
            with closing(sqlite3.connect(copy)) as other:
                other.execute("PRAGMA user_version = 99")
        case "cut":
            copy.write_bytes(copy.read_bytes()[: 4_096 * 5])
        case "index":
            with closing(sqlite3.connect(copy)) as other:
                sql = "SELECT rootpage FROM sqlite_schema WHERE name = 'request_lane'"
                (root,) = other.execute(sql).fetchone()
            content = bytearray(copy.read_bytes())
            content[(root - 1) * 4_096 : root * 4_096] = b"\xff" * 4_096
            copy.write_bytes(content)
        case _:
            pass
    before = {} if kind == "folder" else folder_of(path)
    with pytest.raises(error) as caught:
        await restore_backup(copy, path, key=key, now=LATER)
    assert "not touched" in caught.value.remedy
    if before:
        assert folder_of(path) == before
    assert await numbers(path) == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("harm", ["letter", "index", "other key", "log"])
async def test_a_queue_that_cannot_be_opened_is_set_aside_as_it_is(path: Path, harm: str) -> None:
    copy = await queue_and_copy(path)
    if harm == "letter":
        path.write_bytes(b"Dear customer. " * 1_000)
    elif harm == "index":
        path.write_bytes(path.read_bytes()[: 4_096 * 3])
    elif harm == "other key":
        path.unlink()
        await (await opened(path, KEY)).close()
    else:  # nobody wrote its log back, and its beginning is gone
        path.write_bytes(b"\0" * 8_192)
        path.with_name("queue.db-wal").write_bytes(b"a log that is none")
    before = {name: content for name, content in folder_of(path).items() if name.startswith("queue.db")}
    restored = await restore_backup(copy, path, now=LATER)
    aside = Path(restored.set_aside)
    for name, content in before.items():
        assert aside.with_name(aside.name + name.removeprefix("queue.db")).read_bytes() == content
    assert await numbers(path) == [0, 1, 2]


async def test_what_a_killed_program_left_in_the_log_is_kept_too(path: Path) -> None:
    """The queue was not closed: what was acknowledged last is still in its log."""
    copy = await queue_and_copy(path)
    store = await opened(path)
    await add_one(store, data={"n": 5})
    left = {p.name: p.read_bytes() for p in path.parent.glob("queue.db*")}
    await store.close()
    for name, content in left.items():
        path.with_name(name).write_bytes(content)
    restored = await restore_backup(copy, path, now=LATER)
    assert await numbers(Path(restored.set_aside)) == [0, 1, 2, 3, 4, 5]
    assert await numbers(path) == [0, 1, 2]


async def test_without_hard_links_the_present_queue_is_copied(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = await queue_and_copy(path)

    def refuse(*_: Any) -> None:
        raise OSError("Operation not supported")

    monkeypatch.setattr(os, "link", refuse)
    restored = await restore_backup(copy, path, now=LATER)
    assert await numbers(Path(restored.set_aside)) == [0, 1, 2, 3, 4]


async def test_without_room_nothing_is_touched(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    copy = await queue_and_copy(path)
    before = folder_of(path)
    usage = shutil.disk_usage(path.parent)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=1 << 20))
    with pytest.raises(StoreUnwritable):
        await restore_backup(copy, path, now=LATER)
    assert folder_of(path) == before


async def test_what_did_not_arrive_is_sent_again_at_its_time(path: Path) -> None:
    store = await opened(path)
    later = await add_one(store, status=Status.DEFERRED, scheduled_at=NOW + 9e5)
    copy = await store.backup(path.with_name("copy.db"), now=MADE)
    await store.close()
    await restore_backup(copy.path, path, now=LATER)
    store = await opened(path, now=LATER)
    back = await change(store, later.id, to=Status.DEFERRED, resend=True, reason=None, at=LATER)
    assert (back.status, back.scheduled_at) == (Status.DEFERRED, NOW + 9e5)
    assert await claim_ids(store, now=LATER) == []
    assert await claim_ids(store, now=NOW + 9e5) == [later.id]
    await store.close()


@pytest.mark.skipif(sys.platform == "win32", reason="forks")
@KEYS
async def test_killed_at_any_step_a_whole_queue_is_there(path: Path, key: bytes | None) -> None:
    await queue_and_copy(path, key)
    child = Path(__file__).with_name("restore_child.py")
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(child), str(path.parent), (key or b"").hex()
    )
    assert await process.wait() == 0
    ends = set()
    places = sorted(p for p in path.parent.iterdir() if p.is_dir())
    assert len(places) == 30
    for place in places:
        store = SqliteStore(place / "queue.db", encryption_key=key)
        await store.open(now=LATER)
        found = await store.find(RequestFilter())
        (is_new,) = {len(found)} - {5} or {0}
        restoring_ = place.name.startswith("restore")
        assert [r.data["n"] for r in found] == list(range(3 if is_new else 5)), place.name
        # Whoever opens it first after the kill sees to it that nothing of the copy is sent unseen.
        wanted = Status.UNCERTAIN if is_new else Status.PENDING
        assert {r.status for r in found} == {wanted}, place.name
        assert len(await store.audit(kinds=("queue_restored",))) == int(bool(is_new)), place.name
        if restoring_:
            ends.add(bool(is_new))
        else:
            assert await store.daily_backup(now=NOW + 86_400) is not None
        await store.close()
        assert not [p for p in place.iterdir() if p.suffix in (".new", ".copying")], place.name
        for aside in place.glob("queue.db.before-restore-*"):
            assert await numbers(aside, key) == [0, 1, 2, 3, 4], place.name
        for copy in place.glob("queue.db.backup-*"):
            assert await numbers(copy, key) == [0, 1, 2, 3, 4], place.name
    assert ends == {False, True}

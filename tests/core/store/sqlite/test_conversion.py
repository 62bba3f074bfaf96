"""Encrypting a queue file, decrypting it and giving it another key: all or nothing, whatever happens."""

from __future__ import annotations

import asyncio
import errno
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.core.store.making import NOW, add_one, load
from tests.core.store.sqlite.test_encryption import KEY, OTHER, fill

from autotask_queue.model.errors import (
    EncryptionUnavailable,
    StoreDamaged,
    StoreError,
    StoreInUse,
    StoreKeyMissing,
    StoreKeyWrong,
    StoreNotEncrypted,
    StoreUnsuitable,
    StoreUnwritable,
)
from autotask_queue.model.filters import RequestFilter
from autotask_queue.store import SqliteStore
from autotask_queue.store.sqlite import audit, cipher, conversion
from autotask_queue.store.sqlite.cipher import FileKind
from autotask_queue.store.sqlite.conversion import change_encryption
from autotask_queue.store.sqlite.driver import choose_driver

pytestmark = pytest.mark.integration

Keys = tuple[bytes | None, bytes | None]
WAYS: dict[str, Keys] = {"encrypt": (None, KEY), "decrypt": (KEY, None), "rekey": (KEY, OTHER)}
KINDS = {"encrypt": "file_encrypted", "decrypt": "file_decrypted", "rekey": "file_rekeyed"}


def folder_of(path: Path) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in path.parent.iterdir() if not p.name.endswith(".lock")}


@pytest.mark.parametrize("way", WAYS)
async def test_everything_is_there_afterwards_and_the_audit_says_who(path: Path, way: str) -> None:
    key, new_key = WAYS[way]
    await fill(path, key, 50)
    done = await change_encryption(path, key=key, new_key=new_key, actor="ada", now=NOW + 5)
    assert done == conversion.Converted()
    assert set(folder_of(path)) == {"queue.db"}
    assert cipher.kind_of(path) is (FileKind.PLAIN if new_key is None else FileKind.ENCRYPTED)
    assert path.stat().st_mode & 0o077 == 0
    with pytest.raises(StoreError):
        await SqliteStore(path, encryption_key=key).open(now=NOW)
    store = SqliteStore(path, encryption_key=new_key)
    recovery = await store.open(now=NOW + 6)
    assert recovery.notes == ()
    found = await store.find(RequestFilter())
    assert [r.data for r in found] == [{"text": f"content {n} " * 40} for n in range(50)]
    (entry,) = await store.audit(kinds=(KINDS[way],))
    assert (entry.actor, entry.at) == ("ada", NOW + 5)
    assert entry.detail == {
        name: cipher.key_id(value)
        for name, value in (("key_before", key), ("key", new_key))
        if value is not None
    }
    one = await add_one(store)
    assert (await load(store, one.id)).seq == 51
    await store.close()
    with_key = choose_driver(new_key).reader(path)
    columns = ", ".join(audit.COLUMNS)
    assert audit.first_break(with_key.execute(f"SELECT {columns} FROM audit ORDER BY seq").fetchall()) is None
    with_key.close()


@pytest.mark.parametrize(
    ("kind", "key", "new_key", "error"),
    [
        ("encrypted", None, OTHER, StoreKeyMissing),
        ("encrypted", OTHER, None, StoreKeyWrong),
        ("plain", KEY, OTHER, StoreNotEncrypted),
        ("letter", KEY, OTHER, StoreUnsuitable),
        ("letter", None, KEY, StoreUnsuitable),
        ("nothing", None, KEY, StoreUnwritable),
    ],
)
async def test_what_does_not_go_is_refused_and_nothing_is_touched(
    path: Path, kind: str, key: bytes | None, new_key: bytes | None, error: type[StoreError]
) -> None:
    if kind == "letter":
        path.write_bytes(b"This is a letter, not a queue. " * 500)
    elif kind != "nothing":
        await fill(path, KEY if kind == "encrypted" else None, 3)
    before = folder_of(path)
    with pytest.raises(error):
        await change_encryption(path, key=key, new_key=new_key, now=NOW)
    assert folder_of(path) == before


async def test_a_file_that_is_open_is_left_alone(path: Path) -> None:
    store = SqliteStore(path)
    await store.open(now=NOW)
    with pytest.raises(StoreInUse):
        await change_encryption(path, key=None, new_key=KEY, now=NOW)
    await add_one(store)
    await store.close()


async def test_without_sqlcipher_nothing_is_touched(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    await fill(path, None, 3)
    before = folder_of(path)
    monkeypatch.setitem(sys.modules, "sqlcipher3", None)
    with pytest.raises(EncryptionUnavailable):
        await change_encryption(path, key=None, new_key=KEY, now=NOW)
    assert folder_of(path) == before


@pytest.mark.parametrize("trouble", ["full", "differs"])
async def test_a_copy_that_does_not_work_out_is_removed(
    path: Path, monkeypatch: pytest.MonkeyPatch, trouble: str
) -> None:
    await fill(path, None, 30)
    copy = conversion._copy

    def full(*arguments: Any) -> None:
        copy(*arguments)
        raise OSError(errno.ENOSPC, "No space left on device")

    def differs(old: Any, from_: Path, new: Any, made: Path) -> None:
        copy(old, from_, new, made)
        connection = new.writer(made)
        connection.execute("UPDATE payload SET value = CAST('{}' AS BLOB) WHERE seq = 17")
        connection.close()

    monkeypatch.setattr(conversion, "_copy", full if trouble == "full" else differs)
    with pytest.raises(StoreUnwritable if trouble == "full" else StoreDamaged):
        await change_encryption(path, key=None, new_key=KEY, now=NOW)
    assert set(folder_of(path)) == {"queue.db"}
    store = SqliteStore(path)
    await store.open(now=NOW)
    assert len(await store.find(RequestFilter())) == 30
    assert await store.audit(kinds=("file_encrypted",)) == []
    await store.close()


@pytest.mark.skipif(sys.platform == "win32", reason="the child forks")
@pytest.mark.parametrize("way", WAYS)
async def test_killed_at_any_step_the_file_is_whole_in_the_old_way_or_the_new(path: Path, way: str) -> None:
    key, new_key = WAYS[way]
    await fill(path, key, 20)
    child = Path(__file__).with_name("conversion_child.py")
    keys = [(k or b"").hex() for k in (key, new_key)]
    process = await asyncio.create_subprocess_exec(sys.executable, str(child), str(path.parent), *keys)
    assert await process.wait() == 0
    ends = set()
    places = sorted(p for p in path.parent.iterdir() if p.is_dir())
    assert len(places) == 12
    for place in places:
        left = place / "queue.db"
        kind = cipher.kind_of(left)
        is_new = kind is FileKind.PLAIN if new_key is None else cipher.fits(left, new_key)
        ends.add(is_new)
        store = SqliteStore(left, encryption_key=new_key if is_new else key)
        recovery = await store.open(now=NOW)
        assert recovery.notes == (), place.name
        assert len(await store.find(RequestFilter())) == 20, place.name
        assert len(await store.audit(kinds=(KINDS[way],))) == int(is_new), place.name
        await store.close()
        # What was being made is gone: it may have been plain.
        assert {p.name for p in place.iterdir()} == {"queue.db", "queue.db.lock"}, place.name
    assert ends == {False, True}


async def test_backups_beside_the_file_follow_it(path: Path) -> None:
    await fill(path, None, 5)
    backup, damaged = path.with_name("queue.db.version-1"), path.with_name("queue.db.damaged-20270101-000000")
    for copy in (backup, damaged):
        copy.write_bytes(path.read_bytes())
    done = await change_encryption(path, key=None, new_key=KEY, now=NOW)
    assert done.copies == (backup.name,)
    assert len(done.left) == 1
    assert damaged.name in done.left[0]
    assert cipher.fits(backup, KEY)
    assert cipher.kind_of(damaged) is FileKind.PLAIN
    damaged.unlink()
    done = await change_encryption(path, key=KEY, new_key=OTHER, now=NOW)
    assert done.copies == (backup.name,)
    assert cipher.fits(backup, OTHER)
    # One that was made plain meanwhile is found when the same key is given again.
    again = path.with_name("queue.db.version-0")
    await fill(again, None, 3)
    done = await change_encryption(path, key=OTHER, new_key=OTHER, now=NOW)
    assert done.copies == (again.name,)
    done = await change_encryption(path, key=OTHER, new_key=None, now=NOW)
    assert done.copies == (again.name, backup.name)
    store = SqliteStore(backup)
    await store.open(now=NOW)
    assert len(await store.find(RequestFilter())) == 5
    await store.close()

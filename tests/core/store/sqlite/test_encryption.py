"""An encrypted queue file: what is in it, which key it takes, and what a wrong one does."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from tests.core.store.making import NOW, add, add_one, claim, complete, load, request
from tests.core.store.sqlite.test_damage import aside, damage, overwrite

from autotask_queue import QueueManager, QuickSetup, new_encryption_key
from autotask_queue.model.errors import (
    ConfigError,
    EncryptionUnavailable,
    StoreDamaged,
    StoreKeyMissing,
    StoreKeyWrong,
    StoreNotEncrypted,
)
from autotask_queue.model.filters import RequestFilter
from autotask_queue.store import SqliteStore
from autotask_queue.store.sqlite import cipher
from autotask_queue.store.sqlite.cipher import FileKind

pytestmark = pytest.mark.integration

KEY = bytes(range(32))
OTHER = bytes(range(1, 33))


async def fill(path: Path, key: bytes | None = KEY, count: int = 200) -> None:
    """A closed file with requests in many pages."""
    store = SqliteStore(path, encryption_key=key)
    await store.open(now=NOW)
    await add(store, *(request(data={"text": f"content {n} " * 40}) for n in range(count)))
    await store.close()


async def refused(path: Path, key: bytes | None, error: type[Exception]) -> None:
    """Opening is refused, and nothing in the folder is touched."""
    before = {p.name: p.read_bytes() for p in path.parent.iterdir() if not p.name.endswith(".lock")}
    with pytest.raises(error):
        await SqliteStore(path, encryption_key=key).open(now=NOW)
    after = {p.name: p.read_bytes() for p in path.parent.iterdir() if not p.name.endswith(".lock")}
    assert after == before


async def test_what_was_stored_is_there_after_a_restart(path: Path) -> None:
    store = SqliteStore(path, encryption_key=KEY)
    await store.open(now=NOW)
    one = await add_one(store, data={"title": "Printer"})
    await claim(store)
    await store.close()
    again = SqliteStore(path, encryption_key=KEY)
    recovery = await again.open(now=NOW)
    assert [r.id for r in recovery.uncertain] == [one.id]
    assert (await load(again, one.id)).data == {"title": "Printer"}
    assert aside(path) == []
    await again.close()


async def test_a_log_that_was_not_written_back_is_read_with_the_key(path: Path, tmp_path: Path) -> None:
    store = SqliteStore(path, encryption_key=KEY)
    await store.open(now=NOW)
    one = await add_one(store, data={"title": "Printer"})
    killed = tmp_path / "killed"
    killed.mkdir()
    for part in ("queue.db", "queue.db-wal"):  # as a power cut leaves them
        (killed / part).write_bytes(path.with_name(part).read_bytes())
    await store.close()
    assert cipher.kind_of(killed / "queue.db") is FileKind.ENCRYPTED
    again = SqliteStore(killed / "queue.db", encryption_key=KEY)
    await again.open(now=NOW)
    assert (await load(again, one.id)).data == {"title": "Printer"}
    await again.close()


async def test_no_key_a_wrong_key_and_a_key_too_much_are_told_apart(path: Path) -> None:
    await fill(path)
    await refused(path, None, StoreKeyMissing)
    await refused(path, OTHER, StoreKeyWrong)
    plain = path.with_name("plain.db")
    await fill(plain, None, 3)
    await refused(plain, KEY, StoreNotEncrypted)


@pytest.mark.parametrize("key", [b"short", KEY + b"x", KEY.hex(), None.__class__], ids=str)
def test_what_is_no_key_is_refused_without_being_repeated(path: Path, key: object) -> None:
    with pytest.raises(ConfigError) as refusal:
        _ = QuickSetup.sqlite(path, encryption_key=key)  # type: ignore[arg-type]
    assert "encryption_key must be" in refusal.value.problems[0]
    assert "short" not in str(refusal.value)
    assert KEY.hex() not in str(refusal.value)


def test_a_key_beside_a_store_of_ones_own_is_refused_and_not_forgotten(path: Path) -> None:
    with pytest.raises(ConfigError, match="another store"):
        QueueManager(store=SqliteStore(path), encryption_key=KEY)


def test_without_sqlcipher_it_says_what_to_install(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sqlcipher3", None)
    with pytest.raises(EncryptionUnavailable) as refusal:
        _ = QuickSetup.sqlite(path, encryption_key=KEY)
    assert "autotask-queue[encrypted]" in refusal.value.remedy
    assert not path.exists()


async def test_a_queue_of_the_library_is_encrypted_with_the_key_it_was_given(path: Path) -> None:
    key = new_encryption_key()
    async with QuickSetup.sqlite(path, encryption_key=key) as queue:
        receipt = await queue.submit("/Tickets", "POST", "zone1", data={"title": "Printer"})
    assert cipher.key_id_of(path) == cipher.key_id(key) != cipher.key_id(KEY)
    async with QuickSetup.sqlite(path, encryption_key=key) as queue:
        assert (await queue.get_request(receipt.id)).data == {"title": "Printer"}


# ---------------------------------------------------------------------------------------------
# Damage is not a wrong key, and a wrong key is no damage


@damage
async def test_damaged_pages_are_mended_as_in_a_plain_file(path: Path) -> None:
    await fill(path)
    pages = path.stat().st_size // 4096
    for page in range(pages // 2, pages // 2 + 10):
        overwrite(path, page)
    store = SqliteStore(path, encryption_key=KEY)
    recovery = await store.open(now=NOW)
    if not recovery.notes:  # opening did not touch them: reading does, and the next start mends them
        with pytest.raises(StoreDamaged):
            await store.find(RequestFilter())
        await store.close()
        store = SqliteStore(path, encryption_key=KEY)
        recovery = await store.open(now=NOW)
    assert "brought over" in " ".join(recovery.notes)
    assert aside(path)
    assert len(await store.find(RequestFilter())) > 100
    await add_one(store)
    await store.close()
    assert cipher.kind_of(path) is FileKind.ENCRYPTED
    assert cipher.kind_of(path.with_name(aside(path)[0])) is FileKind.ENCRYPTED


async def overwrite_beginning(path: Path, length: int) -> None:
    await fill(path)
    with path.open("r+b") as file:
        file.write(b"\xff" * length)
    await refused(path, None, StoreKeyMissing)
    await refused(path, OTHER, StoreKeyWrong)


async def test_the_salt_is_made_again_from_the_key(path: Path) -> None:
    await overwrite_beginning(path, 16)
    store = SqliteStore(path, encryption_key=KEY)
    await store.open(now=NOW)
    assert len(await store.find(RequestFilter())) == 200
    await store.close()


@damage
async def test_an_overwritten_beginning_is_damage_for_who_has_the_key(path: Path) -> None:
    await overwrite_beginning(path, 4096)
    store = SqliteStore(path, encryption_key=KEY)
    recovery = await store.open(now=NOW)
    assert "could be read" in " ".join(recovery.notes)
    assert aside(path)
    await store.close()


@damage
async def test_a_letter_is_set_aside_whatever_the_key(path: Path) -> None:
    path.write_bytes(b"This is a letter, not a queue. " * 500)
    store = SqliteStore(path, encryption_key=KEY)
    await store.open(now=NOW)
    await store.close()
    assert path.with_name(aside(path)[0]).read_bytes().startswith(b"This is a letter")
    assert cipher.kind_of(path) is FileKind.ENCRYPTED


# ---------------------------------------------------------------------------------------------
# Telling files apart


async def test_kinds_of_files(path: Path) -> None:
    assert cipher.key_id_of(path) == ""
    path.touch()
    assert cipher.kind_of(path) is FileKind.EMPTY
    path.write_bytes(b"\0" * 40_960)
    assert cipher.kind_of(path) is FileKind.OTHER
    path.write_bytes(os.urandom(40_960))
    assert cipher.kind_of(path) is FileKind.ENCRYPTED
    assert not cipher.fits(path, KEY)
    path.write_bytes(os.urandom(100))
    assert cipher.kind_of(path) is FileKind.OTHER


async def test_every_page_tells_which_key_it_belongs_to(path: Path) -> None:
    await fill(path, count=20)
    whole = path.read_bytes()
    one_page = path.with_name("page")
    for number in (2, 3, len(whole) // 4096):
        # Alone in its place, so that nothing but this page can say it.
        page = whole[(number - 1) * 4096 : number * 4096]
        one_page.write_bytes(b"\xff" * 4096 * (number - 1) + page)
        assert cipher.fits(one_page, KEY), number
        assert not cipher.fits(one_page, OTHER)


async def test_the_key_cannot_be_read_off_the_file(path: Path) -> None:
    await fill(path, count=3)
    raw = path.read_bytes()
    assert KEY not in raw
    assert KEY.hex().encode() not in raw
    assert raw[:16] == cipher.salt_of(KEY)
    assert raw[:16] not in KEY


async def test_complete_life_of_a_request(path: Path) -> None:
    store = SqliteStore(path, encryption_key=KEY)
    await store.open(now=NOW)
    one = await add_one(store)
    (claimed,) = (await claim(store)).requests
    await complete(store, claimed)
    assert (await load(store, one.id)).reply is not None
    assert len(await store.attempts(one.id)) == 1
    await store.close()

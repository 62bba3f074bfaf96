"""Finding the key of a file and changing it: the file always opens with a key that is in its place."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest
from tests.core.store.making import NOW
from tests.core.store.sqlite.test_encryption import fill
from typing_extensions import override

from autotask_queue import (
    FoundKey,
    KeychainKeys,
    KeyFile,
    SessionSecrets,
    VaultKeys,
    change_key,
    find_key,
    key_id_of,
    new_encryption_key,
)
from autotask_queue.model.errors import (
    EncryptionUnavailable,
    PassphraseWrong,
    SecretsError,
    SecretsUnavailable,
    StoreInUse,
    StoreKeyMissing,
    StoreNotEncrypted,
    StoreUnwritable,
)
from autotask_queue.model.filters import RequestFilter
from autotask_queue.store import SqliteStore
from autotask_queue.store.sqlite.cipher import FileKind, key_id, kind_of

pytestmark = pytest.mark.integration


class Locked(SessionSecrets):
    """A keychain that does not open."""

    @override
    async def get(self, name: str) -> str | None:
        raise SecretsUnavailable("The keychain is locked.", remedy="Unlock it.")


class Forgetting(SessionSecrets):
    """Takes everything and keeps nothing."""

    @override
    async def set(self, name: str, value: str) -> None: ...


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "queue.db"


@pytest.fixture
def keys(tmp_path: Path) -> KeyFile:
    (tmp_path / "elsewhere").mkdir()
    return KeyFile(tmp_path / "elsewhere" / "keys")


async def count(path: Path, key: bytes | None) -> int:
    store = SqliteStore(path, encryption_key=key)
    await store.open(now=NOW)
    found = await store.find(RequestFilter())
    await store.close()
    return len(found)


async def test_encrypted_given_another_key_and_decrypted_again(path: Path, keys: KeyFile) -> None:
    await fill(path, None, 5)
    await change_key(path, found=None, home=keys, actor="ada", now=NOW)
    first = await find_key(path, [keys])
    assert await count(path, first.key) == 5
    chain = KeychainKeys(SessionSecrets())
    await change_key(path, found=first, home=chain, now=NOW, forget=True)
    assert keys.read() == ()
    second = await find_key(path, [keys, chain])
    assert second.home is chain
    assert second.key != first.key
    assert second.key.hex() not in repr(second)
    await change_key(path, found=second, home=None, now=NOW, forget=True)
    assert await count(path, None) == 5
    assert await chain.get(key_id(second.key)) is None
    with pytest.raises(StoreNotEncrypted):
        await find_key(path, [chain])


async def test_the_first_place_that_has_it_is_taken_and_the_others_are_explained(
    path: Path, keys: KeyFile
) -> None:
    key = new_encryption_key()
    await fill(path, key, 2)
    empty = KeychainKeys(SessionSecrets())
    with pytest.raises(StoreKeyMissing) as refusal:
        await find_key(path, [KeychainKeys(Locked()), empty])
    for part in (key_id(key), "The keychain is locked.", f"It is not in {empty.describe()}."):
        assert part in refusal.value.message
    assert refusal.value.remedy == "Unlock it."
    with pytest.raises(StoreKeyMissing, match="no place here"):
        await find_key(path, [])
    await keys.keep(key)
    assert (await find_key(path, [KeychainKeys(Locked()), empty, keys])).home is keys
    vault = path.with_name("v")
    await VaultKeys(vault, "four words that stay").keep(key)
    with pytest.raises(PassphraseWrong):
        await find_key(path, [VaultKeys(vault, "four words that go"), keys])


async def test_a_key_of_that_name_that_does_not_open_it_is_not_taken(path: Path) -> None:
    key, other = new_encryption_key(), new_encryption_key()
    await fill(path, key, 2)
    chain = SessionSecrets({f"queue-key/{key_id(key)}": other.hex()})
    with pytest.raises(StoreKeyMissing):
        await find_key(path, [KeychainKeys(chain)])


async def test_a_file_with_an_overwritten_beginning_is_opened_by_the_key_of_its_backup(
    path: Path, keys: KeyFile
) -> None:
    key = new_encryption_key()
    await keys.keep(key)
    await fill(path, key, 50)
    path.with_name("queue.db.version-1").write_bytes(path.read_bytes())
    with path.open("r+b") as file:
        file.write(bytes(range(100, 116)))
    assert key_id_of(path) != key_id(key)
    assert (await find_key(path, [keys])).key == key
    path.with_name("queue.db.version-1").unlink()
    with pytest.raises(StoreKeyMissing):
        await find_key(path, [keys])
    assert (await find_key(path, [keys], names=[key_id(key)])).key == key


async def test_a_file_that_cannot_be_read_is_said(path: Path, keys: KeyFile) -> None:
    path.mkdir()
    with pytest.raises(StoreUnwritable):
        await find_key(path, [keys])


async def test_a_place_that_does_not_keep_the_key_gets_none_to_lose(path: Path) -> None:
    await fill(path, None, 2)
    before = path.read_bytes()
    with pytest.raises(SecretsError, match="does not give it back"):
        await change_key(path, found=None, home=KeychainKeys(Forgetting()), now=NOW)
    assert path.read_bytes() == before


async def test_when_nothing_was_changed_no_key_is_left_and_none_is_lost(path: Path, keys: KeyFile) -> None:
    await fill(path, None, 2)
    await change_key(path, found=None, home=keys, now=NOW)
    found = await find_key(path, [keys])
    store = SqliteStore(path, encryption_key=found.key)
    await store.open(now=NOW)
    for home in (keys, None):
        with pytest.raises(StoreInUse):
            await change_key(path, found=found, home=home, now=NOW)
        assert keys.read() == (found.key,)
    await store.close()


async def test_without_sqlcipher_no_place_is_asked(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    await fill(path, None, 2)
    monkeypatch.setitem(sys.modules, "sqlcipher3", None)
    with pytest.raises(EncryptionUnavailable):
        await change_key(path, found=None, home=KeychainKeys(Locked()), now=NOW)


@pytest.mark.parametrize("forget", [False, True])
async def test_the_old_key_stays_as_long_as_something_needs_it(
    path: Path, keys: KeyFile, forget: bool
) -> None:
    await fill(path, None, 3)
    await change_key(path, found=None, home=keys, now=NOW)
    old = await find_key(path, [keys])
    damaged = path.with_name("queue.db.damaged-20270101-000000")
    damaged.write_bytes(path.read_bytes())
    await change_key(path, found=old, home=keys, now=NOW, forget=True)
    assert old.key in keys.read()  # for the damaged one
    damaged.unlink()
    found = await find_key(path, [keys])
    await change_key(path, found=found, home=keys, now=NOW, forget=forget)
    assert (found.key in keys.read()) is not forget


async def test_a_place_that_does_not_let_go_of_the_old_key_is_only_a_note(path: Path, keys: KeyFile) -> None:
    key = new_encryption_key()
    await fill(path, key, 2)
    found = FoundKey(key=key, home=KeychainKeys(Stubborn()))
    done = await change_key(path, found=found, home=keys, now=NOW, forget=True)
    assert "The old key is still in" in done.left[0]
    assert await count(path, (await find_key(path, [keys])).key) == 2


class Stubborn(SessionSecrets):
    @override
    async def delete(self, name: str) -> None:
        raise SecretsError("No.")


@pytest.mark.skipif(sys.platform == "win32", reason="the child forks")
@pytest.mark.parametrize("way", ["encrypt", "decrypt", "rekey"])
async def test_killed_at_any_step_the_file_opens_with_a_key_that_is_in_its_place(
    path: Path, keys: KeyFile, way: str
) -> None:
    await fill(path, None, 4)
    if way != "encrypt":
        await change_key(path, found=None, home=keys, now=NOW)
    child = Path(__file__).with_name("custody_child.py")
    process = await asyncio.create_subprocess_exec(sys.executable, str(child), way, str(path), str(keys.path))
    assert await process.wait() == 0
    places = sorted(p for p in path.parent.iterdir() if p.is_dir() and p.name[0].isdigit())
    ends = set()
    for place in places:
        left = place / "queue.db"
        encrypted = kind_of(left) is FileKind.ENCRYPTED
        key = (await find_key(left, [KeyFile(place / "keys")])).key if encrypted else None
        assert await count(left, key) == 4, place.name
        ends.add(key_id_of(left))
    assert len(places) == {"encrypt": 6, "rekey": 8, "decrypt": 6}[way]
    assert len(ends) >= 2

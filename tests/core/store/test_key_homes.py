"""Places that keep the keys of queue files: one behaviour, and what each refuses."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from typing_extensions import override

from autotask_queue import KeychainKeys, KeyFile, KeyHome, SessionSecrets, VaultKeys, new_encryption_key
from autotask_queue.model.errors import InvalidPassphrase, PassphraseWrong, SecretsError
from autotask_queue.store.sqlite.cipher import key_id
from autotask_queue.transport import KNOWN_SECRETS

PASSPHRASE = "four words that stay"
Make = Callable[[], KeyHome]


@pytest.fixture(params=["keychain", "vault", "file"])
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Make:
    """Opens the place anew, as the next program does."""
    chain = SessionSecrets()
    homes: dict[str, Make] = {
        "keychain": lambda: KeychainKeys(chain),
        "vault": lambda: VaultKeys(tmp_path / "queue.db.vault", PASSPHRASE),
        "file": lambda: KeyFile(tmp_path / "queue.key"),
    }
    return homes[request.param]


async def test_keys_are_kept_beside_each_other_found_and_removed(make: Make, tmp_path: Path) -> None:
    one, two = new_encryption_key(), new_encryption_key()
    for key in (one, two, one):
        await make().keep(key)
    assert await make().get(key_id(one)) == one
    assert await make().get(key_id(two)) == two
    await make().forget(key_id(one))
    await make().forget(key_id(one))
    assert await make().get(key_id(one)) is None
    assert await make().get(key_id(two)) == two
    assert one.hex() not in KNOWN_SECRETS.mask(f"a line with {one.hex()} in it")
    assert all(path.stat().st_mode & 0o077 == 0 for path in tmp_path.iterdir())
    assert make().describe()


async def test_a_vault_without_keys_is_gone(tmp_path: Path) -> None:
    home, key = VaultKeys(tmp_path / "v", PASSPHRASE), new_encryption_key()
    assert await home.get("x") is None
    await home.keep(key)
    await home.forget(key_id(key))
    assert list(tmp_path.iterdir()) == []


async def test_a_vault_takes_no_key_with_another_passphrase(tmp_path: Path) -> None:
    path, key = tmp_path / "v", new_encryption_key()
    await VaultKeys(path, PASSPHRASE).keep(key)
    before = path.read_bytes()
    other = VaultKeys(path, "another passphrase")
    for work in (other.get(key_id(key)), other.keep(new_encryption_key()), other.forget(key_id(key))):
        with pytest.raises(PassphraseWrong):
            await work
    assert path.read_bytes() == before
    with pytest.raises(InvalidPassphrase):
        await VaultKeys(tmp_path / "w", "short").keep(key)
    assert not (tmp_path / "w").exists()


async def test_a_new_passphrase_opens_the_same_keys(tmp_path: Path) -> None:
    path, key = tmp_path / "v", new_encryption_key()
    home = VaultKeys(path, PASSPHRASE)
    await home.keep(key)
    with pytest.raises(InvalidPassphrase):
        await home.change_passphrase("short")
    await home.change_passphrase("quite another one")
    assert await home.get(key_id(key)) == key
    assert await VaultKeys(path, "quite another one").get(key_id(key)) == key


async def test_what_a_person_wrote_into_a_key_file_stays(tmp_path: Path) -> None:
    path, old, new = tmp_path / "k", new_encryption_key(), new_encryption_key()
    path.touch(mode=0o600)
    path.write_text(f"# of the worker in Ghent\n\n  {old.hex().upper()}  \n", encoding="utf-8")
    home = KeyFile(path)
    assert await home.get(key_id(old)) == old
    await home.keep(new)
    assert home.read() == (old, new)
    await home.forget(key_id(old))
    assert path.read_text(encoding="utf-8") == f"# of the worker in Ghent\n\n{new.hex()}\n"


async def test_a_link_to_a_key_file_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    link = tmp_path / "k"
    link.symlink_to(tmp_path / "real" / "k")
    await KeyFile(link).keep(new_encryption_key())
    assert link.is_symlink()
    assert len(KeyFile(tmp_path / "real" / "k").read()) == 1


@pytest.mark.parametrize("content", [b"hunter2", b"\xff\xfe", b"ab" * 31, b"zz" * 32, b"0x" + b"ab" * 32])
async def test_what_is_no_key_file_is_refused_and_not_repeated(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "k"
    path.touch(mode=0o600)
    path.write_bytes(content)
    for work in (KeyFile(path).get("x"), KeyFile(path).keep(new_encryption_key())):
        with pytest.raises(SecretsError) as refusal:
            await work
        assert "hunter2" not in str(refusal.value)
        assert "64 hexadecimal digits" in refusal.value.remedy
    assert path.read_bytes() == content


async def test_a_key_file_that_is_not_there_or_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(SecretsError, match="cannot be read"):
        await KeyFile(tmp_path / "none").get("x")
    with pytest.raises(SecretsError, match="cannot be written"):
        await KeyFile(tmp_path / "none" / "k").keep(new_encryption_key())


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such modes")
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660])
async def test_a_key_file_that_others_may_read_is_refused(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "k"
    await KeyFile(path).keep(new_encryption_key())
    path.chmod(mode)
    with pytest.raises(SecretsError, match="Others on this computer") as refusal:
        await KeyFile(path).get("x")
    assert f"chmod 600 {path}" in refusal.value.remedy


async def test_nonsense_in_the_keychain_is_said_and_not_repeated() -> None:
    with pytest.raises(SecretsError) as refusal:
        await KeychainKeys(SessionSecrets({"queue-key/x": "hunter2"})).get("x")
    assert "hunter2" not in str(refusal.value)


async def test_a_keychain_holds_a_key_under_its_name() -> None:
    class Chain(SessionSecrets):
        @override
        async def set(self, name: str, value: str) -> None:
            assert name == f"queue-key/{key_id(key)}"
            await super().set(name, value)

    key = new_encryption_key()
    home = KeychainKeys(Chain())
    await home.keep(key)
    assert home.describe() == Chain().describe()

"""Keys behind a passphrase: what opens them, what does not, and what a new passphrase changes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from autotask_queue.model.errors import InvalidPassphrase, PassphraseWrong, SecretsError
from autotask_queue.store.keys import new_key
from autotask_queue.store.vault import Vault, vault_path

PASSPHRASE = "four words that stay"


@pytest.fixture
def vault(tmp_path: Path) -> Vault:
    return Vault(vault_path(tmp_path / "queue.db"))


def test_what_was_put_in_comes_out_and_nothing_of_it_stands_in_the_file(vault: Vault) -> None:
    keys = {"one": new_key(), "two": new_key()}
    assert not vault.exists()
    vault.save(PASSPHRASE, keys)
    assert vault.exists()
    assert vault.path.name == "queue.db.vault"
    assert vault.path.stat().st_mode & 0o077 == 0
    assert Vault(vault.path).open(PASSPHRASE) == keys
    assert vault.names() == ("one", "two")
    text = vault.path.read_text(encoding="utf-8")
    assert json.loads(text)["version"] == 1
    for key in keys.values():
        assert key.hex() not in text
    assert PASSPHRASE not in text


def test_another_passphrase_opens_nothing(vault: Vault) -> None:
    vault.save(PASSPHRASE, {"one": new_key()})
    with pytest.raises(PassphraseWrong):
        vault.open(PASSPHRASE + " ")


def test_a_new_passphrase_leaves_the_keys_as_they_are(vault: Vault) -> None:
    vault.save(PASSPHRASE, {"one": new_key()})
    keys = vault.open(PASSPHRASE)
    vault.save("quite another one", keys)
    assert vault.open("quite another one") == keys
    with pytest.raises(PassphraseWrong):
        vault.open(PASSPHRASE)


def test_accents_may_be_typed_either_way(vault: Vault) -> None:
    vault.save("caf\u00e9 au lait noir", {"one": new_key()})
    assert vault.open("cafe\u0301 au lait noir")


def test_a_short_passphrase_is_refused(vault: Vault) -> None:
    with pytest.raises(InvalidPassphrase):
        vault.save("too short", {"one": new_key()})
    assert not vault.exists()


def test_a_key_does_not_open_under_another_name(vault: Vault) -> None:
    vault.save(PASSPHRASE, {"one": new_key()})
    contents = json.loads(vault.path.read_text(encoding="utf-8"))
    contents["keys"] = {"two": contents["keys"]["one"]}
    vault.path.write_text(json.dumps(contents), encoding="utf-8")
    with pytest.raises(PassphraseWrong):
        vault.open(PASSPHRASE)


@pytest.mark.parametrize(
    "change",
    [
        {"version": 2},
        {"keys": 3},
        {"stretching": {"kdf": "md5"}},
        {"stretching": {"n": 1 << 40}},
        {"more": 1},
    ],
    ids=str,
)
def test_a_file_that_was_changed_is_refused(vault: Vault, change: dict[str, object]) -> None:
    vault.save(PASSPHRASE, {"one": new_key()})
    contents = json.loads(vault.path.read_text(encoding="utf-8"))
    for name, value in change.items():
        contents[name] = {**contents[name], **value} if isinstance(value, dict) else value
    vault.path.write_text(json.dumps(contents), encoding="utf-8")
    with pytest.raises(SecretsError) as refusal:
        vault.open(PASSPHRASE)
    assert not isinstance(refusal.value, PassphraseWrong)


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"[" * 100_000])
def test_what_is_no_vault_is_refused(vault: Vault, content: bytes) -> None:
    vault.path.write_bytes(content)
    with pytest.raises(SecretsError):
        vault.names()


def test_without_a_vault_it_says_so(vault: Vault) -> None:
    with pytest.raises(SecretsError):
        vault.open(PASSPHRASE)
    vault.remove()

"""Keys behind a passphrase, for a computer without a keychain: a small file beside the queue file.

The passphrase is stretched by scrypt; what comes out encrypts the keys (AES-256-GCM), not the queue: a new
passphrase rewrites this file only. Several keys fit in, each under its name, so that a queue file and its
backups can be opened in the middle of a change of keys.
"""

from __future__ import annotations

import secrets
import unicodedata
from pathlib import Path
from typing import Any, Final, Literal

import msgspec

from autotask_queue.model.errors import InvalidPassphrase, KeysUnusable, PassphraseWrong
from autotask_queue.store.disk import write_private
from autotask_queue.store.keys import KEY_BYTES

SHORTEST: Final = 10
"""Characters of a passphrase: it must withstand somebody who has the file and all the time there is."""

_NONCE: Final = 12
_LARGEST: Final = 1 << 16
_MEMORY: Final = 1 << 30


class Stretching(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the passphrase becomes a key; the numbers take 128 MiB and a third of a second."""

    kdf: Literal["scrypt"] = "scrypt"
    salt: bytes
    n: int = 1 << 17
    r: int = 8
    p: int = 1


class Wrapped(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One key, encrypted; its name is authenticated with it."""

    nonce: bytes
    key: bytes


class Contents(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The file, as JSON; bytes are in Base64."""

    version: Literal[1] = 1
    stretching: Stretching
    keys: dict[str, Wrapped]


class Vault:
    """The keys of one queue file. Every call stretches or writes: run it in a thread.

    Args:
        path: the vault's file; `vault_path` tells where it is.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def exists(self) -> bool:
        """Whether there is one."""
        return self.path.exists()

    def names(self) -> tuple[str, ...]:
        """The names of the keys in it, which need no passphrase.

        Raises:
            KeysUnusable: the file cannot be read.
        """
        return tuple(self._read().keys)

    def open(self, passphrase: str) -> dict[str, bytes]:
        """The keys by name.

        Raises:
            PassphraseWrong: this is not the passphrase.
            KeysUnusable: the file cannot be read, or was changed.
        """
        contents = self._read()
        cipher = _cipher(contents.stretching, passphrase)
        return {name: _unwrap(cipher, name, wrapped) for name, wrapped in contents.keys.items()}

    def save(self, passphrase: str, keys: dict[str, bytes]) -> None:
        """Writes these keys, and no others, under this passphrase; at once or not at all.

        Raises:
            InvalidPassphrase: it is too short.
            KeysUnusable: the file cannot be written.
        """
        check_passphrase(passphrase)
        stretching = Stretching(salt=secrets.token_bytes(16))
        cipher = _cipher(stretching, passphrase)
        wrapped = {}
        for name, key in keys.items():
            nonce = secrets.token_bytes(_NONCE)
            wrapped[name] = Wrapped(nonce=nonce, key=cipher.encrypt(nonce, key, name.encode()))
        self._write(Contents(stretching=stretching, keys=wrapped))

    def remove(self) -> None:
        """Deletes the vault; what its keys encrypted can be opened no more, unless they are elsewhere.

        Raises:
            KeysUnusable: the file cannot be removed.
        """
        try:
            self.path.unlink(missing_ok=True)
        except OSError as error:
            raise KeysUnusable(f"{self.path} cannot be removed ({error.strerror or error}).") from error

    def _read(self) -> Contents:
        try:
            with self.path.open("rb") as file:
                found = msgspec.json.decode(file.read(_LARGEST), type=Contents)
        except OSError as error:
            raise KeysUnusable(
                f"{self.path} cannot be read ({error.strerror or error}).", remedy=_RESTORE
            ) from error
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise KeysUnusable(
                f"{self.path} is no key vault of this version ({error}).", remedy=_RESTORE
            ) from error
        s = found.stretching
        if s.n < 2 or s.n & (s.n - 1) or s.r < 1 or s.p < 1 or 128 * s.n * s.r * s.p > _MEMORY:
            raise KeysUnusable(f"{self.path} has numbers that no vault has.", remedy=_RESTORE)
        return found

    def _write(self, contents: Contents) -> None:
        try:
            write_private(self.path, msgspec.json.format(msgspec.json.encode(contents), indent=2) + b"\n")
        except OSError as error:
            raise KeysUnusable(f"{self.path} cannot be written ({error.strerror or error}).") from error


def vault_path(database: Path) -> Path:
    """Where the vault of a queue file (`database`) is."""
    return database.with_name(f"{database.name}.vault")


def check_passphrase(passphrase: str, *, again: str | None = None) -> None:
    """Whether a new passphrase is long enough, and was typed the same `again`.

    Raises:
        InvalidPassphrase: it is not.
    """
    if len(_normal(passphrase).strip()) < SHORTEST:
        raise InvalidPassphrase(f"The passphrase needs at least {SHORTEST} characters.")
    if again is not None and _normal(again) != _normal(passphrase):
        raise InvalidPassphrase("The two passphrases differ.", remedy="Type it twice in the same way.")


_RESTORE: Final = "Restore this file from a backup: without it, the passphrase opens nothing."


def _normal(passphrase: str) -> str:
    # An é typed as one character here and as two on the next computer is the same passphrase.
    return unicodedata.normalize("NFC", passphrase)


def _cipher(stretching: Stretching, passphrase: str) -> Any:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM
    from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

    s = stretching
    kdf = Scrypt(salt=s.salt, length=KEY_BYTES, n=s.n, r=s.r, p=s.p)
    return AESGCM(kdf.derive(_normal(passphrase).encode("utf-8", "surrogatepass")))


def _unwrap(cipher: Any, name: str, wrapped: Wrapped) -> bytes:
    from cryptography.exceptions import InvalidTag

    try:
        key: bytes = cipher.decrypt(wrapped.nonce, wrapped.key, name.encode())
    except (InvalidTag, ValueError):
        raise PassphraseWrong("The keys could not be opened with it.") from None
    return key

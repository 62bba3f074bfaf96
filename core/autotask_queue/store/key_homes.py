"""Where the keys of encrypted queue files are kept, each under its name: never in clear beside the file.

A file tells the name of its key (`key_id_of`), so that the right one is found among several: in the
keychain, behind a passphrase, or in a key file on a server without either.
"""

from __future__ import annotations

import asyncio
import os
import re
from pathlib import Path
from typing import Final, Protocol

from autotask_queue.model.errors import KeysUnusable
from autotask_queue.ports import Secrets
from autotask_queue.store.disk import is_private, write_private
from autotask_queue.store.keys import KEY_BYTES
from autotask_queue.store.sqlite.cipher import key_id
from autotask_queue.store.vault import Vault
from autotask_queue.transport import KNOWN_SECRETS

PREFIX: Final = "queue-key/"
"""What the name of a key begins with in a keychain."""

_LARGEST: Final = 1 << 16
_HEX: Final = re.compile(rf"[0-9a-fA-F]{{{2 * KEY_BYTES}}}")


class KeyHome(Protocol):
    """A place that keeps keys; `name` is the key's, as `key_id_of` reads it from a file.

    Calls may take seconds and do not block the loop. All raise `SecretsError`.
    """

    async def get(self, name: str) -> bytes | None:
        """The key called `name`, or None."""
        ...

    async def keep(self, key: bytes) -> None:
        """Keeps `key` beside those it has; it is there after a power cut when this returns."""
        ...

    async def forget(self, name: str) -> None:
        """Removes the key called `name`, if it is there."""
        ...

    def describe(self) -> str:
        """The place's name for people, as in "the key is in …"."""
        ...


class KeychainKeys:
    """Keys among other secrets: the system's keychain, as a rule.

    Args:
        secrets: where they are kept, as `queue-key/<name>`.
    """

    def __init__(self, secrets: Secrets) -> None:
        self._secrets = secrets

    async def get(self, name: str) -> bytes | None:
        """The key called `name`, or None; see `KeyHome`."""
        text = await self._secrets.get(PREFIX + name)
        return None if text is None else _key_of(text, f"{PREFIX}{name} in {self.describe()}")

    async def keep(self, key: bytes) -> None:
        """Keeps `key` beside those it has; see `KeyHome`."""
        KNOWN_SECRETS.add(key.hex())
        await self._secrets.set(PREFIX + key_id(key), key.hex())

    async def forget(self, name: str) -> None:
        """Removes the key called `name`, if it is there."""
        await self._secrets.delete(PREFIX + name)

    def describe(self) -> str:
        """The place's name for people."""
        return self._secrets.describe()


class VaultKeys:
    """Keys behind a passphrase, in a file beside the queue file.

    Args:
        path: the vault's file; see `vault_path`. It is made with the first key.
        passphrase: what opens it; kept in memory as long as this lives.
    """

    def __init__(self, path: Path, passphrase: str) -> None:
        self._vault = Vault(path)
        self._passphrase = passphrase
        KNOWN_SECRETS.add(passphrase)

    def names(self) -> tuple[str, ...]:
        """The names of the keys in it, which need no passphrase; none without a vault.

        Raises:
            KeysUnusable: the vault cannot be read, or is damaged.
        """
        return self._vault.names() if self._vault.exists() else ()

    async def get(self, name: str) -> bytes | None:
        """The key called `name`, or None.

        Raises:
            PassphraseWrong: this is not the passphrase.
            KeysUnusable: the vault cannot be read, or is damaged.
        """
        if not self._vault.exists():
            return None
        return (await asyncio.to_thread(self._open)).get(name)

    async def keep(self, key: bytes) -> None:
        """Keeps `key` beside those it has.

        Raises:
            InvalidPassphrase: it is too short for a new vault.
            PassphraseWrong, KeysUnusable: as in `get`.
        """
        await asyncio.to_thread(self._change, None, key)

    async def forget(self, name: str) -> None:
        """Removes the key called `name`; without its last key the vault is removed."""
        await asyncio.to_thread(self._change, name, None)

    def describe(self) -> str:
        """The place's name for people."""
        return f"the passphrase vault {self._vault.path}"

    async def change_passphrase(self, passphrase: str) -> None:
        """Opens with another `passphrase` from now on; the keys stay.

        Raises:
            InvalidPassphrase: it is too short.
            PassphraseWrong: the old one is wrong.
            KeysUnusable: the vault cannot be read or written.
        """
        keys = await asyncio.to_thread(self._open)
        await asyncio.to_thread(self._vault.save, passphrase, keys)
        KNOWN_SECRETS.add(passphrase)
        self._passphrase = passphrase

    def _open(self) -> dict[str, bytes]:
        keys = self._vault.open(self._passphrase)
        KNOWN_SECRETS.add(*(key.hex() for key in keys.values()))
        return keys

    def _change(self, gone: str | None, new: bytes | None) -> None:
        keys = self._open() if self._vault.exists() else {}
        before = dict(keys)
        if gone is not None:
            keys.pop(gone, None)
        if new is not None:
            keys[key_id(new)] = new
        if not keys:
            self._vault.remove()
        elif keys != before:
            self._vault.save(self._passphrase, keys)


class KeyFile:
    """Keys in a file that only this user may read, one in each line: 64 hexadecimal digits.

    For servers and scripts. Empty lines, and those that begin with `#`, are passed over.

    Args:
        path: the file; it is made with the first key. Keep it on another disk than the queue, or at least
            out of the backups that hold the queue.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    async def get(self, name: str) -> bytes | None:
        """The key called `name`, or None.

        Raises:
            KeysUnusable: the file cannot be read, others may read it, or it holds something else.
        """
        return next((key for key in self.read() if key_id(key) == name), None)

    def read(self) -> tuple[bytes, ...]:
        """All keys, in the file's order.

        Raises:
            KeysUnusable: as in `get`. No message repeats anything of the content.
        """
        return tuple(key for _, key in self._lines() if key is not None)

    async def keep(self, key: bytes) -> None:
        """Keeps `key` beside those it has; see `KeyHome`."""
        KNOWN_SECRETS.add(key.hex())
        lines = self._lines() if self.path.exists() else []
        if all(known != key for _, known in lines):
            self._write([*(text for text, _ in lines), key.hex()])

    async def forget(self, name: str) -> None:
        """Removes the key called `name`; the file stays, though it may hold no key any more."""
        if not self.path.exists():
            return
        lines = self._lines()
        kept = [text for text, key in lines if key is None or key_id(key) != name]
        if len(kept) < len(lines):
            self._write(kept)

    def describe(self) -> str:
        """The place's name for people."""
        return f"the key file {self.path}"

    def _lines(self) -> list[tuple[str, bytes | None]]:
        try:
            with self.path.open("rb") as file:
                if not is_private(os.fstat(file.fileno())):
                    raise KeysUnusable(
                        f"Others on this computer may read the key file {self.path}.",
                        remedy=f"Run: chmod 600 {self.path}",
                    )
                lines = file.read(_LARGEST).decode("utf-8").splitlines()
        except OSError as error:
            raise KeysUnusable(
                f"The key file {self.path} cannot be read ({error.strerror or error}).",
                remedy="Name the right file with --key-file. Nothing was changed.",
            ) from error
        except UnicodeDecodeError:
            raise KeysUnusable(f"{self.path} is no key file.", remedy=_FORM) from None
        return [(line, self._key_in(line, place)) for place, line in enumerate(lines, start=1)]

    def _key_in(self, line: str, place: int) -> bytes | None:
        text = line.strip()
        if not text or text.startswith("#"):
            return None
        return _key_of(text, f"Line {place} of the key file {self.path}")

    def _write(self, lines: list[str]) -> None:
        try:
            write_private(self.path, "".join(f"{line}\n" for line in lines).encode())
        except OSError as error:
            raise KeysUnusable(
                f"The key file {self.path} cannot be written ({error.strerror or error}).",
                remedy="Name a file in a folder that you may write to. The queue file was not changed.",
            ) from error


_FORM: Final = (
    "A key file has a key of 64 hexadecimal digits in each line; `autotask-queue encryption encrypt` makes "
    "one. Nothing was changed."
)


def _key_of(text: str, what: str) -> bytes:
    if not _HEX.fullmatch(text):
        raise KeysUnusable(f"{what} is no key.", remedy=_FORM)
    KNOWN_SECRETS.add(text, text.lower())
    return bytes.fromhex(text)

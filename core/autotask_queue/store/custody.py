"""Finds the key of an encrypted queue file, and changes keys so that the file always has one that is kept.

A new key is kept before it encrypts anything, and an old one is given up only afterwards, if that is wanted
and no file here needs it: whenever this is killed, the file opens with a key that is in its place.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from pathlib import Path

import msgspec
from typing_extensions import override

from autotask_queue.model.errors import (
    PassphraseWrong,
    QueueError,
    SecretsError,
    StoreKeyMissing,
    StoreNotEncrypted,
    StoreUnwritable,
)
from autotask_queue.store.key_homes import KeyHome
from autotask_queue.store.keys import new_key
from autotask_queue.store.sqlite import cipher
from autotask_queue.store.sqlite.cipher import FileKind, key_id, key_id_of
from autotask_queue.store.sqlite.conversion import Converted, change_encryption, copies_of
from autotask_queue.store.sqlite.driver import choose_driver


class FoundKey(msgspec.Struct, frozen=True, kw_only=True):
    """The key of a queue file and its `home`, the place that keeps it. Its text does not show the key."""

    key: bytes
    home: KeyHome

    @override
    def __repr__(self) -> str:
        return f"FoundKey({key_id(self.key)}, {self.home.describe()})"


def file_kind(path: Path) -> FileKind:
    """What the file at `path` is, by its bytes: empty if there is none, other if it cannot be read."""
    try:
        return cipher.kind_of(path)
    except FileNotFoundError:
        return FileKind.EMPTY
    except OSError:
        return FileKind.OTHER


async def find_key(path: Path, homes: Sequence[KeyHome], *, names: Sequence[str] = ()) -> FoundKey:
    """The key of an encrypted file, from the first place that has it.

    A file whose beginning was overwritten has lost the name of its key: then those of its backups are tried.

    Args:
        path: the queue file.
        homes: where to look, in this order. One that cannot be used is passed over.
        names: further names that the key may have, from an earlier `key_id_of`.

    Raises:
        StoreKeyMissing: no place has it; the message says why each has not.
        PassphraseWrong: the passphrase of a vault is wrong.
        StoreNotEncrypted: it needs no key.
        StoreUnwritable: it cannot be read.
    """
    troubles: list[str] = []
    remedy = ""
    written = _names_of(path)
    if not written:
        raise StoreNotEncrypted(f"{path} is not encrypted: it needs no key.")
    for home in homes:
        try:
            for name in (*written, *names):
                key = await home.get(name)
                if key is not None and cipher.fits(path, key):
                    return FoundKey(key=key, home=home)
        except PassphraseWrong:
            raise
        except SecretsError as error:
            troubles.append(error.message)
            remedy = remedy or error.remedy
        else:
            troubles.append(f"It is not in {home.describe()}.")
    where = " ".join(troubles) or "There is no place here where keys are kept."
    raise StoreKeyMissing(f"{path} is encrypted with the key {written[0]}. {where}", remedy=remedy)


async def change_key(
    path: Path,
    *,
    found: FoundKey | None,
    home: KeyHome | None,
    actor: str = "",
    now: float,
    forget: bool = False,
) -> Converted:
    """Encrypts a queue file with a new key, gives it another one, or decrypts it.

    Nobody may have the file open. Its backups beside it follow it; see `change_encryption`.

    Args:
        path: the queue file.
        found: the key that opens it now, and its place; None if it is plain.
        home: what is to keep the new key; None makes the file plain.
        actor: who, for the audit trail.
        now: seconds since the epoch.
        forget: whether the old key is removed afterwards; no backup elsewhere can then be opened with it any
            more. It stays anyway as long as a file beside the queue file needs it.

    Raises:
        SecretsError: the new key could not be kept; nothing was changed.
        StoreError: as in `change_encryption`; the file opens with the key that it had.
    """
    new = None if home is None else new_key()
    choose_driver(new)  # without SQLCipher, no key is kept in vain
    if home is not None and new is not None:
        await home.keep(new)
        if await home.get(key_id(new)) != new:
            raise SecretsError(
                f"{home.describe()} took the new key and does not give it back.",
                remedy="Choose another place for the key. The queue file was not changed.",
            )
    try:
        done = await change_encryption(
            path, key=None if found is None else found.key, new_key=new, actor=actor, now=now
        )
    except QueueError:
        if home is not None and new is not None and not _is_needed(path, new):
            with contextlib.suppress(SecretsError):  # one key too many harms nobody
                await home.forget(key_id(new))
        raise
    if found is not None and forget and not _is_needed(path, found.key):
        try:
            await found.home.forget(key_id(found.key))
        except SecretsError as error:
            note = f"The old key is still in {found.home.describe()}: {error.message}"
            return msgspec.structs.replace(done, left=(*done.left, note))
    return done


def _names_of(path: Path) -> list[str]:
    try:
        names = [key_id_of(path), *(key_id_of(copy) for copy in copies_of(path))]
    except OSError as error:
        raise StoreUnwritable(f"{path} cannot be read ({error.strerror or error}).") from error
    return list(dict.fromkeys(name for name in names if name))


def _is_needed(path: Path, key: bytes) -> bool:
    """Whether the queue file, or a file beside it, has this key; also if that cannot be read."""
    try:
        return any(
            cipher.kind_of(file) is FileKind.ENCRYPTED and cipher.fits(file, key)
            for file in (path, *copies_of(path))
        )
    except OSError:
        return True

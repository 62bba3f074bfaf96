"""From plain to encrypted, back, and from one key to another.

A new file is made beside the old one, compared with it row by row, forced to the disk, and then takes its
place in one step: whenever this is killed, a whole queue stands under the name, in the old way or the new.
"""

from __future__ import annotations

import asyncio
import itertools
import os
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Final

import msgspec

from autotask_queue.model.errors import (
    StoreDamaged,
    StoreError,
    StoreInUse,
    StoreUnsuitable,
    StoreUnwritable,
)
from autotask_queue.model.request import AuditEntry
from autotask_queue.store.disk import force_folder_to_disk, force_to_disk
from autotask_queue.store.sqlite import cipher, opening, place
from autotask_queue.store.sqlite.cipher import FileKind
from autotask_queue.store.sqlite.driver import Connection, Driver, choose_driver, load_sqlcipher
from autotask_queue.store.sqlite.lock import OwnerLock
from autotask_queue.store.sqlite.session import Session
from autotask_queue.store.sqlite.store import SqliteStore

_NO_COPIES: Final = (".lock", ".owner", ".vault", place.UNFINISHED, place.COPYING)


class Converted(msgspec.Struct, frozen=True, kw_only=True):
    """What `change_encryption` did.

    `notes` say what opening the file put in order, `copies` which backups beside it were converted too, and
    `left` of others why they were not.
    """

    notes: tuple[str, ...] = ()
    copies: tuple[str, ...] = ()
    left: tuple[str, ...] = ()


async def change_encryption(
    path: str | Path, *, key: bytes | None, new_key: bytes | None, actor: str = "", now: float
) -> Converted:
    """Encrypts a queue file, decrypts it, or gives it another key, and its backups with it.

    Nobody may have the file open. It takes as much free space as the file has. With the same key twice,
    only backups that do not have it yet are converted.

    Args:
        path: the queue file.
        key: what opens it now; None if it is plain.
        new_key: what is to open it from now on; None makes it plain. Keep it safe before calling this.
        actor: who, for the audit trail.
        now: seconds since the epoch.

    Raises:
        StoreKeyMissing, StoreKeyWrong, StoreNotEncrypted: the file does not go with `key`.
        StoreInUse: a program has it open.
        StoreUnsuitable: it is no queue file.
        EncryptionUnavailable: SQLCipher is not installed.
        StoreError: anything else; the file is then as it was.
    """
    path = Path(path).expanduser().absolute()
    _check(path, key)
    for wanted in (key, new_key):
        choose_driver(wanted)
    # Opened as always first: what an older version or a killed program left is put in order, or refused.
    store = SqliteStore(path, encryption_key=key)
    recovery = await store.open(now=now)
    await store.close()
    entry = AuditEntry(at=now, actor=actor, kind=_kind(key, new_key), detail=_detail(key, new_key))
    done = await asyncio.to_thread(partial(_convert_all, path, key, new_key, entry))
    return msgspec.structs.replace(done, notes=recovery.notes)


def copies_of(path: Path) -> Iterator[Path]:
    """The backups and older versions beside a queue file, those that were set aside as damaged too."""
    for copy in sorted(path.parent.glob(f"{path.name}.*")):
        if copy.is_file() and not copy.name.endswith((*_NO_COPIES, "-wal", "-shm", "-journal")):
            yield copy


def _check(path: Path, key: bytes | None) -> None:
    try:
        kind = cipher.kind_of(path)
        opening.check_key(key, path, kind)
    except OSError as error:
        raise StoreUnwritable(f"{path} cannot be read ({error.strerror or error}).") from error
    if kind in (FileKind.EMPTY, FileKind.OTHER):
        raise StoreUnsuitable(
            f"{path} is not a queue file.", remedy="Name the right file. This one was not changed."
        )


def _kind(key: bytes | None, new_key: bytes | None) -> str:
    if new_key is None:
        return "file_decrypted"
    return "file_encrypted" if key is None else "file_rekeyed"


def _detail(key: bytes | None, new_key: bytes | None) -> dict[str, str]:
    names = {"key_before": key, "key": new_key}
    return {name: cipher.key_id(value) for name, value in names.items() if value is not None}


# ---------------------------------------------------------------------------------------------
# In a thread


def _convert_all(path: Path, key: bytes | None, new_key: bytes | None, entry: AuditEntry) -> Converted:
    lock = OwnerLock(path)
    lock.take()
    try:
        if key != new_key:
            _convert(path, key, new_key, entry)
        return _convert_copies(path, key, new_key)
    except OSError as error:
        raise StoreUnwritable(f"{path} cannot be written ({error.strerror or error}).") from error
    finally:
        lock.release()


def _convert_copies(path: Path, key: bytes | None, new_key: bytes | None) -> Converted:
    copies: list[str] = []
    left: list[str] = []
    for copy in copies_of(path):
        kind = cipher.kind_of(copy)
        encrypted = kind is FileKind.ENCRYPTED
        if kind not in (FileKind.PLAIN, FileKind.ENCRYPTED) or _is_as_wanted(copy, encrypted, new_key):
            continue
        old = key if encrypted else None
        try:
            if ".damaged-" in copy.name:
                raise StoreDamaged(f"{copy.name} is damaged and stays as it is.")
            if encrypted and (old is None or not cipher.fits(copy, old)):
                raise StoreDamaged(f"{copy.name} has another key and stays as it is.")
            _convert(copy, old, new_key, None)
        except StoreError as error:
            left.append(error.message)
        else:
            copies.append(copy.name)
    return Converted(copies=tuple(copies), left=tuple(left))


def _is_as_wanted(copy: Path, encrypted: bool, new_key: bytes | None) -> bool:
    if new_key is None or not encrypted:
        return (new_key is None) is not encrypted
    return cipher.fits(copy, new_key)


def _convert(path: Path, key: bytes | None, new_key: bytes | None, entry: AuditEntry | None) -> None:
    old, new = Driver(load_sqlcipher(), key=key), Driver(load_sqlcipher(), key=new_key)
    made = place.unfinished(path)
    place.sweep(path)
    os.close(os.open(made, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    try:
        _copy(old, path, new, made)
        _compare(old, path, new, made)
        if entry is not None:
            _write_down(new, made, entry)
        force_to_disk(made)
        _take_place(made, path)
    except old.error as error:
        raise old.explain(error, path) from error
    finally:
        place.sweep(path)


def _copy(old: Driver, path: Path, new: Driver, made: Path) -> None:
    with closing(old.writer(path)) as connection:
        busy, _, _ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        if busy:
            raise StoreInUse(f"Another program is reading {path}.")
        literal = "" if new.key is None else cipher.key_literal(new.key)
        connection.execute("ATTACH DATABASE ? AS made KEY ?", (str(made), literal)).close()
        # Nobody reads it before it is whole and on the disk.
        for pragma in ("journal_mode = OFF", "synchronous = OFF"):
            connection.execute(f"PRAGMA made.{pragma}").fetchone()
        connection.execute("SELECT sqlcipher_export('made')").fetchone()
        for pragma in ("application_id", "user_version"):
            (value,) = connection.execute(f"PRAGMA main.{pragma}").fetchone()
            connection.execute(f"PRAGMA made.{pragma} = {value}").close()
        connection.execute("DETACH DATABASE made").close()


_SCHEMA: Final = "SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY type, name"


def _compare(old: Driver, path: Path, new: Driver, made: Path) -> None:
    """Reads both files through: every row of every table, and every index of the new one."""
    # As writers: one that only reads leaves an empty log behind.
    with closing(old.writer(path)) as before, closing(new.writer(made)) as after:
        (found,) = after.execute("PRAGMA integrity_check(1)").fetchone()
        if found != "ok":
            raise StoreDamaged(f"The copy of {path} is not sound ({found}).", remedy=_AS_IT_WAS)
        tables = [name for kind, name, *_ in before.execute(_SCHEMA) if kind == "table"]
        questions = [_SCHEMA, "PRAGMA application_id", "PRAGMA user_version"]
        for question in (*questions, *(f'SELECT * FROM "{name}"' for name in tables)):
            if not _same(before, after, question):
                raise StoreDamaged(f"The copy of {path} differs from it.", remedy=_AS_IT_WAS)


_AS_IT_WAS: Final = "The file is as it was. Check the disk, then try again."


def _same(before: Connection, after: Connection, question: str) -> bool:
    pairs = itertools.zip_longest(before.execute(question), after.execute(question))
    return all(one == other for one, other in pairs)


def _write_down(driver: Driver, made: Path, entry: AuditEntry) -> None:
    session = Session(driver, made)
    session.connect()
    try:
        session.shelf.load()
        with session.changing():
            session.shelf.add_audit(entry)
        session.checkpoint()
    finally:
        session.disconnect()


def _take_place(made: Path, path: Path) -> None:
    for ending in ("-wal", "-shm"):
        log = path.with_name(path.name + ending)
        if log.exists():  # its pages would be taken for ones of the new file
            raise StoreInUse(f"Another program has {path} open.")
    made.replace(path)
    force_folder_to_disk(path.parent)

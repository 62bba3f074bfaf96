"""From a path to a file that can be used: version check, migrations, recovery."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import msgspec

from autotask_queue.model.errors import (
    StoreDamaged,
    StoreForeign,
    StoreKeyMissing,
    StoreKeyWrong,
    StoreNotEncrypted,
    StoreTooNew,
)
from autotask_queue.model.request import AuditEntry, Request
from autotask_queue.model.status import Status
from autotask_queue.ports import Recovery
from autotask_queue.store.cells import CellKey
from autotask_queue.store.sqlite import cipher, salvage
from autotask_queue.store.sqlite.cipher import FileKind
from autotask_queue.store.sqlite.driver import Connection, Driver
from autotask_queue.store.sqlite.migrations import MIGRATIONS, Migration
from autotask_queue.store.sqlite.operations import set_meta
from autotask_queue.store.sqlite.session import Session

APPLICATION_ID: Final = 0x41545131
"""What SQLite's header says of our files: "ATQ1"."""

_HEADER: Final = 100
_FIRST_PAGE: Final = 4_096
"""Bytes that even the smallest file of SQLite has."""


class Opened(msgspec.Struct, frozen=True, kw_only=True):
    """What opening found. `unclean` if the last owner did not close the file."""

    recovery: Recovery
    unclean: bool
    cells: dict[CellKey, int]
    last_seq: int
    next_due: float | None

    def with_note(self, note: str) -> Opened:
        """The same with one more thing to tell people."""
        recovery = msgspec.structs.replace(self.recovery, notes=(*self.recovery.notes, note))
        return msgspec.structs.replace(self, recovery=recovery)


def check_file(driver: Driver, path: Path, *, newest: int) -> None:
    """Looks at a file before anything may change it.

    Raises:
        StoreDamaged: it is no SQLite file.
        StoreKeyMissing, StoreKeyWrong, StoreNotEncrypted: it does not go with the driver's key, or without.
        StoreTooNew: a newer version of this program wrote it.
        StoreForeign: it belongs to another program.
        OSError: it cannot be read.
    """
    kind = cipher.kind_of(path)
    if kind is FileKind.EMPTY:
        return
    check_key(driver.key, path, kind)
    if kind is FileKind.OTHER or path.stat().st_size < _HEADER:
        raise StoreDamaged(f"{path} is not a queue file, or its beginning was overwritten.")
    if _was_just_begun(path):
        return
    # Through SQLite, for the newest header may still be in the log.
    try:
        with closing(driver.reader(path)) as connection:
            _check_identity(path, connection, newest)
    except driver.error as error:
        raise driver.explain(error, path) from error


def check_key(key: bytes | None, path: Path, kind: FileKind) -> None:
    """Whether a file of this kind goes with this key, or without one. Damage is not looked for.

    Raises:
        StoreKeyMissing: it is encrypted, and there is no key.
        StoreKeyWrong: it is encrypted with another key.
        StoreNotEncrypted: it is plain, and there is a key.
    """
    if key is None:
        if kind is FileKind.ENCRYPTED:
            raise StoreKeyMissing(f"{path} is encrypted, and no key was given.")
    elif kind is FileKind.PLAIN:
        raise StoreNotEncrypted(f"A key was given for {path}, but everything in it can be read without.")
    elif kind is FileKind.ENCRYPTED and not cipher.fits(path, key):
        raise StoreKeyWrong(f"{path} was encrypted with another key.")


def _was_just_begun(path: Path) -> bool:
    """Whether the very first change of a new file was cut short: a page at most, and a journal to undo it.

    SQLite undoes it for who may write, and refuses it to who only reads.
    """
    journal = path.with_name(path.name + "-journal")
    return journal.exists() and path.stat().st_size <= _FIRST_PAGE


def _check_identity(path: Path, connection: Connection, newest: int) -> int:
    """The version of the file, which is ours or new."""
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    if application != APPLICATION_ID and (application, version, tables) != (0, 0, 0):
        raise StoreForeign(f"{path} is a database of another program. It was not changed.")
    if version > newest:
        raise StoreTooNew(f"{path} has version {version}; this program knows versions up to {newest}.")
    return int(version)


def open_file(
    session: Session,
    path: Path,
    *,
    now: float,
    migrations: Sequence[Migration] = MIGRATIONS,
    damaged: salvage.Damaged | None = None,
) -> Opened:
    """Brings a connected file up to date and makes it safe to go on. Runs in the writer's thread.

    With `damaged`, what can be read of that file is brought over first.

    Raises:
        StoreError: the file cannot be used.
    """
    with session.explaining():  # of a step that failed nothing is kept
        (version,) = session.connection.execute("PRAGMA user_version").fetchone()
        notes = list(_migrate(session.connection, path, migrations))
        if version < migrations[-1].version:  # each step may have written all of it
            session.log.note_pages(session.connection.execute("PRAGMA page_count").fetchone()[0])
    with session.changing():
        if damaged is not None:
            notes += damaged.bring_over(session.connection)
            session.shelf.load()
            session.ledger.rebuild(now=now)
            session.shelf.add_audit(AuditEntry(at=now, actor="", kind="file_recovered", why=" ".join(notes)))
        if meta(session.connection, "damaged"):
            raise StoreDamaged(f"The last check of {path} found damage.")
        unclean = meta(session.connection, "clean") == 0
        set_meta(session.connection, "clean", 0)
        if damaged is None:
            session.shelf.load()
        restored = _take_up_copy(session, now=now)
        if restored is not None:
            notes.append(restored.note)
        recovery = session.ledger.recover(now=now)
        notes += recovery.notes
    session.make_room()
    with session.explaining():
        counted = session.connection.execute(
            "SELECT zone, entity, status, priority, count FROM counter WHERE count <> 0"
        )
        return Opened(
            recovery=msgspec.structs.replace(
                recovery,
                uncertain=(*(restored.uncertain if restored is not None else ()), *recovery.uncertain),
                notes=tuple(notes),
            ),
            unclean=unclean,
            cells={
                (zone, entity, Status(status), priority): count
                for zone, entity, status, priority, count in counted
            },
            last_seq=session.shelf.last_seq,
            next_due=session.shelf.next_due(),
        )


class _TakenUp(msgspec.Struct, frozen=True, kw_only=True):
    """What was made of a copy that stands in the queue's place now."""

    uncertain: tuple[Request, ...]
    note: str


def _take_up_copy(session: Session, *, now: float) -> _TakenUp | None:
    """If this file was a copy until now: nothing of it is sent before it was looked for."""
    connection = session.connection
    copied_at = meta(connection, "backup_at")
    if copied_at is None:
        return None
    moment = datetime.fromtimestamp(float(str(copied_at)), UTC).strftime("%Y-%m-%d %H:%M UTC")
    actor = str(meta(connection, "restored_by") or "")
    why = f"The queue was restored from a copy of {moment}; it may have been sent since."
    uncertain = session.ledger.take_up_copy(why=why, now=now, actor=actor)
    note = (
        f"The queue was restored from a copy of {moment}. {len(uncertain)} of its requests may have been "
        "sent since: they are looked up first, or wait for a decision. What was added after that copy is "
        "not in it."
    )
    (others,) = connection.execute(_MAY_BE_RETRIED).fetchone()
    if others:
        note += (
            f" {others} that had failed or were cancelled may have been retried since: look in Autotask "
            "before you bring them back."
        )
    session.shelf.add_audit(
        AuditEntry(
            at=now,
            actor=actor,
            kind="queue_restored",
            why=note,
            detail={
                "copied_at": float(str(copied_at)),
                "copy": str(meta(connection, "restored_from") or ""),
                "uncertain": len(uncertain),
            },
        )
    )
    for name in ("backup_at", "restored_by", "restored_from"):
        connection.execute("DELETE FROM meta WHERE name = ?", (name,))
    return _TakenUp(uncertain=uncertain, note=note)


_MAY_BE_RETRIED: Final = """
SELECT count(*) FROM history WHERE status IN ('failed', 'cancelled', 'expired') AND effect = 'write'
"""


def close_file(session: Session, *, damage: str = "") -> None:
    """Says in the file that it was left in order, or damaged. Runs in the writer's thread."""
    with session.changing():
        set_meta(session.connection, "clean", 1)
        if damage:
            set_meta(session.connection, "damaged", damage)
    session.checkpoint()


def meta(connection: Connection, name: str) -> object:
    """One of the file's own small facts; None if it is not there."""
    row = connection.execute("SELECT value FROM meta WHERE name = ?", (name,)).fetchone()
    return None if row is None else row[0]


# ---------------------------------------------------------------------------------------------
# Migrations


def _migrate(connection: Connection, path: Path, migrations: Sequence[Migration]) -> list[str]:
    version = _check_identity(path, connection, migrations[-1].version)
    due = [migration for migration in migrations if migration.version > version]
    notes: list[str] = []
    if due and version > 0:
        backup = _back_up(connection, path, version)
        names = ", ".join(migration.name for migration in due)
        notes.append(
            f"The queue file was brought from version {version} to {due[-1].version} ({names}); "
            f"a copy from before is {backup}."
        )
    for migration in due:
        _step(connection, migration)
    return notes


def _step(connection: Connection, migration: Migration) -> None:
    connection.execute("BEGIN IMMEDIATE")
    try:
        for statement in migration.statements:
            connection.execute(statement)
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {migration.version}")
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _back_up(connection: Connection, path: Path, version: int) -> Path:
    backup = path.with_name(f"{path.name}.version-{version}")
    backup.unlink(missing_ok=True)
    os.close(os.open(backup, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    connection.execute("VACUUM INTO ?", (str(backup),))
    return backup

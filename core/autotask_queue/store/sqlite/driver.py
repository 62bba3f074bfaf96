"""Which SQLite a file is opened with, how it is set up, and what its errors mean.

`Driver` wraps a module of the DB-API: the standard library's here; SQLCipher's and the shim on which
tests simulate power cuts have the same names but exceptions of their own.
"""

from __future__ import annotations

import sqlite3
import sys
from pathlib import Path
from typing import Any, Final

from autotask_queue.model.errors import (
    EncryptionUnavailable,
    InvalidRequest,
    QueueError,
    StoreDamaged,
    StoreError,
    StoreInUse,
    StoreUnsuitable,
    StoreUnwritable,
)
from autotask_queue.store.keys import checked_key
from autotask_queue.store.sqlite.cipher import key_pragma
from autotask_queue.transport import KNOWN_SECRETS

Connection = sqlite3.Connection

OLDEST: Final = (3, 37, 0)
"""STRICT tables came with it."""

BUSY_TIMEOUT: Final = 5_000
"""Milliseconds to wait for a lock that nobody but a stray tool can hold."""

PRAGMAS: Final[dict[str, int | str]] = {
    # Incremental: room that was freed can be given back in slices. Counts for new files only.
    "auto_vacuum": 2,
    "journal_mode": "wal",
    # FULL. NORMAL loses acknowledged requests in a power cut.
    "synchronous": 2,
    # A checkpoint that fails after a good commit would make a stored request look refused.
    "wal_autocheckpoint": 0,
    "foreign_keys": 1,
    "trusted_schema": 0,
    "busy_timeout": BUSY_TIMEOUT,
    # Bytes: how large the log may stay. Normal work never reaches it; writing over the log is faster than
    # letting it grow again, which costs a flush of the file system's own books.
    "journal_size_limit": 64 << 20,
    # KiB when negative: keeps the upper pages of a million rows' indexes.
    "cache_size": -32_768,
    "temp_store": 2,
}
MAC_PRAGMAS: Final[dict[str, int | str]] = {"fullfsync": 1, "checkpoint_fullfsync": 1}
READER_PRAGMAS: Final[dict[str, int | str]] = {
    "query_only": 1,
    "trusted_schema": 0,
    "busy_timeout": BUSY_TIMEOUT,
    "temp_store": 2,
    "mmap_size": 1 << 30,
}

BLANK_PRAGMAS: Final[dict[str, int | str]] = {"journal_mode": "off", "synchronous": 0, "temp_store": 2}

_ONLY_ASKED: Final = frozenset({"mmap_size", "auto_vacuum"})
"""The system may grant less memory; a file keeps the kind of vacuum that it was made with."""

_FULL, _READ_ONLY, _IO, _CORRUPT, _CANT_OPEN, _NOT_A_DB = 13, 8, 10, 11, 14, 26
_IO_WRITE: Final = _IO | 3 << 8
_PERM, _BUSY, _LOCKED, _TOO_BIG, _CONSTRAINT, _MISMATCH = 3, 5, 6, 18, 19, 20


class Driver:
    """One SQLite module.

    `error` is the base of its exceptions, `row_errors` what the content of a row can cause, `refusals`
    all that refuses one operation and leaves the storage sound. With a `key`, files are encrypted.
    """

    def __init__(self, module: Any = sqlite3, *, key: bytes | None = None) -> None:
        self._module = module
        self.key = key
        self.error: type[Exception] = module.Error
        self.row_errors: tuple[type[Exception], ...] = (
            module.IntegrityError,
            module.DataError,
            module.InterfaceError,
            module.ProgrammingError,
            OverflowError,
            UnicodeError,
        )
        self.refusals: tuple[type[Exception], ...] = (*self.row_errors, QueueError)

    def writer(self, path: Path) -> Connection:
        """The one connection that writes, set up and checked.

        Raises:
            StoreError: the file cannot be used; see `explain`.
        """
        if tuple(self._module.sqlite_version_info) < OLDEST:
            raise StoreError(
                f"SQLite {self._module.sqlite_version} is too old; 3.37 or newer is needed.",
                remedy="Use a newer Python.",
            )
        pragmas = PRAGMAS | MAC_PRAGMAS if sys.platform == "darwin" else PRAGMAS
        return self._open(path, "rw", pragmas)

    def reader(self, path: Path) -> Connection:
        """A connection that can only read.

        Raises:
            StoreError: the file cannot be used; see `explain`.
        """
        return self._open(path, "ro", READER_PRAGMAS)

    def blank(self, path: Path) -> Connection:
        """A connection to a new file that nobody reads before it is whole and forced to the disk.

        Raises:
            StoreError: the file cannot be used; see `explain`.
        """
        return self._open(path, "rw", BLANK_PRAGMAS)

    def _open(self, path: Path, mode: str, pragmas: dict[str, int | str]) -> Connection:
        connection: Connection | None = None
        try:
            connection = self._module.connect(
                f"{path.absolute().as_uri()}?mode={mode}",
                uri=True,
                isolation_level=None,
                check_same_thread=False,  # aiosqlite gives it a thread; closing may come from another
                cached_statements=512,
            )
            if self.key is not None:
                connection.execute("PRAGMA cipher_log_level = NONE").close()  # it would write to stderr
                connection.execute(key_pragma(self.key)).close()
            for name, wanted in pragmas.items():
                _set(connection, name, wanted)
        except self.error as error:
            if connection is not None:
                connection.close()
            raise self.explain(error, path) from error
        except QueueError:
            assert connection is not None  # noqa: S101 - only `_set` raises it
            connection.close()
            raise
        return connection

    def is_lost(self, error: Exception) -> bool:
        """Whether the connection on which this was raised is of no use any more.

        SQLCipher refuses everything after it met one damaged page; SQLite goes on with the others.
        """
        return self.key is not None and _is_damage(error)

    def is_cut_short(self, error: Exception) -> bool:
        """Whether the disk did not take all of what a commit wrote: then none of it counts, ever."""
        code = getattr(error, "sqlite_errorcode", 0)
        return code & 0xFF == _FULL or code == _IO_WRITE

    def explain(self, error: Exception, path: Path) -> StoreError:
        """What an exception of this driver means for the queue file."""
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        text = str(error)
        if _is_damage(error):
            return StoreDamaged(f"{path} cannot be read as a queue file ({text}).")
        if code == _FULL or "disk is full" in text:
            return StoreUnwritable(
                f"There is no space left for {path}. What was acknowledged before is safe.",
                remedy="Free some space on this disk; nothing else is needed.",
            )
        if code in (_READ_ONLY, _CANT_OPEN, _PERM):
            return StoreUnwritable(f"{path} cannot be opened for writing ({text}).")
        if code in (_BUSY, _LOCKED):
            return StoreInUse(f"Another program keeps {path} locked ({text}).")
        if code == _IO:
            return StoreError(f"The disk reported an error with {path} ({text}).")
        return StoreError(f"{path} could not be used ({text}).")

    def refuse(self, error: Exception) -> QueueError:
        """What an error that one row caused means for its request."""
        return InvalidRequest(f"The queue file cannot hold it ({error}).")


def _is_damage(error: Exception) -> bool:
    code, text = getattr(error, "sqlite_errorcode", 0) & 0xFF, str(error)
    return code in (_CORRUPT, _NOT_A_DB) or "malformed" in text or "not a database" in text


def choose_driver(key: bytes | None) -> Driver:
    """The driver for a file: SQLCipher with a key, the standard library's SQLite without.

    Raises:
        ConfigError: the key is not 32 bytes.
        EncryptionUnavailable: SQLCipher is not installed.
    """
    if key is None:
        return Driver()
    checked_key(key)
    KNOWN_SECRETS.add(key.hex())
    return Driver(load_sqlcipher(), key=key)


def load_sqlcipher() -> Any:
    """SQLCipher's module; it opens plain files too.

    Raises:
        EncryptionUnavailable: it is not installed.
    """
    try:
        import sqlcipher3
    except ImportError as error:
        raise EncryptionUnavailable(f"SQLCipher is not installed with this Python ({error}).") from error
    return sqlcipher3


def _set(connection: Connection, name: str, wanted: int | str) -> None:
    connection.execute(f"PRAGMA {name} = {wanted}").close()
    (got,) = connection.execute(f"PRAGMA {name}").fetchone() or (None,)
    if got != wanted and name not in _ONLY_ASKED:
        raise StoreUnsuitable(f"SQLite would not set {name} to {wanted} here; it stays {got}.")

"""A disk that loses power or refuses, under a real SQLite.

`FragileDisk` is a file system for apsw's SQLite over the real one. It remembers what was written and not yet
flushed; `cut` takes the power away, and `restore` leaves of that what a disk might leave: all of it, nothing,
some of the writes, or a part of one. It also lets single calls fail, as a full or a dying disk does.

`module` has the names of the DB-API that `store.sqlite.driver.Driver` asks for; sqlite3 itself takes no file
systems of others.
"""

from __future__ import annotations

import contextlib
import itertools
import random
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final

import apsw
from typing_extensions import override

SECTOR: Final = 512
"""Bytes that a disk writes whole or not at all."""

EIO: Final = "EIO"
ENOSPC: Final = "ENOSPC"

_numbers = itertools.count(1)


class _Durable:
    """What the disk surely has of one file, and what was written since."""

    def __init__(self, content: bytes) -> None:
        self.content = bytearray(content)
        self.unsynced: list[tuple[int, bytes | None]] = []
        """Offset and bytes; None instead of bytes: cut off there."""

    def sync(self) -> None:
        for offset, data in self.unsynced:
            self.apply(offset, data)
        self.unsynced.clear()

    def apply(self, offset: int, data: bytes | None) -> None:
        if data is None:
            del self.content[offset:]
            return
        if offset > len(self.content):
            self.content.extend(bytes(offset - len(self.content)))
        self.content[offset : offset + len(data)] = data


class FragileDisk:
    """The disk. `calls` counts everything that SQLite asked of it.

    `fails` is asked for each call: its number and its kind ("read", "write", "sync", "truncate", "open",
    "delete"); it answers None, `EIO` or `ENOSPC`.
    """

    def __init__(self, dice: random.Random) -> None:
        self._dice = dice
        self._files: dict[str, _Durable] = {}
        self.calls = 0
        self.cut_at: int | None = None
        """The number of the call at which the power goes."""
        self.fails: Callable[[int, str], str | None] = lambda _number, _kind: None
        self.is_dead = False
        self._name = f"fragile-{next(_numbers)}"
        self._vfs = _Vfs(self._name, self)
        self.module = _module(self._name)

    def unregister(self) -> None:
        """The end of this disk."""
        self._vfs.unregister()

    # -- what happens to it

    def cut(self) -> None:
        """The power goes: every call fails from now on."""
        self.is_dead = True

    def revive(self) -> None:
        """Only the process was killed: everything that was written is there."""
        self._files.clear()
        self.is_dead = False
        self.cut_at = None

    def restore(self) -> None:
        """The power is back: each file has what was flushed, and something of the rest."""
        for name, file in self._files.items():
            path = Path(name)
            if not path.exists():
                continue
            length = path.stat().st_size
            self._leave_some(file)
            # Our own room in the log was never flushed: it may be there or not.
            if length > len(file.content) and self._dice.random() < 0.5:
                file.content.extend(bytes(length - len(file.content)))
            path.write_bytes(file.content)
            if path.name.endswith("-wal"):
                path.with_name(path.name.removesuffix("-wal") + "-shm").unlink(missing_ok=True)
        self._files.clear()
        self.is_dead = False
        self.cut_at = None

    def _leave_some(self, file: _Durable) -> None:
        mood = self._dice.choice(["nothing", "all", "some", "beginning"])
        keep = self._dice.randint(0, len(file.unsynced))
        for number, (offset, data) in enumerate(file.unsynced):
            if mood == "nothing" or (mood == "beginning" and number > keep):
                continue
            if mood == "some" and self._dice.random() < 0.5:
                continue
            if data is not None and mood != "all" and self._dice.random() < 0.2:
                data = data[: self._dice.randrange(0, len(data) + 1, SECTOR)]  # noqa: PLW2901 - torn
            file.apply(offset, data)
        file.unsynced.clear()

    # -- what SQLite asks

    def happens(self, kind: str) -> None:
        """Counts a call and lets it fail if it is its turn."""
        self.calls += 1
        if self.cut_at is not None and self.calls >= self.cut_at:
            self.is_dead = True
        if self.is_dead:
            raise apsw.exception_for(apsw.SQLITE_IOERR)
        failure = self.fails(self.calls, kind)
        if failure == ENOSPC:
            raise apsw.exception_for(apsw.SQLITE_FULL)
        if failure == EIO:
            code = {"read": apsw.SQLITE_IOERR_READ, "sync": apsw.SQLITE_IOERR_FSYNC}
            raise apsw.exception_for(code.get(kind, apsw.SQLITE_IOERR_WRITE))

    def forgets(self) -> bool:
        """Whether what could not be flushed is dropped: Linux then takes it for written, and tells nobody."""
        return not self.is_dead and self._dice.random() < 0.5

    def file(self, name: str) -> _Durable:
        if name not in self._files:
            path = Path(name)
            self._files[name] = _Durable(path.read_bytes() if path.exists() else b"")
        return self._files[name]

    def forget(self, name: str) -> None:
        self._files.pop(name, None)


class _Vfs(apsw.VFS):
    def __init__(self, name: str, disk: FragileDisk) -> None:
        self._disk = disk
        super().__init__(name, "")

    @override
    def xOpen(self, name: Any, flags: list[int]) -> Any:
        self._disk.happens("open")
        if name is None:
            return super().xOpen(name, flags)
        return _File(self._disk, name, flags)

    @override
    def xDelete(self, filename: str, syncdir: bool) -> None:
        self._disk.happens("delete")
        super().xDelete(filename, syncdir)
        self._disk.forget(filename)


class _File(apsw.VFSFile):
    def __init__(self, disk: FragileDisk, name: Any, flags: list[int]) -> None:
        self._disk = disk
        self._durable = disk.file(str(name.filename() if isinstance(name, apsw.URIFilename) else name))
        super().__init__("", name, flags)

    @override
    def xRead(self, amount: int, offset: int) -> bytes:
        self._disk.happens("read")
        return super().xRead(amount, offset)

    @override
    def xWrite(self, data: Any, offset: int) -> None:
        self._disk.happens("write")
        super().xWrite(data, offset)
        self._durable.unsynced.append((offset, bytes(data)))

    @override
    def xTruncate(self, newsize: int) -> None:
        self._disk.happens("truncate")
        super().xTruncate(newsize)
        self._durable.unsynced.append((newsize, None))

    @override
    def xSync(self, flags: int) -> None:
        # The real file system is not asked: the test is faster, and its own disk is not in question.
        try:
            self._disk.happens("sync")
        except apsw.Error:
            if self._disk.forgets():
                self._durable.unsynced.clear()
            raise
        self._durable.sync()


# ---------------------------------------------------------------------------------------------
# apsw by the names of the DB-API


class Cursor:
    """A result."""

    def __init__(self, rows: Any, connection: apsw.Connection) -> None:
        self._rows = rows
        self._connection = connection
        self.rowcount = connection.changes()

    def __iter__(self) -> Any:
        return _explained(iter(self._rows))

    def fetchone(self) -> Any:
        return next(iter(self), None)

    def fetchall(self) -> list[Any]:
        return list(self)

    def fetchmany(self, size: int) -> list[Any]:
        return list(itertools.islice(self, size))

    def close(self) -> None:
        self._rows.close()


def _explained(rows: Iterable[Any]) -> Iterable[Any]:
    try:
        yield from rows
    except apsw.Error as error:
        raise _with_code(error) from None


def _with_code(error: apsw.Error) -> apsw.Error:
    error.sqlite_errorcode = getattr(error, "extendedresult", 0)  # type: ignore[attr-defined]
    return error


class Connection:
    """A connection."""

    def __init__(self, uri: str, vfs: str) -> None:
        flags = apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_URI
        try:
            self._apsw = apsw.Connection(uri, flags=flags, vfs=vfs)
        except apsw.Error as error:
            raise _with_code(error) from None

    def execute(self, sql: str, parameters: Sequence[Any] = ()) -> Cursor:
        try:
            return Cursor(self._apsw.execute(sql, tuple(parameters)), self._apsw)
        except apsw.Error as error:
            raise _with_code(error) from None

    def executemany(self, sql: str, rows: Iterable[Sequence[Any]]) -> None:
        try:
            self._apsw.executemany(sql, [tuple(row) for row in rows])
        except apsw.Error as error:
            raise _with_code(error) from None

    @property
    def in_transaction(self) -> bool:
        return self._apsw.in_transaction

    @property
    def total_changes(self) -> int:
        return self._apsw.total_changes()

    def set_progress_handler(self, handler: Any, steps: int) -> None:
        self._apsw.set_progress_handler(handler, steps)

    def close(self) -> None:
        with contextlib.suppress(apsw.Error):  # sqlite3 does not tell either what failed in closing
            self._apsw.close(force=True)


def _module(vfs: str) -> Any:
    version = apsw.sqlite_lib_version()
    return SimpleNamespace(
        Error=apsw.Error,
        IntegrityError=apsw.ConstraintError,
        DataError=apsw.MismatchError,
        InterfaceError=apsw.BindingsError,
        ProgrammingError=apsw.TooBigError,
        sqlite_version=version,
        sqlite_version_info=tuple(int(part) for part in version.split(".")),
        connect=lambda name, **_options: Connection(name, vfs),
    )

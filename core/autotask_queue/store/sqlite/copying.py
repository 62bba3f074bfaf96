"""A whole copy of a queue file, also of one that is being written to.

SQLite's own backup copies the pages of one moment, whatever is written meanwhile, and nobody waits for it. An
encrypted file's copy is encrypted with the same key. A copy is checked before it gets its name.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import threading
from collections.abc import Callable, Mapping
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Final, TypeVar

import msgspec

from autotask_queue.model.backup import Backup
from autotask_queue.model.errors import AlreadyThere, StoreDamaged, StoreError, StoreUnwritable
from autotask_queue.store.disk import force_folder_to_disk, force_to_disk
from autotask_queue.store.sqlite import opening, place
from autotask_queue.store.sqlite.driver import Connection, Driver
from autotask_queue.store.sqlite.migrations import NEWEST
from autotask_queue.store.sqlite.operations import set_meta

_T = TypeVar("_T")

SPARE: Final = 32 << 20
"""Bytes that a copy leaves free: the queue itself must never stand before a full disk because of it."""

_STEP: Final = 512
"""Pages copied between two looks at whether the copy is still wanted: some milliseconds."""
_NO_COPY: Final = (
    "There is no copy of it; keep your older ones. The next start of the queue mends what can be mended."
)
_IN_ORDER: Final = {"clean": 1}

Marks = Mapping[str, int | float | str]
"""What is written into a copy's `meta`."""


class Contents(msgspec.Struct, frozen=True, kw_only=True):
    """How many rows each table of a copy has."""

    rows: dict[str, int]

    @property
    def unfinished(self) -> int:
        """Requests that are not finished."""
        return self.rows.get("request", 0)

    @property
    def requests(self) -> int:
        """All requests."""
        return self.unfinished + self.rows.get("history", 0)


class GivenUp(Exception):
    """Nobody wants the copy any more."""


async def in_thread(work: Callable[[threading.Event], _T], stop: threading.Event) -> _T:
    """What `work` returns or raises. When the caller is cancelled, `stop` is set, and `work` waited for."""
    running = asyncio.get_running_loop().run_in_executor(None, work, stop)
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        stop.set()
        await asyncio.wait({running})
        _ = running.exception()  # nobody else asks for it
        raise


def back_up(driver: Driver, source: Path, target: Path, stop: threading.Event, *, now: float) -> Backup:
    """Copies a queue file to `target`, which must not exist yet. Runs in a thread.

    Raises:
        StoreDamaged: the queue file is damaged.
        AlreadyThere: there is something called `target`.
        StoreUnwritable: it cannot be written, or the disk is full.
        StoreError: something else went wrong; nothing is left of the copy.
        GivenUp: `stop` was set.
    """
    _refuse_existing(target)
    made = place.copying(target)
    try:
        contents = make_copy(driver, source, made, marks={"backup_at": now}, stop=stop)
        # A day from now is told by this: `backups.is_due`.
        os.utime(made, (now, now))
        _refuse_existing(target)
        made.replace(target)
        force_folder_to_disk(target.parent)
        size = place.size(target)
    except StoreDamaged as error:
        raise StoreDamaged(error.message, remedy=_NO_COPY) from error
    except OSError as error:
        raise StoreUnwritable(f"{target} cannot be written ({error.strerror or error}).") from error
    finally:
        place.remove(made)
    return Backup(
        path=str(target), at=now, size_bytes=size, requests=contents.requests, unfinished=contents.unfinished
    )


def make_copy(driver: Driver, source: Path, made: Path, *, marks: Marks, stop: threading.Event) -> Contents:
    """Makes `made` a copy of a queue file, with `marks`, checks it and forces it to the disk.

    Raises:
        StoreError, OSError, GivenUp: as `back_up`; something may be left of `made`.
    """
    place.remove(made)
    _check_room(source, made)
    os.close(os.open(made, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    try:
        contents = _copy(driver, source, made, marks, stop)
        _check(driver, source, made, contents)
    except driver.error as error:
        explained = driver.explain(error, source)
        # What was read may be damaged; all else is about what was written.
        raise explained if isinstance(explained, StoreDamaged) else driver.explain(error, made) from error
    force_to_disk(made)
    return contents


def _refuse_existing(target: Path) -> None:
    if target.exists():
        raise AlreadyThere(f"A copy is not written over {target}.")


def _check_room(source: Path, made: Path) -> None:
    needed = place.size(source) + place.log_size(source)
    free = shutil.disk_usage(made.parent).free
    if free < needed + SPARE:
        raise StoreUnwritable(
            f"There is not enough room for a copy in {made.parent}: it may take {needed >> 20} MB, "
            f"{SPARE >> 20} MB are to stay free, and {free >> 20} MB are.",
            remedy="Free some space, or choose another disk. The queue itself is not touched by this.",
        )


def _copy(driver: Driver, source: Path, made: Path, marks: Marks, stop: threading.Event) -> Contents:
    with closing(driver.reader(source)) as old, closing(driver.blank(made)) as new:
        old.execute("BEGIN")  # one moment for all steps: what is written meanwhile does not begin it anew
        contents = _count(old)
        old.backup(new, pages=_STEP, progress=partial(_go_on, stop), sleep=0)
        old.execute("ROLLBACK")
        # A single file: nothing beside it belongs to it.
        new.execute("PRAGMA journal_mode = DELETE").fetchone()
        for name, value in {**_IN_ORDER, **marks}.items():
            set_meta(new, name, value)
    return contents


def _go_on(stop: threading.Event, *_: int) -> None:
    if stop.is_set():
        raise GivenUp


def _check(driver: Driver, source: Path, made: Path, contents: Contents) -> None:
    """Opens the copy as any program would, and reads all of it."""
    opening.check_file(driver, made, newest=NEWEST)
    with closing(driver.reader(made)) as copy:
        (found,) = copy.execute("PRAGMA integrity_check(1)").fetchone()
        counted = _count(copy)
    if found != "ok":
        raise StoreDamaged(f"{source} is damaged ({found}).")
    if counted != contents:
        raise StoreError(f"The copy of {source} is not whole.", remedy="Check the disk, then try again.")


def _count(connection: Connection) -> Contents:
    tables = connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name")
    rows: dict[str, int] = {}
    for (name,) in tables.fetchall():
        if name != "meta":  # the copy has marks of its own
            (rows[name],) = connection.execute(f'SELECT count(*) FROM "{name}"').fetchone()
    return Contents(rows=rows)

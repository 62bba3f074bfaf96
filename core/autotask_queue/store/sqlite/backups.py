"""Copies of a queue file: those that are asked for, and one a day by itself.

The daily ones are beside the queue file and are counted on, so that a clock that is set wrong never makes an
old copy look like the newest: `queue.db.backup-0012-2026-03-01`.
"""

from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Final

from autotask_queue.model.backup import Backup
from autotask_queue.model.errors import StoreDamaged, StoreError, StoreUnwritable
from autotask_queue.store.sqlite import copying, place
from autotask_queue.store.sqlite.driver import Driver

KEPT: Final = 3
"""Daily copies that stay."""
DAY: Final = 86_400.0

_NAME: Final = re.compile(r"\.backup-(\d{4,})-\d{4}-\d\d-\d\d")


class Backups:
    """Makes copies of one queue file, one at a time; `ports.BackingUp` says what the methods do.

    `damage_met` is called when the file, or a copy of it, turns out to be damaged.
    """

    def __init__(self, driver: Driver, path: Path, *, damage_met: Callable[[], None]) -> None:
        self._driver = driver
        self._path = path
        self._damage_met = damage_met
        self._one_at_a_time = asyncio.Lock()
        self._stop = threading.Event()

    async def make(self, target: Path, *, now: float) -> Backup:
        """Copies the file to `target`, or into it if it is a folder.

        Raises:
            StoreError: see `copying.back_up`.
        """
        target = target.expanduser().absolute()
        if target.is_dir():
            stamp = datetime.fromtimestamp(now, UTC).strftime("%Y%m%d-%H%M%S")
            target = target / f"{self._path.stem}-{stamp}{self._path.suffix}"
        async with self._one_at_a_time:
            return await self._copy(target, now=now)

    async def make_daily(self, *, now: float) -> Backup | None:
        """Makes the copy of the day, if it is due, and forgets the oldest.

        Raises:
            StoreError: see `copying.back_up`; no older copy is removed then.
        """
        async with self._one_at_a_time:
            try:
                if not is_due(self._path, now=now):
                    return None
                sweep(self._path)
                made = await self._copy(next_copy(self._path, now=now), now=now)
                forget_old(self._path)
            except OSError as error:
                folder = self._path.parent
                raise StoreUnwritable(f"{folder} cannot be used ({error.strerror or error}).") from error
            return made

    async def _copy(self, target: Path, *, now: float) -> Backup:
        self._stop.clear()
        work = partial(copying.back_up, self._driver, self._path, target, now=now)
        try:
            return await copying.in_thread(work, self._stop)
        except StoreDamaged:
            self._damage_met()
            raise
        except copying.GivenUp as error:
            raise StoreError(
                "The queue was closed while it was being copied. Nothing is left of the copy.",
                remedy="Make the copy again when the queue is open.",
            ) from error

    async def close(self) -> None:
        """Gives up a copy that is being made, and returns when nothing is left of it."""
        self._stop.set()
        async with self._one_at_a_time:
            pass


def copies(database: Path) -> list[Path]:
    """The daily copies of a queue file, oldest first."""
    found: list[tuple[int, Path]] = []
    for path in database.parent.glob(f"{_escaped(database.name)}.backup-*"):
        match = _NAME.fullmatch(path.name[len(database.name) :])
        if match is not None:
            found.append((int(match[1]), path))
    return [path for _, path in sorted(found)]


def is_due(database: Path, *, now: float) -> bool:
    """Whether the newest copy is a day old, or from a time that is not now at all."""
    made = copies(database)
    return not made or abs(now - made[-1].stat().st_mtime) >= DAY


def next_copy(database: Path, *, now: float) -> Path:
    """What the next copy is called."""
    made = copies(database)
    last = _NAME.fullmatch(made[-1].name[len(database.name) :]) if made else None
    number = 1 + (int(last[1]) if last is not None else 0)
    day = datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%d")
    return database.with_name(f"{database.name}.backup-{number:04}-{day}")


def forget_old(database: Path) -> None:
    """Removes all but the newest copies.

    Raises:
        OSError: one cannot be removed.
    """
    for path in copies(database)[:-KEPT]:
        path.unlink(missing_ok=True)


def sweep(database: Path) -> None:
    """Removes what a program that was killed left of a daily copy.

    Raises:
        OSError: it cannot be removed.
    """
    for path in database.parent.glob(f"{_escaped(database.name)}.backup-*{place.COPYING}*"):
        path.unlink(missing_ok=True)


def _escaped(name: str) -> str:
    return re.sub(r"([*?[])", r"[\1]", name)

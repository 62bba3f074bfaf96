"""Looks for damage in a queue file that is in use; what it finds is mended at the next start."""

from __future__ import annotations

import asyncio
import logging
from functools import partial
from pathlib import Path

from autotask_queue.model.errors import StoreDamaged, StoreError
from autotask_queue.store.sqlite import reader
from autotask_queue.store.sqlite.driver import Driver
from autotask_queue.store.sqlite.reader import Reader

_log = logging.getLogger(__name__)


class FileCheck:
    """What is known of damage in one file. Work goes on with what can be read."""

    def __init__(self, driver: Driver, path: Path) -> None:
        self._driver = driver
        self._path = path
        self._task: asyncio.Task[None] | None = None
        self.damage = ""
        """What was found; closing the file tells the next start."""

    def start(self) -> None:
        """Checks the file in the background, unless that is being done."""
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._run(), name="queue file check")

    async def stop(self) -> None:
        """Ends a check."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.wait({task})

    def note(self, found: str) -> None:
        """Somebody met damage."""
        if not self.damage:
            _log.error("The queue file %s is damaged; the next start mends it. %s", self._path, found)
        self.damage = found

    async def _run(self) -> None:
        checker = Reader(self._driver, self._path)
        try:
            found = await checker.ask(partial(reader.one, "PRAGMA quick_check(1)", ()))
        except StoreDamaged as error:
            found = error.message
        except StoreError as error:
            _log.warning("The queue file could not be checked. %s", error.message)
            return
        finally:
            await checker.close()
        if found != "ok":
            self.note(str(found))

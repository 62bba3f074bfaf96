"""A SQLite connection in a thread of its own, on which whole functions run."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import aiosqlite

from autotask_queue.store.sqlite.driver import Connection

_T = TypeVar("_T")


class Channel(aiosqlite.Connection):
    """An aiosqlite connection that runs functions, not only statements, in its thread.

    A batch of a hundred operations then costs one hop to the thread instead of some hundred. A
    cancelled `run` leaves its function running to its end.
    """

    def __init__(self, connect: Callable[[], Connection]) -> None:
        super().__init__(connect, iter_chunk_size=64)

    async def run(self, function: Callable[[], _T]) -> _T:
        """What `function` returns or raises, called in the connection's thread."""
        # aiosqlite has no public call for this, and its protected one has been stable for years; a test
        # says so should it disappear.
        result: _T = await self._execute(function)  # type: ignore[no-untyped-call]
        return result

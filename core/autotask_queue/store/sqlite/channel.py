"""A SQLite connection in a thread of its own, on which whole functions run."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

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
        # A program that ends without closing its store must end: what was acknowledged is on the disk. Before
        # 0.22 a connection was its own thread.
        thread: Any = getattr(self, "_thread", self)
        thread.daemon = True

    async def run(self, function: Callable[[], _T]) -> _T:
        """What `function` returns or raises, called in the connection's thread."""
        # aiosqlite has no public call for this, and its protected one has been stable for years; a test
        # says so should it disappear.
        result: _T = await self._execute(function)  # type: ignore[no-untyped-call]
        return result

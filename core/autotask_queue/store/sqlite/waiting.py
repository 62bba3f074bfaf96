"""How many bytes the documents of unfinished requests take, without adding them up each time."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

from autotask_queue.store.sqlite import place


class WaitingBytes:
    """Of one file. `count` adds them up."""

    def __init__(self, path: Path, count: Callable[[], Awaitable[int]]) -> None:
        self._path = path
        self._count = count
        self._looked_at = 0
        self._beside = 0
        """Bytes of the file, when they were added up last, that were something else."""

    async def tell(self, *, at_least: int) -> int | None:
        """See `ports.Store.waiting_bytes`."""
        size = place.size(self._path)
        if size < self._looked_at:
            self._beside = 0  # the file was made smaller
        if size + place.log_size(self._path) < at_least + self._beside:
            return None
        taken = await self._count()
        # Not to be looked at again before the file has grown by what is missing.
        self._looked_at, self._beside = size, size - taken
        return taken if taken >= at_least else None

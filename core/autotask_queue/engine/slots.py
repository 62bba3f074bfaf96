"""How many calls may be out at a time, of all zones together: what is sent, and lookups of lost writes."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager


class Slots:
    """Counts calls. Whoever waits gets the next free slot, before anything new is claimed.

    Args:
        most: how many there are.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._taken = 0
        self._waiting: deque[asyncio.Future[None]] = deque()
        self.changed: Callable[[], None] = lambda: None
        """Called when somebody who waited, or had waited, for a slot does not need it any more."""

    @property
    def free(self) -> int:
        """How many may be taken now; none while anybody waits for one."""
        return max(0, self._most - self._taken)

    def take(self, count: int = 1) -> None:
        """Takes `count` free ones."""
        self._taken += count

    def give(self, count: int = 1) -> None:
        """Gives `count` back, first to those who wait."""
        self._taken -= count
        while self._waiting and self._taken < self._most:
            waiting = self._waiting.popleft()
            if not waiting.done():
                self._taken += 1
                waiting.set_result(None)

    @asynccontextmanager
    async def next(self) -> AsyncIterator[None]:
        """Waits for a slot and has it until the block ends."""
        if self.free:
            self._taken += 1
        else:
            await self._wait()
        try:
            yield
        finally:
            self.give()
            self.changed()

    async def _wait(self) -> None:
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self.give()  # it came in the same moment
            else:
                self._waiting.remove(turn)
            self.changed()
            raise

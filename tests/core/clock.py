"""A clock that tests move by hand. The loop's own time stays real, but nothing waits for it."""

from __future__ import annotations

import asyncio
import heapq
import itertools

SETTLE_ROUNDS = 60
"""Turns of the loop in which everything that is ready runs; the longest chain of awaits is shorter."""


class FakeClock:
    """Wall and monotonic time, movable apart: `jump` moves the wall clock alone."""

    def __init__(self, start: float = 1_800_000_000.0) -> None:
        self._wall = start
        self._mono = 1_000.0
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._order = itertools.count()

    def now(self) -> float:
        return self._wall

    def monotonic(self) -> float:
        return self._mono

    async def sleep(self, seconds: float) -> None:
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self._mono + max(0.0, seconds), next(self._order), future))
        await future

    def jump(self, seconds: float) -> None:
        """The wall clock is set forwards or back."""
        self._wall += seconds

    async def settle(self) -> None:
        """Lets everything that is ready run."""
        for _ in range(SETTLE_ROUNDS):
            await asyncio.sleep(0)

    async def advance(self, seconds: float) -> None:
        """Lets `seconds` pass, waking each sleeper at its time."""
        target = self._mono + seconds
        await self.settle()
        while self._sleepers and self._sleepers[0][0] <= target:
            at, _, future = heapq.heappop(self._sleepers)
            if future.done():
                continue
            self._move(at)
            future.set_result(None)
            await self.settle()
        self._move(target)
        await self.settle()

    def _move(self, mono: float) -> None:
        step = max(0.0, mono - self._mono)
        self._mono += step
        self._wall += step

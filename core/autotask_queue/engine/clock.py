"""The system's clocks, and the one way in which the engine waits."""

from __future__ import annotations

import asyncio
import time

from autotask_queue.ports import Clock


class SystemClock:
    """Real time."""

    def now(self) -> float:
        """Wall clock, seconds since the epoch."""
        return time.time()

    def monotonic(self) -> float:
        """Seconds that never run backwards."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Returns after so many `seconds`."""
        await asyncio.sleep(seconds)


async def wait_for(clock: Clock, event: asyncio.Event, seconds: float | None) -> bool:
    """Waits until `event` is set (True) or `seconds` have passed on `clock` (False).

    None waits for the event alone. Cancelling the wait leaves nothing running.
    """
    if event.is_set():
        return True
    if seconds is None:
        await event.wait()
        return True
    waiter = asyncio.ensure_future(event.wait())
    sleeper = asyncio.ensure_future(clock.sleep(max(0.0, seconds)))
    try:
        await asyncio.wait({waiter, sleeper}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        waiter.cancel()
        sleeper.cancel()
        await asyncio.gather(waiter, sleeper, return_exceptions=True)
    return event.is_set()

"""Refuses loudly when the queue is full; nothing that is in it is ever dropped for room."""

from __future__ import annotations

from typing import Final

from autotask_queue.engine.context import Context
from autotask_queue.model.errors import QueueFull
from autotask_queue.model.events import QueueFullEvent
from autotask_queue.model.request import Request
from autotask_queue.model.status import OPEN, Effect
from autotask_queue.policy.schedule import BACKGROUND

WRITE_HEADROOM: Final = 10
"""Writes of people are taken up to this many times `max_size`."""
MOST_BYTES: Final = 1 << 30
"""Bytes of documents that may wait, where a store knows them: a laptop's disk holds other things, too."""

_LARGE: Final = (
    "Wait until some requests are sent, or cancel some with large documents, such as attachments: "
    "max_size does not change this. Nothing was dropped."
)


class Room:
    """How much more the queue takes."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx

    async def check(self, request: Request) -> None:
        """Refuses `request` if there is no room for it.

        Raises:
            QueueFull: `max_size` requests are unfinished, or ten times as many for a write that is no
                background work, or their documents take 1 GiB.
        """
        size = self._ctx.store.counters().count(*OPEN)
        by_person = request.effect is Effect.WRITE and request.priority > BACKGROUND
        limit = self._ctx.config.max_size * (WRITE_HEADROOM if by_person else 1)
        if size >= limit:
            self._say(size, None)
            raise QueueFull(f"{size:,} requests wait already; the limit is {limit:,}.")
        taken = await self._ctx.store.waiting_bytes(at_least=MOST_BYTES)
        if taken is not None:
            self._say(size, taken)
            raise QueueFull(
                f"The documents of the {size:,} requests that wait take {taken >> 20:,} MB already; "
                f"the limit is {MOST_BYTES >> 20:,} MB.",
                remedy=_LARGE,
            )

    def _say(self, size: int, taken: int | None) -> None:
        self._ctx.bus.publish(QueueFullEvent(at=self._ctx.clock.now(), size=size, size_bytes=taken))

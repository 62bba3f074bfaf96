"""What a store does by itself while it is open: hears of others' changes, and shows that its worker lives."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable
from typing import Final

from autotask_queue.model.errors import StoreError
from autotask_queue.ports import News
from autotask_queue.store.redis.batches import operation
from autotask_queue.store.redis.failures import explain
from autotask_queue.store.redis.link import Link
from autotask_queue.store.redis.rows import number
from autotask_queue.store.redis.view import View
from autotask_queue.store.redis.writer import Writer

HEARTBEAT: Final = 30.0
"""Seconds between signs of life, and between looks for what nobody told us of."""
_LISTEN: Final = 20.0
_FIRST_PAUSE: Final = 0.2
_LONGEST_PAUSE: Final = 5.0
_BETWEEN_LOOKS: Final = 0.01
"""Seconds between two looks at the counters while news keep coming."""

_log = logging.getLogger(__name__)


class Watch:
    """Runs until cancelled. A message is only a hint: what counts is read from the server.

    Args:
        link: the server.
        writer: asks it.
        view: what is known.
        lease: seconds that a claimed request is its worker's without a sign of life.
        tell: called after others' changes have joined the view.
    """

    def __init__(
        self, link: Link, writer: Writer, view: View, *, lease: float, tell: Callable[[News], None]
    ) -> None:
        self._link = link
        self._writer = writer
        self._view = view
        self._tell = tell
        self._beat = min(HEARTBEAT, lease / 4)
        self._stirred = asyncio.Event()

    async def run(self) -> None:
        """Listens and looks."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._listen())
            group.create_task(self._look())

    # -- listening

    async def _listen(self) -> None:
        pause = _FIRST_PAUSE
        failures = 0
        while True:
            try:
                listener = self._link.listener()
                if listener is None:  # this kind of client cannot: looking now and then has to do
                    return
                async with listener:
                    await listener.subscribe(self._link.channel)
                    if failures > 1:
                        _log.info("%s is back", self._link.address.shown)
                    pause, failures = _FIRST_PAUSE, 0
                    self._stirred.set()  # what was said while nobody listened
                    while True:
                        self._hear(await listener.get_message(timeout=_LISTEN))
            except self._link.errors as error:
                failures += 1
                if failures == 2:  # one lost connection is nothing to speak of
                    _log.warning("%s", explain(error, self._link.address).message)
            await asyncio.sleep(pause)
            pause = min(_LONGEST_PAUSE, pause * 2)

    def _hear(self, message: dict[str, bytes] | None) -> None:
        if message is not None and not message["data"].startswith(self._writer.name.encode()):
            self._stirred.set()

    # -- looking

    async def _look(self) -> None:
        loop = asyncio.get_running_loop()
        next_beat = loop.time() + self._beat
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout_at(next_beat):
                    await self._stirred.wait()
            self._stirred.clear()
            try:
                if loop.time() >= next_beat:
                    next_beat = loop.time() + self._beat
                    await self._show_life()
                else:
                    await self._writer.one(operation("sync"))
                self._tell(News.WORK)
            except StoreError as error:
                _log.debug("not looked this time: %s", error.message)
            await asyncio.sleep(_BETWEEN_LOOKS)

    async def _show_life(self) -> None:
        """Keeps the leases of what is being sent here, and takes up what dead workers left."""
        held = [(str(s.request.seq), str(s.request.fence)) for s in self._view.in_flight.values()]
        beat, left = await self._writer.run(
            [operation("heartbeat", held), operation("recover", number(time.time()))]
        )
        lost = {int(seq) for seq in beat[0]}
        for stored in list(self._view.in_flight.values()):
            if stored.request.seq in lost:
                del self._view.in_flight[stored.request.id]
                _log.warning("Request %d is not this worker's any more.", stored.request.seq)
        (seqs, _), reply = left
        self._view.consequences.extend(reply.rows[seq].request for seq in seqs)

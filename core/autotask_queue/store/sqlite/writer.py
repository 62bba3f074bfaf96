"""Group commit: whatever waits while one commit is on its way to the disk goes into the next.

There is no timer. A lone caller is served at once; a hundred share one flush of the disk.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final

from autotask_queue.model.errors import StoreError
from autotask_queue.store.sqlite.channel import Channel
from autotask_queue.store.sqlite.session import Operation, Published, Session

MAX_BATCH: Final = 1_000
"""Operations in one transaction."""

_log = logging.getLogger(__name__)


class _Call:
    """One caller's operations, which may be spread over several transactions."""

    __slots__ = ("_left", "future", "outcomes")

    def __init__(self, future: asyncio.Future[list[Any]], size: int) -> None:
        self.future = future
        self.outcomes: list[Any] = [None] * size
        self._left = size

    def settle(self, place: int, outcome: Any) -> None:
        self.outcomes[place] = outcome
        self._left -= 1
        if not self._left and not self.future.done():
            self.future.set_result(self.outcomes)

    def fail(self, error: BaseException) -> None:
        if not self.future.done():
            self.future.set_exception(error)


_Waiting = tuple[Operation, _Call, int]


class Writer:
    """Runs operations in transactions, in the order in which they come.

    A cancelled caller's operations still run. When one fails by a defect of ours, everybody in its
    transaction gets that exception, nothing of it is stored, and the writer goes on.
    """

    def __init__(self, channel: Channel, session: Session, publish: Callable[[Published], None]) -> None:
        self._channel = channel
        self._session = session
        self._publish = publish
        self._loop = asyncio.get_running_loop()
        self._waiting: deque[_Waiting] = deque()
        self._in_flight: list[_Waiting] = []
        self._task: asyncio.Task[None] | None = None
        self._closed = False

    async def run(self, operations: Sequence[Operation]) -> list[Any]:
        """The results, or the `QueueError` each was refused with; durable when it returns.

        Raises:
            StoreError: the storage failed; what this call wanted is not stored.
        """
        if self._closed:
            raise StoreError("The queue file is not open.", remedy="Open the queue first.")
        if not operations:
            return []
        call = _Call(self._loop.create_future(), len(operations))
        for place, operation in enumerate(operations):
            self._waiting.append((operation, call, place))
        if self._task is None:
            self._start()
        return await call.future

    async def checkpoint(self) -> None:
        """Writes the log back now, as far as readers allow.

        Raises:
            StoreError: the disk refused; nothing is lost.
        """
        await self._channel.run(self._session.checkpoint)

    async def shrink(self) -> bool:
        """Gives a slice of unused room back; True while there is more.

        Raises:
            StoreError: the disk refused; nothing is lost.
        """
        return await self._channel.run(self._session.shrink)

    async def close(self) -> None:
        """Takes nothing more and waits until all that was taken is on the disk."""
        self._closed = True
        while self._task is not None:
            await asyncio.wait({self._task})

    def _start(self) -> None:
        if self._task is None and self._waiting:
            self._task = self._loop.create_task(self._flush(), name="queue file writer")
            self._task.add_done_callback(self._flushed)

    def _flushed(self, task: asyncio.Task[None]) -> None:
        """The task ended: because nothing waits any more, or by an exception of one transaction."""
        self._task = None
        if task.cancelled():
            for _, call, _ in (*self._in_flight, *self._waiting):
                call.future.cancel()
            self._waiting.clear()
            return
        error = task.exception()
        if error is not None:
            if not self._in_flight:
                _log.error("The writer failed between two transactions.", exc_info=error)
            for _, call, _ in self._in_flight:
                call.fail(error)
            self._in_flight = []
        self._start()

    async def _flush(self) -> None:
        while self._waiting:
            self._in_flight = [self._waiting.popleft() for _ in range(min(len(self._waiting), MAX_BATCH))]
            operations = [operation for operation, _, _ in self._in_flight]
            done = await self._channel.run(partial(self._session.run, operations))
            self._publish(done.published)
            batch, self._in_flight = self._in_flight, []
            self._waiting.extendleft(reversed(batch[len(done.outcomes) :]))
            for (_, call, place), outcome in zip(batch, done.outcomes, strict=False):
                call.settle(place, outcome)
            if self._session.log.is_large:
                await self._care(self._session.checkpoint)
            elif self._session.log.is_tight:
                await self._care(self._session.make_room)
            elif not self._waiting:
                # Who was answered often comes straight back: into the next transaction, not into a new task.
                await asyncio.sleep(0)

    async def _care(self, for_log: Callable[[], None]) -> None:
        # After the callers were answered: what it says is no news for them.
        try:
            await self._channel.run(for_log)
        except StoreError as error:
            _log.warning("The log could not be written back yet; nothing is lost. %s", error.message)

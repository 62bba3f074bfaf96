"""Group commit: whatever waits while one batch is on its way goes into the next, in one call of the script.

There is no timer. A lone caller is served at once; a hundred share one round trip, and one flush of the
server's disk. When the connection breaks, the same batch is sent again under the same number: the script
does it once, and answers again.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, Final

from autotask_queue.model.errors import StoreError
from autotask_queue.store.redis.batches import Operation, Reply, pack
from autotask_queue.store.redis.failures import explain, is_passing
from autotask_queue.store.redis.link import Link
from autotask_queue.store.redis.scripts import write_script
from autotask_queue.store.redis.sealing import Seal

MAX_BATCH: Final = 64
"""Operations in one call: while it runs, the server does nothing else."""
MAX_BATCH_BYTES: Final = 4 << 20
PATIENCE: Final = 8.0
_FIRST_PAUSE: Final = 0.05
_LONGEST_PAUSE: Final = 1.0

Answer = tuple[Any, Reply]
"""An operation's answer, and the reply that it came with."""

_log = logging.getLogger(__name__)


class _Call:
    """One caller's operations. They stay together in one batch."""

    __slots__ = ("future", "operations")

    def __init__(self, operations: Sequence[Operation], future: asyncio.Future[list[Answer]]) -> None:
        self.operations = operations
        self.future = future

    def settle(self, answers: list[Answer]) -> None:
        if not self.future.done():
            self.future.set_result(answers)

    def fail(self, error: BaseException) -> None:
        if not self.future.done():
            self.future.set_exception(error)


class Writer:
    """Sends operations in batches, in the order in which they come.

    A cancelled caller's operations still run.

    Args:
        link: the server.
        seal: how what is stored is written.
        name: the writer's own; nobody else uses it.
        lease: seconds that a claimed request is its worker's without a sign of life.
        patience: seconds in which the server may restart, or fail over, without a caller noticing.
        publish: takes over what a batch changed, before its callers hear of it.
    """

    def __init__(
        self,
        link: Link,
        seal: Seal,
        *,
        name: str,
        lease: float,
        patience: float,
        publish: Callable[[Reply], None],
    ) -> None:
        self.name = name
        self._link = link
        self._seal = seal
        self._lease = int(lease * 1000)
        self._patience = patience
        self._publish = publish
        self._waiting: deque[_Call] = deque()
        self._in_flight: list[_Call] = []
        self._task: asyncio.Task[None] | None = None
        self._closed = False
        self._away = False
        self._number = 0
        self._version = -1

    async def run(self, operations: Sequence[Operation]) -> list[Answer]:
        """The answers; as durable as the server makes it when it returns.

        Up to `MAX_BATCH` operations are done together; nobody else's come between them.

        Raises:
            StoreError: the server did not answer; what this call wanted may be done all the same.
        """
        answers: list[Answer] = []
        for start in range(0, len(operations), MAX_BATCH):
            if self._closed:
                raise StoreError("The queue is not open.", remedy="Open the queue first.")
            future: asyncio.Future[list[Answer]] = asyncio.get_running_loop().create_future()
            self._waiting.append(_Call(operations[start : start + MAX_BATCH], future))
            self._start()
            answers += await future
        return answers

    async def one(self, operation: Operation) -> Answer:
        """The answer of a single operation; see `run`."""
        (answer,) = await self.run((operation,))
        return answer

    async def close(self) -> None:
        """Takes nothing more and waits until all that was taken is done."""
        self._closed = True
        while self._task is not None:
            await asyncio.wait({self._task})

    # -- batches

    def _start(self) -> None:
        if self._task is None and self._waiting:
            self._task = asyncio.get_running_loop().create_task(self._flush(), name="redis queue writer")
            self._task.add_done_callback(self._flushed)

    def _flushed(self, task: asyncio.Task[None]) -> None:
        """The task ended: because nothing waits any more, or by an exception of one batch."""
        self._task = None
        if task.cancelled():
            for call in (*self._in_flight, *self._waiting):
                call.future.cancel()
            self._waiting.clear()
            return
        error = task.exception()
        if error is not None:
            if not self._in_flight:
                _log.error("The writer failed between two batches.", exc_info=error)
            for call in self._in_flight:
                call.fail(error)
            self._in_flight = []
        self._start()

    async def _flush(self) -> None:
        while self._waiting:
            self._take()
            reply = await self._send([call.operations for call in self._in_flight])
            self._version = reply.version
            self._publish(reply)
            calls, self._in_flight = self._in_flight, []
            answers = iter(reply.answers)
            for call in calls:
                call.settle([(next(answers), reply) for _ in call.operations])

    def _take(self) -> None:
        """Moves what goes into the next batch."""
        count = size = 0
        while self._waiting and count < MAX_BATCH and size < MAX_BATCH_BYTES:
            call = self._waiting.popleft()
            self._in_flight.append(call)
            count += len(call.operations)
            size += sum(len(document) for one in call.operations for document in one.documents)

    async def _send(self, calls: Sequence[Sequence[Operation]]) -> Reply:
        self._number += 1
        arguments = pack(
            calls,
            writer=self.name,
            number=self._number,
            version=self._version,
            lease=self._lease,
            key=self._seal.key_id,
        )
        loop = asyncio.get_running_loop()
        deadline = loop.time() + (0.0 if self._away else self._patience)
        pause = _FIRST_PAUSE
        while True:
            try:
                reply = Reply(await self._link.run(write_script(), arguments), self._seal)
            except self._link.errors as error:
                if not is_passing(error) or loop.time() + pause > deadline:
                    self._away = is_passing(error)
                    raise explain(error, self._link.address) from error
                await self._link.reconnect()
            else:
                self._away = False
                return reply
            await asyncio.sleep(pause)
            pause = min(_LONGEST_PAUSE, pause * 2)

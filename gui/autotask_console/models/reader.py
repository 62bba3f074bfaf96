"""Asks the queue for vectors and rows, off the loop's time, and brings them to the model."""

from __future__ import annotations

import asyncio
from array import array
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from time import monotonic
from typing import TYPE_CHECKING, Any

import msgspec

from autotask_console.models.requests import PAGE, RequestTableModel
from autotask_console.models.vector import LONG, Listing, Order, compare
from autotask_console.text import tr
from autotask_queue import RequestFilter, Sort, SortField

if TYPE_CHECKING:
    from autotask_console.runtime.tasks import Tasks
    from autotask_queue import QueueManager

FIRST = 512
"""So many rows are shown before the rest of a long list is known."""


@dataclass(frozen=True, kw_only=True)
class Answer:
    """A listing, and what it is the answer to. `complete` is false for the first rows of a long list."""

    question: object
    listing: Listing
    order: Order
    complete: bool
    seconds: float


def order_of(sort: Sort) -> Order:
    """What a sort means for the vector."""
    if sort.field is not SortField.SEQ:
        return Order.OTHER
    return Order.ASCENDING if sort.direction == "asc" else Order.DESCENDING


class Reader:
    """Reads for one model. `answered(Answer)` is called for the newest question only.

    Asking another question cancels the reading for the old one; asking the same one while it is read
    makes one more reading after it. `selected` tells which rows a new vector must find again. When a
    reading fails, `failed(error, what was being done)` is called and the old rows stay.
    """

    def __init__(
        self,
        queue: QueueManager,
        tasks: Tasks,
        model: RequestTableModel,
        *,
        answered: Callable[[Answer], None],
        failed: Callable[[BaseException, str], None],
        selected: Callable[[], Collection[int]],
    ) -> None:
        self._queue = queue
        self._tasks = tasks
        self._model = model
        self._answered = answered
        self._failed = failed
        self._selected = selected
        self._question: object = None
        self._filters: tuple[RequestFilter, ...] = ()
        self._again = False
        self._task: asyncio.Task[Any] | None = None
        model.wanted.connect(self._read_rows)

    @property
    def busy(self) -> bool:
        """Whether a vector is being read."""
        return self._task is not None and not self._task.done()

    def ask(self, question: object, filters: tuple[RequestFilter, ...]) -> None:
        """Reads the vector of disjoint `filters`, all with the same sort."""
        same = question == self._question
        self._question, self._filters = question, filters
        if self.busy and same:
            self._again = True
            return
        self.stop()
        self._task = self._tasks.start(
            self._list(fresh=not same), what=tr("read the list"), on_error=self._failed
        )

    def stop(self) -> None:
        """Ends the reading of a vector."""
        self._again = False
        if self._task is not None and self.busy:
            self._task.cancel()
        self._task = None

    async def _list(self, *, fresh: bool) -> None:
        question, filters = self._question, self._filters
        if fresh and len(filters) == 1:
            limited = msgspec.structs.replace(filters[0], limit=FIRST)
            if await self._read(question, (limited,), complete_below=FIRST):
                return
        await self._read(question, filters)
        while self._again:
            self._again = False
            await self._read(self._question, self._filters)

    async def _read(
        self, question: object, filters: tuple[RequestFilter, ...], *, complete_below: int | None = None
    ) -> bool:
        start = monotonic()
        parts = [await self._queue.index(f) for f in filters]
        complete = complete_below is None or sum(map(len, parts)) < complete_below
        order = order_of(filters[0].sort) if filters else Order.DESCENDING
        listing = await self._compare(parts, order)
        self._answered(
            Answer(
                question=question,
                listing=listing,
                order=order,
                complete=complete,
                seconds=monotonic() - start,
            )
        )
        return complete

    async def _compare(self, parts: Sequence[array[int]], order: Order) -> Listing:
        model = self._model

        def work() -> Listing:
            return compare(parts, order, base=base, newest=newest, wanted=wanted)

        base, newest, wanted = model.vector, model.newest, {*self._selected()}
        if sum(map(len, parts)) + len(base) < LONG:
            return work()
        return await asyncio.get_running_loop().run_in_executor(None, work)

    def _read_rows(self, seqs: list[int]) -> None:
        self._tasks.start(self._fill(seqs), what=tr("read rows"), on_error=self._failed)

    async def _fill(self, seqs: Sequence[int]) -> None:
        for start in range(0, len(seqs), PAGE):
            rows = await self._queue.rows(seqs[start : start + PAGE])
            self._model.fill(rows)

"""What a store knows without asking: counters, the last number, what comes due, who is being sent."""

from __future__ import annotations

from collections import deque
from typing import Final

from autotask_queue.model.metrics import Counters
from autotask_queue.model.request import Request, RequestId
from autotask_queue.model.status import OPEN, Status
from autotask_queue.store.cells import CellKey
from autotask_queue.store.limits import MAX_CONSEQUENCES
from autotask_queue.store.redis.batches import Reply, counters
from autotask_queue.store.redis.rows import Stored

_NONE: Final = -1


class View:
    """Exact as of the last answer; others' changes join it with the next one."""

    def __init__(self) -> None:
        self.cells: dict[CellKey, int] = {}
        self.max_seq = 0
        self.next_due: float | None = None
        self.epoch = _NONE
        """Of the controls (pauses, holds): it rises when anybody changes one."""
        self.seen_epoch = _NONE
        """The latest that the engine was told of."""
        self.in_flight: dict[RequestId, Stored] = {}
        """What this store has claimed and not settled, as it was claimed."""
        self.consequences: deque[Request] = deque(maxlen=MAX_CONSEQUENCES)
        self._counters: Counters | None = None

    def take(self, reply: Reply) -> None:
        """Takes over what a reply brought."""
        if reply.update(self.cells):
            self._counters = None
        self.max_seq = reply.last_seq
        self.next_due = reply.next_due
        if self.seen_epoch == _NONE:  # nothing has been read yet
            self.seen_epoch = reply.epoch
        self.epoch = reply.epoch
        for request in reply.consequences():
            self.consequences.append(request)
            if request.status is not Status.PROCESSING:  # it went along with another
                self.in_flight.pop(request.id, None)

    def counters(self) -> Counters:
        """The counters, put together when first asked for."""
        if self._counters is None:
            self._counters = counters(self.cells)
        return self._counters

    def priorities(self) -> dict[int, int]:
        """How many unfinished requests there are of each priority."""
        counts: dict[int, int] = {}
        for (_, _, status, priority), count in self.cells.items():
            if status in OPEN:
                counts[priority] = counts.get(priority, 0) + count
        return counts

    def keep(self, stored: Stored) -> None:
        """Remembers a request just claimed, or how it stands; forgets it when it is not sent any more."""
        if stored.request.status is Status.PROCESSING:
            self.in_flight[stored.request.id] = stored
        else:
            self.in_flight.pop(stored.request.id, None)

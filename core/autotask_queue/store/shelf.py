"""What a ledger needs of the place where requests are kept."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from autotask_queue.model.request import AuditEntry, Request, RequestId
from autotask_queue.model.status import Status
from autotask_queue.model.work import Turn
from autotask_queue.ports import AttemptRecord
from autotask_queue.store.flights import Followed
from autotask_queue.store.picking import Ready
from autotask_queue.store.ranks import Ranked

Front = tuple[int, int | None]
"""One request of a lane: its `seq` and what it waits for."""


class Shelf(Ready, Ranked, Followed, Protocol):
    """Where a ledger keeps its rows. `waits` is explained in `rules`, the rank in `ranks`."""

    # requests
    def next_seq(self) -> int: ...
    def insert(self, request: Request, waits: int | None) -> None: ...
    def replace(self, before: Request, after: Request, waits: int | None) -> None:
        """Stores `after`; finished requests go to the history, others come back from it."""
        ...

    def waits(self, seq: int) -> int | None: ...
    def set_waits(self, request: Request, waits: int) -> None: ...
    def in_status(self, status: Status) -> list[Request]: ...
    def open_with_dedup_key(self, key: str) -> RequestId | None: ...

    # lanes
    def lane_front(self, lane: str, *, besides: int = 0) -> list[Front]:
        """The first two that block the lane, by `seq`, leaving out one."""
        ...

    def lane_busy(self, lane: str, *, besides: int = 0) -> bool: ...

    # parents
    def add_parents(self, seq: int, parents: Sequence[RequestId]) -> None: ...
    def open_parents(self, seq: int) -> list[Status | None]:
        """Statuses of the parents not completed so far; None for one that never existed."""
        ...

    def forget_parent(self, parent: RequestId) -> None:
        """It is completed: nobody waits for it any more."""
        ...

    # what is ready, what comes due, whose turn it is
    def ready_beside(self, lead: Request, *, now: float, limit: int) -> list[int]:
        """The `seq` of those that are ready and may share its call, as `ports.Companions` says."""
        ...

    def due(self, now: float) -> list[int]:
        """The `seq` of those whose `rules.due_at` has come, by that time and `seq`."""
        ...

    def next_due(self) -> float | None: ...
    def turn(self) -> Turn: ...
    def keep_turn(self, turn: Turn) -> None: ...

    # attempts and audit
    def next_attempts(self, seqs: Sequence[int]) -> dict[int, int]:
        """The number that the next attempt of each request has, from 1."""
        ...

    def open_attempt(self, seq: int, number: int, *, started_at: float) -> None:
        """Starts a running attempt."""
        ...

    def end_attempt(self, seq: int, record: AttemptRecord) -> int:
        """Ends the running attempt, or adds a whole one; its number."""
        ...

    def add_audit(self, entry: AuditEntry) -> None: ...

"""Work that could be done next, as the stores offer it, and the terms by which it is chosen."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from autotask_queue.model.status import Effect


class Head(msgspec.Struct, frozen=True, kw_only=True):
    """A ready request that could be the next of its zone, endpoint and priority: the oldest or the newest."""

    zone: str
    entity: str
    priority: int
    """That of the most urgent request that waits for this one, if it is higher than its own."""
    seq: int
    enqueued_at: float
    """`created_at` of the request, seconds since the epoch."""
    effect: Effect = Effect.WRITE


class Rule(StrEnum):
    """How a claim chooses among heads."""

    FIFO = "fifo"
    PRIORITY = "priority"
    WEIGHTED = "weighted"


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """The terms of one claim: what a strategy comes down to. See `policy.schedule` for what each does.

    `head_starts` are seconds by priority, from 1 on; `costs` by class, from the least urgent on: how far a
    request of that class moves its class back, 1 / weight in whole numbers.
    """

    rule: Rule = Rule.PRIORITY
    head_starts: tuple[float, ...] = ()
    costs: tuple[int, ...] = ()
    newest_reads: bool = False
    """Reads go the newest first, but for every fourth."""
    background_after: float = 0.0
    """Background requests wait until they are this many seconds old."""


class Turn(msgspec.Struct, frozen=True, kw_only=True):
    """What the strategies remember from one claim to the next. Kept with the requests, over restarts."""

    reads: int = 0
    """Reads chosen since the last that went because it was the oldest."""
    clock: int = 0
    """Virtual time: where the class that was served last began."""
    ends: tuple[int, ...] = ()
    """By class, where its last request ended; empty before the first."""

"""What to look for: filters over requests, and selections that cannot grow."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

import msgspec

from autotask_queue.model.request import RequestId
from autotask_queue.model.status import Effect, Reason, Status


class SortField(StrEnum):
    """What a list can be sorted by."""

    SEQ = "seq"
    """Order of arrival."""
    PRIORITY = "priority"
    CREATED = "created_at"
    UPDATED = "updated_at"
    FINISHED = "finished_at"
    STATUS = "status"
    ATTEMPTS = "attempts"
    SUMMARY = "summary"
    ZONE = "zone"


class Sort(msgspec.Struct, frozen=True, kw_only=True):
    """Ties are broken by `seq` in the same direction."""

    field: SortField = SortField.SEQ
    """What to sort by."""
    direction: Literal["asc", "desc"] = "asc"
    """asc or desc."""


class Range(msgspec.Struct, frozen=True, kw_only=True):
    """Both ends are included; None leaves an end open. Times are seconds since the epoch."""

    min: float | None = None
    """The smallest value."""
    max: float | None = None
    """The largest value."""


class RequestFilter(msgspec.Struct, frozen=True, kw_only=True):
    """All given conditions must hold; a tuple means any of its values.

    `text` is looked for, case-insensitively, in the summary, the endpoint, ids and titles; several
    words must all occur. `not_*` exclude. `limit` None means all; `cursor` is the `seq` after which
    to go on (only with the default sort field).
    """

    status: tuple[Status, ...] = ()
    """In one of these statuses."""
    not_status: tuple[Status, ...] = ()
    """In none of these."""
    reason: tuple[Reason, ...] = ()
    """For one of these reasons."""
    zone: tuple[str, ...] = ()
    """Of one of these zones."""
    entity: tuple[str, ...] = ()
    """Of one of these entities."""
    endpoint: str | None = None
    """Exactly this path."""
    method: tuple[str, ...] = ()
    """With one of these HTTP methods."""
    effect: tuple[Effect, ...] = ()
    """Reads, or writes."""
    ids: tuple[RequestId, ...] = ()
    """With one of these ids."""
    lane: str | None = None
    """Of this lane."""
    priority: Range | None = None
    """With a priority in this range."""
    created: Range | None = None
    """Stored in this time."""
    scheduled: Range | None = None
    """Due in this time."""
    finished: Range | None = None
    """Ended in this time."""
    attempts: Range | None = None
    """With so many tries."""
    http_status: tuple[int, ...] = ()
    """Whose last answer was one of these."""
    text: str = ""
    sort: Sort = Sort()
    limit: int | None = None
    cursor: int | None = None

    def __post_init__(self) -> None:
        """Refuses one word where several may stand: it would be taken for its letters, and match nothing.

        Raises:
            TypeError: a word stands where a tuple of them must.
            ValueError: the limit is below 0.
        """
        for name in _SEVERAL:
            value = getattr(self, name)
            if isinstance(value, str):
                raise TypeError(f"{name} of a filter must be several, such as ({str(value)!r},)")
        if self.limit is not None and self.limit < 0:
            raise ValueError(f"the limit of a filter must not be below 0, got {self.limit}")


_SEVERAL = ("status", "not_status", "reason", "zone", "entity", "method", "effect", "ids")


class Selection(msgspec.Struct, frozen=True, kw_only=True):
    """All requests that match `filter` and were stored up to `max_seq`: it cannot grow later."""

    filter: RequestFilter
    max_seq: int


class BulkResult(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a command on many requests."""

    changed: int
    """How many were changed."""
    skipped: int
    """How many were left as they are."""
    skipped_why: str = ""
    """Why, of the first of them."""
    ids: tuple[RequestId, ...] = ()
    """The changed ones, at most 10,000; for undo."""

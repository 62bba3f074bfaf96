"""What to look for: filters over requests, and selections that cannot grow."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

import msgspec

from autotask_queue.model.request import RequestId, RequestRow
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


class Cursor(msgspec.Struct, frozen=True, kw_only=True):
    """A place in a sorted list: right behind the request with this `seq`, which had this `value`.

    `RequestFilter.after` makes one. It stays where it is whatever becomes of that request.
    """

    field: SortField = SortField.SEQ
    """What the list is sorted by."""
    value: int | float | str | None = None
    """The request's value of that field, as it was; not used for `seq`."""
    seq: int
    """The request's place in the order of arrival."""


class Range(msgspec.Struct, frozen=True, kw_only=True):
    """Both ends are included; None leaves an end open. Times are seconds since the epoch."""

    min: float | None = None
    """The smallest value."""
    max: float | None = None
    """The largest value."""


class RequestFilter(msgspec.Struct, frozen=True, kw_only=True):
    """All given conditions must hold; a tuple means any of its values.

    `text` is looked for, case-insensitively, in the summary, the endpoint, ids and titles; several
    words must all occur. `not_*` exclude. `limit` None means all; `cursor` is where to go on, for the next
    page: `query.after(page[-1])`. Pages are of one piece: whatever is added, changed or deleted meanwhile, a
    request whose value of the sort field stays is in exactly one of them.
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
    cursor: Cursor | None = None

    def __post_init__(self) -> None:
        """Refuses one word where several may stand: it would be taken for its letters, and match nothing.

        Raises:
            TypeError: a word stands where a tuple of them must.
            ValueError: the limit is below 0, or the cursor belongs to a list in another order.
        """
        for name in _SEVERAL:
            value = getattr(self, name)
            if isinstance(value, str):
                raise TypeError(f"{name} of a filter must be several, such as ({str(value)!r},)")
        if self.limit is not None and self.limit < 0:
            raise ValueError(f"the limit of a filter must not be below 0, got {self.limit}")
        if self.cursor is not None and self.cursor.field is not self.sort.field:
            raise ValueError(
                f"the cursor belongs to a list sorted by {self.cursor.field}, not by {self.sort.field}"
            )

    def after(self, last: RequestRow) -> RequestFilter:
        """The same filter for what comes behind `last`, the last request of a page."""
        field = self.sort.field
        value = None if field is SortField.SEQ else getattr(last, field.value)
        value = value.value if isinstance(value, Status) else value
        return msgspec.structs.replace(self, cursor=Cursor(field=field, value=value, seq=last.seq))


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

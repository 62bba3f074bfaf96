"""Requests, attempts and what comes of them: the values that the whole program speaks about."""

from __future__ import annotations

from enum import StrEnum
from typing import Any, NewType

import msgspec

from autotask_queue.model.failure import Failure
from autotask_queue.model.status import Effect, Reason, Status

RequestId = NewType("RequestId", str)
"""A UUIDv7 in its usual text form; made by the caller's side, so that enqueueing is idempotent."""

JSON = Any
"""A document of dict, list, str, int, float, bool and None."""

MIN_PRIORITY, NORMAL_PRIORITY, MAX_PRIORITY = 1, 5, 10
"""Priorities go from 1 to 10, 10 first; 5 where none is given."""


class Durability(StrEnum):
    """What an acknowledged request survives."""

    MEMORY = "memory"
    """Nothing: it is gone with the process."""
    SQLITE_FSYNC = "sqlite-fsync"
    """A killed process and a power cut."""
    REDIS_EVERYSEC = "redis-everysec"
    REDIS_FSYNC = "redis-fsync"


class OnDuplicate(StrEnum):
    """What becomes of a new request whose `dedup_key` an unfinished one has already."""

    REJECT = "reject"
    """It is refused; the error names the other."""
    REPLACE = "replace"
    """The other is cancelled in its favour, unless that one may have been sent already."""
    KEEP_FIRST = "keep_first"
    """It is not stored; its caller gets the receipt of the other."""


class Receipt(msgspec.Struct, frozen=True, kw_only=True):
    """Says that a request is stored, and how well."""

    id: RequestId
    """The request's id, for `result`."""
    seq: int
    """Its place in the order of arrival."""
    durability: Durability
    """What the request survives from here on."""
    status: Status
    """Where it stands: pending, deferred, or held."""
    duplicate: bool = False
    """True if a request with this id, or (`keep_first`) with its key, was stored already: nothing was added,
    and the receipt is that one's."""


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """What a processor got for a request."""

    status_code: int = 200
    """The HTTP status, or what a processor gave in its place."""
    body: JSON = None
    """The document that came back."""
    record_id: int | None = None
    """The id the server gave to a created or changed record."""
    adopted: bool = False
    """True if the reply was lost and the record was found by looking it up."""


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """How a request ended, or where it stands when the wait ran out."""

    id: RequestId
    """The request's id."""
    status: Status
    """How it ended, or where it stands."""
    reply: Reply | None = None
    """What came back, if it completed."""
    failure: Failure | None = None
    """What went wrong last, if something did."""

    @property
    def ok(self) -> bool:
        """Whether it completed."""
        return self.status is Status.COMPLETED


class RequestRow(msgspec.Struct, frozen=True, kw_only=True):
    """A request without its documents: what a list shows.

    Times are seconds since the epoch (wall clock, UTC). `attempts` counts those that used up a
    try; being offline or throttled uses none.
    """

    seq: int
    """Its place in the order of arrival, for its whole life."""
    id: RequestId
    """Its id."""
    status: Status
    """Where it stands."""
    zone: str
    """The connection it is for."""
    endpoint: str
    """Path below the zone's API root."""
    method: str
    """HTTP method."""
    effect: Effect
    """Whether it changes something."""
    entity: str
    """With `zone`, the endpoint for limits and holds, such as Tickets."""
    priority: int
    """1 to 10, 10 first."""
    summary: str
    """One line for people."""
    created_at: float
    """When it was stored."""
    updated_at: float
    """When it changed last."""
    attempts: int = 0
    """Tries used up so far."""
    max_retries: int = 3
    """Tries after the first."""
    lane: str | None = None
    """Writes with the same lane go one at a time, in order."""
    reason: Reason | None = None
    """Why it is where it is, beyond its status."""
    reason_text: str = ""
    """The same in words."""
    scheduled_at: float | None = None
    """Not before this time."""
    not_before: float | None = None
    """When the next try or look-up is due."""
    expires_at: float | None = None
    """Pointless after this time."""
    finished_at: float | None = None
    """When it ended."""
    http_status: int | None = None
    """Of the last answer."""
    failure_title: str = ""
    """Of the last failure."""
    record_id: int | None = None
    """Of the record that it created or changed."""
    actor: str = ""
    """Who added it."""


class Request(RequestRow, frozen=True, kw_only=True):
    """A request as stored.

    `marker` is what reconciliation looks for at the server (Autotask: the ticket's `externalID`).
    `fence` rises with each claim; a result of an older claim settles nothing.
    """

    data: JSON = None
    """The document to send."""
    headers: dict[str, str] = {}
    """Further headers."""
    metadata: dict[str, JSON] = {}
    """Kept with the request, not sent."""
    retryable: bool = True
    """False fails at the first failure."""
    batchable: bool = False
    """Whether it may share a call with others."""
    batch: str | None = None
    """Requests of one zone and endpoint with the same word may share a call; with None it goes alone."""
    merged_into: RequestId | None = None
    """Of an edit that went out as part of an earlier one, or a read that waits for the answer to one like it:
    that one. They end alike."""
    flight: str | None = None
    """Of a read: unfinished ones with the same word are sent as one. With None it is always sent itself."""
    timeout: float | None = None
    """Seconds one attempt may take; the configured ones if None."""
    dedup_key: str | None = None
    """No two unfinished requests have the same."""
    on_duplicate: OnDuplicate = OnDuplicate.REJECT
    """What was to happen if another had the same key."""
    digest: str = ""
    """Of what is sent, as it was submitted, where the caller chose the id: the same again is no new request,
    something else a mistake."""
    depends_on: tuple[RequestId, ...] = ()
    """Ids that must be completed first."""
    base: dict[str, JSON] | None = None
    """The edited fields as they were before the edit."""
    marker: str | None = None
    search_text: str = ""
    """What text search looks at."""
    fence: int = 0
    failure: Failure | None = None
    """Of the last failed try."""
    reply: Reply | None = None
    """What came back."""
    restore_to: Status | None = None
    """Of a cancelled request: the status an undo brings back."""


class AttemptKind(StrEnum):
    """What an attempt was for."""

    SEND = "send"
    LOOKUP = "lookup"
    """A question to the server whether an uncertain request arrived."""


class AttemptResult(StrEnum):
    """How an attempt ended."""

    RUNNING = "running"
    OK = "ok"
    FAILED = "failed"
    NOT_SENT = "not_sent"
    UNKNOWN = "unknown"
    FOUND = "found"
    ABSENT = "absent"


class Attempt(msgspec.Struct, frozen=True, kw_only=True):
    """One try to send a request, or one lookup of it. Times as in `RequestRow`."""

    number: int
    """Counted from 1."""
    kind: AttemptKind
    """To send it, or to look it up."""
    started_at: float
    """When it began."""
    ended_at: float | None = None
    """When it ended."""
    result: AttemptResult = AttemptResult.RUNNING
    """How it ended."""
    http_status: int | None = None
    """Of the answer."""
    failure: Failure | None = None
    """What went wrong."""
    note: str = ""
    """What else is worth knowing."""


class AuditEntry(msgspec.Struct, frozen=True, kw_only=True):
    """Who did what, when and why. `seq` is given by the store and orders the entries."""

    at: float
    """When, seconds since the epoch."""
    actor: str
    """Who."""
    kind: str
    """What, past tense: "completed", "cancelled", "edited", …"""
    zone: str = ""
    """Of which zone."""
    request_id: RequestId | None = None
    """Of which request."""
    origin: str = ""
    """The status before."""
    target: str = ""
    """The status after."""
    why: str = ""
    """The reason given."""
    detail: dict[str, JSON] = {}
    """Further facts, redacted."""
    seq: int = 0

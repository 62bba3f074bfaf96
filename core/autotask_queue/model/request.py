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


class Durability(StrEnum):
    """What an acknowledged request survives."""

    MEMORY = "memory"
    """Nothing: it is gone with the process."""
    SQLITE_FSYNC = "sqlite-fsync"
    """A killed process and a power cut."""
    REDIS_EVERYSEC = "redis-everysec"
    REDIS_FSYNC = "redis-fsync"


class Receipt(msgspec.Struct, frozen=True, kw_only=True):
    """Says that a request is stored, and how well."""

    id: RequestId
    seq: int
    durability: Durability
    status: Status
    duplicate: bool = False
    """True if a request with this id was stored already; nothing was added."""


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """What a processor got for a request."""

    status_code: int = 200
    body: JSON = None
    record_id: int | None = None
    """The id the server gave to a created or changed record."""
    adopted: bool = False
    """True if the reply was lost and the record was found by looking it up."""


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """How a request ended, or where it stands when the wait ran out."""

    id: RequestId
    status: Status
    reply: Reply | None = None
    failure: Failure | None = None

    @property
    def ok(self) -> bool:
        return self.status is Status.COMPLETED


class RequestRow(msgspec.Struct, frozen=True, kw_only=True):
    """A request without its documents: what a list shows.

    Times are seconds since the epoch (wall clock, UTC). `attempts` counts those that used up a
    try; being offline or throttled uses none.
    """

    seq: int
    id: RequestId
    status: Status
    zone: str
    endpoint: str
    method: str
    effect: Effect
    entity: str
    priority: int
    summary: str
    created_at: float
    updated_at: float
    attempts: int = 0
    max_retries: int = 3
    lane: str | None = None
    reason: Reason | None = None
    reason_text: str = ""
    scheduled_at: float | None = None
    not_before: float | None = None
    expires_at: float | None = None
    finished_at: float | None = None
    http_status: int | None = None
    failure_title: str = ""
    record_id: int | None = None
    actor: str = ""


class Request(RequestRow, frozen=True, kw_only=True):
    """A request as stored.

    `marker` is what reconciliation looks for at the server (Autotask: the ticket's `externalID`).
    `fence` rises with each claim; a result of an older claim settles nothing.
    """

    data: JSON = None
    headers: dict[str, str] = {}
    metadata: dict[str, JSON] = {}
    retryable: bool = True
    batchable: bool = False
    batch: str | None = None
    """Requests of one zone and endpoint with the same word may share a call; with None it goes alone."""
    merged_into: RequestId | None = None
    """Of an edit that went out as part of an earlier one: that one. They end alike."""
    timeout: float | None = None
    dedup_key: str | None = None
    depends_on: tuple[RequestId, ...] = ()
    base: dict[str, JSON] | None = None
    marker: str | None = None
    search_text: str = ""
    fence: int = 0
    failure: Failure | None = None
    reply: Reply | None = None
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
    kind: AttemptKind
    started_at: float
    ended_at: float | None = None
    result: AttemptResult = AttemptResult.RUNNING
    http_status: int | None = None
    failure: Failure | None = None
    note: str = ""


class AuditEntry(msgspec.Struct, frozen=True, kw_only=True):
    """Who did what, when and why. `seq` is given by the store and orders the entries."""

    at: float
    actor: str
    kind: str
    zone: str = ""
    request_id: RequestId | None = None
    origin: str = ""
    target: str = ""
    why: str = ""
    detail: dict[str, JSON] = {}
    seq: int = 0

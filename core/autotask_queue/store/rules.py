"""What a change does to a request: pure rules that every store shares.

Beside each request a store keeps what it still *waits* for, as a set of bits. A request is ready
when no bit is left; None means that it is not waiting to be sent at all.
"""

from __future__ import annotations

from collections.abc import Iterable
from operator import attrgetter
from typing import Any, Final

import msgspec

from autotask_queue.model.errors import DuplicateKey, IllegalTransition, InvalidRequest, RequestIdTaken
from autotask_queue.model.request import (
    JSON,
    AttemptKind,
    AttemptResult,
    OnDuplicate,
    Request,
    RequestId,
)
from autotask_queue.model.status import (
    LANE_BLOCKING,
    TERMINAL,
    Effect,
    Reason,
    Status,
    can_move,
    may_have_arrived,
)
from autotask_queue.ports import AttemptRecord, Change
from autotask_queue.store import flights

FOR_TIME: Final = 1
"""Retrying, and `not_before` has not come."""
FOR_LANE: Final = 2
"""It is another's turn: an earlier write of its lane is unfinished, one is on the wire or uncertain; or it is
a read that follows one like it."""
FOR_PARENT: Final = 4
"""A request it depends on is not completed."""

WAITING: Final = frozenset({Status.PENDING, Status.RETRYING})
BEFORE_PARENTS: Final = frozenset({Status.PENDING, Status.DEFERRED})
"""Where an unfinished parent is looked at."""
EXPIRING: Final = frozenset({Status.PENDING, Status.DEFERRED, Status.RETRYING})
ENTRY: Final = frozenset({Status.PENDING, Status.DEFERRED, Status.HELD})
"""The statuses in which a request may be added."""
BUSY: Final = frozenset({Status.PROCESSING, Status.UNCERTAIN})
"""While one request of a lane is in these, none of the lane may start."""
AFTER_UNKNOWN: Final = frozenset({Status.UNCERTAIN, Status.COMPLETED, Status.HELD, Status.FAILED})
"""What may become of a write that may have arrived, unless a person wants it sent again."""
PARENT_REASONS: Final = frozenset({Reason.PARENT_FAILED, Reason.PARENT_MISSING})
REPLACEABLE: Final = frozenset({Status.PENDING, Status.DEFERRED, Status.RETRYING, Status.HELD})
"""Where a request is surely not on its way, but for a held one that may have arrived."""

QUEUED: Final = WAITING | {Status.DEFERRED}
"""To be sent, or sent again: by itself, whatever it was merged into before."""

EDITABLE: Final = frozenset(
    {
        "base",
        "batch",
        "data",
        "effect",
        "endpoint",
        "entity",
        "expires_at",
        "flight",
        "headers",
        "lane",
        "marker",
        "max_retries",
        "metadata",
        "method",
        "search_text",
        "summary",
        "timeout",
    }
)
PAYLOAD: Final = (
    "base",
    "batchable",
    "data",
    "depends_on",
    "digest",
    "headers",
    "marker",
    "metadata",
    "on_duplicate",
    "retryable",
    "search_text",
    "timeout",
)
"""Fields that no list, sort or filter looks at: stores keep them as one encoded document."""


_DIRECT: Final = ("reason", "reason_text", "not_before", "scheduled_at", "priority")
"""Fields of a request that a change sets as they are."""
_direct_values = attrgetter(*_DIRECT)


class Payload(msgspec.Struct, frozen=True, omit_defaults=True):
    """The fields named in `PAYLOAD`, in its order, for encoding."""

    base: dict[str, JSON] | None = None
    batchable: bool = False
    data: JSON = None
    depends_on: tuple[str, ...] = ()
    digest: str = ""
    headers: dict[str, str] = {}
    marker: str | None = None
    metadata: dict[str, JSON] = {}
    on_duplicate: OnDuplicate = OnDuplicate.REJECT
    retryable: bool = True
    search_text: str = ""
    timeout: float | None = None


# ---------------------------------------------------------------------------------------------
# Facts about one request


def ordered_lane(request: Request) -> str | None:
    """The lane whose order binds this request; None for reads and requests without one."""
    return request.lane if request.effect is Effect.WRITE else None


def blocks_lane(request: Request) -> bool:
    """Whether later writes of its lane wait for it."""
    return request.status in LANE_BLOCKING and ordered_lane(request) is not None


def due_at(request: Request, waits: int | None) -> float | None:
    """When something happens to it by itself: it becomes ready or pending, or it expires.

    Seconds since the epoch; None if nothing will.
    """
    due = request.expires_at if request.status in EXPIRING else None
    at: float | None = None
    if request.status is Status.DEFERRED:
        at = request.scheduled_at or 0.0
    elif waits and waits & FOR_TIME:
        at = request.not_before
    if due is None or at is None:
        return at if due is None else due
    return min(due, at)


def haystack(request: Request) -> str:
    """What a text filter looks at, folded so that case does not matter."""
    # One expression: every stored request passes here.
    return (
        f"{request.summary}\n{request.search_text}\n{request.endpoint}\n{request.id}\n"
        f"{request.record_id or ''}\n{request.failure_title}"
    ).casefold()


def needles(text: str) -> list[str]:
    """The words of a text filter, folded like `haystack`; all must occur."""
    return text.casefold().split()


# ---------------------------------------------------------------------------------------------
# Changes


def check_new(request: Request) -> None:
    """Refuses what cannot be added.

    Raises:
        InvalidRequest: it is in a status in which nothing can be added.
    """
    if request.status not in ENTRY:
        raise InvalidRequest(f"A new request cannot be {request.status} from the start.")


def check_same(stored: Request, request: Request) -> None:
    """Refuses an id under which something else is stored. What people edited since does not count.

    Raises:
        RequestIdTaken: it is.
    """
    if stored.digest and request.digest and stored.digest != request.digest:
        raise RequestIdTaken(
            f"Request {stored.id} was stored with other content, so this one is not the same again."
        )


def key_taken(request: Request, holder: RequestId, status: Status | None = None) -> DuplicateKey:
    """What to say when `holder` has the key; with `status`, when it cannot be replaced because of that."""
    if status is None:
        return DuplicateKey(
            f"Request {holder} has the dedup_key {request.dedup_key!r} and is not finished.",
            request_id=holder,
        )
    return DuplicateKey(
        f"Request {holder} has the dedup_key {request.dedup_key!r}; it is {status} and may have been sent "
        "already, so it cannot be replaced.",
        request_id=holder,
        remedy="Wait until that one is finished, then add this one. Nothing was stored.",
    )


def is_replaceable(holder: Request) -> bool:
    """Whether a newer request with its key may take its place: it was surely not sent."""
    return holder.status in REPLACEABLE and not may_have_arrived(holder.status, holder.reason)


def replaced_by(request: Request, holder: RequestId, *, actor: str) -> Change:
    """The end of the request whose place `request` takes."""
    return Change(
        id=holder,
        kind="replaced",
        at=request.created_at,
        actor=actor,
        why=f"Replaced by {request.id}.",
        to=Status.CANCELLED,
        detail={"replaced_by": request.id},
    )


def admitted(request: Request, *, seq: int, actor: str) -> Request:
    """`request` as it is stored: with its place in the order of arrival."""
    return msgspec.structs.replace(
        request,
        seq=seq,
        actor=request.actor or actor,
        finished_at=None,
        merged_into=None,
        flight=None if request.depends_on else request.flight,
    )


def claimed(request: Request, *, now: float, merged_into: RequestId | None = None) -> Request:
    """`request` on its way out; the next result must carry the new fence."""
    return msgspec.structs.replace(
        request,
        status=Status.PROCESSING,
        fence=request.fence + 1,
        updated_at=now,
        not_before=None,
        reason=None,
        reason_text="",
        merged_into=merged_into,
    )


def changed(request: Request, change: Change) -> Request:
    """`request` after `change`.

    Raises:
        IllegalTransition: the change is not meant for, or not possible from, its status; or it
            belongs to an older attempt.
        InvalidRequest: the edit names a field that cannot be edited.
    """
    target = _target(request, change)
    direct = zip(_DIRECT, _direct_values(change), strict=True)
    values: dict[str, Any] = {name: value for name, value in direct if value is not msgspec.UNSET}
    values["status"], values["updated_at"] = target, change.at
    if change.edit:
        values.update(_edited(change))
    values.update(_result(request, change))
    if change.reset_attempts:
        values["attempts"] = 0
    if change.count_attempt:
        values["attempts"] = values.get("attempts", request.attempts) + 1
    if change.apart:
        values["batch"] = None
    if target is not request.status:
        values.update(_moved(request, target, change))
    after = msgspec.structs.replace(request, **values)
    if change.edit and flights.follows(after) and flights.flight_of(after) != flights.flight_of(request):
        return msgspec.structs.replace(after, merged_into=None)
    return after


def _target(request: Request, change: Change) -> Status:
    here = request.status
    if change.fence is not None and change.fence != request.fence:
        raise IllegalTransition("This belongs to an earlier attempt and changes nothing.", status=here)
    if change.unchanged_since is not None and change.unchanged_since != request.updated_at:
        raise IllegalTransition("It has changed since it was looked at.", status=here)
    if change.sources and here not in change.sources:
        raise IllegalTransition(f"It is {here}; it cannot be {change.kind} from there.", status=here)
    target = change.to
    if change.restore:
        target = request.restore_to
        if here is not Status.CANCELLED or target is None:
            raise IllegalTransition(f"It is {here}; only a cancelled one can be restored.", status=here)
    if target is None:
        return here
    if not can_move(here, target):
        raise IllegalTransition(f"It is {here} and cannot become {target}.", status=here)
    if target not in AFTER_UNKNOWN and not change.resend and may_have_arrived(here, request.reason):
        raise IllegalTransition(
            "It may have arrived already, so it is neither queued again nor cancelled.",
            status=here,
            remedy="Look for it in Autotask, then say whether it arrived, is sent again, or is given up.",
        )
    return target


def _edited(change: Change) -> dict[str, Any]:
    unknown = sorted(change.edit.keys() - EDITABLE)
    if unknown:
        raise InvalidRequest(f"{', '.join(unknown)} cannot be changed after adding.")
    return dict(change.edit)


def _result(request: Request, change: Change) -> dict[str, Any]:
    """The fields that show how the last attempt ended."""
    values: dict[str, Any] = {}
    http_status: int | None = None
    if change.reply is not msgspec.UNSET:
        reply = change.reply
        values["reply"] = reply
        values["record_id"] = reply.record_id if reply else None
        if reply and reply.record_id is None:
            values["record_id"] = request.record_id
        http_status = reply.status_code if reply else None
    if change.failure is not msgspec.UNSET:
        values["failure"] = change.failure
        values["failure_title"] = change.failure.title if change.failure else ""
        if change.failure and change.failure.http_status is not None:
            http_status = change.failure.http_status
    if change.attempt is not None and change.attempt.http_status is not None:
        http_status = change.attempt.http_status
    if http_status is not None:
        values["http_status"] = http_status
    return values


def _moved(request: Request, target: Status, change: Change) -> dict[str, Any]:
    """What a change of status brings with it."""
    values: dict[str, Any] = {
        "finished_at": change.at if target in TERMINAL else None,
        "restore_to": _way_back(request) if target is Status.CANCELLED else None,
    }
    if change.reason is msgspec.UNSET and _own_reason_ends(request, target):
        values["reason"] = None
    if target in QUEUED:
        values["merged_into"] = None
    return values


def _way_back(request: Request) -> Status:
    """Where undoing a cancel leads. A wait for a retry, or for a parent, is looked at afresh."""
    if request.status is Status.RETRYING or request.reason in PARENT_REASONS:
        return Status.PENDING
    return request.status


def _own_reason_ends(request: Request, target: Status) -> bool:
    """Whether the reason was given by the store itself and does not hold any more."""
    if request.reason is Reason.AFTER:
        return target not in BEFORE_PARENTS
    return request.reason in PARENT_REASONS


def endings(request: Request, change: Change, after: Request) -> list[AttemptRecord]:
    """What to write down of attempts: what the change tells, and an end for the running one.

    No attempt runs on when its request is no longer processing: where the change does not say how it
    ended, the move does as far as it can.
    """
    told = [] if change.attempt is None else [change.attempt]
    left = request.status is Status.PROCESSING and after.status is not Status.PROCESSING
    if not left or any(record.kind is AttemptKind.SEND for record in told):
        return told
    unsent = after.status is Status.PENDING and change.kind != "recovered"
    end = AttemptRecord(
        kind=AttemptKind.SEND,
        result=AttemptResult.NOT_SENT if unsent else AttemptResult.UNKNOWN,
        started_at=request.updated_at,
        ended_at=change.at,
        note=change.why,
    )
    return [end, *told]


def hold_reason(parents: Iterable[Status | None]) -> Reason | None:
    """Why a request with these parents waits; None if nothing of theirs keeps it.

    A parent's status is None if it never existed. Completed ones are not among them.
    """
    reason: Reason | None = None
    for status in parents:
        if status is None:
            return Reason.PARENT_MISSING
        if status in TERMINAL:
            reason = Reason.PARENT_FAILED
        elif reason is None:
            reason = Reason.AFTER
    return reason

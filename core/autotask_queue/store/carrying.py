"""Requests that went out as part of another, or wait for its answer, end with it, in one step.

Edits that were merged into one share its fate as long as nobody knows better: done together, uncertain
together, found or not found together; each with its own try. What surely was not applied goes back into the
queue, each for itself. Reads that follow another get its answer.
"""

from __future__ import annotations

import msgspec

from autotask_queue.model.request import AttemptKind, Request
from autotask_queue.model.status import Status, may_have_arrived
from autotask_queue.ports import Change
from autotask_queue.store import flights

SHARED = frozenset({Status.PROCESSING, Status.UNCERTAIN, Status.HELD})
"""Where what went out together has one fate."""
ANSWERED = frozenset({Status.COMPLETED, Status.FAILED})
"""Where a read's followers end with it."""


def goes_along(one: Request, before: Request, wanted: Request) -> bool:
    """Whether `one`, which is merged into a request, changes with it.

    Args:
        one: as it is.
        before: what it is merged into, before its change.
        wanted: the same, after the change.
    """
    if wanted.status is before.status:
        return False
    if flights.follows(one):
        return before.status is Status.PROCESSING and wanted.status in ANSWERED
    alike = one.reason is before.reason or before.status is not Status.HELD
    return one.status is before.status and one.status in SHARED and alike


def carried(change: Change, before: Request, wanted: Request, one: Request) -> Change:
    """What becomes of `one` with `change`; see `goes_along`. A follower has been claimed by then."""
    alike = (
        wanted.status in (Status.COMPLETED, Status.UNCERTAIN)
        or before.status is not Status.PROCESSING
        or may_have_arrived(wanted.status, wanted.reason)
        or flights.follows(one)
    )
    attempt = change.attempt
    if attempt is not None and attempt.kind is AttemptKind.SEND:
        attempt = msgspec.structs.replace(attempt, note=f"Sent together with request {before.seq}.")
    return Change(
        id=one.id,
        kind=change.kind if alike else "returned",
        at=change.at,
        actor=change.actor,
        why=change.why,
        to=wanted.status if alike else Status.PENDING,
        resend=change.resend,
        apart=change.apart,
        attempt=attempt,
        count_attempt=change.count_attempt,
        reset_attempts=change.reset_attempts,
        reason=change.reason if alike else None,
        reason_text=change.reason_text if alike else "",
        not_before=change.not_before if alike else None,
        reply=change.reply,
        failure=change.failure,
        detail={"merged_into": before.id},
    )

"""The states of a request and the one table of legal transitions between them."""

from __future__ import annotations

from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


class Status(StrEnum):
    """Where a request stands; `TRANSITIONS` says where it may go from there."""

    PENDING = "pending"
    """Waits for its turn. A closed gate (breaker, pause, offline) does not change this."""
    DEFERRED = "deferred"
    """Scheduled: becomes pending at `scheduled_at`."""
    PROCESSING = "processing"
    """Claimed; its intent is durable, and bytes may be on the wire."""
    RETRYING = "retrying"
    """Failed in a way worth repeating; waits until `not_before`."""
    UNCERTAIN = "uncertain"
    """A write whose outcome is unknown. It is looked up, and sent again only if it surely did not arrive."""
    HELD = "held"
    """Waits for a person or for something of its own; `reason` says what."""
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"
    EXPIRED = "expired"

    @property
    def is_terminal(self) -> bool:
        """Whether the queue is done with the request (a person may still bring it back)."""
        return self in TERMINAL


TERMINAL = frozenset({Status.COMPLETED, Status.FAILED, Status.CANCELLED, Status.EXPIRED})
OPEN = frozenset(Status) - TERMINAL

LANE_BLOCKING = frozenset({Status.PENDING, Status.PROCESSING, Status.RETRYING, Status.UNCERTAIN, Status.HELD})
"""While a request is in one of these, later writes of its lane wait.

A deferred request is not among them: an update scheduled for tomorrow must not stop the note of
today. It enters its lane, at the place of its `seq`, when it becomes due.
"""

TRANSITIONS: Mapping[Status, frozenset[Status]] = MappingProxyType(
    {
        # Those that wait become uncertain when the queue is restored from a copy: they may have been sent
        # after it was made.
        Status.PENDING: frozenset(
            {
                Status.PROCESSING,
                Status.DEFERRED,
                Status.UNCERTAIN,
                Status.HELD,
                Status.CANCELLED,
                Status.EXPIRED,
            }
        ),
        Status.DEFERRED: frozenset(
            {Status.PENDING, Status.UNCERTAIN, Status.HELD, Status.CANCELLED, Status.EXPIRED}
        ),
        Status.PROCESSING: frozenset(
            {
                Status.COMPLETED,
                Status.FAILED,
                Status.RETRYING,
                Status.UNCERTAIN,
                Status.HELD,
                Status.PENDING,  # surely not sent: the gate closed, or a read was interrupted
            }
        ),
        Status.RETRYING: frozenset(
            {
                Status.PROCESSING,
                Status.PENDING,
                Status.DEFERRED,
                Status.UNCERTAIN,
                Status.HELD,
                Status.CANCELLED,
                Status.EXPIRED,
            }
        ),
        # Not to cancelled: it may have been applied, and "cancelled" would deny that.
        Status.UNCERTAIN: frozenset(
            {Status.COMPLETED, Status.PENDING, Status.DEFERRED, Status.HELD, Status.FAILED}
        ),
        Status.HELD: frozenset(
            {
                Status.PENDING,
                Status.DEFERRED,
                Status.UNCERTAIN,
                Status.COMPLETED,
                Status.FAILED,
                Status.CANCELLED,
                Status.EXPIRED,
            }
        ),
        Status.COMPLETED: frozenset(),
        Status.FAILED: frozenset({Status.PENDING, Status.DEFERRED}),
        # Undo: back to where it was before the cancel.
        Status.CANCELLED: frozenset({Status.PENDING, Status.DEFERRED, Status.HELD}),
        Status.EXPIRED: frozenset({Status.PENDING, Status.DEFERRED}),
    }
)


def can_move(origin: Status, target: Status) -> bool:
    """Whether `target` may follow `origin`."""
    return target in TRANSITIONS[origin]


def queued_status(scheduled_at: float | None, *, now: float) -> Status:
    """Where a request goes that is to be sent, at once or at `scheduled_at`."""
    return Status.DEFERRED if scheduled_at is not None and scheduled_at > now else Status.PENDING


class Reason(StrEnum):
    """Why a request is where it is, beyond its status; stored, translated by the console."""

    AFTER = "after"
    """Waits for a request it depends on."""
    CONFIRM = "confirm"
    """It may have reached the server; a person must say whether to send it again."""
    CONFLICT = "conflict"
    """The record changed on both sides."""
    GONE = "gone"
    """The record it changes does not exist any more."""
    PARENT_FAILED = "parent_failed"
    PARENT_MISSING = "parent_missing"
    NO_PROCESSOR = "no_processor"
    """Nothing registered takes this request."""
    REPLY_LOST = "reply_lost"
    """Sent, but no usable reply came back."""
    INTERRUPTED = "interrupted"
    """The program ended while it was being sent."""
    RESTORED = "restored"
    """The queue was restored from a copy; it may have been sent after that copy was made."""
    NOT_FOUND_YET = "not_found_yet"
    """Looked up and not found so far; looked up again later."""
    BY_PERSON = "by_person"
    """A person gave it up while nobody knew whether it had arrived."""


UNDECIDED = frozenset({Reason.CONFIRM, Reason.BY_PERSON})
"""Reasons of a held or failed write that may have arrived."""


def may_have_arrived(status: Status, reason: Reason | None) -> bool:
    """Whether nobody knows if a request with this `status` and `reason` reached the server.

    Such a request is never queued again by a common command: only by a person who is sure that it did
    not arrive.
    """
    return status is Status.UNCERTAIN or (status in (Status.HELD, Status.FAILED) and reason in UNDECIDED)


class Effect(StrEnum):
    """Whether a request changes something at the server."""

    READ = "read"
    WRITE = "write"

"""Sentences about one request: why it is where it is and what happens next.

Calm, short, second person; never "error occurred", never an exception's name (console.md 7).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from autotask_console.text.amounts import age, clock_time, countdown
from autotask_console.text.translate import tr
from autotask_queue import Gate, GateKind, Reason, Status

if TYPE_CHECKING:
    from autotask_queue import RequestRow

_HELD: dict[Reason, str] = {
    Reason.AFTER: "It waits for another request that goes first.",
    Reason.CONFIRM: "It may have reached Autotask already. Decide whether to send it again.",
    Reason.CONFLICT: "The record changed in Autotask after you edited it. Choose what to keep.",
    Reason.GONE: "The record it changes does not exist in Autotask any more.",
    Reason.PARENT_FAILED: "The request it depends on was not sent. Mend that one first.",
    Reason.PARENT_MISSING: "The request it depends on does not exist.",
    Reason.NO_PROCESSOR: "Not signed in yet. Your work is safe; it sends after you sign in.",
    Reason.REPLY_LOST: "It was sent, but no usable reply came back.",
    Reason.INTERRUPTED: "The program ended while it was being sent.",
    Reason.RESTORED: "The queue was restored from a backup. It may have been sent since that was made.",
    Reason.NOT_FOUND_YET: "Autotask does not show it so far. We look again before anything is sent twice.",
    Reason.BY_PERSON: "A person decided not to send it.",
}

_GATES: dict[GateKind, str] = {
    GateKind.WORK_OFFLINE: "Saved on this laptop. It sends when you go online.",
    GateKind.PAUSED: "Sending is paused.",
    GateKind.MAINTENANCE: "Sending is held for maintenance.",
    GateKind.SIGN_IN: "Its zone is not signed in. It sends after you sign in.",
    GateKind.OFFLINE: "Saved on this laptop. It sends when you are online.",
    GateKind.BREAKER: "Autotask does not answer well right now. We stopped so that nothing is lost.",
    GateKind.THROTTLED: "Autotask asked us to slow down.",
    GateKind.NO_PROCESSOR: "Its zone is not set up. It sends after you sign in.",
}


def gate_sentence(gate: Gate, *, now: float) -> str:
    """Why requests wait at a closed gate, by whom, and until when."""
    parts = [tr(_GATES[gate.kind])]
    if gate.reason and gate.kind in {GateKind.MAINTENANCE, GateKind.PAUSED, GateKind.BREAKER}:
        by = tr(" by {actor}", actor=gate.actor) if gate.actor else ""
        parts.append(tr("Reason{by}: {reason}.", by=by, reason=gate.reason.rstrip(".")))
    if gate.until is not None and gate.until > now:
        parts.append(_until(gate.kind, gate.until, now))
    return " ".join(parts)


def _until(kind: GateKind, until: float, now: float) -> str:
    """Some gates open at that time; at others something is only tried."""
    left = countdown(until, now=now)
    if kind is GateKind.OFFLINE:
        return tr("Next try in {left}.", left=left)
    if kind is GateKind.BREAKER:
        return tr("Next test in {left}.", left=left)
    return tr("Until {when}, {left} left.", when=clock_time(until, now=now), left=left)


def why_it_waits(row: RequestRow, *, now: float, gate: Gate | None = None) -> str:
    """Why an unfinished request is not sent this moment; empty if nothing stops it."""
    if row.status is Status.HELD or (row.status is Status.PENDING and row.reason is Reason.AFTER):
        if row.reason is Reason.NO_PROCESSOR and gate is not None:  # the stored text speaks to programmers
            return tr(_HELD[row.reason])
        return row.reason_text or (tr(_HELD[row.reason]) if row.reason else tr("It waits for you."))
    if row.status is Status.UNCERTAIN:
        return _checking(row, now=now)
    if row.status is Status.DEFERRED and row.scheduled_at is not None:
        return tr("Goes out {when}.", when=clock_time(row.scheduled_at, now=now))
    if gate is not None and row.status in {Status.PENDING, Status.RETRYING}:
        return gate_sentence(gate, now=now)
    if row.status is Status.RETRYING and row.not_before is not None:
        cause = f"{row.failure_title}. " if row.failure_title else ""
        return cause + tr("Next try in {left}.", left=countdown(row.not_before, now=now))
    return ""


def state_sentence(row: RequestRow, *, now: float, gate: Gate | None = None) -> str:
    """One sentence for the details' header: what is so, and what happens next."""
    waiting = why_it_waits(row, now=now, gate=gate)
    if waiting:
        return waiting
    finished = row.finished_at if row.finished_at is not None else row.updated_at
    match row.status:
        case Status.PENDING:
            return tr("Saved on this laptop. It is next in line.")
        case Status.PROCESSING:
            return tr("It is being sent now.")
        case Status.COMPLETED:
            return tr("Sent {when}.", when=_when(finished, now=now))
        case Status.FAILED:
            return _failed(row)
        case Status.CANCELLED:
            return tr("Cancelled {when}. It was not sent.", when=_when(finished, now=now))
        case Status.EXPIRED:
            return tr("Its time ran out {when}, so it was not sent.", when=_when(finished, now=now))
        case _:
            return tr("It waits.")


def _failed(row: RequestRow) -> str:
    if row.reason is Reason.BY_PERSON:
        return tr("You decided not to send it. Nobody knows whether it had arrived: look in Autotask.")
    title = row.failure_title or tr("Autotask did not accept it")
    return tr("{title}. Nothing is lost: edit it and retry.", title=title)


def _checking(row: RequestRow, *, now: float) -> str:
    what = row.reason_text or tr(_HELD[row.reason or Reason.REPLY_LOST])
    if row.not_before is not None and row.not_before > now:
        left = countdown(row.not_before, now=now)
        return tr("{what} We look it up in {left}; it is not sent twice.", what=what, left=left)
    return tr("{what} We look it up; it is not sent twice.", what=what)


def _when(at: float, *, now: float) -> str:
    if now - at < 60:
        return tr("just now")
    if now - at < 3600:
        return tr("{age} ago", age=age(at, now=now))
    return tr("at {time}", time=clock_time(at, now=now))

"""Requests, gates and numbers in words: what the tables and lines of the commands say."""

from __future__ import annotations

from collections.abc import Sequence

from autotask_queue.cli.times import say_duration, say_moment
from autotask_queue.model.gates import Gate, GateKind, gate_for
from autotask_queue.model.request import RequestRow
from autotask_queue.model.status import Reason, Status

STATUS_STYLES = {
    Status.COMPLETED.value: "green",
    Status.FAILED.value: "red",
    Status.EXPIRED.value: "red",
    Status.HELD.value: "yellow",
    Status.UNCERTAIN.value: "yellow",
    Status.PROCESSING.value: "cyan",
    Status.CANCELLED.value: "dim",
}

_GATES = {
    GateKind.WORK_OFFLINE: "working offline, by choice",
    GateKind.PAUSED: "sending is paused",
    GateKind.MAINTENANCE: "held",
    GateKind.SIGN_IN: "the sign-in does not work",
    GateKind.OFFLINE: "no connection",
    GateKind.BREAKER: "the zone does not work; it is tested again by itself",
    GateKind.THROTTLED: "the server asked for a pause",
    GateKind.NO_PROCESSOR: "nothing here can send it",
}
_REASONS = {
    Reason.AFTER: "waits for another request",
    Reason.CONFIRM: "it may have arrived: see `resolve`",
    Reason.CONFLICT: "the record changed on both sides",
    Reason.GONE: "the record does not exist any more",
    Reason.PARENT_FAILED: "what it waits for did not complete",
    Reason.PARENT_MISSING: "what it waits for does not exist",
    Reason.NO_PROCESSOR: "nothing here can send it: is its zone configured?",
    Reason.REPLY_LOST: "no usable reply came; it is looked up",
    Reason.INTERRUPTED: "the program ended while it was being sent; it is looked up",
    Reason.RESTORED: "the queue was restored from a copy, and it may have been sent since; it is looked up",
    Reason.NOT_FOUND_YET: "not found so far; it is looked up again",
    Reason.BY_PERSON: "by a person",
}


def say_gate(gate: Gate, now: float) -> str:
    """Why requests wait, and how long still, if that is known."""
    text = _GATES[gate.kind]
    if gate.reason and gate.kind in (GateKind.MAINTENANCE, GateKind.SIGN_IN, GateKind.OFFLINE):
        by = f" by {gate.actor}" if gate.actor else ""
        text = f"{text}{by}: {gate.reason}"
    if gate.until is not None and gate.until > now:
        text += f" (for {say_duration(gate.until - now)} more)"
    return text


def say_note(row: RequestRow, gates: Sequence[Gate], now: float) -> str:
    """What is remarkable about a request, in a few words."""
    match row.status:
        case Status.COMPLETED:
            return f"record {row.record_id}" if row.record_id is not None else ""
        case Status.FAILED:
            return row.failure_title or row.reason_text
        case Status.DEFERRED:
            return f"from {say_moment(row.scheduled_at)}"
        case Status.PENDING | Status.RETRYING:
            gate = gate_for(tuple(gates), row.zone, row.entity)
            if gate is not None:
                return say_gate(gate, now)
            if row.status is Status.RETRYING:
                wait = max(0.0, (row.not_before or now) - now)
                return f"{row.failure_title or 'failed'}; again in {say_duration(wait)}"
            return say_reason(row)
        case _:
            return say_reason(row)


def say_reason(row: RequestRow) -> str:
    """Why a request is where it is, if it says so."""
    if row.reason is None:
        return row.reason_text
    return row.reason_text or _REASONS[row.reason]


def say_tries(row: RequestRow) -> str:
    """Tries used of those allowed."""
    return f"{row.attempts}/{row.max_retries + 1}"


def say_finished(row: RequestRow) -> str:
    """One line about a request that came to an end, or to a person."""
    note = say_note(row, (), row.updated_at)
    return f"{say_moment(row.updated_at)[11:]}  {row.status.value:<9}  {row.seq}  {row.summary}" + (
        f"  ({note})" if note else ""
    )


def plural(count: int, one: str, many: str | None = None) -> str:
    """A number with its noun: 1 request, 2 requests."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"

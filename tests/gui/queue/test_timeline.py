"""The story of a request: what happened, what we do next, what you can do."""

from __future__ import annotations

from autotask_console.pages.queue.timeline import Entry, Record, offline_stretches, story
from autotask_queue import (
    Applied,
    Attempt,
    AttemptKind,
    AttemptResult,
    AuditEntry,
    Effect,
    Failure,
    FailureClass,
    Gate,
    GateKind,
    MinuteStat,
    Reason,
    Request,
    RequestId,
    Status,
)

T = 1_800_000_000.0
ID = RequestId("one")
BUSY = Failure(
    kind=FailureClass.SERVER_TRANSIENT,
    code="busy",
    title="Autotask has a problem",
    message="Autotask answered with a fault of its own.",
    remedy="It is tried again by itself.",
    http_status=503,
)
REFUSED = Failure(
    kind=FailureClass.APP_ERROR,
    code="refused",
    title="Autotask refused this",
    message="Billing code is inactive.",
    remedy="Correct it and send it again.",
    detail="{}",
    http_status=500,
)
LOST = Failure(
    kind=FailureClass.TIMEOUT_UNKNOWN,
    code="timeout",
    title="No answer came back",
    message="It was sent, but no usable answer came back.",
    remedy="It is looked up.",
    applied=Applied.UNKNOWN,
)


def request(**changes: object) -> Request:
    values: dict[str, object] = {
        "seq": 1,
        "id": ID,
        "status": Status.PENDING,
        "zone": "ww5",
        "endpoint": "/Tickets",
        "method": "POST",
        "effect": Effect.WRITE,
        "entity": "Tickets",
        "priority": 5,
        "summary": "Create ticket",
        "created_at": T,
        "updated_at": T,
        "actor": "anna",
    }
    return Request(**{**values, **changes})  # type: ignore[arg-type]


def attempt(at: float, result: AttemptResult, **changes: object) -> Attempt:
    values: dict[str, object] = {
        "number": 1,
        "kind": AttemptKind.SEND,
        "started_at": T + at,
        "ended_at": T + at + 0.4,
        "result": result,
    }
    return Attempt(**{**values, **changes})  # type: ignore[arg-type]


def audit(at: float, kind: str, **changes: object) -> AuditEntry:
    return AuditEntry(at=T + at, actor="anna", kind=kind, **changes)  # type: ignore[arg-type]


def told(record: Record, *, now: float = 0.0, gate: Gate | None = None) -> list[str]:
    return [f"{e.glyph} {e.title}" for e in story(record, now=T + now, gate=gate)]


def last(record: Record, *, now: float = 0.0) -> Entry:
    return [e for e in story(record, now=T + now) if e.glyph != "→"][-1]


def test_a_request_that_waits_says_what_is_next() -> None:
    assert told(Record(request=request()), now=5) == [
        "● Saved on this laptop",
        "→ Saved on this laptop. It is next in line.",
    ]
    gate = Gate(kind=GateKind.MAINTENANCE, reason="firewall swap", actor="Anna", until=T + 65)
    assert told(Record(request=request()), now=5, gate=gate)[-1].startswith(
        "→ Sending is held for maintenance. Reason by Anna: firewall swap."
    )


def test_a_request_that_was_sent_ends_with_its_number() -> None:
    done = request(status=Status.COMPLETED, finished_at=T + 2.4, record_id=48120, attempts=1)
    record = Record(request=done, attempts=(attempt(2, AttemptResult.OK, http_status=200),))

    entries = story(record, now=T + 60)

    assert [f"{e.glyph} {e.title}" for e in entries] == [
        "● Saved on this laptop",
        "✓ Try 1: accepted",
        "✓ Sent. Its number in Autotask is 48120.",
    ]
    assert entries[1].lines == ("ww5 · answer 200 · 0.4 s",)


def test_waiting_between_tries_is_one_line_each() -> None:
    record = Record(
        request=request(status=Status.RETRYING, not_before=T + 200, attempts=2, updated_at=T + 100.4),
        attempts=(
            attempt(1, AttemptResult.FAILED, failure=BUSY, http_status=503),
            attempt(100, AttemptResult.FAILED, failure=BUSY, http_status=503),
        ),
    )

    assert told(record, now=176) == [
        "● Saved on this laptop",
        "✕ Try 1: Autotask has a problem",
        "⋮ waited",
        "✕ Try 2: Autotask has a problem",
        "→ Next try in 24 s.",
    ]
    first, second = [e for e in story(record, now=T + 176) if e.title.startswith("Try")]
    assert first.lines == ("ww5 · answer 503 · 0.4 s", BUSY.message)
    assert second.lines[-1] == "We try again in 24 s."


def test_what_you_can_do_stands_at_the_last_failure() -> None:
    refused = request(status=Status.FAILED, attempts=1, finished_at=T + 1.4)
    entry = last(Record(request=refused, attempts=(attempt(1, AttemptResult.FAILED, failure=REFUSED),)))

    assert entry.lines[-2:] == (
        "We do not try again by ourselves. It is kept.",
        "You can: Correct it and send it again.",
    )
    assert entry.raw


def test_a_remedy_that_was_to_wait_is_over_when_the_tries_are() -> None:
    used_up = request(status=Status.FAILED, attempts=4, max_retries=3, finished_at=T + 1.4)
    entry = last(Record(request=used_up, attempts=(attempt(1, AttemptResult.FAILED, failure=BUSY),)))

    assert entry.lines[-2:] == (
        "All its tries are used up. It is kept.",
        "You can retry it: it then has all its tries again.",
    )


def test_a_lost_reply_and_its_lookups() -> None:
    record = Record(
        request=request(status=Status.HELD, reason=Reason.CONFIRM, attempts=1),
        attempts=(
            attempt(1, AttemptResult.UNKNOWN, failure=LOST),
            attempt(6, AttemptResult.ABSENT, kind=AttemptKind.LOOKUP),
            attempt(20, AttemptResult.FOUND, kind=AttemptKind.LOOKUP, note="found as 4711"),
            attempt(25, AttemptResult.FAILED, kind=AttemptKind.LOOKUP, failure=BUSY),
            attempt(27, AttemptResult.RUNNING, kind=AttemptKind.LOOKUP, ended_at=None),
        ),
    )

    assert told(record)[1:6] == [
        "? Try 1: No answer came back",
        "? Looked it up: not there so far",
        "✓ Looked it up: it had arrived",
        "? Looking it up did not work",
        "? Looking it up in Autotask",
    ]


def test_being_put_back_unsent_uses_no_try() -> None:
    record = Record(
        request=request(),
        attempts=(attempt(1, AttemptResult.NOT_SENT), attempt(3, AttemptResult.RUNNING, ended_at=None)),
    )

    assert told(record)[1:3] == ["◌ Not sent: it was put back in time", "▶ Try 1: being sent"]


def test_what_people_did_is_part_of_it_with_their_reason() -> None:
    record = Record(
        request=request(status=Status.CANCELLED, finished_at=T + 9),
        audit=(
            audit(9, "cancelled", why="not needed"),
            audit(5, "reprioritised"),
            audit(2, "claimed"),
            AuditEntry(at=T + 7, actor="queue", kind="recovered", why="internal"),
        ),
    )
    entries = story(record, now=T + 60)

    assert [e.title for e in entries] == [
        "Saved on this laptop",
        "Priority changed",
        "The program ended while it was being sent",
        "Cancelled",
    ]
    assert entries[-1].lines == ("By anna.", "Why: not needed")
    assert entries[2].lines == ()


def test_offline_stretches_explain_the_wait() -> None:
    minutes = tuple(MinuteStat(at=T + 60 * i, offline=2 <= i < 6) for i in range(10))
    record = Record(
        request=request(attempts=1, status=Status.COMPLETED, finished_at=T + 400.4),
        attempts=(attempt(400, AttemptResult.OK),),
        minutes=minutes,
    )

    assert told(record, now=500) == [
        "● Saved on this laptop",
        "⋮ waited",
        "◌ Offline",
        "⋮ waited",
        "✓ Try 1: accepted",
        "✓ Sent",
    ]
    offline = next(e for e in story(record, now=T + 500) if e.title == "Offline")
    assert offline.side == "4 min"


def test_stretches_are_joined_and_cut() -> None:
    minutes = [MinuteStat(at=60.0 * i, offline=i in {0, 1, 4, 9}) for i in range(10)]

    assert list(offline_stretches(minutes, since=30, until=570)) == [(30, 120), (240, 300), (540, 570)]
    assert list(offline_stretches(minutes, since=125, until=200)) == []
    assert list(offline_stretches([], since=0, until=9)) == []


def test_no_stretch_is_ever_negative() -> None:
    record = Record(
        request=request(),
        attempts=(
            attempt(5, AttemptResult.FAILED, failure=BUSY, ended_at=T + 90),
            attempt(6, AttemptResult.FAILED, failure=BUSY),
        ),
    )

    assert "⋮ waited" not in told(record)

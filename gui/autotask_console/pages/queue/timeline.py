"""The story of one request, oldest first: what happened, what we do next, what you can do. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from autotask_console.text import (
    UI_STATES,
    Tone,
    UiState,
    clock_time,
    countdown,
    duration,
    latency,
    state_sentence,
    tr,
    ui_state,
)
from autotask_queue import (
    Attempt,
    AttemptKind,
    AttemptResult,
    AuditEntry,
    Failure,
    FailureClass,
    Gate,
    MinuteStat,
    Reason,
    Request,
    RequestRow,
    Status,
)

_PASSES_BY_ITSELF = frozenset(
    {
        FailureClass.LOCAL_OFFLINE,
        FailureClass.CONNECT_FAIL,
        FailureClass.THROTTLE,
        FailureClass.THREAD_LIMIT,
        FailureClass.QUOTA_SUSPENDED,
        FailureClass.SERVER_TRANSIENT,
    }
)
_MINUTE = 60.0
_IDLE = 30.0
"""Seconds of nothing that are worth a line."""


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One line of the story. `side` is a time or a duration; `raw` offers the server's own words."""

    at: float
    glyph: str
    tone: Tone
    title: str
    lines: tuple[str, ...] = ()
    side: str = ""
    raw: bool = False
    until: float = 0.0
    """When it was over, if it took a while."""


@dataclass(frozen=True, kw_only=True)
class Record:
    """Everything that is known about one request."""

    request: Request
    attempts: tuple[Attempt, ...] = ()
    audit: tuple[AuditEntry, ...] = ()
    minutes: tuple[MinuteStat, ...] = ()


def story(record: Record, *, now: float, gate: Gate | None = None) -> list[Entry]:
    """All entries in order, long idle stretches folded to one line each; the last is what comes next.

    `gate` is the closed gate in front of it, if any.
    """
    request = record.request
    entries = [_queued(request, now)]
    entries += _attempts(request, record.attempts, now)
    entries += filter(None, (_person(entry, now) for entry in record.audit))
    offline = list(offline_stretches(record.minutes, since=request.created_at, until=_over(request, now)))
    entries += [_offline(start, end) for start, end in offline]
    entries += filter(None, [_sent(request, now=now)])
    entries.sort(key=lambda e: e.at)
    return [*_with_waits(entries, offline), *_next(request, now=now, gate=gate)]


def offline_stretches(
    minutes: Iterable[MinuteStat], *, since: float, until: float
) -> Iterator[tuple[float, float]]:
    """When there was no network: minutes without it that follow each other, cut to `since`…`until`."""
    start: float | None = None
    end = 0.0
    for minute in minutes:
        if minute.offline and start is not None and minute.at <= end + 1:
            end = minute.at + _MINUTE
            continue
        if start is not None:
            yield from _cut(start, end, since, until)
            start = None
        if minute.offline:
            start, end = minute.at, minute.at + _MINUTE
    if start is not None:
        yield from _cut(start, end, since, until)


def _cut(start: float, end: float, since: float, until: float) -> Iterator[tuple[float, float]]:
    start, end = max(start, since), min(end, until)
    if end - start >= 1:
        yield start, end


def _over(request: RequestRow, now: float) -> float:
    return request.finished_at if request.finished_at is not None else now


def _queued(request: Request, now: float) -> Entry:
    lines = [tr("By {actor}.", actor=request.actor)] if request.actor else []
    if request.scheduled_at is not None and request.scheduled_at > request.created_at:
        lines.append(tr("To go out {when}.", when=clock_time(request.scheduled_at, now=now)))
    return Entry(
        at=request.created_at,
        glyph="●",
        tone=Tone.GOOD,
        title=tr("Saved on this laptop"),
        lines=tuple(lines),
        side=clock_time(request.created_at, now=now, seconds=True),
    )


def _next(request: Request, *, now: float, gate: Gate | None) -> Iterator[Entry]:
    if request.status.is_terminal:
        return
    look = UI_STATES[ui_state(request, gate)]
    words = state_sentence(request, now=now, gate=gate)
    yield Entry(at=request.updated_at, glyph="→", tone=look.tone, title=words, side=tr("now"))


def _offline(start: float, end: float) -> Entry:
    return Entry(
        at=start,
        until=end,
        glyph="◌",
        tone=Tone.HELD,
        title=tr("Offline"),
        side=duration(end - start),
    )


# -- attempts


def _attempts(request: Request, attempts: Sequence[Attempt], now: float) -> Iterator[Entry]:
    tries = 0
    for place, attempt in enumerate(attempts):
        last = place == len(attempts) - 1
        if attempt.kind is AttemptKind.LOOKUP:
            yield _lookup(attempt, now)
        else:
            tries += attempt.result is not AttemptResult.NOT_SENT
            yield _try(request, attempt, tries, now, last=last)


def _try(request: Request, attempt: Attempt, number: int, now: float, *, last: bool) -> Entry:
    took = latency(attempt.ended_at - attempt.started_at) if attempt.ended_at is not None else ""
    facts = [request.zone]
    if attempt.http_status is not None:
        facts.append(tr("answer {code}", code=attempt.http_status))
    if took:
        facts.append(took)
    glyph, tone, words = _ending(attempt)
    return Entry(
        at=attempt.started_at,
        until=attempt.ended_at or 0.0,
        glyph=glyph,
        tone=tone,
        title=words if attempt.result is AttemptResult.NOT_SENT else f"{tr('Try {n}', n=number)}: {words}",
        lines=tuple(_explained(request, attempt, facts, now, last=last)),
        side=clock_time(attempt.started_at, now=now, seconds=True),
        raw=last and attempt.failure is not None and bool(attempt.failure.detail),
    )


def _ending(attempt: Attempt) -> tuple[str, Tone, str]:
    title = attempt.failure.title if attempt.failure else ""
    match attempt.result:
        case AttemptResult.RUNNING:
            return "▶", Tone.ACTIVE, tr("being sent")
        case AttemptResult.OK:
            return "✓", Tone.GOOD, tr("accepted")
        case AttemptResult.NOT_SENT:
            return "◌", Tone.QUIET, tr("Not sent: {why}", why=title or tr("it was put back in time"))
        case AttemptResult.UNKNOWN:
            return "?", Tone.WARN, title or tr("no usable reply")
        case _:
            return "✕", Tone.BAD, title or tr("refused")


def _explained(
    request: Request, attempt: Attempt, facts: Sequence[str], now: float, *, last: bool
) -> Iterator[str]:
    yield " · ".join(facts)
    failure = attempt.failure
    if failure is not None:
        yield failure.message
    elif attempt.note:
        yield attempt.note[:1].upper() + attempt.note[1:]
    if not last or attempt.result in {AttemptResult.OK, AttemptResult.RUNNING}:
        return
    next_step = we_do_next(request, now=now)
    if next_step:
        yield next_step
    if failure is not None and request.status is Status.FAILED:
        yield _you_can(failure)


def _you_can(failure: Failure) -> str:
    """The remedy; where that was to wait, waiting is over."""
    if failure.kind in _PASSES_BY_ITSELF:
        return tr("You can retry it: it then has all its tries again.")
    return tr("You can: {remedy}", remedy=failure.remedy)


def we_do_next(row: RequestRow, *, now: float) -> str:
    """What happens by itself after a failure."""
    match row.status:
        case Status.RETRYING if row.not_before is not None and row.not_before > now:
            return tr("We try again in {left}.", left=countdown(row.not_before, now=now))
        case Status.RETRYING:
            return tr("We try again when its turn comes.")
        case Status.UNCERTAIN:
            return tr("We look it up in Autotask before anything is sent again.")
        case Status.HELD if row.reason is Reason.CONFIRM:
            return tr("We send nothing more until you say what became of it.")
        case Status.FAILED if row.attempts > row.max_retries > 0:
            return tr("All its tries are used up. It is kept.")
        case Status.FAILED:
            return tr("We do not try again by ourselves. It is kept.")
        case Status.PENDING:
            return tr("It waits for its turn again; no try was used up.")
        case _:
            return ""


def _lookup(attempt: Attempt, now: float) -> Entry:
    match attempt.result:
        case AttemptResult.FOUND:
            glyph, tone, words = "✓", Tone.GOOD, tr("Looked it up: it had arrived")
        case AttemptResult.ABSENT:
            glyph, tone, words = "?", Tone.WARN, tr("Looked it up: not there so far")
        case AttemptResult.RUNNING:
            glyph, tone, words = "?", Tone.ACTIVE, tr("Looking it up in Autotask")
        case _:
            glyph, tone, words = "?", Tone.WARN, tr("Looking it up did not work")
    detail = attempt.failure.message if attempt.failure else attempt.note
    return Entry(
        at=attempt.started_at,
        until=attempt.ended_at or 0.0,
        glyph=glyph,
        tone=tone,
        title=words,
        lines=(detail,) if detail else (),
        side=clock_time(attempt.started_at, now=now, seconds=True),
    )


# -- what people and the program did to it

_DEEDS: dict[str, tuple[str, Tone, str]] = {
    "edited": ("✎", Tone.ACTIVE, "Edited"),
    "reprioritised": ("↕", Tone.ACTIVE, "Priority changed"),
    "rescheduled": ("◕", Tone.ACTIVE, "Rescheduled"),
    "cancelled": ("⊘", Tone.QUIET, "Cancelled"),
    "replaced": ("⊘", Tone.QUIET, "Replaced by a newer one"),
    "restored": ("↶", Tone.ACTIVE, "Restored"),
    "retried": ("↻", Tone.ACTIVE, "Queued again"),
    "sent_now": ("↻", Tone.ACTIVE, "Told to try now"),
    "sent_again": ("▶", Tone.WARN, "Decided: it did not arrive, send it"),
    "marked_sent": ("✓", Tone.GOOD, "Decided: it is in Autotask"),
    "given_up": ("⊘", Tone.BAD, "Decided: do not send it"),
    "expired": ("ⴵ", Tone.QUIET, "Its time ran out"),
    "restored_from_copy": (
        "?",
        Tone.WARN,
        "The queue was restored from a backup; it may be sent already",
    ),
    "recovered": ("?", Tone.WARN, "The program ended while it was being sent"),
    "interrupted": ("?", Tone.WARN, "The program ended while it was being sent"),
}
"""Kinds of audit entries that belong to the story; the others are told by the attempts."""


def _person(entry: AuditEntry, now: float) -> Entry | None:
    deed = _DEEDS.get(entry.kind)
    if deed is None:
        return None
    glyph, tone, words = deed
    by_hand = entry.actor and entry.actor != "queue"
    lines = [tr("By {actor}.", actor=entry.actor)] if by_hand else []
    if entry.why and by_hand:
        lines.append(tr("Why: {why}", why=entry.why))
    return Entry(
        at=entry.at,
        glyph=glyph,
        tone=tone,
        title=tr(words),
        lines=tuple(lines),
        side=clock_time(entry.at, now=now, seconds=True),
    )


# -- idle stretches


def _with_waits(entries: Sequence[Entry], offline: Sequence[tuple[float, float]]) -> list[Entry]:
    """Puts "waited 30 s" between entries that are apart, unless being offline explains it."""
    out: list[Entry] = []
    for before, after in pairwise(entries):
        out.append(before)
        start = max(before.at, before.until)
        gap = after.at - start - sum(_overlap(start, after.at, *stretch) for stretch in offline)
        if gap >= _IDLE:
            out.append(Entry(at=start, glyph="⋮", tone=Tone.QUIET, title=tr("waited"), side=duration(gap)))
    out.extend(entries[-1:])
    return out


def _overlap(start: float, end: float, low: float, high: float) -> float:
    return max(0.0, min(end, high) - max(start, low))


def _sent(row: RequestRow, *, now: float) -> Entry | None:
    """The last line of a request that was sent; None for others: what is next stands elsewhere."""
    if row.status is not Status.COMPLETED or row.finished_at is None:
        return None
    look = UI_STATES[UiState.SENT]
    words = tr("Sent")
    if row.record_id is not None:
        words = tr("Sent. Its number in Autotask is {n}.", n=row.record_id)
    return Entry(
        at=row.finished_at,
        glyph=look.glyph,
        tone=look.tone,
        title=words,
        side=clock_time(row.finished_at, now=now, seconds=True),
    )

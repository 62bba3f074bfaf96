"""What stands in the cells of the request table: short texts, made from a row and how things stand now."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from autotask_console.text import (
    UI_STATES,
    Look,
    UiState,
    age,
    clock_time,
    countdown,
    gate_before,
    number,
    priority_word,
    state_sentence,
    tr,
    ui_state,
)
from autotask_queue import Effect, Gate, GateKind, Reason, RequestRow, Sort, SortField, Status


@dataclass(frozen=True, kw_only=True)
class Sight:
    """How things stand at the moment of painting: the time and the closed gates.

    `relative` says whether ages are told as "3 min" or as a time of day.
    """

    now: float = 0.0
    gates: tuple[Gate, ...] = ()
    relative: bool = True
    _known: dict[tuple[str, str], Gate | None] = field(default_factory=dict, repr=False, compare=False)

    def gate(self, row: RequestRow) -> Gate | None:
        """The closed gate in front of a row; looked up once for each endpoint."""
        place = (row.zone, row.entity)
        if place not in self._known:
            self._known[place] = gate_before(self.gates, *place)
        return self._known[place]

    def state(self, row: RequestRow) -> UiState:
        return ui_state(row, self.gate(row))

    def look(self, row: RequestRow) -> Look:
        return UI_STATES[self.state(row)]

    def at(self, now: float) -> Sight:
        """The same a moment later."""
        return Sight(now=now, gates=self.gates, relative=self.relative, _known=self._known)


Text = Callable[[RequestRow, Sight], str]


@dataclass(frozen=True, kw_only=True)
class Column:
    """One column. `width` is in pixels; the stretching one has it as its minimum.

    `sort` is what a click on its header sorts by, None if it cannot be sorted; with `descending_first`
    the first click gives the highest on top.
    """

    id: str
    source: str
    width: int
    text: Text
    sort: SortField | None = None
    descending_first: bool = False
    right: bool = False
    default: bool = False

    @property
    def title(self) -> str:
        return tr(self.source)


def request_text(row: RequestRow, sight: Sight) -> str:
    """The sentence: what is asked, and what one should know about it now."""
    note = row_note(row, sight)
    return f"{row.summary} – {note}" if note else row.summary


def row_note(row: RequestRow, sight: Sight) -> str:
    """A few words on why it is where it is; empty if the state says it all."""
    state = sight.state(row)
    gate = sight.gate(row)
    match state:
        case UiState.FAILED:
            return tr(_REASONS[row.reason]) if row.reason in _REASONS else row.failure_title
        case UiState.HELD | UiState.BOTH_CHANGED:
            own = row.status is Status.HELD and row.reason is not Reason.NO_PROCESSOR
            if own or row.reason is Reason.AFTER or gate is None:
                return _reason_note(row)
            return _gate_note(gate, sight.now)
        case UiState.RETRYING:
            return _retry_note(row, sight.now)
        case UiState.CHECKING:
            return _checking_note(row, sight.now)
        case UiState.SCHEDULED if row.scheduled_at is not None:
            return tr("goes out {when}", when=clock_time(row.scheduled_at, now=sight.now))
        case UiState.WAITING if _unsigned(row, gate):
            return tr(_REASONS[Reason.NO_PROCESSOR])
        case _:
            return ""


_REASONS: dict[Reason | None, str] = {
    Reason.AFTER: "waits for another request",
    Reason.CONFIRM: "may have arrived, you decide",
    Reason.CONFLICT: "changed in both places",
    Reason.GONE: "the record is gone in Autotask",
    Reason.PARENT_FAILED: "the request before it was not sent",
    Reason.PARENT_MISSING: "the request before it is missing",
    Reason.NO_PROCESSOR: "not signed in yet",
    Reason.BY_PERSON: "you decided not to send it",
}


def _reason_note(row: RequestRow) -> str:
    if row.reason is Reason.NO_PROCESSOR:
        return row.reason_text.rstrip(".")
    return tr(_REASONS[row.reason]) if row.reason in _REASONS else ""


def _unsigned(row: RequestRow, gate: Gate | None) -> bool:
    return row.reason is Reason.NO_PROCESSOR or (gate is not None and gate.kind is GateKind.NO_PROCESSOR)


def _gate_note(gate: Gate, now: float) -> str:
    until = gate.until if gate.until is not None and gate.until > now else None
    match gate.kind:
        case GateKind.MAINTENANCE if until is not None:
            return tr("maintenance until {time}", time=clock_time(until, now=now))
        case GateKind.MAINTENANCE:
            return tr("maintenance")
        case GateKind.PAUSED if until is not None:
            return tr("sending paused until {time}", time=clock_time(until, now=now))
        case GateKind.PAUSED:
            return tr("sending paused")
        case GateKind.BREAKER if until is not None:
            return tr("stopped, next test {left}", left=countdown(until, now=now))
        case GateKind.BREAKER:
            return tr("stopped")
        case GateKind.SIGN_IN:
            return tr("sign-in needed")
        case _:
            return tr(_REASONS[Reason.NO_PROCESSOR])


def _retry_note(row: RequestRow, now: float) -> str:
    left = tr("next try {left}", left=countdown(row.not_before, now=now)) if row.not_before else ""
    cause = row.failure_title
    if not cause.startswith("Autotask"):  # a name keeps its capital inside a sentence
        cause = cause[:1].lower() + cause[1:]
    return ", ".join(part for part in (cause, left) if part)


def _checking_note(row: RequestRow, now: float) -> str:
    if row.not_before is not None and row.not_before > now:
        return tr("looked up in {left}", left=countdown(row.not_before, now=now))
    return tr("being looked up")


def tries_text(row: RequestRow) -> str:
    """Tries used of all there are: "3/4"."""
    return f"{row.attempts}/{row.max_retries + 1}"


def operation_word(row: RequestRow) -> str:
    """What it does there, in a verb."""
    if row.effect is Effect.READ:
        return tr("Look up")
    return tr(_OPERATIONS.get(row.method, row.method))


_OPERATIONS = {"POST": "Create", "PATCH": "Update", "PUT": "Replace", "DELETE": "Delete"}


def record_text(row: RequestRow) -> str:
    """The record's number at Autotask: the one it got, or the one it is about."""
    if row.record_id is not None:
        return str(row.record_id)
    last = (row.lane or "").rpartition("/")[2]
    return last if last.isdigit() else ""


def spoken(row: RequestRow, sight: Sight) -> str:
    """A row for a screen reader: "Failed: Update ticket 42, try 5 of 5"."""
    words = f"{sight.look(row).word}: {request_text(row, sight)}"
    if row.attempts:
        words += ", " + tr("try {n} of {most}", n=row.attempts, most=row.max_retries + 1)
    return words


def tip(row: RequestRow, sight: Sight) -> str:
    """More than the cells have room for."""
    return f"{row.summary}\n{state_sentence(row, now=sight.now, gate=sight.gate(row))}"


def _age(row: RequestRow, sight: Sight) -> str:
    if sight.relative:
        return age(row.created_at, now=sight.now)
    return clock_time(row.created_at, now=sight.now)


def _next_try(row: RequestRow, sight: Sight) -> str:
    if row.not_before is None or row.status not in {Status.RETRYING, Status.UNCERTAIN}:
        return ""
    return countdown(row.not_before, now=sight.now)


COLUMNS: tuple[Column, ...] = (
    Column(
        id="state",
        source="State",
        width=118,
        text=lambda row, sight: sight.look(row).word,
        sort=SortField.STATUS,
        default=True,
    ),
    Column(
        id="request",
        source="Request",
        width=190,
        text=request_text,
        sort=SortField.SUMMARY,
        default=True,
    ),
    Column(
        id="zone",
        source="Zone",
        width=72,
        text=lambda row, _: row.zone,
        sort=SortField.ZONE,
        default=True,
    ),
    Column(
        id="tries",
        source="Tries",
        width=54,
        text=lambda row, _: tries_text(row),
        sort=SortField.ATTEMPTS,
        descending_first=True,
        right=True,
        default=True,
    ),
    # The order of arrival is the order of age, and the store has it for nothing.
    Column(id="age", source="Age", width=66, text=_age, sort=SortField.SEQ, right=True, default=True),
    Column(id="entity", source="Entity", width=110, text=lambda row, _: row.entity),
    Column(id="operation", source="Operation", width=84, text=lambda row, _: operation_word(row)),
    Column(id="record", source="Record", width=78, text=lambda row, _: record_text(row), right=True),
    Column(
        id="priority",
        source="Priority",
        width=74,
        text=lambda row, _: priority_word(row.priority),
        sort=SortField.PRIORITY,
        descending_first=True,
    ),
    Column(
        id="created",
        source="Created",
        width=122,
        text=lambda row, sight: clock_time(row.created_at, now=sight.now),
        sort=SortField.CREATED,
        descending_first=True,
    ),
    Column(id="next_try", source="Next try", width=82, text=_next_try, right=True),
    Column(
        id="http",
        source="HTTP",
        width=56,
        text=lambda row, _: number(row.http_status) if row.http_status is not None else "",
        right=True,
    ),
    Column(id="key", source="Key", width=250, text=lambda row, _: row.id),
)
"""All columns, in the order in which they appear."""

BY_ID = {column.id: column for column in COLUMNS}
DEFAULT_COLUMNS: tuple[str, ...] = tuple(c.id for c in COLUMNS if c.default)
DEFAULT_SORT = Sort(field=SortField.SEQ, direction="desc")
"""Newest first."""

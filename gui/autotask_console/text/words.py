"""The vocabulary of states: one word, one glyph, one tone for each, the same on every page.

Glyph *and* word are mandatory wherever a state is shown (console.md section 3): simulated colour
blindness collapses several of the colours. The glyphs are all in DejaVu Sans, which is bundled.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from autotask_console.text.translate import tr
from autotask_queue import (
    BreakerMetrics,
    BreakerState,
    Gate,
    GateKind,
    OverrideKind,
    Reason,
    Status,
    gate_for,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from autotask_queue import RequestRow


class Tone(StrEnum):
    """What a colour means; the palettes say which colour it is."""

    ACTIVE = "active"
    WARN = "warn"
    HELD = "held"
    BAD = "bad"
    GOOD = "good"
    QUIET = "quiet"


class UiState(StrEnum):
    """A request's state as a technician sees it; derived from status, reason and gates."""

    WAITING = "waiting"
    SENDING = "sending"
    RETRYING = "retrying"
    CHECKING = "checking"
    HELD = "held"
    BOTH_CHANGED = "both-changed"
    FAILED = "failed"
    SENT = "sent"
    SCHEDULED = "scheduled"
    CANCELLED = "cancelled"
    EXPIRED = "expired"


@dataclass(frozen=True, kw_only=True, slots=True)
class Look:
    """`term` is the technical word, for tooltips and the audit trail."""

    source: str
    glyph: str
    tone: Tone
    term: str

    @property
    def word(self) -> str:
        """In the person's language."""
        return tr(self.source)


UI_STATES: dict[UiState, Look] = {
    UiState.WAITING: Look(source="Waiting", glyph="◷", tone=Tone.ACTIVE, term="pending"),
    UiState.SENDING: Look(source="Sending", glyph="▶", tone=Tone.ACTIVE, term="processing"),
    UiState.RETRYING: Look(source="Retrying", glyph="↻", tone=Tone.WARN, term="retrying"),
    UiState.CHECKING: Look(source="Checking", glyph="?", tone=Tone.WARN, term="uncertain"),
    UiState.HELD: Look(source="Held", glyph="‖", tone=Tone.HELD, term="held"),
    UiState.BOTH_CHANGED: Look(source="Both changed", glyph="⇄", tone=Tone.WARN, term="held (conflict)"),
    UiState.FAILED: Look(source="Failed", glyph="✕", tone=Tone.BAD, term="failed"),
    UiState.SENT: Look(source="Sent", glyph="✓", tone=Tone.GOOD, term="completed"),
    UiState.SCHEDULED: Look(source="Scheduled", glyph="◕", tone=Tone.ACTIVE, term="deferred"),
    UiState.CANCELLED: Look(source="Cancelled", glyph="⊘", tone=Tone.QUIET, term="cancelled"),
    # An hourglass: the only one that DejaVu Sans has is this letter of the Tifinagh script.
    UiState.EXPIRED: Look(source="Expired", glyph="ⴵ", tone=Tone.QUIET, term="expired"),
}

_BY_STATUS: dict[Status, UiState] = {
    Status.PENDING: UiState.WAITING,
    Status.DEFERRED: UiState.SCHEDULED,
    Status.PROCESSING: UiState.SENDING,
    Status.RETRYING: UiState.RETRYING,
    Status.UNCERTAIN: UiState.CHECKING,
    Status.HELD: UiState.HELD,
    Status.COMPLETED: UiState.SENT,
    Status.FAILED: UiState.FAILED,
    Status.CANCELLED: UiState.CANCELLED,
    Status.EXPIRED: UiState.EXPIRED,
}

# Offline and not signed in yet are normal states and shown once, in the banner: requests then wait, they
# are not "held".
_HOLDING_GATES = frozenset({GateKind.PAUSED, GateKind.MAINTENANCE, GateKind.SIGN_IN, GateKind.BREAKER})


def ui_state(row: RequestRow, gate: Gate | None = None) -> UiState:
    """How a request is called; `gate` is the closed gate in front of it (see `gate_before`), if any.

    The queue holds what nothing can send yet. For a person that is only waiting, until somebody signs in;
    with no gate there somebody has, and something else is wrong with it.
    """
    if row.status is Status.HELD and row.reason is Reason.CONFLICT:
        return UiState.BOTH_CHANGED
    unsigned = row.status is Status.HELD and row.reason is Reason.NO_PROCESSOR
    status = Status.PENDING if unsigned and gate is not None else row.status
    if status in {Status.PENDING, Status.RETRYING} and (
        row.reason is Reason.AFTER or (gate is not None and gate.kind in _HOLDING_GATES)
    ):
        return UiState.HELD
    return _BY_STATUS[status]


def gate_before(gates: Sequence[Gate], zone: str, entity: str) -> Gate | None:
    """The closed gate that a request's state is named after.

    What a person holds stays *Held* when somebody chooses to work offline.
    """
    return gate_for(tuple(g for g in gates if g.kind is not GateKind.WORK_OFFLINE), zone, entity) or gate_for(
        tuple(gates), zone, entity
    )


def held_at(gates: Sequence[Gate], zone: str, entity: str) -> bool:
    """Whether what waits at this endpoint is called *Held* for a gate in front of it; see `ui_state`."""
    gate = gate_before(gates, zone, entity)
    return gate is not None and gate.kind in _HOLDING_GATES


def lacks_sign_in(gates: Sequence[Gate], zone: str, entity: str) -> bool:
    """Whether what waits at this endpoint waits for a sign-in that nobody gave yet."""
    return any(gate.kind is GateKind.NO_PROCESSOR and gate.covers(zone, entity) for gate in gates)


def look(state: UiState | Status) -> Look:
    """Word, glyph and tone of a state, or of a bare status without its row."""
    return UI_STATES[_BY_STATUS[state] if isinstance(state, Status) else state]


def statuses_of(state: UiState) -> tuple[Status, ...]:
    """The stored statuses behind a word, for filters."""
    if state is UiState.BOTH_CHANGED:
        return (Status.HELD,)
    return tuple(s for s, u in _BY_STATUS.items() if u is state)


class BreakerWord(StrEnum):
    """A zone's sending as a technician sees it ("open" would sound like "works")."""

    SENDING = "sending"
    TESTING = "testing"
    STOPPED = "stopped"
    MAINTENANCE = "maintenance"
    FORCED = "forced"


BREAKER_LOOKS: dict[BreakerWord, Look] = {
    BreakerWord.SENDING: Look(source="Sending", glyph="●", tone=Tone.GOOD, term="closed"),
    BreakerWord.TESTING: Look(source="Testing", glyph="◐", tone=Tone.WARN, term="half-open"),
    BreakerWord.STOPPED: Look(source="Stopped", glyph="○", tone=Tone.BAD, term="open"),
    BreakerWord.MAINTENANCE: Look(source="Maintenance", glyph="◼", tone=Tone.HELD, term="forced open"),
    BreakerWord.FORCED: Look(source="Sending anyway", glyph="◉", tone=Tone.WARN, term="forced closed"),
}

_BREAKER_BY_STATE = {
    BreakerState.CLOSED: BreakerWord.SENDING,
    BreakerState.HALF_OPEN: BreakerWord.TESTING,
    BreakerState.OPEN: BreakerWord.STOPPED,
}


def breaker_word(breaker: BreakerMetrics, *, now: float) -> BreakerWord:
    """A person's override of the whole zone, once it has started, wins over the automatic state."""
    override = breaker.override
    if override is not None and (override.starts_at is None or override.starts_at <= now):
        if override.kind is OverrideKind.FORCED_OPEN:
            return BreakerWord.MAINTENANCE
        return BreakerWord.FORCED
    return _BREAKER_BY_STATE[breaker.state]


_PRIORITIES = {10: "Urgent", 8: "High", 5: "Normal", 3: "Low", 1: "Whenever"}


def priority_word(priority: int) -> str:
    """The word, such as "High"; the number where there is no word for it."""
    word = _PRIORITIES.get(priority)
    return tr(word) if word else str(priority)

"""The six numbers of the strip and the badges of the rail: pure functions of the state."""

from __future__ import annotations

from autotask_console.state import AppState
from autotask_console.text import (
    BreakerWord,
    Tone,
    breaker_word,
    clock_time,
    countdown,
    duration,
    number,
    plural,
    tr,
)
from autotask_console.widgets.cells import CellValue
from autotask_queue import EVERY_ZONE, BreakerMetrics, BreakerState, Connectivity, GateKind, Status

CELLS: tuple[tuple[str, str], ...] = (
    ("waiting", "Waiting"),
    ("sending", "Sending"),
    ("needs-you", "Needs you"),
    ("breakers", "Breakers"),
    ("sent", "Sent"),
    ("api", "API this hour"),
)
API_LIMIT = 10_000
"""Calls an hour that Autotask allows to a database, all integrations together."""


def cells(state: AppState, *, now: float) -> dict[str, CellValue]:
    """What each cell shows."""
    if not state.open:
        return {cell_id: CellValue(value="–") for cell_id, _ in CELLS}
    return {
        "waiting": _waiting(state, now),
        "sending": _sending(state),
        "needs-you": _needs_you(state),
        "breakers": _breakers(state, now),
        "sent": _sent(state, now),
        "api": _api(state),
    }


def queue_badge(state: AppState) -> tuple[str, Tone | None]:
    """Of the Queue page: how many wait."""
    return (number(state.waiting) if state.waiting else "", None)


def breakers_badge(state: AppState, *, now: float) -> tuple[str, Tone | None]:
    """Of the Breakers page: a word for the worst of the zones."""
    words = {breaker_word(b, now=now) for b in state.breakers}
    if BreakerWord.STOPPED in words:
        return tr("STOP"), Tone.BAD
    if BreakerWord.MAINTENANCE in words:
        return tr("MAINT"), Tone.HELD
    if BreakerWord.TESTING in words:
        return tr("TEST"), Tone.WARN
    return "", None


def _waiting(state: AppState, now: float) -> CellValue:
    # The figures are as old as the last event, and nothing need have happened since.
    oldest = state.metrics.oldest_age + max(0.0, now - state.metrics.at) if state.metrics else 0.0
    scheduled = state.by_status[Status.DEFERRED]
    if not state.waiting:
        note = tr("nothing waits")
    elif scheduled == state.waiting:
        note = tr("scheduled for later")
    elif state.without_sign_in == state.waiting:
        note = tr("until you sign in")
    else:
        note = tr("oldest {age}", age=duration(oldest)) if oldest >= 1 else ""
    return CellValue(
        value=number(state.waiting),
        note=note,
        points=tuple(float(m.waiting) for m in state.minutes[-30:]),
        tip=tr("Stored on this laptop and not sent yet. Click to see them."),
    )


def _sending(state: AppState) -> CellValue:
    if state.sending:  # what is on the wire is finished, whatever was switched meanwhile
        note = tr("now")
    elif not state.online:
        note = tr("resumes when online")
    else:
        note = tr("paused") if state.paused else tr("idle")
    return CellValue(value=number(state.sending), note=note, tip=tr("On the wire at this moment."))


def _needs_you(state: AppState) -> CellValue:
    failed, held = state.failed, state.held
    parts = []
    if held:
        parts.append(tr("{n} held", n=number(held)))
    if failed:
        parts.append(tr("{n} failed", n=number(failed)))
    tone = Tone.BAD if failed else Tone.WARN if held else None
    return CellValue(
        value=number(failed + held),
        note=" · ".join(parts) or tr("nothing to decide"),
        tone=tone,
        tip=tr("Requests that wait for a decision of yours. Nothing is lost."),
    )


def _breakers(state: AppState, now: float) -> CellValue:
    tip = tr("Whether each zone sends, is tested, stopped, or held for maintenance.")
    everything = next((b for b in state.breakers if b.zone == EVERY_ZONE), None)
    if everything is not None and breaker_word(everything, now=now) is BreakerWord.MAINTENANCE:
        return CellValue(value=tr("all held"), note=_breaker_note(everything, now), tone=Tone.HELD, tip=tip)
    if not state.zones:
        return CellValue(value="–", note=tr("not signed in"), tip=tip)
    found = {b.zone: b for b in state.breakers}
    zones = [found.get(z) or BreakerMetrics(zone=z, state=BreakerState.CLOSED) for z in state.zones]
    refused = {g.zone for g in state.gates if g.kind is GateKind.SIGN_IN}
    groups: dict[str, list[BreakerMetrics]] = {}
    for breaker in zones:
        word = breaker_word(breaker, now=now)
        refuses = word is BreakerWord.SENDING and breaker.zone in refused
        groups.setdefault(_REFUSED if refuses else word.value, []).append(breaker)
    parts = [tr(_SHORT[word], n=len(groups[word])) for word in _SHORT if word in groups]
    worst = next(word for word in reversed(_SHORT) if word in groups)
    value = " · ".join(parts)
    if len(parts) > _PARTS:  # there is room for two: the worst, and that there is more
        others = len(zones) - len(groups[worst])
        value = f"{parts[-1]} · {plural(others, '{n} other', '{n} others')}"
    if worst == _REFUSED:
        note = tr("{zone} refuses the sign-in", zone=groups[worst][0].zone)
    elif worst == BreakerWord.SENDING.value and not state.online:
        note = tr("offline")
    else:
        note = _breaker_note(groups[worst][0], now)
    return CellValue(value=value, note=note, tone=_TONES.get(worst), tip=f"{tip} {', '.join(parts)}.")


_PARTS = 2
_REFUSED = "refused"
_SHORT: dict[str, str] = {
    BreakerWord.SENDING.value: "{n} ok",
    BreakerWord.FORCED.value: "{n} forced",
    BreakerWord.TESTING.value: "{n} testing",
    BreakerWord.MAINTENANCE.value: "{n} maint.",
    _REFUSED: "{n} refused",
    BreakerWord.STOPPED.value: "{n} stopped",
}
"""From good to bad."""
_TONES = {
    BreakerWord.FORCED.value: Tone.WARN,
    BreakerWord.TESTING.value: Tone.WARN,
    BreakerWord.MAINTENANCE.value: Tone.HELD,
    _REFUSED: Tone.WARN,
    BreakerWord.STOPPED.value: Tone.BAD,
}


def _breaker_note(breaker: BreakerMetrics, now: float) -> str:
    zone = tr("all zones") if breaker.zone == EVERY_ZONE else breaker.zone
    match breaker_word(breaker, now=now):
        case BreakerWord.MAINTENANCE:
            until = breaker.override.expires_at if breaker.override else None
            if until is None:
                return tr("{zone} until ended", zone=zone)
            return tr("{zone} back in {left}", zone=zone, left=countdown(until, now=now))
        case BreakerWord.STOPPED:
            if breaker.retry_in is None:
                return zone
            return tr("{zone} test in {left}", zone=zone, left=duration(breaker.retry_in))
        case BreakerWord.TESTING:
            return tr("{zone} is tested", zone=zone)
        case BreakerWord.FORCED:
            return tr("{zone} sends anyway", zone=zone)
        case BreakerWord.SENDING:
            return tr("working normally")


def _sent(state: AppState, now: float) -> CellValue:
    rate = state.metrics.sent_last_minute if state.metrics else 0
    if state.connectivity.state is not Connectivity.ONLINE:
        note = tr("resumes when online")
    elif state.last_sent_at is not None:
        note = tr("last one {time}", time=clock_time(state.last_sent_at, now=now))
    else:
        note = plural(state.by_status[Status.COMPLETED], "{n} in all", "{n} in all")
    return CellValue(
        value=tr("{n} / min", n=number(rate)),
        note=note,
        points=tuple(float(m.sent) for m in state.minutes[-30:]),
        points_tone=Tone.GOOD,
        tip=tr("Answered in the last minute, look-ups included. Click for charts."),
    )


def _api(state: AppState) -> CellValue:
    calls = state.metrics.api_calls_last_hour if state.metrics else 0
    tone = Tone.BAD if calls >= API_LIMIT else Tone.WARN if calls >= API_LIMIT * 0.75 else None
    return CellValue(
        value=number(calls),
        note=tr("of {n}", n=number(API_LIMIT)),
        tone=tone,
        tip=tr(
            "Calls of this laptop in the last 60 minutes. Autotask counts those of all programs together."
        ),
    )

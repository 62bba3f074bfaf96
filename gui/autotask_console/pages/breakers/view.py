"""What the cards say: from the state to words, without a widget, so that every picture is a value.

A card is a zone; its endpoints stand inside it. A hold on everything is a line of its own.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from autotask_console.state import AppState
from autotask_console.text import (
    BREAKER_LOOKS,
    UI_STATES,
    BreakerWord,
    Look,
    UiState,
    breaker_word,
    clock_time,
    countdown,
    gate_sentence,
    held_at,
    latency,
    number,
    percent,
    tr,
)
from autotask_queue import (
    EVERY_ZONE,
    BreakerMetrics,
    BreakerState,
    Counters,
    Override,
    OverrideKind,
    Status,
    gate_for,
)

HELD_STATUSES = (Status.PENDING, Status.RETRYING)
"""What a hold keeps back: the rows that the queue page calls Held while a gate is closed."""

FOLD_ABOVE = 4
"""With more zones than this, those that work normally share one line."""


class Verb(StrEnum):
    """What a card's buttons do."""

    EXTEND = "extend"
    END = "end"
    TEST = "test"
    MAINTENANCE = "maintenance"
    RESUME = "resume"


@dataclass(frozen=True, kw_only=True, slots=True)
class HoldLine:
    """A person's decision in words. `entity` None is the whole zone; `zone` "*" is everything."""

    zone: str
    entity: str | None
    look: Look
    what: str
    when: str
    who: str
    planned: bool
    verbs: tuple[Verb, ...]

    @property
    def sentence(self) -> str:
        return f"{self.what}: {self.look.word}. {self.when}. {self.who}".rstrip(". ") + "."


@dataclass(frozen=True, kw_only=True, slots=True)
class CardView:
    """Everything that one card shows.

    `waiting` are the requests that go out when the zone may send: they are held while it may not.
    `holds` are those of single endpoints and a planned one of the zone. `points` are calls a minute.
    """

    zone: str
    word: BreakerWord
    look: Look
    when: str
    who: str
    waiting: int
    waiting_text: str
    verbs: tuple[Verb, ...]
    holds: tuple[HoldLine, ...]
    endpoints: str
    points: tuple[int, ...]
    points_text: str
    numbers: str
    gated: bool
    """Something else than its breaker stops it: offline, a pause, a refused sign-in."""

    @property
    def healthy(self) -> bool:
        """Nothing about it needs a look: it may share a line with others."""
        return self.word is BreakerWord.SENDING and not self.holds and not self.gated

    @property
    def sentence(self) -> str:
        """All of it for a screen reader."""
        parts = (f"{self.zone}: {self.look.word}", self.when, self.who, self.waiting_text, self.numbers)
        return ". ".join(p.rstrip(".") for p in parts if p) + "."


def zone_names(state: AppState) -> tuple[str, ...]:
    """Every zone that is set up, was used or has requests; by name."""
    known = set(state.zones) | {b.zone for b in state.breakers} | set(state.counters.by_zone())
    return tuple(sorted(known - {EVERY_ZONE}))


def breaker_of(state: AppState, zone: str) -> BreakerMetrics:
    """The breaker of `zone`; one that was never used is closed."""
    found = next((b for b in state.breakers if b.zone == zone), None)
    return found or BreakerMetrics(zone=zone, state=BreakerState.CLOSED)


def waiting(counters: Counters, zone: str, entity: str | None = None) -> int:
    """How many requests a hold of this scope keeps back; `zone` "*" is all zones."""
    return sum(
        cell.count
        for cell in counters.cells
        if zone in (EVERY_ZONE, cell.zone) and entity in (None, cell.entity) and cell.status in HELD_STATUSES
    )


def endpoints_of(state: AppState, zone: str) -> tuple[str, ...]:
    """Endpoints of `zone` that were used, have requests or are held; by name."""
    breaker = breaker_of(state, zone)
    known = set(breaker.endpoints) | {c.entity for c in state.counters.cells if c.zone == zone}
    known |= {o.entity for o in breaker.overrides if o.entity is not None}
    return tuple(sorted(e for e in known if e))


def entity_title(entity: str) -> str:
    """An endpoint's name for people: "TicketNotes" is "Ticket notes"."""
    words = re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[^A-Z]+", entity)
    return " ".join([words[0], *(w if w.isupper() else w.lower() for w in words[1:])]) if words else entity


def scope_title(zone: str, entity: str | None = None) -> str:
    """What a hold is about, inside a sentence: "everything", "zone ww5", "Tickets of ww5"."""
    if zone == EVERY_ZONE:
        return tr("everything")
    if entity is None:
        return tr("zone {zone}", zone=zone)
    return tr("{endpoint} of {zone}", endpoint=entity_title(entity), zone=zone)


def started(override: Override, now: float) -> bool:
    """Whether it is in force rather than planned."""
    return override.starts_at is None or override.starts_at <= now


def hold_in_force(breaker: BreakerMetrics, now: float, entity: str | None = None) -> Override | None:
    """The hold (not a forced close) of exactly this scope that has started."""
    return next(
        (
            o
            for o in breaker.overrides
            if o.entity == entity and o.kind is OverrideKind.FORCED_OPEN and started(o, now)
        ),
        None,
    )


def everything(state: AppState, *, now: float) -> HoldLine | None:
    """The hold on everything, in force or planned."""
    override = next(iter(breaker_of(state, EVERY_ZONE).overrides), None)
    return _hold_line(EVERY_ZONE, override, now=now) if override is not None else None


def card(state: AppState, zone: str, *, now: float) -> CardView:
    """What the card of `zone` says at `now` (seconds since the epoch)."""
    breaker = breaker_of(state, zone)
    every = hold_in_force(breaker_of(state, EVERY_ZONE), now)
    own = breaker.override if breaker.override is not None and started(breaker.override, now) else None
    word = BreakerWord.MAINTENANCE if every is not None else breaker_word(breaker, now=now)
    count = waiting(state.counters, zone)
    gate = gate_for(state.gates, zone, "") if word is BreakerWord.SENDING else None
    if own is not None:
        when, who = _until(own, now=now), _who(own)
    elif every is not None:
        when, who = tr("Held together with everything else."), ""
    elif gate is not None:
        when, who = gate_sentence(gate, now=now), ""
    else:
        when, who = _by_itself(state, breaker, now=now)
    return CardView(
        zone=zone,
        word=word,
        # A zone that works but may not send is neither green nor "Sending".
        look=BREAKER_LOOKS[word] if gate is None else UI_STATES[UiState.WAITING],
        when=when,
        who=who,
        waiting=count,
        waiting_text=_waiting_text(count, held=held_at(state.gates, zone, "")),
        verbs=_zone_verbs(word, own, every),
        holds=_lines(breaker, now=now),
        endpoints=_endpoints(state, zone),
        points=breaker.per_minute,
        points_text=_describe(breaker),
        numbers=_numbers(breaker),
        gated=gate is not None,
    )


def worst_first(cards: Sequence[CardView]) -> list[CardView]:
    """Stopped zones first, quiet healthy ones last; where that is equal, more waiting comes first."""
    return sorted(cards, key=lambda c: (_RANK[c.word], not c.holds, -c.waiting, c.zone))


_RANK = {
    BreakerWord.STOPPED: 0,
    BreakerWord.TESTING: 1,
    BreakerWord.MAINTENANCE: 2,
    BreakerWord.FORCED: 3,
    BreakerWord.SENDING: 4,
}


def _by_itself(state: AppState, breaker: BreakerMetrics, *, now: float) -> tuple[str, str]:
    """When and why of a zone that no person holds."""
    why = _sentence(breaker.reason)
    if breaker.state is BreakerState.OPEN:
        next_test = state.at + (breaker.retry_in or 0.0)
        left = countdown(next_test, now=now)
        when = tr("Next test in {left}", left=left) if next_test > now else tr("The next test is due now")
        since = tr("since {time}", time=clock_time(breaker.since, now=now)) if breaker.since else ""
        return when, " · ".join(p for p in (why or _failures(breaker), since) if p)
    if breaker.state is BreakerState.HALF_OPEN:
        if waiting(state.counters, breaker.zone) == 0:
            return tr("The next request tests it. It resumes when that succeeds."), why
        return tr("Testing with 1 request. It resumes when the test succeeds."), why
    if not any(breaker.per_minute):
        return tr("Ready. Nothing was sent in the last hour."), ""
    return tr("Working normally."), ""


def _until(override: Override, *, now: float) -> str:
    if override.expires_at is None:
        return tr("Until somebody ends it")
    return tr(
        "Until {when} · {left} left",
        when=clock_time(override.expires_at, now=now),
        left=countdown(override.expires_at, now=now),
    )


def _planned(override: Override, *, now: float) -> str:
    start = override.starts_at or now
    when = clock_time(start, now=now)
    left = countdown(start, now=now)
    if override.expires_at is None:
        return tr("Planned from {when} · starts in {left}", when=when, left=left)
    end = clock_time(override.expires_at, now=now)
    return tr("Planned {when} to {end} · starts in {left}", when=when, end=end, left=left)


def _who(override: Override) -> str:
    if override.actor:
        return tr("by {actor} – “{reason}”", actor=override.actor, reason=override.reason)
    return f"“{override.reason}”"


def _zone_verbs(word: BreakerWord, own: Override | None, every: Override | None) -> tuple[Verb, ...]:
    if own is not None:
        extend = (Verb.EXTEND,) if own.expires_at is not None and own.kind is OverrideKind.FORCED_OPEN else ()
        more = (Verb.MAINTENANCE,) if own.kind is OverrideKind.FORCED_CLOSED else ()
        return (*extend, Verb.END, *more)
    if every is not None:
        return (Verb.MAINTENANCE,)
    match word:
        case BreakerWord.STOPPED:
            return (Verb.TEST, Verb.MAINTENANCE, Verb.RESUME)
        case BreakerWord.TESTING:
            return (Verb.MAINTENANCE, Verb.RESUME)
        case _:
            return (Verb.MAINTENANCE,)


def _lines(breaker: BreakerMetrics, *, now: float) -> tuple[HoldLine, ...]:
    """Holds of single endpoints, and what is planned for the zone."""
    shown = [o for o in breaker.overrides if o.entity is not None or not started(o, now)]
    return tuple(
        _hold_line(breaker.zone, o, now=now) for o in sorted(shown, key=lambda o: (o.entity or "", o.since))
    )


def _hold_line(zone: str, override: Override, *, now: float) -> HoldLine:
    planned = not started(override, now)
    extend = (Verb.EXTEND,) if override.expires_at is not None and not planned else ()
    what = scope_title(zone) if override.entity is None else entity_title(override.entity)
    return HoldLine(
        zone=zone,
        entity=override.entity,
        look=BREAKER_LOOKS[BreakerWord.MAINTENANCE],
        what=what[:1].upper() + what[1:],
        when=_planned(override, now=now) if planned else _until(override, now=now),
        who=_who(override),
        planned=planned,
        verbs=(*extend, Verb.END),
    )


def _waiting_text(count: int, *, held: bool) -> str:
    """The same word as on the queue page."""
    if count == 0:
        return ""
    return tr("{n} held", n=number(count)) if held else tr("{n} waiting", n=number(count))


def _endpoints(state: AppState, zone: str) -> str:
    parts = []
    for entity in endpoints_of(state, zone):
        count = waiting(state.counters, zone, entity)
        title = entity_title(entity)
        parts.append(f"{title} ({count})" if count else title)
    return " · ".join(parts)


def _failures(breaker: BreakerMetrics) -> str:
    if not breaker.recent_failed:
        return ""
    return tr(
        "{failed} of the last {total} calls failed", failed=breaker.recent_failed, total=breaker.recent_total
    )


def _numbers(breaker: BreakerMetrics) -> str:
    """Failures of the last minute and the slow end of the last hour."""
    parts = []
    if breaker.recent_total:
        parts.append(tr("{share} failed", share=percent(breaker.recent_failed / breaker.recent_total)))
    if breaker.p95 is not None:
        parts.append(tr("p95 {time}", time=latency(breaker.p95)))
    return " · ".join(parts)


def _describe(breaker: BreakerMetrics) -> str:
    """The sparkline in words."""
    points = breaker.per_minute
    if not any(points):
        return tr("Calls a minute: none in the last 60 min")
    return tr(
        "Calls a minute: {last} now, at most {most} in the last 60 min, {total} in all",
        last=points[-1],
        most=max(points),
        total=sum(points),
    )


def _sentence(reason: str) -> str:
    """The engine's reason as the start of a sentence."""
    return reason[:1].upper() + reason[1:]

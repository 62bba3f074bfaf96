"""The keys of the filter box: what each may hold and what it narrows.

Parser, completion and the Filter menu all read this one table, so they cannot disagree.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from autotask_console.pages.queue.filter_text.amounts import (
    WrongValue,
    age_range,
    number_range,
    time_range,
)
from autotask_console.pages.queue.filter_text.tokens import quoted
from autotask_console.text import UI_STATES, UiState, priority_word, tr
from autotask_queue import Range, Reason, Status

UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
PRIORITIES = (10, 8, 5, 3, 1)


@dataclass(frozen=True, kw_only=True)
class Known:
    """What exists, for completion and to notice a slip. `now` is seconds since the epoch."""

    now: float = 0.0
    zones: tuple[str, ...] = ()
    entities: tuple[str, ...] = ()


@dataclass(kw_only=True)
class Draft:
    """What a text adds up to while it is read."""

    states: set[UiState] | None = None
    statuses: set[Status] | None = None
    fields: dict[str, Any] = field(default_factory=dict)
    words: list[str] = field(default_factory=list)


Take = Callable[[Draft, Sequence[str], Known], None]
"""Puts values into the draft; raises WrongValue with a sentence about the first wrong one."""


@dataclass(frozen=True, kw_only=True)
class Qualifier:
    """One key. `source` says what it is in a few words; `choices` are offered for completion.

    `repeats` says whether it may occur twice; `can_exclude` whether a minus may stand before it.
    """

    key: str
    source: str
    take: Take
    choices: Callable[[Known], tuple[tuple[str, str], ...]]
    can_exclude: bool = False
    repeats: bool = False

    @property
    def help(self) -> str:
        return tr(self.source)


# -- how values become filters


def _states(draft: Draft, values: Sequence[str], _: Known) -> None:
    wanted = {_one(UiState, v, [s.value for s in UiState]) for v in values}
    draft.states = wanted if draft.states is None else draft.states & wanted


def exclude_states(draft: Draft, values: Sequence[str], _: Known) -> None:
    """`-state:failed`: everything else."""
    unwanted = {_one(UiState, v, [s.value for s in UiState]) for v in values}
    draft.states = (set(UiState) if draft.states is None else draft.states) - unwanted


def _statuses(draft: Draft, values: Sequence[str], _: Known) -> None:
    wanted = {_one(Status, v, list(Status)) for v in values}
    draft.statuses = wanted if draft.statuses is None else draft.statuses & wanted


def exclude_statuses(draft: Draft, values: Sequence[str], _: Known) -> None:
    """`-status:failed`: everything else."""
    unwanted = {_one(Status, v, list(Status)) for v in values}
    draft.statuses = (set(Status) if draft.statuses is None else draft.statuses) - unwanted


def _zones(draft: Draft, values: Sequence[str], known: Known) -> None:
    draft.fields["zone"] = tuple(dict.fromkeys(_named(v, known.zones, tr("zone")) for v in values))


def _entities(draft: Draft, values: Sequence[str], known: Known) -> None:
    draft.fields["entity"] = tuple(dict.fromkeys(_entity(v, known.entities) for v in values))


def _operations(draft: Draft, values: Sequence[str], _: Known) -> None:
    methods = [OPERATIONS.get(v.lower()) or _one(str, v.upper(), list(OPERATIONS.values())) for v in values]
    draft.fields["method"] = tuple(dict.fromkeys(methods))


def _ids(draft: Draft, values: Sequence[str], _: Known) -> None:
    lower = [v.lower() for v in values]
    if all(UUID.fullmatch(v) for v in lower):
        draft.fields["ids"] = tuple(dict.fromkeys(lower))
    elif len(lower) == 1:
        draft.words.append(lower[0])
    else:
        raise WrongValue(tr("Give whole ids, or one part of an id."))


def _text(draft: Draft, values: Sequence[str], _: Known) -> None:
    if len(values) > 1:
        raise WrongValue(tr("It takes one number."))
    draft.words.extend(values[0].split())


def _priority(draft: Draft, values: Sequence[str], _: Known) -> None:
    value = _only(values, tr("It takes one priority, or a range such as >=8."))
    numbers = {priority_word(n).lower(): str(n) for n in PRIORITIES}
    found = number_range(numbers.get(value.lower(), value))
    ends = [end for end in (found.min, found.max) if end is not None]
    if any(not 0 <= end <= 11 for end in ends):
        raise WrongValue(tr("Priorities go from 1 to 10; 10 goes first."))
    draft.fields["priority"] = found


def _age(draft: Draft, values: Sequence[str], known: Known) -> None:
    value = _only(values, tr("It takes one age, such as >1h."))
    _narrow(draft, "created", age_range(value.lower(), now=known.now))


def _tries(draft: Draft, values: Sequence[str], _: Known) -> None:
    _narrow(
        draft, "attempts", number_range(_only(values, tr("It takes one number, or a range such as >=3.")))
    )


def _time(name: str) -> Take:
    def take(draft: Draft, values: Sequence[str], known: Known) -> None:
        value = _only(values, tr("It takes one time, or a range such as 2026-09-23..2026-09-24."))
        lowered = value if value[-1:].isdigit() else value.lower()
        _narrow(draft, name, time_range(lowered, now=known.now))

    return take


def _http(draft: Draft, values: Sequence[str], _: Known) -> None:
    found: set[int] = set()
    for value in values:
        if re.fullmatch(r"[1-5]xx", value.lower()):
            low = int(value[0]) * 100
            span = Range(min=low, max=low + 99)
        else:
            span = number_range(value)
        low, high = int(span.min or 100), int(span.max or 599)
        found.update(n for n in range(max(low, 100), min(high, 599) + 1))
    if not found:
        raise WrongValue(tr("HTTP answers go from 100 to 599: write 503, 5xx or >=500."))
    draft.fields["http_status"] = tuple(sorted(found))


def _reasons(draft: Draft, values: Sequence[str], _: Known) -> None:
    draft.fields["reason"] = tuple(
        dict.fromkeys(_one(Reason, v.replace("-", "_"), list(Reason)) for v in values)
    )


def _exact(name: str) -> Take:
    def take(draft: Draft, values: Sequence[str], _: Known) -> None:
        draft.fields[name] = _only(values, tr("It takes one value."))

    return take


# -- reading values


def _one(kind: type[Any], value: str, choices: Sequence[str]) -> Any:
    found = next((c for c in choices if c.lower() == value.lower()), None)
    if found is None:
        shown = ", ".join(str(c).replace("_", "-") for c in choices)
        raise WrongValue(tr("“{value}” is none of: {choices}.", value=value, choices=shown))
    return kind(found)


def _named(value: str, known: Sequence[str], what: str) -> str:
    found = next((name for name in known if name.lower() == value.lower()), None)
    if found is None:
        if not known:
            raise WrongValue(tr("There is no {what} yet.", what=what))
        choices = ", ".join(known)
        raise WrongValue(
            tr("There is no {what} “{value}”. There is: {choices}.", what=what, value=value, choices=choices)
        )
    return found


def _entity(value: str, known: Sequence[str]) -> str:
    """Tickets may be written ticket, tickets, TICKET or "time entry"."""
    plain = _plain(value)
    for name in known:
        if plain in {_plain(name), _plain(name).removesuffix("s"), _plain(name).removesuffix("ies") + "y"}:
            return name
    return _named(value, known, tr("kind of record"))


def _plain(name: str) -> str:
    return re.sub(r"[\s_-]", "", name).lower()


def _only(values: Sequence[str], otherwise: str) -> str:
    if len(values) != 1:
        raise WrongValue(otherwise)
    return values[0]


def _narrow(draft: Draft, name: str, span: Range) -> None:
    """Two ranges of the same thing must both hold."""
    before: Range = draft.fields.get(name, Range())
    lows = [r.min for r in (before, span) if r.min is not None]
    highs = [r.max for r in (before, span) if r.max is not None]
    draft.fields[name] = Range(min=max(lows, default=None), max=min(highs, default=None))


# -- the table


OPERATIONS = {"create": "POST", "update": "PATCH", "replace": "PUT", "delete": "DELETE", "look-up": "GET"}


def _fixed(*pairs: tuple[str, str]) -> Callable[[Known], tuple[tuple[str, str], ...]]:
    return lambda _: tuple((value, tr(words)) for value, words in pairs)


_SPANS = (
    ("today", "since midnight"),
    ("yesterday", "the day before"),
)

QUALIFIERS: dict[str, Qualifier] = {
    q.key: q
    for q in (
        Qualifier(
            key="state",
            source="how it stands",
            take=_states,
            choices=lambda _: tuple((s.value, f"{look.glyph} {look.word}") for s, look in UI_STATES.items()),
            can_exclude=True,
            repeats=True,
        ),
        Qualifier(
            key="zone",
            source="which connection",
            take=_zones,
            choices=lambda known: tuple((quoted(z), "") for z in known.zones),
        ),
        Qualifier(
            key="entity",
            source="what kind of record",
            take=_entities,
            choices=lambda known: tuple((quoted(e), "") for e in known.entities if e),
        ),
        Qualifier(
            key="op",
            source="what it does",
            take=_operations,
            choices=lambda _: tuple((word, method) for word, method in OPERATIONS.items()),
        ),
        Qualifier(key="id", source="a request's id, or part of it", take=_ids, choices=_fixed()),
        Qualifier(key="ticket", source="a ticket's number", take=_text, choices=_fixed(), repeats=True),
        Qualifier(
            key="prio",
            source="how urgent",
            take=_priority,
            choices=lambda _: (
                *((priority_word(n).lower(), str(n)) for n in PRIORITIES),
                (">=8", tr("high and above")),
            ),
        ),
        Qualifier(
            key="age",
            source="how old",
            take=_age,
            choices=_fixed(
                (">1h", "older than an hour"),
                ("<10m", "in the last ten minutes"),
                (">1d", "older than a day"),
                ("today", "since midnight"),
            ),
            repeats=True,
        ),
        Qualifier(
            key="tries",
            source="how often it was tried",
            take=_tries,
            choices=_fixed(("0", "never"), (">=1", "at least once"), (">=3", "three times or more")),
            repeats=True,
        ),
        Qualifier(
            key="http",
            source="the server's answer",
            take=_http,
            choices=_fixed(("5xx", "trouble at the server"), ("4xx", "refused"), ("429", "too many calls")),
        ),
        Qualifier(
            key="created",
            source="when it was added",
            take=_time("created"),
            choices=_fixed(*_SPANS),
            repeats=True,
        ),
        Qualifier(
            key="finished",
            source="when it was sent or ended",
            take=_time("finished"),
            choices=_fixed(*_SPANS),
            repeats=True,
        ),
        Qualifier(
            key="due",
            source="when it is to go out",
            take=_time("scheduled"),
            choices=_fixed(*_SPANS),
            repeats=True,
        ),
        Qualifier(
            key="reason",
            source="why it is held",
            take=_reasons,
            choices=lambda _: tuple((r.value.replace("_", "-"), "") for r in Reason),
        ),
        Qualifier(
            key="status",
            source="the stored status, whatever the gates are",
            take=_statuses,
            choices=lambda _: tuple((s.value, "") for s in Status),
            can_exclude=True,
            repeats=True,
        ),
        Qualifier(key="path", source="the exact address", take=_exact("endpoint"), choices=_fixed()),
        Qualifier(key="lane", source="the writes of one record", take=_exact("lane"), choices=_fixed()),
    )
}
"""In the order in which completion offers them."""

EXCLUDE: dict[str, Take] = {"state": exclude_states, "status": exclude_statuses}

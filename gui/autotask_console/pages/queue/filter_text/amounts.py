"""Numbers, durations and times as they are written in a filter: `>=3`, `1h30m`, `today`, `a..b`."""

from __future__ import annotations

import re
from datetime import date, datetime, time, timedelta

from autotask_console.text import tr
from autotask_queue import Range

_UNITS = {"s": 1, "m": 60, "min": 60, "h": 3600, "d": 86_400, "w": 604_800}
_DURATION = re.compile(r"(?:\d+(?:\.\d+)?(?:min|[smhdw]))+")
_PART = re.compile(r"(\d+(?:\.\d+)?)(min|[smhdw])")


class WrongValue(ValueError):
    """The value cannot be read. The text is a sentence that says what can."""


def number_range(value: str) -> Range:
    """`3`, `>2`, `>=2`, `<5`, `<=5`, `2..4`; whole numbers.

    Raises:
        WrongValue: it is none of these.
    """
    sign, rest = _sign(value)
    low, high = _ends(rest)
    if high is not None:
        return Range(min=_whole(low), max=_whole(high))
    found = _whole(low)
    match sign:
        case ">":
            return Range(min=found + 1)
        case ">=":
            return Range(min=found)
        case "<":
            return Range(max=found - 1)
        case "<=":
            return Range(max=found)
        case _:
            return Range(min=found, max=found)


def age_range(value: str, *, now: float) -> Range:
    """When something of this age was made: `>1h` (older), `<10m` (younger), `1h..3h`, `today`.

    Raises:
        WrongValue: it is none of these.
    """
    if value == "today":
        return time_range(value, now=now)
    sign, rest = _sign(value)
    low, high = _ends(rest)
    if high is not None:
        return Range(min=now - seconds(high), max=now - seconds(low))
    if sign in {">", ">="}:
        return Range(max=now - seconds(rest))
    if sign in {"<", "<="}:
        return Range(min=now - seconds(rest))
    raise WrongValue(tr("Say which side: >{age} is older, <{age} is younger.", age=rest or "1h"))


def time_range(value: str, *, now: float) -> Range:
    """`today`, `yesterday`, `2026-09-23`, `>=2026-09-23T14:00`, `2026-09-23T14:00..2026-09-23T15:00`.

    Times are those of this laptop's clock; a day is all of it.

    Raises:
        WrongValue: it is none of these.
    """
    sign, rest = _sign(value)
    low, high = _ends(rest)
    if high is not None:
        return Range(min=_moment(low, now)[0], max=_moment(high, now)[1])
    start, end = _moment(rest, now)
    match sign:
        case ">" | ">=":
            return Range(min=start)
        case "<" | "<=":
            return Range(max=end if sign == "<=" else start)
        case _:
            return Range(min=start, max=end)


def moment_text(at: float) -> str:
    """A time as `time_range` reads it, without losing anything."""
    local = datetime.fromtimestamp(at)  # noqa: DTZ006 - what a person writes is this laptop's clock
    plain = local.isoformat()
    # In the hour that the clock is put back, only the offset tells which one is meant.
    if datetime.fromisoformat(plain).timestamp() == local.timestamp() == at:
        return plain
    return datetime.fromtimestamp(at).astimezone().isoformat()


def seconds(text: str) -> float:
    """A duration such as `90s`, `1h30m`, `2d`.

    Raises:
        WrongValue: it is none.
    """
    if not _DURATION.fullmatch(text):
        raise WrongValue(tr("Write a duration such as 30m, 1h or 2d."))
    return sum(float(n) * _UNITS[unit] for n, unit in _PART.findall(text))


def _sign(value: str) -> tuple[str, str]:
    match = re.match(r"(>=|<=|>|<|=)?(.*)", value, re.DOTALL)
    return (match.group(1) or "", match.group(2).strip()) if match else ("", value)


def _ends(rest: str) -> tuple[str, str | None]:
    low, dots, high = rest.partition("..")
    return (low, high) if dots else (rest, None)


def _whole(text: str) -> int:
    if not text.isdecimal():
        raise WrongValue(tr("Write a number such as 3, >=3 or 2..4."))
    return int(text)


def _moment(text: str, now: float) -> tuple[float, float]:
    """The first and the last moment of what is named."""
    today = _local(now).date()
    if text in {"today", "yesterday"}:
        return _day(today if text == "today" else today - timedelta(days=1))
    try:
        if re.fullmatch(r"\d{4}-\d\d-\d\d", text):
            return _day(date.fromisoformat(text))
        at = datetime.fromisoformat(text).timestamp()
    except (ValueError, OverflowError):
        words = tr("Write a time such as today, 2026-09-23 or 2026-09-23T14:00.")
        raise WrongValue(words) from None
    return at, at


def _day(day: date) -> tuple[float, float]:
    start = datetime.combine(day, time())
    end = datetime.combine(day + timedelta(days=1), time())
    return start.timestamp(), end.timestamp() - 1e-3


def midnight(now: float) -> float:
    """When today began on this laptop's clock."""
    return _day(_local(now).date())[0]


def _local(at: float) -> datetime:
    return datetime.fromtimestamp(at).astimezone()

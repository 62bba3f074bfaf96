"""Dates and times as people write them: now, +1d, tomorrow 9:00, 24 Sep 17:00.

Autotask wants UTC; a person thinks in this laptop's time. Everything here is told what time it is.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta, tzinfo

_UNITS = {"m": 1, "min": 1, "h": 60, "d": 1_440, "w": 10_080}
_STEP = re.compile(r"([+-]?)\s*(\d{1,5})\s*(min|[mhdw])", re.IGNORECASE)
_STEPS = re.compile(r"(?:[+-]\s*\d{1,5}\s*(?:min|[mhdw])(?:\s*\d{1,5}\s*(?:min|[mhdw]))*\s*)+", re.IGNORECASE)
_TIME = re.compile(r"(\d{1,2})(?:[:.h](\d{2})(?::\d{2})?)?\s*(am|pm)?", re.IGNORECASE)
_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_MONTHS = (
    "january", "february", "march", "april", "may", "june", "july", "august", "september", "october",
    "november", "december",
)  # fmt: skip
_RELATIVE_DAYS = {"today": 0, "tomorrow": 1, "yesterday": -1}


def parse_moment(
    text: str, *, now: datetime, default_time: time | None = None, zone: tzinfo | None = None
) -> datetime | None:
    """The moment that `text` means, aware; None if it means none.

    Args:
        text: what a person typed.
        now: the present, aware.
        default_time: the time of a day that is named without one; the present time if None.
        zone: whose time is typed; this laptop's if None.
    """
    text = " ".join(text.strip().split())
    if not text:
        return None
    written = _iso(text, zone)
    if written is not None:
        return written
    local = now.astimezone(zone).replace(tzinfo=None)
    meant = _meaning(text.lower(), local, default_time)
    return None if meant is None else _aware(meant, zone)


def parse_day(text: str, *, now: datetime, zone: tzinfo | None = None) -> date | None:
    """The day that `text` means on this laptop's calendar."""
    moment = parse_moment(text, now=now, default_time=time(12), zone=zone)
    return None if moment is None else moment.astimezone(zone).date()


def to_wire(moment: datetime) -> str:
    """As Autotask wants it: `2026-06-03T08:30:00Z`."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def day_to_wire(day: date) -> str:
    """A day without a time: midnight, not converted (autotask-api.md 2.3)."""
    return f"{day.isoformat()}T00:00:00Z"


def from_wire(value: object) -> datetime | None:
    """The moment in a document; without a zone it is UTC. None if it is none."""
    if not isinstance(value, str):
        return None
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def day_from_wire(value: object) -> date | None:
    """The day in a document, as written."""
    moment = from_wire(value)
    return None if moment is None else moment.date()


def written(moment: datetime, *, zone: tzinfo | None = None) -> str:
    """How a field shows it, in this laptop's time: `2026-09-24 17:00`. `parse_moment` reads it back."""
    return f"{moment.astimezone(zone):%Y-%m-%d %H:%M}"


def _aware(moment: datetime, zone: tzinfo | None) -> datetime:
    return moment.astimezone() if zone is None else moment.replace(tzinfo=zone)


def _iso(text: str, zone: tzinfo | None) -> datetime | None:
    if not re.match(r"\d{4}-\d{2}-\d{2}[T ]\d", text):
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else _aware(moment, zone)


def _meaning(text: str, now: datetime, default_time: time | None) -> datetime | None:
    if text == "now":
        return now.replace(second=0, microsecond=0)
    steps = _STEPS.match(text)
    if steps is not None:
        return _after(now + _sum(steps.group()), text[steps.end() :], None)
    at = _time(text)
    if at is not None:
        return datetime.combine(now.date(), at)
    for words in (3, 2, 1):
        head, rest = _split(text, words)
        day = _day(head, now.date())
        if day is not None:
            usual = default_time or now.time().replace(second=0, microsecond=0)
            return _after(datetime.combine(day, usual), rest, usual)
    return None


def _after(moment: datetime, rest: str, usual: time | None) -> datetime | None:
    """`moment` at the time that follows it, if one does; None if something else follows."""
    rest = rest.strip().removeprefix("at ").strip()
    if not rest:
        return moment.replace(second=0, microsecond=0) if usual is None else moment
    at = _time(rest)
    return None if at is None else datetime.combine(moment.date(), at)


def _split(text: str, words: int) -> tuple[str, str]:
    parts = text.split(" ")
    return " ".join(parts[:words]), " ".join(parts[words:])


def _sum(text: str) -> timedelta:
    """Adds up steps; one without a sign goes the way of the one before it: "-1h 30m"."""
    minutes, way = 0, 1
    for sign, count, unit in _STEP.findall(text):
        way = {"+": 1, "-": -1}.get(sign, way)
        minutes += way * int(count) * _UNITS[unit.lower()]
    return timedelta(minutes=minutes)


def _time(text: str) -> time | None:
    found = _TIME.fullmatch(text)
    if found is None or (found.group(2) is None and found.group(3) is None):
        return None  # a bare number is no time
    hour, minute, half = int(found.group(1)), int(found.group(2) or 0), (found.group(3) or "").lower()
    if half:
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + (12 if half == "pm" else 0)
    return time(hour, minute) if hour < 24 and minute < 60 else None


def _day(text: str, today: date) -> date | None:
    if text in _RELATIVE_DAYS:
        return today + timedelta(days=_RELATIVE_DAYS[text])
    weekday = _place(text, _DAYS)
    if weekday is not None:  # the next one, never today
        return today + timedelta(days=(weekday - today.weekday() - 1) % 7 + 1)
    try:
        return _calendar_day(text.replace(",", " "), today)
    except ValueError:
        return None


def _calendar_day(text: str, today: date) -> date | None:
    if re.fullmatch(r"\d{4}-\d{2}-\d{2}", text):
        return date.fromisoformat(text)
    dotted = re.fullmatch(r"(\d{1,2})\.(\d{1,2})\.(\d{4})?", text)
    if dotted:
        return _dated(int(dotted.group(1)), int(dotted.group(2)), dotted.group(3), today)
    named = re.fullmatch(r"(\d{1,2})\.? ([a-z]+)\.?(?: (\d{4}))?", text)
    if named and (month := _place(named.group(2), _MONTHS)) is not None:
        return _dated(int(named.group(1)), month + 1, named.group(3), today)
    named = re.fullmatch(r"([a-z]+)\.? (\d{1,2})(?: +(\d{4}))?", text)
    if named and (month := _place(named.group(1), _MONTHS)) is not None:
        return _dated(int(named.group(2)), month + 1, named.group(3), today)
    return None


def _dated(day: int, month: int, year: str | None, today: date) -> date:
    """Without a year, the one that brings the day nearest to today."""
    if year is not None:
        return date(int(year), month, day)
    near = []
    for candidate in (today.year - 1, today.year, today.year + 1):
        try:
            near.append(date(candidate, month, day))
        except ValueError:  # 29 February
            continue
    return min(near, key=lambda one: abs((one - today).days))


def _place(word: str, names: tuple[str, ...]) -> int | None:
    """Which name it is, by its first three letters or more."""
    if len(word) < 3:
        return None
    return next((place for place, name in enumerate(names) if name.startswith(word)), None)

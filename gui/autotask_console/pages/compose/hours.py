"""Keeps start, end, hours and day of a time entry telling the same story.

Of start, end and hours two say the third. What a person just wrote stands; what follows from it moves.
"""

from __future__ import annotations

import re
from datetime import date, timedelta

from autotask_console.pages.compose import moments
from autotask_console.pages.compose.documents import Document, value_of, with_value

START, END, HOURS, DAY = "startDateTime", "endDateTime", "hoursWorked", "dateWorked"
FIELDS = (START, END, HOURS, DAY)


def consistent(document: Document, changed: str, *, before: Document) -> Document:
    """The document after a person changed the field `changed`; `before` is what stood there.

    The day follows the start as long as it was the start's day before: a day that somebody chose
    otherwise stays.
    """
    if changed in (START, END, HOURS):
        document = _interval(document, changed)
    if changed in (START, HOURS, END):
        document = _day(document, before)
    return document


def _interval(document: Document, changed: str) -> Document:
    start, end = (moments.from_wire(value_of(document, name)) for name in (START, END))
    hours = _hours(value_of(document, HOURS))
    if changed == HOURS:
        if hours is None:
            return document
        if start is not None:
            return with_value(document, END, moments.to_wire(start + hours))
        return document if end is None else with_value(document, START, moments.to_wire(end - hours))
    if changed == START and start is not None and hours is not None and (end is None or end <= start):
        return with_value(document, END, moments.to_wire(start + hours))
    if changed == END and end is not None and hours is not None and start is None:
        return with_value(document, START, moments.to_wire(end - hours))
    if start is not None and end is not None and end > start:
        worked = round((end - start) / timedelta(hours=1), 2)
        return with_value(document, HOURS, _whole(worked))
    return document


def _day(document: Document, before: Document) -> Document:
    chosen = moments.day_from_wire(value_of(document, DAY))
    if chosen is not None and chosen != _start_day(before):
        return document
    day = _start_day(document)
    return document if day is None else with_value(document, DAY, moments.day_to_wire(day))


def _start_day(document: Document) -> date | None:
    start = moments.from_wire(value_of(document, START))
    return None if start is None else start.astimezone().date()


def _hours(value: object) -> timedelta | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= 24:
        return None
    return timedelta(hours=value)


_CLOCK = re.compile(r"(\d{1,2}):([0-5]\d)")
_PARTS = re.compile(r"(?:(\d{1,2}(?:[.,]\d+)?)\s*h(?:ours?)?)?\s*(?:(\d{1,4})\s*m(?:in)?)?", re.IGNORECASE)


def parse_hours(text: str) -> int | float | None:
    """Hours as people write them: 1:30, 1h 30m, 90 min, 1.5 or 1,5. None if it is none of these."""
    text = text.strip()
    clock = _CLOCK.fullmatch(text)
    if clock:
        return _whole(int(clock.group(1)) + int(clock.group(2)) / 60)
    parts = _PARTS.fullmatch(text)
    if parts and any(parts.groups()):
        hours = float((parts.group(1) or "0").replace(",", "."))
        return _whole(hours + int(parts.group(2) or 0) / 60)
    try:
        return _whole(float(text.replace(",", ".")))
    except (ValueError, OverflowError):
        return None


def _whole(hours: float) -> int | float:
    hours = round(hours, 4)
    return int(hours) if hours == int(hours) else hours

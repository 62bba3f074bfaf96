"""Moments and durations as people type and read them."""

from __future__ import annotations

import re
import time
from datetime import datetime

_UNITS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800}
_DURATION = re.compile(r"(?:\d+(?:\.\d+)?[smhdw])+")
_STEP = re.compile(r"(\d+(?:\.\d+)?)([smhdw])")
_LONGEST = 10 * 365 * 86_400


def parse_duration(text: str) -> float:
    """Seconds of "90", "15m", "1h30m", "2d".

    Raises:
        ValueError: it is none of those, or not between 0 and ten years.
    """
    text = text.strip().lower()
    if re.fullmatch(r"\d+(?:\.\d+)?", text):
        seconds = float(text)
    elif _DURATION.fullmatch(text):
        seconds = sum(float(number) * _UNITS[unit] for number, unit in _STEP.findall(text))
    else:
        raise ValueError("give seconds, or a time such as 90s, 15m, 2h, 1d or 1h30m")
    if not 0 < seconds <= _LONGEST:
        raise ValueError("it must be more than nothing and at most ten years")
    return seconds


def parse_moment(text: str, now: float) -> float:
    """Seconds since the epoch of "+1h" (from now) or of an ISO time; local time if it names no zone.

    Raises:
        ValueError: it is neither.
    """
    text = text.strip()
    if text.startswith("+"):
        return now + parse_duration(text[1:])
    try:
        return datetime.fromisoformat(text).astimezone().timestamp()
    except (ValueError, OverflowError, OSError):
        raise ValueError("give a time such as 2026-03-01T09:30, or +2h for in two hours") from None


def say_moment(at: float | None) -> str:
    """Local date and time; empty for None."""
    if at is None:
        return ""
    try:
        return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(at))
    except (ValueError, OverflowError, OSError):
        return f"{at:g}"


def say_duration(seconds: float) -> str:
    """In its largest fitting unit: "4 s", "12 min", "3 h", "2 days"."""
    seconds = max(0.0, seconds)
    if seconds < 1:
        return f"{seconds * 1_000:.0f} ms"
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 90 * 60:
        return f"{seconds / 60:.0f} min"
    if seconds < 36 * 3_600:
        return f"{seconds / 3_600:.0f} h"
    return f"{seconds / 86_400:.0f} days"

"""Checks what callers hand in, field by field, so that nothing is stored that could not be read again.

A type checker is not asked of those who embed the queue. What has the wrong type, has no words in JSON
or would be changed on the way is refused here by its name: a row that cannot be decoded would stop
everybody else's, too.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final

import msgspec

from autotask_queue.model.errors import InvalidRequest
from autotask_queue.model.request import JSON, MAX_PRIORITY, MIN_PRIORITY, OnDuplicate
from autotask_queue.model.status import Effect

MAX_BODY: Final = 8 * 1024 * 1024
"""Bytes of JSON; the attachments of Autotask stay below 7 MB."""
MAX_DEPTH: Final = 100
"""Lists and tables inside one another: far below what any reader's stack can hold."""
MAX_ENDPOINT: Final = 2_000
MAX_NAME: Final = 200
_YEAR_10000: Final = 253_402_300_800.0
_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"})
_UNFIT: Final = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
"""Control characters, line ends, and halves of characters, which no encoding has."""
_HALVES: Final = re.compile("[\ud800-\udfff]")
_HEADER_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,200}")


def check(given: Mapping[str, Any]) -> dict[str, Any]:
    """The fields as they are stored: documents are copies, words are enums.

    Raises:
        InvalidRequest: with a sentence for each field that cannot be taken.
    """
    taken: dict[str, Any] = {}
    problems: list[str] = []
    for name, value in given.items():
        try:
            taken[name] = _FIELDS[name](name, value)
        except _Refused as refused:
            problems.append(str(refused))
    if problems:
        raise InvalidRequest("; ".join(problems) + ".")
    return taken


def check_seconds(name: str, seconds: object) -> None:
    """Refuses what is no length of time, or no point in it.

    Raises:
        ValueError: it is none.
    """
    number = _number(seconds)
    if number is None or not 0 < number < _YEAR_10000:
        raise ValueError(f"{name} must be more than 0 seconds, got {_shown(seconds)}")


def check_zone_name(zone: object) -> None:
    """Refuses what names no zone and not all of them.

    Raises:
        ValueError: it does not.
    """
    if not isinstance(zone, str) or not zone:
        raise ValueError(f"a hold needs the name of a zone, or *, got {_shown(zone)}")


class _Refused(Exception):
    """What is wrong with one field."""


def _text(name: str, value: object, *, most: int = MAX_NAME) -> str:
    if not isinstance(value, str):
        raise _Refused(f"{name} must be text, got {_shown(value)}")
    if not value.strip() or len(value) > most or _UNFIT.search(value):
        raise _Refused(f"{name} must be 1 to {most} characters without line ends, got {_shown(value)}")
    return value


def _endpoint(name: str, value: object) -> str:
    if not isinstance(value, str) or not value.startswith("/"):
        raise _Refused(f"the {name} must start with /, got {_shown(value)}")
    if len(value) > MAX_ENDPOINT or _UNFIT.search(value) or any(c.isspace() for c in value):
        raise _Refused(f"the {name} must be at most {MAX_ENDPOINT} characters without blanks")
    return value


def _method(name: str, value: object) -> str:
    method = value.upper() if isinstance(value, str) else ""
    if method not in _METHODS:
        known = ", ".join(sorted(_METHODS))
        raise _Refused(f"the {name} {_shown(value)} is not an HTTP method; these are: {known}")
    return method


def _zone(name: str, value: object) -> str:
    zone = _text(name, value, most=64)
    if zone == "*":
        raise _Refused(f"the {name} needs a name; * stands for all of them")
    return zone


def _summary(name: str, value: object) -> str:
    if not isinstance(value, str):
        raise _Refused(f"{name} must be text, got {_shown(value)}")
    if _HALVES.search(value):
        raise _Refused(f"{name} holds halves of characters, got {_shown(value)}")
    return one_line(value)


def one_line(text: str) -> str:
    """Text as a list can show it: what cannot be shown is a single blank, and a long end is cut off."""
    return " ".join(_UNFIT.sub(" ", text).split())[:MAX_NAME]


def _whole(name: str, value: object, *, least: int, most: int, more: str = "") -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        raise _Refused(f"{name} must be a whole number from {least} to {most}{more}, got {_shown(value)}")
    return value


def _priority(name: str, value: object) -> int:
    return _whole(name, value, least=MIN_PRIORITY, most=MAX_PRIORITY, more=" (10 goes first)")


def _retries(name: str, value: object) -> int:
    return _whole(name, value, least=0, most=100)


def _flag(name: str, value: object) -> bool:
    if not isinstance(value, bool):
        raise _Refused(f"{name} must be True or False, got {_shown(value)}")
    return value


def _timeout(name: str, value: object) -> float:
    seconds = _number(value)
    if seconds is None or not 0 < seconds <= 310:
        raise _Refused(f"{name} must be more than 0 and at most 310 seconds, got {_shown(value)}")
    return seconds


def _time(name: str, value: object) -> float:
    seconds = _number(value)
    if seconds is not None and 0 <= seconds < _YEAR_10000:
        return seconds
    hint = ""
    if isinstance(value, datetime):
        hint = "; use .timestamp() of a datetime with a time zone"
    elif seconds is not None and _YEAR_10000 <= seconds < math.inf:
        hint = "; that looks like milliseconds"
    raise _Refused(f"{name} must be seconds since the epoch, got {_shown(value)}{hint}")


def _effect(name: str, value: object) -> Effect:
    try:
        return Effect(str(value))
    except ValueError:
        raise _Refused(f"{name} must be read or write, got {_shown(value)}") from None


def _on_duplicate(name: str, value: object) -> OnDuplicate:
    try:
        return OnDuplicate(str(value))
    except ValueError:
        raise _Refused(f"{name} must be reject, replace or keep_first, got {_shown(value)}") from None


def _ids(name: str, value: object) -> tuple[str, ...]:
    if isinstance(value, str) or not isinstance(value, list | tuple | set | frozenset):
        raise _Refused(f"{name} must be a list of ids, got {_shown(value)}")
    return tuple(_text(name, one) for one in value)


def _headers(name: str, value: object) -> dict[str, str]:
    if not isinstance(value, Mapping):
        raise _Refused(f"{name} must be a table of names and texts, got {_shown(value)}")
    for key, text in value.items():
        if not isinstance(key, str) or not _HEADER_NAME.fullmatch(key):
            raise _Refused(f"{name} has {_shown(key)}, which is no name of a header")
        if not isinstance(text, str) or _UNFIT.search(text):
            raise _Refused(f"{name} must hold text without line ends; {key} is {_shown(text)}")
    return dict(_document(name, dict(value)))


def _table(name: str, value: object) -> dict[str, JSON]:
    if not isinstance(value, Mapping):
        raise _Refused(f"{name} must be a table, got {_shown(value)}")
    return dict(_document(name, dict(value)))


def _document(name: str, value: JSON) -> JSON:
    """A copy of a document that JSON can hold as it is."""
    problem = _not_json(value)
    if problem:
        raise _Refused(f"{name} must be JSON; {problem}")
    try:
        encoded = msgspec.json.encode(value)
    except (UnicodeError, ValueError, OverflowError) as error:
        raise _Refused(f"{name} cannot be written as JSON ({str(error)[:100]})") from None
    if len(encoded) > MAX_BODY:
        raise _Refused(f"{name} is larger than {MAX_BODY // 1024 // 1024} MB")
    return msgspec.json.decode(encoded)


def _not_json(document: JSON) -> str:
    """What a document holds that JSON has no words for; empty if nothing. Never recurses."""
    level, depth = [document], 0
    while level:
        if depth > MAX_DEPTH:
            return f"it is nested more than {MAX_DEPTH} deep"
        below: list[JSON] = []
        for value in level:
            if isinstance(value, dict):
                wrong = next((key for key in value if not isinstance(key, str)), None)
                if wrong is not None or None in value:
                    return f"its names must be text, got {_shown(wrong)}"
                below.extend(value.values())
            elif isinstance(value, list | tuple):
                below.extend(value)
            elif isinstance(value, float):
                if not math.isfinite(value):
                    return f"it holds {value}, which is no number there"
            elif value is not None and not isinstance(value, str | int | bool):
                return f"it holds {_shown(value)}"
        level, depth = below, depth + 1
    return ""


def _number(value: object) -> float | None:
    if not isinstance(value, int | float) or isinstance(value, bool):
        return None
    try:
        return float(value)
    except OverflowError:
        return math.inf


def _shown(value: object) -> str:
    """A value in a message: short, and whatever it is."""
    if isinstance(value, str | int | float | bool | None):
        shown = ascii(value)
        return shown if len(shown) <= 60 else shown[:57] + "…"
    return f"a {type(value).__name__}"


Check = Callable[[str, Any], Any]


def _or_none(check_one: Check) -> Check:
    return lambda name, value: None if value is None else check_one(name, value)


_FIELDS: Final[dict[str, Check]] = {
    "endpoint": _endpoint,
    "method": _method,
    "zone": _zone,
    "priority": _priority,
    "data": _document,
    "headers": _headers,
    "metadata": _table,
    "base": _or_none(_table),
    "retryable": _flag,
    "batchable": _flag,
    "timeout": _or_none(_timeout),
    "max_retries": _retries,
    "scheduled_at": _or_none(_time),
    "expires_at": _or_none(_time),
    "dedup_key": _or_none(_text),
    "on_duplicate": _on_duplicate,
    "depends_on": _ids,
    "lane": _or_none(_text),
    "effect": _or_none(_effect),
    "request_id": _or_none(_text),
    "summary": _summary,
    "actor": lambda name, value: value if value == "" else _text(name, value),
}

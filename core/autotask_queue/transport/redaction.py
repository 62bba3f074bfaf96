"""Keeps secrets out of whatever is logged, stored as a detail or shown.

Two nets: values that stand beside a telling name (`Secret: …`, `"ApiIntegrationCode": "…"`), and values that
are known to be secret, wherever they stand and however they are escaped. Logging is process-wide, and so is
`KNOWN_SECRETS`: whoever reads a secret adds it there.
"""

from __future__ import annotations

import base64
import html
import json
import logging
import re
import traceback
from collections.abc import Mapping
from typing import Any, overload
from urllib.parse import quote, quote_plus

MASK = "[hidden]"
_SHORTEST = 4
"""Characters. Masking every occurrence of something shorter would make texts unreadable."""


class KnownSecrets:
    """Values to be masked wherever they occur. Kept in memory only, for the life of the process."""

    def __init__(self) -> None:
        self._spellings: set[str] = set()
        self._pattern: re.Pattern[str] | None = None

    def add(self, *values: str) -> None:
        """Adds `values`, which are secrets; those of fewer than four characters are left to the other net."""
        for value in values:
            if len(value) >= _SHORTEST:
                self._spellings |= _spellings(value)
        longest_first = sorted(self._spellings, key=len, reverse=True)
        self._pattern = re.compile("|".join(map(re.escape, longest_first)), re.IGNORECASE)
        if not longest_first:
            self._pattern = None

    def mask(self, text: str) -> str:
        """The text with every known secret masked."""
        return self._pattern.sub(MASK, text) if self._pattern else text


def _spellings(value: str) -> set[str]:
    """A secret as it looks in URLs, JSON, JSON in JSON, Python's repr, HTML and Basic authentication."""
    in_json = {json.dumps(value)[1:-1], json.dumps(value, ensure_ascii=False)[1:-1]}
    nested = {json.dumps(one)[1:-1] for one in in_json}
    raw = value.encode("utf-8", "surrogatepass")
    in_urls = {quote(raw, safe=""), quote(raw), quote_plus(raw)}
    return {
        value,
        *in_json,
        *nested,
        *in_urls,
        repr(value)[1:-1],
        repr(raw)[2:-1],
        html.escape(value),
        base64.b64encode(raw).decode(),
    }


KNOWN_SECRETS = KnownSecrets()
"""What `redact` and every `RedactingFilter` mask, wherever it stands: `KNOWN_SECRETS.add(value)`."""

_NAMES = (
    "api[-_]?integration[-_]?code|integration[-_]?code|user[-_]?name|(?:client[-_]?)?secret"
    "|(?:proxy[-_]?)?authorization|password|passphrase|(?:access[-_]?)?token|(?:x[-_]?)?api[-_]?key"
    "|(?:set[-_]?)?cookie"
)
_NAME = re.compile(_NAMES, re.IGNORECASE)
_QUOTED_VALUE = r"""b?\\?"(?:[^"\\]|\\(?!").|\\"(?=[^,}\]\s]))*\\?"|b?'(?:[^'\\]|\\.)*'"""
_BESIDE_NAME = re.compile(
    rf"""
      (?P<line>^(?:>|[^\S\r\n])*(?:{_NAMES})[ \t]*:[ \t]*)[^\r\n]+             # a header line, to its end
    | (?P<pair>(?<![\w-])b?\\?["'](?:{_NAMES})\\?["']\s*[:,=]\s*)(?:{_QUOTED_VALUE}|[^\s,}}\])]+)
    | (?P<word>(?<![\w/-])(?:{_NAMES})\s*(?:=>|:|=)\s*)(?:{_QUOTED_VALUE}|(?:Bearer\s+|Basic\s+)?[^\s&"'<>]+)
    | (?P<query>[?&]user=)[^\s&"'<>]+
    | (?P<address>[a-z][a-z0-9+.-]{{0,30}}://[^\s/@:"'<>]*:)[^\s/"'<>]+(?=@)            # user:password@host
    """,
    re.IGNORECASE | re.VERBOSE | re.MULTILINE,
)


@overload
def redact(value: str, *, known: KnownSecrets = ...) -> str: ...
@overload
def redact(value: Mapping[str, Any], *, known: KnownSecrets = ...) -> dict[str, Any]: ...
@overload
def redact(value: object, *, known: KnownSecrets = ...) -> Any: ...
def redact(value: object, *, known: KnownSecrets = KNOWN_SECRETS) -> Any:
    """A copy with secrets masked: of a text, or of a mapping or list with all that is in it.

    Sign-in headers, and whatever has a name like one, lose their value; known secrets are masked
    everywhere. Numbers and other objects come back as they are.
    """
    match value:
        case str():
            return _redact_text(value, known)
        case bytes() | bytearray():
            return _redact_text(bytes(value).decode("utf-8", "surrogateescape"), known).encode(
                "utf-8", "surrogateescape"
            )
        case Mapping():
            return {
                redact(key, known=known): MASK if _is_telling(key) else redact(one, known=known)
                for key, one in value.items()
            }
        case list() | set() | frozenset():
            return [redact(one, known=known) for one in value]
        case tuple():
            return _redact_tuple(value, known)
        case _:
            return value


def _redact_tuple(value: tuple[object, ...], known: KnownSecrets) -> tuple[object, ...]:
    if len(value) == 2 and _is_telling(value[0]):  # a header, as HTTP libraries keep them
        return (value[0], MASK)
    return tuple(redact(one, known=known) for one in value)


def _is_telling(name: object) -> bool:
    if isinstance(name, bytes):
        name = name.decode("latin-1")
    return isinstance(name, str) and _NAME.fullmatch(name.strip()) is not None


def _redact_text(text: str, known: KnownSecrets) -> str:
    return _BESIDE_NAME.sub(lambda match: f"{next(filter(None, match.groups()))}{MASK}", known.mask(text))


_PLAIN = (int, float, bool, type(None))
_OWN_FIELDS = frozenset(vars(logging.makeLogRecord({}))) - {
    "args",
    "msg",
    "exc_text",
    "stack_info",
    "message",
}
"""What every record has and no caller can fill with a secret."""


class RedactingFilter:
    """A filter for logging handlers that lets every record through, with its secrets masked.

    It redacts the finished message, the traceback, and whatever a caller attached with `extra=`. Put it on
    handlers, not on loggers: a logger's filter does not see what its children log.
    """

    def __init__(self, known: KnownSecrets = KNOWN_SECRETS) -> None:
        self._known = known

    def filter(self, record: logging.LogRecord) -> bool:
        """Changes `record` in place; always True."""
        record.msg, record.args = self._text(_message(record)), None
        if record.exc_info and record.exc_info[1] is not None:
            record.exc_text = "".join(traceback.format_exception(record.exc_info[1])).rstrip("\n")
            record.exc_info = None
        if record.exc_text:
            record.exc_text = self._text(record.exc_text)
        if record.stack_info:
            record.stack_info = self._text(record.stack_info)
        for name, value in list(vars(record).items()):
            if name not in _OWN_FIELDS and name not in {"msg", "args", "exc_text", "stack_info"}:
                setattr(record, name, MASK if _is_telling(name) else self._extra(value))
        return True

    def _text(self, text: str) -> str:
        return _redact_text(text, self._known)

    def _extra(self, value: object) -> object:
        if isinstance(value, _PLAIN):
            return value
        if isinstance(value, str | bytes | Mapping | list | set | frozenset | tuple):
            return redact(value, known=self._known)
        return self._text(repr(value))  # an object that could print itself later, past this filter


def _message(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except (TypeError, ValueError, LookupError, AttributeError, UnicodeError):
        # A wrong format is its author's mistake; the filter must not turn it into a crash of the caller.
        return f"{record.msg!r} {record.args!r}"

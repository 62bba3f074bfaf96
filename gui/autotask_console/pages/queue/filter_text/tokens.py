"""Cuts a filter text into tokens and puts values into it: the grammar, without any meaning.

    text  = token { blank token }
    token = [ "-" ] [ key ":" ] value { "," value }
    value = characters without blank and comma, or anything in double quotes

A comma means *or*, a blank means *and*, a minus means *not*.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

_TOKEN = re.compile(r'(?:"[^"]*"?|[^\s"])+')
_KEY = re.compile(r"(-?)([A-Za-z][A-Za-z-]*):")
_VALUE = re.compile(r'(?:"[^"]*"?|[^,"])+')


@dataclass(frozen=True, kw_only=True, slots=True)
class Token:
    """One token. `key` is "" for free text; `start` and `end` are places in the text."""

    key: str
    values: tuple[str, ...]
    negated: bool
    start: int
    end: int

    @property
    def text(self) -> str:
        return write(self.key, self.values, negated=self.negated)


def tokens(text: str) -> list[Token]:
    """All tokens, in order. Never fails: any text can be cut."""
    return [_token(match) for match in _TOKEN.finditer(text)]


def _token(match: re.Match[str]) -> Token:
    raw = match.group()
    place = {"start": match.start(), "end": match.end()}
    key = _KEY.match(raw)
    if key is not None:
        rest = raw[key.end() :]
        values = tuple(v for part in _VALUE.findall(rest) if (v := _unquoted(part)))
        return Token(key=key.group(2).lower(), values=values, negated=bool(key.group(1)), **place)
    negated = raw.startswith("-") and len(raw) > 1
    words = _unquoted(raw[1:] if negated else raw)
    return Token(key="", values=(words,) if words else (), negated=negated, **place)


def _unquoted(raw: str) -> str:
    return raw.replace('"', "").strip()


def write(key: str, values: Iterable[str], *, negated: bool = False) -> str:
    """The token that means this; values are quoted where they must be."""
    joined = ",".join(quoted(v) for v in values)
    return f"{'-' if negated else ''}{key + ':' if key else ''}{joined}"


def quoted(value: str) -> str:
    """A value as it stands in a text: in quotes if it holds a blank, a comma or a colon."""
    plain = value.replace('"', "")
    return f'"{plain}"' if re.search(r"[\s,:]|^-|^$", plain) else plain


def values_of(text: str, key: str) -> tuple[str, ...]:
    """The values that stand behind `key:`, in lower case; those of negated tokens do not count."""
    return tuple(v.lower() for t in tokens(text) if t.key == key and not t.negated for v in t.values)


def set_value(text: str, key: str, *values: str) -> str:
    """The text with `key:values` in place of all tokens of that key; without it if there are none."""
    added = write(key, values) if values else ""
    out, placed = [], False
    for token in tokens(text):
        if token.key != key:
            out.append(text[token.start : token.end])
        elif added and not placed:
            out.append(added)
            placed = True
    if added and not placed:
        out.append(added)
    return " ".join(out)


def toggle_value(text: str, key: str, value: str) -> str:
    """Adds `value` to those of `key`, or takes it away if it stands there."""
    before = values_of(text, key)
    if value.lower() in before:
        return set_value(text, key, *(v for v in before if v != value.lower()))
    return set_value(text, key, *before, value)

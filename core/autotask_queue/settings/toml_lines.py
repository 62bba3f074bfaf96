"""In which line of a TOML file a key stands: tomllib forgets it, and a mistake should be found quickly."""

from __future__ import annotations

import re

_PART = r"""(?:"[^"\n]*"|'[^'\n]*'|[A-Za-z0-9_-]+)"""
_KEYS = rf"{_PART}(?:\s*\.\s*{_PART})*"
_HEADER = re.compile(rf"\s*\[\[?\s*({_KEYS})\s*\]")
_PAIR = re.compile(rf"\s*({_KEYS})\s*=")
_LONG_STRING = re.compile(r'"""|\'\'\'')


def key_lines(text: str) -> dict[str, int]:
    """The first line of each table and key, by its dotted path.

    Good enough for pointing at a mistake in a file that tomllib could read; keys of inline tables are
    not told apart, see `line_of`.
    """
    found: dict[str, int] = {}
    table: tuple[str, ...] = ()
    long_string = ""
    for number, line in enumerate(text.splitlines(), start=1):
        was_inside = bool(long_string)
        for quotes in _LONG_STRING.findall(line):
            long_string = "" if long_string == quotes else long_string or quotes
        if was_inside:
            continue
        if header := _HEADER.match(line):
            table = _split(header[1])
            found.setdefault(".".join(table), number)
        elif pair := _PAIR.match(line):
            path = (*table, *_split(pair[1]))
            for length in range(len(table) + 1, len(path) + 1):
                found.setdefault(".".join(path[:length]), number)
    return found


def line_of(lines: dict[str, int], path: str) -> int | None:
    """The line of `path`, or of the nearest table around it."""
    while path:
        if path in lines:
            return lines[path]
        path = path.rpartition(".")[0]
    return None


def _split(keys: str) -> tuple[str, ...]:
    return tuple(part.strip("\"'") for part in re.findall(_PART, keys))

"""What is wrong with a nested mapping of settings: unknown keys, wrong types, values out of range.

Every mistake is named, with its dotted path, in words for people. What may be a secret is not repeated.
"""

from __future__ import annotations

import difflib
import re
import types
import typing
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import msgspec

_LONGEST_NAME = 64
_WORDS = {int: "a whole number", float: "a number", bool: "true or false", str: "a text", list: "a list"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Rules:
    """What holds beyond the types. A `*` in a path stands for any name, such as a zone's.

    `limits` has the smallest and the largest value by path; `hidden` the last parts of paths whose values
    are never repeated.
    """

    limits: Mapping[str, tuple[float, float]]
    hidden: frozenset[str]


def find_problems(kind: type[msgspec.Struct], values: object, rules: Rules) -> dict[str, str]:
    """Problems by the path of the setting they are about, in the order of `values`."""
    return dict(_check_struct(kind, values, "", _Places(kind, rules)))


@dataclass(frozen=True, slots=True)
class _Places:
    root: type[msgspec.Struct]
    rules: Rules

    def near(self, key: str, path: str, fields: Mapping[str, object]) -> str:
        """What was meant by an unknown `key`: a setting beside it, or the same word elsewhere."""
        snake = re.sub(r"(?<=[a-z0-9])([A-Z])", r"_\1", key).replace("-", "_").lower()
        elsewhere = [p for p in leaves(self.root) if p.rpartition(".")[2] == snake]
        if snake not in fields and len(elsewhere) == 1 and "*" not in elsewhere[0]:
            return f"; did you mean {elsewhere[0]}?"
        near = difflib.get_close_matches(snake, list(fields), n=1)
        return f"; did you mean {f'{path}.' if path and near[0] == snake else ''}{near[0]}?" if near else ""


def leaves(kind: type[msgspec.Struct], above: str = "") -> Iterator[str]:
    """The paths of all settings; `*` where names are free."""
    for field in msgspec.structs.fields(kind):
        path = f"{above}{field.name}"
        inner = _inner(field.type)
        if inner is not None:
            yield from leaves(inner, f"{path}.*.")
        elif _is_struct(field.type):
            yield from leaves(field.type, f"{path}.")
        else:
            yield path


def _is_struct(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, msgspec.Struct)


def _inner(kind: Any) -> type[msgspec.Struct] | None:
    """The struct of a table with free names."""
    inner = typing.get_args(kind)[1:] if typing.get_origin(kind) is dict else ()
    return inner[0] if inner and _is_struct(inner[0]) else None


def _check_struct(
    kind: type[msgspec.Struct], values: object, path: str, places: _Places
) -> Iterator[tuple[str, str]]:
    if not isinstance(values, Mapping):
        yield path, f"{path or 'the configuration'} must be a table of settings, not {_kind_of(values)}"
        return
    fields = {f.name: f for f in msgspec.structs.fields(kind)}
    for key, value in values.items():
        where = f"{path}.{key}" if path else str(key)
        field = fields.get(key)
        if field is None:
            yield where, f"{where} is not a setting{places.near(str(key), path, fields)}"
        elif _is_struct(field.type):
            yield from _check_struct(field.type, value, where, places)
        elif (inner := _inner(field.type)) is not None:
            yield from _check_named(inner, value, where, places)
        else:
            yield from _check_value(field.type, value, where, places.rules)


def _check_named(
    inner: type[msgspec.Struct], values: object, path: str, places: _Places
) -> Iterator[tuple[str, str]]:
    one = path.removesuffix("s")
    if not isinstance(values, Mapping):
        yield path, f"{path} must be a table with a table for each {one}"
        return
    for name, value in values.items():
        where = f"{path}.{name}"
        known = isinstance(name, str) and name.strip() and name != "*" and "\n" not in name
        if known and len(name) <= _LONGEST_NAME:
            yield from _check_struct(inner, value, where, places)
        else:
            rule = f"a {one}'s name has 1 to {_LONGEST_NAME} characters on one line and is not *"
            yield where, f"{where!r}: {rule}"


def _check_value(kind: Any, value: object, path: str, rules: Rules) -> Iterator[tuple[str, str]]:
    hidden = path.rpartition(".")[2] in rules.hidden
    got = "" if hidden else f", got {value!r}"
    try:
        msgspec.convert(value, kind)
    except msgspec.ValidationError:
        yield path, f"{path} must be {describe_type(kind)}{got}"
        return
    limits = limits_of(path, rules.limits)
    if limits and isinstance(value, int | float) and not limits[0] <= value <= limits[1]:
        yield path, f"{path} must be between {limits[0]:,.10g} and {limits[1]:,.10g}{got}"


def limits_of(path: str, limits: Mapping[str, tuple[float, float]]) -> tuple[float, float] | None:
    """The smallest and the largest value of a setting, if there are any."""
    first, last = path.partition(".")[0], path.rpartition(".")[2]
    return limits.get(path) or limits.get(f"{first}.*.{last}")


def describe_type(kind: Any) -> str:
    """A setting's type in words: "a whole number", "one of priority, fifo"."""
    if typing.get_origin(kind) is Literal:
        return f"one of {', '.join(map(str, typing.get_args(kind)))}"
    if isinstance(kind, types.UnionType):
        parts = [describe_type(one) for one in typing.get_args(kind) if one is not types.NoneType]
        return f"{' or '.join(parts)}, or left out"
    return _WORDS.get(typing.get_origin(kind) or kind, "something else")


def _kind_of(value: object) -> str:
    return _WORDS.get(type(value), "that")

"""What can be typed next: keys, then their values."""

from __future__ import annotations

from dataclasses import dataclass

from autotask_console.pages.queue.filter_text.qualifiers import QUALIFIERS, Known

_MOST = 8
_FIRST_KEYS = ("state", "zone", "entity", "ticket", "age", "tries", "prio", "op")


@dataclass(frozen=True, kw_only=True)
class Completion:
    """`text` and `cursor` are how the box stands after choosing it."""

    text: str
    cursor: int
    label: str
    more: str = ""


@dataclass(frozen=True, kw_only=True)
class _Spot:
    """The part of a text that a completion replaces."""

    text: str
    start: int
    end: int

    def put(self, value: str, *, label: str, more: str) -> Completion:
        text = f"{self.text[: self.start]}{value}{self.text[self.end :]}"
        return Completion(text=text, cursor=self.start + len(value), label=label, more=more)

    def put_key(self, key: str, minus: str = "") -> Completion:
        return self.put(f"{minus}{key}:", label=f"{minus}{key}:", more=QUALIFIERS[key].help)


def complete(text: str, cursor: int, known: Known) -> list[Completion]:
    """Completions of the token before `cursor`; the usual keys for an empty box."""
    before = text[:cursor]
    spot = _Spot(text=text, start=max(before.rfind(" "), before.rfind("\t")) + 1, end=cursor)
    token = before[spot.start :]
    if not token:
        keys = [k for k in _FIRST_KEYS if k != "zone" or len(known.zones) > 1] if not text.strip() else []
        return [spot.put_key(key) for key in keys]
    minus = "-" if token.startswith("-") else ""
    key, colon, typed = token[len(minus) :].partition(":")
    if colon:
        return _values(spot, key.lower(), typed, known)
    return _keys(spot, minus, key.lower(), known)


def _values(spot: _Spot, key: str, typed: str, known: Known) -> list[Completion]:
    qualifier = QUALIFIERS.get(key)
    if qualifier is None:
        return []
    done, comma, part = typed.rpartition(",")
    given = {v.lower() for v in done.split(",")}
    found = [
        (value, more)
        for value, more in qualifier.choices(known)
        if value.strip('"').lower().startswith(part.strip('"').lower()) and value.lower() not in given
    ]
    if [value for value, _ in found] == [part]:
        return []  # nothing is left to complete
    last = _Spot(text=spot.text, start=spot.end - len(part), end=spot.end)
    return [last.put(value, label=f"{key}:{done}{comma}{value}", more=more) for value, more in found][:_MOST]


def _keys(spot: _Spot, minus: str, typed: str, known: Known) -> list[Completion]:
    """Keys that begin so; and states, which people type without their key."""
    keys = [k for k, q in QUALIFIERS.items() if k.startswith(typed) and (q.can_exclude or not minus)]
    found = [spot.put_key(key, minus) for key in keys]
    if not minus and len(typed) > 1:
        found += [
            spot.put(f"state:{value}", label=f"state:{value}", more=more)
            for value, more in QUALIFIERS["state"].choices(known)
            if value.startswith(typed)
        ]
    return found[:_MOST]

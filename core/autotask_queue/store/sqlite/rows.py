"""Between requests and the columns of `request` and `history`."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import compress
from operator import attrgetter, is_not
from typing import Any, Final

import msgspec

from autotask_queue.model.failure import Failure
from autotask_queue.model.request import (
    Attempt,
    AttemptKind,
    AttemptResult,
    Reply,
    Request,
    RequestRow,
)
from autotask_queue.model.status import Effect, Reason, Status
from autotask_queue.store import codec, rules

LISTED: Final = RequestRow.__struct_fields__
"""The columns of a row in a list."""

OWN: Final = ("fence", "dedup_key", "restore_to", "failure", "batch", "merged_into", "flight")
"""What a whole request has beside these and its payload."""

STORED: Final = (*LISTED, *OWN)
"""Columns that carry a field of the same name."""

COLUMNS: Final = (*STORED, "haystack")
"""All columns that `request` and `history` have in common."""

_FIELDS: Final = msgspec.structs.fields(Request)
_HAYSTACK_FIELDS: Final = frozenset(
    {"summary", "search_text", "endpoint", "id", "record_id", "failure_title"}
)

_STATUS: Final = {s.value: s for s in Status}
_EFFECT: Final = {e.value: e for e in Effect}
REASONS: Final[dict[str | None, Reason | None]] = {None: None, **{r.value: r for r in Reason}}
_WORDS: Final = frozenset({Status, Effect, Reason})
_failure_decoder = msgspec.json.Decoder(Failure)
_NAMES: Final = Request.__struct_fields__
_PAYLOAD_FIELDS: Final = frozenset(rules.PAYLOAD)
_CODED_FIELDS: Final = frozenset({"status", "effect", "reason", "restore_to", "failure"})

# Seldom set in a new row: the schema has the same defaults, and what is not written costs nothing.
_RARE_FIELDS: Final = tuple(
    f
    for f in _FIELDS
    if f.name in STORED and f.name not in {"max_retries", "actor"} and f.default is not msgspec.NODEFAULT
)
_RARE: Final = tuple(f.name for f in _RARE_FIELDS)
_RARE_DEFAULTS: Final = tuple(f.default for f in _RARE_FIELDS)
_COMMON: Final = ("status", "effect", *(n for n in STORED if n not in {"status", "effect", *_RARE}))
_COMMON_COLUMNS: Final = (*_COMMON, "haystack")
_common_values = attrgetter(*_COMMON)
_rare_values = attrgetter(*_RARE)

LIST_SQL: Final = ", ".join(LISTED)
REQUEST_SQL: Final = (
    ", ".join(f"t.{name}" for name in STORED)
    + ", (SELECT value FROM payload p WHERE p.seq = t.seq), (SELECT value FROM reply r WHERE r.seq = t.seq)"
)
"""What to select, from a table called t, for `to_request`."""


def columns(request: Request) -> tuple[tuple[str, ...], list[Any]]:
    """What to write into a new row: `COLUMNS` without those that have their default, and the values."""
    values = list(_common_values(request))
    # Plain strings: sqlite3 takes a slower way for subclasses.
    values[0], values[1] = request.status.value, request.effect.value
    values.append(rules.haystack(request))
    rare = _rare_values(request)
    if rare == _RARE_DEFAULTS:
        return _COMMON_COLUMNS, values
    names = list(_COMMON_COLUMNS)
    for name, value, default in zip(_RARE, rare, _RARE_DEFAULTS, strict=True):
        if value != default:
            names.append(name)
            values.append(_plain(value))
    return tuple(names), values


def changed_columns(before: Request, after: Request) -> tuple[dict[str, Any], bool]:
    """Columns whose value differs, with the new ones; and whether the payload is another one.

    `after` was made from `before`: what did not change is the same object in both.
    """
    values = msgspec.structs.astuple(after)
    others = map(is_not, msgspec.structs.astuple(before), values)
    changes: dict[str, Any] = dict(compress(zip(_NAMES, values, strict=True), others))
    changes.pop("reply", None)
    if not _HAYSTACK_FIELDS.isdisjoint(changes):
        changes["haystack"] = rules.haystack(after)
    payload_changed = not _PAYLOAD_FIELDS.isdisjoint(changes)
    if payload_changed:
        changes = {name: value for name, value in changes.items() if name not in _PAYLOAD_FIELDS}
    for name in _CODED_FIELDS & changes.keys():
        changes[name] = _plain(changes[name])
    return changes, payload_changed


def from_failure(failure: Failure | None) -> bytes | None:
    """A failure as its column holds it."""
    return None if failure is None else codec.encode(failure)


def _plain(value: Any) -> Any:
    kind = type(value)
    if kind in _WORDS:
        return value.value
    return from_failure(value) if kind is Failure else value


def to_row(values: Sequence[Any]) -> RequestRow:
    """A row from the columns of `LIST_SQL`."""
    fields = dict(zip(LISTED, values, strict=True))
    fields["status"] = _STATUS[fields["status"]]
    fields["effect"] = _EFFECT[fields["effect"]]
    fields["reason"] = REASONS[fields["reason"]]
    return RequestRow(**fields)


def to_request(values: Sequence[Any]) -> Request:
    """A request from the columns of `REQUEST_SQL`.

    Raises:
        msgspec.DecodeError: what is stored cannot be read; the file is damaged.
    """
    *stored, payload, reply = values
    fields = dict(zip(STORED, stored, strict=True))
    fields["status"] = _STATUS[fields["status"]]
    fields["effect"] = _EFFECT[fields["effect"]]
    fields["reason"] = REASONS[fields["reason"]]
    if fields["restore_to"] is not None:
        fields["restore_to"] = _STATUS[fields["restore_to"]]
    fields["failure"] = to_failure(fields["failure"])
    if reply is not None:
        fields["reply"] = to_reply(reply)
    return Request(**fields, **codec.decode_payload(payload))


def to_failure(value: bytes | None) -> Failure | None:
    """A failure as `from_failure` encoded it."""
    return None if value is None else _failure_decoder.decode(value)


def to_reply(value: bytes) -> Reply:
    """A reply as it is stored."""
    return codec.decode_reply(value)


def to_attempt(values: Sequence[Any]) -> Attempt:
    """An attempt from number, kind, result, started_at, ended_at, http_status, failure, note."""
    number, kind, result, started_at, ended_at, http_status, failure, note = values
    return Attempt(
        number=number,
        kind=AttemptKind(kind),
        result=AttemptResult(result),
        started_at=started_at,
        ended_at=ended_at,
        http_status=http_status,
        failure=to_failure(failure),
        note=note,
    )

"""Between requests and the text columns of a row in Redis.

Everything in a row is text: '' stands for None, numbers keep every digit, and a lane or a key of a
person's own begins with '=', so that an empty one is not taken for none.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from operator import attrgetter
from typing import Any, Final

import msgspec

from autotask_queue.model.errors import InvalidRequest
from autotask_queue.model.failure import Failure
from autotask_queue.model.request import (
    Attempt,
    AttemptKind,
    AttemptResult,
    AuditEntry,
    Request,
    RequestId,
    RequestRow,
)
from autotask_queue.model.status import Effect, Reason, Status
from autotask_queue.ports import AttemptRecord
from autotask_queue.store import codec
from autotask_queue.store.redis.sealing import Seal

_Encode = Callable[[Any], str]
_Decode = Callable[[str], Any]

_failure_decoder = msgspec.json.Decoder(Failure)


def number(value: float) -> str:
    """A number with all its digits.

    Raises:
        InvalidRequest: it is none, or has no end.
    """
    if not math.isfinite(value):
        raise InvalidRequest(f"{value} is no number that can be stored.")
    return repr(value)


def own_text(value: str | None) -> str:
    """A text that may be empty, or None."""
    return "" if value is None else f"={value}"


def _optional(encode: _Encode) -> _Encode:
    return lambda value: "" if value is None else encode(value)


def _or_none(decode: _Decode) -> _Decode:
    return lambda text: decode(text) if text else None


def _from_failure(failure: Failure | None) -> str:
    return "" if failure is None else codec.encode(failure).decode()


_TEXT: Final[tuple[_Encode, _Decode]] = (lambda value: value, lambda text: text)
_WHOLE: Final[tuple[_Encode, _Decode]] = (str, int)
_TIME: Final[tuple[_Encode, _Decode]] = (number, float)
_OWN: Final[tuple[_Encode, _Decode]] = (own_text, lambda text: text[1:] if text else None)


def _word(enum: type[Status | Effect | Reason]) -> tuple[_Encode, _Decode]:
    members = {member.value: member for member in enum}
    return (lambda member: member.value), members.__getitem__


def _maybe(pair: tuple[_Encode, _Decode]) -> tuple[_Encode, _Decode]:
    return _optional(pair[0]), _or_none(pair[1])


_FIELDS: Final[dict[str, tuple[_Encode, _Decode]]] = {
    "id": _TEXT,
    "status": _word(Status),
    "zone": _TEXT,
    "endpoint": _TEXT,
    "method": _TEXT,
    "effect": _word(Effect),
    "entity": _TEXT,
    "priority": _WHOLE,
    "summary": _TEXT,
    "created_at": _TIME,
    "updated_at": _TIME,
    "attempts": _WHOLE,
    "max_retries": _WHOLE,
    "lane": _OWN,
    "reason": _maybe(_word(Reason)),
    "reason_text": _TEXT,
    "scheduled_at": _maybe(_TIME),
    "not_before": _maybe(_TIME),
    "expires_at": _maybe(_TIME),
    "finished_at": _maybe(_TIME),
    "http_status": _maybe(_WHOLE),
    "failure_title": _TEXT,
    "record_id": _maybe(_WHOLE),
    "actor": _TEXT,
    "fence": _WHOLE,
    "dedup_key": _OWN,
    "restore_to": _maybe(_word(Status)),
    "failure": (_from_failure, _or_none(_failure_decoder.decode)),
    "batch": _maybe(_TEXT),
    "merged_into": _maybe(_TEXT),
    "flight": _maybe(_TEXT),
}

_STORES_OWN: Final = ("v", "waits", "rank", "tries", "running", "owner", "deps", "audit", "sent")
"""Version, what it waits for, its rank if raised, attempts made, the running one, its worker, whether it has
parents, entries, and how many writes of its zone had come back when it was sent."""

COLUMNS: Final = (*_FIELDS, *_STORES_OWN)
LISTED: Final = tuple(name for name in RequestRow.__struct_fields__ if name != "seq")

_NAMES: Final = tuple(_FIELDS)
_ENCODERS: Final = tuple(encode for encode, _ in _FIELDS.values())
_DECODERS: Final = tuple((name, decode) for name, (_, decode) in _FIELDS.items())
_LISTED_DECODERS: Final = tuple((name, _FIELDS[name][1]) for name in LISTED)
_VERSION: Final = COLUMNS.index("v")
_values_of = attrgetter(*_NAMES)


class Stored(msgspec.Struct, frozen=True):
    """A request as it was read; a change made from it is refused if the row has another version now."""

    request: Request
    version: str


def columns(request: Request, seal: Seal) -> dict[str, str]:
    """The columns of a new row that are not empty."""
    values = zip(_NAMES, _ENCODERS, _values_of(request), strict=True)
    found = {name: encode(value) for name, encode, value in values}
    found["v"] = "1"
    if request.depends_on:
        found["deps"] = "1"
    return seal.columns(request.id, {name: text for name, text in found.items() if text})


def changed_columns(before: Request, after: Request, seal: Seal) -> dict[str, str]:
    """The columns whose value differs, with the new one."""
    pairs = zip(_NAMES, _ENCODERS, _values_of(before), _values_of(after), strict=True)
    found = {name: encode(new) for name, encode, old, new in pairs if new is not old and new != old}
    return seal.columns(before.id, found)


def column_value(name: str, text: str) -> Any:
    """One column, decoded."""
    return _FIELDS[name][1](text)


def to_stored(
    seq: str, values: Sequence[str], payload: bytes | None, reply: bytes | None, seal: Seal
) -> Stored:
    """A whole request from its columns and documents.

    Raises:
        DataUnreadable: it was sealed with another key, or changed.
        msgspec.DecodeError: what is stored cannot be read.
    """
    opened = seal.open_columns(_NAMES, values)
    fields = {name: decode(text or "") for (name, decode), text in zip(_DECODERS, opened, strict=False)}
    if reply is not None:
        fields["reply"] = codec.decode_reply(seal.open_document("reply", fields["id"], reply))
    written = b"{}" if payload is None else seal.open_document("payload", fields["id"], payload)
    request = Request(seq=int(seq), **fields, **codec.decode_payload(written))
    return Stored(request, values[_VERSION])


def to_row(seq: str, values: Sequence[str], seal: Seal) -> RequestRow:
    """A row from the columns `LISTED`. Raises as `to_stored`."""
    decoders = zip(_LISTED_DECODERS, seal.open_columns(LISTED, values), strict=True)
    return RequestRow(seq=int(seq), **{name: decode(text or "") for (name, decode), text in decoders})


# ---------------------------------------------------------------------------------------------
# Attempts and audit


def from_attempt(record: AttemptRecord, request_id: str, seal: Seal) -> list[str]:
    """How an attempt ended, as the script keeps it."""
    return [
        record.kind.value,
        record.result.value,
        number(record.started_at),
        number(record.ended_at),
        "" if record.http_status is None else str(record.http_status),
        seal.text("failure", request_id, _from_failure(record.failure)),
        seal.text("why", request_id, record.note),
    ]


def to_attempt(place: int, values: Sequence[str], request_id: str, seal: Seal) -> Attempt:
    """The attempt with this number."""
    kind, result, started, ended, http_status, sealed, note = values
    failure = seal.open_text("failure", request_id, sealed)
    return Attempt(
        number=place,
        kind=AttemptKind(kind),
        result=AttemptResult(result),
        started_at=float(started),
        ended_at=float(ended) if ended else None,
        http_status=int(http_status) if http_status else None,
        failure=_failure_decoder.decode(failure) if failure else None,
        note=seal.remark("why", request_id, note),
    )


def from_actor(actor: str, seal: Seal) -> str:
    """Who, as the script writes it down: also beside other requests that change because this one did."""
    return seal.text("by", "", actor)


def from_detail(detail: Mapping[str, Any], request_id: str, seal: Seal) -> str:
    """An entry's further facts, as the script keeps them."""
    return seal.text("detail", request_id, codec.encode(dict(detail)).decode()) if detail else "{}"


def from_audit(entry: AuditEntry, seal: Seal) -> list[Any]:
    """An entry as the script keeps it; the script adds its number."""
    owner = entry.request_id or ""
    return [
        number(entry.at),
        entry.kind,
        from_actor(entry.actor, seal),
        entry.zone,
        entry.request_id or False,
        entry.origin,
        entry.target,
        seal.text("why", owner, entry.why),
        from_detail(entry.detail, owner, seal),
        False,
    ]


def to_audit(values: Sequence[Any], seal: Seal) -> AuditEntry:
    """The entry that the script kept."""
    seq, at, kind, actor, zone, request_id, origin, target, why, written, attempt = values
    owner = request_id or ""
    detail = codec.decode(seal.remark("detail", owner, written).encode())
    if isinstance(attempt, list):
        detail["attempt"] = {"number": attempt[0], "kind": attempt[1], "result": attempt[2]}
    elif attempt:
        detail["attempt"] = attempt
    return AuditEntry(
        seq=seq,
        at=float(at),
        kind=kind,
        actor=seal.remark("by", "", actor),
        zone=zone,
        request_id=RequestId(request_id) if request_id else None,
        origin=origin,
        target=target,
        why=seal.remark("why", owner, why),
        detail=detail,
    )

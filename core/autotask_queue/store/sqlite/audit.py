"""The audit trail as a chain: each entry's hash covers the entry and the hash before it.

Columns find an entry again; `rest` holds what is only read, as a JSON list.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from autotask_queue.model.request import JSON, AuditEntry, RequestId
from autotask_queue.store import codec
from autotask_queue.store.sqlite.driver import Connection

START: Final = bytes(32)
"""What the first entry follows."""

COLUMNS: Final = ("seq", "at", "kind", "request_id", "rest", "prev_hash", "hash")

Found = tuple[int, float, str, RequestId | None]
"""seq, at, kind, request_id."""

Row = tuple[int, float, str, RequestId | None, bytes, bytes, bytes]
"""The values of `COLUMNS`."""

_Rest = tuple[str, str, str, str, str, dict[str, JSON]]
_rest_decoder = msgspec.json.Decoder(_Rest)


class Chain:
    """The end of the trail: numbers and hashes what is added."""

    def __init__(self, seq: int = 0, last: bytes = START) -> None:
        self.seq = seq
        self._last = last

    def link(self, entry: AuditEntry) -> Row:
        """The row of the next entry."""
        self.seq += 1
        e = entry
        rest = codec.encode((e.actor, e.zone, e.origin, e.target, e.why, e.detail))
        found = (self.seq, float(e.at), e.kind, e.request_id)
        before, self._last = self._last, hash_of(self._last, found, rest)
        return *found, rest, before, self._last


def hash_of(before: bytes, found: Found, rest: bytes) -> bytes:
    """SHA-256 of the hash before, the columns that find the entry as a JSON list, and `rest`."""
    return hashlib.sha256(before + codec.encode(found) + rest).digest()


def read(found: Found, rest: bytes) -> AuditEntry:
    """The entry that these columns hold."""
    seq, at, kind, request_id = found
    actor, zone, origin, target, why, detail = _rest_decoder.decode(rest)
    return AuditEntry(
        seq=seq,
        at=at,
        kind=kind,
        actor=actor,
        zone=zone,
        request_id=request_id,
        origin=origin,
        target=target,
        why=why,
        detail=detail,
    )


def entries(
    request_id: RequestId | None,
    kinds: Sequence[str],
    limit: int,
    before_seq: int | None,
    connection: Connection,
) -> list[AuditEntry]:
    """Entries, newest first, of one request or all, of some kinds or all, before a `seq` or the end."""
    where: list[str] = ["1"]
    parameters: list[str | int] = []
    if request_id is not None:
        where.append("request_id = ?")
        parameters.append(request_id)
    if kinds:
        where.append(f"kind IN ({', '.join('?' * len(kinds))})")
        parameters += kinds
    if before_seq is not None:
        where.append("seq < ?")
        parameters.append(before_seq)
    sql = f"SELECT {', '.join(COLUMNS[:5])} FROM audit WHERE {' AND '.join(where)} ORDER BY seq DESC LIMIT ?"
    return [read(row[:4], row[4]) for row in connection.execute(sql, (*parameters, limit)).fetchall()]


def is_readable(rest: bytes) -> bool:
    """Whether `read` would understand it."""
    try:
        _rest_decoder.decode(rest)
    except (msgspec.MsgspecError, TypeError):
        return False
    return True


def first_break(rows: Iterable[Row]) -> int | None:
    """The `seq` of the first row that does not follow from the one before it; None if all do.

    `rows` come in order; the first one's prev_hash is believed.
    """
    last: tuple[int, bytes] | None = None
    for seq, at, kind, request_id, rest, before, own in rows:
        follows = last is None or last == (seq - 1, before)
        if not follows or hash_of(before, (seq, at, kind, request_id), rest) != own:
            return seq
        last = (seq, own)
    return None

"""The audit trail as a chain: each entry's hash covers the entry and the hash before it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from typing import Any, Final

from autotask_queue.model.request import AuditEntry
from autotask_queue.store import codec

START: Final = bytes(32)
"""What the first entry follows."""

COLUMNS: Final = ("seq", "at", "actor", "kind", "zone", "request_id", "origin", "target", "why", "detail")


class Chain:
    """The end of the trail: numbers and hashes what is added."""

    def __init__(self, seq: int = 0, last: bytes = START) -> None:
        self.seq = seq
        self._last = last

    def link(self, entry: AuditEntry) -> tuple[Any, ...]:
        """The entry's columns, `COLUMNS` then prev_hash and hash."""
        self.seq += 1
        columns = (
            self.seq,
            float(entry.at),
            entry.actor,
            str(entry.kind),
            entry.zone,
            entry.request_id,
            str(entry.origin),
            str(entry.target),
            entry.why,
            codec.encode(entry.detail),
        )
        before, self._last = self._last, hash_of(self._last, columns)
        return (*columns, before, self._last)


def hash_of(before: bytes, columns: Sequence[Any]) -> bytes:
    """SHA-256 of the hash before, the columns as a JSON list, and the detail as it is stored."""
    *facts, detail = columns
    return hashlib.sha256(before + codec.encode(facts) + detail).digest()


def first_break(rows: Iterable[Sequence[Any]]) -> int | None:
    """The `seq` of the first entry that does not follow from the one before it; None if all do.

    `rows` are the columns that `Chain.link` makes, in order; the first one's prev_hash is believed.
    """
    last: tuple[int, bytes] | None = None
    for row in rows:
        *columns, before, own = row
        if last is not None and (last[0] + 1, last[1]) != (columns[0], before):
            return int(columns[0])
        if hash_of(before, columns) != own:
            return int(columns[0])
        last = (columns[0], own)
    return None

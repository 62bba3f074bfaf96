"""What goes to the script and what comes back, as values."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import msgspec

from autotask_queue.model.errors import InvalidRequest
from autotask_queue.model.metrics import Cell, Counters
from autotask_queue.model.request import Request
from autotask_queue.model.status import Status
from autotask_queue.store.cells import CellKey
from autotask_queue.store.redis.rows import Stored, to_stored
from autotask_queue.store.redis.sealing import Seal
from autotask_queue.store.rules import PAYLOAD

FORMAT: Final = 1
"""How requests are stored; a number that a later program raises when older ones would not understand."""

_encoder = msgspec.msgpack.Encoder()
_decode = msgspec.msgpack.decode


class Operation(msgspec.Struct, frozen=True):
    """One thing to do, ready to be sent; `documents` go along as they are."""

    packed: msgspec.Raw
    documents: tuple[bytes, ...] = ()


def operation(*parts: Any, documents: tuple[bytes, ...] = ()) -> Operation:
    """Packs an operation of operations.lua.

    Raises:
        InvalidRequest: a text in it is none, such as half a character.
    """
    try:
        return Operation(msgspec.Raw(_encoder.encode(parts)), documents)
    except (UnicodeEncodeError, OverflowError, TypeError, ValueError) as error:
        raise InvalidRequest(f"It holds something that cannot be stored: {error}.") from error


def pack(
    calls: Sequence[Sequence[Operation]], *, writer: str, number: int, version: int, lease: int, key: str
) -> list[bytes]:
    """The arguments of the script for a batch.

    Args:
        calls: what each caller wants.
        writer: who asks.
        number: the batch's own; the same batch, sent again, is done once.
        version: of the counters that the writer knows.
        lease: milliseconds that a claimed request is its worker's without a sign of life.
        key: the name of the key that everything is sealed with; empty without one.
    """
    bases: list[int] = []
    documents: list[bytes] = []
    operations = [one for call in calls for one in call]
    for one in operations:
        bases.append(len(documents) + 1)  # ARGV counts from 1, and the batch itself comes first
        documents += one.documents
    batch = {
        "writer": writer,
        "number": number,
        "version": version,
        "lease": lease,
        "key": key,
        "format": FORMAT,
        "bases": bases,
        "callers": [place for place, call in enumerate(calls) for _ in call],
        "operations": [one.packed for one in operations],
    }
    return [_encoder.encode(batch), *documents]


class Reply:
    """What the script answered; `answers` has one for each operation."""

    def __init__(self, parts: Sequence[bytes], seal: Seal) -> None:
        self._seal = seal
        (
            self.answers,
            rows,
            self._consequences,
            self._cells,
            self._deltas,
            self.version,
            self.last_seq,
            due,
            self.epoch,
        ) = _decode(parts[0])
        self.next_due = float(due) if due else None
        self.rows = read_rows(rows, parts, seal)

    def consequences(self) -> Iterable[Request]:
        """Requests that changed because others did, as they were then."""
        for seq, values in self._consequences:
            found = self.rows.get(seq)
            if found is not None:  # as it was then, with its documents
                yield _with_values(found, seq, values, self._seal)

    def update(self, cells: dict[CellKey, int]) -> bool:
        """Brings counters up to date; whether anything changed."""
        if self._cells is not False:
            cells.clear()
            pairs = iter(self._cells)
            cells.update({_cell(name): int(count) for name, count in zip(pairs, pairs, strict=True)})
            return True
        for name, delta in _items(self._deltas):
            key = _cell(name)
            count = cells.get(key, 0) + delta
            if count:
                cells[key] = count
            else:
                cells.pop(key, None)
        return bool(self._deltas)


def read_rows(rows: Iterable[Sequence[Any]], parts: Sequence[bytes], seal: Seal) -> dict[str, Stored]:
    """Whole requests by `seq`; those that do not exist are left out."""
    return {
        seq: to_stored(
            seq, values, parts[payload] if payload else None, parts[reply] if reply else None, seal
        )
        for seq, values, payload, reply in rows
        if values
    }


def counters(cells: Mapping[CellKey, int]) -> Counters:
    """The cells without their priorities."""
    sums: dict[tuple[str, str, Status], int] = {}
    for (zone, entity, status, _), count in cells.items():
        sums[zone, entity, status] = sums.get((zone, entity, status), 0) + count
    return Counters(
        cells=tuple(
            Cell(zone=zone, entity=entity, status=status, count=count)
            for (zone, entity, status), count in sorted(sums.items())
        )
    )


def _with_values(stored: Stored, seq: str, values: Sequence[str], seal: Seal) -> Request:
    then = to_stored(seq, values, None, None, seal).request
    documents = {name: getattr(stored.request, name) for name in (*PAYLOAD, "reply")}
    return msgspec.structs.replace(then, **documents)


_cell_decoder: Final = msgspec.json.Decoder(tuple[str, str, Status, int])


def _cell(name: str) -> CellKey:
    return _cell_decoder.decode(name)


def _items(table: Any) -> Iterable[tuple[Any, Any]]:
    """The pairs of a Lua table; an empty one arrives as a list."""
    return table.items() if isinstance(table, dict) else ()

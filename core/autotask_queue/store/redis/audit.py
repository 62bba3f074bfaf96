"""The audit trail as a chain: the script links each entry to the one before it.

One chain for the whole queue, whoever writes: the script lets one writer in at a time. Its hash is SHA-1,
the only one that Redis has; what an entry says (from which status, which attempt) is known there alone.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

START: Final = b"0" * 40
"""What the first entry follows."""

Record = tuple[bytes, Sequence[bytes]]
"""One record of the stream: its id, and entry and hash by turns."""


def first_break(records: Iterable[Record], *, after: tuple[int, bytes] = (0, START)) -> int | None:
    """The number of the first entry that does not follow from the one before it; None if all do.

    Args:
        records: in order.
        after: number and hash of the entry before the first of them.
    """
    number, last = after
    for _, parts in records:
        for packed, own in zip(parts[::2], parts[1::2], strict=True):
            number += 1
            chained = hashlib.sha1(last + packed, usedforsecurity=False).hexdigest().encode()
            if chained != own or msgspec.msgpack.decode(packed)[0] != number:
                return number
            last = own
    return None

"""Work on id vectors: arrays of `seq`, 8 MB a million. Pure; what takes long runs in a worker thread.

numpy is loaded only for vectors that are long enough to need it: the first window must not wait for it.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

LONG = 20_000
"""From here on numpy is worth its import, and a worker thread its hops."""


class Order(StrEnum):
    """Whether a vector is in the order of arrival."""

    ASCENDING = "ascending"
    DESCENDING = "descending"
    OTHER = "other"


class Step(StrEnum):
    """How one vector becomes another."""

    SAME = "same"
    INSERT = "insert"
    REMOVE = "remove"
    REARRANGE = "rearrange"


@dataclass(frozen=True, kw_only=True)
class Listing:
    """A new vector, and how it differs from the one that is shown.

    Args:
        vector: every `seq`, in order.
        base: the vector it was compared with.
        step: what turns `base` into `vector`; `first` and `count` say where for INSERT and REMOVE.
        newest: the highest `seq` in it, 0 if empty.
        arrived: how many are newer than everything in `base`.
        places: rows of the `seq` values that were asked for; those that are gone are missing.
    """

    vector: array[int]
    base: array[int]
    step: Step
    first: int = 0
    count: int = 0
    newest: int = 0
    arrived: int = 0
    places: dict[int, int] = field(default_factory=dict)


def compare(
    parts: Sequence[array[int]], order: Order, *, base: array[int], newest: int, wanted: Collection[int] = ()
) -> Listing:
    """Joins disjoint vectors to one and compares it with `base`, whose newest is `newest`."""
    vector = join(parts, order)
    step, first, count = difference(base, vector)
    return Listing(
        vector=vector,
        base=base,
        step=step,
        first=first,
        count=count,
        newest=max(newest_of(vector, order), 0),
        arrived=count_above(vector, newest, order),
        places=locate(vector, wanted, order),
    )


def join(parts: Sequence[array[int]], order: Order) -> array[int]:
    """One vector of several. Without an order of arrival one simply follows the other."""
    filled = [p for p in parts if p]
    if len(filled) <= 1:
        return filled[0] if filled else array("q")
    joined = array("q")
    for part in filled:
        joined.extend(part)
    if order is Order.OTHER:
        return joined
    descending = order is Order.DESCENDING
    if len(joined) < LONG:
        return array("q", sorted(joined, reverse=descending))
    import numpy as np

    values = np.frombuffer(joined, dtype=np.int64).copy()
    values.sort(kind="stable")
    return array("q", (values[::-1] if descending else values).tobytes())


def difference(old: array[int], new: array[int]) -> tuple[Step, int, int]:
    """The one insertion or removal that leads from `old` to `new`, if one does: (step, first, count)."""
    if old == new:
        return Step.SAME, 0, 0
    shorter = min(len(old), len(new))
    start = _common_start(old, new, shorter)
    end = _common_end(old, new, shorter - start)
    if start + end == len(old):
        return Step.INSERT, start, len(new) - len(old)
    if start + end == len(new):
        return Step.REMOVE, start, len(old) - len(new)
    return Step.REARRANGE, 0, 0


def _common_start(old: array[int], new: array[int], most: int) -> int:
    """Bisects: comparing slices is one memory comparison, a loop over a million numbers is not."""
    low, high = 0, most
    while low < high:
        middle = (low + high + 1) // 2
        if old[low:middle] == new[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low


def _common_end(old: array[int], new: array[int], most: int) -> int:
    low, high = 0, most
    while low < high:
        middle = (low + high + 1) // 2
        if old[len(old) - middle : len(old) - low] == new[len(new) - middle : len(new) - low]:
            low = middle
        else:
            high = middle - 1
    return low


def newest_of(vector: array[int], order: Order) -> int:
    """The highest `seq`; 0 if there is none."""
    if not vector:
        return 0
    if order is not Order.OTHER:
        return vector[-1] if order is Order.ASCENDING else vector[0]
    if len(vector) < LONG:
        return max(vector)
    import numpy as np

    return int(np.frombuffer(vector, dtype=np.int64).max())


def count_above(vector: array[int], limit: int, order: Order) -> int:
    """How many are higher than `limit`."""
    if order is Order.ASCENDING:
        return len(vector) - bisect_left(vector, limit + 1)
    if order is Order.DESCENDING:
        return bisect_left(vector, -limit, key=int.__neg__)
    if len(vector) < LONG:
        return sum(seq > limit for seq in vector)
    import numpy as np

    return int((np.frombuffer(vector, dtype=np.int64) > limit).sum())


def locate(vector: array[int], wanted: Collection[int], order: Order) -> dict[int, int]:
    """The rows of `wanted`; those that are not in the vector are left out."""
    if not wanted:
        return {}
    if order is not Order.OTHER:
        return {seq: row for seq in wanted if (row := _bisected(vector, seq, order)) is not None}
    if len(vector) < LONG:
        searched = frozenset(wanted)
        return {seq: row for row, seq in enumerate(vector) if seq in searched}
    import numpy as np

    values = np.frombuffer(vector, dtype=np.int64)
    rows = np.flatnonzero(np.isin(values, np.fromiter(wanted, dtype=np.int64)))
    return {int(values[row]): int(row) for row in rows}


def _bisected(vector: array[int], seq: int, order: Order) -> int | None:
    if order is Order.ASCENDING:
        row = bisect_left(vector, seq)
    else:
        row = bisect_left(vector, -seq, key=int.__neg__)
    return row if row < len(vector) and vector[row] == seq else None

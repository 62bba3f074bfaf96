"""Work that could be done next, as the stores offer it and the strategies choose it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec


class Head(msgspec.Struct, frozen=True, kw_only=True):
    """The oldest ready request of one zone, endpoint and priority."""

    zone: str
    entity: str
    priority: int
    seq: int
    enqueued_at: float
    """`created_at` of the request, seconds since the epoch."""


Strategy = Callable[[Sequence[Head], float], int]
"""Chooses among heads: (heads, now) → index. Pure."""

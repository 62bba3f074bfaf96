"""Counting by the cells of the counters: how many match, without looking at any request."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from autotask_queue.model.filters import RequestFilter
from autotask_queue.model.status import Status

CellKey = tuple[str, str, Status, int]
"""What requests are counted by: zone, entity, status, priority."""

_SHAPE: Final[dict[str, Any]] = {name: getattr(RequestFilter(), name) for name in ("sort", "limit", "cursor")}


def is_countable(query: RequestFilter) -> bool:
    """Whether the counters alone can answer how many match."""
    bare = msgspec.structs.replace(query, zone=(), entity=(), status=(), not_status=(), **_SHAPE)
    return bare == RequestFilter()


def counted(query: RequestFilter, cell: CellKey) -> bool:
    """Whether the requests of a cell match; only if `is_countable`."""
    zone, entity, status, _ = cell
    return (
        (not query.zone or zone in query.zone)
        and (not query.entity or entity in query.entity)
        and (not query.status or status in query.status)
        and status not in query.not_status
    )

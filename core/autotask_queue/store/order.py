"""The order of lists, as keys that compare: what has no value comes first, ties go by `seq`."""

from __future__ import annotations

from typing import Any

from autotask_queue.model.filters import Cursor, RequestFilter, SortField

Key = tuple[bool, Any, int]


def key(value: Any, seq: int) -> Key:
    """The place of a request whose sort field has this value."""
    return (value is not None, 0 if value is None else value, seq)


def behind(query: RequestFilter, keys: list[Key]) -> list[Key]:
    """Sorts keys as the filter wants, and leaves out those up to its cursor."""
    descending = query.sort.direction == "desc"
    keys.sort(reverse=descending)
    if query.cursor is None:
        return keys
    here = cursor_key(query.cursor)
    return [one for one in keys if (one < here if descending else one > here)]


def cursor_key(cursor: Cursor) -> Key:
    """The place of the request that a cursor is behind."""
    return key(cursor.seq if cursor.field is SortField.SEQ else cursor.value, cursor.seq)

"""Requests that share one call: reads by id become one query, successive edits of a record one edit. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from autotask_queue.autotask.routes import LOCAL, Action, Route, value_of
from autotask_queue.model.request import JSON

_CONTENT_ELSEWHERE = "Attachments"
"""A query of these leaves out what a read by id brings: the file itself."""
_USER_DEFINED = "userdefinedfields"


def word_of(route: Route, body: JSON = None) -> str | None:
    """The word of those that may share a call with it; None for what always goes alone."""
    entity, record = route.entity, route.record
    if route.action is Action.UPDATE:
        return _edit_of(route, body)
    if route.action is not Action.GET or route.parent is not None or entity is None or record is None:
        return None
    if not entity.can_query or entity.name.endswith(_CONTENT_ELSEWHERE) or record.startswith(LOCAL):
        return None
    return f"{entity.name} by id"


def _edit_of(route: Route, body: JSON) -> str | None:
    record = route.record or value_of(body, "id")
    return None if record is None or str(record).startswith(LOCAL) else f"edit of {route.path} {record}"


def merged_edit(documents: Sequence[Mapping[str, JSON]]) -> dict[str, JSON]:
    """One edit for several, in their order: of each field, and each user-defined one, the last value."""
    found: dict[str, tuple[str, JSON]] = {}
    for document in documents:
        for name, value in document.items():
            key = name.casefold()  # Autotask does not tell them apart
            before = found.get(key, ("", None))[1]
            both = key == _USER_DEFINED and isinstance(before, list) and isinstance(value, list)
            found[key] = (name, _merged_fields(before, value) if both else value)
    return dict(found.values())


def _merged_fields(before: JSON, after: JSON) -> list[JSON]:
    fields = {str(value_of(field, "name")).casefold(): field for field in (*before, *after)}
    return list(fields.values())


def query_for(records: Sequence[int]) -> dict[str, Any]:
    """The query for these records, at most 500."""
    ids = sorted(set(records))
    return {"MaxRecords": len(ids), "Filter": [{"op": "in", "field": "id", "value": ids}]}


def records_in(body: JSON) -> dict[int, JSON] | None:
    """The records of an answer by their id; None if it is no list of records."""
    items = value_of(body, "items")
    if not isinstance(items, list):
        return None
    found: dict[int, JSON] = {}
    for item in items:
        record = str(value_of(item, "id"))
        if record.isdecimal():
            found[int(record)] = item
    return found

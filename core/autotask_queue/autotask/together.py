"""Reads by id that share one call: `GET /Tickets/1`, `GET /Tickets/2`, … become one query. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from autotask_queue.autotask.routes import LOCAL, Action, Route, value_of
from autotask_queue.model.request import JSON

_CONTENT_ELSEWHERE = "Attachments"
"""A query of these leaves out what a read by id brings: the file itself."""


def word_of(route: Route) -> str | None:
    """The word of those that may share a call with it; None for what always goes alone."""
    entity, record = route.entity, route.record
    if route.action is not Action.GET or route.parent is not None or entity is None or record is None:
        return None
    if not entity.can_query or entity.name.endswith(_CONTENT_ELSEWHERE) or record.startswith(LOCAL):
        return None
    return f"{entity.name} by id"


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

"""Finds out whether a write of unknown outcome arrived: what to ask, and what the answer means. Pure.

A create is looked for by its marker, or else by what was sent (`natural_keys`). A change is read back: if
every value is as it was sent, it is done, whoever did it. A deletion is done when the record is gone.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from autotask_queue.autotask.markers import is_own
from autotask_queue.autotask.natural_keys import SKEW, judge_natural, natural_key, natural_query
from autotask_queue.autotask.routes import LOCAL, Action, Route, is_id, value_of
from autotask_queue.autotask.values import same_value
from autotask_queue.model.request import JSON, Reply, Request
from autotask_queue.ports import HttpReply, LookupResult

_MOST = 10
_TITLES = ("title", "firstName", "lastName")


def can_look_up(route: Route, request: Request) -> bool:
    """Whether there is something to look for."""
    match route.action:
        case Action.CREATE:
            return _has_marker(route, request) or bool(natural_key(route, request))
        case Action.UPDATE:
            record = value_of(request.data, "id")
            readable = route.parent is None or route.entity is not None
            return readable and is_id(record) and not str(record).startswith(LOCAL)
        case Action.DELETE:
            return not (route.record or "").startswith(LOCAL)
        case _:
            return False


def created_query(route: Route, request: Request) -> dict[str, Any]:
    """The query for the record that a create may have made."""
    entity, marker = route.entity, request.marker
    if entity is None or entity.marker is None or marker is None:
        return natural_query(route, request)
    conditions: list[dict[str, JSON]] = [{"op": "eq", "field": entity.marker, "value": marker}]
    if not is_own(marker, request.id) and entity.created_field:
        since = datetime.fromtimestamp(request.created_at - SKEW, UTC)
        conditions.append(
            {"op": "gte", "field": entity.created_field, "value": since.strftime("%Y-%m-%dT%H:%M:%S.000Z")}
        )
    fields = ["id", entity.marker, *(name for name in _TITLES if entity.field(name))]
    if entity.created_field:
        fields.append(entity.created_field)
    return {"MaxRecords": _MOST, "IncludeFields": fields, "Filter": conditions}


def judge_created(route: Route, request: Request, body: JSON) -> LookupResult:
    """What the answer to `created_query` says: exactly one record is adopted."""
    if not _has_marker(route, request):
        return judge_natural(route, request, body)
    marker_field = route.entity.marker if route.entity and route.entity.marker else ""
    items = value_of(body, "items")
    found = [
        item
        for item in (items if isinstance(items, list) else [])
        if str(value_of(item, marker_field)).strip().lower() == str(request.marker).strip().lower()
        and isinstance(value_of(item, "id"), int)
    ]
    if len(found) != 1:
        numbers = ", ".join(str(value_of(item, "id")) for item in found)
        note = f"Autotask has {len(found)} records with this key: {numbers}." if found else ""
        return LookupResult(found=False, absent=items == [], matches=len(found), note=note)
    return _adopted(int(value_of(found[0], "id")), note=_changed_words(request, found[0]))


def _has_marker(route: Route, request: Request) -> bool:
    return request.marker is not None and route.entity is not None and route.entity.marker is not None


def _changed_words(request: Request, item: JSON) -> str:
    """Says so if the record is not quite what was sent: Autotask's duplicate handling may have merged it."""
    for name in _TITLES:
        sent, there = value_of(request.data, name), value_of(item, name)
        if sent is not None and there is not None and not same_value(sent, there):
            return (
                f"Found in Autotask, but its {name} reads “{str(there)[:80]}”. "
                "It may have been merged with a record that was there already."
            )
    return ""


def judge_updated(request: Request, record: JSON) -> LookupResult:
    """What the record says about a change of it."""
    differing = [
        name
        for name, sent in request.data.items()
        if name.lower() != "id" and not same_value(sent, value_of(record, name))
    ]
    if differing:
        return LookupResult(found=False, note=f"Not as sent: {', '.join(differing)}.")
    return _adopted(int(value_of(request.data, "id")), note="The record has the values that were sent.")


def deleted(route: Route) -> LookupResult:
    """The result when a record that was to be deleted is gone."""
    return _adopted(int(route.record or 0), note="The record is gone, as it should be.")


def lookup_path(route: Route, request: Request) -> str:
    """Where the record of a change or a deletion is read: at the root, also if it is written elsewhere."""
    record = route.record or value_of(request.data, "id")
    if route.entity is None and route.parent:
        return route.path
    return f"/{route.name}/{record}"


def first_item(reply: HttpReply) -> JSON:
    """The record in a reply: `item`, or the only one of `items`, as attachments answer."""
    item = value_of(reply.body, "item")
    items = value_of(reply.body, "items")
    return item if item is not None else items[0] if isinstance(items, list) and len(items) == 1 else None


def _adopted(record: int, *, note: str = "") -> LookupResult:
    reply = Reply(status_code=200, body={"itemId": record}, record_id=record, adopted=True)
    return LookupResult(found=True, reply=reply, matches=1, note=note)

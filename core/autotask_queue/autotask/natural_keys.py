"""Finds records that hold no key of ours again by what was sent: notes, time entries. Pure.

They have no free field for a key, and a token in a text would be read by customers. So Autotask is asked for
what was created on the same ticket since the request was composed, and the values are compared here. One that
is equal in all of them is adopted. Where nothing is even similar, it did not arrive. What is similar, but not
equal, may be ours in the server's own spelling: then a person decides.
"""

from __future__ import annotations

import html
import re
from datetime import UTC, datetime
from difflib import SequenceMatcher
from typing import Any

from autotask_queue.autotask.routes import LOCAL, Route, value_of
from autotask_queue.autotask.values import moment, same_value
from autotask_queue.catalogue import Field, FieldType
from autotask_queue.model.request import JSON, Reply, Request
from autotask_queue.ports import LookupResult

SKEW = 600.0
"""Seconds by which this computer's clock and Autotask's may differ."""
MOST = 500
"""Records in one answer; Autotask gives no more."""
SIMILAR = 0.6
"""Share of common text from which on two texts may be one that the server has changed; difflib's measure."""
_COMPARED = 2_000
_TAG = re.compile(r"<[^>]{0,200}>")
NEAR = 900.0
"""Seconds by which a server that rounds times may move them."""


def natural_key(route: Route, request: Request) -> dict[str, JSON]:
    """The values by which a created record is found again; empty if they do not tell it from others.

    At least one must say whose it is (its ticket) and one what it is (a text, a time).
    """
    entity = route.entity
    if entity is None or entity.marker is not None or entity.created_field is None:
        return {}
    values: dict[str, JSON] = {}
    for name in entity.natural_key:
        value = value_of(request.data, name)
        if value is None and entity.parent is not None and name == entity.parent.field:
            value = int(route.parent_id) if route.parent_id and route.parent_id.isdigit() else None
        if isinstance(value, str) and (value.startswith(LOCAL) or not value.strip()):
            value = None
        if value is not None:
            values[name] = value
    owners = [name for name in values if _is_reference(entity.field(name))]
    return values if owners and len(owners) < len(values) else {}


def natural_query(route: Route, request: Request) -> dict[str, Any]:
    """The query for what was created in the same place since `request` was composed."""
    entity = route.entity
    if entity is None or entity.created_field is None:
        raise ValueError("a record without a time of creation cannot be looked for")
    key = natural_key(route, request)
    conditions: list[dict[str, JSON]] = [
        {"op": "eq", "field": name, "value": value}
        for name, value in key.items()
        if _is_reference(entity.field(name))
    ]
    since = datetime.fromtimestamp(request.created_at - SKEW, UTC)
    conditions.append(
        {"op": "gte", "field": entity.created_field, "value": since.strftime("%Y-%m-%dT%H:%M:%S.000Z")}
    )
    return {
        "MaxRecords": MOST,
        "IncludeFields": ["id", *key, entity.created_field],
        "Filter": conditions,
    }


def judge_natural(route: Route, request: Request, body: JSON) -> LookupResult:
    """What the answer to `natural_query` says."""
    key = natural_key(route, request)
    items = value_of(body, "items")
    if not key or not isinstance(items, list):
        return LookupResult(found=False)
    records = [item for item in items if isinstance(value_of(item, "id"), int)]
    exact = [r for r in records if all(same_value(sent, value_of(r, name)) for name, sent in key.items())]
    similar = [r for r in records if r not in exact and _is_similar(route, key, r)]
    absent = not similar and len(records) == len(items) < MOST
    if exact:
        first, *others = [_reply(record) for record in sorted(exact, key=lambda r: int(value_of(r, "id")))]
        return LookupResult(
            found=True,
            reply=first,
            alternatives=tuple(others),
            matches=1,
            absent=absent,
            note="Found by what it says; it has no key of its own in Autotask.",
        )
    numbers = ", ".join(str(value_of(r, "id")) for r in similar[:5])
    note = f"Something like it is there: {numbers}." if similar else ""
    return LookupResult(found=False, absent=absent, note=note)


def _is_similar(route: Route, key: dict[str, JSON], record: JSON) -> bool:
    """Whether `record` may be what was sent, as the server wrote it down: alike in every text and time."""
    for name, sent in key.items():
        field = route.entity.field(name) if route.entity is not None else None
        there = value_of(record, name)
        if field is None or same_value(sent, there):
            continue
        if field.type is FieldType.STRING and not _alike(str(sent), str(there or "")):
            return False
        if field.type in (FieldType.DATETIME, FieldType.DATE) and not _near(sent, there):
            return False
    return True


def _near(sent: JSON, there: JSON) -> bool:
    times = moment(sent), moment(there)
    if times[0] is None or times[1] is None:
        return False
    return abs((times[0] - times[1]).total_seconds()) <= NEAR


def _alike(sent: str, there: str) -> bool:
    ours, theirs = _plain(sent), _plain(there)
    if not ours or not theirs:
        return False
    if ours in theirs or theirs in ours:
        return True
    return SequenceMatcher(None, ours, theirs, autojunk=False).quick_ratio() >= SIMILAR


def _plain(text: str) -> str:
    return " ".join(html.unescape(_TAG.sub(" ", text)).casefold().split())[:_COMPARED]


def _is_reference(field: Field | None) -> bool:
    return field is not None and field.reference is not None


def _reply(record: JSON) -> Reply:
    number = int(value_of(record, "id"))
    return Reply(status_code=200, body={"itemId": number}, record_id=number, adopted=True)

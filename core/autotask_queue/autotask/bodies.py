"""What is sent with a route: the checked body of a query or a document."""

from __future__ import annotations

from urllib.parse import parse_qs

import msgspec

from autotask_queue.autotask.routes import Action, Route, is_id, label_of, refusal, value_of
from autotask_queue.model.request import JSON


def body_of(route: Route, data: JSON) -> JSON:
    """What is sent as the body: a query gets its filter, a new child its parent.

    Raises:
        InvalidRequest: the data does not fit the route.
    """
    match route.action:
        case Action.QUERY | Action.COUNT | Action.NEXT:
            return _query_body(route, data)
        case Action.CREATE | Action.UPDATE | Action.REPLACE:
            return _document(route, data)
        case _:
            return None


def _query_body(route: Route, data: JSON) -> JSON:
    if data is None and route.query and route.action is not Action.NEXT:
        data = _search_of(route.query)
    if data is None and route.action is not Action.NEXT:
        return {"filter": [{"op": "exist", "field": "id"}]}
    if not isinstance(data, dict) or not isinstance(value_of(data, "filter"), list):
        raise refusal(
            "A query needs a filter.",
            'Give data such as { "filter": [ { "op": "eq", "field": "companyID", "value": 175 } ] }.',
        )
    limit = value_of(data, "MaxRecords")
    if limit is not None and (not isinstance(limit, int) or not 1 <= limit <= 500):
        raise refusal(f"MaxRecords is {limit!r}; Autotask takes 1 to 500.", "Correct it, or leave it out.")
    return data


def _search_of(query: str) -> JSON:
    search = parse_qs(query).get("search")
    if not search:
        return None
    try:
        return msgspec.json.decode(search[0])
    except (msgspec.MsgspecError, RecursionError):
        raise refusal("The search in the endpoint is not JSON.", "Give the query as data instead.") from None


def _document(route: Route, data: JSON) -> JSON:
    label = label_of(route.entity) or "record"
    if not isinstance(data, dict) or not data or not all(isinstance(key, str) for key in data):
        raise refusal(f"There is no {label} to send.", 'Give data such as { "title": "Printer down" }.')
    document = dict(data)
    if route.action is not Action.CREATE and not is_id(value_of(document, "id")):
        raise refusal(
            f"It does not say which {label} to change.", 'Add its number to the data, as in "id": 48120.'
        )
    at = route.entity.parent if route.entity else None
    if at is not None and route.parent_id is not None:
        named = value_of(document, at.field)
        if named is None and route.action is Action.CREATE:
            document[at.field] = int(route.parent_id) if route.parent_id.isdigit() else route.parent_id
        elif named is not None and str(named) != route.parent_id:
            raise refusal(
                f"The endpoint speaks of {route.parent_id}, and {at.field} in the data of {named}.",
                "Make both the same, or leave it out of the data.",
            )
    return document

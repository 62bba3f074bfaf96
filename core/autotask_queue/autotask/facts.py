"""What is known of a request when it is submitted: its lane, its marker, its words, its checked data."""

from __future__ import annotations

from typing import Any

from autotask_queue.autotask.bodies import body_of
from autotask_queue.autotask.credentials import OWN_HEADERS
from autotask_queue.autotask.markers import with_marker
from autotask_queue.autotask.routes import LOCAL, Action, Route, parse_route, refusal, value_of
from autotask_queue.autotask.summaries import search_text_of, summary_of
from autotask_queue.autotask.together import word_of
from autotask_queue.catalogue import Severity, validate
from autotask_queue.model.config import ZoneConfig
from autotask_queue.model.request import JSON, Request
from autotask_queue.model.status import Effect
from autotask_queue.ports import Facts


def describe(request: Request, zone: ZoneConfig | None = None) -> Facts:
    """The facts of a request; `zone` supplies a technician's own defaults.

    Raises:
        InvalidRequest: Autotask would certainly refuse it; the message says why, the remedy what to do.
    """
    route = parse_route(request.endpoint, request.method)
    _check_headers(request)
    body = body_of(route, request.data)
    marker = None
    if route.action is Action.CREATE:
        body = _with_defaults(route, body, zone)
        body, marker = with_marker(route.entity, body, request.id)
    _validate(route, body)
    keep = body if route.action.effect is Effect.WRITE else request.data
    return Facts(
        entity=route.segment,
        lane=lane_of(route, body, request),
        effect=route.action.effect,
        summary=summary_of(route, body),
        search_text=search_text_of(route, body),
        marker=marker,
        data=keep,
        batch=word_of(route, body),
    )


def _check_headers(request: Request) -> None:
    for name in request.headers:
        if name.lower() in OWN_HEADERS:
            raise refusal(
                f"The header {name} is set by the program itself.",
                "Leave it out: sign-in details come from the zone and are never stored with a request.",
            )


def _with_defaults(route: Route, body: dict[str, Any], zone: ZoneConfig | None) -> dict[str, Any]:
    if route.name == "TimeEntries" and zone and zone.resource_id and value_of(body, "resourceID") is None:
        return {**body, "resourceID": zone.resource_id}
    return body


def _validate(route: Route, body: JSON) -> None:
    if route.entity is None or route.action not in {Action.CREATE, Action.UPDATE}:
        return
    problems = validate(route.entity, body, update=route.action is Action.UPDATE)
    errors = [one for one in problems if one.severity is Severity.ERROR]
    if errors:
        remedies = dict.fromkeys(one.remedy for one in errors)
        raise refusal(" ".join(one.message for one in errors), " ".join(remedies))


# ---------------------------------------------------------------------------------------------
# Lanes


def lane_of(route: Route, body: JSON, request: Request) -> str | None:
    """The record whose writes must stay in order; None for reads.

    What belongs to a ticket joins the ticket's lane. A record that is not created yet has the lane of the
    request that creates it.
    """
    if route.action.effect is Effect.READ:
        return None
    owner = _owner(route, body)
    if owner is None:
        return f"{LOCAL}{request.id}"
    entity, record = owner
    return record if record.startswith(LOCAL) else f"{request.zone}/{entity}/{record}"


def _owner(route: Route, body: JSON) -> tuple[str, str] | None:
    """The record that decides the order, as (entity, id); None for one that is only being created."""
    stands_alone = route.entity is not None and route.entity.marker is not None
    if route.parent and route.parent_id and not stands_alone:
        return route.parent, route.parent_id
    if route.name == "TimeEntries":
        for field, entity in (("ticketID", "Tickets"), ("taskID", "Tasks")):
            record = value_of(body, field)
            if record is not None:
                return entity, str(record)
    if route.action is Action.CREATE:
        return None
    return route.name, route.record or str(value_of(body, "id"))

"""Asking Autotask for records, through the queue like everything else: limits hold for reads too.

A look-up is for now: it has an end, so that one asked just before the network went does not come back
hours later.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import uuid
from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import msgspec

from autotask_console.models.references import KEPT
from autotask_console.text import tr
from autotask_queue import GateKind, QueueError, RequestFailed, RequestId, Status
from autotask_queue.catalogue import PicklistValue

if TYPE_CHECKING:
    from autotask_console.models.references import References
    from autotask_console.state import AppState
    from autotask_queue import Clock, QueueManager

PATIENCE = 45.0
"""Seconds after which an unanswered look-up is given up."""
PAGE = 500
MAX_PAGES = 10
ASKED, BACKGROUND = 9, 3
"""Priorities: a person waits for the first kind."""

LISTS: dict[str, list[dict[str, Any]]] = {
    "Resources": [{"op": "eq", "field": "isActive", "value": True}],
    "Roles": [{"op": "eq", "field": "isActive", "value": True}],
    "ResourceRoles": [{"op": "eq", "field": "isActive", "value": True}],
    "BillingCodes": [{"op": "eq", "field": "isActive", "value": True}],
    "Companies": [{"op": "eq", "field": "isActive", "value": True}],
    "Contacts": [{"op": "eq", "field": "isActive", "value": 1}],
    # 5 is "Complete" in every tenant (autotask-api.md 2.5).
    "Tickets": [{"op": "noteq", "field": "status", "value": 5}],
}
"""What is fetched so that requests can be composed without a network, smallest first."""

DESCRIBED = ("Tickets", "TicketNotes", "TimeEntries")
"""Entities whose picklists are the tenant's own."""

SEARCHABLE = ("Tickets", "Companies", "Contacts")


class Obstacle(StrEnum):
    """Why Autotask cannot be asked now."""

    NO_SIGN_IN = "no-sign-in"
    OFFLINE = "offline"
    HELD = "held"


def obstacle(state: AppState, zone: str) -> Obstacle | None:
    """What stands between this laptop and a zone; None if it can be asked."""
    if zone not in state.zones:
        return Obstacle.NO_SIGN_IN
    if not state.online:  # probing is on the way there
        return Obstacle.OFFLINE
    kinds = {gate.kind for gate in state.gates if gate.zone in (None, zone) and gate.entity is None}
    return Obstacle.HELD if kinds & _CLOSED else None


_CLOSED = frozenset({GateKind.PAUSED, GateKind.MAINTENANCE, GateKind.SIGN_IN, GateKind.BREAKER})


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What a look-up brought; `more` says that there is more than was asked for."""

    entity: str
    records: tuple[dict[str, Any], ...]
    more: bool = False


def search_filter(entity: str, text: str) -> list[dict[str, Any]]:
    """The query for what a person typed: a number, a ticket number, or words of a name."""
    text = text.strip()
    number = int(text) if re.fullmatch(r"\d{1,18}", text) else None
    by_id = [] if number is None else [_term("eq", "id", number)]
    match entity:
        case "Tickets":
            if re.fullmatch(r"(?i)t\d{8}\.\d+", text):
                return [_term("eq", "ticketNumber", text.upper())]
            names = [_term("contains", "title", text), _term("contains", "ticketNumber", text)]
        case "Companies":
            names = [_term("contains", "companyName", text), _term("contains", "phone", text)]
        case _:
            first, _, last = text.partition(" ")
            names = [_term("contains", n, text) for n in ("firstName", "lastName", "emailAddress")]
            if last:
                both = [
                    _term("beginsWith", "firstName", first),
                    _term("beginsWith", "lastName", last.strip()),
                ]
                names.append({"op": "and", "items": both})
    return [{"op": "or", "items": [*by_id, *names]}]


async def search(
    queue: QueueManager, clock: Clock, zone: str, entity: str, text: str, *, actor: str, limit: int = 50
) -> Answer:
    """Looks records up by what a person typed.

    Raises:
        RequestFailed: it got no answer, or was refused; see its failure.
        QueueError: it could not be asked.
    """
    summary = tr("Look up {what} “{text}”", what=plural_of(entity), text=text.strip()[:40])
    found = await _query(
        queue, clock, zone, entity, search_filter(entity, text),
        limit=min(PAGE, limit + 1), summary=summary, actor=actor, priority=ASKED,
    )  # fmt: skip
    return Answer(entity=entity, records=tuple(found[:limit]), more=len(found) > limit)


async def fetch_fields(
    queue: QueueManager, clock: Clock, zone: str, references: References, entity: str, *, actor: str
) -> None:
    """Fetches the tenant's own picklists of an entity.

    Raises:
        RequestFailed, QueueError: as in `search`.
    """
    path = f"/{entity}/entityInformation/fields"
    summary = tr("Refresh this laptop’s field lists of {what}", what=plural_of(entity))
    reply = await _read(queue, clock, path, "GET", zone, summary=summary, actor=actor, priority=BACKGROUND)
    await references.learn_fields(zone, entity, picklists_of(reply))


async def fetch_list(
    queue: QueueManager, clock: Clock, zone: str, references: References, entity: str, *, actor: str
) -> None:
    """Fetches one of `LISTS`, all that are in use.

    Raises:
        RequestFailed, QueueError: as in `search`; what was known stays.
    """
    summary = tr("Refresh this laptop’s list of {what}", what=plural_of(entity))
    records: list[dict[str, Any]] = []
    for _ in range(MAX_PAGES):
        after = [_term("gt", "id", records[-1]["id"])] if records else []
        page = await _query(
            queue, clock, zone, entity, [*LISTS[entity], *after],
            limit=PAGE, summary=summary, actor=actor, priority=BACKGROUND,
        )  # fmt: skip
        records += page
        if len(page) < PAGE:
            break
    await references.learn(zone, entity, records, whole=True)


def picklists_of(body: object) -> dict[str, list[PicklistValue]]:
    """The picklists in an answer about fields, by field name. Their values come as texts."""
    fields = body.get("fields") if isinstance(body, Mapping) else None
    found: dict[str, list[PicklistValue]] = {}
    for field in fields if isinstance(fields, list) else ():
        values = field.get("picklistValues") if isinstance(field, Mapping) else None
        if isinstance(values, list) and isinstance(field.get("name"), str):
            found[field["name"]] = list(_values(values))
    return {name: values for name, values in found.items() if values}


def plural_of(entity: str) -> str:
    """How an entity stands in a sentence: "companies"."""
    words = {
        "BillingCodes": "work types",
        "ResourceRoles": "who has which role",
        "TicketNotes": "ticket notes",
        "TimeEntries": "time entries",
        "ConfigurationItems": "configuration items",
    }
    return tr(words.get(entity, entity.lower()))


def _values(values: Iterable[object]) -> Iterable[PicklistValue]:
    for one in values:
        if isinstance(one, Mapping) and one.get("value") is not None:
            parent = one.get("parentValue")
            yield PicklistValue(
                id=_number(one["value"]),
                label=str(one.get("label") or one["value"]),
                is_default=bool(one.get("isDefaultValue")),
                is_active=bool(one.get("isActive", True)),
                parent=None if parent in (None, "") else _number(parent),
            )


def _number(value: object) -> int | str:
    text = str(value)
    return int(text) if text.lstrip("-").isdecimal() else text


def _term(op: str, field: str, value: object) -> dict[str, Any]:
    return {"op": op, "field": field, "value": value}


async def _query(
    queue: QueueManager,
    clock: Clock,
    zone: str,
    entity: str,
    terms: list[dict[str, Any]],
    *,
    limit: int,
    **options: Any,
) -> list[dict[str, Any]]:
    """At most `limit` records, by number; `options` as in `submit`."""
    data = {"MaxRecords": limit, "IncludeFields": list(KEPT[entity]), "filter": terms}
    body = await _read(queue, clock, f"/{entity}/query", "POST", zone, data=data, **options)
    items = body.get("items") if isinstance(body, Mapping) else None
    return [one for one in items if isinstance(one, dict)] if isinstance(items, list) else []


async def _read(
    queue: QueueManager, clock: Clock, endpoint: str, method: str, zone: str, **options: Any
) -> Any:
    """The body of the answer. If nobody waits for it any more, it is not asked either."""
    request_id = RequestId(str(uuid.uuid4()))
    try:
        reply = await queue.enqueue(
            endpoint, method, zone,
            request_id=request_id, expires_at=clock.now() + PATIENCE, max_retries=1, **options,
        )  # fmt: skip
    except asyncio.CancelledError:
        with contextlib.suppress(QueueError):
            await queue.cancel_request(request_id, why="nobody waits for the answer any more")
        raise
    except RequestFailed as error:
        if error.outcome.status is not Status.EXPIRED:
            raise
        words = tr("No answer came within {n} seconds.", n=round(PATIENCE))
        remedy = tr("Try again when Autotask answers.")
        raise RequestFailed(words, outcome=error.outcome, remedy=remedy) from None
    return reply.body

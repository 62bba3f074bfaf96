"""What can be composed: for each kind its entity, its first fields, and where its document goes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Any

import msgspec

from autotask_console.pages.compose.documents import value_of
from autotask_console.text import tr
from autotask_queue import RequestRow, load_catalogue
from autotask_queue.catalogue import Entity, Field


class Kind(StrEnum):
    """In the order of Alt+1 to Alt+5; OTHER is only ever edited, never begun here."""

    CREATE_TICKET = "create-ticket"
    ADD_NOTE = "add-note"
    LOG_TIME = "log-time"
    UPDATE_TICKET = "update-ticket"
    LOOK_UP = "look-up"
    OTHER = "other"


class Spec(msgspec.Struct, frozen=True, kw_only=True):
    """How a kind is composed.

    `target` is the field that says which ticket it is about. `first` are the fields that the form begins
    with; `needed` those that Autotask wants although the catalogue, which speaks of all cases, cannot say
    so. `remembered` are the fields whose last values the next one starts with. `endpoint` may hold
    `{target}`. With an empty `entity` there is only the JSON view.
    """

    kind: Kind
    source: str
    method: str
    endpoint: str
    entity: str = ""
    update: bool = False
    target: str = ""
    first: tuple[str, ...] = ()
    needed: tuple[str, ...] = ()
    remembered: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        """In the person's language."""
        return tr(self.source)

    def known(self) -> Entity | None:
        """The entity, if the catalogue holds it."""
        catalogue = load_catalogue()
        return catalogue.entity(self.entity) if self.entity in catalogue else None

    def field(self, name: str) -> Field | None:
        """A field of the entity."""
        entity = self.known()
        return entity.field(name) if entity else None

    def is_required(self, field: Field) -> bool:
        """Whether nothing can be sent without it."""
        if self.update:
            return field.name == self.target
        return field.required or field.name in self.needed

    def offers(self, field: Field) -> bool:
        """Whether a person may fill it in at all."""
        return not field.read_only or field.name == self.target


SPECS: dict[Kind, Spec] = {
    Kind.CREATE_TICKET: Spec(
        kind=Kind.CREATE_TICKET,
        source="Create ticket",
        method="POST",
        endpoint="/Tickets",
        entity="Tickets",
        first=(
            "companyID", "title", "status", "priority", "queueID", "contactID", "dueDateTime", "description",
        ),
        remembered=("queueID", "priority", "source"),
    ),
    Kind.ADD_NOTE: Spec(
        kind=Kind.ADD_NOTE,
        source="Add note",
        method="POST",
        endpoint="/Tickets/{target}/Notes",
        entity="TicketNotes",
        target="ticketID",
        first=("ticketID", "publish", "noteType", "description", "title"),
        remembered=("noteType", "publish"),
    ),
    Kind.LOG_TIME: Spec(
        kind=Kind.LOG_TIME,
        source="Log time",
        method="POST",
        endpoint="/TimeEntries",
        entity="TimeEntries",
        target="ticketID",
        first=(
            "ticketID", "resourceID", "roleID", "startDateTime", "endDateTime", "hoursWorked", "dateWorked",
            "billingCodeID", "summaryNotes",
        ),
        needed=("ticketID", "roleID", "startDateTime", "endDateTime"),
        remembered=("resourceID", "roleID", "billingCodeID"),
    ),
    Kind.UPDATE_TICKET: Spec(
        kind=Kind.UPDATE_TICKET,
        source="Update a ticket",
        method="PATCH",
        endpoint="/Tickets",
        entity="Tickets",
        update=True,
        target="id",
        first=("id", "status", "priority", "queueID", "dueDateTime", "resolution"),
    ),
    Kind.LOOK_UP: Spec(kind=Kind.LOOK_UP, source="Look up", method="POST", endpoint="/Tickets/query"),
}  # fmt: skip

UNCHOSEN_TARGET = "…"
"""Stands in an address for the ticket that is not chosen yet."""


def endpoint_of(spec: Spec, document: Mapping[str, Any]) -> str:
    """Where the document goes."""
    target = value_of(document, spec.target) if spec.target else None
    place = UNCHOSEN_TARGET if target in (None, "") else str(target)
    return spec.endpoint.replace("{target}", place)


_NOTES = re.compile(r"/?Tickets/[^/]+/Notes/?", re.IGNORECASE)
_PLAIN = re.compile(r"/?([A-Za-z]+)/?")
_CHILD = re.compile(r"/?([A-Za-z]+)/[^/]+/([A-Za-z]+)/?")


def spec_of(request: RequestRow) -> Spec:
    """How a stored request is edited: as what it was composed as, else by its entity, else as JSON."""
    endpoint = re.sub(r"(?i)^/*(atservicesrest/+)?(v\d+(\.\d+)?/+)?", "/", request.endpoint)
    method = request.method.upper()
    plain = _PLAIN.fullmatch(endpoint)
    name = plain.group(1).lower() if plain else ""
    match (method, name):
        case ("POST", "tickets"):
            return SPECS[Kind.CREATE_TICKET]
        case ("PATCH", "tickets"):
            return SPECS[Kind.UPDATE_TICKET]
        case ("POST", "timeentries"):
            return SPECS[Kind.LOG_TIME]
        case ("POST", _) if _NOTES.fullmatch(endpoint):
            return SPECS[Kind.ADD_NOTE]
        case _:
            return _other(request, endpoint, method)


def _other(request: RequestRow, endpoint: str, method: str) -> Spec:
    """Anything else that the queue holds: a form where the catalogue knows the entity."""
    entity = _entity_at(endpoint) if method in {"POST", "PATCH"} else None
    update = method == "PATCH"
    first: tuple[str, ...] = ()
    if entity is not None:
        first = ("id",) if update else tuple(field.name for field in entity.required if not field.read_only)
    return Spec(
        kind=Kind.OTHER,
        source=request.summary or f"{method} {request.endpoint}",
        method=method,
        endpoint=request.endpoint,
        entity=entity.name if entity else "",
        update=update,
        target="id" if update else "",
        first=first,
    )


def _entity_at(endpoint: str) -> Entity | None:
    catalogue = load_catalogue()
    child = _CHILD.fullmatch(endpoint)
    if child:
        return catalogue.child(child.group(1), child.group(2))
    plain = _PLAIN.fullmatch(endpoint)
    if plain and plain.group(1) in catalogue:
        entity = catalogue.entity(plain.group(1))
        return None if entity.parent else entity
    return None

"""Reads an endpoint such as `/Tickets/48120/Notes` and says what it does, or why it cannot work.

Autotask answers a wrong route with an empty 404 or 405, hours after it was composed offline. So routes
that do not exist are refused here, when the request is submitted, naming the right one.
"""

from __future__ import annotations

import re
from enum import StrEnum
from urllib.parse import unquote

import msgspec

from autotask_queue.catalogue import Catalogue, Entity, load_catalogue
from autotask_queue.model.errors import InvalidRequest
from autotask_queue.model.request import JSON
from autotask_queue.model.status import Effect

LOCAL = "local:"
"""Begins a reference to a record that is still waiting to be created: `local:<request id>`."""


class Action(StrEnum):
    """What a request does with its records."""

    CREATE = "create"
    UPDATE = "update"
    REPLACE = "replace"
    """PUT: every writable field that is left out becomes empty."""
    DELETE = "delete"
    GET = "get"
    CHILDREN = "children"
    QUERY = "query"
    COUNT = "count"
    NEXT = "next"
    FIELDS = "fields"
    SERVICE = "service"

    @property
    def effect(self) -> Effect:
        """Whether it changes something in Autotask."""
        writes = self in {Action.CREATE, Action.UPDATE, Action.REPLACE, Action.DELETE}
        return Effect.WRITE if writes else Effect.READ


class Route(msgspec.Struct, frozen=True, kw_only=True):
    """An endpoint understood.

    `segment` is the first part of the path, by which Autotask counts concurrent calls. `name` is the kind
    of record that is acted on, `entity` the same from the catalogue if that holds it. `record` is the
    record's own id where the path has it; with a `parent` (an entity's name) the path goes through the
    record `parent_id` of it. Ids are digits, or `local:…`. `path` begins after the version.
    """

    method: str
    path: str
    action: Action
    segment: str
    name: str
    entity: Entity | None = None
    record: str | None = None
    parent: str | None = None
    parent_id: str | None = None
    query: str = ""


_METHODS = ("GET", "POST", "PATCH", "PUT", "DELETE")
_VERBS = {
    "POST": Action.CREATE,
    "PATCH": Action.UPDATE,
    "PUT": Action.REPLACE,
    "DELETE": Action.DELETE,
    "GET": Action.GET,
}
_SERVICES = {
    name.lower(): name
    for name in ("Version", "VersionInformation", "ThresholdInformation", "ZoneInformation", "Authenticate")
}
_WORDS = {"query": "query", "entityinformation": "entityInformation"}
_ROOT_ONLY = "timeentries"
"""Belongs to a ticket or a task, but is written at the root, unlike all else that does."""
_SEGMENT = re.compile(r"[A-Za-z][A-Za-z0-9]{0,63}")
_ID = re.compile(r"\d{1,18}|local:[A-Za-z0-9-]{1,64}")
_PREFIX = re.compile(r"^/*(atservicesrest/+)?(v\d+(\.\d+)?/+)?", re.IGNORECASE)
_MAX_LENGTH = 2_000


def parse_route(endpoint: str, method: str, *, catalogue: Catalogue | None = None) -> Route:
    """Understands an endpoint, whatever its case, with or without `/V1.0`.

    Raises:
        InvalidRequest: Autotask has no such route; the remedy names the one that does it, if there is.
    """
    verb = method.upper()
    if verb not in _METHODS:
        raise refusal(
            f"Autotask does not take the method {method[:20]!r}.", f"Use one of {', '.join(_METHODS)}."
        )
    if "://" in endpoint.partition("?")[0]:
        raise refusal(
            "The endpoint is a whole address.",
            "Give only the part after the version, such as /Tickets; the zone knows its server.",
        )
    if len(endpoint) > _MAX_LENGTH or not endpoint.isprintable():
        raise refusal(
            "The endpoint is too long, or holds characters that no address has.", "Write it like /Tickets."
        )
    path, _, query = endpoint.partition("?")
    parts = [unquote(part) for part in _PREFIX.sub("", path.strip()).strip("/").split("/")]
    reader = _Reader(catalogue or load_catalogue(), verb, parts, query)
    return reader.read()


class _Reader:
    """The grammar of routes; one instance reads one endpoint."""

    def __init__(self, catalogue: Catalogue, verb: str, parts: list[str], query: str) -> None:
        self._catalogue = catalogue
        self._verb = verb
        self._query = query
        self._parts = parts

    def read(self) -> Route:
        first, *rest = self._parts
        if not _SEGMENT.fullmatch(first):
            raise refusal(f"{first[:40]!r} names no kind of record.", "Write the endpoint like /Tickets.")
        if first.lower() in _SERVICES and not rest:
            return self._service(_SERVICES[first.lower()])
        name = self._canonical(first)
        match [_WORDS.get(part.lower(), part) for part in rest]:
            case []:
                return self._collection(name)
            case ["query"]:
                return self._ask(name, Action.QUERY, "query")
            case ["query", more] if more.lower() in {"count", "next"}:
                action = Action.COUNT if more.lower() == "count" else Action.NEXT
                return self._ask(name, action, f"query/{more.lower()}")
            case ["entityInformation", *more] if len(more) < 2:
                return self._information(name, more)
            case [record]:
                return self._record(name, self._id(record))
            case [parent_id, child]:
                return self._children(name, self._id(parent_id), child)
            case [parent_id, child, record]:
                return self._child(name, self._id(parent_id), child, self._id(record))
            case _:
                raise refusal("The endpoint has too many parts.", f"Write it like /{name}/48120/Notes.")

    # -- what an endpoint may look like

    def _service(self, name: str) -> Route:
        self._only("GET", f"/{name}")
        return Route(
            method="GET", path=f"/{name}", action=Action.SERVICE, segment=name, name=name, query=self._query
        )

    def _collection(self, name: str) -> Route:
        entity = self._entity(name)
        if self._verb == "GET":  # the whole list: Autotask has no such route, but a query that does it
            return self._ask(name, Action.QUERY, "query")
        if self._verb == "DELETE":
            raise refusal("It does not say which record to delete.", f"Send DELETE /{name}/{{id}}.")
        if entity and entity.parent:
            at = entity.parent
            right = f"/{at.entity}/{{{at.field}}}/{at.route}"
            raise refusal(
                f"Autotask has no {self._verb} /{name}: a {label_of(entity)} is written under its "
                f"{label_of(self._entity(at.entity)) or at.entity}.",
                f"Send {self._verb} {right}.",
            )
        return self._written(Route(
            method=self._verb, path=f"/{name}", action=_VERBS[self._verb], segment=name, name=name,
            entity=entity,
        ))  # fmt: skip

    def _ask(self, name: str, action: Action, tail: str) -> Route:
        if self._verb not in {"GET", "POST"}:
            raise refusal(f"Autotask has no {self._verb} /{name}/{tail}.", f"Send POST /{name}/{tail}.")
        entity = self._entity(name)
        if entity and not entity.can_query:
            raise refusal(f"Autotask does not let {name} be looked up.", "Look it up in Autotask itself.")
        return Route(
            method="POST", path=f"/{name}/{tail}", action=action, segment=name, name=name, entity=entity,
            query=self._query,
        )  # fmt: skip

    def _information(self, name: str, more: list[str]) -> Route:
        known = {"fields": "fields", "userdefinedfields": "userDefinedFields"}
        if more and more[0].lower() not in known:
            raise refusal(
                f"Autotask has no {more[0]!r} about {name}.", f"Send GET /{name}/entityInformation/fields."
            )
        path = "/".join([f"/{name}", "entityInformation", *(known[one.lower()] for one in more)])
        self._only("GET", path)
        return Route(
            method="GET", path=path, action=Action.FIELDS, segment=name, name=name, entity=self._entity(name)
        )

    def _record(self, name: str, record: str) -> Route:
        entity = self._entity(name)
        if self._verb in {"PATCH", "PUT", "POST"}:
            verb = "PATCH" if self._verb == "POST" else self._verb
            where = self._home(entity, name)
            raise refusal(
                f"Autotask has no {self._verb} /{name}/{record}.",
                f'Send {verb} {where} with "id": {record} in the data.',
            )
        if self._verb == "DELETE" and entity and entity.parent and entity.can_delete:
            raise refusal(
                f"Autotask has no DELETE /{name}/{record}.",
                f"Send DELETE {self._home(entity, name)}/{record}.",
            )
        return self._written(Route(
            method=self._verb, path=f"/{name}/{record}", action=_VERBS[self._verb], segment=name, name=name,
            entity=entity, record=record,
        ))  # fmt: skip

    def _children(self, name: str, parent_id: str, child: str) -> Route:
        child, entity = self._child_entity(name, parent_id, child)
        path = f"/{name}/{parent_id}/{child}"
        if self._verb == "DELETE":
            raise refusal("It does not say which record to delete.", f"Send DELETE {path}/{{id}}.")
        action = Action.CHILDREN if self._verb == "GET" else _VERBS[self._verb]
        return self._written(Route(
            method=self._verb, path=path, action=action, segment=name,
            name=entity.name if entity else child, entity=entity, parent=name, parent_id=parent_id,
        ))  # fmt: skip

    def _child(self, name: str, parent_id: str, child: str, record: str) -> Route:
        child, entity = self._child_entity(name, parent_id, child)
        path = f"/{name}/{parent_id}/{child}"
        if self._verb in {"PATCH", "PUT", "POST"}:
            verb = "PATCH" if self._verb == "POST" else self._verb
            raise refusal(
                f"Autotask has no {self._verb} {path}/{record}.",
                f'Send {verb} {path} with "id": {record} in the data.',
            )
        return self._written(Route(
            method=self._verb, path=f"{path}/{record}", action=_VERBS[self._verb], segment=name,
            name=entity.name if entity else child, entity=entity, parent=name, parent_id=parent_id,
            record=record,
        ))  # fmt: skip

    # -- parts

    def _canonical(self, name: str) -> str:
        return self._catalogue.entity(name).name if name in self._catalogue else name

    def _entity(self, name: str) -> Entity | None:
        return self._catalogue.entity(name) if name in self._catalogue else None

    def _home(self, entity: Entity | None, name: str) -> str:
        """Where records of an entity are written."""
        if entity and entity.parent:
            return f"/{entity.parent.entity}/{{{entity.parent.field}}}/{entity.parent.route}"
        return f"/{name}"

    def _child_entity(self, parent: str, parent_id: str, child: str) -> tuple[str, Entity | None]:
        if not _SEGMENT.fullmatch(child):
            raise refusal(
                f"{child[:40]!r} names no kind of record.", f"Write the endpoint like /{parent}/48120/Notes."
            )
        if child.lower() == _ROOT_ONLY:
            field = {"tickets": "ticketID", "tasks": "taskID"}.get(parent.lower(), "ticketID")
            raise refusal(
                f"Autotask has no /{parent}/{parent_id}/TimeEntries.",
                f'Send {self._verb} /TimeEntries with "{field}": {parent_id} in the data.',
            )
        entity = self._catalogue.child(parent, child)
        if entity is not None and entity.parent is not None:
            return entity.parent.route, entity
        flat = self._entity(child)
        if flat and flat.parent and flat.parent.entity == parent:
            raise refusal(
                f"Autotask has no /{parent}/{parent_id}/{flat.name}.",
                f"Send {self._verb} /{parent}/{parent_id}/{flat.parent.route}.",
            )
        return child, None

    def _written(self, route: Route) -> Route:
        """Refuses what Autotask's interface does not allow for the entity."""
        entity = route.entity
        allowed = entity is None or {
            Action.CREATE: entity.can_create,
            Action.UPDATE: entity.can_update,
            Action.REPLACE: entity.can_update,
            Action.DELETE: entity.can_delete,
        }.get(route.action, True)
        if not allowed:
            done = {Action.CREATE: "created", Action.DELETE: "deleted"}.get(route.action, "changed")
            raise refusal(
                f"Autotask’s interface does not let a {label_of(entity)} be {done}.",
                "Do it in Autotask itself.",
            )
        return route

    def _only(self, verb: str, path: str) -> None:
        if self._verb != verb:
            raise refusal(f"Autotask has no {self._verb} {path}.", f"Send {verb} {path}.")

    def _id(self, text: str) -> str:
        if not _ID.fullmatch(text):
            raise refusal(
                f"{text[:40]!r} is no id of a record.",
                f"Ids are whole numbers, as in /{self._parts[0]}/48120. Look up a ticket number such as "
                "T20260604.0002 with a query.",
            )
        return text


def is_id(value: JSON) -> bool:
    """Whether a value names a record: a number, a number as text, or `local:…`."""
    if isinstance(value, str):
        return _ID.fullmatch(value) is not None
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def value_of(document: JSON, name: str) -> JSON:
    """A property of a document, whatever its case; None if there is none."""
    if not isinstance(document, dict):
        return None
    if name in document:
        return document[name]
    return next((value for key, value in document.items() if str(key).lower() == name.lower()), None)


def label_of(entity: Entity | None) -> str:
    """What a person calls one record, in lower case; empty for entities the catalogue lacks."""
    return entity.label.lower() if entity else ""


def refusal(message: str, remedy: str) -> InvalidRequest:
    """The error for a request that could never be sent."""
    return InvalidRequest(message, remedy=f"{remedy} Nothing was stored.")

"""The API's addresses and what stands behind them, made from the catalogue.

An address that exists for other methods only gives 405, any other gives 404, so the list of addresses is
part of what is simulated. All paths are in lower case here; the gate lowers those of the calls.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from urllib.parse import urlencode

import msgspec
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from autotask_queue.catalogue import Entity, Parent
from autotask_queue.simulator import metadata, writes
from autotask_queue.simulator.access import actor
from autotask_queue.simulator.documents import Record, read_document, read_json
from autotask_queue.simulator.errors import (
    RECORD,
    Refusal,
    filters_missing,
    invalid,
    no_record,
    no_route,
    wrong_method,
)
from autotask_queue.simulator.limits import WINDOW_MINUTES
from autotask_queue.simulator.query import Position, everything, find_page, read_query
from autotask_queue.simulator.tenant import Tenant

ROOT = "/atservicesrest"
VERSION = f"{ROOT}/v1.0"
ZONE_NAME = "Simulator"

Answer = Callable[[Request], Awaitable[Response]]
Handlers = Mapping[str, Answer]


def api(tenant: Tenant) -> Starlette:
    """The API of a tenant as an ASGI application."""
    routes = _system(tenant)
    for entity in tenant.catalogue:
        endpoints = _Endpoints(tenant, entity)
        routes += [*endpoints.at_root(), *endpoints.below_parent()]
    return Starlette(
        routes=routes,
        exception_handlers={HTTPException: _misrouted, Refusal: _refused},  # type: ignore[dict-item]
    )


def respond(document: Any) -> Response:
    """HTTP 200 with a JSON body: every success is a 200 here."""
    return Response(msgspec.json.encode(document), media_type="application/json; charset=utf-8")


def _misrouted(request: Request, failure: HTTPException) -> Response:
    url = str(request.scope.get("asked_url", request.url))
    refusal = wrong_method(request.method) if failure.status_code == 405 else no_route(url)
    return _refused(request, refusal)


def _refused(_: Request, refusal: Refusal) -> Response:
    kind = "application/json; charset=utf-8" if refusal.body is not None else None
    return Response(refusal.encoded(), status_code=refusal.status, media_type=kind)


def _route(path: str, handlers: Handlers) -> Route:
    async def endpoint(request: Request) -> Response:
        method = "GET" if request.method == "HEAD" else request.method
        return await handlers[method](request)

    return Route(path, endpoint, methods=list(handlers))


def _system(tenant: Tenant) -> list[Route]:
    async def zone(request: Request) -> Response:
        user = next((value for name, value in request.query_params.items() if name.lower() == "user"), "")
        if not tenant.access.knows(user):
            raise invalid("Zone information could not be determined")
        return respond(
            {"zoneName": ZONE_NAME, "url": tenant.base_url, "webUrl": f"{tenant.url}/", "ci": 20264}
        )

    async def versions(_: Request) -> Response:
        return respond({"apiVersions": ["V1.0", "V2.0"]})

    async def version(_: Request) -> Response:
        return respond(
            {"majorVersion": 2026, "minorVersion": 2, "build": "2026.2.0.1", "customerType": "Live"}
        )

    async def threshold(_: Request) -> Response:
        return respond(
            {
                "externalRequestThreshold": tenant.hourly.limit,
                "requestThresholdTimeframe": WINDOW_MINUTES,
                "currentTimeframeRequestCount": tenant.hourly.used(),
            }
        )

    return [
        _route(f"{ROOT}/versioninformation", {"GET": versions}),
        _route(f"{VERSION}/zoneinformation", {"GET": zone}),
        _route(f"{VERSION}/version", {"GET": version}),
        _route(f"{VERSION}/thresholdinformation", {"GET": threshold}),
    ]


class _Endpoints:
    """The addresses of one entity."""

    def __init__(self, tenant: Tenant, entity: Entity) -> None:
        self._tenant = tenant
        self._tables = tenant.tables
        self._entity = entity

    def at_root(self) -> list[Route]:
        entity, path = self._entity, f"{VERSION}/{self._entity.name.lower()}"
        record: dict[str, Answer] = {"GET": self._get}
        if not entity.parent and entity.can_delete:
            record["DELETE"] = self._delete
        written = {} if entity.parent else self._writing()
        return [
            _route(f"{path}/query", {"GET": self._query, "POST": self._query}),
            _route(f"{path}/query/count", {"GET": self._count, "POST": self._count}),
            _route(f"{path}/query/next", {"GET": self._next, "POST": self._next}),
            *self._information(path),
            _route(f"{path}/{{id:int}}", record),
            *([_route(path, written)] if written else []),
        ]

    def below_parent(self) -> list[Route]:
        entity, parent = self._entity, self._entity.parent
        if parent is None:
            return []
        path = f"{VERSION}/{parent.entity}/{{parent_id:int}}/{parent.route}".lower()
        record: dict[str, Answer] = {"GET": self._get}
        if entity.can_delete:
            record["DELETE"] = self._delete
        return [
            *self._information(path),
            _route(f"{path}/{{id:int}}", record),
            _route(path, {"GET": self._children, **self._writing()}),
        ]

    def _information(self, path: str) -> list[Route]:
        entity = self._entity

        async def information(_: Request) -> Response:
            return respond(metadata.entity_information(entity))

        async def fields(_: Request) -> Response:
            return respond(metadata.entity_fields(self._tenant.catalogue, entity))

        async def user_defined(_: Request) -> Response:
            return respond(metadata.user_defined_fields(entity))

        return [
            _route(f"{path}/entityinformation", {"GET": information}),
            _route(f"{path}/entityinformation/fields", {"GET": fields}),
            _route(f"{path}/entityinformation/userdefinedfields", {"GET": user_defined}),
        ]

    def _writing(self) -> dict[str, Answer]:
        handlers: dict[str, Answer] = {}
        if self._entity.can_create:
            handlers["POST"] = self._create
        if self._entity.can_update:
            handlers |= {"PATCH": self._patch, "PUT": self._put}
        return handlers

    async def _get(self, request: Request) -> Response:
        record = self._find(request)
        if record is None:
            if self._tenant.missing_as_null:
                return respond({"item": None})
            raise no_record()
        if "data" in record:  # attachments: only the root address has the content, and in a list
            if "parent_id" not in request.path_params:
                return respond({"items": [record]})
            record |= {"data": None}
        return respond({"item": record})

    def _find(self, request: Request) -> Record | None:
        """The record an address names; below a parent, only that parent's."""
        record = self._tables.get(self._entity.name, request.path_params["id"])
        parent = self._entity.parent
        if record is None or parent is None or "parent_id" not in request.path_params:
            return dict(record) if record else None
        return dict(record) if record[parent.field] == request.path_params["parent_id"] else None

    async def _create(self, request: Request) -> Response:
        return await self._write(request, writes.create)

    async def _patch(self, request: Request) -> Response:
        return await self._write(request, writes.patch)

    async def _put(self, request: Request) -> Response:
        return await self._write(request, writes.put)

    async def _write(self, request: Request, write: Callable[..., int]) -> Response:
        document = read_document(self._entity, await request.body())
        parent = self._entity.parent
        if parent:
            self._place(parent, document, request.path_params["parent_id"], new=write is writes.create)
        by = actor(self._tables, self._entity, request.headers)
        return respond({"itemId": write(self._tables, self._entity, document, by)})

    def _place(self, parent: Parent, document: Record, parent_id: int, *, new: bool) -> None:
        """Puts the record below the parent that the address names; the body may not name another."""
        if document.setdefault(parent.field, parent_id) != parent_id:
            named = document[parent.field]
            raise invalid(f"The {parent.field} [{named}] does not match the parent [{parent_id}].{RECORD}")
        existing = None if new else self._tables.get(self._entity.name, document.get("id"))
        if existing is not None and existing[parent.field] != parent_id:
            raise no_record()

    async def _delete(self, request: Request) -> Response:
        by = actor(self._tables, self._entity, request.headers)
        found = self._find(request)
        id_ = request.path_params["id"] if found else 0
        return respond({"itemId": writes.delete(self._tables, self._entity, id_, by)})

    async def _query(self, request: Request) -> Response:
        return await self._page(request, None)

    async def _next(self, request: Request) -> Response:
        if request.method == "GET" and "search" not in request.query_params:
            raise wrong_method("GET")
        return await self._page(request, Position.from_token(request.query_params.get("paging", "")))

    async def _page(self, request: Request, position: Position | None) -> Response:
        query = read_query(self._entity, await _asked(request))
        page = find_page(self._tables.rows(self._entity.name), query, position)
        asked = position.size if position else query.page_size
        search = request.query_params.get("search") if request.method == "GET" else None
        return respond(
            {
                "items": [self._listed(item) for item in page.items],
                "pageDetails": {
                    "count": len(page.items),
                    "requestCount": asked,
                    "prevPageUrl": self._page_url(page.previous, search),
                    "nextPageUrl": self._page_url(page.next, search),
                },
            }
        )

    async def _count(self, request: Request) -> Response:
        query = read_query(self._entity, await _asked(request))
        rows = self._tables.rows(self._entity.name)
        return respond({"queryCount": sum(1 for row in rows if query.matches(row))})

    async def _children(self, request: Request) -> Response:
        parent = self._entity.parent
        key = {parent.field: request.path_params["parent_id"]} if parent else {}
        page = find_page(self._tables.where(self._entity.name, **key), everything(self._entity))
        details = {"count": len(page.items), "requestCount": 500, "prevPageUrl": None, "nextPageUrl": None}
        return respond({"items": [self._listed(item) for item in page.items], "pageDetails": details})

    def _listed(self, item: Record) -> Record:
        return item | {"data": None} if "data" in item else item

    def _page_url(self, position: Position | None, search: str | None) -> str | None:
        if position is None:
            return None
        query = {"paging": position.token()} | ({"search": search} if search is not None else {})
        return f"{self._tenant.url}/ATServicesRest/V1.0/{self._entity.name}/query/next?{urlencode(query)}"


async def _asked(request: Request) -> Any:
    """The QueryModel of a call: its body, or `search=` of a GET."""
    if request.method == "GET":
        text = request.query_params.get("search", "").encode()
    else:
        text = await request.body()
    if not text.strip():
        raise filters_missing()
    return read_json(text)

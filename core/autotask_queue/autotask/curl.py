"""Shows what will be sent: as method, address and body, and as a cURL command with its secrets masked."""

from __future__ import annotations

import shlex

import msgspec

from autotask_queue.autotask.bodies import body_of
from autotask_queue.autotask.routes import Action, parse_route
from autotask_queue.autotask.zones import base_url
from autotask_queue.model.config import ZoneConfig
from autotask_queue.model.request import JSON, Request
from autotask_queue.transport import KNOWN_SECRETS, redact

SOMEWHERE = "https://webservicesN.autotask.net/atservicesrest"
"""Stands for the address of a zone that is yet to be discovered."""
_MASK = "***"


class Preview(msgspec.Struct, frozen=True, kw_only=True):
    """A request as it goes out; `body` is None where it has none."""

    method: str
    """HTTP method."""
    url: str
    """The whole address."""
    body: JSON = None


def resolve(
    endpoint: str, method: str = "GET", data: JSON = None, *, zone: ZoneConfig | None = None
) -> Preview:
    """What will be sent for an endpoint.

    Args:
        endpoint: path below the zone's API root, such as "/Tickets".
        method: HTTP method.
        data: the document.
        zone: whose address is shown; some zone's if None.

    Raises:
        InvalidRequest: it can never be sent; the remedy names what can.
    """
    route = parse_route(endpoint, method)
    keeps_query = route.action in {Action.NEXT, Action.SERVICE} and route.query
    url = base_url(zone.url if zone and zone.url else SOMEWHERE)
    url += f"{route.path}?{route.query}" if keeps_query else route.path
    return Preview(method=route.method, url=redact(url), body=body_of(route, data))


def as_curl(request: Request, zone: ZoneConfig) -> str:
    """A command for a POSIX shell that sends the same request; secrets and user name are masked.

    Args:
        request: what is sent.
        zone: where to.

    Raises:
        InvalidRequest: the request can never be sent.
    """
    preview = resolve(request.endpoint, request.method, request.data, zone=zone)
    headers = dict.fromkeys(("ApiIntegrationCode", "UserName", "Secret"), _MASK)
    headers |= {name: value for name, value in redact(request.headers).items() if name not in headers}
    if zone.impersonate is not None:
        headers["ImpersonationResourceId"] = str(zone.impersonate)
    words = ["curl", "--request", preview.method, preview.url]
    if preview.body is not None:
        headers["Content-Type"] = "application/json"
    for name, value in headers.items():
        words += ["--header", f"{name}: {value}"]
    if preview.body is not None:
        words += [
            "--data-raw",
            _readable(preview.body),
        ]
    return _wrapped(words)


def _readable(body: JSON) -> str:
    return KNOWN_SECRETS.mask(msgspec.json.format(msgspec.json.encode(body), indent=2).decode())


def _wrapped(words: list[str]) -> str:
    """One option a line, so that it can be read."""
    lines = [" ".join(shlex.quote(word) for word in words[:4])]
    lines += [
        f"  {shlex.quote(name)} {shlex.quote(value)}"
        for name, value in zip(words[4::2], words[5::2], strict=True)
    ]
    return " \\\n".join(lines)

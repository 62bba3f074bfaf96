"""Finds a tenant's server: zone discovery, remembered, and asked again when the tenant has moved.

A tenant lives in exactly one zone. Asking the wrong one gives 401 or empty results, never a redirect
(autotask-api.md, 1.2), so a refused sign-in is a reason to ask once where the tenant is now. The version is
pinned: `VersionInformation` advertises a V2.0 that has no zone information.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable
from typing import NamedTuple
from urllib.parse import quote

import msgspec

from autotask_queue.model.config import ZoneConfig
from autotask_queue.model.errors import ProcessorError
from autotask_queue.model.failure import Applied, Failure, FailureClass
from autotask_queue.model.request import JSON
from autotask_queue.policy.answer import portal_failure
from autotask_queue.policy.classify import classify_reply
from autotask_queue.policy.refusals import property_of
from autotask_queue.ports import HttpReply, HttpRequest, Transport
from autotask_queue.transport import HostGuard, is_loopback
from autotask_queue.transport.hosts import origin

BOOTSTRAP_URL = "https://webservices.autotask.net/atservicesrest/"
"""Where Autotask is asked for the zone of a user."""
VERSION = "V1.0"
GUARD = HostGuard(re.compile(r"(webservices\d{1,3}|prde|pres)\.autotask\.net"))
"""Autotask's zones (autotask-api.md, 1.3), and this computer for demos and tests."""

DISCOVERY_TIMEOUT = 20.0
REMEMBERED = 24 * 3_600.0
"""Seconds after which a discovered address is asked for again."""
MOVE_INTERVAL = 600.0
"""Seconds between two questions whether a tenant has moved: a flapping answer must not chase requests."""
_ROOT = "/atservicesrest"


class ZoneInfo(msgspec.Struct, frozen=True, kw_only=True):
    """Where a tenant lives: the zone's name, its interface's address, and that of its website."""

    name: str
    url: str
    """Address of the zone's API."""
    web_url: str = ""
    """Address of Autotask's own pages."""


def base_url(url: str) -> str:
    """An address as people write it, up to and with the version: `https://…/atservicesrest/V1.0`."""
    url = re.sub(r"(?i)/v\d+(\.\d+)?/*$", "", url.strip().rstrip("/"))
    if url.count("/") == 2:  # only a host
        url += _ROOT
    return f"{url.rstrip('/')}/{VERSION}"


def is_local(url: str) -> bool:
    """Whether an address is this computer."""
    return is_loopback(origin(url)[1])


async def discover_zone(
    user: str, *, transport: Transport, bootstrap_url: str = BOOTSTRAP_URL, timeout: float = DISCOVERY_TIMEOUT
) -> ZoneInfo:
    """Asks where the tenant of an API user lives. Needs no credentials and counts against no limit.

    Args:
        user: the API user's name.
        transport: HTTP, such as an `HttpxTransport`.
        bootstrap_url: where to ask.
        timeout: seconds to wait for the answer.

    Raises:
        ProcessorError: there is no answer, the user is unknown, or the answer is not Autotask's. Its
            failure always says that nothing was applied.
    """
    if not user:
        raise ProcessorError(
            "The zone has neither an address nor a user by which to find one.",
            kind=FailureClass.AUTH,
            remedy="Complete the sign-in: the API user’s name is enough to find the address.",
        )
    url = f"{base_url(bootstrap_url)}/zoneInformation?user={quote(user, safe='')}"
    reply = await _ask(transport, HttpRequest(method="GET", url=url, timeout=timeout))
    failure = classify_reply(
        reply.status_code, reply.body, reply.text, reply.is_json, write=False, headers=reply.headers
    )
    if failure is not None:
        raise _unusable(reply, failure)
    return _zone_info(reply.body, bootstrap_url)


async def _ask(transport: Transport, request: HttpRequest) -> HttpReply:
    try:
        return await transport.send(request)
    except ProcessorError as error:
        raise not_applied(error) from None


def not_applied(error: ProcessorError) -> ProcessorError:
    """The error of a question asked before the request itself: whatever happened, that was not sent."""
    failure = error.failure
    if failure.kind is FailureClass.TIMEOUT_UNKNOWN:
        failure = msgspec.structs.replace(
            failure,
            kind=FailureClass.CONNECT_FAIL,
            message="Autotask did not answer the question that comes before sending. Nothing was sent.",
            remedy="It is tried again by itself.",
        )
    failure = msgspec.structs.replace(failure, applied=Applied.NO)
    return ProcessorError(failure.message, remedy=failure.remedy, failure=failure)


def _unusable(reply: HttpReply, failure: Failure) -> ProcessorError:
    if failure.code == "redirected":
        failure = portal_failure(reply.status_code)
    elif failure.kind in {FailureClass.NOT_FOUND, FailureClass.WRONG_ZONE}:
        failure = msgspec.structs.replace(
            failure,
            kind=FailureClass.AUTH,
            code="no_autotask",
            title="No Autotask there",
            message="A server answered, but it is not Autotask’s. Nothing was sent.",
            remedy="Correct the zone’s address, or leave it empty to have it found.",
        )
    return ProcessorError(failure.message, remedy=failure.remedy, failure=failure)


def _zone_info(body: JSON, bootstrap_url: str) -> ZoneInfo:
    url, name, web = (property_of(body, key) for key in ("url", "zoneName", "webUrl"))
    trusted = isinstance(url, str) and GUARD.trusts(url) and (is_local(url) == is_local(bootstrap_url))
    if not trusted or not isinstance(url, str):
        raise ProcessorError(
            "The answer names a server that is not Autotask’s. No sign-in details were sent there.",
            kind=FailureClass.AUTH,
            remedy="Check the network: something may stand between this computer and Autotask.",
        )
    return ZoneInfo(
        name=name if isinstance(name, str) else "", url=url, web_url=web if isinstance(web, str) else ""
    )


class _Home(NamedTuple):
    url: str
    config: ZoneConfig
    found_at: float
    asked_at: float


class ZoneDirectory:
    """Remembers where each zone's server is. Times are monotonic seconds; questions of one zone queue up."""

    def __init__(self, transport: Transport, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._transport = transport
        self._monotonic = monotonic
        self._homes: dict[str, _Home] = {}
        self._locks: dict[str, asyncio.Lock] = {}

    async def home(self, name: str, config: ZoneConfig) -> str:
        """The address of a zone's interface, with the version and without a final slash.

        Raises:
            ProcessorError: it cannot be found, or credentials must not go there. Nothing was sent.
        """
        known = self._fresh(name, config)
        if known:
            return known
        async with self._lock(name):
            known = self._fresh(name, config)
            if known:
                return known
            url = await self._resolve(config)
            return self._remember(name, config, url, asked_at=float("-inf"))

    async def moved(self, name: str, config: ZoneConfig, *, tried: str) -> str | None:
        """The new address if the tenant does not live at `tried` any more; None if it does.

        Asks at most once in ten minutes. No answer counts as "not moved".
        """
        async with self._lock(name):
            home = self._homes.get(name)
            if home is not None and home.url != tried:
                return home.url  # another request found out meanwhile
            now = self._monotonic()
            if home is not None and now - home.asked_at < MOVE_INTERVAL:
                return None
            self._remember(name, config, tried, asked_at=now)
            try:
                bootstrap = config.url if is_local(config.url) else BOOTSTRAP_URL
                info = await discover_zone(config.user, transport=self._transport, bootstrap_url=bootstrap)
            except ProcessorError:
                return None
            url = base_url(info.url)
            if url.lower() == tried.lower():
                return None
            return self._remember(name, config, url, asked_at=now)

    def forget(self, name: str) -> None:
        """Asks anew next time: the zone was changed."""
        self._homes.pop(name, None)

    def _fresh(self, name: str, config: ZoneConfig) -> str | None:
        home = self._homes.get(name)
        if home is None or home.config != config or self._monotonic() - home.found_at > REMEMBERED:
            return None
        return home.url

    async def _resolve(self, config: ZoneConfig) -> str:
        if config.url and not GUARD.trusts(config.url):
            raise ProcessorError(
                f"The zone’s address ({config.url}) is not one of Autotask’s. Nothing was sent.",
                kind=FailureClass.AUTH,
                remedy="Use one like https://webservices3.autotask.net/atservicesrest, or leave it empty.",
            )
        if not config.url:
            return base_url((await discover_zone(config.user, transport=self._transport)).url)
        if is_local(config.url) and config.user:
            info = await discover_zone(config.user, transport=self._transport, bootstrap_url=config.url)
            return base_url(info.url)
        return base_url(config.url)

    def _remember(self, name: str, config: ZoneConfig, url: str, *, asked_at: float) -> str:
        self._homes[name] = _Home(url, config, self._monotonic(), asked_at)
        return url

    def _lock(self, name: str) -> asyncio.Lock:
        return self._locks.setdefault(name, asyncio.Lock())

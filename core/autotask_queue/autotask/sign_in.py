"""Tests a sign-in step by step, so that a person sees which part of it is wrong.

At most four calls, each at most once: Autotask locks a user after several refusals.
"""

from __future__ import annotations

import msgspec

from autotask_queue.autotask.credentials import Identity
from autotask_queue.autotask.zones import (
    BOOTSTRAP_URL,
    GUARD,
    ZoneInfo,
    base_url,
    discover_zone,
    is_local,
)
from autotask_queue.model.config import ZoneConfig
from autotask_queue.model.errors import ProcessorError
from autotask_queue.model.failure import Failure, FailureClass
from autotask_queue.policy.classify import classify_reply
from autotask_queue.policy.refusals import property_of
from autotask_queue.ports import HttpReply, HttpRequest, Transport
from autotask_queue.transport import KNOWN_SECRETS, redact
from autotask_queue.transport.hosts import origin

STEP_TIMEOUT = 20.0
_NETWORK = frozenset({FailureClass.LOCAL_OFFLINE, FailureClass.CONNECT_FAIL, FailureClass.TIMEOUT_UNKNOWN})


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that was tested, in words; `remedy` is empty if it is well."""

    name: str
    """What was tested."""
    ok: bool
    """Whether it works."""
    message: str
    """What was found."""
    remedy: str = ""


class SignInReport(msgspec.Struct, frozen=True, kw_only=True):
    """The steps in their order, up to the first that failed; `url` is the zone's address, if found."""

    steps: tuple[Step, ...]
    url: str = ""
    zone_name: str = ""
    """As Autotask names it."""

    @property
    def ok(self) -> bool:
        """Whether the sign-in works."""
        return all(step.ok for step in self.steps)


async def check_sign_in(
    zone: ZoneConfig, secret: str, integration_code: str, *, transport: Transport
) -> SignInReport:
    """Tests Internet, Zone, Sign-in, Limit and Permissions, and stops at the first that fails.

    Never raises for what it tests. The secrets go to the zone's own host only.

    Args:
        zone: address (found by the user's name if empty) and user.
        secret: the API user's.
        integration_code: the integration's tracking identifier.
        transport: HTTP, such as an `HttpxTransport`.
    """
    secret, integration_code = secret.strip(), integration_code.strip()
    KNOWN_SECRETS.add(secret, integration_code)
    steps, info = await _find_zone(zone, transport)
    if info is None:
        return SignInReport(steps=tuple(steps))
    missing = _missing(secret, integration_code)
    if missing is None:
        caller = _Caller(transport, base_url(info.url), Identity(zone.user.strip(), secret, integration_code))
        steps += await _test_identity(caller)
    else:
        steps.append(missing)
    return SignInReport(steps=tuple(steps), url=info.url, zone_name=info.name)


async def _find_zone(zone: ZoneConfig, transport: Transport) -> tuple[list[Step], ZoneInfo | None]:
    if zone.url and not GUARD.trusts(zone.url):
        return [Step(
            name="Zone", ok=False, message=f"{zone.url} is not an address of Autotask’s.",
            remedy="Leave the address empty to have it found, or copy it from Autotask.",
        )], None  # fmt: skip
    if not zone.user.strip():
        return [Step(
            name="Zone", ok=False, message="There is no user name.",
            remedy="Fill in the API user’s name, which looks like an e-mail address.",
        )], None  # fmt: skip
    bootstrap = zone.url if zone.url and is_local(zone.url) else BOOTSTRAP_URL
    try:
        info = await discover_zone(zone.user.strip(), transport=transport, bootstrap_url=bootstrap)
    except ProcessorError as error:
        return _not_found(error.failure), None
    internet = Step(name="Internet", ok=True, message="Autotask answers.")
    if zone.url and not is_local(zone.url) and origin(zone.url) != origin(info.url):
        return [internet, Step(
            name="Zone", ok=False,
            message=f"This user lives in {info.name or 'another zone'} ({info.url}), not at {zone.url}.",
            remedy="Leave the address empty, or use the one named here.",
        )], None  # fmt: skip
    found = Step(name="Zone", ok=True, message=f"{info.name or 'Zone'} at {info.url}")
    return [internet, found], info


def _not_found(failure: Failure) -> list[Step]:
    if failure.kind in _NETWORK:
        return [Step(name="Internet", ok=False, message=failure.message, remedy=_network_remedy(failure))]
    internet = Step(name="Internet", ok=True, message="Autotask answers.")
    if failure.code == "unknown_user":
        message = "Autotask knows no such API user."
        remedy = "Check the user name. It is the API user’s, not the one you sign in to Autotask with."
        return [internet, Step(name="Zone", ok=False, message=message, remedy=remedy)]
    return [internet, Step(name="Zone", ok=False, message=redact(failure.message), remedy=failure.remedy)]


def _network_remedy(failure: Failure) -> str:
    if failure.code in {"captive_portal", "tls_untrusted", "proxy_sign_in"}:
        return failure.remedy
    return "Connect to the internet and test again. You can skip the test and work offline meanwhile."


def _missing(secret: str, integration_code: str) -> Step | None:
    parts = {"secret": secret, "integration code": integration_code}
    empty = [name for name, value in parts.items() if not value]
    if not empty:
        return None
    words = " and ".join(f"no {name}" for name in empty)
    return Step(name="Sign-in", ok=False, message=f"There is {words}.", remedy="Fill it in and test again.")


class _Caller:
    """Asks questions with the sign-in under test."""

    def __init__(self, transport: Transport, home: str, identity: Identity) -> None:
        self._transport = transport
        self._home = home
        self._identity = identity

    async def get(self, path: str) -> HttpReply | Failure:
        """The reply, or what went wrong."""
        url = f"{self._home}{path}"
        GUARD.check(url, home=self._home)
        headers = self._identity.headers()
        request = HttpRequest(method="GET", url=url, headers=headers, timeout=STEP_TIMEOUT)
        try:
            reply = await self._transport.send(request)
        except ProcessorError as error:
            return error.failure
        failure = classify_reply(
            reply.status_code, reply.body, reply.text, reply.is_json, write=False, headers=reply.headers
        )
        return failure or reply


async def _test_identity(caller: _Caller) -> list[Step]:
    version = await caller.get("/Version")
    if isinstance(version, Failure):
        return [_refused(version)]
    signed_in = Step(name="Sign-in", ok=True, message="Autotask accepts this sign-in.")
    limit = _limit_step(await caller.get("/ThresholdInformation"))
    return [signed_in, limit, _permission_step(await caller.get("/Tickets/entityInformation"))]


def _refused(failure: Failure) -> Step:
    message, remedy = redact(failure.message), failure.remedy
    if failure.code == "integration_code":
        message = "Autotask does not know this integration code."
    elif failure.code == "account_locked":
        message = "Autotask has locked this API user after too many refused sign-ins."
    elif failure.kind is FailureClass.AUTH:
        message = (
            "Autotask knows the user, but refuses the sign-in: the secret or the integration code is wrong."
        )
        remedy = (
            "Paste both again, whole: they may hold # $ ~ or *. "
            "Test only a few times, because Autotask locks a user after several refusals."
        )
    return Step(name="Sign-in", ok=False, message=message, remedy=remedy)


def _limit_step(reply: HttpReply | Failure) -> Step:
    if isinstance(reply, Failure):
        known = reply.kind in {FailureClass.QUOTA_SUSPENDED, FailureClass.THROTTLE}
        message = (
            redact(reply.message)
            if known
            else "The hourly limit could not be read; sending works without it."
        )
        return Step(name="Limit", ok=not known, message=message, remedy=reply.remedy if known else "")
    used = property_of(reply.body, "currentTimeframeRequestCount")
    limit = property_of(reply.body, "externalRequestThreshold")
    if not isinstance(used, int) or not isinstance(limit, int):
        return Step(
            name="Limit", ok=True, message="The hourly limit could not be read; sending works without it."
        )
    return Step(name="Limit", ok=True, message=f"{_grouped(used)} of {_grouped(limit)} calls used this hour.")


def _grouped(number: int) -> str:
    return f"{number:,}".replace(",", "\N{NARROW NO-BREAK SPACE}")


def _permission_step(reply: HttpReply | Failure) -> Step:
    if isinstance(reply, Failure):
        message = (
            "This user may not see tickets."
            if reply.kind is FailureClass.PERMISSION
            else redact(reply.message)
        )
        return Step(name="Permissions", ok=False, message=message, remedy=reply.remedy)
    info = property_of(reply.body, "info")
    lacking = [
        word
        for name, word in (("canQuery", "read"), ("canCreate", "create"), ("canUpdate", "change"))
        if property_of(info, name) is False
    ]
    if lacking:
        return Step(
            name="Permissions", ok=False, message=f"This user may not {' or '.join(lacking)} tickets.",
            remedy="Ask an Autotask administrator to allow it for this API user.",
        )  # fmt: skip
    return Step(name="Permissions", ok=True, message="Tickets can be read, created and changed.")

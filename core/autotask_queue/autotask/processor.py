"""The processor that sends requests to Autotask, looks up lost ones, and probes zones."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Mapping, Sequence
from typing import TypeVar

import msgspec

from autotask_queue.autotask import facts, lookup
from autotask_queue.autotask.bodies import body_of
from autotask_queue.autotask.credentials import OWN_HEADERS, Credentials
from autotask_queue.autotask.routes import LOCAL, Action, Route, parse_route
from autotask_queue.autotask.together import merged_edit, query_for, records_in
from autotask_queue.autotask.zones import GUARD, ZoneDirectory, discover_zone
from autotask_queue.model.config import ZoneConfig
from autotask_queue.model.errors import InvalidRequest, ProcessorError
from autotask_queue.model.failure import Applied, Failure, FailureClass
from autotask_queue.model.request import JSON, Reply, Request, RequestId
from autotask_queue.model.status import Effect
from autotask_queue.policy.classify import classify_reply, record_id
from autotask_queue.policy.wording import for_read
from autotask_queue.ports import Clock, Facts, HttpReply, HttpRequest, LookupResult, Secrets, Transport
from autotask_queue.transport import HttpxTransport, redact

DEFAULT_TIMEOUT = 60.0
"""Seconds for one attempt that names none. Autotask itself lets a call run for five minutes."""
LOOKUP_TIMEOUT = 30.0
SUSPENDED = 5.0
"""Seconds by which the wall clock may get ahead within an attempt before its first byte."""
PROBE_TIMEOUT = 8.0
_T = TypeVar("_T")
_UNREACHED = frozenset(
    {
        FailureClass.LOCAL_OFFLINE,
        FailureClass.CONNECT_FAIL,
        FailureClass.TIMEOUT_UNKNOWN,
        FailureClass.SERVER_TRANSIENT,
        FailureClass.THROTTLE,
        FailureClass.THREAD_LIMIT,
        FailureClass.QUOTA_SUSPENDED,
    }
)


class AutotaskProcessor:
    """Sends requests to Autotask; implements `QueueProcessor` and the optional protocols.

    It takes the requests of the zones it knows. Each call sends once. A refused sign-in is answered by
    asking once where the tenant lives now, and only a new address gets the request a second time: the
    first refused it unread. Failures are `ProcessorError`s that say whether the request may have been
    applied. A cancelled call closes its connection and lets the cancellation through.

    Args:
        zones: the connections, by name; more can be added at any time.
        secrets: where the sign-ins' secrets are; each is read at its first use and kept in memory.
        transport: HTTP; by default one over httpx, closed with the processor.
        clock: the time; by default the system's.
    """

    def __init__(
        self,
        zones: Mapping[str, ZoneConfig],
        secrets: Secrets,
        *,
        transport: Transport | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._zones = dict(zones)
        self._own_transport = transport is None
        self._transport: Transport = HttpxTransport() if transport is None else transport
        self._now = clock.now if clock else time.time
        self._monotonic = clock.monotonic if clock else time.monotonic
        self._credentials = Credentials(secrets)
        self._directory = ZoneDirectory(self._transport, monotonic=self._monotonic)

    # -- zones

    def set_zone(self, name: str, zone: ZoneConfig) -> None:
        """Adds a zone or changes it; its sign-in and address are read anew."""
        self._zones[name] = zone
        self._credentials.forget(name)
        self._directory.forget(name)

    def remove_zone(self, name: str) -> None:
        """Forgets a zone; its requests are not taken any more."""
        self._zones.pop(name, None)
        self._credentials.forget(name)
        self._directory.forget(name)

    async def close(self) -> None:
        """Closes the connections, unless the transport was given."""
        if self._own_transport:
            await self._transport.close()

    # -- the queue's side

    def can_process(self, request: Request) -> bool:
        """Whether the request is for a zone of this processor."""
        return request.zone in self._zones

    def describe(self, request: Request) -> Facts:
        """The facts of a request; see `facts.describe`."""
        return facts.describe(request, self._zones.get(request.zone))

    async def process_request(self, request: Request) -> Reply:
        """Sends a request once.

        Raises:
            ProcessorError: with what is known of the failure.
        """
        try:
            route = parse_route(request.endpoint, request.method)
            body = body_of(route, request.data)
        except InvalidRequest as error:  # stored by an older version, or without being described
            raise ProcessorError(
                error.message, kind=FailureClass.VALIDATION, applied=Applied.NO, remedy=error.remedy
            ) from None
        _refuse_unresolved(route, body)
        write = request.effect is Effect.WRITE and route.action.effect is Effect.WRITE
        call = _Call(
            method=route.method,
            path=_path(route),
            body=body,
            headers={**self._impersonation(request.zone, route), **request.headers},
            write=write,
            ends=self._monotonic() + _budget(request.timeout),
            ahead=self._now() - self._monotonic() if write else None,
        )
        reply = await self._call(request.zone, call)
        return Reply(status_code=reply.status_code, body=reply.body, record_id=record_id(reply.body))

    async def process_batch(
        self, requests: Sequence[Request]
    ) -> Mapping[RequestId, Reply | JSON | ProcessorError]:
        """Reads several records by their ids with one query; each answer is what a call of its own brings.

        Raises:
            ProcessorError: with what is known of the failure.
        """
        routes = {r.id: parse_route(r.endpoint, r.method) for r in requests}
        wanted = {request_id: int(route.record or 0) for request_id, route in routes.items()}
        zone, name = requests[0].zone, routes[requests[0].id].name
        call = _Call(
            method="POST",
            path=f"/{name}/query",
            body=query_for(list(wanted.values())),
            ends=self._monotonic() + _budget(requests[0].timeout),
        )
        try:
            reply = await self._call(zone, call)
        except ProcessorError as error:
            if error.failure.kind not in _ALL_ALIKE:
                raise
            return dict.fromkeys(wanted, error)
        found = records_in(reply.body)
        if found is None:  # judged as the answer to any other read that says nothing
            raise _refusal(self._classify(msgspec.structs.replace(reply, is_json=False), write=False))
        missing = _refusal(self._classify(_NO_RECORD, write=False))
        return {
            request_id: Reply(status_code=200, body={"item": found[record]}) if record in found else missing
            for request_id, record in wanted.items()
        }

    def merge(self, requests: Sequence[Request]) -> JSON:
        """One edit for several of one record; see `together.merged_edit`."""
        return merged_edit([body_of(parse_route(r.endpoint, r.method), r.data) for r in requests])

    # -- lost replies

    def can_reconcile(self, request: Request) -> bool:
        """Whether Autotask can be asked what became of a write."""
        try:
            route = parse_route(request.endpoint, request.method)
        except InvalidRequest:
            return False
        return self.can_process(request) and lookup.can_look_up(route, request)

    async def reconcile(self, request: Request) -> LookupResult:
        """Asks Autotask what became of a write; never sends it again.

        Raises:
            ProcessorError: the question got no answer; nothing is known.
        """
        route = parse_route(request.endpoint, request.method)
        if route.action is Action.CREATE:
            query = lookup.created_query(route, request)
            reply = await self._ask(request.zone, "POST", f"/{route.name}/query", body=query)
            return lookup.judge_created(route, request, reply.body)
        try:
            reply = await self._ask(request.zone, "GET", lookup.lookup_path(route, request))
        except ProcessorError as error:
            if error.failure.kind is not FailureClass.NOT_FOUND:
                raise
            if route.action is Action.DELETE:
                return lookup.deleted(route)
            return LookupResult(found=False, note="The record is not in Autotask.")
        if route.action is Action.DELETE:
            return LookupResult(found=False, note="The record is still there.")
        return lookup.judge_updated(request, lookup.first_item(reply))

    def can_probe(self, zone: str) -> bool:
        """Whether the zone is one of this processor."""
        return zone in self._zones

    async def probe(self, zone: str) -> None:
        """Asks a zone for its own address, which needs no sign-in and counts against no limit.

        Any answer of Autotask's proves that it works, also that it does not know the user.

        Raises:
            ProcessorError: the zone does not answer, or answers with faults.
        """
        config = self._zone(zone)
        try:
            home = await self._directory.home(zone, config)
            await discover_zone(
                config.user, transport=self._transport, bootstrap_url=home, timeout=PROBE_TIMEOUT
            )
        except ProcessorError as error:
            if error.failure.kind in _UNREACHED:
                raise

    # -- one call

    async def _ask(self, zone: str, method: str, path: str, *, body: JSON = None) -> HttpReply:
        ends = self._monotonic() + LOOKUP_TIMEOUT
        return await self._call(zone, _Call(method=method, path=path, body=body, ends=ends))

    async def _call(self, zone: str, call: _Call) -> HttpReply:
        """Sends, and once more if the tenant turns out to live elsewhere."""
        config = self._zone(zone)
        home = await self._in_time(call, self._directory.home(zone, config))
        reply = await self._exchange(zone, call, home)
        failure = self._classify(reply, write=call.write)
        if failure is not None and _may_have_moved(failure):
            moved = await self._directory.moved(zone, config, tried=home)
            if moved is not None:
                reply = await self._exchange(zone, call, moved)
                failure = self._classify(reply, write=call.write)
        if failure is None:
            return reply
        if failure.kind is FailureClass.AUTH:
            self._credentials.forget(zone)
        raise ProcessorError(failure.message, remedy=failure.remedy, failure=failure)

    async def _exchange(self, zone: str, call: _Call, home: str) -> HttpReply:
        """The one place where credentials meet an address."""
        url = f"{home}{call.path}"
        GUARD.check(url, home=home)
        identity = await self._in_time(call, self._credentials.identity(zone, self._zone(zone)))
        left = call.ends - self._monotonic()
        if left <= 0 or self._slept(call):
            raise _out_of_time()
        others = {name: value for name, value in call.headers.items() if name.lower() not in OWN_HEADERS}
        request = HttpRequest(
            method=call.method,
            url=url,
            headers={**others, **identity.headers()},
            json=call.body,
            timeout=left,
        )
        try:
            return await self._transport.send(request)
        except ProcessorError as error:
            if call.write:
                raise
            failure = for_read(error.failure)
            raise ProcessorError(failure.message, remedy=failure.remedy, failure=failure) from None

    def _slept(self, call: _Call) -> bool:
        """Whether the computer was suspended since the attempt began, which monotonic clocks do not count.

        What was claimed before may by now be another worker's, or looked up and sent again.
        """
        ahead = self._now() - self._monotonic()
        return call.ahead is not None and ahead - call.ahead > SUSPENDED

    async def _in_time(self, call: _Call, before_sending: Awaitable[_T]) -> _T:
        """What comes before the first byte, which must not outlast the attempt: then it surely was not sent.

        Raises:
            ProcessorError: the attempt's time ran out.
        """
        try:
            async with asyncio.timeout(call.ends - self._monotonic()):
                return await before_sending
        except TimeoutError:
            raise _out_of_time() from None

    def _classify(self, reply: HttpReply, *, write: bool) -> Failure | None:
        failure = classify_reply(
            reply.status_code,
            reply.body,
            reply.text,
            reply.is_json,
            write=write,
            headers=reply.headers,
            now=self._now(),
        )
        if failure is None:
            return None
        return msgspec.structs.replace(
            failure, message=redact(failure.message), detail=redact(failure.detail)
        )

    def _impersonation(self, zone: str, route: Route) -> dict[str, str]:
        """Acting as a technician, for writes of entities that honour it."""
        resource = self._zone(zone).impersonate
        honoured = route.entity is not None and route.entity.impersonation
        if resource is None or not honoured or route.action.effect is Effect.READ:
            return {}
        return {"ImpersonationResourceId": str(resource)}

    def _zone(self, name: str) -> ZoneConfig:
        zone = self._zones.get(name)
        if zone is None:
            raise ProcessorError(
                f"There is no zone {name} here any more. Nothing was sent.",
                kind=FailureClass.PROCESSOR_ERROR,
                applied=Applied.NO,
                remedy="Add the zone again, or cancel its requests.",
            )
        return zone


class _Call(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be sent, without address and sign-in.

    `ends` is monotonic, in seconds; `ahead` is by how much the wall clock was ahead of it at the start, if
    that matters.
    """

    method: str
    path: str
    body: JSON = None
    headers: Mapping[str, str] = {}
    write: bool = False
    ends: float
    ahead: float | None = None


_ALL_ALIKE = frozenset({FailureClass.PERMISSION, FailureClass.NOT_FOUND})
"""Refusals of the kind of record: no smaller group fares better."""
_NO_RECORD = HttpReply(status_code=404, headers={}, body=None, text="", is_json=False, elapsed=0.0)
"""What a read by id answers for a record that is not there."""


def _refusal(failure: Failure | None) -> ProcessorError:
    if failure is None:
        raise AssertionError("an unusable answer was taken for a usable one")
    return ProcessorError(failure.message, remedy=failure.remedy, failure=failure)


def _out_of_time() -> ProcessorError:
    return ProcessorError(
        "The time of this attempt ran out before anything was sent.",
        kind=FailureClass.CONNECT_FAIL,
        applied=Applied.NO,
        remedy="It is tried again by itself.",
    )


def _budget(timeout: float | None) -> float:
    """Seconds for an attempt: a little less than the queue allows, whose own limit knows less.

    Both would otherwise end together, and the queue's only says "perhaps sent".
    """
    return DEFAULT_TIMEOUT if timeout is None else timeout - min(0.5, timeout * 0.1)


def _path(route: Route) -> str:
    keeps_query = route.action in {Action.NEXT, Action.SERVICE}
    return f"{route.path}?{route.query}" if keeps_query and route.query else route.path


def _may_have_moved(failure: Failure) -> bool:
    return failure.http_status == 401 or failure.kind is FailureClass.WRONG_ZONE


def _refuse_unresolved(route: Route, data: JSON) -> None:
    """A reference to a record that was not created yet must not reach the wire."""
    inside = [value for value in data.values() if isinstance(value, str)] if isinstance(data, dict) else []
    if any(value.startswith(LOCAL) for value in [route.parent_id or "", route.record or "", *inside]):
        raise ProcessorError(
            "It belongs to a record that has no number in Autotask yet. Nothing was sent.",
            kind=FailureClass.VALIDATION,
            applied=Applied.NO,
            remedy="Send that record first, then give its number here.",
        )

"""What every call passes: faults, credentials, limits, delays; and the log of what was written."""

from __future__ import annotations

import asyncio
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import msgspec
from starlette.types import ASGIApp, Receive, Scope, Send

from autotask_queue.simulator.errors import (
    HTML_ERROR,
    HTML_UNAVAILABLE,
    Refusal,
    hourly_limit,
    thread_limit,
    unauthorized,
)
from autotask_queue.simulator.exchange import Exchange, Reply
from autotask_queue.simulator.faults import Effects, Fault, FaultBook, FaultKind
from autotask_queue.simulator.limits import THREADS, WINDOW_MINUTES
from autotask_queue.simulator.tenant import Tenant

OPEN = ("/zoneinformation", "/versioninformation")
"""Called before there are credentials; no limit counts them."""


CANNED = {
    FaultKind.STATUS_503: Reply(
        status=503, body=HTML_UNAVAILABLE, content_type="text/html; charset=us-ascii"
    ),
    FaultKind.HTML_500: Reply(status=500, body=HTML_ERROR, content_type="text/html; charset=utf-8"),
}


class Write(msgspec.Struct, kw_only=True):
    """A write as `/_sim/state` lists it: whether it changed anything, and whether its reply was sent."""

    time: str
    method: str
    path: str
    applied: bool = False
    replied: bool = False


class Gate:
    """The ASGI application in front of the API. `requests` counts the calls that reached the server.

    `most_at_once` is how many of them, at most, were there at the same time.
    """

    def __init__(
        self, app: ASGIApp, control: ASGIApp, tenant: Tenant, faults: FaultBook, *, latency: float
    ) -> None:
        self._app = app
        self._control = control
        self._tenant = tenant
        self._faults = faults
        self._latency = latency
        self._stopping = asyncio.Event()
        self.requests = 0
        self.most_at_once = 0
        self._here = 0
        self.writes: list[Write] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"].lower().startswith("/_sim"):
            await self._control(scope, receive, send)
        else:
            await self._answer(Exchange(scope, receive, send))

    def stop(self) -> None:
        """Lets the calls that are delayed go on now."""
        self._stopping.set()

    async def _answer(self, exchange: Exchange) -> None:
        effects = self._faults.strike(exchange.method, exchange.resource, write=exchange.writes)
        if effects.kind is FaultKind.OFFLINE:
            await exchange.cut()
            return
        self.requests += 1
        self._here += 1
        self.most_at_once = max(self.most_at_once, self._here)
        try:
            await self._take(exchange, effects)
        finally:
            self._here -= 1

    async def _take(self, exchange: Exchange, effects: Effects) -> None:
        body = await exchange.body()
        if body is None:
            await exchange.cut()
            return
        write = Write(time=self._tenant.tables.stamp(), method=exchange.method, path=exchange.resource)
        if exchange.writes:
            self.writes.append(write)
        if effects.kind is FaultKind.HANG and effects.fault:
            await self._hold(exchange, effects.fault)
        elif effects.kind is FaultKind.DROP_BEFORE_APPLY:
            await exchange.cut()
        elif effects.kind in CANNED:
            await self._pause(effects.delay)
            write.replied = await exchange.reply(CANNED[effects.kind])
        else:
            await self._work(exchange, body, effects, write)

    async def _work(self, exchange: Exchange, body: bytes, effects: Effects, write: Write) -> None:
        """Answers the call. Its place at the endpoint is free again when the answer is sent."""
        try:
            with self._admitted(exchange, effects):
                delay = self._slowdown(exchange) + effects.delay + self._latency
                await self._pause(delay / 2)  # a call is as long on its way as its answer on the way back
                reply = await exchange.ask(self._app, body)
                write.applied = reply.status == 200
                await self._pause(delay / 2)
                await self._deliver(exchange, reply, effects, write)
        except Refusal as refusal:
            await self._deliver(
                exchange, Reply(status=refusal.status, body=refusal.encoded()), effects, write
            )

    def _admitted(self, exchange: Exchange, effects: Effects) -> AbstractContextManager[Any]:
        match effects.kind:
            case FaultKind.UNAUTHORIZED:
                raise unauthorized()
            case FaultKind.THREAD_LIMIT:
                raise thread_limit(THREADS)
            case FaultKind.HOURLY_LIMIT:
                raise hourly_limit(self._tenant.hourly.limit, WINDOW_MINUTES)
            case _:
                pass
        if exchange.resource.lower() in OPEN:
            return nullcontext()
        self._tenant.access.check(exchange.headers)
        return self._tenant.threads.slot(exchange.headers.get("apiintegrationcode", ""), exchange.endpoint)

    def _slowdown(self, exchange: Exchange) -> float:
        return 0.0 if exchange.resource.lower() in OPEN else self._tenant.hourly.take()

    async def _deliver(self, exchange: Exchange, reply: Reply, effects: Effects, write: Write) -> None:
        match effects.kind:
            case FaultKind.DROP_AFTER_APPLY:
                await exchange.cut()
            case FaultKind.TRUNCATE:
                await exchange.truncate(reply)
            case _:
                write.replied = await exchange.reply(reply)

    async def _hold(self, exchange: Exchange, fault: Fault) -> None:
        """Waits for the client to give up, or for the fault to end; then cuts."""
        async with asyncio.TaskGroup() as group:
            waits = [group.create_task(exchange.gone()), group.create_task(fault.ended.wait())]
            left = self._faults.seconds_left(fault)
            await asyncio.wait(waits, timeout=left, return_when=asyncio.FIRST_COMPLETED)
            for wait in waits:
                wait.cancel()
        await exchange.cut()

    async def _pause(self, seconds: float) -> None:
        if seconds <= 0:
            return
        try:
            await asyncio.wait_for(self._stopping.wait(), seconds)
        except TimeoutError:
            return

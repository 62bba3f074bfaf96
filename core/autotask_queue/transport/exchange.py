"""One HTTP exchange through httpx, from the first byte to a parsed reply.

Imported in a thread by `http.py`, because httpx takes a tenth of a second to load.
"""

from __future__ import annotations

import asyncio
import ssl
import sys
import time
from importlib.util import find_spec
from typing import Any

import httpx
import msgspec

from autotask_queue.__about__ import __version__
from autotask_queue.model.errors import ProcessorError
from autotask_queue.model.failure import Failure
from autotask_queue.model.request import JSON
from autotask_queue.ports import HttpReply, HttpRequest
from autotask_queue.transport.failures import (
    CAUGHT,
    Stage,
    bug_failure,
    deadline_failure,
    failure_of,
    oversize_failure,
)
from autotask_queue.transport.hosts import is_loopback, origin

if find_spec("sniffio") is None:
    # WORKAROUND: https://github.com/encode/httpcore/pull/1103. httpcore tries to import sniffio several times
    # for each request. Where it is missing, each try searches the whole path (40 µs), and on Python 3.11 one
    # in thousands ends in a KeyError (https://github.com/python/cpython/issues/91351). None says "not there".
    sys.modules["sniffio"] = None  # type: ignore[assignment]

CONNECT_TIMEOUT = 10.0
MAX_CONNECTIONS = 8
"""Of one client. httpx's cost per request grows with its pool: 0.6 ms up to eight, 3.8 ms at a hundred."""
KEEPALIVE_EXPIRY = 4.0
"""Seconds an idle connection is kept. Shorter than servers keep theirs (uvicorn 5 s, IIS 120 s): a write on a
connection that the server is just closing is a write of unknown outcome."""
_BIG = 256 * 1024
"""Bytes above which a reply is parsed in a thread."""


def build_context() -> ssl.SSLContext:
    """The TLS settings of the whole program: verification on, by the system's roots and certifi's.

    Takes tens of milliseconds. Raises `OSError` if a file of certificates named by the environment is
    missing or unreadable.
    """
    import certifi

    try:
        import truststore
    except ImportError:
        return ssl.create_default_context(cafile=certifi.where())
    context: ssl.SSLContext = truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if sys.platform == "linux":  # there, where the system keeps its roots is a guess
        context.load_verify_locations(certifi.where())
    return context


def build_client(url: str, context: ssl.SSLContext) -> httpx.AsyncClient:
    """A client for the host of `url`. It follows no redirect and repeats nothing."""
    loopback = is_loopback(origin(url)[1])
    return httpx.AsyncClient(
        verify=context,
        follow_redirects=False,
        trust_env=not loopback,  # a proxy of the environment is not for this computer itself
        limits=httpx.Limits(
            max_connections=MAX_CONNECTIONS,
            max_keepalive_connections=MAX_CONNECTIONS,
            keepalive_expiry=KEEPALIVE_EXPIRY,
        ),
        headers={"User-Agent": f"autotask-queue/{__version__}", "Accept": "application/json"},
    )


async def exchange(client: httpx.AsyncClient, request: HttpRequest, *, max_reply: int) -> HttpReply:
    """Sends once and reads the whole reply, all within `request.timeout` seconds.

    Raises:
        ProcessorError: there is no complete reply; the failure says whether bytes left.
    """
    started = time.monotonic()
    attempt = _Attempt(host=origin(request.url)[1])
    wire = _build(client, request, attempt)
    deadline = asyncio.timeout(request.timeout)
    try:
        async with deadline:
            response, content = await _read(client, wire, max_reply)
    except TimeoutError as error:
        if not deadline.expired():
            raise _error(failure_of(error, attempt.stage, host=attempt.host)) from error
        raise _error(deadline_failure(attempt.stage, request.timeout)) from None
    except CAUGHT as error:
        raise _error(failure_of(error, attempt.stage, host=attempt.host)) from None
    finally:
        await attempt.close_unsecured()
    elapsed = time.monotonic() - started
    body, text, is_json = await _parse(content)
    return HttpReply(
        status_code=response.status_code,
        headers={name.lower(): value for name, value in response.headers.items()},
        body=body,
        text=text,
        is_json=is_json,
        elapsed=elapsed,
    )


class _Attempt:
    """Follows an exchange through httpcore's trace, to know whether bytes of the request left."""

    def __init__(self, *, host: str) -> None:
        self.host = host
        self.stage = Stage.WAITING
        self._unsecured: Any = None

    async def trace(self, event: str, info: dict[str, Any]) -> None:
        if self.stage is Stage.WAITING:
            self.stage = Stage.CONNECTING
        if event.endswith("connect_tcp.complete"):
            self._unsecured = info.get("return_value")
        elif event.endswith(("start_tls.complete", "send_request_headers.started")):
            self._unsecured = None
        if not event.endswith(("send_request_headers.started", "send_request_headers.complete")):
            return
        if event.endswith("started"):
            method = getattr(info.get("request"), "method", b"")
            if method != b"CONNECT":  # the question to a proxy holds nothing of the request
                self.stage = Stage.SENDING
        elif self.stage is Stage.SENDING:
            self.stage = Stage.SENT

    async def close_unsecured(self) -> None:
        """Closes a connection that was given up while TLS was being agreed on.

        WORKAROUND: httpcore closes it when that fails, but forgets it when that is cancelled.
        """
        stream, self._unsecured = self._unsecured, None
        if stream is not None:
            await stream.aclose()


def _build(client: httpx.AsyncClient, request: HttpRequest, attempt: _Attempt) -> httpx.Request:
    content: bytes | None = None
    headers = dict(request.headers)
    try:
        if request.json is not None:
            content = msgspec.json.encode(request.json)
            if not any(name.lower() == "content-type" for name in headers):
                headers["Content-Type"] = "application/json"
        return client.build_request(
            request.method,
            request.url,
            headers=httpx.Headers(headers, encoding="utf-8"),
            content=content,
            # The only limits beside the deadline: each one costs a timer per request.
            timeout=httpx.Timeout(None, connect=min(CONNECT_TIMEOUT, request.timeout)),
            extensions={"trace": attempt.trace},
        )
    except (httpx.InvalidURL, TypeError, ValueError, OverflowError, RecursionError) as error:
        message = "The request cannot be put into HTTP as it is. Nothing was sent."
        # Not the error's own text: it may quote a header, and so a secret.
        raise _error(bug_failure("unsendable", type(error).__name__, message)) from None


async def _read(
    client: httpx.AsyncClient, wire: httpx.Request, max_reply: int
) -> tuple[httpx.Response, bytes]:
    response = await client.send(wire, stream=True)
    try:
        content = bytearray()
        async for chunk in response.aiter_bytes():
            content += chunk
            if len(content) > max_reply:
                raise _error(oversize_failure(max_reply))
    finally:
        await response.aclose()
    return response, bytes(content)


async def _parse(content: bytes) -> tuple[JSON, str, bool]:
    if len(content) > _BIG:
        return await asyncio.to_thread(parse, content)
    return parse(content)


def parse(content: bytes) -> tuple[JSON, str, bool]:
    """Any bytes as (body, text, whether they are JSON). The content type is not asked: proxies lie."""
    text = content.decode("utf-8-sig", "replace")
    try:
        return msgspec.json.decode(text), text, True
    except (msgspec.MsgspecError, RecursionError, ValueError):
        return None, text, False


def _error(failure: Failure) -> ProcessorError:
    return ProcessorError(failure.message, remedy=failure.remedy, failure=failure)

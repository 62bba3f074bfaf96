"""The transport over httpx: one client for each host, one TLS context for all."""

from __future__ import annotations

import asyncio
import ssl
from typing import TYPE_CHECKING

from autotask_queue.model.errors import ProcessorError
from autotask_queue.model.failure import Applied, FailureClass
from autotask_queue.transport.hosts import origin

if TYPE_CHECKING:
    import httpx

    from autotask_queue.ports import HttpReply, HttpRequest

MAX_REPLY = 64 * 2**20
"""Bytes of a reply, unpacked."""


class HttpxTransport:
    """Sends HTTP requests; implements the port `Transport`.

    Each host has a client of its own with at most eight connections. Nothing is opened before the first
    request; httpx and the TLS context are loaded in a thread then. An attempt that outlives its time
    ends with a `ProcessorError`; a cancelled one closes its connection and lets the cancellation
    through. After `close`, requests are refused.
    """

    def __init__(self, *, context: ssl.SSLContext | None = None, max_reply: int = MAX_REPLY) -> None:
        self._context = context
        self._max_reply = max_reply
        self._clients: dict[tuple[str, str, int], httpx.AsyncClient] = {}
        self._opening = asyncio.Lock()
        self._closed = False

    async def send(self, request: HttpRequest) -> HttpReply:
        """Sends once; never repeats, never follows a redirect.

        Raises:
            ProcessorError: no complete answer came; its failure says whether bytes left.
        """
        client = self._clients.get(origin(request.url)) or await self._open(request.url)
        if self._closed:
            raise _closed()
        from autotask_queue.transport.exchange import exchange  # loaded by _open

        return await exchange(client, request, max_reply=self._max_reply)

    async def close(self) -> None:
        """Closes all connections, also those in use."""
        self._closed = True
        clients, self._clients = list(self._clients.values()), {}
        for client in clients:
            await client.aclose()

    async def _open(self, url: str) -> httpx.AsyncClient:
        async with self._opening:
            if self._closed:
                raise _closed()
            known = self._clients.get(origin(url))
            if known is not None:
                return known
            try:
                self._context, client = await asyncio.to_thread(_prepare, url, self._context)
            except OSError as error:
                raise _no_tls(error) from error
            self._clients[origin(url)] = client
            return client


def _prepare(url: str, context: ssl.SSLContext | None) -> tuple[ssl.SSLContext, httpx.AsyncClient]:
    from autotask_queue.transport import exchange

    context = context or exchange.build_context()
    return context, exchange.build_client(url, context)


def _closed() -> ProcessorError:
    return ProcessorError(
        "The program is shutting down. Nothing was sent.",
        kind=FailureClass.CANCELLED,
        applied=Applied.NO,
        remedy="It goes on when the program runs again.",
    )


def _no_tls(error: OSError) -> ProcessorError:
    return ProcessorError(
        f"The certificates for secure connections could not be read ({error}). Nothing was sent.",
        kind=FailureClass.CONNECT_FAIL,
        applied=Applied.NO,
        remedy="Check the environment variables SSL_CERT_FILE and SSL_CERT_DIR.",
    )

"""Serves an ASGI application on a loopback port with uvicorn's protocol, and can take the port away.

uvicorn's own `Server` owns signals, ticks every 100 ms and cannot stop listening for a while; a simulator
of outages needs the opposite of all three. So only its HTTP protocol is used.
"""

from __future__ import annotations

import asyncio
import socket
import sys
from time import monotonic
from typing import Any

from starlette.types import ASGIApp, Receive, Scope, Send
from typing_extensions import override
from uvicorn import Config
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

KEEP_ALIVE = 75.0
CLOSING = 5.0


class _Connection(H11Protocol):
    """uvicorn's protocol, with nothing left behind by a client that was killed."""

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        # WORKAROUND: uvicorn ends its keep-alive timer only when the connection was closed in order.
        self._unset_keepalive_if_required()


class Listener:
    """One port. An application finds its connection in `scope["state"]["connection"]`."""

    def __init__(self, app: ASGIApp, host: str) -> None:
        self._app = app
        self._heard_at = monotonic()
        self._config = Config(
            self._hear,
            interface="asgi3",
            http=_Connection,
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            timeout_keep_alive=int(KEEP_ALIVE),
        )
        self._state = ServerState()
        self._host = host
        self._reserved: socket.socket | None = None
        self._server: asyncio.Server | None = None
        self.port = 0

    @property
    def url(self) -> str:
        return f"http://{self._host}:{self.port}"

    @property
    def idle(self) -> float:
        """Seconds since the last call came in; 0 while one is being answered."""
        return 0.0 if self._state.tasks else monotonic() - self._heard_at

    async def _hear(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._heard_at = monotonic()
        await self._app(scope, receive, send)

    async def open(self, port: int = 0) -> None:
        """Listens on the port, or on a free one.

        Raises:
            OSError: the port is taken, or not allowed.
        """
        self._config.load()
        if sys.platform == "linux":
            # Bound but not listening, it keeps the number ours while connections are refused: another
            # program, or a client's own end of a connection, could get it otherwise.
            self._reserved = self._bound(port)
            port = self._reserved.getsockname()[1]
        listening = self._bound(port)
        self.port = listening.getsockname()[1]
        await self._serve(listening)

    async def reopen(self) -> None:
        """Listens again on the same port."""
        if self._server is None:
            await self._serve(self._bound(self.port))

    def refuse(self) -> None:
        """Cuts every connection; new ones are refused until `reopen`."""
        if self._server is not None:
            self._server.close()
            self._server = None
        for connection in list(self._state.connections):
            transport = connection.transport
            if transport is not None:
                transport.abort()

    async def close(self) -> None:
        """Ends everything; calls under way lose their connection."""
        self.refuse()
        if self._reserved is not None:
            self._reserved.close()
            self._reserved = None
        running = set(self._state.tasks)
        if running:
            await asyncio.wait(running, timeout=CLOSING)
        await asyncio.sleep(0)  # in the loop's next round each connection is told that it is lost

    def _bound(self, port: int) -> socket.socket:
        # The protocol is named because asyncio turns Nagle's delay (40 ms a call) off only then.
        bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        try:
            if sys.platform != "win32":  # there it would let a second program take the port over
                bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            bound.bind((self._host, port))
            bound.setblocking(False)
        except OSError:
            bound.close()
            raise
        return bound

    async def _serve(self, listening: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._protocol, sock=listening)

    def _protocol(self) -> asyncio.Protocol:
        state: dict[str, Any] = {}
        protocol = _Connection(self._config, self._state, state, asyncio.get_running_loop())
        state["connection"] = protocol
        return protocol

"""One call on the wire: reading it, and answering it well, badly or not at all."""

from __future__ import annotations

from typing import Any

import msgspec
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MAX_BODY = 16 * 1024 * 1024

QUERIES = ("query", "count", "next")


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """An HTTP answer, complete before any of it is sent."""

    status: int
    body: bytes = b""
    content_type: str = "application/json; charset=utf-8"

    def headers(self, length: int) -> list[tuple[bytes, bytes]]:
        kind = [(b"content-type", self.content_type.encode())] if self.body else []
        return [*kind, (b"content-length", str(length).encode())]


class Exchange:
    """A call, and the connection it came on.

    `path` is as it was sent; `resource` is what stands behind the version (`/Tickets/12/Notes`).
    """

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._scope = scope
        self._receive = receive
        self._send = send
        self.method: str = scope["method"]
        self.path: str = scope["path"]
        self.headers = {
            name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]
        }
        self.resource = _resource(self.path)
        segments = self.resource.lower().strip("/").split("/")
        self.endpoint = segments[0]
        asking = self.method == "POST" and segments[-1] in QUERIES and "query" in segments
        self.writes = self.method in ("POST", "PATCH", "PUT", "DELETE") and not asking

    async def body(self) -> bytes | None:
        """The whole body; None if it is too long or the client went away."""
        parts = bytearray()
        while True:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                return None
            parts += message.get("body", b"")
            if len(parts) > MAX_BODY:
                return None
            if not message.get("more_body", False):
                return bytes(parts)

    async def ask(self, app: ASGIApp, body: bytes) -> Reply:
        """Lets an application answer, without sending anything."""
        sent: list[Message] = []

        async def receive() -> Message:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: Message) -> None:
            sent.append(message)

        path = self.path.lower().rstrip("/")
        scope = dict(self._scope) | {"path": path, "raw_path": path.encode(), "asked_url": self._url()}
        await app(scope, receive, send)
        headers = dict(sent[0].get("headers", []))
        return Reply(
            status=sent[0]["status"],
            body=b"".join(message.get("body", b"") for message in sent[1:]),
            content_type=headers.get(b"content-type", b"").decode(),
        )

    async def reply(self, reply: Reply) -> bool:
        """Sends an answer; False if the client is gone."""
        if self._connection.transport.is_closing():
            return False
        await self._start(reply, reply.body)
        return True

    async def truncate(self, reply: Reply) -> None:
        """Promises the whole body, sends half of it, and closes the connection."""
        await self._start(reply, reply.body[: len(reply.body) // 2], more=True)
        self._connection.transport.close()
        await self.gone()

    async def cut(self) -> None:
        """Closes the connection without a byte of an answer."""
        self._connection.transport.abort()
        await self.gone()

    async def gone(self) -> None:
        """Returns when the connection is closed, by whomever."""
        while (await self._receive())["type"] != "http.disconnect":
            pass

    async def _start(self, reply: Reply, body: bytes, *, more: bool = False) -> None:
        headers = reply.headers(len(reply.body))
        await self._send({"type": "http.response.start", "status": reply.status, "headers": headers})
        await self._send({"type": "http.response.body", "body": body, "more_body": more})

    @property
    def _connection(self) -> Any:
        """The server's protocol object of this connection (see `listener`)."""
        return self._scope["state"]["connection"]

    def _url(self) -> str:
        return f"http://{self.headers.get('host', '')}{self.path}"


def _resource(path: str) -> str:
    for prefix in ("/atservicesrest/v1.0", "/atservicesrest"):
        if path.lower().startswith(f"{prefix}/"):
            return path[len(prefix) :]
    return path

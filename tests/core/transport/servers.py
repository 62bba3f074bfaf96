"""Servers of raw bytes on loopback: they do to a connection exactly what a test says."""

from __future__ import annotations

import asyncio
import datetime as dt
import ipaddress
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

Behaviour = Callable[["Connection"], Awaitable[None]]


@dataclass
class Connection:
    """One accepted connection of a server."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    server: Server

    async def request(self) -> bytes:
        """Reads one request, head and body."""
        head = await self.reader.readuntil(b"\r\n\r\n")
        length = next(
            (
                int(line.split(b":")[1])
                for line in head.lower().split(b"\r\n")
                if line.startswith(b"content-length")
            ),
            0,
        )
        request = head + await self.reader.readexactly(length)
        self.server.requests.append(request)
        self.server.changed.set()
        return request

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def gone(self) -> None:
        """Waits until the client closes."""
        while await self.reader.read(65_536):
            pass

    def abort(self) -> None:
        """Closes with a reset, not with an end."""
        self.writer.transport.abort()


@dataclass
class Server:
    """What a raw server saw: each request as its bytes, and how many connections at most at once."""

    url: str
    requests: list[bytes] = field(default_factory=list)
    connections: int = 0
    open_now: int = 0
    most: int = 0
    gone: asyncio.Event = field(default_factory=asyncio.Event)
    """Set whenever a connection ends."""
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    """Set whenever a request is in."""

    async def asked(self, times: int) -> None:
        """Waits until so many requests are in."""
        async with asyncio.timeout(10):
            while len(self.requests) < times:
                self.changed.clear()
                await self.changed.wait()


@asynccontextmanager
async def raw_server(behaviour: Behaviour, *, context: ssl.SSLContext | None = None) -> AsyncIterator[Server]:
    """Runs a server that treats each connection as `behaviour` says, then closes it."""
    handlers: set[asyncio.Task[None]] = set()

    async def handle(connection: Connection) -> None:
        server.connections += 1
        server.open_now += 1
        server.most = max(server.most, server.open_now)
        try:
            await behaviour(connection)
        except (ConnectionError, asyncio.IncompleteReadError, ssl.SSLError):
            pass
        finally:
            server.open_now -= 1
            server.gone.set()
            # TLS says goodbye for up to 30 s, and a timer of it would outlive the test.
            connection.writer.transport.abort() if context else connection.writer.close()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # No coroutine: Python 3.11 logs an error for each handler that is cancelled.
        task = asyncio.get_running_loop().create_task(handle(Connection(reader, writer, server)))
        handlers.add(task)
        task.add_done_callback(handlers.discard)

    listener = await asyncio.start_server(accept, "127.0.0.1", 0, ssl=context)
    port = listener.sockets[0].getsockname()[1]
    server = Server(url=f"{'https' if context else 'http'}://127.0.0.1:{port}")
    try:
        yield server
    finally:
        listener.close()
        for task in list(handlers):
            task.cancel()
        await asyncio.gather(*handlers, return_exceptions=True)
        await listener.wait_closed()


def reply(
    body: bytes, *, status: str = "200 OK", headers: str = "Content-Type: application/json\r\n"
) -> bytes:
    """A complete reply as bytes."""
    return f"HTTP/1.1 {status}\r\n{headers}Content-Length: {len(body)}\r\n\r\n".encode() + body


def answering(data: bytes) -> Behaviour:
    """Answers every request of a connection with the same bytes."""

    async def behaviour(connection: Connection) -> None:
        while True:
            await connection.request()
            await connection.send(data)

    return behaviour


def tls_contexts(folder: Path, *, name: str = "127.0.0.1") -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """A server's context with a certificate of its own, and a client's that trusts it."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "loopback")])
    alternative: x509.GeneralName = (
        x509.IPAddress(ipaddress.ip_address(name)) if name[0].isdigit() else x509.DNSName(name)
    )
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([alternative]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = folder / "certificate.pem"
    pem.write_bytes(
        certificate.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(pem)
    return server, ssl.create_default_context(cafile=str(pem))

"""A server that cuts the connection at every byte of an exchange; it knows whether it carried the write out.

C2: what was carried out is never called "surely not applied". C3: "surely not applied" is never said once
the server has carried it out. The request's bytes and the reply's, TLS's handshake, and a connection kept
alive that the server closes while nobody looks.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Iterable
from enum import Enum
from pathlib import Path

import pytest
from tests.core.transport.servers import Connection, raw_server, reply, tls_contexts

from autotask_queue.model.errors import ProcessorError
from autotask_queue.model.failure import Applied, Failure, FailureClass
from autotask_queue.policy.classify import classify_reply
from autotask_queue.ports import HttpRequest
from autotask_queue.transport import HttpxTransport

pytestmark = pytest.mark.integration

LENGTH = reply(b'{"itemId": 7}')
CHUNKED = b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nd\r\n{"itemId": 7}\r\n0\r\n\r\n'
UNTIL_CLOSE = b'HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{"itemId": 7}'
READ_REPLY = reply(b'{"item": {"id": 7}}')
AT_A_TIME = 16


class How(Enum):
    """How a server ends a connection."""

    CLOSE = "with an end"
    RESET = "with a reset"


class Exchange:
    """One exchange that is cut after `taken` bytes of the request (None: all) and `given` of the reply."""

    def __init__(self, how: How, *, taken: int | None, given: int, whole: bytes, warm: bool) -> None:
        self.how, self.taken, self.given, self.whole, self.warm = how, taken, given, whole, warm
        self.applied = False
        self.request = b""

    async def __call__(self, connection: Connection) -> None:
        if self.warm and not connection.server.requests:
            await connection.request()
            await connection.send(LENGTH)
        await self._take(connection)
        if self.given:
            await connection.send(self.whole[: self.given])
        if self.how is How.RESET:
            connection.abort()

    async def _take(self, connection: Connection) -> None:
        if self.taken is None:
            self.request = await connection.request()
            self.applied = True  # from here on the server carries it out
        elif self.taken:
            self.request = await connection.reader.readexactly(self.taken)
        else:  # the client is there, and nothing is taken
            await asyncio.sleep(0)


def _request(url: str, *, write: bool) -> HttpRequest:
    if write:
        return HttpRequest(method="POST", url=f"{url}/Tickets", json={"title": "Printer"}, timeout=10.0)
    return HttpRequest(method="GET", url=f"{url}/Tickets/7", timeout=10.0)


async def _end(transport: HttpxTransport, request: HttpRequest, *, write: bool) -> Failure | None:
    """How the attempt looks from here: None is "applied"."""
    try:
        answer = await transport.send(request)
    except ProcessorError as error:
        return error.failure
    return classify_reply(
        answer.status_code, answer.body, answer.text, answer.is_json, write=write, headers=answer.headers
    )


async def _cut(exchange: Exchange, *, write: bool) -> Failure | None:
    async with raw_server(exchange) as server:
        transport = HttpxTransport(context=_PLAIN)
        try:
            if exchange.warm:
                assert await _end(transport, _request(server.url, write=True), write=True) is None
            return await _end(transport, _request(server.url, write=write), write=write)
        finally:
            await transport.close()


_PLAIN = ssl.create_default_context()
"""Loading certificates for each of a thousand clients would take minutes; none is used here."""


async def _all_cut(exchanges: Iterable[Exchange], *, write: bool) -> list[tuple[Exchange, Failure | None]]:
    turns = asyncio.Semaphore(AT_A_TIME)

    async def one(exchange: Exchange) -> tuple[Exchange, Failure | None]:
        async with turns:
            return exchange, await _cut(exchange, write=write)

    return list(await asyncio.gather(*map(one, exchanges)))


async def _whole_request(*, write: bool) -> bytes:
    exchange = Exchange(How.CLOSE, taken=None, given=len(LENGTH), whole=LENGTH, warm=False)
    await _cut(exchange, write=write)
    return exchange.request


def _check(exchange: Exchange, failure: Failure | None, *, write: bool, complete: bool) -> None:
    where = f"taken {exchange.taken}, given {exchange.given} {exchange.how.value}"
    if complete:
        assert failure is None, where
        return
    assert failure is not None, f"{where}: half an answer was taken for a whole one"
    if exchange.applied and write:
        assert failure.applied is not Applied.NO, f"C2, {where}"
    if failure.applied is Applied.NO and write:
        assert not exchange.applied, f"C3, {where}"
    assert failure.kind in {FailureClass.TIMEOUT_UNKNOWN, FailureClass.SERVER_TRANSIENT}, where


# ---------------------------------------------------------------------------------------------
# Every byte


@pytest.mark.parametrize("warm", [False, True], ids=["new", "kept-alive"])
@pytest.mark.parametrize("write", [True, False], ids=["write", "read"])
@pytest.mark.parametrize("how", How)
async def test_c2_c3_the_request_is_cut_at_every_byte(how: How, write: bool, warm: bool) -> None:
    request = await _whole_request(write=write)
    exchanges = [Exchange(how, taken=cut, given=0, whole=b"", warm=warm) for cut in range(len(request))]
    for exchange, failure in await _all_cut(exchanges, write=write):
        _check(exchange, failure, write=write, complete=False)
        assert failure is not None
        assert failure.applied is Applied.UNKNOWN, "bytes left: nobody knows how many were read"


@pytest.mark.parametrize("how", How)
@pytest.mark.parametrize(
    ("whole", "write"),
    [(LENGTH, True), (CHUNKED, True), (UNTIL_CLOSE, True), (READ_REPLY, False)],
    ids=["length", "chunked", "until-close", "read"],
)
async def test_c2_c3_the_reply_is_cut_at_every_byte(how: How, whole: bytes, write: bool) -> None:
    # A reset overtakes what was sent: whether the last byte was read before it is a matter of luck.
    cuts = range(len(whole) + (how is How.CLOSE))
    exchanges = [Exchange(how, taken=None, given=cut, whole=whole, warm=False) for cut in cuts]
    for exchange, failure in await _all_cut(exchanges, write=write):
        assert exchange.applied
        _check(exchange, failure, write=write, complete=exchange.given == len(whole))


# ---------------------------------------------------------------------------------------------
# A connection that was kept


@pytest.mark.parametrize("how", How)
async def test_c2_a_connection_closed_while_idle_is_not_used_for_a_write(how: How) -> None:
    """Once the end has arrived here, the next write takes a new connection and goes once."""

    async def once(connection: Connection) -> None:
        await connection.request()
        await connection.send(LENGTH)
        await answered.wait()
        if how is How.RESET:
            connection.abort()

    answered = asyncio.Event()
    async with raw_server(once) as server:
        transport = HttpxTransport(context=_PLAIN)
        assert await _end(transport, _request(server.url, write=True), write=True) is None
        answered.set()
        await server.gone.wait()
        for _ in range(5):  # turns of the loop until the server's socket is closed for good
            await asyncio.sleep(0)
        assert await _end(transport, _request(server.url, write=True), write=True) is None
        await transport.close()
    assert len(server.requests) == 2
    assert server.connections == 2


@pytest.mark.parametrize("how", How)
@pytest.mark.parametrize("write", [True, False], ids=["write", "read"])
async def test_c3_a_connection_closed_as_a_request_is_written_may_have_carried_it(
    how: How, write: bool
) -> None:
    """The race that nobody wins: not one byte came back, and a server may have read it all."""
    exchange = Exchange(how, taken=None, given=0, whole=b"", warm=True)
    failure = await _cut(exchange, write=write)
    assert exchange.applied
    assert failure is not None
    assert failure.kind is FailureClass.TIMEOUT_UNKNOWN
    assert failure.code == "cut_off"


# ---------------------------------------------------------------------------------------------
# TLS: nothing of the request leaves before the handshake is over


@pytest.mark.parametrize("taken", [0, 1, 5, 6, 50, 100])
@pytest.mark.parametrize("how", How)
async def test_c3_a_handshake_that_is_cut_carried_nothing(how: How, taken: int, tmp_path: Path) -> None:
    async def hello(connection: Connection) -> None:
        await connection.reader.readexactly(taken)
        if how is How.RESET:
            connection.abort()

    transport = HttpxTransport(context=tls_contexts(tmp_path)[1])
    async with raw_server(hello) as server:
        url = server.url.replace("http:", "https:")
        failure = await _end(transport, _request(url, write=True), write=True)
    await transport.close()
    assert failure is not None
    assert (failure.kind, failure.applied) == (FailureClass.CONNECT_FAIL, Applied.NO)

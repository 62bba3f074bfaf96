"""The transport over real sockets: what it says of an exchange is what happened to it."""

from __future__ import annotations

import asyncio
import gzip
import logging
import socket
import ssl
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from tests.core.transport.servers import Connection, answering, raw_server, reply, tls_contexts

from autotask_queue.model.errors import ProcessorError
from autotask_queue.model.failure import Applied, Failure, FailureClass
from autotask_queue.ports import HttpRequest, Transport
from autotask_queue.transport import HttpxTransport
from autotask_queue.transport.exchange import KEEPALIVE_EXPIRY, MAX_CONNECTIONS, build_context, parse

pytestmark = pytest.mark.integration

OK = reply(b'{"itemId": 7}')


@pytest_asyncio.fixture
async def transport() -> AsyncIterator[HttpxTransport]:
    transport = HttpxTransport()
    yield transport
    await transport.close()


def post(url: str, *, timeout: float = 5.0, **more: object) -> HttpRequest:
    return HttpRequest(method="POST", url=f"{url}/x", json={"a": 1}, timeout=timeout, **more)  # type: ignore[arg-type]


async def failing(transport: Transport, request: HttpRequest) -> Failure:
    with pytest.raises(ProcessorError) as caught:
        await transport.send(request)
    return caught.value.failure


# ---------------------------------------------------------------------------------------------
# Replies


async def test_a_reply(transport: HttpxTransport) -> None:
    async with raw_server(answering(OK)) as server:
        answer = await transport.send(post(server.url, headers={"X-One": "1"}))
    assert answer.status_code == 200
    assert answer.body == {"itemId": 7}
    assert answer.is_json
    assert answer.text == '{"itemId": 7}'
    assert answer.headers["content-type"] == "application/json"
    assert answer.elapsed > 0
    (sent,) = server.requests
    assert sent.startswith(b"POST /x HTTP/1.1\r\n")
    assert b"X-One: 1\r\n" in sent
    assert b"Content-Type: application/json\r\n" in sent
    assert sent.endswith(b'\r\n\r\n{"a":1}')


async def test_a_request_without_a_body(transport: HttpxTransport) -> None:
    async with raw_server(answering(OK)) as server:
        await transport.send(HttpRequest(method="GET", url=server.url))
    assert b"content-type" not in server.requests[0].lower()


@pytest.mark.parametrize(
    ("content", "is_json", "body"),
    [
        (b"", False, None),
        (b"<html>", False, None),
        (b'{"a"', False, None),
        (b"\xff\xfe\x00", False, None),
        (b"[" * 100_000, False, None),
        (b"NaN", False, None),
        (b"\xef\xbb\xbf[1]", True, [1]),
        (b" null ", True, None),
        (b'{"big": 123456789012345678901234567890}', True, {"big": 123456789012345678901234567890}),
    ],
)
async def test_any_bytes_make_a_reply(
    transport: HttpxTransport, content: bytes, is_json: bool, body: object
) -> None:
    async with raw_server(answering(reply(content, headers="Content-Type: text/plain\r\n"))) as server:
        answer = await transport.send(post(server.url))
    assert (answer.is_json, answer.body) == (is_json, body)


async def test_a_status_is_no_exception(transport: HttpxTransport) -> None:
    for status in ("401 Unauthorized", "404 Not Found", "500 Oops", "503 Unavailable", "599 What"):
        async with raw_server(answering(reply(b"", status=status))) as server:
            answer = await transport.send(post(server.url))
        assert answer.status_code == int(status[:3])


async def test_a_redirect_is_not_followed(transport: HttpxTransport) -> None:
    async with raw_server(answering(OK)) as elsewhere:
        moved = reply(b"", status="307 Moved", headers=f"Location: {elsewhere.url}/y\r\n")
        async with raw_server(answering(moved)) as server:
            answer = await transport.send(post(server.url, headers={"Secret": "s3cret-value"}))
    assert answer.status_code == 307
    assert elsewhere.requests == []


async def test_a_packed_reply_is_unpacked(transport: HttpxTransport) -> None:
    packed = reply(gzip.compress(b'{"itemId": 8}'), headers="Content-Encoding: gzip\r\n")
    async with raw_server(answering(packed)) as server:
        answer = await transport.send(post(server.url))
    assert answer.body == {"itemId": 8}


async def test_a_large_reply_is_parsed_off_the_loop(
    transport: HttpxTransport, monkeypatch: pytest.MonkeyPatch
) -> None:
    from autotask_queue.transport import exchange

    threads: list[int] = []

    def noting(content: bytes) -> tuple[object, str, bool]:
        threads.append(threading.get_ident())
        return parse(content)

    monkeypatch.setattr(exchange, "parse", noting)
    async with raw_server(answering(reply(b'{"a": "' + b"x" * 300_000 + b'"}'))) as server:
        answer = await transport.send(post(server.url))
    assert answer.is_json
    assert threads != [threading.get_ident()]


# ---------------------------------------------------------------------------------------------
# Was it sent?


async def test_refused(transport: HttpxTransport) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    failure = await failing(transport, post(f"http://127.0.0.1:{port}"))
    assert failure.kind is FailureClass.CONNECT_FAIL
    assert failure.code == "refused"
    assert failure.applied is Applied.NO


async def test_no_answer_in_time(transport: HttpxTransport) -> None:
    async def behaviour(connection: Connection) -> None:
        await connection.request()
        await connection.gone()

    async with raw_server(behaviour) as server:
        failure = await failing(transport, post(server.url, timeout=0.1))
        assert server.requests
    assert failure.code == "deadline"
    assert failure.applied is Applied.UNKNOWN
    assert "0.1 s" in failure.message


async def test_the_deadline_is_for_the_whole_attempt(transport: HttpxTransport) -> None:
    """A server that sends a byte now and then keeps no attempt alive."""

    async def behaviour(connection: Connection) -> None:
        await connection.request()
        for byte in reply(b"x" * 10_000):
            await connection.send(bytes([byte]))
            await asyncio.sleep(0.01)

    async with raw_server(behaviour) as server:
        failure = await failing(transport, post(server.url, timeout=0.2))
    assert failure.code == "deadline"
    assert failure.applied is Applied.UNKNOWN


async def test_time_that_runs_out_before_the_first_byte_is_not_sent(tmp_path: Path) -> None:
    """The server accepts the connection but never says hello in TLS."""

    async def behaviour(connection: Connection) -> None:
        await connection.gone()

    transport = HttpxTransport(context=tls_contexts(tmp_path)[1])
    async with raw_server(behaviour) as server:
        failure = await failing(transport, post(server.url.replace("http:", "https:"), timeout=0.2))
    await transport.close()
    assert failure.kind is FailureClass.CONNECT_FAIL
    assert failure.code == "connect_timeout"
    assert failure.applied is Applied.NO


async def test_waiting_for_a_free_connection_is_not_sent(transport: HttpxTransport) -> None:
    async def behaviour(connection: Connection) -> None:
        await connection.request()
        await connection.gone()

    async with raw_server(behaviour) as server:
        busy = [
            asyncio.create_task(transport.send(post(server.url, timeout=30))) for _ in range(MAX_CONNECTIONS)
        ]
        await server.asked(MAX_CONNECTIONS)
        failure = await failing(transport, post(server.url, timeout=0.1))
        for task in busy:
            task.cancel()
        await asyncio.gather(*busy, return_exceptions=True)
    assert failure.code == "no_free_connection"
    assert failure.applied is Applied.NO
    assert server.most == MAX_CONNECTIONS
    assert len(server.requests) == MAX_CONNECTIONS


async def test_an_oversized_reply_is_given_up() -> None:
    transport = HttpxTransport(max_reply=1_000)
    bomb = reply(gzip.compress(b"0" * 1_000_000), headers="Content-Encoding: gzip\r\n")
    async with raw_server(answering(bomb)) as server:
        failure = await failing(transport, post(server.url))
    await transport.close()
    assert failure.code == "reply_too_large"
    assert failure.applied is Applied.UNKNOWN


async def test_a_reply_that_cannot_be_unpacked_was_still_a_reply(transport: HttpxTransport) -> None:
    async with raw_server(answering(reply(b"no gzip", headers="Content-Encoding: gzip\r\n"))) as server:
        failure = await failing(transport, post(server.url))
    assert failure.code == "unreadable_reply"
    assert failure.applied is Applied.UNKNOWN


async def test_bytes_that_are_no_http(transport: HttpxTransport) -> None:
    async with raw_server(answering(b"SSH-2.0-OpenSSH_9\r\n\r\n")) as server:
        failure = await failing(transport, post(server.url))
    assert failure.kind is FailureClass.TIMEOUT_UNKNOWN
    assert failure.applied is Applied.UNKNOWN


async def test_a_connection_is_used_again(transport: HttpxTransport) -> None:
    async with raw_server(answering(OK)) as server:
        for _ in range(3):
            await transport.send(post(server.url))
    assert server.connections == 1
    assert KEEPALIVE_EXPIRY < 5, "uvicorn closes idle connections after five seconds"


# ---------------------------------------------------------------------------------------------
# TLS


async def test_tls(tmp_path: Path) -> None:
    server_side, client_side = tls_contexts(tmp_path)
    transport = HttpxTransport(context=client_side)
    async with raw_server(answering(OK), context=server_side) as server:
        answer = await transport.send(post(server.url))
    await transport.close()
    assert answer.body == {"itemId": 7}


async def test_an_unknown_certificate_gets_nothing(transport: HttpxTransport, tmp_path: Path) -> None:
    server_side, _ = tls_contexts(tmp_path)
    async with raw_server(answering(OK), context=server_side) as server:
        failure = await failing(transport, post(server.url, headers={"Secret": "s3cret-value"}))
    assert failure.code == "tls_untrusted"
    assert failure.applied is Applied.NO
    assert server.requests == []


async def test_a_certificate_for_another_name_is_a_page_in_between(tmp_path: Path) -> None:
    server_side, client_side = tls_contexts(tmp_path, name="wifi.example")
    transport = HttpxTransport(context=client_side)
    async with raw_server(answering(OK), context=server_side) as server:
        failure = await failing(transport, post(server.url))
    await transport.close()
    assert failure.kind is FailureClass.LOCAL_OFFLINE
    assert failure.code == "captive_portal"
    assert server.requests == []


async def test_a_server_without_tls(tmp_path: Path) -> None:
    transport = HttpxTransport(context=tls_contexts(tmp_path)[1])

    async def behaviour(connection: Connection) -> None:
        await connection.reader.read(1)
        await connection.send(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    async with raw_server(behaviour) as server:
        failure = await failing(transport, post(server.url.replace("http:", "https:")))
    await transport.close()
    assert failure.kind is FailureClass.CONNECT_FAIL
    assert failure.applied is Applied.NO


def test_the_shared_context_verifies() -> None:
    context = build_context()
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname


async def test_the_context_is_built_once_in_a_thread(
    transport: HttpxTransport, monkeypatch: pytest.MonkeyPatch
) -> None:
    from autotask_queue.transport import exchange

    threads: list[int] = []

    def noting() -> ssl.SSLContext:
        threads.append(threading.get_ident())
        return ssl.create_default_context()

    monkeypatch.setattr(exchange, "build_context", noting)
    async with raw_server(answering(OK)) as one, raw_server(answering(OK)) as other:
        await asyncio.gather(*(transport.send(post(url)) for url in (one.url, other.url, one.url, other.url)))
    assert len(threads) == 1
    assert threads != [threading.get_ident()]


async def test_certificates_that_cannot_be_read_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    from autotask_queue.transport import exchange

    def broken() -> ssl.SSLContext:
        raise FileNotFoundError(2, "No such file", "/nowhere/ca.pem")

    monkeypatch.setattr(exchange, "build_context", broken)
    transport = HttpxTransport()
    failure = await failing(transport, post("https://127.0.0.1:1"))
    assert "/nowhere/ca.pem" in failure.message
    assert "SSL_CERT_FILE" in failure.remedy
    assert failure.applied is Applied.NO
    await transport.close()


# ---------------------------------------------------------------------------------------------
# Proxies


async def test_loopback_goes_past_the_proxy(
    transport: HttpxTransport, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")
    async with raw_server(answering(OK)) as server:
        assert (await transport.send(post(server.url))).status_code == 200


@pytest.mark.parametrize(
    ("answer", "then_hangs"),
    [
        (b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n", False),
        (b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n", False),
        (b"HTTP/1.1 200 Connection established\r\n\r\n", False),
        (b"HTTP/1.1 200 Connection established\r\n\r\n", True),
        (b"", False),
        (b"", True),
    ],
)
async def test_what_a_proxy_is_asked_is_not_the_request(
    transport: HttpxTransport, monkeypatch: pytest.MonkeyPatch, answer: bytes, then_hangs: bool
) -> None:
    async def proxy(connection: Connection) -> None:
        await connection.request()
        await connection.send(answer)
        if then_hangs:
            await connection.gone()

    async with raw_server(proxy) as server:
        monkeypatch.setenv("HTTPS_PROXY", server.url)
        monkeypatch.delenv("NO_PROXY", raising=False)
        monkeypatch.delenv("no_proxy", raising=False)
        request = post("https://autotask.invalid", timeout=0.3, headers={"Secret": "s3cret-value"})
        failure = await failing(transport, request)
    assert server.requests[0].startswith(b"CONNECT autotask.invalid:443")
    assert not any(b"s3cret-value" in one for one in server.requests)
    assert failure.kind is FailureClass.CONNECT_FAIL
    assert failure.applied is Applied.NO


# ---------------------------------------------------------------------------------------------
# Requests that cannot be sent


@pytest.mark.parametrize(
    "request_",
    [
        HttpRequest(method="GET", url="http://[::1"),
        HttpRequest(method="GET", url="/only/a/path"),
        HttpRequest(method="GET", url="ftp://127.0.0.1/x"),
        HttpRequest(method="POST", url="http://127.0.0.1:1/x", json=object()),
        HttpRequest(method="POST", url="http://127.0.0.1:1/x", json="\ud800"),
    ],
    ids=lambda request: request.url,
)
async def test_requests_that_are_wrong(transport: HttpxTransport, request_: HttpRequest) -> None:
    failure = await failing(transport, request_)
    assert failure.kind is FailureClass.BUG
    assert failure.applied is Applied.NO


async def test_a_header_that_is_not_allowed_is_not_quoted(transport: HttpxTransport) -> None:
    async with raw_server(answering(OK)) as server:
        failure = await failing(transport, post(server.url, headers={"Secret": "hunter2\r\nEvil: yes"}))
        assert failure.kind is FailureClass.BUG
        assert failure.applied is Applied.NO
        assert "hunter2" not in repr(failure)
        assert not any(b"Evil" in one for one in server.requests)


async def test_a_header_may_hold_any_letters(transport: HttpxTransport) -> None:
    async with raw_server(answering(OK)) as server:
        await transport.send(post(server.url, headers={"Secret": "pässwörd#$~*"}))
    assert "Secret: pässwörd#$~*\r\n".encode() in server.requests[0]


# ---------------------------------------------------------------------------------------------
# Life


async def test_a_cancelled_attempt_closes_its_connection(transport: HttpxTransport) -> None:
    asked, gone = asyncio.Event(), asyncio.Event()

    async def behaviour(connection: Connection) -> None:
        await connection.request()
        asked.set()
        await connection.gone()
        gone.set()

    async with raw_server(behaviour) as server:
        task = asyncio.create_task(transport.send(post(server.url, timeout=30)))
        await asked.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await asyncio.wait_for(gone.wait(), 5)


async def test_a_task_cancelled_by_an_outer_time_limit_times_out_there(transport: HttpxTransport) -> None:
    async def behaviour(connection: Connection) -> None:
        await connection.request()
        await connection.gone()

    async with raw_server(behaviour) as server:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await transport.send(post(server.url, timeout=30))


async def test_closing_ends_what_runs_and_refuses_the_rest(transport: HttpxTransport) -> None:
    asked = asyncio.Event()

    async def behaviour(connection: Connection) -> None:
        await connection.request()
        asked.set()
        await connection.gone()

    async with raw_server(behaviour) as server:
        task = asyncio.create_task(failing(transport, post(server.url, timeout=30)))
        await asked.wait()
        await transport.close()
        lost = await asyncio.wait_for(task, 5)
        late = await failing(transport, post(server.url))
    assert lost.applied is Applied.UNKNOWN
    assert late.kind is FailureClass.CANCELLED
    assert late.applied is Applied.NO
    assert len(server.requests) == 1
    await transport.close()


async def test_nothing_of_a_request_is_logged(
    transport: HttpxTransport, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, logger="autotask_queue")
    async with raw_server(answering(reply(b'{"a": "reply-body-7"}'))) as server:
        request = HttpRequest(
            method="POST", url=server.url, headers={"Secret": "s3cret-value"}, json={"a": "request-body-7"}
        )
        await transport.send(request)
    ours = " ".join(
        record.getMessage() for record in caplog.records if record.name.startswith("autotask_queue")
    )
    for word in ("s3cret-value", "request-body-7", "reply-body-7"):
        assert word not in ours


async def test_one_attempt_leaves_few_timers(transport: HttpxTransport) -> None:
    """Each timer is a Qt timer in the console: the deadline, and while connecting one more."""

    async def behaviour(connection: Connection) -> None:
        await connection.request()
        await connection.gone()

    async with raw_server(behaviour) as server:
        tasks = [asyncio.create_task(transport.send(post(server.url, timeout=30))) for _ in range(4)]
        await server.asked(4)
        scheduled = asyncio.get_running_loop()._scheduled  # type: ignore[attr-defined]
        live = [handle for handle in scheduled if not handle.cancelled()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    assert len(live) == 4


def test_the_transport_is_the_port() -> None:
    def takes(transport: Transport) -> None: ...

    takes(HttpxTransport())

"""Every exception of httpx means one thing at each stage of an attempt."""

from __future__ import annotations

import errno
import socket
import ssl
from collections.abc import Iterator

import httpx
import pytest

from autotask_queue.model.failure import Applied, FailureClass
from autotask_queue.transport.failures import CAUGHT, CLASSES, Stage, failure_of

REQUEST = httpx.Request("POST", "https://webservices3.autotask.net/")


def _with_subclasses(cls: type[Exception]) -> Iterator[type[Exception]]:
    yield cls
    for sub in cls.__subclasses__():
        yield from _with_subclasses(sub)


HTTPX = sorted(
    {
        cls
        for root in (httpx.HTTPError, httpx.InvalidURL, httpx.CookieConflict, httpx.StreamError)
        for cls in _with_subclasses(root)
        if cls.__module__.startswith("httpx")
    },
    key=lambda cls: cls.__name__,
)


def _make(cls: type[Exception]) -> Exception:
    if cls is httpx.HTTPStatusError:
        return httpx.HTTPStatusError("x", request=REQUEST, response=httpx.Response(500))
    if cls in {httpx.StreamConsumed, httpx.StreamClosed, httpx.ResponseNotRead, httpx.RequestNotRead}:
        return cls()
    return cls("something")


def test_httpx_has_no_exception_that_is_not_in_the_table() -> None:
    exported = {
        value
        for name in httpx.__all__
        if isinstance(value := getattr(httpx, name), type) and issubclass(value, Exception)
    }
    assert exported <= set(HTTPX), "httpx has a new family of exceptions"
    assert set(HTTPX) <= set(CLASSES)


@pytest.mark.parametrize("stage", Stage)
@pytest.mark.parametrize("cls", HTTPX, ids=lambda cls: cls.__name__)
def test_every_exception_at_every_stage(cls: type[Exception], stage: Stage) -> None:
    error = _make(cls)
    assert isinstance(error, CAUGHT)
    failure = failure_of(error, stage)
    before, after = CLASSES[cls]
    refused_here = cls is httpx.LocalProtocolError and stage is Stage.SENDING
    expected = FailureClass.BUG if refused_here else after if stage.left else before
    assert failure.kind is expected
    if stage.left and not refused_here:
        assert failure.applied is Applied.UNKNOWN
    assert (failure.applied is Applied.UNKNOWN) == (failure.kind is FailureClass.TIMEOUT_UNKNOWN)
    assert failure.title
    assert failure.message
    assert failure.remedy


def _connect_error(cause: BaseException) -> httpx.ConnectError:
    error = httpx.ConnectError("All connection attempts failed")
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    "cause",
    [
        OSError(errno.ENETUNREACH, "Network is unreachable"),
        OSError(errno.EHOSTUNREACH, "No route to host"),
        OSError(errno.ENETDOWN, "Network is down"),
        socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution"),
        socket.gaierror(socket.EAI_NONAME, "Name or service not known"),
        socket.gaierror(11001, "getaddrinfo failed"),
        ExceptionGroup(
            "several addresses", [OSError(errno.ENETUNREACH, "6"), OSError(errno.EHOSTUNREACH, "4")]
        ),
    ],
    ids=str,
)
def test_no_network_is_told_from_no_server(cause: BaseException) -> None:
    failure = failure_of(_connect_error(cause), Stage.CONNECTING)
    assert failure.kind is FailureClass.LOCAL_OFFLINE
    assert failure.applied is Applied.NO


@pytest.mark.parametrize(
    "cause",
    [
        ConnectionRefusedError(errno.ECONNREFUSED, "Connection refused"),
        ConnectionResetError(errno.ECONNRESET, "reset"),
        ExceptionGroup(
            "several", [OSError(errno.ENETUNREACH, "6"), ConnectionRefusedError(errno.ECONNREFUSED, "4")]
        ),
        ssl.SSLError(1, "wrong version number"),
        OSError(errno.EACCES, "not allowed"),
    ],
    ids=str,
)
def test_a_server_that_does_not_take_the_connection(cause: BaseException) -> None:
    failure = failure_of(_connect_error(cause), Stage.CONNECTING)
    assert failure.kind is FailureClass.CONNECT_FAIL
    assert failure.applied is Applied.NO


def _certificate_error(code: int, message: str) -> ssl.SSLCertVerificationError:
    error = ssl.SSLCertVerificationError(1, "certificate verify failed")
    error.verify_code, error.verify_message = code, message
    return error


def test_a_foreign_name_is_a_page_in_between() -> None:
    cause = _certificate_error(
        62, "Hostname mismatch, certificate is not valid for 'webservices3.autotask.net'."
    )
    failure = failure_of(_connect_error(cause), Stage.CONNECTING, host="webservices3.autotask.net")
    assert failure.kind is FailureClass.LOCAL_OFFLINE
    assert failure.code == "captive_portal"
    assert "webservices3.autotask.net" in failure.message


def test_an_untrusted_certificate_is_named() -> None:
    failure = failure_of(_connect_error(_certificate_error(10, "certificate has expired")), Stage.CONNECTING)
    assert failure.kind is FailureClass.CONNECT_FAIL
    assert failure.code == "tls_untrusted"
    assert "certificate has expired" in failure.message
    assert "date and time" in failure.remedy


def test_a_header_that_httpx_does_not_like_is_not_quoted() -> None:
    failure = failure_of(httpx.LocalProtocolError("Illegal header value b'hunter2\\n'"), Stage.SENDING)
    assert "hunter2" not in failure.detail


def test_a_circle_of_causes_ends() -> None:
    first, second = OSError("a"), OSError("b")
    first.__cause__, second.__cause__ = second, first
    assert failure_of(_connect_error(first), Stage.CONNECTING).kind is FailureClass.CONNECT_FAIL

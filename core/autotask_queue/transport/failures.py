"""What each exception of an exchange means: were bytes sent, and what is to be done.

One table for all of httpx's exceptions (a test walks its tree), those of TLS and the system, and, by its last
line, any other. The second column holds before anything of the request was written, the third after: from
then on nobody knows what the server did.
"""

from __future__ import annotations

import errno
import socket
import ssl
from collections.abc import Iterator
from enum import Enum

import httpx
import msgspec

from autotask_queue.model.failure import Applied, Failure, FailureClass
from autotask_queue.policy.wording import PERHAPS, WORDS, Words, captive_portal
from autotask_queue.transport.redaction import redact


class Stage(Enum):
    """How far an attempt came."""

    WAITING = 1
    """For one of our own connections to be free."""
    CONNECTING = 2
    SENDING = 3
    """The first byte of the request may have left; from here on it may have been applied."""
    SENT = 4
    """The request's head is written."""

    @property
    def left(self) -> bool:
        """Whether bytes of the request may have left."""
        return self in {Stage.SENDING, Stage.SENT}


_LOST, _REACH, _BUG = FailureClass.TIMEOUT_UNKNOWN, FailureClass.CONNECT_FAIL, FailureClass.BUG

CLASSES: dict[type[Exception], tuple[FailureClass, FailureClass]] = {
    httpx.HTTPError: (_REACH, _LOST),
    httpx.RequestError: (_REACH, _LOST),
    httpx.TransportError: (_REACH, _LOST),
    httpx.TimeoutException: (_REACH, _LOST),
    httpx.ConnectTimeout: (_REACH, _LOST),
    httpx.ReadTimeout: (_REACH, _LOST),
    httpx.WriteTimeout: (_REACH, _LOST),
    httpx.PoolTimeout: (_REACH, _LOST),
    httpx.NetworkError: (_REACH, _LOST),
    httpx.ConnectError: (_REACH, _LOST),
    httpx.ReadError: (_REACH, _LOST),
    httpx.WriteError: (_REACH, _LOST),
    httpx.CloseError: (_REACH, _LOST),
    httpx.ProxyError: (_REACH, _LOST),
    httpx.ProtocolError: (_REACH, _LOST),
    httpx.RemoteProtocolError: (_REACH, _LOST),
    httpx.LocalProtocolError: (_BUG, _LOST),
    httpx.UnsupportedProtocol: (_BUG, _LOST),
    httpx.InvalidURL: (_BUG, _LOST),
    httpx.CookieConflict: (_BUG, _LOST),
    httpx.DecodingError: (_LOST, _LOST),
    httpx.TooManyRedirects: (_LOST, _LOST),
    httpx.HTTPStatusError: (_LOST, _LOST),
    httpx.StreamError: (_LOST, _LOST),
    httpx.StreamConsumed: (_LOST, _LOST),
    httpx.StreamClosed: (_LOST, _LOST),
    httpx.ResponseNotRead: (_LOST, _LOST),
    httpx.RequestNotRead: (_LOST, _LOST),
    OSError: (_REACH, _LOST),
    TimeoutError: (_REACH, _LOST),
    Exception: (_REACH, _LOST),
}

CAUGHT = (
    httpx.HTTPError, httpx.InvalidURL, httpx.CookieConflict, httpx.StreamError,
    OSError, EOFError, RuntimeError, ValueError,
)  # fmt: skip
"""What an exchange can end with: httpx's roots, the system's and TLS's, and how a library stumbles."""


def failure_of(error: Exception, stage: Stage, *, host: str = "") -> Failure:
    """The failure that an exception means at a stage of the attempt. Total: every exception has one."""
    before, after = next(CLASSES[kind] for kind in type(error).__mro__ if kind in CLASSES)
    if isinstance(error, httpx.LocalProtocolError) and stage is Stage.SENDING:
        return _failure(_BUG, "local_protocol", error)  # refused by our own side, before it was written
    if stage.left:
        return _failure(after, _code(after, error), error)
    if before is not FailureClass.CONNECT_FAIL:
        return _failure(before, _code(before, error), error)
    return _of_connecting(error, host)


def deadline_failure(stage: Stage, seconds: float) -> Failure:
    """The failure of an attempt that ran out of its time."""
    within = f"No answer came within {seconds:g} s."
    if stage.left:
        words = WORDS[_LOST]
        message = f"{within} {PERHAPS}"
        return _failure(_LOST, "deadline", None, Words(words.title, message, words.remedy))
    if stage is Stage.WAITING:
        message = "All connections of this program were busy. Nothing was sent."
        return _failure(
            _REACH, "no_free_connection", None, Words(WORDS[_REACH].title, message, "It is tried again.")
        )
    return _failure(_REACH, "connect_timeout", None)


def oversize_failure(limit: int) -> Failure:
    """The failure of a reply that is larger than we are willing to hold."""
    words = Words(
        "The answer is too large",
        f"The answer was larger than {limit // 2**20} MB, so it was not read to its end.",
        "Ask for less at a time.",
    )
    return _failure(_LOST, "reply_too_large", None, words)


def bug_failure(code: str, detail: str, message: str) -> Failure:
    """The failure of a request that cannot be put on the wire at all."""
    words = Words(WORDS[_BUG].title, message, "Correct the request and send it again.")
    return msgspec.structs.replace(_failure(_BUG, code, None, words), detail=detail)


# ---------------------------------------------------------------------------------------------

_OFFLINE_ERRNO = frozenset(
    getattr(errno, name)
    for name in ("ENETUNREACH", "EHOSTUNREACH", "ENETDOWN", "EHOSTDOWN", "EADDRNOTAVAIL",
                 "WSAENETUNREACH", "WSAEHOSTUNREACH", "WSAENETDOWN")
    if hasattr(errno, name)
)  # fmt: skip
_OFFLINE_NAMES = frozenset(
    getattr(socket, name)
    for name in ("EAI_AGAIN", "EAI_NONAME", "EAI_NODATA", "EAI_FAIL")
    if hasattr(socket, name)
)
"""Errors of `getaddrinfo`. Autotask's name exists: not to find it means that nobody could be asked."""
_WRONG_NAME = frozenset({62, 64})
"""OpenSSL's X509_V_ERR_HOSTNAME_MISMATCH and …_IP_ADDRESS_MISMATCH."""


def _of_connecting(error: Exception, host: str) -> Failure:
    causes = list(_causes(error))
    untrusted = next((one for one in causes if isinstance(one, ssl.SSLCertVerificationError)), None)
    if untrusted is not None:
        return _untrusted(untrusted, error, host)
    if any(isinstance(one, ConnectionError) for one in causes):
        return _failure(FailureClass.CONNECT_FAIL, "refused", error)
    if any(isinstance(one, OSError) and _is_offline(one) for one in causes):
        return _failure(FailureClass.LOCAL_OFFLINE, "offline", error)
    tls = any(isinstance(one, ssl.SSLError) for one in causes)
    return _failure(
        FailureClass.CONNECT_FAIL, "tls" if tls else _code(FailureClass.CONNECT_FAIL, error), error
    )


def _untrusted(cause: ssl.SSLCertVerificationError, error: Exception, host: str) -> Failure:
    where = host or "the server"
    if getattr(cause, "verify_code", 0) in _WRONG_NAME:
        return _failure(FailureClass.LOCAL_OFFLINE, "captive_portal", error, captive_portal(where))
    said = getattr(cause, "verify_message", "") or str(cause)
    words = Words(
        "The connection is not secure",
        f"This computer does not trust the certificate of {where} ({said}). Nothing was sent.",
        "Check this computer’s date and time. If your company inspects traffic, ask its administrator.",
    )
    return _failure(FailureClass.CONNECT_FAIL, "tls_untrusted", error, words)


def _is_offline(error: OSError) -> bool:
    if isinstance(error, socket.gaierror):
        return error.errno in _OFFLINE_NAMES or error.errno in {11001, 11002, 11003, 11004}  # Windows' own
    return error.errno in _OFFLINE_ERRNO


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error, what it came from, and the members of groups: one attempt may try several addresses."""
    todo, seen = [error], set[int]()
    while todo:
        one = todo.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        todo += [cause for cause in (one.__cause__, one.__context__) if cause is not None]
        if isinstance(one, BaseExceptionGroup):
            todo += one.exceptions


_CODES: dict[type[Exception], str] = {
    httpx.ConnectTimeout: "connect_timeout",
    httpx.PoolTimeout: "no_free_connection",
    httpx.TimeoutException: "no_answer",
    httpx.ProxyError: "proxy",
    httpx.DecodingError: "unreadable_reply",
    httpx.RemoteProtocolError: "cut_off",
    httpx.ReadError: "cut_off",
    httpx.WriteError: "cut_off",
}


def _code(kind: FailureClass, error: Exception) -> str:
    return next((_CODES[one] for one in type(error).__mro__ if one in _CODES), kind.value)


def _failure(kind: FailureClass, code: str, error: Exception | None, words: Words | None = None) -> Failure:
    words = words or WORDS[kind]
    return Failure(
        kind=kind,
        code=code,
        title=words.title,
        message=words.message,
        remedy=words.remedy,
        applied=Applied.UNKNOWN if kind is FailureClass.TIMEOUT_UNKNOWN else Applied.NO,
        detail=_detail(error),
    )


def _detail(error: Exception | None) -> str:
    if error is None:
        return ""
    if isinstance(error, httpx.LocalProtocolError):  # its text quotes the header it does not like
        return type(error).__name__
    root = list(_causes(error))[-1]
    text = f"{type(error).__name__}: {error}"
    if root is not error and str(root) not in text:
        text += f" ({type(root).__name__}: {root})"
    return redact(text)[:300]

"""What went wrong with one attempt, as data: a failure is never an exception past the runner."""

from __future__ import annotations

from enum import StrEnum

import msgspec


class Applied(StrEnum):
    """Whether the server may have acted on the request although we saw a failure."""

    NO = "no"
    UNKNOWN = "unknown"
    YES = "yes"


class FailureClass(StrEnum):
    """Every outcome other than success falls into exactly one of these classes."""

    LOCAL_OFFLINE = "local_offline"
    CONNECT_FAIL = "connect_fail"
    TIMEOUT_UNKNOWN = "timeout_unknown"
    """Bytes were sent and no usable reply came back (time-out, cut connection, garbage)."""
    THROTTLE = "throttle"
    THREAD_LIMIT = "thread_limit"
    QUOTA_SUSPENDED = "quota_suspended"
    SERVER_TRANSIENT = "server_transient"
    APP_ERROR = "app_error"
    """The server refused the content, with words of its own (Autotask: 500 and `errors`)."""
    VALIDATION = "validation"
    AUTH = "auth"
    PERMISSION = "permission"
    NOT_FOUND = "not_found"
    WRONG_ZONE = "wrong_zone"
    CONFLICT = "conflict"
    CANCELLED = "cancelled"
    """The program stopped the attempt itself (shutdown)."""
    PROCESSOR_ERROR = "processor_error"
    """A processor raised something that says nothing about the request's fate."""
    BUG = "bug"
    """Our own code failed before anything was sent."""


NO_ANSWER = frozenset(
    {
        FailureClass.TIMEOUT_UNKNOWN,
        FailureClass.SERVER_TRANSIENT,
        FailureClass.CANCELLED,
        FailureClass.PROCESSOR_ERROR,
    }
)
"""Classes that by themselves do not say whether a write was carried out."""


class Failure(msgspec.Struct, frozen=True, kw_only=True):
    """One failure in words a person can use.

    `title` is a short noun phrase, `message` says what happened and what it means, `remedy` what
    to do. `detail` is technical and already redacted. `retry_after` is in seconds.
    """

    kind: FailureClass
    """What sort of failure."""
    code: str
    """A word for programs."""
    title: str
    message: str
    remedy: str
    applied: Applied = Applied.NO
    """Whether the server may have acted."""
    detail: str = ""
    http_status: int | None = None
    """Of the answer, if there was one."""
    retry_after: float | None = None

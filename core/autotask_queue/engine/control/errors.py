"""Errors of the control channel, and how errors of the queue travel over it and come out the same."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from autotask_queue.model.errors import (
    ConfigError,
    DuplicateKey,
    IllegalTransition,
    QueueError,
    RequestFailed,
    StoreInUse,
)
from autotask_queue.model.request import Outcome
from autotask_queue.model.status import Status


class OwnerUnreachable(StoreInUse):
    """A program owns the queue file, but could not be asked, or did not answer."""

    code = "owner_unreachable"
    title = "The program that has this queue open does not answer"
    default_remedy = "Wait until it has started, or close it. Nothing that is stored is lost."


class CommandRefused(QueueError):
    """The owner does not take this command: not from here, not this large, or it does not know it."""

    code = "command_refused"
    title = "The program that has this queue open refused the command"
    default_remedy = "Make sure that both programs have the same version, and try again."


class ErrorMessage(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A `QueueError` on the wire. The last four belong to the errors that carry more than words."""

    code: str
    title: str
    message: str
    remedy: str
    status: Status | None = None
    problems: tuple[str, ...] = ()
    outcome: Outcome | None = None
    request_id: str = ""


def to_message(error: QueueError) -> ErrorMessage:
    """What is sent of an error."""
    more: dict[str, Any] = {}
    match error:
        case IllegalTransition():
            more["status"] = error.status
        case ConfigError():
            more["problems"] = error.problems
        case RequestFailed():
            more["outcome"] = error.outcome
        case DuplicateKey():
            more["request_id"] = error.request_id
        case _:
            pass
    return ErrorMessage(
        code=error.code, title=error.title, message=error.message, remedy=error.remedy, **more
    )


def to_error(message: ErrorMessage) -> QueueError:
    """The error that was sent, as an instance of its own class if this version knows it."""
    kind = next((k for k in _kinds(QueueError) if k.code == message.code), None)
    if kind is None:
        kind = type("RemoteError", (QueueError,), {"code": message.code, "title": message.title})
    if issubclass(kind, ConfigError):
        return kind(message.problems or (message.message,), remedy=message.remedy)
    if issubclass(kind, IllegalTransition):
        return kind(message.message, status=message.status or Status.PENDING, remedy=message.remedy)
    if issubclass(kind, DuplicateKey):
        return kind(message.message, request_id=message.request_id, remedy=message.remedy)
    if issubclass(kind, RequestFailed) and message.outcome is not None:
        return kind(message.message, outcome=message.outcome, remedy=message.remedy)
    if issubclass(kind, RequestFailed):
        return QueueError(message.message, remedy=message.remedy)
    return kind(message.message, remedy=message.remedy)


def _kinds(base: type[QueueError]) -> Iterator[type[QueueError]]:
    yield base
    for kind in base.__subclasses__():
        yield from _kinds(kind)

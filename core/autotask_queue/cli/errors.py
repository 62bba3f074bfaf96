"""The command line's own errors, and the exit code that each error of the queue becomes."""

from __future__ import annotations

from enum import IntEnum

from autotask_queue.model.errors import (
    ConfigError,
    QueueError,
    RequestFailed,
    RequestNotFound,
    SecretsError,
    StoreError,
)


class Exit(IntEnum):
    """What a script can tell from the exit code."""

    DONE = 0
    NOT_DONE = 1
    """The command could not be done; stderr says why."""
    USAGE = 2
    """Wrong arguments or wrong settings; nothing was tried."""
    NOT_FOUND = 3
    UNAVAILABLE = 4
    """The queue file is in use or unusable, a secret cannot be had, or it was not finished in time."""
    REQUEST_FAILED = 5
    """The request was sent, or tried, and ended without success."""
    INTERRUPTED = 130


class SecretOnCommandLine(QueueError):
    """A secret stands among the arguments."""

    code = "secret_on_command_line"
    title = "A secret must not stand on the command line"
    default_remedy = (
        "Sign in with the console, which keeps secrets in the system's keychain; or put them into a file "
        "that only you can read and name it with --secrets-file; or leave them out, and you are asked."
    )


class WrongArguments(QueueError):
    """The arguments fit the grammar, but not each other."""

    code = "wrong_arguments"
    title = "The arguments do not go together"
    default_remedy = "See the command's --help."


class NoQueueFile(RequestNotFound):
    """The queue file does not exist."""

    code = "no_queue_file"
    title = "There is no queue there"
    default_remedy = "Name the right file with --db, or make one: `submit` and `worker` do."


class UnknownZone(RequestNotFound):
    """A zone was named that nobody knows."""

    code = "unknown_zone"
    title = "No such zone"
    default_remedy = "Configure it, or name one of those that exist."


class UnclearId(RequestNotFound):
    """What was given as an id fits several requests."""

    code = "unclear_id"
    title = "Several requests have an id that begins so"
    default_remedy = "Give more of the id, or the number that `list` shows."


class NotFinished(QueueError):
    """A wait ended before the work did."""

    code = "not_finished"
    title = "Not finished in time"
    default_remedy = "It stays queued. `show` tells how it stands."


class CannotAsk(QueueError):
    """A question cannot be asked without a terminal."""

    code = "cannot_ask"
    title = "Nobody is here to be asked"
    default_remedy = "Give --yes to say yes beforehand."


_UNAVAILABLE = (StoreError, SecretsError, NotFinished)
_USAGE = (ConfigError, SecretOnCommandLine, WrongArguments, CannotAsk)


def exit_code(error: QueueError) -> Exit:
    """What a command that met `error` exits with."""
    match error:
        case RequestNotFound():
            return Exit.NOT_FOUND
        case RequestFailed():
            return Exit.REQUEST_FAILED
        case _ if isinstance(error, _UNAVAILABLE):
            return Exit.UNAVAILABLE
        case _ if isinstance(error, _USAGE):
            return Exit.USAGE
        case _:
            return Exit.NOT_DONE

"""Errors of commands: each says what happened, what it means and what to do.

    QueueError
    ├── InvalidRequest       the request cannot be stored as it is
    ├── DuplicateKey         an unfinished request has its dedup_key
    ├── RequestIdTaken       another request was stored under its id
    ├── RequestNotFound
    ├── IllegalTransition    the request's state does not allow the command
    ├── QueueFull
    ├── QueueClosed          not started yet, or shutting down
    ├── NoProcessor
    ├── RequestFailed        `enqueue` waited, and the request did not complete
    ├── ConfigError          every wrong setting at once
    ├── UnknownEvent
    ├── ReasonRequired
    ├── ProcessorError       raised by processors to say what is known about a failure
    ├── SecretsError
    │   ├── SecretsUnavailable
    │   ├── KeysUnusable     a key file or a vault is damaged, missing or open to others
    │   ├── PassphraseWrong
    │   └── InvalidPassphrase
    └── StoreError
        ├── StoreInUse       another process owns the file
        ├── StoreUnwritable  folder missing, read-only, full
        ├── StoreDamaged
        ├── StoreTooNew
        ├── StoreKeyMissing  it is encrypted, and no key was given
        ├── StoreKeyWrong    … and not with this key
        ├── StoreNotEncrypted   a key was given for a plain file
        ├── EncryptionUnavailable
        ├── AlreadyThere        a file was to be made where there is one
        ├── BackupUnavailable   the queue is not kept in a file of its own
        ├── StoreUnreachable the server that keeps the queue does not answer
        ├── StoreForeign     the file is another program's
        └── StoreUnsuitable  network share, synced folder; a server that forgets

A failed request is not an error but data (`Failure`); only `RequestFailed` carries it as one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from autotask_queue.model.failure import NO_ANSWER, Applied, Failure, FailureClass

if TYPE_CHECKING:
    from collections.abc import Sequence

    from autotask_queue.model.request import Outcome
    from autotask_queue.model.status import Status


class QueueError(Exception):
    """Base of all errors that a command can end with.

    `code` and `title` are fixed by the class; `message` says what happened and what it means,
    `remedy` what to do.
    """

    code: ClassVar[str] = "queue_error"
    title: ClassVar[str] = "The command could not be done"
    default_remedy: ClassVar[str] = "Try again. If it keeps happening, save a report and send it to support."

    def __init__(self, message: str, *, remedy: str = "") -> None:
        self.message = message
        self.remedy = remedy or self.default_remedy
        super().__init__(f"{self.title}: {message} {self.remedy}")


class InvalidRequest(QueueError):
    code = "invalid_request"
    title = "The request cannot be queued as it is"
    default_remedy = "Correct it and add it again. Nothing was stored."


class DuplicateKey(QueueError):
    """The new request's `dedup_key` belongs to an unfinished one; `request_id` is that one's id."""

    code = "duplicate_key"
    title = "An unfinished request has this key"
    default_remedy = "Wait for that one, or cancel it. Nothing was stored."

    def __init__(self, message: str, *, request_id: str, remedy: str = "") -> None:
        super().__init__(message, remedy=remedy)
        self.request_id = request_id


class RequestIdTaken(QueueError):
    """Something else was stored under the id that the caller chose."""

    code = "request_id_taken"
    title = "This id belongs to another request"
    default_remedy = "Give the new request an id of its own. Nothing was stored."


class RequestNotFound(QueueError):
    code = "request_not_found"
    title = "No such request"
    default_remedy = "List the requests to see the ids that exist."


class IllegalTransition(QueueError):
    """The command does not fit the request's state. `status` is the state it is in."""

    code = "illegal_transition"
    title = "Not possible for this request now"
    default_remedy = "Look at the request again: it has moved on since you saw it."

    def __init__(self, message: str, *, status: Status, remedy: str = "") -> None:
        super().__init__(message, remedy=remedy)
        self.status = status


class QueueFull(QueueError):
    code = "queue_full"
    title = "The queue is full"
    default_remedy = "Wait until some requests are sent, cancel some, or raise max_size. Nothing was dropped."


class QueueClosed(QueueError):
    code = "queue_closed"
    title = "The queue is not running"
    default_remedy = "Start it with `async with` or `await queue.initialize()`. What is stored is safe."


class NoProcessor(QueueError):
    code = "no_processor"
    title = "Nothing here can send this request"
    default_remedy = "Set up the zone's sign-in, or register a processor whose can_process accepts it."


class ReasonRequired(QueueError):
    code = "reason_required"
    title = "A reason is needed"
    default_remedy = "Say why, for those who read the audit trail later."


class RequestFailed(QueueError):
    """`enqueue` waited for a request that ended without success; `outcome` has the details."""

    code = "request_failed"
    title = "The request did not complete"
    default_remedy = "See the failure's remedy; the request is kept and can be retried."

    def __init__(self, message: str, *, outcome: Outcome, remedy: str = "") -> None:
        super().__init__(message, remedy=remedy)
        self.outcome = outcome


class UnknownEvent(QueueError):
    """`on` was called with a name that no event has."""

    code = "unknown_event"
    title = "There is no such event"
    default_remedy = "See autotask_queue.EVENT_NAMES for the names."


class ConfigError(QueueError):
    """One or more settings are wrong. `problems` has a line for each, named as table.key."""

    code = "config_error"
    title = "The configuration has mistakes"
    default_remedy = "Correct the settings named above."

    def __init__(self, problems: Sequence[str], *, remedy: str = "") -> None:
        super().__init__("; ".join(problems), remedy=remedy)
        self.problems = tuple(problems)


class ProcessorError(QueueError):
    """Raised by a processor to say what is known about a failed attempt.

    `kind` decides about retries and the breaker; `applied` says whether the server may have acted. Left
    out, it is what the kind says: unknown for those that speak of no answer, no for the others.
    Any other exception of a processor counts as "unknown" for writes.
    """

    code = "processor_error"
    title = "The request could not be processed"
    default_remedy = "See the details; the request is kept."

    def __init__(
        self,
        message: str,
        *,
        kind: FailureClass = FailureClass.PROCESSOR_ERROR,
        applied: Applied | None = None,
        remedy: str = "",
        failure: Failure | None = None,
    ) -> None:
        super().__init__(message, remedy=remedy)
        kind = FailureClass(kind)
        if applied is None:
            applied = Applied.UNKNOWN if kind in NO_ANSWER else Applied.NO
        self.failure = failure or Failure(
            kind=kind,
            code=kind.value,
            title=self.title,
            message=message,
            remedy=self.remedy,
            applied=Applied(applied),
        )


class SecretsError(QueueError):
    code = "secrets_error"
    title = "The sign-in details could not be read or saved"
    default_remedy = "Unlock the system's keychain and try again, or use them for this session only."


class SecretsUnavailable(SecretsError):
    code = "secrets_unavailable"
    title = "This system has no secure place for passwords"
    default_remedy = (
        "Use the sign-in for this session only, or set up a keychain (on Linux: gnome-keyring or KWallet)."
    )


class KeysUnusable(SecretsError):
    code = "keys_unusable"
    title = "The place of the queue file's key cannot be used"
    default_remedy = "Put it in order, or name another place. The queue file was not changed."


class PassphraseWrong(SecretsError):
    code = "passphrase_wrong"
    title = "This passphrase does not open the queue"
    default_remedy = "Type it again; capital letters and the keyboard's language matter. Nothing was changed."


class InvalidPassphrase(SecretsError):
    code = "invalid_passphrase"
    title = "This passphrase cannot be used"
    default_remedy = "Take several words that you can remember and nobody can guess. Nothing was changed."


class StoreError(QueueError):
    code = "store_error"
    title = "The queue file could not be used"
    default_remedy = "Check the disk and try again. What was acknowledged before is safe."


class StoreInUse(StoreError):
    code = "store_in_use"
    title = "Another program has this queue open"
    default_remedy = "Close the other program, or send commands through it."


class StoreUnwritable(StoreError):
    code = "store_unwritable"
    title = "The queue file cannot be written"
    default_remedy = "Choose a folder you may write to, or free some space."


class StoreDoubtful(StoreError):
    code = "store_doubtful"
    title = "Nobody knows whether this was stored"
    default_remedy = (
        "Check the disk and open the queue again: its list then shows whether this is in it. What was "
        "acknowledged before is safe."
    )


class StoreDamaged(StoreError):
    code = "store_damaged"
    title = "The queue file is damaged"
    default_remedy = "The file was set aside unchanged. Restore a backup, or ask support to recover it."


class StoreTooNew(StoreError):
    code = "store_too_new"
    title = "The queue file was written by a newer version"
    default_remedy = "Update this program, then open the file again. It was not changed."


class StoreKeyMissing(StoreError):
    code = "store_key_missing"
    title = "The queue file is encrypted"
    default_remedy = (
        "Give the key that it was encrypted with (encryption_key=…). It was not changed, and nothing is lost."
    )


class StoreKeyWrong(StoreError):
    code = "store_key_wrong"
    title = "This key does not open the queue file"
    default_remedy = "Use the key that it was encrypted with. It was not changed, and nothing in it is lost."


class StoreNotEncrypted(StoreError):
    code = "store_not_encrypted"
    title = "The queue file is not encrypted"
    default_remedy = "Encrypt it first (change_encryption), or open it without a key. It was not changed."


class EncryptionUnavailable(StoreError):
    code = "encryption_unavailable"
    title = "Encrypted queue files cannot be used here"
    default_remedy = "Install SQLCipher: pip install 'autotask-queue[encrypted]'. Nothing was changed."


class AlreadyThere(StoreError):
    """A file was to be made where there is one; nothing is written over unasked."""

    code = "already_there"
    title = "There is something with that name already"
    default_remedy = "Choose another name, or move it away. It was not touched."


class BackupUnavailable(StoreError):
    """This kind of queue is not backed up by the program that uses it."""

    code = "backup_unavailable"
    title = "There is no file to copy here"
    default_remedy = "Keep the queue in a file (SQLite) if it is to be backed up. Nothing was changed."


class StoreForeign(StoreError):
    code = "store_foreign"
    title = "This file belongs to another program"
    default_remedy = "Move the file elsewhere, or choose another name for the queue file, and try again."


class StoreUnsuitable(StoreError):
    code = "store_unsuitable"
    title = "This folder is not safe for a queue file"
    default_remedy = "Choose a folder on a local disk that no program synchronises."


class StoreUnreachable(StoreError):
    code = "store_unreachable"
    title = "The queue's server cannot be reached"
    default_remedy = "Check the network and the server. What was acknowledged before is safe there."

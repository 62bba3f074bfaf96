"""What goes wrong with a Redis server, in the words of the queue's errors."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING, ClassVar, Final

from autotask_queue.model.errors import (
    StoreDamaged,
    StoreError,
    StoreKeyMissing,
    StoreKeyWrong,
    StoreNotEncrypted,
    StoreUnreachable,
    StoreUnsuitable,
    StoreUnwritable,
)

if TYPE_CHECKING:
    from autotask_queue.store.redis.address import Address


class ServerRefused(StoreError):
    """The server is there and does not let us in."""

    code: ClassVar[str] = "store_refused"
    title: ClassVar[str] = "The Redis server refuses to let the queue in"
    default_remedy: ClassVar[str] = "Correct the user and the password in the queue's address."


class ServerUnwritable(StoreUnwritable):
    """The server is there and takes no writes now."""

    title: ClassVar[str] = "The Redis server takes no writes now"
    default_remedy: ClassVar[str] = "What was acknowledged before is safe. See the server's log."


class ServerUnsuitable(StoreUnsuitable):
    """The server is set up in a way in which it could lose requests."""

    title: ClassVar[str] = "This Redis server is not safe for a queue"
    default_remedy: ClassVar[str] = "Use a server of its own for the queue."


class DataUnreadable(StoreDamaged):
    """What is stored is not what this program writes."""

    title: ClassVar[str] = "What the Redis server keeps cannot be read as a queue"
    default_remedy: ClassVar[str] = "Use another namespace, or restore the server's data from a backup."


class QueueKeyMissing(StoreKeyMissing):
    """What is stored is encrypted."""

    title: ClassVar[str] = "The queue on the Redis server is encrypted"
    default_remedy: ClassVar[str] = (
        "Open it with the key that it was made with: encryption_key in a program, --key-file on the command "
        "line. Nothing was changed."
    )


class QueueKeyWrong(StoreKeyWrong):
    """What is stored is encrypted with another key."""

    title: ClassVar[str] = "This key does not open the queue on the Redis server"
    default_remedy: ClassVar[str] = (
        "Use the key that the queue was made with. Nothing was changed, and nothing in it is lost."
    )


class QueueNotEncrypted(StoreNotEncrypted):
    """What is stored is plain."""

    title: ClassVar[str] = "The queue on the Redis server is not encrypted"
    default_remedy: ClassVar[str] = (
        "Open it without a key. To encrypt: let it send what it holds, then use the key with a namespace of "
        "another name. Nothing was changed."
    )


_NEEDS: Final = (
    "Allow the user what the queue needs: ~q:{*}:* &q:{*}:* +@read +@write +@scripting +@pubsub +@connection "
    "+info +config|get +time."
)
_AWAY: Final = "Check that it runs and that the address is right. What was acknowledged before is safe there."


def explain(error: Exception, address: Address) -> StoreError:
    """What an exception of redis-py, or of the network below it, means for the queue."""
    from redis import exceptions

    where = address.shown
    text = _without_secrets(str(error), address)
    if isinstance(error, exceptions.NoPermissionError):
        return ServerRefused(f"{where} does not allow something that is needed ({text}).", remedy=_NEEDS)
    if isinstance(error, exceptions.AuthenticationError | exceptions.AuthorizationError) or "NOAUTH" in text:
        return ServerRefused(f"{where} does not accept this user and password ({text}).")
    if isinstance(error, exceptions.BusyLoadingError) or text.startswith("LOADING"):
        return StoreUnreachable(
            f"{where} is starting and still reads its data.", remedy="Nothing needs to be done but waiting."
        )
    if isinstance(error, exceptions.MaxConnectionsError) or "max number of clients" in text:
        return StoreUnreachable(f"{where} has no connection left ({text}).", remedy="Raise its maxclients.")
    if isinstance(error, exceptions.ResponseError):
        return _answered(error, text, where)
    if isinstance(error, ssl.SSLError) or "SSL" in text or "certificate" in text.lower():
        return StoreUnreachable(
            f"No encrypted connection to {where} could be made ({text}).",
            remedy="Check the server's certificate, or name its authority with ?ssl_ca_certs=FILE.",
        )
    if isinstance(error, TimeoutError | exceptions.TimeoutError):
        return StoreUnreachable(f"{where} did not answer in time.", remedy=_AWAY)
    return StoreUnreachable(f"{where} cannot be reached ({text}).", remedy=_AWAY)


def _answered(error: Exception, text: str, where: str) -> StoreError:
    """What the server's own refusal means."""
    from redis import exceptions

    if isinstance(error, exceptions.OutOfMemoryError) or "OOM" in text:
        return ServerUnwritable(
            f"{where} has no memory left. Nothing is thrown away; it takes nothing new.",
            remedy="Raise its maxmemory, or prune finished requests.",
        )
    if isinstance(error, exceptions.ReadOnlyError) or "READONLY" in text:
        return ServerUnwritable(
            f"{where} is a replica: it can be read, not written.",
            remedy="Use the primary's address, or Sentinel's: redis+sentinel://host/service.",
        )
    if "MISCONF" in text:
        return ServerUnwritable(
            f"{where} could not write its own file and takes nothing until it can ({text}).",
            remedy="Look at the server's disk: it is probably full.",
        )
    if "NOREPLICAS" in text or "MASTERDOWN" in text or "CLUSTERDOWN" in text:
        return ServerUnwritable(f"{where} has lost servers that it needs ({text}).")
    if "OTHERKEY" in text:
        return QueueKeyWrong(f"The queue in {where} was made with another key, or without one.")
    if "DB index" in text:
        return ServerUnsuitable(
            f"{where} names a database that the server does not have.",
            remedy="Use a lower number at the end of the address; 0 always exists.",
        )
    if "WRONGTYPE" in text:
        return DataUnreadable(f"{where} holds something else under the queue's keys ({text}).")
    return StoreError(f"{where} did not do what was asked ({text}).", remedy="See the server's log.")


def is_passing(error: Exception) -> bool:
    """Whether the same call may succeed in a moment: the server is away, starting or failing over."""
    from redis import exceptions

    text = str(error)
    if isinstance(error, exceptions.AuthenticationError | exceptions.NoPermissionError):
        return False
    away = (
        exceptions.ConnectionError,
        exceptions.TimeoutError,
        exceptions.ReadOnlyError,
        exceptions.ClusterError,
        exceptions.RedisClusterException,
        OSError,
    )
    return isinstance(error, away) or (
        any(word in text for word in ("LOADING", "READONLY", "MASTERDOWN", "CLUSTERDOWN", "TRYAGAIN"))
    )


def _without_secrets(text: str, address: Address) -> str:
    for secret in address.secrets:
        text = text.replace(secret, "***")
    return text.rstrip(".")

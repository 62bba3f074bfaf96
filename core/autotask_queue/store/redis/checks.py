"""What is asked of a server before it may keep a queue, and how durable what it keeps is."""

from __future__ import annotations

import re
import time
from typing import Any, Final

import msgspec

from autotask_queue.model.errors import StoreError, StoreTooNew, StoreUnreachable
from autotask_queue.model.request import Durability
from autotask_queue.store.redis.batches import FORMAT
from autotask_queue.store.redis.failures import (
    QueueKeyMissing,
    QueueKeyWrong,
    QueueNotEncrypted,
    ServerRefused,
    ServerUnsuitable,
    ServerUnwritable,
)
from autotask_queue.store.redis.link import Link

OLDEST: Final = (6, 2)
_SKEW: Final = 5.0
"""Seconds by which two clocks may differ before it is worth a word."""
_SKEWED: Final = (
    "This computer's clock is {} the server's: scheduled requests are sent by the clock of the computer that "
    "sends them."
)
_UNKNOWN_FLUSH: Final = (
    "{} does not tell how often it writes to its disk; the queue assumes once a second. Allow the user "
    "+config|get to know."
)
_NO_FLUSH: Final = (
    "{} never waits for its disk (appendfsync no): a power cut may lose half a minute. Set appendfsync "
    "always for the full promise."
)


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """What was found out about a server; `notes` are for people."""

    durability: Durability
    notes: tuple[str, ...] = ()


async def examine(link: Link) -> Facts:
    """Refuses a server that could lose requests, and tells how durable the others are.

    Raises:
        StoreError: it must not keep a queue; or it cannot be asked.
    """
    info = _parsed(await link.command("INFO"))
    where = link.address.shown
    version = tuple(int(part) for part in re.findall(r"\d+", info.get("redis_version", "0"))[:2])
    if version < OLDEST:
        raise ServerUnsuitable(
            f"{where} is version {info.get('redis_version')}; 6.2 or newer is needed.",
            remedy="Update the server. Nothing was stored in it.",
        )
    if info.get("loading", "0") != "0":
        raise StoreUnreachable(f"{where} is starting and still reads its data.", remedy="Wait a moment.")
    if info.get("role") == "slave":
        raise ServerUnwritable(
            f"{where} is a replica: it can be read, not written.",
            remedy="Use the primary's address, or Sentinel's: redis+sentinel://host/service.",
        )
    if info.get("cluster_enabled", "0") == "1" and link.address.kind != "cluster":
        raise ServerUnsuitable(
            f"{where} is part of a cluster.", remedy="Use redis+cluster:// at the start of its address."
        )
    _check_eviction(info, where)
    durability, notes = await _durability(link, info)
    return Facts(durability=durability, notes=(*notes, *await _clock_note(link)))


async def check_format(link: Link, key_id: str) -> None:
    """Makes sure that this program understands what is stored, and has the key to it. Changes nothing.

    Args:
        link: the server.
        key_id: of the key that the queue is opened with; empty without one.

    Raises:
        StoreTooNew: a newer version wrote it.
        QueueKeyMissing, QueueKeyWrong, QueueNotEncrypted: it was made with another key, or without one.
    """
    found, key = await link.command("HMGET", link.key, "format", "key")
    where = link.address.shown
    if found is None:  # there is no queue; the first batch says how it is written
        return
    if int(found) > FORMAT:
        raise StoreTooNew(f"The queue in {where} was written by a newer version.")
    there = (key or b"").decode()
    if there == key_id:
        return
    if not there:
        raise QueueNotEncrypted(f"The queue in {where} was made without a key.")
    if not key_id:
        raise QueueKeyMissing(f"The queue in {where} is encrypted, and no key was given.")
    raise QueueKeyWrong(f"The queue in {where} was encrypted with another key.")


async def memory_used(link: Link) -> int:
    """Bytes that the server's data take."""
    info = _parsed(await link.command("INFO", "memory"))
    return int(info.get("used_memory_dataset") or info.get("used_memory") or "0")


def _check_eviction(info: dict[str, str], where: str) -> None:
    policy = info.get("maxmemory_policy", "unknown")
    if policy != "noeviction":
        raise ServerUnsuitable(
            f"{where} may throw requests away when its memory is full (maxmemory-policy {policy}).",
            remedy="Set maxmemory-policy noeviction on that server, or use one of the queue's own.",
        )


async def _durability(link: Link, info: dict[str, str]) -> tuple[Durability, tuple[str, ...]]:
    """What an acknowledged request survives, as the server is set up now; never more than is sure."""
    if info.get("aof_enabled", "0") != "1":
        return Durability.MEMORY, ()
    try:
        found = await link.command("CONFIG", "GET", "appendfsync")
    except ServerRefused:
        return Durability.REDIS_EVERYSEC, (_UNKNOWN_FLUSH.format(link.address.shown),)
    except StoreError as error:
        if isinstance(error, StoreUnreachable):
            raise
        return Durability.REDIS_EVERYSEC, ()  # a hosted server without CONFIG
    match _text(found[1] if isinstance(found, list) else next(iter(found.values()))):
        case "always":
            return Durability.REDIS_FSYNC, ()
        case "everysec":
            return Durability.REDIS_EVERYSEC, ()
        case _:
            return Durability.MEMORY, (_NO_FLUSH.format(link.address.shown),)


async def _clock_note(link: Link) -> tuple[str, ...]:
    seconds, micros = await link.command("TIME")
    skew = time.time() - (int(seconds) + int(micros) / 1e6)
    if abs(skew) < _SKEW:
        return ()
    return (_SKEWED.format(f"{abs(skew):.0f} s {'ahead of' if skew > 0 else 'behind'}"),)


def _parsed(info: Any) -> dict[str, str]:
    """The fields of INFO, whether the client has taken it apart already or not."""
    if isinstance(info, dict):
        return {str(name): str(value) for name, value in info.items()}
    lines = (line.partition(":") for line in _text(info).splitlines() if ":" in line)
    return {name: value.strip() for name, _, value in lines}


def _text(value: bytes | str) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else value

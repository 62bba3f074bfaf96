"""Breakers, documents and minutes: small things kept beside the requests."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

import msgspec

from autotask_queue.model.breaker import BreakerRecord, Override
from autotask_queue.model.errors import StoreError
from autotask_queue.model.metrics import MinuteStat
from autotask_queue.model.request import JSON, AuditEntry
from autotask_queue.store import codec
from autotask_queue.store.limits import KEEP_MINUTES
from autotask_queue.store.redis import rows
from autotask_queue.store.redis.batches import operation
from autotask_queue.store.redis.link import Link
from autotask_queue.store.redis.sealing import Seal
from autotask_queue.store.redis.writer import Answer

CONTROL: Final = "control"
"""The kind of documents that every worker must know before it claims: pauses."""
_MAX_TRIES: Final = 100

_DOCUMENT: Final = "document {}"
_KEY: Final = "document key {}"

_record_decoder = msgspec.json.Decoder(BreakerRecord)
_minute_decoder = msgspec.json.Decoder(MinuteStat)


class SmallThings:
    """Reads and writes them; `run` sends operations, `seal` says how people's words are written."""

    def __init__(
        self, link: Link, run: Callable[[Sequence[Any]], Awaitable[list[Answer]]], seal: Seal
    ) -> None:
        self._link = link
        self._seal = seal
        self._run = run
        self._known: dict[str, BreakerRecord] = {}
        """Each zone's breaker as the caller last got or gave it: its changes are the difference to that."""

    def _key(self, name: str) -> str:
        return self._link.key.removesuffix("ctl") + name

    # -- holds and states

    async def save_breaker(self, record: BreakerRecord, entry: AuditEntry | None) -> None:
        """Keeps a breaker. A hold that somebody else has set or ended meanwhile is left as it is.

        The automatic state is a hint for those who start later, and the last word wins; holds are people's
        decisions, and only what changed about them here is changed there.
        """
        known = self._known.get(record.zone, BreakerRecord(zone=record.zone))
        self._known[record.zone] = record
        try:
            await self._save_breaker(record, known, entry)
        except BaseException:
            if self._known[record.zone] is record:
                self._known[record.zone] = known
            raise

    async def _save_breaker(
        self, record: BreakerRecord, known: BreakerRecord, entry: AuditEntry | None
    ) -> None:
        current: bytes | str | None = await self._link.command("HGET", self._key("breaker"), record.zone)
        written = None if entry is None else rows.from_audit(entry, self._seal)
        for _ in range(_MAX_TRIES):
            there = self._breaker(record.zone, _text(current))
            merged = msgspec.structs.replace(record, overrides=merge(there.overrides, known, record))
            ((answer, _),) = await self._run(
                [
                    operation(
                        "breaker",
                        record.zone,
                        _text(current) or False,
                        self._seal.text("breaker", record.zone, codec.encode(merged).decode()),
                        merged.overrides != there.overrides,
                        written or False,
                    )
                ]
            )
            if answer[0] == "ok":
                return
            current = answer[1]
        raise StoreError(f"Others change the breaker of {record.zone} all the time.", remedy="Try again.")

    def _breaker(self, zone: str, text: str) -> BreakerRecord:
        opened = self._seal.open_text("breaker", zone, text)
        return _record_decoder.decode(opened) if opened else BreakerRecord(zone=zone)

    async def load_breakers(self) -> list[BreakerRecord]:
        """All of them, by zone."""
        found = _pairs(await self._link.command("HGETALL", self._key("breaker")))
        records = [self._breaker(zone.decode(), value.decode()) for zone, value in found]
        self._known = {record.zone: record for record in records}
        return sorted(records, key=lambda record: record.zone)

    # -- documents

    async def put_document(self, kind: str, key: str, value: bytes | None) -> None:
        """Keeps a document, or forgets it with None."""
        text = False if value is None else self._seal.text(_DOCUMENT.format(kind), key, value.decode())
        await self._run([operation("document", kind, self._name(kind, key), text, kind == CONTROL)])

    async def get_document(self, kind: str, key: str) -> JSON:
        """The document, or None."""
        value = await self._link.command("HGET", self._key(f"doc:{kind}"), self._name(kind, key))
        return None if value is None else self._document(kind, key, value)

    async def list_documents(self, kind: str) -> dict[str, JSON]:
        """All of one kind, by key."""
        pairs = _pairs(await self._link.command("HGETALL", self._key(f"doc:{kind}")))
        named = [(self._seal.open_alike(_KEY.format(kind), name.decode()), value) for name, value in pairs]
        return {key: self._document(kind, key, value) for key, value in sorted(named)}

    def _name(self, kind: str, key: str) -> str:
        return self._seal.alike(_KEY.format(kind), key)

    def _document(self, kind: str, key: str, value: bytes) -> JSON:
        return codec.decode(self._seal.open_text(_DOCUMENT.format(kind), key, value.decode()).encode())

    # -- minutes

    async def save_minutes(self, minutes: Sequence[MinuteStat]) -> None:
        """Keeps minutes in place of those of the same time, and drops those too old."""
        pairs = [(rows.number(minute.at), codec.encode(minute).decode()) for minute in minutes]
        await self._run([operation("minutes", pairs, KEEP_MINUTES)])

    async def load_minutes(self, since: float, until: float | None) -> list[MinuteStat]:
        """In the order of time."""
        last = "+inf" if until is None else rows.number(until)
        found = await self._link.command("ZRANGEBYSCORE", self._key("minutes"), rows.number(since), last)
        return [_minute_decoder.decode(value) for value in found]


def merge(there: tuple[Override, ...], known: BreakerRecord, wanted: BreakerRecord) -> tuple[Override, ...]:
    """The holds of a zone after a change, where others may have changed them, too.

    Args:
        there: as they are stored now.
        known: the zone as it was before the change, as far as was known.
        wanted: the zone after the change.
    """
    ended = [o for o in known.overrides if o not in wanted.overrides]
    added = [o for o in wanted.overrides if o not in known.overrides]
    scopes = {o.entity for o in added}
    kept = [o for o in there if o not in ended and o.entity not in scopes]
    return (*kept, *added)


def _text(value: bytes | str | None) -> str:
    return value.decode() if isinstance(value, bytes) else value or ""


def _pairs(found: Any) -> list[tuple[bytes, bytes]]:
    """A hash, whether the client has taken it apart already or not."""
    return list(found.items() if isinstance(found, dict) else zip(found[::2], found[1::2], strict=True))

"""`SqliteStore`: requests in one file that survives a killed process and a power cut."""

from __future__ import annotations

import contextlib
import logging
from array import array
from collections import deque
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeVar

import msgspec

from autotask_queue.model.backup import Backup
from autotask_queue.model.breaker import BreakerRecord
from autotask_queue.model.errors import QueueError, StoreDamaged, StoreError, StoreUnwritable
from autotask_queue.model.filters import BulkResult, RequestFilter, Selection
from autotask_queue.model.metrics import Cell, Counters, MinuteStat
from autotask_queue.model.request import JSON, Attempt, AuditEntry, Durability, Request, RequestId, RequestRow
from autotask_queue.model.status import OPEN, Status
from autotask_queue.ports import AuditAnchor, Change, Claim, Claimed, Companions, Recovery
from autotask_queue.store import bulk, codec
from autotask_queue.store.cells import CellKey, counted, is_countable
from autotask_queue.store.limits import MAX_CONSEQUENCES
from autotask_queue.store.sqlite import audit, opening, operations, place, reader, rows, salvage
from autotask_queue.store.sqlite.backups import Backups
from autotask_queue.store.sqlite.channel import Channel
from autotask_queue.store.sqlite.check import FileCheck
from autotask_queue.store.sqlite.driver import Driver, choose_driver
from autotask_queue.store.sqlite.lock import OwnerLock
from autotask_queue.store.sqlite.migrations import NEWEST
from autotask_queue.store.sqlite.query import count_sql, index_sql
from autotask_queue.store.sqlite.reader import Read, Reader
from autotask_queue.store.sqlite.session import Operation, Published, Session
from autotask_queue.store.sqlite.waiting import WaitingBytes
from autotask_queue.store.sqlite.writer import Writer

_T = TypeVar("_T")
_log = logging.getLogger(__name__)

_BULK_CHUNK: Final = 500


class SqliteStore:
    """Implements `ports.Store` in a SQLite file.

    One connection writes, in a thread of its own; two read, so that nobody who looks waits for a
    writer, and a short question not for a long one. One process owns the file: a second one is
    refused with `StoreInUse`.

    Args:
        path: the queue file; its folder is made if it is missing.
        encryption_key: 32 random bytes; the file, its log and its copies are then encrypted.
        compression: store larger documents compressed; what is there can be read either way.
        driver: which SQLite to use.

    Raises:
        ConfigError, EncryptionUnavailable: the key is not 32 bytes; SQLCipher is not installed.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        encryption_key: bytes | None = None,
        compression: bool = False,
        driver: Driver | None = None,
    ) -> None:
        self._path = Path(path).expanduser().absolute()
        self._compression = compression
        self._driver = driver or choose_driver(encryption_key)
        self._lock = OwnerLock(self._path)
        self._session: Session | None = None
        self._channel: Channel | None = None
        self._writer: Writer | None = None
        self._quick = Reader(self._driver, self._path)
        self._slow = Reader(self._driver, self._path)
        self._check = FileCheck(self._driver, self._path)
        self._backups = Backups(self._driver, self._path, damage_met=self._check.start)
        self._cells: dict[CellKey, int] = {}
        self._counters: Counters | None = None
        self._max_seq = 0
        self._next_due: float | None = None
        self._waiting = WaitingBytes(self._path, self._count_waiting)
        self._consequences: deque[Request] = deque(maxlen=MAX_CONSEQUENCES)

    @property
    def durability(self) -> Durability:
        return Durability.SQLITE_FSYNC

    @property
    def location(self) -> str:
        return str(self._path)

    # -- opening and closing

    async def open(self, *, now: float) -> Recovery:
        """See `ports.Store.open`.

        Raises:
            StoreInUse: another process owns the file.
            StoreUnwritable: folder or file cannot be written.
            StoreUnsuitable: a network share, a synchronised folder.
            StoreForeign: another program's database; it was not changed.
            StoreTooNew: a newer version of this program wrote it; it was not changed.
            StoreKeyMissing, StoreKeyWrong, StoreNotEncrypted: the key does not fit; nothing was changed.
            StoreError: anything else that the storage refuses.
        """
        self._check.damage = ""
        known_before = self._lock.path.exists()
        place.prepare(self._path)
        try:
            self._lock.take()
        except OSError as error:
            raise StoreUnwritable(f"{self._path} cannot be written ({error.strerror or error}).") from error
        try:
            place.sweep(self._path)
            opened = await self._open(now=now, known_before=known_before)
        except BaseException:
            await self._close_connections()
            self._lock.release()
            raise
        self._cells = opened.cells
        self._counters = None
        self._max_seq = opened.last_seq
        self._next_due = opened.next_due
        if opened.unclean:
            self._check.start()
        return opened.recovery

    async def _open(self, *, now: float, known_before: bool) -> opening.Opened:
        empty = self._path.stat().st_size == 0
        try:
            if empty and place.log_size(self._path):
                raise StoreDamaged(f"{self._path} is empty, though there is a log that belongs to it.")
            opening.check_file(self._driver, self._path, newest=NEWEST)
            opened = await self._connect(now=now)
        except StoreDamaged as damage:
            await self._close_connections()
            why = damage.message
        else:
            return opened.with_note(_MISSING.format(self._path)) if empty and known_before else opened
        try:
            aside = salvage.set_aside(self._path, now=now)
        except OSError as error:
            raise StoreDamaged(f"{why} It could not be set aside ({error.strerror or error}).") from error
        _log.error("The queue file is damaged and was set aside as %s. %s", aside, why)
        place.prepare(self._path)
        return await self._connect(now=now, damaged=salvage.Damaged(self._driver, aside, why))

    async def _connect(self, *, now: float, damaged: salvage.Damaged | None = None) -> opening.Opened:
        session = Session(self._driver, self._path, compression=self._compression)
        channel = Channel(session.connect)
        _ = await channel
        self._session, self._channel = session, channel
        opened = await channel.run(partial(opening.open_file, session, self._path, now=now, damaged=damaged))
        self._writer = Writer(channel, session, self._publish)
        return opened

    async def close(self) -> None:
        """Waits for what is on its way to the disk, writes back the log and lets the file go."""
        if self._writer is not None and self._channel is not None and self._session is not None:
            await self._backups.close()
            await self._writer.close()
            await self._check.stop()
            await self._close_readers()
            with contextlib.suppress(StoreError):  # all is stored; only the next start has more to check
                await self._channel.run(partial(opening.close_file, self._session, damage=self._check.damage))
        await self._close_connections()
        self._lock.release()

    async def _close_connections(self) -> None:
        await self._check.stop()
        await self._close_readers()
        channel, self._channel = self._channel, None
        session, self._session = self._session, None
        self._writer = None
        if channel is not None:
            try:
                if session is not None:
                    await channel.run(session.disconnect)
            finally:
                await channel.close()

    async def _close_readers(self) -> None:
        await self._quick.close()
        await self._slow.close()

    # -- changing

    async def enqueue(self, requests: Sequence[Request], *, actor: str) -> list[Request | QueueError]:
        return await self._write([operations.enqueue(request, actor) for request in requests])

    async def claim(self, claim: Claim) -> Claimed:
        claimed: Claimed = await self._write_one(operations.claim(claim))
        return claimed

    async def join(self, companions: Companions) -> tuple[Request, ...]:
        joined: tuple[Request, ...] = await self._write_one(operations.join(companions))
        return joined

    async def apply(self, changes: Sequence[Change]) -> list[Request | QueueError]:
        return await self._write([operations.apply(change) for change in changes])

    async def apply_matching(self, selection: Selection, change: Change) -> BulkResult:
        sql = index_sql(selection.filter, max_seq=selection.max_seq)
        seqs = sorted(await self._ask(self._slow, partial(reader.seqs, *sql)))
        tally = bulk.Tally()
        for start in range(0, len(seqs), _BULK_CHUNK):
            chunk = seqs[start : start + _BULK_CHUNK]
            for before, answer in await self._write_one(operations.apply_to(chunk, change)):
                tally.add(before, answer)
        return tally.result()

    def consequences(self) -> tuple[Request, ...]:
        taken = tuple(self._consequences)
        self._consequences.clear()
        return taken

    async def _write(self, wanted: Sequence[Operation]) -> list[Any]:
        try:
            return await self._open_writer().run(wanted)
        except StoreDamaged as error:
            self._check.note(error.message)
            raise

    async def _write_one(self, wanted: Operation) -> Any:
        (outcome,) = await self._write((wanted,))
        if isinstance(outcome, QueueError):
            raise outcome
        return outcome

    def _open_writer(self) -> Writer:
        if self._writer is None:
            raise StoreError("The queue file is not open.", remedy="Open the queue first.")
        return self._writer

    def _publish(self, published: Published) -> None:
        """Takes over what a commit changed, before its callers hear of it."""
        for key, delta in published.deltas.items():
            count = self._cells.get(key, 0) + delta
            if count:
                self._cells[key] = count
            else:
                self._cells.pop(key, None)
        if published.deltas:
            self._counters = None
        self._max_seq = published.last_seq
        self._next_due = published.next_due
        self._consequences.extend(published.consequences)

    # -- reading

    async def get(self, request_id: RequestId) -> Request | None:
        return await self._ask(self._quick, partial(reader.request_by_id, request_id))

    async def find(self, query: RequestFilter) -> list[Request]:
        seqs = await self.index(query)
        return await self._ask(self._slow, partial(reader.requests, seqs))

    async def index(self, query: RequestFilter) -> array[int]:
        return await self._ask(self._slow, partial(reader.seqs, *index_sql(query)))

    async def rows(self, seqs: Sequence[int]) -> list[RequestRow]:
        return await self._ask(self._quick, partial(reader.list_rows, seqs))

    async def count(self, query: RequestFilter) -> int:
        if is_countable(query):
            self._open_writer()
            return sum(count for key, count in self._cells.items() if counted(query, key))
        return int(await self._ask(self._slow, partial(reader.one, *count_sql(query))))

    def counters(self) -> Counters:
        if self._counters is None:
            sums: dict[tuple[str, str, Status], int] = {}
            for (zone, entity, status, _), count in self._cells.items():
                sums[zone, entity, status] = sums.get((zone, entity, status), 0) + count
            self._counters = Counters(
                cells=tuple(
                    Cell(zone=zone, entity=entity, status=status, count=count)
                    for (zone, entity, status), count in sorted(sums.items())
                )
            )
        return self._counters

    def max_seq(self) -> int:
        return self._max_seq

    def next_due(self) -> float | None:
        return self._next_due

    async def oldest_waiting(self) -> float | None:
        oldest: float | None = await self._ask(self._quick, partial(reader.one, reader.OLDEST_WAITING, ()))
        return oldest

    async def priorities(self) -> dict[int, int]:
        self._open_writer()
        counts: dict[int, int] = {}
        for (_, _, status, priority), count in self._cells.items():
            if status in OPEN:
                counts[priority] = counts.get(priority, 0) + count
        return counts

    async def attempts(self, request_id: RequestId) -> list[Attempt]:
        found = await self._ask(self._quick, partial(reader.every, reader.ATTEMPTS, (request_id, request_id)))
        return [rows.to_attempt(values) for values in found]

    async def audit(
        self,
        *,
        request_id: RequestId | None = None,
        kinds: Sequence[str] = (),
        limit: int = 100,
        before_seq: int | None = None,
    ) -> list[AuditEntry]:
        read = partial(audit.entries, request_id, kinds, limit, before_seq)
        return await self._ask(self._slow, read)

    async def _ask(self, reader_: Reader, read: Read[_T]) -> _T:
        self._open_writer()
        try:
            return await reader_.ask(read)
        except StoreDamaged as error:
            self._check.note(error.message)
            raise

    # -- small things

    async def record(self, entry: AuditEntry) -> None:
        await self._write_one(operations.record(entry))

    async def save_breaker(self, record: BreakerRecord, entry: AuditEntry | None = None) -> None:
        await self._write_one(operations.save_breaker(record, entry))

    async def load_breakers(self) -> list[BreakerRecord]:
        found = await self._ask(self._quick, partial(reader.every, reader.BREAKERS, ()))
        return [msgspec.json.decode(value, type=BreakerRecord) for (value,) in found]

    async def put_document(self, kind: str, key: str, value: JSON, *, at: float) -> None:
        await self._write_one(operations.put_document(kind, key, codec.encode(value), at))

    async def get_document(self, kind: str, key: str) -> JSON:
        value = await self._ask(self._quick, partial(reader.one, reader.DOCUMENT, (kind, key)))
        return None if value is None else codec.decode(value)

    async def list_documents(self, kind: str) -> dict[str, JSON]:
        found = await self._ask(self._quick, partial(reader.every, reader.DOCUMENTS, (kind,)))
        return {key: codec.decode(value) for key, value in found}

    async def delete_document(self, kind: str, key: str) -> None:
        await self._write_one(operations.delete_document(kind, key))

    async def save_minutes(self, minutes: Sequence[MinuteStat]) -> None:
        await self._write_one(operations.save_minutes(minutes))

    async def load_minutes(self, *, since: float, until: float | None = None) -> list[MinuteStat]:
        found = await self._ask(self._quick, partial(reader.every, reader.MINUTES, (since, until, until)))
        return [msgspec.json.decode(value, type=MinuteStat) for (value,) in found]

    async def prune(self, *, finished_before: float, max_seq: int | None = None, limit: int = 500) -> int:
        asked = (finished_before, self._max_seq if max_seq is None else max_seq, limit)
        old = await self._ask(self._slow, partial(reader.seqs, operations.PRUNE_CANDIDATES, asked))
        return int(await self._write_one(operations.prune(old, finished_before))) if old else 0

    async def prune_audit(self, *, before: float, limit: int = 500) -> AuditAnchor | None:
        anchor: AuditAnchor | None = await self._write_one(operations.prune_audit(before, limit))
        return anchor

    async def shrink(self) -> bool:
        return await self._open_writer().shrink()

    async def checkpoint(self) -> None:
        await self._open_writer().checkpoint()

    async def backup(self, target: Path, *, now: float) -> Backup:
        self._open_writer()
        return await self._backups.make(target, now=now)

    async def daily_backup(self, *, now: float) -> Backup | None:
        self._open_writer()
        return await self._backups.make_daily(now=now)

    async def size_bytes(self) -> int:
        return place.size(self._path) + place.log_size(self._path)

    async def _count_waiting(self) -> int:
        return int(await self._ask(self._slow, partial(reader.one, reader.WAITING_BYTES, ())))

    async def waiting_bytes(self, *, at_least: int) -> int | None:
        return await self._waiting.tell(at_least=at_least)


_MISSING: Final = "{} was missing or empty although there had been a queue; a new one was started."

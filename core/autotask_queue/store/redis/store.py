"""`RedisStore`: requests on a server that several consoles and workers share."""

from __future__ import annotations

import asyncio
import contextlib
import time
import uuid
from array import array
from collections.abc import Callable, Sequence
from typing import Any, Final

import msgspec

from autotask_queue.model.breaker import BreakerRecord
from autotask_queue.model.errors import ConfigError, QueueError, StoreError
from autotask_queue.model.filters import BulkResult, RequestFilter, Selection
from autotask_queue.model.metrics import Counters, MinuteStat
from autotask_queue.model.request import JSON, Attempt, AuditEntry, Durability, Request, RequestId, RequestRow
from autotask_queue.ports import AuditAnchor, Change, Claim, Claimed, Companions, News, Recovery
from autotask_queue.store import bulk, codec
from autotask_queue.store.cells import counted, is_countable
from autotask_queue.store.redis import changing, checks, rows
from autotask_queue.store.redis.address import parse
from autotask_queue.store.redis.applying import Applier
from autotask_queue.store.redis.batches import operation
from autotask_queue.store.redis.link import Link
from autotask_queue.store.redis.reading import SLICE, Reader
from autotask_queue.store.redis.sealing import seal_of
from autotask_queue.store.redis.small import SmallThings
from autotask_queue.store.redis.taking import Taker
from autotask_queue.store.redis.view import View
from autotask_queue.store.redis.watch import Watch
from autotask_queue.store.redis.writer import PATIENCE, Answer, Writer
from autotask_queue.transport import KNOWN_SECRETS

LEASE: Final = 360.0
"""Seconds: longer than any attempt may take, so that a worker's silence means that it is gone."""
_FAR: Final = 10**12


class RedisStore:
    """Implements `ports.Store` and `ports.Shared` on a Redis server, or one that speaks like it.

    Every change is one call of a script, which nobody's change can come between; no lock is held, and no
    process leads. What a worker has claimed is its own for `lease` seconds and longer as long as it shows
    that it lives; what a dead worker leaves is taken up by the others: its reads are pending again, its
    writes uncertain.

    Args:
        url: where the server is; see `address.parse` for the forms.
        namespace: the queue's name on that server; queues of other names do not meet it.
        lease: seconds that a claimed request is its worker's without a sign of life.
        patience: seconds in which the server may restart, or fail over, without a caller noticing.
        compression: store larger documents compressed; what is there can be read either way.
        encryption_key: 32 random bytes that seal what people wrote, for the queue's whole life.

    Raises:
        ConfigError: the address, the name or the key is none.
    """

    def __init__(
        self,
        url: str,
        *,
        namespace: str = "autotask",
        lease: float = LEASE,
        patience: float = PATIENCE,
        compression: bool = False,
        encryption_key: bytes | None = None,
    ) -> None:
        if not namespace or any(c in "{}" or not c.isprintable() for c in namespace):
            raise ConfigError(["persistence.connection.namespace must be a name without { and }"])
        self._namespace = namespace
        self._lease = lease
        self._patience = patience
        address = parse(url)
        KNOWN_SECRETS.add(*address.secrets)
        self._link = Link(address, namespace=namespace)
        self._seal = seal_of(encryption_key, compression=compression)
        self._read = Reader(self._link, self._seal)
        self._view = View()
        self._writer: Writer | None = None
        self._taker = Taker(self._run, self._view)
        self._applier = Applier(self._read, self._run, self._seal)
        self._small = SmallThings(self._link, self._run, self._seal)
        self._watch: asyncio.Task[None] | None = None
        self._durability = Durability.MEMORY
        self._callback: Callable[[News], None] | None = None

    @property
    def durability(self) -> Durability:
        """As the server was set up when the queue was opened."""
        return self._durability

    @property
    def location(self) -> str:
        return f"{self._link.address.shown}, queue {self._namespace}"

    def on_change(self, callback: Callable[[News], None]) -> None:
        """See `ports.Shared`."""
        self._callback = callback

    # -- opening and closing

    async def open(self, *, now: float) -> Recovery:
        """See `ports.Store.open`. Requests of workers that live are left alone.

        Raises:
            StoreUnreachable, StoreUnsuitable, StoreUnwritable, StoreTooNew,
            StoreKeyMissing, StoreKeyWrong, StoreNotEncrypted, StoreError: see `failures`.
        """
        await self._link.open()
        try:
            facts = await checks.examine(self._link)
            await checks.check_format(self._link, self._seal.key_id)
            self._durability = facts.durability
            self._view = View()
            self._taker = Taker(self._run, self._view)
            self._writer = Writer(
                self._link,
                self._seal,
                name=uuid.uuid4().hex,
                lease=self._lease,
                patience=self._patience,
                publish=self._publish,
            )
            recovered = await self._recover(now)
        except BaseException:
            await self._disconnect()
            raise
        watch = Watch(self._link, self._writer, self._view, lease=self._lease, tell=self._told)
        self._watch = asyncio.get_running_loop().create_task(watch.run(), name="redis queue watch")
        return Recovery(
            uncertain=tuple(r for r in recovered if r.status.value == "uncertain"),
            released=tuple(r for r in recovered if r.status.value != "uncertain"),
            notes=facts.notes,
        )

    async def _recover(self, now: float) -> list[Request]:
        recovered: list[Request] = []
        more = True
        while more:
            (seqs, more), reply = await self._run_one(operation("recover", rows.number(now)))
            recovered += [reply.rows[seq].request for seq in seqs]
        return recovered

    async def close(self) -> None:
        """Lets others take up what this worker still holds, and ends the connections."""
        if self._writer is not None:
            held = [str(stored.request.seq) for stored in self._view.in_flight.values()]
            with contextlib.suppress(StoreError):  # then they wait for the end of its leases
                await self._taker.hand_back(time.time())
                await self._run_one(operation("leave", held))
        await self._disconnect()

    async def _disconnect(self) -> None:
        watch, self._watch = self._watch, None
        if watch is not None:
            watch.cancel()
            await asyncio.wait({watch})
        writer, self._writer = self._writer, None
        if writer is not None:
            await writer.close()
        await self._link.close()

    @property
    def is_open(self) -> bool:
        """Whether it was opened, and not closed since."""
        return self._writer is not None

    async def reach(self) -> None:
        """Asks the server for a sign of life.

        Raises:
            StoreError: it does not answer.
        """
        await self._run_one(operation("sync"))

    # -- what others did

    def _publish(self, reply: Any) -> None:
        self._view.take(reply)
        if self._view.seen_epoch != self._view.epoch:
            # Whoever is told reads the controls afterwards: at least as new as this.
            self._view.seen_epoch = self._view.epoch
            self._told(News.CONTROL)

    def _told(self, news: News) -> None:
        if self._callback is not None:
            self._callback(news)

    async def _run(self, wanted: Sequence[Any]) -> list[Answer]:
        if self._writer is None:
            raise StoreError("The queue is not open.", remedy="Open the queue first.")
        return await self._writer.run(wanted)

    async def _run_one(self, wanted: Any) -> Answer:
        (answer,) = await self._run((wanted,))
        return answer

    # -- changing

    async def enqueue(self, requests: Sequence[Request], *, actor: str) -> list[Request | QueueError]:
        return await self._add(requests, actor)

    async def adopt(self, requests: Sequence[Request]) -> list[Request | QueueError]:
        """Takes over requests that were acknowledged elsewhere, in order, under their own ids.

        As `enqueue`, but what was here, ended and is pruned already is not added again.
        """
        return await self._add(requests, None)

    async def _add(self, requests: Sequence[Request], actor: str | None) -> list[Request | QueueError]:
        """Stores new requests; without an actor each was added by its own, elsewhere."""
        results: list[Request | QueueError] = []
        wanted = []
        for request in requests:
            who = request.actor if actor is None else actor
            try:
                wanted.append(changing.enqueue(request, self._seal, actor=who, adopted=actor is None))
                results.append(request)
            except QueueError as error:
                results.append(await self._known(request.id) or error)
        answers = iter(await self._run(wanted))
        for place, request in enumerate(requests):
            if results[place] is request:
                answer, reply = next(answers)
                try:
                    results[place] = changing.enqueued(request, answer, reply.rows, actor=actor or "")
                except QueueError as error:
                    results[place] = error
        return results

    async def _known(self, request_id: RequestId) -> Request | None:
        """What has this id already: asking again for what is stored is no mistake."""
        try:
            found = await self._read.by_id([request_id])
        except (TypeError, UnicodeEncodeError):  # no id at all
            return None
        return found[request_id].request if request_id in found else None

    async def claim(self, claim: Claim) -> Claimed:
        self._check_open()
        return await self._taker.claim(claim, follows=self._callback is not None)

    async def join(self, companions: Companions) -> tuple[Request, ...]:
        return await self._taker.join(companions)

    async def apply(self, changes: Sequence[Change]) -> list[Request | QueueError]:
        self._check_open()
        return [answer for _, answer in await self._applier.apply(changes, self._view)]

    async def apply_matching(self, selection: Selection, change: Change) -> BulkResult:
        self._check_open()
        tally = bulk.Tally()
        seqs = sorted(await self._read.index(selection.filter, max_seq=selection.max_seq))
        for start in range(0, len(seqs), SLICE):
            stored = {s.request.id: s for s in await self._read.by_seq(seqs[start : start + SLICE])}
            changes = [msgspec.structs.replace(change, id=request_id) for request_id in stored]
            for before, answer in await self._applier.apply(changes, self._view, known=stored):
                if before is not None:
                    tally.add(before, answer)
        return tally.result()

    def consequences(self) -> tuple[Request, ...]:
        taken = tuple(self._view.consequences)
        self._view.consequences.clear()
        return taken

    def _check_open(self) -> None:
        if self._writer is None:
            raise StoreError("The queue is not open.", remedy="Open the queue first.")

    # -- reading

    async def get(self, request_id: RequestId) -> Request | None:
        found = await self._read.by_id([request_id])
        return found[request_id].request if request_id in found else None

    async def find(self, query: RequestFilter) -> list[Request]:
        return await self._read.requests(await self._read.index(query))

    async def index(self, query: RequestFilter) -> array[int]:
        return array("q", await self._read.index(query))

    async def rows(self, seqs: Sequence[int]) -> list[RequestRow]:
        return await self._read.list_rows(seqs)

    async def count(self, query: RequestFilter) -> int:
        self._check_open()
        if is_countable(query):
            return sum(count for key, count in self._view.cells.items() if counted(query, key))
        return len(await self._read.index(msgspec.structs.replace(query, limit=None, cursor=None)))

    def counters(self) -> Counters:
        return self._view.counters()

    def max_seq(self) -> int:
        return self._view.max_seq

    def next_due(self) -> float | None:
        return self._view.next_due

    async def oldest_waiting(self) -> float | None:
        return await self._read.oldest_waiting()

    async def priorities(self) -> dict[int, int]:
        self._check_open()
        return self._view.priorities()

    async def attempts(self, request_id: RequestId) -> list[Attempt]:
        return await self._read.attempts(request_id)

    async def audit(
        self,
        *,
        request_id: RequestId | None = None,
        kinds: Sequence[str] = (),
        limit: int = 100,
        before_seq: int | None = None,
    ) -> list[AuditEntry]:
        below = _FAR if before_seq is None else before_seq
        if request_id is not None:
            return await self._read.audit_of(request_id, kinds, limit, below)
        return await self._read.audit(kinds, limit, below)

    # -- small things

    async def record(self, entry: AuditEntry) -> None:
        await self._run_one(operation("record", rows.from_audit(entry, self._seal)))

    async def save_breaker(self, record: BreakerRecord, entry: AuditEntry | None = None) -> None:
        await self._small.save_breaker(record, entry)

    async def load_breakers(self) -> list[BreakerRecord]:
        return await self._small.load_breakers()

    async def put_document(self, kind: str, key: str, value: JSON, *, at: float) -> None:
        await self._small.put_document(kind, key, codec.encode(value))

    async def get_document(self, kind: str, key: str) -> JSON:
        return await self._small.get_document(kind, key)

    async def list_documents(self, kind: str) -> dict[str, JSON]:
        return await self._small.list_documents(kind)

    async def delete_document(self, kind: str, key: str) -> None:
        await self._small.put_document(kind, key, None)

    async def save_minutes(self, minutes: Sequence[MinuteStat]) -> None:
        await self._small.save_minutes(minutes)

    async def load_minutes(self, *, since: float, until: float | None = None) -> list[MinuteStat]:
        return await self._small.load_minutes(since, until)

    async def prune(self, *, finished_before: float, max_seq: int | None = None, limit: int = 500) -> int:
        newest = _FAR if max_seq is None else max_seq
        (deleted,), _ = await self._run_one(operation("prune", rows.number(finished_before), limit, newest))
        return int(deleted)

    async def prune_audit(self, *, before: float, limit: int = 500) -> AuditAnchor | None:
        (removed, seq, last), _ = await self._run_one(operation("prune_audit", before, limit))
        return AuditAnchor(seq=seq, hash=last, removed=removed) if removed else None

    async def shrink(self) -> bool:
        """The server keeps its memory for what comes next."""
        self._check_open()
        return False

    async def checkpoint(self) -> None:
        """The server writes back by itself."""
        self._check_open()

    async def size_bytes(self) -> int:
        """What the server's memory holds in all; other queues on it included."""
        return await checks.memory_used(self._link)

    async def waiting_bytes(self, *, at_least: int) -> int | None:
        return None  # the server has a limit of its own, `maxmemory`, and refuses what goes beyond it

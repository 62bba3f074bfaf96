"""The front door of the queue: commands, queries, events. Everything a program needs is here."""

from __future__ import annotations

import asyncio
import logging
import random
from array import array
from collections.abc import AsyncIterator, Coroutine, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Any, Literal, Self, TypeVar
from uuid import UUID

import msgspec

from autotask_queue.autotask import AutotaskProcessor
from autotask_queue.engine.assembly import Engine
from autotask_queue.engine.backing_up import back_up
from autotask_queue.engine.breaker_control import BreakerControl
from autotask_queue.engine.bulk import Target
from autotask_queue.engine.bus import Callback, Mailbox
from autotask_queue.engine.clock import SystemClock
from autotask_queue.engine.context import Processors
from autotask_queue.engine.documents import Documents
from autotask_queue.engine.export import ExportFormat, Page, export_text
from autotask_queue.engine.health import health
from autotask_queue.engine.intake import build_request, check_circle
from autotask_queue.engine.monitor import merge_minutes
from autotask_queue.engine.settle import outcome_of
from autotask_queue.model.backup import Backup
from autotask_queue.model.config import (
    PersistenceConfig,
    QueueConfig,
    ZoneConfig,
    build_config,
    config_to_dict,
)
from autotask_queue.model.errors import (
    ConfigError,
    NoProcessor,
    QueueClosed,
    QueueError,
    QueueFull,
    RequestFailed,
)
from autotask_queue.model.events import RequestEnqueued, RequestHeld
from autotask_queue.model.filters import BulkResult, RequestFilter, Selection
from autotask_queue.model.gates import Gate
from autotask_queue.model.metrics import (
    Connectivity,
    ConnectivityState,
    Counters,
    Health,
    MinuteStat,
    QueueMetrics,
)
from autotask_queue.model.request import (
    JSON,
    NORMAL_PRIORITY,
    Attempt,
    AuditEntry,
    Durability,
    OnDuplicate,
    Outcome,
    Receipt,
    Reply,
    Request,
    RequestId,
    RequestRow,
)
from autotask_queue.model.status import Effect, Reason, Status
from autotask_queue.model.strategy import PriorityStrategy, StrategyState
from autotask_queue.ports import Clock, QueueProcessor, Recovery, Secrets, Store
from autotask_queue.store import MemoryStore, RedisStore, SpoolingStore, SqliteStore
from autotask_queue.store.redis.writer import PATIENCE

DEFAULT_ZONE = "default"
SPOOLING_PATIENCE = 2.0
"""Seconds without the server after which a new request is kept on the side, where there is a place for it."""
_AUTOTASK = "autotask"
_T = TypeVar("_T")


class QueueManager:
    """A queue of requests that survives what its backend survives.

    Use it with `async with`, or call `initialize` and `shutdown`. It belongs to the event loop it was
    initialised on. Commands return when they are durable; a command that cannot be done raises a
    `QueueError`, which says what happened and what to do. A failed request is not an error: see `result`.

    Many methods have arguments in common: `request_id` is a request's id; `target` is one id, several, or a
    `Selection`; `query` is a `RequestFilter`, everything if None; `why` and `actor` say in the audit trail
    why something was done and who did it (the queue's own actor if empty); `capacity` is how many events are
    kept for a reader before some are lost.

    Args:
        config: settings; the defaults keep the queue in memory.
        processors: who does the work, by name, asked in this order.
        secrets: where sign-in secrets are; with it, requests to the zones of `config.zones` (and those
            added with `set_zone`) go to Autotask.
        encryption_key: 32 random bytes that encrypt the queue file, or on Redis what people wrote;
            see `new_encryption_key`. A queue in memory keeps nothing that it could encrypt.
        store: a backend of your own in place of the configured one; a key is given to it, not here.
        clock: time, for tests.
        rng: the source of jitter, for tests.
        logger: where to log; "autotask_queue" if None.

    Raises:
        ConfigError: a setting is wrong, or the key is not 32 bytes or given beside a store.
        EncryptionUnavailable: there is a key for a file, and SQLCipher is not installed.
    """

    def __init__(
        self,
        config: QueueConfig | None = None,
        *,
        processors: Mapping[str, QueueProcessor] | None = None,
        secrets: Secrets | None = None,
        encryption_key: bytes | None = None,
        store: Store | None = None,
        clock: Clock | None = None,
        rng: random.Random | None = None,
        logger: logging.Logger | None = None,
    ) -> None:
        if store is not None and encryption_key is not None:
            raise ConfigError(["encryption_key encrypts the configured backend, and another store is given"])
        config = QueueConfig() if config is None else _checked(config)
        clock = clock or SystemClock()
        own = Processors()
        for name, processor in (processors or {}).items():
            own[name] = processor
        self._autotask: AutotaskProcessor | None = None
        if secrets is not None:
            self._autotask = AutotaskProcessor(config.zones, secrets, clock=clock)
            own[_AUTOTASK] = self._autotask
        self._engine = Engine(
            config=config,
            store=store or _open_store(config.persistence, encryption_key),
            clock=clock,
            processors=own,
            logger=logger or logging.getLogger("autotask_queue"),
            rng=rng or random.Random(),
        )

    # -- life

    async def initialize(self, *, send: bool = True) -> Recovery:
        """Opens the queue, recovers what a killed process left, and starts sending.

        Calling it again changes nothing. When it fails, nothing stays open and it can be called again.

        Args:
            send: False only stores and reads; another process, or a later start, sends.

        Raises:
            StoreError: the file is in use, damaged beyond use, read-only, too new, …
            QueueClosed: it was shut down before.
        """
        return await self._engine.start(send=send)

    async def shutdown(self, *, grace: float | None = None) -> None:
        """Stops sending, waits up to `grace` seconds for what is on the wire, and closes the queue.

        A write still unanswered then becomes uncertain: it is looked up, not sent again, next time.
        Calling it again only waits for the first call's end. It goes on to that end though its caller is
        cancelled. Those who wait for results get `QueueClosed`, iterations over events end, and the
        processors' `close` is called. A queue lives once: make a new manager to go on.
        """
        await self._engine.stop(self.config.shutdown_grace if grace is None else grace)

    async def __aenter__(self) -> Self:
        await self.initialize()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.shutdown()

    @property
    def config(self) -> QueueConfig:
        """The settings in force."""
        return self._engine.ctx.config

    @property
    def processors(self) -> Processors:
        """Processors by name. Registering one releases the requests that were held for want of it."""
        return self._engine.ctx.processors

    @property
    def durability(self) -> Durability:
        """What an acknowledged request survives."""
        return self._engine.ctx.store.durability

    @property
    def location(self) -> str:
        """Where the queue is kept, for people."""
        return self._engine.ctx.store.location

    @property
    def is_running(self) -> bool:
        """Whether the queue is open."""
        return self._engine.started

    # -- putting in

    async def submit(
        self,
        endpoint: str,
        method: str = "GET",
        zone: str = DEFAULT_ZONE,
        *,
        priority: int = NORMAL_PRIORITY,
        data: JSON = None,
        headers: Mapping[str, str] | None = None,
        metadata: Mapping[str, JSON] | None = None,
        retryable: bool = True,
        batchable: bool | None = None,
        timeout: float | None = None,
        max_retries: int | None = None,
        scheduled_at: float | None = None,
        expires_at: float | None = None,
        dedup_key: str | None = None,
        on_duplicate: OnDuplicate | Literal["reject", "replace", "keep_first"] = OnDuplicate.REJECT,
        depends_on: Sequence[str] = (),
        base: Mapping[str, JSON] | None = None,
        lane: str | None = None,
        effect: Effect | Literal["read", "write"] | None = None,
        request_id: str | UUID | None = None,
        summary: str = "",
        actor: str = "",
    ) -> Receipt:
        """Stores a request; it is sent when its turn comes. Durable when this returns.

        Args:
            endpoint: path below the zone's API root, such as "/Tickets".
            method: HTTP method.
            zone: the connection's name.
            priority: 1 to 10, 10 first.
            data: the document to send, anything JSON can hold.
            headers: further headers; never secrets.
            metadata: kept with the request, not sent.
            retryable: False fails at the first failure.
            batchable: may share a call with others. Left out, edits (PATCH) of one record that wait right
                behind each other are sent as one where the processor can `merge`, and nothing else is.
            timeout: seconds one attempt may take.
            max_retries: tries after the first.
            scheduled_at: not before this time, seconds since the epoch.
            expires_at: pointless after this time, seconds since the epoch.
            dedup_key: no two unfinished requests have the same.
            on_duplicate: what happens if its `dedup_key` is taken. `reject` refuses it; `replace` cancels the
                other in the same step, unless that may have been sent; `keep_first` stores nothing and
                returns the other's receipt, marked as `duplicate`.
            depends_on: ids that must be completed first.
            base: the edited fields as they were when a person edited them, for conflict detection.
            lane: writes with the same lane go one at a time, in order.
            effect: declares a POST to be a read.
            request_id: your own UUID; submitting the same twice stores one request, whatever is edited since.
            summary: one line for people; made from the request if empty.
            actor: who, for the audit trail.

        Raises:
            InvalidRequest: it could never be sent as it is; every mistake is named.
            DuplicateKey: an unfinished request has its `dedup_key`, and is not, or cannot be, replaced.
            RequestIdTaken: something else was submitted under this `request_id`.
            QueueFull: too many wait already, or what waits takes too much room.
            StoreError: it could not be stored.
        """
        self._check_open()
        request = build_request(
            self._engine.ctx,
            endpoint,
            method,
            zone,
            priority=priority,
            data=data,
            headers=headers,
            metadata=metadata,
            retryable=retryable,
            batchable=batchable,
            timeout=timeout,
            max_retries=max_retries,
            scheduled_at=scheduled_at,
            expires_at=expires_at,
            dedup_key=dedup_key,
            on_duplicate=on_duplicate,
            depends_on=depends_on,
            base=base,
            lane=lane,
            effect=effect,
            request_id=request_id,
            summary=summary,
            actor=actor,
        )
        return await self._finish(self._put(request, own_id=request_id is not None))

    async def _put(self, request: Request, *, own_id: bool) -> Receipt:
        ctx = self._engine.ctx
        place, newest = ctx.store.location, ctx.store.max_seq()
        try:
            await self._engine.room.check(request)
        except QueueFull:
            known = await ctx.store.get(request.id)
            if known is None:
                raise
            return self._receipt(known, duplicate=True)
        if own_id and request.depends_on:
            await check_circle(ctx, request)
        stored = (await ctx.store.enqueue([request], actor=request.actor))[0]
        if isinstance(stored, QueueError):
            raise stored
        self._engine.settler.tell_consequences()
        # A store that has changed places meanwhile counts anew.
        old = stored.seq <= newest and ctx.store.location == place
        duplicate = old or (stored.id, stored.created_at) != (request.id, request.created_at)
        if not duplicate:
            self._announce_new(stored)
        return self._receipt(stored, duplicate=duplicate)

    def _receipt(self, request: Request, *, duplicate: bool) -> Receipt:
        return Receipt(
            id=request.id,
            seq=request.seq,
            durability=self.durability,
            status=request.status,
            duplicate=duplicate,
        )

    async def enqueue(
        self, endpoint: str, method: str = "GET", zone: str = DEFAULT_ZONE, **options: Any
    ) -> Reply:
        """Submits a request and waits for its reply, however long that takes.

        `endpoint`, `method`, `zone` and `options` are as in `submit`.

        A caller who gives up waiting leaves the request in the queue.

        Raises:
            RequestFailed: it ended without success; its `outcome` has the failure.
            NoProcessor: nothing registered can send it; it was not stored.
            QueueClosed: the queue was shut down meanwhile; the request is kept.
            InvalidRequest, DuplicateKey, RequestIdTaken, QueueFull, StoreError: as in `submit`.
        """
        self._check_open()
        ctx = self._engine.ctx
        request = build_request(ctx, endpoint, method, zone, **options)
        if request.reason is Reason.NO_PROCESSOR and await ctx.store.get(request.id) is None:
            raise NoProcessor(f"No processor takes {method} {endpoint} of zone {zone!r}.")
        own_id = options.get("request_id") is not None
        receipt = await self._finish(self._put(request, own_id=own_id))
        outcome = await self._engine.settler.wait(receipt.id)
        if outcome.ok:
            return outcome.reply or Reply()
        failure = outcome.failure
        words = failure.message if failure else f"It was {outcome.status.value}."
        raise RequestFailed(words, outcome=outcome, remedy=failure.remedy if failure else "")

    async def result(self, request_id: str, timeout: float | None = None) -> Outcome:
        """How a request ended. Waits until it has, at most `timeout` seconds; works after a restart too.

        Never raises for a failed request. After `timeout` it tells where the request stands.

        Raises:
            RequestNotFound: there is no such request (any more).
            QueueClosed: the queue was shut down meanwhile; ask again after the next start.
        """
        self._check_open()
        try:
            async with asyncio.timeout(timeout):
                return await self._engine.settler.wait(RequestId(request_id))
        except TimeoutError:
            return outcome_of(await self.get_request(request_id))

    def _announce_new(self, request: Request) -> None:
        bus, now = self._engine.ctx.bus, self._engine.ctx.clock.now()
        bus.publish(RequestEnqueued(at=now, request=request))
        if request.status is Status.HELD:
            bus.publish(RequestHeld(at=now, request=request))
        self._engine.wake()

    # -- looking

    async def get_request(self, request_id: str) -> Request:
        """One request.

        Raises:
            RequestNotFound: there is none with this id.
        """
        self._check_open()
        return await self._engine.commands.get(RequestId(request_id))

    async def get_requests(self, query: RequestFilter | None = None) -> list[Request]:
        """All requests that match, in the filter's order."""
        self._check_open()
        return await self._engine.ctx.store.find(query or RequestFilter())

    async def count(self, query: RequestFilter | None = None) -> int:
        """How many match."""
        self._check_open()
        return await self._engine.ctx.store.count(query or RequestFilter())

    async def index(self, query: RequestFilter | None = None) -> array[int]:
        """The `seq` of all that match, in order: 8 MB a million. For tables over everything."""
        self._check_open()
        return await self._engine.ctx.store.index(query or RequestFilter())

    async def rows(self, seqs: Sequence[int]) -> list[RequestRow]:
        """What a list shows of the requests with these `seqs`; unknown ones are left out."""
        self._check_open()
        return await self._engine.ctx.store.rows(seqs)

    async def export(
        self,
        query: RequestFilter | None = None,
        *,
        form: ExportFormat | Literal["csv", "json", "jsonl"] = ExportFormat.JSONL,
    ) -> AsyncIterator[str]:
        """All requests that match, as text, piece by piece; write the pieces one after the other.

        A page of requests is in memory at a time, however many there are. What is added meanwhile is left
        out. Secrets are masked, as in logs. Write CSV with `newline=""`, for it has line ends of its own.

        Args:
            query: which requests, in which order.
            form: csv, json or jsonl; see `ExportFormat`.

        Raises:
            ValueError: there is no such format.
        """
        self._check_open()
        query, form = query or RequestFilter(), ExportFormat(form)
        store = self._engine.ctx.store

        async def fetch(page: RequestFilter) -> Page:
            newest = store.max_seq()  # what is added while they are read does not belong to it
            return Page(requests=await store.find(page), newest=newest)

        async for text, _ in export_text(fetch, query, form, at=self._engine.ctx.clock.now()):
            yield text

    async def attempts(self, request_id: str) -> list[Attempt]:
        """Every try and lookup of a request, oldest first."""
        self._check_open()
        return await self._engine.ctx.store.attempts(RequestId(request_id))

    async def audit(
        self,
        *,
        request_id: str | None = None,
        kinds: Sequence[str] = (),
        limit: int = 100,
        before_seq: int | None = None,
    ) -> list[AuditEntry]:
        """The audit trail, newest first: at most `limit` entries.

        Args:
            request_id: of one request only.
            kinds: of these kinds only, such as "cancelled".
            limit: how many at most.
            before_seq: older than the entry with this `seq`, for the next page.
        """
        self._check_open()
        own = None if request_id is None else RequestId(request_id)
        return await self._engine.ctx.store.audit(
            request_id=own, kinds=kinds, limit=limit, before_seq=before_seq
        )

    def counters(self) -> Counters:
        """Exact counts by zone, endpoint and status; from memory."""
        return self._engine.ctx.store.counters()

    def selection(self, query: RequestFilter) -> Selection:
        """Everything that matches now; requests that arrive later do not join."""
        return Selection(filter=query, max_seq=self._engine.ctx.store.max_seq())

    # -- commands on requests

    async def cancel_request(self, request_id: str, *, why: str = "", actor: str = "") -> Request:
        """Cancels one request.

        Raises:
            IllegalTransition: it is being sent, may have been sent, or is finished.
            RequestNotFound: there is none with this id.
        """
        self._check_open()
        return await self._finish(
            self._engine.commands.cancel_one(RequestId(request_id), why=why, actor=self._actor(actor))
        )

    async def cancel(self, target: Target, *, why: str = "", actor: str = "") -> BulkResult:
        """Cancels what can be of `target`."""
        self._check_open()
        return await self._finish(self._engine.commands.cancel(target, why=why, actor=self._actor(actor)))

    async def clear(self, zone: str | None = None, *, why: str = "", actor: str = "") -> BulkResult:
        """Cancels everything that waits, of one zone or of all. Nothing on the wire is touched."""
        query = RequestFilter(zone=() if zone is None else (zone,), status=_WAITING)
        return await self.cancel(self.selection(query), why=why or "queue cleared", actor=actor)

    async def restore(self, target: Target, *, why: str = "", actor: str = "") -> BulkResult:
        """Undoes a cancel: the requests are what they were, byte for byte."""
        self._check_open()
        return await self._finish(self._engine.commands.restore(target, why=why, actor=self._actor(actor)))

    async def retry(self, target: Target, *, why: str = "", actor: str = "") -> BulkResult:
        """Queues failed, expired, held and retrying requests again, with all their tries."""
        self._check_open()
        return await self._finish(self._engine.commands.retry(target, why=why, actor=self._actor(actor)))

    async def reprioritise(
        self, target: Target, priority: int, *, why: str = "", actor: str = ""
    ) -> BulkResult:
        """Changes the priority (1 to 10) of what waits."""
        self._check_open()
        return await self._finish(
            self._engine.commands.reprioritise(target, priority, why=why, actor=self._actor(actor))
        )

    async def reschedule(
        self, target: Target, scheduled_at: float | None, *, why: str = "", actor: str = ""
    ) -> BulkResult:
        """Sends what waits at `scheduled_at` (seconds since the epoch), or soon if it is None."""
        self._check_open()
        return await self._finish(
            self._engine.commands.reschedule(target, scheduled_at, why=why, actor=self._actor(actor))
        )

    async def edit(self, request_id: str, *, why: str = "", actor: str = "", **fields: Any) -> Request:
        """Changes a waiting or failed request; a failed one is queued again.

        `fields` are any of: data, endpoint, method, headers, metadata, priority, scheduled_at, expires_at,
        timeout, max_retries, summary.

        Raises:
            InvalidRequest: the new content could never be sent; nothing changed.
            IllegalTransition, RequestNotFound: as in `cancel_request`.
        """
        self._check_open()
        return await self._finish(
            self._engine.commands.edit(
                RequestId(request_id), why=why, actor=self._actor(actor), fields=fields
            )
        )

    async def send_again(self, request_id: str, *, why: str, actor: str = "") -> Request:
        """Sends a write of unknown outcome once more: a person is sure that it did not arrive.

        Raises:
            ReasonRequired, IllegalTransition, RequestNotFound
        """
        self._check_open()
        return await self._finish(
            self._engine.commands.send_again(RequestId(request_id), why=why, actor=self._actor(actor))
        )

    async def mark_sent(
        self, request_id: str, *, why: str, record_id: int | None = None, actor: str = ""
    ) -> Request:
        """Completes a write of unknown outcome: a person found it in Autotask (as `record_id`)."""
        self._check_open()
        return await self._finish(
            self._engine.commands.mark_sent(
                RequestId(request_id), why=why, record_id=record_id, actor=self._actor(actor)
            )
        )

    async def do_not_send(self, request_id: str, *, why: str, actor: str = "") -> Request:
        """Gives up a write of unknown outcome; it is failed from then on."""
        self._check_open()
        return await self._finish(
            self._engine.commands.do_not_send(RequestId(request_id), why=why, actor=self._actor(actor))
        )

    # -- order

    @property
    def priority_strategy(self) -> StrategyState:
        """The strategy in force, and who chose it."""
        return self._engine.ordering.state

    async def set_priority_strategy(
        self, strategy: PriorityStrategy | None, *, why: str = "", actor: str = ""
    ) -> StrategyState:
        """Switches the strategy from the next claim on. Nothing is lost or sent twice by it.

        Kept with the queue: over restarts, and for everybody who shares it.

        Args:
            strategy: fifo, lifo, priority, weighted or adaptive; None goes back to the configured one.
            why: for the audit trail.
            actor: for the audit trail.

        Raises:
            ConfigError: there is no such strategy, or `priority_enabled` is false.
        """
        self._check_open()
        return await self._finish(self._engine.ordering.set(strategy, why=why, actor=self._actor(actor)))

    # -- gates

    async def pause(self, expires_in: float | None = None, *, why: str = "", actor: str = "") -> None:
        """Stops sending for `expires_in` seconds, or until `resume`. Survives a restart."""
        self._check_open()
        await self._finish(self._engine.gates.pause(expires_in, why=why, actor=self._actor(actor)))

    async def resume(self, *, why: str = "", actor: str = "") -> None:
        """Ends a pause."""
        self._check_open()
        await self._finish(self._engine.gates.resume(why=why, actor=self._actor(actor)))

    pause_processing = pause
    resume_processing = resume

    @property
    def is_paused(self) -> bool:
        """Whether a pause is in force."""
        return self._engine.gates.paused is not None

    @property
    def paused_until(self) -> float | None:
        """Seconds since the epoch; None if not paused, or until somebody resumes."""
        paused = self._engine.gates.paused
        return paused.until if paused is not None else None

    async def work_offline(self, *, actor: str = "") -> None:
        """Sends nothing until `work_online`. Survives a restart."""
        self._check_open()
        await self._finish(self._engine.connectivity.work_offline(actor=self._actor(actor)))

    async def work_online(self, *, actor: str = "") -> ConnectivityState:
        """Ends `work_offline` and checks the connection."""
        self._check_open()
        await self._engine.connectivity.work_online(actor=self._actor(actor))
        return self.connectivity

    async def check_connection(self) -> ConnectivityState:
        """Checks the connection now."""
        self._check_open()
        await self._engine.connectivity.check()
        return self.connectivity

    async def send_now(self, *, actor: str = "") -> int:
        """Skips the waits before the next try, and checks the connection if there is none.

        Tells how many requests waited. Never opens a breaker, a hold or a pause.
        """
        self._check_open()
        if self.connectivity.state is Connectivity.OFFLINE:
            await self._engine.connectivity.check()
        count = await self._finish(self._engine.commands.skip_waits(actor=self._actor(actor)))
        self._engine.wake()
        return count

    @property
    def connectivity(self) -> ConnectivityState:
        """What is believed about the network."""
        return self._engine.connectivity.state

    def gates(self) -> tuple[Gate, ...]:
        """Every closed gate; `gate_for` tells which explains a request's wait."""
        return self._engine.gates.for_people()

    @property
    def circuit_breaker(self) -> BreakerControl:
        """The breakers of all zones."""
        return self._engine.control

    # -- numbers

    async def get_metrics(self) -> QueueMetrics:
        """The queue in numbers."""
        self._check_open()
        return await self._engine.monitor.metrics()

    async def get_health(self) -> Health:
        """How the queue is, and which part of it needs what."""
        return health(self._engine)

    async def minutes(self, *, since: float, until: float | None = None) -> list[MinuteStat]:
        """What each minute saw, oldest first, the running one included.

        `since` and `until` are seconds since the epoch; `until` is now if None.
        """
        self._check_open()
        stored = await self._engine.ctx.store.load_minutes(since=since, until=until)
        running = await self._engine.monitor.running_minute()
        return stored if until is not None and until < running.at else merge_minutes(stored, running)

    async def size_bytes(self) -> int:
        """How much room the queue takes."""
        return await self._engine.ctx.store.size_bytes()

    async def backup(self, path: str | Path, *, actor: str = "") -> Backup:
        """Copies the whole queue to the file `path`, while it is in use; nobody waits for it.

        The copy is checked and on the disk when this returns. When its caller is cancelled, or the queue is
        shut down meanwhile, nothing is left of it. The copy of an encrypted queue is encrypted with the same
        key. It holds what customers wrote: keep it as safe as the queue. `restore_backup` puts it back. One
        copy a day is made anyway, beside the queue file, and three are kept
        (`persistence.options.checkpoints`).

        Args:
            path: a file that does not exist yet, or a folder, in which the copy gets a name with the time.
            actor: who, for the audit trail.

        Raises:
            AlreadyThere: there is such a file already.
            StoreUnwritable: it cannot be written, or there is no room.
            StoreDamaged: the queue file is damaged; older copies are not touched.
            BackupUnavailable: the queue is in memory, or on a Redis server.
        """
        self._check_open()
        # No command that must go on to its end: nothing is left of a copy that nobody waits for.
        return await back_up(self._engine.ctx, Path(path), actor=self._actor(actor))

    # -- events

    def on(self, name: str, callback: Callback) -> Any:
        """Calls `callback` for each event called `name` ("*": all); returns a function that ends it.

        Callbacks run on the loop, at once; errors in them are logged and hurt nobody else.

        Raises:
            UnknownEvent: no event has this name.
        """
        return self._engine.ctx.bus.on(name, callback)

    def events(self, capacity: int = 10_000) -> AsyncIterator[Any]:
        """All events from now on. A reader that is too slow gets `EventsLost`."""
        return self._engine.ctx.bus.events(capacity)

    def mailbox(self, capacity: int = 10_000) -> Mailbox:
        """A bounded queue of events for a reader on its own schedule."""
        return self._engine.ctx.bus.mailbox(capacity)

    # -- zones and documents

    @property
    def zones(self) -> Mapping[str, ZoneConfig]:
        """The configured connections."""
        return MappingProxyType(self.config.zones)

    async def set_zone(self, name: str, zone: ZoneConfig) -> None:
        """Adds or changes the connection `name` to `zone`; its secrets must be in `secrets` already.

        Raises:
            NoProcessor: the queue was made without `secrets`.
        """
        if self._autotask is None:
            raise NoProcessor("This queue was made without a place for secrets.")
        self._set_zones({**self.config.zones, name: zone})
        self._autotask.set_zone(name, zone)
        self._engine.gates.sign_in_mended(name)
        if self._engine.started:
            await self._finish(self._engine.commands.release_unprocessed())
            self._engine.wake()

    async def remove_zone(self, name: str) -> None:
        """Forgets a connection. Its requests stay and wait."""
        self._set_zones({k: v for k, v in self.config.zones.items() if k != name})
        if self._autotask is not None:
            self._autotask.remove_zone(name)

    def retry_sign_in(self, zone: str) -> None:
        """Lets a zone try its sign-in again, which was refused."""
        self._engine.gates.sign_in_mended(zone)

    @property
    def documents(self) -> Documents:
        """Small documents kept beside the requests."""
        return self._engine.documents

    def _set_zones(self, zones: dict[str, ZoneConfig]) -> None:
        self._engine.ctx.config = msgspec.structs.replace(self.config, zones=zones)

    def _actor(self, actor: str) -> str:
        return actor or self._engine.ctx.actor

    async def _finish(self, work: Coroutine[Any, Any, _T]) -> _T:
        """A command runs to its end although its caller gives up: what is stored is also announced."""
        return await self._engine.ctx.tasks.finish("command", work)

    def _check_open(self) -> None:
        if not self._engine.started:
            raise QueueClosed("The queue has not been started, or it is shut down.")


def _checked(config: object) -> QueueConfig:
    if not isinstance(config, QueueConfig):
        raise TypeError(f"config must come from create_…_configuration(...), got a {type(config).__name__}")
    return build_config(config_to_dict(config))


def _open_store(persistence: PersistenceConfig, encryption_key: bytes | None) -> Store:
    if persistence.backend == "memory":
        return MemoryStore()
    connection = persistence.connection
    if persistence.backend == "redis":
        server = RedisStore(
            connection.url,
            namespace=connection.namespace,
            lease=persistence.options.lease,
            patience=SPOOLING_PATIENCE if connection.spool_path else PATIENCE,
            compression=persistence.options.compression,
            encryption_key=encryption_key,
        )
        if not connection.spool_path:
            return server
        return SpoolingStore(server, connection.spool_path, encryption_key=encryption_key)
    return SqliteStore(
        connection.db_path, encryption_key=encryption_key, compression=persistence.options.compression
    )


_WAITING = (Status.PENDING, Status.DEFERRED, Status.RETRYING, Status.HELD)

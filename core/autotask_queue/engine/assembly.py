"""Puts the engine's parts together and starts and stops them in the right order."""

from __future__ import annotations

import asyncio
import logging
import random

from autotask_queue.engine.batches import Batches
from autotask_queue.engine.breaker_control import BreakerControl
from autotask_queue.engine.breakers import BreakerBoard
from autotask_queue.engine.bus import EventBus
from autotask_queue.engine.calls import close
from autotask_queue.engine.commands import Commands, system_user
from autotask_queue.engine.connectivity import ConnectivityMonitor
from autotask_queue.engine.context import Context, Processors
from autotask_queue.engine.dispatcher import Dispatcher
from autotask_queue.engine.documents import Documents
from autotask_queue.engine.follower import Follower
from autotask_queue.engine.gates import Gates
from autotask_queue.engine.janitor import Janitor
from autotask_queue.engine.load import LoadMeter
from autotask_queue.engine.monitor import Monitor
from autotask_queue.engine.ordering import Ordering
from autotask_queue.engine.prober import Prober
from autotask_queue.engine.reconciler import Reconciler
from autotask_queue.engine.room import Room
from autotask_queue.engine.runner import Runner
from autotask_queue.engine.settle import Settler
from autotask_queue.engine.slots import Slots
from autotask_queue.engine.supervisor import Supervisor
from autotask_queue.model.config import QueueConfig
from autotask_queue.model.errors import QueueClosed, QueueError, StoreError
from autotask_queue.model.gates import GateKind
from autotask_queue.model.request import AttemptResult, Request
from autotask_queue.model.status import Effect, Reason, Status
from autotask_queue.ports import AttemptRecord, Change, Clock, Recovery, Shared, Store


class Engine:
    """All parts of one queue, wired. It lives once: after `stop` it does not start again."""

    def __init__(
        self,
        *,
        config: QueueConfig,
        store: Store,
        clock: Clock,
        processors: Processors,
        logger: logging.Logger,
        rng: random.Random,
    ) -> None:
        self.ctx = _context(config, store=store, clock=clock, processors=processors, logger=logger, rng=rng)
        self.monitor = Monitor(self.ctx)
        self.board = BreakerBoard(self.ctx, enrich=self.monitor.enrich, slowest=self.monitor.p99)
        self.connectivity = ConnectivityMonitor(self.ctx, zones=self._zones)
        self.gates = Gates(self.ctx, self.board, self.connectivity)
        self.meter = LoadMeter(self.ctx, calls=self.monitor.calls_last_hour)
        self.ordering = Ordering(self.ctx, self.meter)
        self.settler = Settler(self.ctx)
        self.commands = Commands(self.ctx, self.settler)
        self.documents = Documents(self.ctx)
        self.room = Room(self.ctx)
        self.prober = Prober(self.ctx, self.board, self.connectivity)
        self.control = BreakerControl(self.ctx, self.board, self.prober, lambda: self.started)
        self.runner = Runner(
            self.ctx, self.board, self.gates, self.connectivity, self.monitor, self.settler, self.meter
        )
        self.reconciler = Reconciler(self.ctx, self.board, self.gates, self.connectivity, self.settler)
        self.batches = Batches(self.ctx, self.runner)
        self.dispatcher = Dispatcher(
            self.ctx,
            self.board,
            self.gates,
            self.prober,
            self.reconciler,
            self.settler,
            self.batches,
            self.meter,
            self.ordering,
        )
        self.follower = Follower(
            self.ctx,
            self.board,
            self.gates,
            self.connectivity,
            self.ordering,
            self.settler,
            self.commands,
            wake=self.wake,
            is_running=lambda: self.started,
            sends=lambda: self._sending,
        )
        self.started = False
        self._sending = False
        self._recovery = Recovery()
        self._life = asyncio.Lock()
        self._end: asyncio.Task[None] | None = None
        self._wire()

    def _wire(self) -> None:
        for part in (self.board, self.connectivity, self.gates, self.ordering, self.settler, self.ctx.slots):
            part.changed = self.wake
        self.connectivity.back_online = lambda: self.board.try_all("the network is back")
        self.monitor.closed_gate = self._bands
        self.monitor.batch_sizes = self.batches.sizes
        self.ctx.processors.on_change = self._processors_changed
        self.ctx.tasks.storage_failed = self.settler.trouble
        if isinstance(self.ctx.store, Shared):
            self.ctx.store.on_change(self.follower.told)
            self.dispatcher.catch_up = self.follower.catch_up

    def wake(self) -> None:
        """Something may have become possible."""
        self.dispatcher.wake()
        self.reconciler.wake()

    def _zones(self) -> tuple[str, ...]:
        known = set(self.ctx.config.zones) | set(self.ctx.store.counters().by_zone())
        return tuple(sorted(known))

    def _bands(self) -> tuple[bool, bool]:
        kinds = {gate.kind for gate in self.gates.for_people()}
        offline = bool(kinds & {GateKind.OFFLINE, GateKind.WORK_OFFLINE})
        return offline, bool(kinds & {GateKind.MAINTENANCE, GateKind.PAUSED})

    def _processors_changed(self) -> None:
        if self.started:
            self.ctx.tasks.later("release held requests", self.commands.release_unprocessed())
            self.wake()

    # -- life

    async def start(self, *, send: bool = True) -> Recovery:
        """Opens the store, takes up what a dead process left, and starts sending.

        With `send` False nothing is sent: for commands that only put something in or look. Starting what
        runs already changes nothing, but that it may send from now on.

        Raises:
            QueueClosed: it was stopped before; an engine lives once.
            StoreError: the store cannot be opened; it can be tried again.
        """
        async with self._life:
            if self._end is not None:
                raise QueueClosed(
                    "This queue was shut down.", remedy="Make a new QueueManager. What is stored is safe."
                )
            fresh = not self.started
            try:
                if fresh:
                    self._recovery = await self._open()
                if send and not self._sending:
                    await self.commands.release_unprocessed()
                    self._start_services()
            except BaseException:
                if fresh:
                    await self._abandon()
                raise
            return self._recovery

    async def _abandon(self) -> None:
        """The start failed half-way: nothing stays open, and it can be tried again."""
        self.started = False
        await self.ctx.tasks.stop()
        await self.ctx.store.close()

    async def _open(self) -> Recovery:
        recovery = await self.ctx.store.open(now=self.ctx.clock.now())
        await self.board.load()
        await self.connectivity.load()
        await self.gates.load()
        await self.ordering.load()
        self.started = True
        for request in (*recovery.uncertain, *recovery.released):
            self.settler.announce(request)
        return recovery

    def _start_services(self) -> None:
        self._sending = True
        tasks = self.ctx.tasks
        tasks.service("dispatcher", self.dispatcher.run)
        tasks.service("connectivity", self.connectivity.run)
        tasks.service("reconciler", self.reconciler.run)
        tasks.service("monitor", self.monitor.run)
        tasks.service("janitor", Janitor(self.ctx).run)

    async def stop(self, grace: float) -> None:
        """Stops in order: dispatch, what is on the wire, everything else, the store.

        What is still on the wire after `grace` seconds is parked: writes as uncertain, reads as pending.
        It goes on to its end though its caller is cancelled; a second call waits for the first.
        """
        async with self._life:
            if self._end is None:
                if not self.started:
                    return
                self.started = False
                self._end = self.ctx.tasks.detached("shutdown", self._stop(grace))
        await asyncio.shield(self._end)

    async def _stop(self, grace: float) -> None:
        tasks = self.ctx.tasks
        try:
            left = await self.dispatcher.stop(grace)
            await self._park(left)
            await tasks.stop()
            await self.monitor.roll(final=True)
        except StoreError as error:  # opening the file again comes to the same result
            self.ctx.logger.warning("not all could be stored at the end: %s", error.message)
        finally:
            await tasks.stop()
            self.settler.close()
            self.ctx.bus.close()
            await self.ctx.store.close()
            for processor in self.ctx.processors.values():
                await close(processor)

    async def _park(self, requests: list[Request]) -> None:
        now = self.ctx.clock.now()
        known = self.runner.known
        changes = [known.get(request.id) or _parked(request, now) for request in requests]
        for result in await self.ctx.store.apply(changes):
            if not isinstance(result, QueueError):
                self.settler.announce(result)


def _context(
    config: QueueConfig,
    *,
    store: Store,
    clock: Clock,
    processors: Processors,
    logger: logging.Logger,
    rng: random.Random,
) -> Context:
    tasks = Supervisor(clock, logger)
    return Context(
        config=config,
        store=store,
        clock=clock,
        rng=rng,
        bus=EventBus(logger, tasks.spawn),
        tasks=tasks,
        processors=processors,
        actor=config.actor or system_user(),
        logger=logger,
        slots=Slots(config.max_concurrency),
    )


def _parked(request: Request, now: float) -> Change:
    write = request.effect is Effect.WRITE
    return Change(
        id=request.id,
        kind="interrupted",
        at=now,
        actor="queue",
        why="the program ended while it was being sent",
        to=Status.UNCERTAIN if write else Status.PENDING,
        sources=frozenset({Status.PROCESSING}),
        fence=request.fence,
        reason=Reason.INTERRUPTED if write else None,
        reason_text="The program ended while it was being sent." if write else "",
        not_before=now if write else None,
        attempt=AttemptRecord(
            result=AttemptResult.UNKNOWN if write else AttemptResult.FAILED,
            started_at=request.updated_at,
            ended_at=now,
            note="The program ended before the answer came.",
        ),
    )

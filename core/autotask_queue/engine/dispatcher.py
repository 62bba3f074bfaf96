"""Takes what is ready and may be sent, and starts its attempts. One loop, one timer, no polling."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

import msgspec

from autotask_queue.engine.batches import Batch, Batches
from autotask_queue.engine.breakers import BreakerBoard
from autotask_queue.engine.bulk import Bulk
from autotask_queue.engine.clock import wait_for
from autotask_queue.engine.context import Context
from autotask_queue.engine.gates import Gates
from autotask_queue.engine.load import LoadMeter
from autotask_queue.engine.ordering import Ordering
from autotask_queue.engine.prober import Prober
from autotask_queue.engine.reconciler import PAUSES, Reconciler
from autotask_queue.engine.runner import UNCONFIRMED_PAUSE, handed_back
from autotask_queue.engine.settle import Settler
from autotask_queue.model.breaker import BreakerState
from autotask_queue.model.errors import StoreError
from autotask_queue.model.filters import RequestFilter, Selection
from autotask_queue.model.request import Request, RequestRow
from autotask_queue.model.status import Status
from autotask_queue.policy.schedule import BACKGROUND
from autotask_queue.ports import Change, Claim, Claimed, ZoneGate

FIRST_PAUSE, LONGEST_PAUSE = 0.5, 30.0
"""Seconds between tries while the store fails."""
LONGEST_WAIT = 30.0
"""Seconds after which it is looked at the clocks again, while anything waits for a time."""
CLOCK_TOLERANCE = 2.0


async def _nothing() -> None:
    """A store of this process's own brings no news."""


@dataclass(slots=True)
class Dispatcher:
    """Runs until stopped. `wake` says that something may have become possible."""

    ctx: Context
    board: BreakerBoard
    gates: Gates
    prober: Prober
    reconciler: Reconciler
    settler: Settler
    batches: Batches
    meter: LoadMeter
    ordering: Ordering
    _calls: dict[asyncio.Task[None], Batch] = field(default_factory=dict)
    """What is being sent now; requests that share a call count as one."""
    _wake: asyncio.Event = field(default_factory=asyncio.Event)
    catch_up: Callable[[], Awaitable[None]] = field(default=_nothing)
    """Reads what others changed about what may be sent; nothing is awaited from there to the claim."""
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Held while work is claimed: a shutdown waits for what was claimed by then."""
    _offset: float | None = None
    _stopping: bool = False

    def wake(self) -> None:
        """Looks for work again soon; cheap, from anywhere on the loop."""
        self._wake.set()

    async def run(self) -> None:
        """The loop."""
        pause = FIRST_PAUSE
        while not self._stopping:
            self._wake.clear()
            try:
                await self._heed_clock()
                self.board.tick()
                await self.gates.tick()
                self.prober.start_due()
                more = await self._claim()
                pause = FIRST_PAUSE
            except StoreError as error:  # a full disk must not end sending for good
                self.settler.trouble(error)
                await wait_for(self.ctx.clock, self._wake, pause)
                pause = min(LONGEST_PAUSE, pause * 2)
                continue
            if not more:
                await wait_for(self.ctx.clock, self._wake, self._seconds_to_next())

    async def _claim(self) -> bool:
        """Starts what may start; tells whether there may be more."""
        async with self._turn:
            if self._stopping:
                return False
            await self.catch_up()
            free = self.ctx.slots.free
            self.meter.look(self.gates.stopped(), full=free <= 0)
            self.ordering.look()
            running = Counter((batch.lead.zone, batch.lead.entity) for batch in self._calls.values())
            zones = self.gates.for_claim(running)
            zones = {z: gate for z, gate in zones.items() if not self._is_taken(z)}
            due = self.ctx.store.next_due()
            if free <= 0 or not zones:
                zones = {}  # only what time brings: scheduled requests become pending, others expire
                if due is None or due > self.ctx.clock.now():
                    return False
            claimed = await self._claim_and_start(zones, free)
        if not claimed.requests:
            self.prober.start_idle(zones)
            return False
        await asyncio.sleep(0)  # the attempts take their permits before the gates are asked again
        return True

    def _is_taken(self, zone: str) -> bool:
        """Whether the one call that may test a zone belongs to a probe, or to a lookup, not to a write."""
        if self.prober.wants(zone):
            return True
        half_open = self.board.zone(zone).state is BreakerState.HALF_OPEN
        return half_open and self.reconciler.wants(zone)

    async def _claim_and_start(self, zones: dict[str, ZoneGate], free: int) -> Claimed:
        self.ctx.slots.take(free)  # before anything is awaited: lookups want them, too
        unused = free
        try:
            claimed = await self._claim_from(zones, free)
            for batch in await self.batches.form(claimed.requests):
                self._start(batch)
                unused -= 1
        finally:
            self.ctx.slots.give(unused)
        self.settler.tell_consequences()
        return claimed

    async def _claim_from(self, zones: dict[str, ZoneGate], free: int) -> Claimed:
        order = self.ordering.terms()
        allowed = self.ordering.background(order, self.ctx.config.max_concurrency)
        running = sum(batch.lead.priority <= BACKGROUND for batch in self._calls.values())
        claimed = await self.ctx.store.claim(
            Claim(
                now=self.ctx.clock.now(),
                limit=free,
                order=order,
                background=max(0, allowed - running),
                zones=zones,
            )
        )
        self.settler.recovered()
        for request in claimed.expired:
            self.settler.announce(request)
        if self._stopping:
            await self._hand_back(claimed.requests)
            return msgspec.structs.replace(claimed, requests=())
        self.meter.started(claimed.requests)
        return claimed

    async def _hand_back(self, requests: Sequence[Request]) -> None:
        """Returns what was claimed while the shutdown began: it was not sent."""
        now = self.ctx.clock.now()
        why = "the program ended just before it was sent"
        await self.ctx.store.apply([handed_back(r, why, now=now) for r in requests])

    def _start(self, batch: Batch) -> None:
        task = self.ctx.tasks.job(f"attempt {batch.lead.id}", self._run(batch))
        self._calls[task] = batch
        task.add_done_callback(self._ended)

    async def _run(self, batch: Batch) -> None:
        await self.batches.send(batch)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self.ctx.slots.give()
        if not self._stopping:
            del self._calls[task]
        self.wake()

    def _seconds_to_next(self) -> float | None:
        due = self.ctx.store.next_due()
        waits = [self.board.next_time(), self.gates.next_time(), self.ordering.next_time()]
        if due is not None:
            waits.append(due - self.ctx.clock.now())
        known = [w for w in waits if w is not None]
        # A floor: clocks tick coarsely, and a timer that fires a hair early must not spin the loop. A
        # ceiling: most of it is told by the wall clock, which may be set, and goes on while a laptop sleeps.
        return min(LONGEST_WAIT, max(0.01, min(known))) if known else None

    async def _heed_clock(self) -> None:
        """Keeps waits before a next try short when the wall clock was set back, while running or before."""
        offset = self.ctx.clock.now() - self.ctx.clock.monotonic()
        before, self._offset = self._offset, offset
        if before is None or offset < before - CLOCK_TOLERANCE:
            await shorten_waits(self.ctx, self.settler)

    async def stop(self, grace: float) -> list[Request]:
        """Starts nothing more, waits `grace` seconds for what is on the wire and cancels the rest.

        Returns what was not settled: the caller parks it.
        """
        self._stopping = True
        self.wake()
        async with self._turn:
            tasks = set(self._calls)
        if tasks:
            await asyncio.wait(tasks, timeout=grace)
        left = [r for task, batch in self._calls.items() if not task.done() for r in batch.requests]
        await self.ctx.tasks.cancel({t for t in tasks if not t.done()})
        return left


async def shorten_waits(ctx: Context, settler: Settler) -> None:
    """No wait for a next try or a lookup is longer than the longest that is ever given."""
    now = ctx.clock.now()
    longest = {
        Status.RETRYING: ctx.config.strategies.retry.max_delay + UNCONFIRMED_PAUSE,
        Status.UNCERTAIN: max(PAUSES),
    }
    if not ctx.store.counters().count(*longest):
        return

    def change(request: RequestRow) -> Change | None:
        latest = now + longest.get(request.status, float("inf"))
        if request.not_before is None or request.not_before <= latest:
            return None
        return Change(
            id=request.id, kind="wait_shortened", at=now, actor="queue", why="the clock was set back",
            sources=frozenset({request.status}), not_before=latest,
        )  # fmt: skip

    waiting = Selection(filter=RequestFilter(status=tuple(longest)), max_seq=ctx.store.max_seq())
    await Bulk(ctx, settler).each(waiting, change, skipped="")

"""Takes what is ready and may be sent, and starts its attempts. One loop, one timer, no polling."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass, field

from autotask_queue.engine.breakers import BreakerBoard
from autotask_queue.engine.clock import wait_for
from autotask_queue.engine.context import Context
from autotask_queue.engine.gates import Gates
from autotask_queue.engine.prober import Prober
from autotask_queue.engine.runner import Runner
from autotask_queue.engine.settle import Settler
from autotask_queue.model.request import Request, RequestId
from autotask_queue.policy.schedule import STRATEGIES
from autotask_queue.ports import Claim


@dataclass(slots=True)
class Dispatcher:
    """Runs until stopped. `wake` says that something may have become possible."""

    ctx: Context
    board: BreakerBoard
    gates: Gates
    runner: Runner
    prober: Prober
    settler: Settler
    running: dict[RequestId, Request] = field(default_factory=dict)
    """What is being sent now."""
    _tasks: dict[RequestId, asyncio.Task[None]] = field(default_factory=dict)
    _wake: asyncio.Event = field(default_factory=asyncio.Event)
    _stopping: bool = False

    def wake(self) -> None:
        """Looks for work again soon; cheap, from anywhere on the loop."""
        self._wake.set()

    async def run(self) -> None:
        """The loop."""
        while not self._stopping:
            self._wake.clear()
            self.board.tick()
            await self.gates.tick()
            self.prober.start_due()
            if not await self._claim():
                await wait_for(self.ctx.clock, self._wake, self._seconds_to_next())

    async def _claim(self) -> bool:
        """Starts what may start; tells whether there may be more."""
        free = self.ctx.config.max_concurrency - len(self.running)
        running = Counter((r.zone, r.entity) for r in self.running.values())
        zones = self.gates.for_claim(running)
        zones = {z: gate for z, gate in zones.items() if not self.prober.wants(z)}
        now = self.ctx.clock.now()
        due = self.ctx.store.next_due()
        if free <= 0 or not zones:
            zones = {}  # only what time brings: scheduled requests become pending, others expire
            if due is None or due > now:
                return False
        strategy = self.ctx.config.strategies.priority_strategy
        claimed = await self.ctx.store.claim(
            Claim(
                now=now,
                limit=max(0, free),
                strategy=STRATEGIES[strategy if self.ctx.config.priority_enabled else "fifo"],
                zones=zones,
            )
        )
        for request in claimed.expired:
            self.settler.announce(request)
        for request in claimed.requests:
            self._start(request)
        if not claimed.requests:
            self.prober.start_idle(zones)
        return bool(claimed.requests)

    def _start(self, request: Request) -> None:
        self.running[request.id] = request
        task = self.ctx.tasks.job(f"attempt {request.id}", self._run(request))
        self._tasks[request.id] = task
        self.settler.announce(request)

    async def _run(self, request: Request) -> None:
        try:
            await self.runner.run(request)
        finally:
            if not self._stopping:
                self.running.pop(request.id, None)
                self._tasks.pop(request.id, None)
            self.wake()

    def _seconds_to_next(self) -> float | None:
        due = self.ctx.store.next_due()
        waits = [self.board.next_time(), self.gates.next_time()]
        if due is not None:
            waits.append(due - self.ctx.clock.now())
        known = [w for w in waits if w is not None]
        # A floor: clocks tick coarsely, and a timer that fires a hair early must not spin the loop.
        return max(0.01, min(known)) if known else None

    async def stop(self, grace: float) -> list[Request]:
        """Starts nothing more, waits `grace` seconds for what is on the wire and cancels the rest.

        Returns what was cancelled, still processing: the caller parks it.
        """
        tasks = set(self._tasks.values())
        self._stopping = True
        if tasks:
            await asyncio.wait(tasks, timeout=grace)
        left = [self.running[i] for i, t in self._tasks.items() if not t.done()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        return left

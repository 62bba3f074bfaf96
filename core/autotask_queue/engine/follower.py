"""Keeps up with what other processes do to a store that several share.

What they pause or hold is read before the next claim, and the store hands out nothing before that. What they
add, free or finish wakes this process, resolves those who wait for a result here, and is told to everybody.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from autotask_queue.engine.breakers import BreakerBoard
from autotask_queue.engine.commands import Commands
from autotask_queue.engine.connectivity import ConnectivityMonitor
from autotask_queue.engine.context import Context
from autotask_queue.engine.gates import Gates
from autotask_queue.engine.ordering import Ordering
from autotask_queue.engine.settle import Settler
from autotask_queue.model.events import RequestsChanged
from autotask_queue.model.metrics import Counters
from autotask_queue.model.status import Status
from autotask_queue.ports import News

ELSEWHERE = "changed elsewhere"


@dataclass(slots=True)
class Follower:
    """`told` is the store's callback; `catch_up` is called before each claim.

    With a store of this process's own it has nothing to do.
    """

    ctx: Context
    board: BreakerBoard
    gates: Gates
    connectivity: ConnectivityMonitor
    ordering: Ordering
    settler: Settler
    commands: Commands
    wake: Callable[[], None]
    is_running: Callable[[], bool]
    sends: Callable[[], bool]
    _outdated: bool = False
    """Whether controls changed that were not read yet."""
    _looking: bool = False
    _again: bool = False
    _seen: Counters = field(default_factory=Counters)

    def told(self, news: News) -> None:
        """Somebody changed something; cheap, from anywhere on the loop."""
        if news is News.CONTROL:
            self._outdated = True
        if not self.is_running():
            return
        self.wake()
        self._again = True
        if not self._looking:
            self._looking = True
            self.ctx.tasks.later("look what others did", self._look())

    async def catch_up(self) -> None:
        """Reads controls again if anybody changed one."""
        while self._outdated:
            self._outdated = False
            try:
                await self.board.follow()
                await self.gates.follow()
                await self.connectivity.follow()
                await self.ordering.follow()
            except BaseException:
                self._outdated = True
                raise

    async def _look(self) -> None:
        try:
            while self._again and self.is_running():
                self._again = False
                if not self.sends():  # nobody claims here, who would do it first
                    await self.catch_up()
                self.settler.tell_consequences()
                await self._look_at_requests()
        finally:
            self._looking = False

    async def _look_at_requests(self) -> None:
        before, self._seen = self._seen, self.ctx.store.counters()
        if self._seen == before:
            return
        await self.settler.look_again("")
        self.ctx.bus.publish(RequestsChanged(at=self.ctx.clock.now(), count=0, what=ELSEWHERE))
        if self.sends() and self._seen.count(Status.HELD) > before.count(Status.HELD):
            await self.commands.release_unprocessed()

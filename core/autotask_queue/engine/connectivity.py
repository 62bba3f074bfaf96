"""Whether the network works: by evidence, and by hand.

A transport's failure is only a hint; what counts is whether a zone's probe gets an answer. While
offline nothing is sent but that probe, at growing intervals, and no request uses up a try.
"""

from __future__ import annotations

import asyncio
import platform
from collections.abc import Callable

import msgspec

from autotask_queue.engine.calls import ask, whether
from autotask_queue.engine.clock import wait_for
from autotask_queue.engine.context import Context
from autotask_queue.model.events import ConnectivityChanged
from autotask_queue.model.failure import Failure, FailureClass
from autotask_queue.model.metrics import Connectivity, ConnectivityState
from autotask_queue.model.request import AuditEntry
from autotask_queue.ports import Probing, Shared

FIRST_RETRY, LONGEST_RETRY = 5.0, 60.0
"""Seconds between probes while offline; each pause doubles, and is drawn from its upper half."""
PROBE_TIMEOUT = 10.0

_NO_NETWORK = frozenset(
    {
        FailureClass.LOCAL_OFFLINE,
        FailureClass.CONNECT_FAIL,
        FailureClass.TIMEOUT_UNKNOWN,
        FailureClass.PROCESSOR_ERROR,
    }
)
"""No answer came. A probe that fails in a way of its own is not one either."""


class ConnectivityMonitor:
    """Keeps `state`; `back_online` is called after each return of the network."""

    def __init__(self, ctx: Context, *, zones: Callable[[], tuple[str, ...]]) -> None:
        self._ctx = ctx
        self._zones = zones
        self._computer = platform.node()
        self._wake = asyncio.Event()
        self._check: asyncio.Task[None] | None = None
        self._tries = 0
        self.state = ConnectivityState(since=ctx.clock.now())
        self.back_online: Callable[[], None] = lambda: None
        self.changed: Callable[[], None] = lambda: None

    @property
    def may_send(self) -> bool:
        """Whether requests may leave now."""
        return self.state.state is Connectivity.ONLINE

    @property
    def _choice(self) -> str:
        """The document that keeps "work offline"; of a shared queue it is this computer's own choice."""
        shared = isinstance(self._ctx.store, Shared)
        return f"work_offline on {self._computer}" if shared else "work_offline"

    async def follow(self) -> None:
        """Takes over the choice to work offline, or its end, from a queue that several processes share.

        Another process of this computer has made it, or it could not be read at the start.
        """
        chosen = await self._ctx.store.get_document("control", self._choice) is not None
        if chosen and self.state.state is not Connectivity.WORK_OFFLINE:
            self._set(Connectivity.WORK_OFFLINE)
        elif not chosen and self.state.state is Connectivity.WORK_OFFLINE:
            self._set(Connectivity.PROBING)
            self._ctx.tasks.later("work online", self.check())

    async def load(self) -> None:
        """Restores "work offline" as it was when the program ended."""
        saved = await self._ctx.store.get_document("control", self._choice)
        if saved:
            since = float(saved["since"])
            self.state = ConnectivityState(state=Connectivity.WORK_OFFLINE, since=since)

    def saw_answer(self) -> None:
        """A server answered: the network works, whatever was believed."""
        now = self._ctx.clock.now()
        if self.state.state in (Connectivity.OFFLINE, Connectivity.PROBING):
            self._set(Connectivity.ONLINE)
        self.state = msgspec.structs.replace(self.state, last_ok_at=now)

    async def check(self) -> bool:
        """Probes now; several callers share one probe. Tells whether requests may be sent."""
        if self.state.state is Connectivity.WORK_OFFLINE:
            return False
        if self._check is None or self._check.done():
            self._check = self._ctx.tasks.job("connection check", self._probe_all())
        await asyncio.shield(self._check)
        return self.may_send

    async def work_offline(self, *, actor: str) -> None:
        """Stops all sending until `work_online`, also after a restart."""
        if self.state.state is not Connectivity.WORK_OFFLINE:
            now = self._ctx.clock.now()
            await self._ctx.store.put_document("control", self._choice, {"since": now}, at=now)
            await self._audit("work_offline", actor)
            self._set(Connectivity.WORK_OFFLINE)

    async def work_online(self, *, actor: str) -> bool:
        """Ends `work_offline`; tells whether the network answers."""
        if self.state.state is Connectivity.WORK_OFFLINE:
            await self._ctx.tasks.finish("work online", self._end_work_offline(actor))
        return await self.check()

    async def _end_work_offline(self, actor: str) -> None:
        await self._ctx.store.delete_document("control", self._choice)
        await self._audit("work_online", actor)
        self._set(Connectivity.PROBING)

    async def run(self) -> None:
        """Probes again and again while offline."""
        while True:
            self._wake.clear()
            pause: float | None = None
            if self.state.state is Connectivity.OFFLINE and self.state.next_try_at is not None:
                left = self.state.next_try_at - self._ctx.clock.now()
                pause = min(left, LONGEST_RETRY)  # the clock may have been set back
            if not await wait_for(self._ctx.clock, self._wake, pause):
                await self.check()

    async def _probe_all(self) -> None:
        probes = self._probes()
        if not probes:  # nobody can be asked: the attempts themselves are the only evidence
            self._set(Connectivity.ONLINE)
            return
        if self.state.state is Connectivity.OFFLINE:
            self._set(Connectivity.PROBING)
        answers = await asyncio.gather(*(ask(p, p.probe, zone, limit=PROBE_TIMEOUT) for zone, p in probes))
        if self.state.state is Connectivity.WORK_OFFLINE:  # a person decided meanwhile
            return
        dead = [a for a in answers if isinstance(a, Failure) and a.kind in _NO_NETWORK]
        if len(dead) < len(answers):
            self.saw_answer()
            self._set(Connectivity.ONLINE)
            return
        self._tries += 1
        bound = min(LONGEST_RETRY, FIRST_RETRY * 2.0 ** min(self._tries - 1, 8))
        next_try = self._ctx.clock.now() + bound * self._ctx.rng.uniform(0.5, 1.0)
        self._set(Connectivity.OFFLINE, next_try_at=next_try, detail=dead[0].message)

    @property
    def can_check(self) -> bool:
        """Whether there is anybody to ask."""
        return bool(self._probes())

    def _probes(self) -> list[tuple[str, Probing]]:
        probing = [p for p in self._ctx.processors.values() if isinstance(p, Probing)]
        return [(zone, p) for zone in self._zones() for p in probing if whether(p, p.can_probe, zone)]

    def _set(self, to: Connectivity, *, next_try_at: float | None = None, detail: str = "") -> None:
        before = self.state
        since = before.since
        if to is not before.state and not (to in _TROUBLE and before.state in _TROUBLE):
            since = self._ctx.clock.now()
        self.state = ConnectivityState(
            state=to, since=since, next_try_at=next_try_at, last_ok_at=before.last_ok_at, detail=detail
        )
        if to is Connectivity.ONLINE:
            self._tries = 0
        if to is before.state and next_try_at == before.next_try_at:
            return
        self._ctx.bus.publish(ConnectivityChanged(at=self._ctx.clock.now(), connectivity=self.state))
        self._wake.set()
        self.changed()
        if to is Connectivity.ONLINE:
            self.back_online()

    async def _audit(self, kind: str, actor: str) -> None:
        entry = AuditEntry(at=self._ctx.clock.now(), actor=actor, kind=f"connectivity.{kind}")
        await self._ctx.store.record(entry)


_TROUBLE = frozenset({Connectivity.OFFLINE, Connectivity.PROBING})
"""One outage, however often it is probed: `since` stays."""

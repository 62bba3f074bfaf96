"""Finds out what became of writes whose outcome is unknown. It asks; it never sends again.

A write is looked up 5 s, 30 s, 2 min and 5.5 min after its reply was lost. Found once: its record is
adopted. Not found after the last time, or found more than once: a person decides.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeGuard

from autotask_queue.engine.breakers import BreakerBoard
from autotask_queue.engine.clock import wait_for
from autotask_queue.engine.connectivity import ConnectivityMonitor
from autotask_queue.engine.context import Context
from autotask_queue.engine.gates import Gates
from autotask_queue.engine.settle import Settler
from autotask_queue.model.errors import ProcessorError
from autotask_queue.model.failure import Failure
from autotask_queue.model.filters import RequestFilter
from autotask_queue.model.request import Attempt, AttemptKind, AttemptResult, Request
from autotask_queue.model.status import Reason, Status
from autotask_queue.policy.breaker import Permit
from autotask_queue.policy.retry import Signal
from autotask_queue.ports import AttemptRecord, Change, LookupResult, Reconciling

PAUSES = (25.0, 90.0, 210.0)
"""Seconds between lookups that find nothing; the first comes 5 s after the reply was lost."""
AFTER_FAILED_LOOKUP = 30.0


def can_look_up(processor: object, request: Request) -> TypeGuard[Reconciling]:
    """Whether `processor` knows a way to find out what became of `request`."""
    return isinstance(processor, Reconciling) and processor.can_reconcile(request)


@dataclass(slots=True)
class Reconciler:
    """Runs until stopped; looks up one request at a time."""

    ctx: Context
    board: BreakerBoard
    gates: Gates
    connectivity: ConnectivityMonitor
    settler: Settler
    _wake: asyncio.Event = field(default_factory=asyncio.Event)

    def wake(self) -> None:
        """Looks again soon whether something is uncertain."""
        self._wake.set()

    async def run(self) -> None:
        """The loop."""
        while True:
            self._wake.clear()
            pause = None
            if self.ctx.store.counters().count(Status.UNCERTAIN):
                pause = await self._round()
            await wait_for(self.ctx.clock, self._wake, pause)

    async def _round(self) -> float | None:
        """Looks up what is due; tells in how many seconds the next is."""
        open_zones = self.gates.for_lookups()
        waits: list[float] = []
        for request in await self.ctx.store.find(RequestFilter(status=(Status.UNCERTAIN,))):
            if request.zone not in open_zones:
                continue  # the gate's opening wakes this loop
            due = (request.not_before or 0.0) - self.ctx.clock.now()
            if due > 0:
                waits.append(due)
            else:
                await self.look_up(request)
                waits.append(0.0)
        return min(waits, default=None)

    async def look_up(self, request: Request) -> None:
        """Asks once whether `request` arrived, and settles what follows."""
        processor = self.ctx.processors.find(request)
        if not can_look_up(processor, request):
            await self._ask_person(request, "It cannot be looked up in Autotask.", attempt=None)
            return
        permit = self.board.acquire(request.zone, request.entity)
        if permit is None:
            return
        started = self.ctx.clock.now()
        result = await self._ask(processor, request, permit)
        ended = self.ctx.clock.now()
        if isinstance(result, Failure):
            attempt = AttemptRecord(
                kind=AttemptKind.LOOKUP,
                result=AttemptResult.FAILED,
                started_at=started,
                ended_at=ended,
                http_status=result.http_status,
                failure=result,
            )
            await self._later(request, AFTER_FAILED_LOOKUP, result.message, attempt)
            return
        await self._concluded(request, result, started=started, ended=ended)

    async def _ask(self, processor: Reconciling, request: Request, permit: Permit) -> LookupResult | Failure:
        signal = Signal.NEUTRAL
        try:
            result = await processor.reconcile(request)
            signal = Signal.OK
        except ProcessorError as error:
            return error.failure
        finally:
            self.board.release(request.zone, permit, signal)
        return result

    async def _concluded(
        self, request: Request, result: LookupResult, *, started: float, ended: float
    ) -> None:
        attempt = AttemptRecord(
            kind=AttemptKind.LOOKUP,
            result=AttemptResult.FOUND if result.found else AttemptResult.ABSENT,
            started_at=started,
            ended_at=ended,
            note=result.note,
        )
        if result.found and result.matches <= 1:
            await self._adopt(request, result, attempt)
        elif result.matches > 1:
            await self._ask_person(
                request, f"It was found {result.matches} times in Autotask. {result.note}".strip(), attempt
            )
        else:
            absent = _absent(await self.ctx.store.attempts(request.id))
            if absent < len(PAUSES):
                await self._later(request, PAUSES[absent], "Not found in Autotask so far.", attempt)
            else:
                await self._ask_person(
                    request, "It was looked for several times and not found in Autotask.", attempt
                )

    async def _adopt(self, request: Request, result: LookupResult, attempt: AttemptRecord) -> None:
        await self.settler.settle(
            Change(
                id=request.id,
                kind="adopted",
                at=self.ctx.clock.now(),
                actor="queue",
                why=result.note or "found by looking it up; nothing was sent again",
                to=Status.COMPLETED,
                sources=frozenset({Status.UNCERTAIN}),
                fence=request.fence,
                reply=result.reply,
                failure=None,
                reason=None,
                reason_text=result.note,
                not_before=None,
                attempt=attempt,
            )
        )

    async def _later(self, request: Request, seconds: float, text: str, attempt: AttemptRecord) -> None:
        now = self.ctx.clock.now()
        await self.settler.settle(
            Change(
                id=request.id,
                kind="looked_up",
                at=now,
                actor="queue",
                sources=frozenset({Status.UNCERTAIN}),
                fence=request.fence,
                reason=Reason.NOT_FOUND_YET,
                reason_text=text,
                not_before=now + seconds,
                attempt=attempt,
            )
        )

    async def _ask_person(self, request: Request, text: str, attempt: AttemptRecord | None) -> None:
        await self.settler.settle(
            Change(
                id=request.id,
                kind="held",
                at=self.ctx.clock.now(),
                actor="queue",
                why=text,
                to=Status.HELD,
                sources=frozenset({Status.UNCERTAIN}),
                fence=request.fence,
                reason=Reason.CONFIRM,
                reason_text=text,
                not_before=None,
                attempt=attempt,
            )
        )


def _absent(attempts: Sequence[Attempt]) -> int:
    """How often it was looked for in vain since it was last sent."""
    sent = max((a.number for a in attempts if a.kind is AttemptKind.SEND), default=0)
    return sum(a.result is AttemptResult.ABSENT for a in attempts if a.number > sent)

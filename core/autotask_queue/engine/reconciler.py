"""Finds out what became of writes whose outcome is unknown.

A write is looked up 5 s, 30 s, 2 min and 5.5 min after its reply was lost. Found: its record is adopted.
Surely not there although the server can no longer be at it: it did not arrive, and is sent again. That is
the one way back, and the waiting before it is what keeps a slow server from doing it twice: a server finishes
or drops a call within 300 s, and shows a new record within 30 s. It is counted from the moment this process
saw the lost reply, by a clock that no one can set, so that neither a restart, a wrong date nor a laptop's
sleep shortens it. Found more than once, or not to be told: a person decides.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, TypeGuard

import msgspec

from autotask_queue.engine.breakers import BreakerBoard
from autotask_queue.engine.calls import ask, reply_of, unexplained, whether
from autotask_queue.engine.clock import wait_for
from autotask_queue.engine.connectivity import ConnectivityMonitor
from autotask_queue.engine.context import Context
from autotask_queue.engine.gates import Gates
from autotask_queue.engine.merging import merged
from autotask_queue.engine.settle import Settler
from autotask_queue.model.failure import Failure, FailureClass
from autotask_queue.model.filters import RequestFilter
from autotask_queue.model.request import Attempt, AttemptKind, AttemptResult, Reply, Request, RequestId
from autotask_queue.model.status import Reason, Status, queued_status
from autotask_queue.policy.breaker import Permit
from autotask_queue.policy.retry import Signal
from autotask_queue.ports import AttemptRecord, Change, LookupResult, Reconciling

PAUSES = (25.0, 90.0, 210.0)
"""Seconds between lookups that find nothing; the first comes 5 s after the reply was lost."""
AFTER_FAILED_LOOKUP = 30.0
LOOKUP_TIMEOUT = 60.0
BETWEEN_ROUNDS = 1.0
PATIENCE = 330.0
"""Seconds after the start in which a processor may still be registered for what is uncertain."""
QUARANTINE = 330.0
"""Seconds that must have passed in this process before what was not found counts as not arrived."""
LONGEST_WAIT = 30.0
"""Seconds after which it is looked at the clock again."""


def can_look_up(processor: object, request: Request) -> TypeGuard[Reconciling]:
    """Whether `processor` knows a way to find out what became of `request`."""
    return isinstance(processor, Reconciling) and whether(processor, processor.can_reconcile, request)


@dataclass(slots=True)
class Reconciler:
    """Runs until stopped. Zones are looked at side by side, the requests of one zone one after the other."""

    ctx: Context
    board: BreakerBoard
    gates: Gates
    connectivity: ConnectivityMonitor
    settler: Settler
    _wake: asyncio.Event = field(default_factory=asyncio.Event)
    _resting: dict[str, float] = field(default_factory=dict)
    """Until when, in monotonic seconds, a zone that gave no answer is left alone."""
    _patience_ends: float = 0.0
    _seen: dict[tuple[RequestId, int], float] = field(default_factory=dict)
    """When this process first saw an attempt's outcome to be unknown, in monotonic seconds."""
    _merged: dict[RequestId, list[Request]] = field(default_factory=dict)
    """Uncertain edits that went out as part of another, by that one; as of the last round."""
    _next: dict[str, float] = field(default_factory=dict)
    """When the next lookup of a zone is due, in seconds since the epoch; as of the last round."""

    def wake(self) -> None:
        """Looks again soon whether something is uncertain."""
        self._wake.set()

    def wants(self, zone: str) -> bool:
        """Whether a lookup is due in `zone`: it goes before new writes where only one call may go."""
        resting = self._resting.get(zone, 0.0) > self.ctx.clock.monotonic()
        return not resting and self._next.get(zone, float("inf")) <= self.ctx.clock.now()

    async def run(self) -> None:
        """The loop."""
        self._patience_ends = self.ctx.clock.monotonic() + PATIENCE
        while True:
            self._wake.clear()
            pause = None
            if not self.ctx.store.counters().count(Status.UNCERTAIN):
                self._next, self._seen = {}, {}
            else:
                pause = await self._round()
                # Every change anywhere wakes this loop, and a round reads all that is uncertain.
                await self.ctx.clock.sleep(BETWEEN_ROUNDS)
            await wait_for(self.ctx.clock, self._wake, pause)

    async def _round(self) -> float | None:
        """Looks up what is due; tells in how many seconds to look again."""
        uncertain = await self.ctx.store.find(RequestFilter(status=(Status.UNCERTAIN,)))
        self._merged = _by_lead(uncertain)
        # What was merged into another is looked up with it, and shares what becomes of it.
        along = {one.id for members in self._merged.values() for one in members}
        uncertain = [request for request in uncertain if request.id not in along]
        self._next = self._next_by_zone(uncertain)
        mono = self.ctx.clock.monotonic()
        self._seen = {(r.id, r.fence): self._seen.get((r.id, r.fence), mono) for r in uncertain}
        open_zones = self.gates.for_lookups()
        waits: list[float] = []
        due: dict[str, list[Request]] = {}
        for request in uncertain:
            if request.zone not in open_zones or self.board.hold(request.zone, request.entity):
                continue  # the gate's opening wakes this loop
            left = self._seconds_left(request)
            if left > 0:
                waits.append(left)
            else:
                due.setdefault(request.zone, []).append(request)
        if due:
            waits.append(0.0)
            await asyncio.gather(*(self._look_up_all(requests) for requests in due.values()))
        # Not longer than a while: what is due is told by the wall clock, which may be set.
        return min(LONGEST_WAIT, *waits) if waits else None

    def _next_by_zone(self, uncertain: list[Request]) -> dict[str, float]:
        earliest: dict[str, float] = {}
        for request in uncertain:
            held = self.board.hold(request.zone, request.entity) is not None
            if not held and self.ctx.processors.find(request) is not None:
                at = request.not_before or 0.0
                earliest[request.zone] = min(at, earliest.get(request.zone, at))
        return earliest

    def _seconds_left(self, request: Request) -> float:
        """Until `request` is to be looked up."""
        mono = self.ctx.clock.monotonic()
        left = [
            (request.not_before or 0.0) - self.ctx.clock.now(),
            self._resting.get(request.zone, 0.0) - mono,
        ]
        if self._patience_ends > mono and self.ctx.processors.find(request) is None:
            left.append(self._patience_ends - mono)  # it may be registered after the start
        return max(left)

    async def _look_up_all(self, requests: list[Request]) -> None:
        """Looks up what is due in one zone, longest due first, until the zone gives no answer."""
        for request in sorted(requests, key=lambda r: (r.not_before or 0.0, r.seq)):
            if self.board.available(request.zone) <= 0:
                return
            if not await self.look_up(request):
                self._resting[request.zone] = self.ctx.clock.monotonic() + AFTER_FAILED_LOOKUP
                return

    async def look_up(self, request: Request) -> bool:
        """Asks once whether `request` arrived, and settles what follows. False if there was no answer."""
        processor = self.ctx.processors.find(request)
        sent = merged(processor, [request, *self._merged.get(request.id, ())])
        if sent is None or not can_look_up(processor, sent):
            # After a restore, that is the first that a person hears of it.
            before = f"{request.reason_text} " if request.reason is Reason.RESTORED else ""
            await self._ask_person(request, f"{before}It cannot be looked up in Autotask.", attempt=None)
            return True
        async with self.ctx.slots.next():
            permit = self.board.acquire(request.zone, request.entity)
            if permit is None:
                return True
            started = self.ctx.clock.now()
            result = await self._ask(processor, sent, permit)
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
            return result.kind is FailureClass.PROCESSOR_ERROR  # that is one request's, not the zone's
        await self._concluded(request, result, started=started, ended=ended)
        return True

    async def _ask(self, processor: Reconciling, request: Request, permit: Permit) -> LookupResult | Failure:
        signal = Signal.NEUTRAL
        try:
            result: object = await ask(processor, processor.reconcile, request, limit=LOOKUP_TIMEOUT)
            if isinstance(result, LookupResult):
                signal = Signal.OK
        finally:
            self.board.release(request.zone, permit, signal)
        if isinstance(result, LookupResult | Failure):
            return result
        name = type(processor).__name__
        self.ctx.logger.warning("%s.reconcile answered %s", name, type(result).__name__)
        return unexplained(f"{name}.reconcile gave no LookupResult")

    async def _concluded(
        self, request: Request, result: LookupResult, *, started: float, ended: float
    ) -> None:
        if result.found:
            result = await self._unless_anothers(request, result)
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
            await self._not_found(request, result, attempt)

    async def _not_found(self, request: Request, result: LookupResult, attempt: AttemptRecord) -> None:
        absent = _absent(await self.ctx.store.attempts(request.id))
        left = QUARANTINE - (self.ctx.clock.monotonic() - self._seen[request.id, request.fence])
        if absent < len(PAUSES):
            await self._later(request, PAUSES[absent], "Not found in Autotask so far.", attempt)
        elif not result.absent:
            text = f"It was looked for several times and not found in Autotask. {result.note}"
            await self._ask_person(request, text.strip(), attempt)
        elif not request.retryable or request.attempts > request.max_retries:
            await self._ask_person(
                request, "It is not in Autotask, and it may not be sent again by itself.", attempt
            )
        elif left > 0:  # the program was started anew, or the clock was set
            await self._later(request, left, "Not found in Autotask so far.", attempt)
        else:
            await self._send_again(request, attempt)

    async def _unless_anothers(self, request: Request, result: LookupResult) -> LookupResult:
        """`result`, without the records that other creates made: two requests never share one.

        A person's own key may stand in several requests, and the same words in several notes.
        """
        if request.method != "POST":
            return result
        owners = []
        for reply in (result.reply, *result.alternatives):
            owner = None if reply is None or reply.record_id is None else await self._owner(request, reply)
            if owner is None:
                return msgspec.structs.replace(result, reply=reply)
            owners.append(f"{reply.record_id if reply else ''} by {owner}")
        note = f"What is there was made by other requests here: {', '.join(owners)}."
        return LookupResult(found=False, absent=result.absent, note=note)

    async def _owner(self, request: Request, reply: Reply) -> RequestId | None:
        """The other create of this queue that made the record of `reply`, if one did."""
        record = reply.record_id
        query = RequestFilter(
            status=(Status.COMPLETED,), zone=(request.zone,), entity=(request.entity,), text=str(record)
        )
        others = (
            other.id
            for other in await self.ctx.store.find(query)
            if other.record_id == record
            and other.method == "POST"
            and other.id != request.id
            and _collection(other.endpoint) == _collection(request.endpoint)
        )
        return next(others, None)

    async def _adopt(self, request: Request, result: LookupResult, attempt: AttemptRecord) -> None:
        await self._settle(
            request,
            "adopted",
            why=result.note or "found by looking it up; nothing was sent again",
            to=Status.COMPLETED,
            reply=reply_of(result.reply) if result.reply else None,
            failure=None,
            reason=None,
            reason_text=result.note,
            not_before=None,
            attempt=attempt,
        )

    async def _send_again(self, request: Request, attempt: AttemptRecord) -> None:
        await self._settle(
            request,
            "not_arrived",
            why="It is not in Autotask, and Autotask cannot be at it any more: it did not arrive.",
            to=queued_status(request.scheduled_at, now=self.ctx.clock.now()),
            resend=True,
            unchanged_since=request.updated_at,
            failure=None,
            reason=None,
            reason_text="",
            not_before=None,
            attempt=attempt,
        )

    async def _later(self, request: Request, seconds: float, text: str, attempt: AttemptRecord) -> None:
        await self._settle(
            request,
            "looked_up",
            unchanged_since=request.updated_at,
            reason=Reason.NOT_FOUND_YET,
            reason_text=text,
            not_before=self.ctx.clock.now() + seconds,
            attempt=attempt,
        )

    async def _ask_person(self, request: Request, text: str, attempt: AttemptRecord | None) -> None:
        await self._settle(
            request,
            "held",
            why=text,
            to=Status.HELD,
            unchanged_since=request.updated_at,
            reason=Reason.CONFIRM,
            reason_text=text,
            not_before=None,
            attempt=attempt,
        )

    async def _settle(self, request: Request, kind: str, **values: Any) -> None:
        """Changes what is still uncertain after the same attempt.

        All but an adoption name `unchanged_since`: two workers may look at the same time.
        """
        uncertain = frozenset({Status.UNCERTAIN})
        at = self.ctx.clock.now()
        await self.settler.settle(
            Change(
                id=request.id,
                kind=kind,
                at=at,
                actor="queue",
                sources=uncertain,
                fence=request.fence,
                **values,
            )
        )


def _by_lead(uncertain: Sequence[Request]) -> dict[RequestId, list[Request]]:
    ids = {request.id for request in uncertain}
    found: dict[RequestId, list[Request]] = {}
    for request in uncertain:
        if request.merged_into in ids:
            found.setdefault(request.merged_into, []).append(request)
    return found


def _collection(endpoint: str) -> str:
    """What kind of record a create makes: the last part of its path."""
    return endpoint.rstrip("/").rpartition("/")[2].casefold()


def _absent(attempts: Sequence[Attempt]) -> int:
    """How often it was looked for in vain since it was last sent."""
    sent = max((a.number for a in attempts if a.kind is AttemptKind.SEND), default=0)
    return sum(a.result is AttemptResult.ABSENT for a in attempts if a.number > sent)

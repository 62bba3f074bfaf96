"""One attempt of one request: from a claimed, durable intent to a settled row."""

from __future__ import annotations

from dataclasses import dataclass, field

import msgspec

from autotask_queue.engine.breakers import BreakerBoard
from autotask_queue.engine.calls import ask, reply_of
from autotask_queue.engine.connectivity import ConnectivityMonitor
from autotask_queue.engine.context import Context
from autotask_queue.engine.gates import Gates
from autotask_queue.engine.monitor import Monitor
from autotask_queue.engine.reconciler import can_look_up
from autotask_queue.engine.settle import Settler
from autotask_queue.model.failure import Applied, Failure
from autotask_queue.model.request import AttemptResult, Reply, Request, RequestId
from autotask_queue.model.status import Effect, Reason, Status
from autotask_queue.policy.breaker import Permit
from autotask_queue.policy.retry import Signal, Verdict, ZoneEffect, judge
from autotask_queue.policy.wording import last_words
from autotask_queue.ports import AttemptRecord, Change, QueueProcessor

FIRST_LOOKUP = 5.0
"""Seconds after a lost reply until the server is asked for the first time whether the write arrived."""
UNCONFIRMED_PAUSE = 30.0
"""Seconds, at most, between tries of a request whose processor says that there is no network, where nothing
can be asked whether that is so."""


@dataclass(slots=True)
class Runner:
    """Runs attempts. `run` ends with the request settled, whatever the processor did.

    When cancelled it settles nothing: the shutdown parks the request by its fence, as `known` if its
    outcome was known already.
    """

    ctx: Context
    board: BreakerBoard
    gates: Gates
    connectivity: ConnectivityMonitor
    monitor: Monitor
    settler: Settler
    known: dict[RequestId, Change] = field(default_factory=dict)
    """What became of requests, where the store has not taken it yet."""

    async def run(self, request: Request) -> None:
        """Sends `request`, whose status is processing, once."""
        permit = self.board.acquire(request.zone, request.entity)
        if permit is None:  # the gate closed between the claim and now
            await self.hand_back(request, "sending stopped just before it was sent")
            return
        processor = self.ctx.processors.find(request)
        if processor is None:
            self.board.release(request.zone, permit, Signal.NEUTRAL)
            await self._no_processor(request)
            return
        started = self.ctx.clock.now()
        begin = self.ctx.clock.monotonic()
        limit = request.timeout or self.ctx.config.default_timeout
        try:
            outcome: object = await ask(processor, processor.process_request, request, limit=limit)
        except BaseException:
            self.board.release(request.zone, permit, Signal.NEUTRAL)
            raise
        seconds = self.ctx.clock.monotonic() - begin
        if isinstance(outcome, Failure):
            await self._failed(request, processor, permit, outcome, started=started, seconds=seconds)
        else:
            await self._succeeded(request, permit, reply_of(outcome), started=started, seconds=seconds)

    # -- settling

    async def _settle(self, change: Change) -> None:
        self.known[change.id] = change
        await self.settler.settle(change)
        del self.known[change.id]

    async def _succeeded(
        self, request: Request, permit: Permit, reply: Reply, *, started: float, seconds: float
    ) -> None:
        self.board.release(request.zone, permit, Signal.OK)
        self.gates.answered(request.zone)
        self.connectivity.saw_answer()
        self.monitor.attempt(request, ok=True, seconds=seconds)
        await self._settle(
            Change(
                id=request.id,
                kind="completed",
                at=self.ctx.clock.now(),
                actor="queue",
                to=Status.COMPLETED,
                fence=request.fence,
                reply=reply,
                failure=None,
                reason=None,
                reason_text="",
                not_before=None,
                count_attempt=True,
                attempt=AttemptRecord(
                    result=AttemptResult.OK,
                    started_at=started,
                    ended_at=self.ctx.clock.now(),
                    http_status=reply.status_code,
                ),
            )
        )

    async def _failed(
        self,
        request: Request,
        processor: QueueProcessor,
        permit: Permit,
        failure: Failure,
        *,
        started: float,
        seconds: float,
    ) -> None:
        verdict = judge(request, failure, self.ctx.config.strategies.retry, self.ctx.rng)
        self.board.release(request.zone, permit, verdict.signal)
        if verdict.to is Status.UNCERTAIN and not can_look_up(processor, request):
            verdict = msgspec.structs.replace(verdict, to=Status.HELD, reason=Reason.CONFIRM)
        ended = self.ctx.clock.now()
        # If the program ends while the connection is checked, this is what is known.
        self.known[request.id] = self._change(
            request, failure, _without_network(verdict), started=started, ended=ended
        )
        verdict = await self._heed_zone(request, failure, verdict)
        if failure.http_status is not None:
            self.connectivity.saw_answer()
            healthy = verdict.signal is not Signal.FAIL
            self.monitor.attempt(request, ok=False, healthy=healthy, seconds=seconds)
        await self._settle(self._change(request, failure, verdict, started=started, ended=ended))

    def _change(
        self, request: Request, failure: Failure, verdict: Verdict, *, started: float, ended: float
    ) -> Change:
        now = self.ctx.clock.now()
        delay = FIRST_LOOKUP if verdict.to is Status.UNCERTAIN else verdict.delay
        if verdict.to is Status.FAILED:
            failure = last_words(failure)
        return Change(
            id=request.id,
            kind=_kind(verdict.to),
            at=now,
            actor="queue",
            why=failure.message,
            to=verdict.to,
            fence=request.fence,
            failure=failure,
            reason=verdict.reason,
            reason_text=failure.message if verdict.to is not Status.PENDING else "",
            not_before=None if delay is None else now + delay,
            count_attempt=verdict.counts,
            attempt=AttemptRecord(
                result=_result(request, failure),
                started_at=started,
                ended_at=ended,
                http_status=failure.http_status,
                failure=failure,
            ),
        )

    async def _heed_zone(self, request: Request, failure: Failure, verdict: Verdict) -> Verdict:
        """Tells the zone's gates. A try is not used up by a network that is not there."""
        if verdict.zone is ZoneEffect.SIGN_IN:
            self.gates.sign_in_refused(request.zone, failure)
        elif verdict.zone is ZoneEffect.THROTTLED:
            self.gates.throttled(request.zone, failure)
        elif verdict.zone is ZoneEffect.OFFLINE:
            online = await self.connectivity.check()
            if not online:
                return _without_network(verdict)
            if verdict.to is Status.PENDING:  # only this host cannot be reached
                return self._unreachable(request, verdict)
        return verdict

    def _unreachable(self, request: Request, verdict: Verdict) -> Verdict:
        """The processor speaks of no network, and the check did not confirm it."""
        if not self.connectivity.can_check:  # nobody can: then its word counts, and no try is used up
            delay = self.ctx.rng.uniform(0.5, 1.0) * UNCONFIRMED_PAUSE
            return Verdict(to=Status.RETRYING, signal=verdict.signal, delay=delay)
        if request.retryable and request.attempts < request.max_retries:
            return Verdict(to=Status.RETRYING, signal=verdict.signal, delay=5.0, counts=True)
        return Verdict(to=Status.FAILED, signal=verdict.signal, counts=True)

    async def hand_back(self, request: Request, why: str) -> None:
        """Returns what was claimed and surely not sent."""
        await self._settle(handed_back(request, why, now=self.ctx.clock.now()))

    async def _no_processor(self, request: Request) -> None:
        now = self.ctx.clock.now()
        await self._settle(
            Change(
                id=request.id,
                kind="held",
                at=now,
                actor="queue",
                to=Status.HELD,
                fence=request.fence,
                reason=Reason.NO_PROCESSOR,
                reason_text="Nothing here can send this request.",
                attempt=AttemptRecord(result=AttemptResult.NOT_SENT, started_at=now, ended_at=now),
            )
        )


def handed_back(request: Request, why: str, *, now: float) -> Change:
    """The change of a request that was claimed and surely not sent."""
    return Change(
        id=request.id,
        kind="returned",
        at=now,
        actor="queue",
        why=why,
        to=Status.PENDING,
        fence=request.fence,
        attempt=AttemptRecord(result=AttemptResult.NOT_SENT, started_at=now, ended_at=now),
    )


def _without_network(verdict: Verdict) -> Verdict:
    """What a failure means if it was the network's: what surely did not arrive waits, whole."""
    if verdict.zone is ZoneEffect.OFFLINE and verdict.to in (Status.RETRYING, Status.FAILED):
        return Verdict(to=Status.PENDING, signal=verdict.signal)
    return verdict


def _result(request: Request, failure: Failure) -> AttemptResult:
    if failure.applied is not Applied.NO and request.effect is Effect.WRITE:
        return AttemptResult.UNKNOWN
    if failure.http_status is None and failure.applied is Applied.NO:
        return AttemptResult.NOT_SENT
    return AttemptResult.FAILED


def _kind(status: Status) -> str:
    return "returned" if status is Status.PENDING else status.value

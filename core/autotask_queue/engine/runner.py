"""One attempt of one request: from a claimed, durable intent to a settled row.

The only place where a processor's exceptions are met; past it a failure is data.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from autotask_queue.engine.breakers import BreakerBoard
from autotask_queue.engine.connectivity import ConnectivityMonitor
from autotask_queue.engine.context import Context
from autotask_queue.engine.gates import Gates
from autotask_queue.engine.monitor import Monitor
from autotask_queue.engine.reconciler import can_look_up
from autotask_queue.engine.settle import Settler
from autotask_queue.model.errors import ProcessorError
from autotask_queue.model.failure import Applied, Failure, FailureClass
from autotask_queue.model.request import AttemptResult, Reply, Request
from autotask_queue.model.status import Effect, Reason, Status
from autotask_queue.policy.breaker import Permit
from autotask_queue.policy.retry import Signal, Verdict, ZoneEffect, judge
from autotask_queue.ports import AttemptRecord, Change, QueueProcessor

FIRST_LOOKUP = 5.0
"""Seconds after a lost reply until the server is asked for the first time whether the write arrived."""


@dataclass(slots=True)
class Runner:
    """Runs attempts. `run` ends with the request settled, whatever the processor did.

    When cancelled before the processor returned, it settles nothing: the shutdown parks the request by
    its fence.
    """

    ctx: Context
    board: BreakerBoard
    gates: Gates
    connectivity: ConnectivityMonitor
    monitor: Monitor
    settler: Settler

    async def run(self, request: Request) -> None:
        """Sends `request`, whose status is processing, once."""
        permit = self.board.acquire(request.zone, request.entity)
        if permit is None:  # the gate closed between the claim and now
            await self._hand_back(request)
            return
        processor = self.ctx.processors.find(request)
        if processor is None:
            self.board.release(request.zone, permit, Signal.NEUTRAL)
            await self._no_processor(request)
            return
        started = self.ctx.clock.now()
        begin = self.ctx.clock.monotonic()
        try:
            outcome = await self._call(processor, request)
        except BaseException:
            self.board.release(request.zone, permit, Signal.NEUTRAL)
            raise
        seconds = self.ctx.clock.monotonic() - begin
        if isinstance(outcome, Failure):
            await self._failed(request, processor, permit, outcome, started=started, seconds=seconds)
        else:
            await self._succeeded(request, permit, outcome, started=started, seconds=seconds)

    async def _call(self, processor: QueueProcessor, request: Request) -> Reply | Failure:
        limit = request.timeout or self.ctx.config.default_timeout
        try:
            async with asyncio.timeout(limit):
                result = await processor.process_request(request)
        except ProcessorError as error:
            return error.failure
        except TimeoutError:
            return _timed_out(limit)
        except Exception as error:
            self.ctx.logger.warning(
                "processor %s raised %s for %s", type(processor).__name__, type(error).__name__, request.id
            )
            return _unexplained(error)
        return result if isinstance(result, Reply) else Reply(body=result)

    # -- settling

    async def _succeeded(
        self, request: Request, permit: Permit, reply: Reply, *, started: float, seconds: float
    ) -> None:
        self.board.release(request.zone, permit, Signal.OK)
        self.gates.answered(request.zone)
        self.connectivity.saw_answer()
        self.monitor.attempt(request, ok=True, seconds=seconds)
        await self.settler.settle(
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
        verdict = await self._heed_zone(request, failure, verdict)
        if verdict.to is Status.UNCERTAIN and not can_look_up(processor, request):
            verdict = Verdict(to=Status.HELD, signal=verdict.signal, reason=Reason.CONFIRM, counts=True)
        if failure.http_status is not None:
            self.connectivity.saw_answer()
            healthy = verdict.signal is not Signal.FAIL
            self.monitor.attempt(request, ok=False, healthy=healthy, seconds=seconds)
        now = self.ctx.clock.now()
        delay = FIRST_LOOKUP if verdict.to is Status.UNCERTAIN else verdict.delay
        await self.settler.settle(
            Change(
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
                    ended_at=now,
                    http_status=failure.http_status,
                    failure=failure,
                ),
            )
        )

    async def _heed_zone(self, request: Request, failure: Failure, verdict: Verdict) -> Verdict:
        """Tells the zone's gates. A try is not used up by a network that is not there."""
        if verdict.zone is ZoneEffect.SIGN_IN:
            self.gates.sign_in_refused(request.zone, failure)
        elif verdict.zone is ZoneEffect.THROTTLED:
            self.gates.throttled(request.zone, failure)
        elif verdict.zone is ZoneEffect.OFFLINE:
            online = await self.connectivity.check()
            if not online and verdict.to in (Status.RETRYING, Status.FAILED):
                return Verdict(to=Status.PENDING, signal=verdict.signal)
            if online and verdict.to is Status.PENDING:  # only this host cannot be reached
                tries = request.attempts + 1
                if request.retryable and tries <= request.max_retries:
                    return Verdict(to=Status.RETRYING, signal=verdict.signal, delay=5.0, counts=True)
                return Verdict(to=Status.FAILED, signal=verdict.signal, counts=True)
        return verdict

    async def _hand_back(self, request: Request) -> None:
        now = self.ctx.clock.now()
        await self.settler.settle(
            Change(
                id=request.id,
                kind="returned",
                at=now,
                actor="queue",
                why="sending stopped just before it was sent",
                to=Status.PENDING,
                fence=request.fence,
                attempt=AttemptRecord(result=AttemptResult.NOT_SENT, started_at=now, ended_at=now),
            )
        )

    async def _no_processor(self, request: Request) -> None:
        now = self.ctx.clock.now()
        await self.settler.settle(
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


def _result(request: Request, failure: Failure) -> AttemptResult:
    if failure.applied is not Applied.NO and request.effect is Effect.WRITE:
        return AttemptResult.UNKNOWN
    if failure.http_status is None and failure.applied is Applied.NO:
        return AttemptResult.NOT_SENT
    return AttemptResult.FAILED


def _kind(status: Status) -> str:
    return "returned" if status is Status.PENDING else status.value


def _timed_out(limit: float) -> Failure:
    return Failure(
        kind=FailureClass.TIMEOUT_UNKNOWN,
        code="timeout",
        title="No answer in time",
        message=f"There was no answer within {limit:g} s.",
        remedy="It is tried again, or looked up, by itself.",
        applied=Applied.UNKNOWN,
    )


def _unexplained(error: Exception) -> Failure:
    return Failure(
        kind=FailureClass.PROCESSOR_ERROR,
        code="processor_exception",
        title="The processor failed",
        message="The program part that sends this request failed in an unexpected way.",
        remedy="See the details; a write is not sent again before its outcome is known.",
        applied=Applied.UNKNOWN,
        detail=f"{type(error).__name__}: {error}",
    )

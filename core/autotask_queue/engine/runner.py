"""One attempt of one request: from a claimed, durable intent to a settled row."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import msgspec

from autotask_queue.engine.breakers import BreakerBoard
from autotask_queue.engine.calls import ask, reply_of
from autotask_queue.engine.connectivity import ConnectivityMonitor
from autotask_queue.engine.context import Context
from autotask_queue.engine.gates import Gates
from autotask_queue.engine.load import LoadMeter
from autotask_queue.engine.monitor import Monitor
from autotask_queue.engine.reconciler import can_look_up
from autotask_queue.engine.settle import Settler
from autotask_queue.model.failure import Applied, Failure, FailureClass
from autotask_queue.model.request import AttemptResult, Reply, Request, RequestId
from autotask_queue.model.status import Effect, Reason, Status
from autotask_queue.policy.batching import is_one_requests
from autotask_queue.policy.breaker import Permit
from autotask_queue.policy.budget import RetryBudget, cost_of
from autotask_queue.policy.retry import Signal, Verdict, ZoneEffect, judge
from autotask_queue.policy.wording import last_words
from autotask_queue.ports import AttemptRecord, Change, QueueProcessor

FIRST_LOOKUP = 5.0
"""Seconds after a lost reply until the server is asked for the first time whether the write arrived."""
LATEST_LOOKUP = 120.0
"""Seconds for which a server may put off that first question by its `Retry-After`."""
UNCONFIRMED_PAUSE = 30.0
"""Seconds, at most, between tries of a request whose processor says that there is no network, where nothing
can be asked whether that is so."""

_NOT_THE_SERVERS = frozenset({FailureClass.LOCAL_OFFLINE, FailureClass.CONNECT_FAIL})
"""Answers of what stands between: a Wi-Fi's sign-in page, a proxy."""
WHY_STOPPED = "sending stopped just before it was sent"
STOPPED = Failure(
    kind=FailureClass.CANCELLED,
    code="stopped",
    title="Not sent",
    message="Sending stopped just before it was sent.",
    remedy="It is sent when sending goes on.",
)
"""How a call ends for which the zone gave no permit."""


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
    meter: LoadMeter
    known: dict[RequestId, Change] = field(default_factory=dict)
    """What became of requests, where the store has not taken it yet."""
    _budgets: dict[str, RetryBudget] = field(default_factory=dict)

    async def admit(self, requests: Sequence[Request], *, paid: bool = True) -> Permit | None:
        """A permit for one call with these requests, or None: then they are back in the queue.

        With `paid` False it belongs to a call that the zone's retry budget has seen already.
        """
        lead = requests[0]
        now, mono = self.ctx.clock.now(), self.ctx.clock.monotonic()
        budget = self._budgets.setdefault(lead.zone, RetryBudget(mono))
        cost = cost_of(lead) if paid else 0.0
        longest = self.ctx.config.strategies.retry.max_delay
        wait = budget.wait(lead.id, cost, mono, longest=longest) if cost else 0.0
        if wait > 0:
            await self.settle(*(_put_off(r, until=now + wait, now=now) for r in requests))
            return None
        permit = self.board.acquire(lead.zone, lead.entity)
        if permit is None:  # the gate closed between the claim and now
            await self.settle(*(handed_back(r, WHY_STOPPED, now=now) for r in requests))
        elif cost:
            budget.spend(cost, mono)
        elif paid:
            budget.earn(mono)
        return permit

    async def run(
        self, request: Request, *, paid: bool = True, merged: Request | None = None, note: str = ""
    ) -> Failure | None:
        """Sends `request`, whose status is processing, once; how that failed, if it did.

        With `merged`, that is sent in its place, for it and for the edits that are merged into it. `note` is
        about the attempt.
        """
        permit = await self.admit([request], paid=paid)
        if permit is None:
            return STOPPED
        processor = self.ctx.processors.find(request)
        if processor is None:
            self.board.release(request.zone, permit, Signal.NEUTRAL)
            await self._no_processor(request)
            return None
        started = self.ctx.clock.now()
        begin = self.ctx.clock.monotonic()
        limit = request.timeout or self.ctx.config.default_timeout
        try:
            sent = merged or request
            outcome: object = await ask(processor, processor.process_request, sent, limit=limit)
        except BaseException:
            self.board.release(request.zone, permit, Signal.NEUTRAL)
            raise
        seconds = self.ctx.clock.monotonic() - begin
        if isinstance(outcome, Failure):
            if merged is not None and is_one_requests(outcome, request.effect):
                await self._take_apart(request, permit, outcome, started=started, seconds=seconds)
                return outcome
            await self._failed(sent, processor, permit, outcome, started=started, seconds=seconds, note=note)
            return outcome
        self.answered(request, permit, seconds=seconds)
        await self.settle(self.completed(request, reply_of(outcome), started=started, note=note))
        return None

    # -- settling

    async def settle(self, *changes: Change) -> None:
        """Stores what became of requests; known to a shutdown from now on."""
        self.known.update({change.id: change for change in changes})
        await self.settler.settle(*changes)
        for change in changes:
            del self.known[change.id]

    def answered(self, request: Request, permit: Permit, *, seconds: float) -> None:
        """A call went well."""
        self.board.release(request.zone, permit, Signal.OK)
        self.gates.answered(request.zone)
        self.connectivity.saw_answer()
        self.monitor.attempt(request, ok=True, seconds=seconds)

    def completed(self, request: Request, reply: Reply, *, started: float, note: str = "") -> Change:
        """The change of a request that is done."""
        return Change(
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
                note=note,
            ),
        )

    async def _take_apart(
        self, request: Request, permit: Permit, failure: Failure, *, started: float, seconds: float
    ) -> None:
        """Merged edits were refused, perhaps because of one of them: each is sent by itself."""
        self.not_answered(request, permit, failure, Signal.NEUTRAL, seconds=seconds)
        await self.settle(taken_apart(request, failure, started=started, now=self.ctx.clock.now()))

    async def _failed(
        self,
        request: Request,
        processor: QueueProcessor,
        permit: Permit,
        failure: Failure,
        *,
        started: float,
        seconds: float,
        note: str,
    ) -> None:
        outage = self.board.opened_since(request.zone, permit)
        verdict = self.verdict(request, processor, failure, self.ctx.rng, outage=outage)
        self.not_answered(request, permit, failure, verdict.signal, seconds=seconds)
        await self.settle_failed({request.id: (request, verdict)}, failure, started=started, note=note)

    def not_answered(
        self, request: Request, permit: Permit, failure: Failure, signal: Signal, *, seconds: float
    ) -> None:
        """A call failed."""
        self.board.release(request.zone, permit, signal)
        self.meter.failed(request.zone, failure)
        if failure.http_status is not None:
            if failure.kind not in _NOT_THE_SERVERS:
                self.connectivity.saw_answer()
            self.monitor.attempt(request, ok=False, healthy=signal is not Signal.FAIL, seconds=seconds)

    def verdict(
        self, request: Request, processor: object, failure: Failure, rng: random.Random, *, outage: bool
    ) -> Verdict:
        """What follows for a request; `outage` as in `judge`."""
        verdict = judge(request, failure, self.ctx.config.strategies.retry, rng, outage=outage)
        if verdict.to is Status.UNCERTAIN and not can_look_up(processor, request):
            verdict = msgspec.structs.replace(verdict, to=Status.HELD, reason=Reason.CONFIRM)
        return verdict

    async def settle_failed(
        self,
        judged: Mapping[RequestId, tuple[Request, Verdict]],
        failure: Failure,
        *,
        started: float,
        note: str = "",
    ) -> None:
        """Settles all requests of a call that failed."""
        ended = self.ctx.clock.now()

        def change(request: Request, verdict: Verdict) -> Change:
            return self.change_after(request, failure, verdict, started=started, ended=ended, note=note)

        # If the program ends while the connection is checked, this is what is known.
        self.known.update({i: change(r, _without_network(v)) for i, (r, v) in judged.items()})
        first, verdict = next(iter(judged.values()))
        online = await self._tell_zone(first, failure, verdict)
        await self.settle(*(change(r, self._adjusted(r, v, online)) for r, v in judged.values()))

    def change_after(
        self,
        request: Request,
        failure: Failure,
        verdict: Verdict,
        *,
        started: float,
        ended: float,
        note: str = "",
    ) -> Change:
        """The change of a request after a failure."""
        now = self.ctx.clock.now()
        delay = verdict.delay
        if verdict.to is Status.UNCERTAIN:
            delay = max(FIRST_LOOKUP, min(failure.retry_after or 0.0, LATEST_LOOKUP))
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
                note=note,
            ),
        )

    async def _tell_zone(self, request: Request, failure: Failure, verdict: Verdict) -> bool | None:
        """Tells the zone's gates; whether there is a network, where that was the question."""
        if verdict.zone is ZoneEffect.SIGN_IN:
            self.gates.sign_in_refused(request.zone, failure)
        elif verdict.zone is ZoneEffect.THROTTLED:
            self.gates.throttled(request.zone, failure)
        elif verdict.zone is ZoneEffect.OFFLINE:
            return await self.connectivity.check()
        return None

    def _adjusted(self, request: Request, verdict: Verdict, online: bool | None) -> Verdict:
        """A try is not used up by a network that is not there."""
        if verdict.zone is not ZoneEffect.OFFLINE or online is None:
            return verdict
        if not online:
            return _without_network(verdict)
        # Otherwise only this host cannot be reached.
        return self._unreachable(request, verdict) if verdict.to is Status.PENDING else verdict

    def _unreachable(self, request: Request, verdict: Verdict) -> Verdict:
        """The processor speaks of no network, and the check did not confirm it."""
        if not self.connectivity.can_check:  # nobody can: then its word counts, and no try is used up
            delay = self.ctx.rng.uniform(0.5, 1.0) * UNCONFIRMED_PAUSE
            return Verdict(to=Status.RETRYING, signal=verdict.signal, delay=delay)
        if request.retryable and request.attempts < request.max_retries:
            return Verdict(to=Status.RETRYING, signal=verdict.signal, delay=5.0, counts=True)
        return Verdict(to=Status.FAILED, signal=verdict.signal, counts=True)

    async def _no_processor(self, request: Request) -> None:
        now = self.ctx.clock.now()
        await self.settle(
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


def taken_apart(request: Request, failure: Failure, *, started: float, now: float) -> Change:
    """The change of an edit, and of those merged into it, that surely changed nothing together."""
    return Change(
        id=request.id,
        kind="taken_apart",
        at=now,
        actor="queue",
        why=failure.message,
        to=Status.PENDING,
        fence=request.fence,
        apart=True,
        attempt=AttemptRecord(
            result=AttemptResult.FAILED,
            started_at=started,
            ended_at=now,
            http_status=failure.http_status,
            failure=failure,
            note="Refused together with other edits; each is sent by itself now.",
        ),
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


def _put_off(request: Request, *, until: float, now: float) -> Change:
    """The change of a retry for which the zone has no room now. It uses up no try."""
    why = "Many requests are being repeated, so this one waits for its turn. Nothing was sent."
    return Change(
        id=request.id,
        kind=Status.RETRYING.value,
        at=now,
        actor="queue",
        why=why,
        to=Status.RETRYING,
        fence=request.fence,
        reason_text=why,
        not_before=until,
        attempt=AttemptRecord(result=AttemptResult.NOT_SENT, started_at=now, ended_at=now, note=why),
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

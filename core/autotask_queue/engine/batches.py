"""Requests that share a call: who goes together, how long the first waits, and what becomes of each."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from autotask_queue.engine.calls import ask, failure_of, reply_of, unexplained
from autotask_queue.engine.clock import wait_for
from autotask_queue.engine.context import Context
from autotask_queue.engine.merging import merged, merges
from autotask_queue.engine.runner import STOPPED, WHY_STOPPED, Runner, handed_back, taken_apart
from autotask_queue.model.breaker import BreakerState
from autotask_queue.model.errors import ProcessorError, StoreError
from autotask_queue.model.events import BatchCompleted, BatchCreated, BatchFailed, BatchProcessing
from autotask_queue.model.failure import Applied, Failure, FailureClass
from autotask_queue.model.request import Request, RequestId
from autotask_queue.model.status import Effect
from autotask_queue.policy.batching import Size, bisect, is_one_requests, linger
from autotask_queue.policy.retry import Signal, Verdict
from autotask_queue.policy.wording import WORDS
from autotask_queue.ports import Batching, Change, Companions, Merging

Key = tuple[str, str, str]


@dataclass(slots=True, eq=False)
class Batch:
    """Requests that share a call; most often one. `processor` is None where it cannot share.

    With `merges` they are edits of one record: the others are merged into the first.
    """

    requests: list[Request]
    processor: Batching | Merging | None = None
    merges: bool = False
    full: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def lead(self) -> Request:
        return self.requests[0]


class Batches:
    """Puts batches together and sends them. A batch is one call: one permit, one slot."""

    def __init__(self, ctx: Context, runner: Runner) -> None:
        self._ctx = ctx
        self._runner = runner
        self._sizes: dict[tuple[str, str], Size] = {}
        self._lingering: dict[Key, Batch] = {}

    def sizes(self) -> dict[str, int]:
        """How many requests may share a call now, by zone and endpoint."""
        return {f"{zone}/{entity}": size.now for (zone, entity), size in self._sizes.items()}

    def _size(self, lead: Request) -> Size:
        key = (lead.zone, lead.entity)
        if key not in self._sizes:
            self._sizes[key] = Size(self._ctx.config.max_batch_size)
        return self._sizes[key]

    # -- putting together

    async def form(self, claimed: Sequence[Request]) -> list[Batch]:
        """The calls to be made for what was claimed; others that are ready go along."""
        formed: list[Batch] = []
        latest = dict(self._lingering)
        for request in claimed:
            key = self._key(request)
            batch = latest.get(key) if key is not None else None
            if batch is not None and self._has_room(batch, request):
                self._add(batch, [request])
                if self._wait(request) <= 0:  # nobody makes a person wait who joins a batch in the background
                    batch.full.set()
                continue
            batch = Batch([request]) if key is None else self._first(request)
            formed.append(batch)
            self._runner.settler.announce(request)
            if key is not None and batch.processor and not batch.merges:
                latest[key] = batch
        for batch in formed:
            await self._fill(batch)
        return formed

    def _key(self, request: Request) -> Key | None:
        half_open = self._runner.board.zone(request.zone).state is BreakerState.HALF_OPEN
        if request.batch is None or half_open or not self._ctx.config.batching_enabled:
            return None  # a zone that is being tested gets one request
        return request.zone, request.entity, request.batch

    def _first(self, request: Request) -> Batch:
        processor: object = self._ctx.processors.find(request)
        if isinstance(processor, Merging) and merges(processor, request):
            return Batch([request], processor, merges=True)
        return Batch([request], processor if isinstance(processor, Batching) else None)

    def _room(self, batch: Batch) -> int:
        return self._size(batch.lead).for_lead(batch.lead) - len(batch.requests)

    def _has_room(self, batch: Batch, request: Request) -> bool:
        return request.attempts <= batch.lead.attempts and self._room(batch) > 0

    def _add(self, batch: Batch, requests: Sequence[Request]) -> None:
        batch.requests += requests
        for request in requests:
            self._runner.settler.announce(request)
        if self._room(batch) <= 0:
            batch.full.set()

    async def _fill(self, batch: Batch) -> None:
        """Takes what else is ready and may go along."""
        room = self._room(batch)
        if batch.processor is None or room <= 0:
            return
        now = self._ctx.clock.now()
        wanted = Companions(now=now, lead=batch.lead, limit=room, merge=batch.merges)
        try:
            self._add(batch, await self._ctx.store.join(wanted))
        except StoreError as error:  # those that are claimed are sent all the same
            self._runner.settler.trouble(error)

    # -- sending

    async def send(self, batch: Batch) -> None:
        """Sends a batch; every request of it is settled afterwards."""
        await self._wait_for_company(batch)
        processor = batch.processor
        if processor is None or len(batch.requests) == 1:
            await self._runner.run(batch.lead)
            return
        self._publish(BatchCreated, batch.requests)
        if batch.merges:
            await self._send_merged(batch, processor)
            return
        assert isinstance(processor, Batching)  # noqa: S101 - see `_first`
        await _Sending(self._ctx, self._runner, self._size(batch.lead), processor, batch.requests).run()

    async def _send_merged(self, batch: Batch, processor: object) -> None:
        """Sends edits of one record as one; the store gives the others what becomes of the first."""
        lead, ctx = batch.lead, self._ctx
        ids = tuple(request.id for request in batch.requests)
        one = merged(processor, batch.requests)
        if one is None:
            no_document = unexplained(f"{type(processor).__name__}.merge gave no document")
            now = ctx.clock.now()
            await self._runner.settle(taken_apart(lead, no_document, started=now, now=now))
            failure: Failure | None = no_document
        else:
            self._publish(BatchProcessing, batch.requests)
            note = _together(ids)
            failure = await self._runner.run(lead, merged=one, note=note)
        calls = int(one is not None and failure is not STOPPED)
        facts: dict[str, Any] = {"at": ctx.clock.now(), "zone": lead.zone, "entity": lead.entity, "ids": ids}
        if failure is None:
            ctx.bus.publish(BatchCompleted(**facts, failed=0, calls=calls))
        else:
            ctx.bus.publish(BatchFailed(**facts, failure=failure, calls=calls))

    def _wait(self, request: Request) -> float:
        return linger(request, batch_timeout=self._ctx.config.batch_timeout, now=self._ctx.clock.now())

    async def _wait_for_company(self, batch: Batch) -> None:
        lead, seconds = batch.lead, self._wait(batch.lead)
        if batch.processor is None or seconds <= 0 or self._room(batch) <= 0 or lead.batch is None:
            return
        key = (lead.zone, lead.entity, lead.batch)
        self._lingering[key] = batch
        try:
            await wait_for(self._ctx.clock, batch.full, seconds)
        finally:
            if self._lingering.get(key) is batch:
                del self._lingering[key]
        await self._fill(batch)

    def _publish(self, event: type[BatchCreated | BatchProcessing], requests: Sequence[Request]) -> None:
        lead = requests[0]
        ids = tuple(r.id for r in requests)
        self._ctx.bus.publish(event(at=self._ctx.clock.now(), zone=lead.zone, entity=lead.entity, ids=ids))


def _together(those: Sequence[object]) -> str:
    others = len(those) - 1
    return f"Sent together with {others} other{'' if others == 1 else 's'}."


class _Sending:
    """One batch on its way. `left` are those that are not settled."""

    def __init__(
        self, ctx: Context, runner: Runner, size: Size, processor: Batching, requests: Sequence[Request]
    ) -> None:
        self._ctx = ctx
        self._runner = runner
        self._size = size
        self._processor = processor
        self._requests = requests
        self._lead = requests[0]
        self._left = {request.id: request for request in requests}
        self._note = _together(requests)
        self._started = ctx.clock.now()
        self._calls = 0
        self._failed = 0
        self._outage = False

    async def run(self) -> None:
        """Sends all, and again in smaller groups where one of them may be to blame."""
        failure = await self._call(self._requests)
        if failure is not None and self._may_be_one(failure):
            failure = await self._search(failure)
        ids = tuple(request.id for request in self._requests)
        zone, entity, now = self._lead.zone, self._lead.entity, self._ctx.clock.now
        if failure is None:
            self._ctx.bus.publish(
                BatchCompleted(
                    at=now(), zone=zone, entity=entity, ids=ids, failed=self._failed, calls=self._calls
                )
            )
            return
        await self._end_all(list(self._left.values()), failure)
        self._ctx.bus.publish(
            BatchFailed(at=now(), zone=zone, entity=entity, ids=ids, failure=failure, calls=self._calls)
        )

    def _may_be_one(self, failure: Failure) -> bool:
        return is_one_requests(failure, self._lead.effect)

    async def _search(self, failure: Failure) -> Failure | None:
        """Finds the poisons. What stops the search is returned, and is then everybody's who is left."""
        search = bisect(self._requests, failure)
        group = next(search)
        while True:
            answer = await self._call(group)
            if answer is not None and not self._may_be_one(answer):
                return answer
            try:
                group = search.send(answer)
            except StopIteration as found:
                for request, own in found.value:
                    if request.id in self._left:
                        await self._end_all([request], own)
                return None

    async def _end_all(self, requests: Sequence[Request], failure: Failure) -> None:
        """Each ends, or waits for its next try, as after a call of its own."""
        if not requests:
            return
        if failure is STOPPED:
            now = self._ctx.clock.now()
            await self._runner.settle(*(handed_back(r, WHY_STOPPED, now=now) for r in requests))
        else:
            self._failed += len(requests)
            seed = self._ctx.rng.getrandbits(64)  # the same wait for all: they go together again
            judged = {r.id: (r, self._verdict(r, failure, random.Random(seed))) for r in requests}
            await self._runner.settle_failed(judged, failure, started=self._started, note=self._note)
        for request in requests:
            self._left.pop(request.id, None)

    def _verdict(self, request: Request, failure: Failure, rng: random.Random) -> Verdict:
        return self._runner.verdict(request, self._processor, failure, rng, outage=self._outage)

    # -- one call

    async def _call(self, requests: Sequence[Request]) -> Failure | None:
        """Sends these together and settles them; how they failed as a whole, if they did."""
        if len(requests) == 1:
            failure = await self._runner.run(requests[0], paid=self._calls == 0)
            self._calls += failure is not STOPPED
            self._failed += failure is not None and failure is not STOPPED
            del self._left[requests[0].id]
            return failure
        board, processor = self._runner.board, self._processor
        permit = await self._runner.admit(requests, paid=self._calls == 0)
        if permit is None:
            for request in requests:
                del self._left[request.id]
            return STOPPED
        self._calls += 1
        self._ctx.bus.publish(
            BatchProcessing(
                at=self._ctx.clock.now(), zone=self._lead.zone, entity=self._lead.entity,
                ids=tuple(request.id for request in requests),
            )
        )  # fmt: skip
        begin = self._ctx.clock.monotonic()
        limit = self._lead.timeout or self._ctx.config.default_timeout
        try:
            outcome: object = await ask(processor, processor.process_batch, list(requests), limit=limit)
        except BaseException:
            board.release(self._lead.zone, permit, Signal.NEUTRAL)
            raise
        seconds = self._ctx.clock.monotonic() - begin
        if isinstance(outcome, Mapping):
            self._runner.answered(self._lead, permit, seconds=seconds)
            self._size.succeeded(len(requests))
            await self._hand_out(requests, outcome)
            return None
        if not isinstance(outcome, Failure):
            name = type(processor).__name__
            outcome = unexplained(f"{name}.process_batch gave {type(outcome).__name__}, not results by id")
        self._size.failed(len(requests), outcome)
        self._outage = board.opened_since(self._lead.zone, permit)
        verdict = self._verdict(self._lead, outcome, self._ctx.rng)
        self._runner.not_answered(self._lead, permit, outcome, verdict.signal, seconds=seconds)
        return outcome

    async def _hand_out(self, requests: Sequence[Request], results: Mapping[RequestId, object]) -> None:
        """Gives each its own result, or its own failure."""
        changes: list[Change] = []
        failed: list[tuple[Request, Failure]] = []
        for request in requests:
            result = results.get(request.id, _missing(request))
            if isinstance(result, BaseException):
                expected = isinstance(result, ProcessorError)
                own = failure_of(result) if expected else unexplained(repr(result))  # type: ignore[arg-type]
                failed.append((request, own))
            else:
                reply = reply_of(result)
                change = self._runner.completed(request, reply, started=self._started, note=self._note)
                changes.append(change)
                del self._left[request.id]
        if changes:
            await self._runner.settle(*changes)
        for request, own in failed:
            await self._end_all([request], own)


def _missing(request: Request) -> ProcessorError:
    """What became of a request that the answer does not speak of."""
    read = request.effect is Effect.READ
    kind = FailureClass.NOT_FOUND if read else FailureClass.PROCESSOR_ERROR
    words = WORDS[kind]
    return ProcessorError(
        words.message,
        failure=Failure(
            kind=kind,
            code="not_in_the_answer",
            title=words.title,
            message=words.message,
            remedy=words.remedy,
            applied=Applied.NO if read else Applied.UNKNOWN,
        ),
    )

"""Commands that only look."""

from __future__ import annotations

from typing import Annotated

import msgspec
from typing_extensions import override

from autotask_queue.engine.control.command import Command
from autotask_queue.engine.control.queue import ControlledQueue
from autotask_queue.engine.control.wire import LONGEST_MESSAGE
from autotask_queue.engine.export import Page, as_page
from autotask_queue.model.breaker import BreakerMetrics
from autotask_queue.model.filters import RequestFilter
from autotask_queue.model.gates import Gate, gate_for
from autotask_queue.model.metrics import Health, QueueMetrics
from autotask_queue.model.request import Attempt, AuditEntry, Outcome, Request, RequestId, RequestRow
from autotask_queue.model.strategy import StrategyState

LONGEST_WAIT = 20.0
"""Seconds that one `Result` waits at most; who wants to wait longer asks again."""
MOST_ROWS = 500

_Wait = Annotated[float, msgspec.Meta(ge=0, le=LONGEST_WAIT)]
_Page = Annotated[int, msgspec.Meta(ge=1, le=1_000)]
_Seqs = Annotated[list[int], msgspec.Meta(max_length=MOST_ROWS)]


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """`total` requests match; `seqs` are those of the asked page, in order."""

    total: int
    seqs: list[int]


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    """Everything about one request. `gate` is what keeps it from being sent now, if anything does."""

    request: Request
    attempts: list[Attempt]
    audit: list[AuditEntry]
    gate: Gate | None = None


class Zones(msgspec.Struct, frozen=True, kw_only=True):
    """`configured` connections, and all that occur: those and the ones of stored requests."""

    configured: tuple[str, ...]
    known: tuple[str, ...]


# ---------------------------------------------------------------------------------------------
# Questions


class ListZones(Command[Zones], frozen=True, kw_only=True, tag="zones"):
    """Which zones there are."""

    @override
    async def run(self, queue: ControlledQueue) -> Zones:
        configured = tuple(sorted(queue.zones))
        return Zones(
            configured=configured, known=tuple(sorted({*configured, *queue.counters().by_zone()} - {"*"}))
        )


class Find(Command[Found], frozen=True, kw_only=True, tag="find"):
    """Which requests match; the filter's `limit` bounds the page, not the total."""

    filter: RequestFilter = RequestFilter()

    @override
    async def run(self, queue: ControlledQueue) -> Found:
        total = await queue.count(self.filter)
        return Found(total=total, seqs=(await queue.index(self.filter)).tolist())


class Rows(Command[list[RequestRow]], frozen=True, kw_only=True, tag="rows"):
    """What a list shows of these requests."""

    seqs: _Seqs

    @override
    async def run(self, queue: ControlledQueue) -> list[RequestRow]:
        return await queue.rows(self.seqs)


class Whole(Command[Page], frozen=True, kw_only=True, tag="whole"):
    """A page of whole requests, for an export: no more than the filter's limit, and than a message holds."""

    filter: RequestFilter

    @override
    async def run(self, queue: ControlledQueue) -> Page:
        limit = min(self.filter.limit or MOST_ROWS, MOST_ROWS)
        # Before they are read: what is added meanwhile does not belong to it.
        newest = queue.selection(self.filter).max_seq
        found = await queue.get_requests(msgspec.structs.replace(self.filter, limit=limit))
        return as_page(found, newest, most_bytes=LONGEST_MESSAGE // 2)


class Show(Command[Shown], frozen=True, kw_only=True, tag="show"):
    """Everything about one request."""

    id: RequestId

    @override
    async def run(self, queue: ControlledQueue) -> Shown:
        request = await queue.get_request(self.id)
        waiting = not request.status.is_terminal
        return Shown(
            request=request,
            attempts=await queue.attempts(self.id),
            audit=await queue.audit(request_id=self.id, limit=200),
            gate=gate_for(queue.gates(), request.zone, request.entity) if waiting else None,
        )


class Result(Command[Outcome], frozen=True, kw_only=True, tag="result"):
    """How a request ended, or where it stands after `wait` seconds."""

    id: RequestId
    wait: _Wait = 0.0

    @override
    async def run(self, queue: ControlledQueue) -> Outcome:
        return await queue.result(self.id, timeout=self.wait)


class Gates(Command[tuple[Gate, ...]], frozen=True, kw_only=True, tag="gates"):
    """What keeps requests from being sent now."""

    @override
    async def run(self, queue: ControlledQueue) -> tuple[Gate, ...]:
        return queue.gates()


class Metrics(Command[QueueMetrics], frozen=True, kw_only=True, tag="metrics"):
    """The queue in numbers."""

    @override
    async def run(self, queue: ControlledQueue) -> QueueMetrics:
        return await queue.get_metrics()


class AskStrategy(Command[StrategyState], frozen=True, kw_only=True, tag="strategy"):
    """In which order requests are sent."""

    @override
    async def run(self, queue: ControlledQueue) -> StrategyState:
        return queue.priority_strategy


class AskHealth(Command[Health], frozen=True, kw_only=True, tag="health"):
    """How the queue is."""

    @override
    async def run(self, queue: ControlledQueue) -> Health:
        return await queue.get_health()


class Audit(Command[list[AuditEntry]], frozen=True, kw_only=True, tag="audit"):
    """The audit trail, newest first."""

    request_id: RequestId | None = None
    kinds: tuple[str, ...] = ()
    limit: _Page = 100
    before_seq: int | None = None

    @override
    async def run(self, queue: ControlledQueue) -> list[AuditEntry]:
        return await queue.audit(
            request_id=self.request_id, kinds=self.kinds, limit=self.limit, before_seq=self.before_seq
        )


class ListBreakers(Command[tuple[BreakerMetrics, ...]], frozen=True, kw_only=True, tag="breakers"):
    """Every zone's breaker, also of zones that were not used yet."""

    @override
    async def run(self, queue: ControlledQueue) -> tuple[BreakerMetrics, ...]:
        known = {m.zone: m for m in queue.circuit_breaker.get_all_metrics()}
        for zone in queue.zones:
            known.setdefault(zone, queue.circuit_breaker.get_metrics(zone))
        return tuple(known[zone] for zone in sorted(known))

"""Commands that change something."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from typing_extensions import override

from autotask_queue.engine.control.command import BulkOrder, Command, Order
from autotask_queue.engine.control.queue import ControlledQueue
from autotask_queue.model.backup import Backup
from autotask_queue.model.breaker import BreakerMetrics
from autotask_queue.model.filters import BulkResult
from autotask_queue.model.request import JSON, NORMAL_PRIORITY, OnDuplicate, Receipt, Request, RequestId
from autotask_queue.model.status import Effect
from autotask_queue.model.strategy import PriorityStrategy, StrategyState

_Kept = msgspec.UnsetType
_Seconds = Annotated[float, msgspec.Meta(gt=0, le=10 * 365 * 86_400)]

# ---------------------------------------------------------------------------------------------
# Requests


class Submit(Command[Receipt], frozen=True, kw_only=True, tag="submit"):
    """Stores a request. The id is the sender's own, so that asking twice stores one request."""

    request_id: RequestId
    endpoint: str
    method: str
    zone: str
    priority: int = NORMAL_PRIORITY
    data: JSON = None
    headers: dict[str, str] = msgspec.field(default_factory=dict)
    metadata: dict[str, JSON] = msgspec.field(default_factory=dict)
    retryable: bool = True
    batchable: bool | None = None
    timeout: float | None = None
    max_retries: int | None = None
    scheduled_at: float | None = None
    expires_at: float | None = None
    dedup_key: str | None = None
    on_duplicate: OnDuplicate = OnDuplicate.REJECT
    depends_on: tuple[RequestId, ...] = ()
    lane: str | None = None
    effect: Effect | None = None
    summary: str = ""
    actor: str = ""

    @override
    async def run(self, queue: ControlledQueue) -> Receipt:
        options = msgspec.structs.asdict(self)
        return await queue.submit(
            options.pop("endpoint"), options.pop("method"), options.pop("zone"), **options
        )


class Edit(Order[Request], frozen=True, kw_only=True, tag="edit"):
    """Changes a waiting or failed request; fields that are not given stay as they are."""

    id: RequestId
    data: JSON = msgspec.UNSET
    endpoint: str | _Kept = msgspec.UNSET
    method: str | _Kept = msgspec.UNSET
    headers: dict[str, str] | _Kept = msgspec.UNSET
    priority: int | _Kept = msgspec.UNSET
    scheduled_at: float | _Kept | None = msgspec.UNSET
    expires_at: float | _Kept | None = msgspec.UNSET
    timeout: float | _Kept | None = msgspec.UNSET
    max_retries: int | _Kept = msgspec.UNSET
    summary: str | _Kept = msgspec.UNSET

    def fields(self) -> dict[str, Any]:
        """What was given."""
        given = msgspec.structs.asdict(self)
        return {k: v for k, v in given.items() if v is not msgspec.UNSET and k not in ("id", "why", "actor")}

    @override
    async def run(self, queue: ControlledQueue) -> Request:
        return await queue.edit(self.id, why=self.why, actor=self.actor, **self.fields())


class CancelOne(Order[Request], frozen=True, kw_only=True, tag="cancel-one"):
    """Cancels one request, or says why that cannot be."""

    id: RequestId

    @override
    async def run(self, queue: ControlledQueue) -> Request:
        return await queue.cancel_request(self.id, why=self.why, actor=self.actor)


class Cancel(BulkOrder, frozen=True, kw_only=True, tag="cancel"):
    """Cancels what can be."""

    @override
    async def run(self, queue: ControlledQueue) -> BulkResult:
        return await queue.cancel(self.target(queue), why=self.why, actor=self.actor)


class Restore(BulkOrder, frozen=True, kw_only=True, tag="restore"):
    """Undoes a cancel."""

    @override
    async def run(self, queue: ControlledQueue) -> BulkResult:
        return await queue.restore(self.target(queue), why=self.why, actor=self.actor)


class Retry(BulkOrder, frozen=True, kw_only=True, tag="retry"):
    """Queues failed, expired, held and retrying requests again."""

    @override
    async def run(self, queue: ControlledQueue) -> BulkResult:
        return await queue.retry(self.target(queue), why=self.why, actor=self.actor)


class Reprioritise(BulkOrder, frozen=True, kw_only=True, tag="reprioritise"):
    """Changes the priority of what waits."""

    priority: int

    @override
    async def run(self, queue: ControlledQueue) -> BulkResult:
        return await queue.reprioritise(self.target(queue), self.priority, why=self.why, actor=self.actor)


class Clear(Order[BulkResult], frozen=True, kw_only=True, tag="clear"):
    """Cancels everything that waits, of one zone or of all."""

    zone: str | None = None

    @override
    async def run(self, queue: ControlledQueue) -> BulkResult:
        return await queue.clear(self.zone, why=self.why, actor=self.actor)


class Resolve(Order[Request], frozen=True, kw_only=True, tag="resolve"):
    """A person's word on a write whose outcome is unknown."""

    id: RequestId
    decision: Literal["sent", "send_again", "give_up"]
    record_id: int | None = None

    @override
    async def run(self, queue: ControlledQueue) -> Request:
        if self.decision == "sent":
            return await queue.mark_sent(self.id, why=self.why, record_id=self.record_id, actor=self.actor)
        decide = queue.send_again if self.decision == "send_again" else queue.do_not_send
        return await decide(self.id, why=self.why, actor=self.actor)


# ---------------------------------------------------------------------------------------------
# Gates


class Pause(Order[None], frozen=True, kw_only=True, tag="pause"):
    """Stops sending, for some seconds or until `Resume`."""

    expires_in: _Seconds | None = None

    @override
    async def run(self, queue: ControlledQueue) -> None:
        await queue.pause(self.expires_in, why=self.why, actor=self.actor)


class Resume(Order[None], frozen=True, kw_only=True, tag="resume"):
    """Ends a pause."""

    @override
    async def run(self, queue: ControlledQueue) -> None:
        await queue.resume(why=self.why, actor=self.actor)


class SetStrategy(Order[StrategyState], frozen=True, kw_only=True, tag="set-strategy"):
    """Switches the order in which requests are sent; None goes back to the configured one."""

    strategy: PriorityStrategy | None

    @override
    async def run(self, queue: ControlledQueue) -> StrategyState:
        return await queue.set_priority_strategy(self.strategy, why=self.why, actor=self.actor)


class ForceOpen(Order[BreakerMetrics], frozen=True, kw_only=True, tag="force-open"):
    """Holds a zone ("*": everything), or one endpoint of it."""

    zone: str
    entity: str | None = None
    starts_at: float | None = None
    expires_in: _Seconds | None = None

    @override
    async def run(self, queue: ControlledQueue) -> BreakerMetrics:
        return await queue.circuit_breaker.force_open(
            self.zone,
            self.why,
            entity=self.entity,
            starts_at=self.starts_at,
            expires_in=self.expires_in,
            actor=self.actor,
        )


class ForceClose(Order[BreakerMetrics], frozen=True, kw_only=True, tag="force-close"):
    """Sends whatever the breaker thinks, for a time."""

    zone: str
    expires_in: _Seconds = 3_600.0

    @override
    async def run(self, queue: ControlledQueue) -> BreakerMetrics:
        return await queue.circuit_breaker.force_close(
            self.zone, self.why, expires_in=self.expires_in, actor=self.actor
        )


class Release(Order[BreakerMetrics], frozen=True, kw_only=True, tag="release"):
    """Ends a hold or a forced close now."""

    zone: str
    entity: str | None = None

    @override
    async def run(self, queue: ControlledQueue) -> BreakerMetrics:
        return await queue.circuit_breaker.release(self.zone, self.why, entity=self.entity, actor=self.actor)


class ResetBreaker(Order[BreakerMetrics], frozen=True, kw_only=True, tag="reset-breaker"):
    """Forgets a zone's failures and holds."""

    zone: str

    @override
    async def run(self, queue: ControlledQueue) -> BreakerMetrics:
        return await queue.circuit_breaker.reset(self.zone, self.why, actor=self.actor)


# ---------------------------------------------------------------------------------------------
# The file


class BackUp(Order[Backup], frozen=True, kw_only=True, tag="backup"):
    """Copies the whole queue to an absolute path."""

    path: str

    @override
    async def run(self, queue: ControlledQueue) -> Backup:
        return await queue.backup(self.path, actor=self.actor)

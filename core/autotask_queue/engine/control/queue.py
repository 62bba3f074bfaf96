"""The part of a queue that other processes may reach; `QueueManager` is one."""

from __future__ import annotations

from array import array
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from autotask_queue.engine.breaker_control import BreakerControl
from autotask_queue.engine.bulk import Target
from autotask_queue.model.backup import Backup
from autotask_queue.model.config import ZoneConfig
from autotask_queue.model.filters import BulkResult, RequestFilter, Selection
from autotask_queue.model.gates import Gate
from autotask_queue.model.metrics import Counters, Health, QueueMetrics
from autotask_queue.model.request import (
    Attempt,
    AuditEntry,
    Durability,
    Outcome,
    Receipt,
    Request,
    RequestRow,
)
from autotask_queue.model.strategy import PriorityStrategy, StrategyState


class ControlledQueue(Protocol):
    """Each method is the one of the same name of `QueueManager`."""

    @property
    def location(self) -> str: ...

    @property
    def durability(self) -> Durability: ...

    @property
    def zones(self) -> Mapping[str, ZoneConfig]: ...

    @property
    def circuit_breaker(self) -> BreakerControl: ...

    @property
    def submit(self) -> Callable[..., Awaitable[Receipt]]: ...

    async def result(self, request_id: str, timeout: float | None = None) -> Outcome: ...

    async def get_request(self, request_id: str) -> Request: ...

    async def attempts(self, request_id: str) -> list[Attempt]: ...

    async def audit(
        self,
        *,
        request_id: str | None = None,
        kinds: Sequence[str] = (),
        limit: int = 100,
        before_seq: int | None = None,
    ) -> list[AuditEntry]: ...

    async def get_requests(self, query: RequestFilter | None = None) -> list[Request]: ...

    async def count(self, query: RequestFilter | None = None) -> int: ...

    async def index(self, query: RequestFilter | None = None) -> array[int]: ...

    async def rows(self, seqs: Sequence[int]) -> list[RequestRow]: ...

    def selection(self, query: RequestFilter) -> Selection: ...

    def counters(self) -> Counters: ...

    def gates(self) -> tuple[Gate, ...]: ...

    async def cancel_request(self, request_id: str, *, why: str = "", actor: str = "") -> Request: ...

    async def cancel(self, target: Target, *, why: str = "", actor: str = "") -> BulkResult: ...

    async def clear(self, zone: str | None = None, *, why: str = "", actor: str = "") -> BulkResult: ...

    async def restore(self, target: Target, *, why: str = "", actor: str = "") -> BulkResult: ...

    async def retry(self, target: Target, *, why: str = "", actor: str = "") -> BulkResult: ...

    async def reprioritise(
        self, target: Target, priority: int, *, why: str = "", actor: str = ""
    ) -> BulkResult: ...

    async def edit(self, request_id: str, *, why: str = "", actor: str = "", **fields: Any) -> Request: ...

    async def send_again(self, request_id: str, *, why: str, actor: str = "") -> Request: ...

    async def mark_sent(
        self, request_id: str, *, why: str, record_id: int | None = None, actor: str = ""
    ) -> Request: ...

    async def do_not_send(self, request_id: str, *, why: str, actor: str = "") -> Request: ...

    async def pause(self, expires_in: float | None = None, *, why: str = "", actor: str = "") -> None: ...

    async def resume(self, *, why: str = "", actor: str = "") -> None: ...

    @property
    def priority_strategy(self) -> StrategyState: ...

    async def set_priority_strategy(
        self, strategy: PriorityStrategy | None, *, why: str = "", actor: str = ""
    ) -> StrategyState: ...

    async def backup(self, path: str | Path, *, actor: str = "") -> Backup: ...

    async def get_metrics(self) -> QueueMetrics: ...

    async def get_health(self) -> Health: ...

"""Numbers about the queue, its health and its connection, as immutable snapshots."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from autotask_queue.model.status import Status


class Connectivity(StrEnum):
    """What the queue believes about the network."""

    ONLINE = "online"
    OFFLINE = "offline"
    """No connection; a probe runs now and then."""
    PROBING = "probing"
    WORK_OFFLINE = "work_offline"
    """A person chose to work offline; nothing is sent and nothing probed."""


class ConnectivityState(msgspec.Struct, frozen=True, kw_only=True):
    """`since` and `next_try_at` are seconds since the epoch; `last_ok_at` of the last real answer."""

    state: Connectivity = Connectivity.ONLINE
    since: float = 0.0
    next_try_at: float | None = None
    last_ok_at: float | None = None
    detail: str = ""


class Cell(msgspec.Struct, frozen=True, kw_only=True):
    """One cell of the counters: how many requests share zone, entity and status."""

    zone: str
    entity: str
    status: Status
    count: int


class Counters(msgspec.Struct, frozen=True, kw_only=True):
    """Exact counts, kept in the same transaction as the rows."""

    cells: tuple[Cell, ...] = ()

    def by_status(self) -> dict[Status, int]:
        out = dict.fromkeys(Status, 0)
        for cell in self.cells:
            out[cell.status] += cell.count
        return out

    def by_zone(self) -> dict[str, int]:
        out: dict[str, int] = {}
        for cell in self.cells:
            out[cell.zone] = out.get(cell.zone, 0) + cell.count
        return out

    def count(self, *statuses: Status) -> int:
        """How many requests are in one of `statuses`; all if none is given."""
        return sum(c.count for c in self.cells if not statuses or c.status in statuses)


class MinuteStat(msgspec.Struct, frozen=True, kw_only=True):
    """What one minute saw. `at` is its start, seconds since the epoch.

    `sent`, `failed`, `queued` are events in the minute; `waiting` and `oldest_age` (seconds) stood
    at its end; `p50`, `p95` are seconds of answered attempts, None without any; `samples` says how many.
    """

    at: float
    sent: int = 0
    failed: int = 0
    queued: int = 0
    waiting: int = 0
    oldest_age: float = 0.0
    p50: float | None = None
    p95: float | None = None
    samples: int = 0
    offline: bool = False
    held: bool = False


class QueueMetrics(msgspec.Struct, frozen=True, kw_only=True):
    """A snapshot. Rates are per second over the last minute; times in seconds."""

    at: float
    queued_requests: int
    processing_requests: int
    completed_requests: int
    failed_requests: int
    error_rate: float
    """Failed attempts among those that got an answer, last 5 minutes; 0 to 1."""
    throughput: float
    queue_utilization: float
    """Open requests over `max_size`; 0 to 1 and above."""
    average_queue_time: float
    average_processing_time: float
    p50: float
    p95: float
    p99: float
    oldest_age: float
    by_status: dict[str, int]
    by_priority: dict[int, int]
    by_zone: dict[str, int]
    sent_last_minute: int = 0
    api_calls_last_hour: int = 0


class HealthLevel(StrEnum):
    """How well a part is, from good to bad; offline is no illness but explains a lot."""

    HEALTHY = "healthy"
    DEGRADED = "degraded"
    CRITICAL = "critical"
    OFFLINE = "offline"


class ComponentHealth(msgspec.Struct, frozen=True, kw_only=True):
    """One part's state, since when (seconds since the epoch), why, and what happens by itself."""

    name: str
    level: HealthLevel
    reason: str = ""
    since: float | None = None
    action: str = ""


class Health(msgspec.Struct, frozen=True, kw_only=True):
    """The worst of the components."""

    status: HealthLevel
    components: tuple[ComponentHealth, ...] = ()
    message: str = ""

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
    """What is believed."""
    since: float = 0.0
    next_try_at: float | None = None
    last_ok_at: float | None = None
    detail: str = ""
    """What the last probe met."""


class Cell(msgspec.Struct, frozen=True, kw_only=True):
    """One cell of the counters: how many requests share zone, entity and status."""

    zone: str
    entity: str
    status: Status
    count: int
    """How many."""


class Counters(msgspec.Struct, frozen=True, kw_only=True):
    """Exact counts, kept in the same transaction as the rows."""

    cells: tuple[Cell, ...] = ()
    """All that are not zero."""

    def by_status(self) -> dict[Status, int]:
        """How many requests are in each status; 0 where there are none."""
        out = dict.fromkeys(Status, 0)
        for cell in self.cells:
            out[cell.status] += cell.count
        return out

    def by_zone(self) -> dict[str, int]:
        """How many requests there are of each zone that occurs."""
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
    """Whether there was no connection at its end."""
    held: bool = False
    """Whether sending was paused or a zone held at its end."""


class BatchMetrics(msgspec.Struct, frozen=True, kw_only=True):
    """Calls that several requests shared, since the start."""

    batches: int = 0
    """How many were put together."""
    requests: int = 0
    """Requests in them."""
    calls: int = 0
    """Calls that they took."""
    failed: int = 0
    """Batches in which some or all requests got no result."""
    sizes: dict[str, int] = {}
    """How many requests may share a call now, by zone and endpoint ("zone1/Tickets")."""

    @property
    def average_size(self) -> float:
        """Requests in a batch; 0 without any."""
        return self.requests / self.batches if self.batches else 0.0

    @property
    def calls_saved(self) -> int:
        """Calls that were not needed because requests shared one."""
        return max(0, self.requests - self.calls)


class QueueMetrics(msgspec.Struct, frozen=True, kw_only=True):
    """A snapshot. Rates are per second over the last minute; times in seconds."""

    at: float
    """When it was taken, seconds since the epoch."""
    queued_requests: int
    """Those that wait."""
    processing_requests: int
    """Those in flight."""
    completed_requests: int
    """Completed ones that are still kept."""
    failed_requests: int
    """Failed ones."""
    error_rate: float
    """Failed attempts among those that got an answer, last 5 minutes; 0 to 1."""
    throughput: float
    """Requests completed a second."""
    queue_utilization: float
    """Open requests over `max_size`; 0 to 1 and above."""
    average_queue_time: float
    """From being stored to being sent."""
    average_processing_time: float
    """Of an answered attempt."""
    p50: float
    """Of all answered attempts of this run, half took no longer."""
    p95: float
    """95 of 100 took no longer."""
    p99: float
    """99 of 100 took no longer."""
    oldest_age: float
    """Age of the oldest that waits."""
    by_status: dict[str, int]
    """How many are in each status."""
    by_priority: dict[int, int]
    """How many unfinished ones have each priority."""
    by_zone: dict[str, int]
    """How many each zone has."""
    sent_last_minute: int = 0
    """Completed in the last minute."""
    api_calls_last_hour: int = 0
    """Calls that got an answer."""
    shared_reads: int = 0
    """Reads that one like them was sent for, since the start."""
    batches: BatchMetrics = BatchMetrics()
    """Calls that several requests shared."""


class HealthLevel(StrEnum):
    """How well a part is, from good to bad; offline is no illness but explains a lot."""

    HEALTHY = "healthy"
    DEGRADED = "degraded"
    CRITICAL = "critical"
    OFFLINE = "offline"


class ComponentHealth(msgspec.Struct, frozen=True, kw_only=True):
    """One part's state, since when (seconds since the epoch), why, and what happens by itself."""

    name: str
    """Of the part."""
    level: HealthLevel
    """How well it is."""
    reason: str = ""
    """Why, for people."""
    since: float | None = None
    action: str = ""
    """What happens by itself."""


class Health(msgspec.Struct, frozen=True, kw_only=True):
    """The worst of the components."""

    status: HealthLevel
    """The worst of all parts."""
    components: tuple[ComponentHealth, ...] = ()
    """Every part."""
    message: str = ""
    """The worst part's reason."""

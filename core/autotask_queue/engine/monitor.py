"""Measures what happens: per minute for the charts, per zone for the breaker cards, now for the strip."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

import msgspec

from autotask_queue.engine.clock import wait_for
from autotask_queue.engine.context import Context
from autotask_queue.model.breaker import BreakerMetrics
from autotask_queue.model.events import (
    BatchCompleted,
    BatchFailed,
    Event,
    MetricsUpdated,
    RequestCompleted,
    RequestEnqueued,
    RequestEvent,
    RequestFailedEvent,
)
from autotask_queue.model.metrics import BatchMetrics, MinuteStat, QueueMetrics
from autotask_queue.model.request import Request
from autotask_queue.model.status import OPEN, Effect, Status
from autotask_queue.signals.histogram import LogHistogram

MINUTE, HOUR = 60.0, 3_600.0
_RECENT = 60.0
_ERROR_WINDOW = 300.0
UPDATE_INTERVAL = 1.0
"""Seconds between two `metrics.updated`, and none while nothing happens."""

_WAITING = (Status.PENDING, Status.RETRYING, Status.HELD, Status.UNCERTAIN, Status.DEFERRED)


@dataclass(slots=True)
class _Minute:
    """The running minute of everything, or of one zone."""

    sent: int = 0
    failed: int = 0
    queued: int = 0
    answers: LogHistogram = field(default_factory=LogHistogram)


@dataclass(slots=True)
class _Zone:
    recent: deque[tuple[float, bool]] = field(default_factory=lambda: deque(maxlen=10_000))
    minutes: deque[tuple[float, int, LogHistogram]] = field(default_factory=lambda: deque(maxlen=60))
    entities: set[str] = field(default_factory=set)


class Monitor:
    """Fed by the runner and the bus. Times are wall-clock seconds unless said otherwise."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx
        self._start = _floor(ctx.clock.now())
        self._minute = _Minute()
        self._zones: dict[str, _Zone] = {}
        self._finished: deque[float] = deque(maxlen=100_000)
        self._answers: deque[tuple[float, bool]] = deque(maxlen=100_000)
        self._queue_time = LogHistogram()
        self._processing = LogHistogram()
        self._happened = asyncio.Event()
        self._batches = BatchMetrics()
        self._shared_reads = 0
        self.batch_sizes: Callable[[], dict[str, int]] = dict
        self.closed_gate: Callable[[], tuple[bool, bool]] = lambda: (False, False)
        """Tells (offline, held) for the shaded bands of the charts."""
        ctx.bus.on("*", self._on_event)

    # -- feeding

    def attempt(self, request: Request, *, ok: bool, healthy: bool = True, seconds: float) -> None:
        """An attempt that got an answer, after `seconds`.

        `healthy` is about the zone: a refusal of the content is not ok, and yet the zone works.
        """
        now = self._ctx.clock.now()
        zone = self._zone(request.zone)
        zone.recent.append((now, healthy))
        zone.entities.add(request.entity)
        minute = _floor(now)
        if not zone.minutes or zone.minutes[-1][0] != minute:
            zone.minutes.append((minute, 0, LogHistogram()))
        at, count, histogram = zone.minutes[-1]
        histogram.add(seconds)
        zone.minutes[-1] = (at, count + 1, histogram)
        self._minute.answers.add(seconds)
        self._processing.add(seconds)
        self._queue_time.add(max(0.0, now - seconds - request.created_at))
        self._answers.append((now, ok))

    def _on_event(self, event: Event) -> None:
        if isinstance(event, BatchCompleted | BatchFailed):
            before = self._batches
            self._batches = BatchMetrics(
                batches=before.batches + 1,
                requests=before.requests + len(event.ids),
                calls=before.calls + event.calls,
                failed=before.failed + isinstance(event, BatchFailed),
            )
        if isinstance(event, RequestEvent):
            self._happened.set()
            if isinstance(event, RequestEnqueued):
                self._minute.queued += 1
            elif isinstance(event, RequestCompleted):
                self._minute.sent += 1
                self._finished.append(event.at)
            elif isinstance(event, RequestFailedEvent):
                self._minute.failed += 1
            if isinstance(event, RequestCompleted | RequestFailedEvent):
                one = event.request
                self._shared_reads += one.merged_into is not None and one.effect is Effect.READ

    # -- reading

    def enrich(self, metrics: BreakerMetrics) -> BreakerMetrics:
        """Adds to a breaker's metrics what was measured of its zone."""
        zone = self._zones.get(metrics.zone)
        if zone is None:
            return metrics
        now = self._ctx.clock.now()
        recent = [ok for at, ok in zone.recent if now - at <= _RECENT]
        by_minute = {at: count for at, count, _ in zone.minutes if now - at <= HOUR}
        first = _floor(now) - 59 * MINUTE
        return msgspec.structs.replace(
            metrics,
            recent_total=len(recent),
            recent_failed=recent.count(False),
            p95=self._last_hour(zone).quantile(0.95),
            per_minute=tuple(by_minute.get(first + i * MINUTE, 0) for i in range(60)),
            endpoints=tuple(sorted(e for e in zone.entities if e)),
        )

    def p99(self, zone: str) -> float | None:
        """Seconds that 99 of 100 calls of a zone took at most, of the last hour; None without any."""
        known = self._zones.get(zone)
        return None if known is None else self._last_hour(known).quantile(0.99)

    def calls_last_hour(self, zone: str) -> int:
        """How many calls of a zone got an answer in the last hour, from this process."""
        known, since = self._zones.get(zone), self._ctx.clock.now() - HOUR
        return 0 if known is None else sum(count for at, count, _ in known.minutes if at >= since)

    def _last_hour(self, zone: _Zone) -> LogHistogram:
        now = self._ctx.clock.now()
        hour = LogHistogram()
        for at, _, histogram in zone.minutes:
            if now - at <= HOUR:
                hour.merge(histogram)
        return hour

    async def metrics(self) -> QueueMetrics:
        """A snapshot of the queue as a whole."""
        now = self._ctx.clock.now()
        counters = self._ctx.store.counters()
        by_status = counters.by_status()
        answers = [ok for at, ok in self._answers if now - at <= _ERROR_WINDOW]
        last_minute = sum(1 for at in self._finished if now - at <= MINUTE)
        oldest = await self._ctx.store.oldest_waiting()
        return QueueMetrics(
            at=now,
            queued_requests=counters.count(*_WAITING),
            processing_requests=by_status[Status.PROCESSING],
            completed_requests=by_status[Status.COMPLETED],
            failed_requests=by_status[Status.FAILED],
            error_rate=answers.count(False) / len(answers) if answers else 0.0,
            throughput=last_minute / MINUTE,
            queue_utilization=counters.count(*OPEN) / self._ctx.config.max_size,
            average_queue_time=self._queue_time.mean,
            average_processing_time=self._processing.mean,
            p50=self._processing.quantile(0.5) or 0.0,
            p95=self._processing.quantile(0.95) or 0.0,
            p99=self._processing.quantile(0.99) or 0.0,
            oldest_age=max(0.0, now - oldest) if oldest is not None else 0.0,
            by_status={s.value: n for s, n in by_status.items()},
            by_priority=await self._ctx.store.priorities(),
            by_zone=counters.by_zone(),
            sent_last_minute=last_minute,
            api_calls_last_hour=await self._calls_last_hour(now),
            shared_reads=self._shared_reads,
            batches=msgspec.structs.replace(self._batches, sizes=self.batch_sizes()),
        )

    async def _calls_last_hour(self, now: float) -> int:
        """From the stored minutes, so that a restart does not forget what the hour has cost."""
        stored = await self._ctx.store.load_minutes(since=now - HOUR)
        return sum(m.samples for m in stored) + self._minute.answers.count

    async def running_minute(self) -> MinuteStat:
        """The minute that is not over yet."""
        counters = self._ctx.store.counters()
        oldest = await self._ctx.store.oldest_waiting()
        offline, held = self.closed_gate()
        answers = self._minute.answers
        return MinuteStat(
            at=self._start,
            sent=self._minute.sent,
            failed=self._minute.failed,
            queued=self._minute.queued,
            waiting=counters.count(*_WAITING),
            oldest_age=max(0.0, self._ctx.clock.now() - oldest) if oldest is not None else 0.0,
            p50=answers.quantile(0.5),
            p95=answers.quantile(0.95),
            samples=answers.count,
            offline=offline,
            held=held,
        )

    # -- service

    async def run(self) -> None:
        """Announces metrics while something happens, and stores each minute when it is over."""
        while True:
            left = self._start + MINUTE - self._ctx.clock.now()
            await wait_for(self._ctx.clock, self._happened, left)
            await self.roll()
            if self._happened.is_set():
                self._happened.clear()
                metrics = await self.metrics()
                self._ctx.bus.publish(MetricsUpdated(at=metrics.at, metrics=metrics))
                await self._ctx.clock.sleep(UPDATE_INTERVAL)

    async def roll(self, *, final: bool = False) -> None:
        """Stores the running minute if it is over, or if this is the end."""
        now = _floor(self._ctx.clock.now())
        if now == self._start and not final:
            return
        minute = await self.running_minute()
        self._start = now
        self._minute = _Minute()
        stored = await self._ctx.store.load_minutes(since=minute.at, until=minute.at)
        await self._ctx.store.save_minutes(merge_minutes(stored, minute)[-1:])

    def _zone(self, name: str) -> _Zone:
        return self._zones.setdefault(name, _Zone())


def merge_minutes(stored: list[MinuteStat], running: MinuteStat) -> list[MinuteStat]:
    """The stored minutes with the running one in its place; a restart within a minute adds up."""
    if not stored or stored[-1].at != running.at:
        return [*stored, running]
    last = stored[-1]
    total = msgspec.structs.replace(
        running,
        sent=last.sent + running.sent,
        failed=last.failed + running.failed,
        queued=last.queued + running.queued,
        samples=last.samples + running.samples,
        p50=running.p50 if running.p50 is not None else last.p50,
        p95=running.p95 if running.p95 is not None else last.p95,
    )
    return [*stored[:-1], total]


def _floor(at: float) -> float:
    return at - at % MINUTE

"""How busy the queue is, by what happens in it: the first source of the adaptive strategy's signals.

What it cannot know, it learns: where a server said that the calls of the hour are used up, the calls that
this process made in the hour before are taken for the limit.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Iterable

import msgspec

from autotask_queue.engine.context import Context
from autotask_queue.model.failure import Failure, FailureClass
from autotask_queue.model.request import Request
from autotask_queue.model.status import Effect, Status
from autotask_queue.model.strategy import Load
from autotask_queue.policy.schedule import INTERACTIVE

LATELY = 5.0
"""Seconds. While no slot is free, nothing can be started, and the time does not count."""
MINUTE, HOUR = 60.0, 3_600.0
MOST = 256
"""Starts, and refusals, that are remembered: the latest tell as much as thousands."""
_BUSY = {FailureClass.THROTTLE, FailureClass.THREAD_LIMIT, FailureClass.QUOTA_SUSPENDED}
_UNAVAILABLE = 503


class _Start(msgspec.Struct, frozen=True):
    """A request that was started. `at` is monotonic; `wait` is None if it is no urgent read. In seconds."""

    at: float
    wait: float | None
    outage: float


class LoadMeter:
    """Implements `ports.LoadSource`; fed by the dispatcher and the runner.

    Args:
        ctx: the queue.
        calls: how many calls of a zone were answered in the last hour.
    """

    def __init__(self, ctx: Context, *, calls: Callable[[str], int]) -> None:
        self._ctx = ctx
        self._calls = calls
        self._starts: deque[_Start] = deque(maxlen=MOST)
        self._refusals: deque[float] = deque(maxlen=MOST)
        self._limits: dict[str, tuple[float, int]] = {}
        """By zone: when the hour's calls were used up, and how many there were."""
        # A program that did not run could not send either.
        self._began = ctx.clock.now()
        self._stopped: set[str] = set()
        self._opened: dict[str, float] = {}

    # -- feeding

    def look(self, stopped: Collection[str], *, full: bool) -> None:
        """Notes which zones cannot be sent to, and whether all slots are taken."""
        for zone in self._stopped.difference(stopped):
            self._opened[zone] = self._ctx.clock.now()
        self._stopped = set(stopped)
        if not full:
            self._forget()

    def started(self, requests: Iterable[Request]) -> None:
        """Notes what was claimed for its first try."""
        now, mono = self._ctx.clock.now(), self._ctx.clock.monotonic()
        for request in requests:
            if request.attempts:  # it waited after a failure of its own
                continue
            since = max(request.created_at, request.scheduled_at or 0.0)
            opened = self._opened.get(request.zone, self._began)
            urgent = request.effect is Effect.READ and request.priority >= INTERACTIVE
            free = urgent and not request.depends_on
            self._starts.append(
                _Start(
                    at=mono,
                    wait=max(0.0, now - max(since, opened)) if free else None,
                    outage=max(0.0, opened - since),
                )
            )

    def failed(self, zone: str, failure: Failure) -> None:
        """Notes that a server had too much to do, or said that it was asked too much."""
        mono = self._ctx.clock.monotonic()
        if failure.kind in _BUSY or failure.http_status == _UNAVAILABLE:
            self._refusals.append(mono)
        if failure.kind is FailureClass.QUOTA_SUSPENDED:
            self._limits[zone] = (mono, self._calls(zone))

    # -- reading

    def load(self) -> Load:
        """The load as it is now."""
        mono = self._ctx.clock.monotonic()
        waits = [start.wait for start in self._starts if start.wait is not None]
        return Load(
            shortest_wait=min(waits, default=0.0),
            longest_wait=max(waits, default=0.0),
            outage=max((start.outage for start in self._starts), default=0.0),
            backlog=self._ctx.store.counters().count(Status.PENDING),
            calls_used=max((self._used(zone, mono) for zone in self._limits), default=0.0),
            refusals=sum(1 for at in self._refusals if mono - at < MINUTE),
        )

    def _used(self, zone: str, mono: float) -> float:
        at, limit = self._limits[zone]
        if mono - at >= HOUR:
            return 0.0
        return min(1.0, self._calls(zone) / limit) if limit else 1.0

    def _forget(self) -> None:
        mono = self._ctx.clock.monotonic()
        while self._starts and mono - self._starts[0].at > LATELY:
            self._starts.popleft()

"""The API's two limits: concurrent calls for each endpoint, and calls in the last hour."""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from autotask_queue.simulator.errors import hourly_limit, thread_limit

THREADS = 3
HOURLY_LIMIT = 10_000
WINDOW_MINUTES = 60
SLOWDOWNS = ((0.75, 1.0), (0.5, 0.5))
"""From this share of the hourly limit on, each call takes so many seconds longer."""


class ThreadLimit:
    """At most three calls at once for each integration code and endpoint (the first path segment)."""

    def __init__(self, limit: int = THREADS) -> None:
        self._limit = limit
        self._running: Counter[tuple[str, str]] = Counter()

    @contextmanager
    def slot(self, integration_code: str, endpoint: str) -> Iterator[None]:
        """Holds one of the slots.

        Raises:
            Refusal: all are taken.
        """
        key = (integration_code, endpoint.lower())
        if self._running[key] >= self._limit:
            raise thread_limit(self._limit)
        self._running[key] += 1
        try:
            yield
        finally:
            self._running[key] -= 1


class HourlyLimit:
    """Counts the calls of the last 60 minutes; slower from half of the limit on, refused at the limit."""

    def __init__(self, limit: int, scale: float = 1.0, clock: Callable[[], float] = time.monotonic) -> None:
        self.limit = limit
        self._scale = scale
        self._clock = clock
        self._calls: deque[float] = deque()

    def used(self) -> int:
        """Calls in the window."""
        oldest = self._clock() - WINDOW_MINUTES * 60
        while self._calls and self._calls[0] <= oldest:
            self._calls.popleft()
        return len(self._calls)

    def take(self) -> float:
        """Counts a call and returns by how many seconds it is slowed down.

        Raises:
            Refusal: the limit is reached; the call does not count.
        """
        used = self.used()
        if used >= self.limit:
            raise hourly_limit(self.limit, WINDOW_MINUTES)
        self._calls.append(self._clock())
        share = used / self.limit
        return next((seconds for at, seconds in SLOWDOWNS if share >= at), 0.0) * self._scale

"""How many retries a zone may be sent: a bounded share of its first attempts, and a trickle.

A retry is a second request for one piece of work. When a server is slow or half broken, everybody repeats,
and the repeats alone keep it down: without a bound, n tries each make n times the load. It is Finagle's retry
budget, with botocore's dearer time-outs. When it is empty, retries wait; none fails.

Counted where a call leaves, not where a retry is planned, so that what waited behind a closed gate does not
go all at once. Each process has its own: what it knows is its own calls. A restart begins with a full one.
"""

from __future__ import annotations

import math
from collections import OrderedDict

from autotask_queue.model.failure import FailureClass
from autotask_queue.model.request import Request

SHARE = 0.2
"""Tokens that each first attempt brings."""
REFILL = 5.0
"""Seconds in which one token comes by itself, so that a quiet zone's retries go on."""
CAP = 20.0
COST = 1.0
COST_AFTER_TIMEOUT = 2.0
"""A call that hung has kept the server busy for longest."""
_SHORTEST = 0.2
"""Seconds; to wait and ask costs a write to the store."""
_MEMORY = 60.0
"""Seconds over which first attempts are counted to say how long a wait will be."""
_FORGET = 300.0
"""Seconds after which one that was to come back, and did not, is no longer waited for."""


def cost_of(request: Request) -> float:
    """What the next attempt of a request costs; nothing if it is the first."""
    if request.attempts <= 0:
        return 0.0
    last = request.failure
    hung = last is not None and last.kind is FailureClass.TIMEOUT_UNKNOWN
    return COST_AFTER_TIMEOUT if hung else COST


class RetryBudget:
    """The budget of one zone. Times are monotonic seconds."""

    def __init__(self, mono: float) -> None:
        self._tokens = CAP
        self._at = mono
        self._firsts = 0.0
        self._waiting: OrderedDict[str, tuple[float, float]] = OrderedDict()
        """What those that wait will cost, and since when they do; in that order."""
        self._promised = 0.0

    def earn(self, mono: float) -> None:
        """A first attempt leaves."""
        self._pass(mono)
        self._tokens += SHARE
        self._firsts += 1.0

    def spend(self, cost: float, mono: float) -> None:
        """A retry leaves, for which `wait` said 0."""
        self._pass(mono)
        self._tokens -= cost

    def wait(self, key: str, cost: float, mono: float, *, longest: float) -> float:
        """Seconds that the retry `key` should wait and then ask again; 0 if it may leave now.

        At most `longest`, which counts as ten if it is less: to ask without end costs more than to wait.
        Those that were told to wait are counted, so that they come back one after the other.
        """
        self._pass(mono)
        self._forget(key)
        while self._waiting and mono - next(iter(self._waiting.values()))[1] >= _FORGET:
            self._forget(next(iter(self._waiting)))
        if self._tokens >= cost:
            return 0.0
        self._waiting[key] = (cost, mono)
        self._promised += cost
        rate = 1.0 / REFILL + SHARE * self._firsts / _MEMORY
        return max(_SHORTEST, min(max(longest, 2 * REFILL), (self._promised - self._tokens) / rate))

    def _forget(self, key: str) -> None:
        cost, _ = self._waiting.pop(key, (0.0, 0.0))
        self._promised -= cost

    def _pass(self, mono: float) -> None:
        seconds = max(0.0, mono - self._at)
        self._at = mono
        self._tokens = min(CAP, self._tokens + seconds / REFILL)
        self._firsts *= math.exp(-seconds / _MEMORY)

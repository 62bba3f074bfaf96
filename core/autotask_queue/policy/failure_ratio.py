"""How large a share of a zone's calls fails, and from which share on that stops sending.

The share is judged by the lower end of Wilson's 95 % interval (E. B. Wilson, JASA 1927), so that a few
failures among few calls prove nothing. What counts as too large adapts, within narrow bounds, to what is
usual for the zone: a tenant with a flaky integration must not be shut out every afternoon. An outage must
not teach what is usual, so nothing is learned while the breaker is open and some time after.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field

WINDOW = 60.0
"""Seconds that are looked at; outcomes count by whole seconds."""
ENOUGH = 10
"""Calls within the window, below which the share is not judged."""
USUAL = 0.05
"""The share of failures a zone is thought to have until it has shown its own."""
LOWEST, HIGHEST = 0.5, 0.8
"""The bounds of the threshold."""
LEARN_EVERY = 60.0
LEARN_AFTER = 600.0
"""Seconds after an outage in which nothing is learned."""
_DAY = 86_400.0
_WEIGHT = 1 - math.exp(-LEARN_EVERY / _DAY)
_Z = 1.959964


def wilson_lower(failed: int, total: int) -> float:
    """The lower end of the 95 % interval of a share of `failed` among `total` calls, 0 to 1."""
    if total == 0:
        return 0.0
    share = failed / total
    square = _Z * _Z / total
    spread = _Z * math.sqrt(share * (1 - share) / total + square / (4 * total))
    return max(0.0, (share + square / 2 - spread) / (1 + square))


@dataclass(slots=True)
class FailureRatio:
    """The last minute of a zone's calls, and what share of failures is usual for it.

    `mono` is monotonic seconds and never falls. `usual` survives a restart, in the breaker's record.
    """

    usual: float = USUAL
    _seconds: deque[list[int]] = field(default_factory=deque)
    """[second, failed, total], oldest first."""
    _learn_at: float = float("-inf")
    _interrupted: bool = False

    @property
    def threshold(self) -> float:
        """From which share of failures on the breaker opens."""
        return min(HIGHEST, max(LOWEST, LOWEST + 3 * self.usual))

    def add(self, *, failed: bool, mono: float) -> None:
        """Counts a call that the server answered, or did not."""
        second = math.floor(mono)
        if not self._seconds or self._seconds[-1][0] != second:
            self._seconds.append([second, 0, 0])
        self._seconds[-1][1] += failed
        self._seconds[-1][2] += 1
        self._forget(mono)

    def counts(self, mono: float) -> tuple[int, int]:
        """Failed calls, and all calls, of the window."""
        self._forget(mono)
        return sum(s[1] for s in self._seconds), sum(s[2] for s in self._seconds)

    def too_many(self, mono: float) -> str:
        """Why the breaker should open, in words; empty if it should not."""
        failed, total = self.counts(mono)
        if total >= ENOUGH and wilson_lower(failed, total) > self.threshold:
            return f"{failed} of the last {total} calls failed"
        return ""

    def learn(self, mono: float) -> None:
        """Moves what is usual a little towards the share of the window; at most once a minute.

        To be called while the breaker is closed, and only then.
        """
        if self._interrupted:
            self._interrupted = False
            self._learn_at = mono + LEARN_AFTER
        if mono < self._learn_at:
            return
        failed, total = self.counts(mono)
        if total >= ENOUGH:
            self._learn_at = mono + LEARN_EVERY
            self.usual += _WEIGHT * (failed / total - self.usual)

    def start_over(self) -> None:
        """Forgets the window: what comes now happens under other circumstances."""
        self._seconds.clear()

    def interrupt(self) -> None:
        """The breaker opened: what is usual is learned again some time after it has closed."""
        self._interrupted = True

    def _forget(self, mono: float) -> None:
        while self._seconds and self._seconds[0][0] <= mono - WINDOW:
            self._seconds.popleft()

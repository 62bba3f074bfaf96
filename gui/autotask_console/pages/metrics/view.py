"""Which stretch of time is shown: following the present, or where a person stopped to look."""

from __future__ import annotations

from dataclasses import dataclass, replace

from autotask_console.pages.metrics.buckets import bucket_size, floor_to
from autotask_console.text import tr

MINUTE, HOUR, DAY = 60.0, 3_600.0, 86_400.0
RANGES: dict[str, float] = {"15m": 15 * MINUTE, "1h": HOUR, "6h": 6 * HOUR, "24h": DAY, "7d": 7 * DAY}
USUAL = "1h"
KEPT = 8 * DAY
"""How far back minutes are kept."""
SHORTEST = 5 * MINUTE
LONGEST = 7 * DAY


def range_titles() -> tuple[tuple[str, str], ...]:
    """(id, title) of the ranges, for chips."""
    return (
        ("15m", tr("15 min")),
        ("1h", tr("1 h")),
        ("6h", tr("6 h")),
        ("24h", tr("24 h")),
        ("7d", tr("7 d")),
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class View:
    """`start` and `end` are seconds since the epoch. While `live`, it follows the present."""

    start: float
    end: float
    live: bool = True

    @property
    def span(self) -> float:
        return self.end - self.start

    @property
    def size(self) -> float:
        """Seconds of one bucket."""
        return bucket_size(self.span)

    def following(self, now: float) -> View:
        """The same span up to the end of the bucket that runs at `now`; only a live view moves."""
        if not self.live:
            return self
        end = floor_to(now, self.size) + self.size
        return replace(self, start=end - self.span, end=end)

    def stopped_at(self, start: float, end: float) -> View:
        """What a person panned or zoomed to."""
        return View(start=start, end=end, live=False)


def live_view(range_id: str, now: float) -> View:
    """A range, following the present."""
    return View(start=now - RANGES[range_id], end=now).following(now)

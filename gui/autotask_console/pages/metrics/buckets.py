"""From minutes to what a range shows: at most 600 points, gaps left open, and the numbers beside them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from autotask_queue import MinuteStat

MINUTE = 60.0
MOST = 600
"""Points a range may have: more cost time to paint and show nothing more."""
_SIZES = (1, 2, 3, 5, 10, 15, 20, 30, 60)
FEW = 20
"""With fewer samples a 95th percentile is little more than the slowest one: low confidence."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Bucket:
    """What `size` seconds from `start` saw. Fields are None where the program did not run.

    `sent`, `failed`, `queued` are means per minute, `most_sent` the best minute; `waiting` and
    `oldest_age` (seconds) are the highest at the end of a minute. `p50` and `p95` (seconds) are the
    minutes' means weighted by their samples: quantiles themselves cannot be added up.
    """

    start: float
    size: float
    recorded: int = 0
    sent: float | None = None
    failed: float | None = None
    queued: float | None = None
    most_sent: int = 0
    waiting: int | None = None
    oldest_age: float | None = None
    p50: float | None = None
    p95: float | None = None
    samples: int = 0
    offline: bool = False
    held: bool = False
    partial: bool = False
    """It is not over yet."""

    @property
    def middle(self) -> float:
        return self.start + self.size / 2

    @property
    def end(self) -> float:
        return self.start + self.size


def bucket_size(span: float) -> float:
    """Seconds of one bucket, for a range of `span` seconds: as fine as `MOST` allows."""
    wanted = span / MOST / MINUTE
    minutes = next((size for size in _SIZES if size >= wanted), None)
    return MINUTE * (minutes if minutes is not None else 60 * math.ceil(wanted / 60))


def floor_to(at: float, size: float) -> float:
    """The start of the bucket that `at` is in."""
    return at - at % size


def aggregate(
    minutes: Iterable[MinuteStat], *, start: float, end: float, size: float, now: float
) -> list[Bucket]:
    """Buckets without holes from the one `start` is in to the one before `end`.

    Minutes outside are ignored. The one that is not over at `now` makes its bucket partial.
    """
    groups: dict[float, list[MinuteStat]] = {}
    for minute in minutes:
        groups.setdefault(floor_to(minute.at, size), []).append(minute)
    out = []
    place = floor_to(start, size)
    while place < end:
        out.append(_bucket(groups.get(place, ()), start=place, size=size, now=now))
        place += size
    return out


def _bucket(minutes: Sequence[MinuteStat], *, start: float, size: float, now: float) -> Bucket:
    partial = start <= now < start + size
    if not minutes:
        return Bucket(start=start, size=size, partial=partial)
    count = len(minutes)
    return Bucket(
        start=start,
        size=size,
        recorded=count,
        sent=sum(m.sent for m in minutes) / count,
        failed=sum(m.failed for m in minutes) / count,
        queued=sum(m.queued for m in minutes) / count,
        most_sent=max(m.sent for m in minutes),
        waiting=max(m.waiting for m in minutes),
        oldest_age=max(m.oldest_age for m in minutes),
        p50=_weighted((m.p50, m.samples) for m in minutes),
        p95=_weighted((m.p95, m.samples) for m in minutes),
        samples=sum(m.samples for m in minutes),
        offline=any(m.offline for m in minutes),
        held=any(m.held for m in minutes),
        partial=partial,
    )


def _weighted(pairs: Iterable[tuple[float | None, int]]) -> float | None:
    known = [(value, samples) for value, samples in pairs if value is not None and samples > 0]
    total = sum(samples for _, samples in known)
    return sum(value * samples for value, samples in known) / total if total else None


def joined(known: Sequence[MinuteStat], fresh: Sequence[MinuteStat]) -> list[MinuteStat]:
    """`known` with `fresh` in place of everything from its first minute on; both oldest first."""
    if not fresh:
        return list(known)
    return [m for m in known if m.at < fresh[0].at] + list(fresh)


def stretches(buckets: Sequence[Bucket], flag: str) -> Iterator[tuple[float, float]]:
    """(start, end) of each unbroken run of buckets in which `flag` is set."""
    start: float | None = None
    for bucket in buckets:
        if getattr(bucket, flag):
            start = bucket.start if start is None else start
        elif start is not None:
            yield start, bucket.start
            start = None
    if start is not None:
        yield start, buckets[-1].end


def at_time(buckets: Sequence[Bucket], at: float) -> Bucket | None:
    """The bucket that covers `at`."""
    if not buckets or not buckets[0].start <= at < buckets[-1].end:
        return None
    return buckets[int((at - buckets[0].start) // buckets[0].size)]


@dataclass(frozen=True, kw_only=True, slots=True)
class Figures:
    """The numbers beside the charts. `now` is of the last 60 seconds, the others of the shown range.

    `oldest` (seconds) is how it stands at the end of the range; `success` is 0 to 1.
    """

    now: int | None = None
    peak: int = 0
    waiting: int | None = None
    oldest: float | None = None
    success: float | None = None
    p95: float | None = None
    samples: int = 0

    @property
    def low_confidence(self) -> bool:
        return 0 < self.samples < FEW


def figures(buckets: Sequence[Bucket], *, now: int | None) -> Figures:
    """What the shown range amounts to."""
    known = [b for b in buckets if b.recorded]
    sent = sum((b.sent or 0.0) * b.recorded for b in known)
    failed = sum((b.failed or 0.0) * b.recorded for b in known)
    last = known[-1] if known else None
    return Figures(
        now=now,
        peak=max((b.most_sent for b in known), default=0),
        waiting=last.waiting if last else None,
        oldest=last.oldest_age if last else None,
        success=sent / (sent + failed) if sent + failed > 0 else None,
        p95=_weighted((b.p95, b.samples) for b in known),
        samples=sum(b.samples for b in known),
    )

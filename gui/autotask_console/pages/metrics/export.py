"""The shown numbers as CSV, for a spreadsheet."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from datetime import datetime

from autotask_console.pages.metrics.buckets import Bucket
from autotask_console.pages.metrics.table import remarks

_FIELDS = (
    "sent_per_minute",
    "failed_per_minute",
    "queued_per_minute",
    "waiting",
    "oldest_seconds",
    "p50_seconds",
    "p95_seconds",
    "samples",
    "minutes_recorded",
)


def as_csv(buckets: Sequence[Bucket]) -> str:
    """All buckets, oldest first, with a byte order mark, so that Excel reads it as Unicode.

    Times are local with their offset; numbers have a decimal point. Nothing that people wrote is in
    it, so no cell can be taken for a formula.
    """
    out = io.StringIO()
    out.write("\N{ZERO WIDTH NO-BREAK SPACE}")
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(("from", "to", *_FIELDS, "remarks"))
    for bucket in buckets:
        values = (
            bucket.sent,
            bucket.failed,
            bucket.queued,
            bucket.waiting,
            bucket.oldest_age,
            bucket.p50,
            bucket.p95,
            bucket.samples,
            bucket.recorded,
        )
        times = (_local(bucket.start), _local(bucket.end))
        writer.writerow((*times, *(_value(v) for v in values), remarks(bucket)))
    return out.getvalue()


def file_name(buckets: Sequence[Bucket], ending: str) -> str:
    """For example "metrics 2026-09-23 1400-1500.csv": fit for every file system."""
    if not buckets:
        return f"metrics.{ending}"
    start, end = (datetime.fromtimestamp(at).astimezone() for at in (buckets[0].start, buckets[-1].end))
    until = f"{end:%H%M}" if start.date() == end.date() else f"{end:%Y-%m-%d %H%M}"
    return f"metrics {start:%Y-%m-%d %H%M}-{until}.{ending}"


def _local(at: float) -> str:
    return datetime.fromtimestamp(at).astimezone().isoformat(timespec="seconds")


def _value(value: float | None) -> str:
    return "" if value is None else f"{value:.6g}"

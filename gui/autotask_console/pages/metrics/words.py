"""What the metrics page says: values under the pointer, figures, summaries. Pure."""

from __future__ import annotations

from autotask_console.pages.metrics.buckets import Bucket, Figures
from autotask_console.text import clock_time, duration, latency, number, percent, plural, tr

NOTHING = "–"


def rate(value: float | None) -> str:
    """Requests per minute; a mean over several minutes may be broken."""
    if value is None:
        return NOTHING
    return number(value, decimals=0 if value >= 10 or value == int(value) else 1)


def when(bucket: Bucket, *, now: float) -> str:
    """The bucket's time: "14:02", "14:00–14:20" where it is longer than a minute."""
    start = clock_time(bucket.start, now=now)
    return start if bucket.size <= 60 else f"{start}–{clock_time(bucket.end)}"


def readouts(bucket: Bucket, *, now: float) -> tuple[str, str, str]:
    """One line for each chart about the bucket under the pointer."""
    at = when(bucket, now=now)
    if not bucket.recorded:
        nothing = tr("{time} · not recorded, the program was not running", time=at)
        return nothing, nothing, nothing
    still = tr(" · still running") if bucket.partial else ""
    sent = tr(
        "{time} · sent {sent} · failed {failed} · queued {queued} per min",
        time=at,
        sent=rate(bucket.sent),
        failed=rate(bucket.failed),
        queued=rate(bucket.queued),
    )
    waiting = tr(
        "{time} · waiting {n} · oldest {age}",
        time=at,
        n=number(bucket.waiting or 0),
        age=duration(bucket.oldest_age or 0.0),
    )
    return sent + still, waiting + still, _times(bucket, at) + still


def _times(bucket: Bucket, at: str) -> str:
    if bucket.p50 is None or bucket.p95 is None:
        return tr("{time} · no answers", time=at)
    samples = plural(bucket.samples, "{n} sample", "{n} samples")
    return tr(
        "{time} · p50 {p50} · p95 {p95} ({samples})",
        time=at,
        p50=latency(bucket.p50),
        p95=latency(bucket.p95),
        samples=samples,
    )


def low_confidence(shown: Figures) -> str:
    """The mark beside the response times; empty where there are samples enough (or none)."""
    if not shown.low_confidence:
        return ""
    return plural(shown.samples, "low confidence: {n} sample", "low confidence: {n} samples")


def figure_rows(shown: Figures) -> tuple[tuple[str, str, str, str], ...]:
    """(id, caption, value, explanation) in reading order."""
    return (
        ("now", tr("Now"), _per_minute(shown.now), tr("Sent in the last 60 seconds.")),
        ("peak", tr("Peak"), _per_minute(shown.peak), tr("The best minute of the shown range.")),
        (
            "waiting",
            tr("Waiting"),
            NOTHING if shown.waiting is None else number(shown.waiting),
            tr("At the end of the shown range."),
        ),
        (
            "oldest",
            tr("Oldest"),
            NOTHING if not shown.oldest else duration(shown.oldest),
            tr("How long the oldest request has waited, at the end of the shown range."),
        ),
        (
            "success",
            tr("Success"),
            NOTHING if shown.success is None else _share(shown.success),
            tr("Requests sent, of those that were sent or failed in the shown range."),
        ),
        (
            "p95",
            tr("p95"),
            NOTHING if shown.p95 is None else latency(shown.p95),
            tr("95 of 100 answers came faster, in the shown range (approximate)."),
        ),
    )


def _share(success: float) -> str:
    # 99.96 % must not read as 100 %.
    return percent(1.0) if success == 1.0 else percent(min(success, 0.999), decimals=1)


def _per_minute(value: int | None) -> str:
    return NOTHING if value is None else tr("{n}/min", n=number(value))


def summaries(shown: Figures) -> tuple[str, str, str]:
    """Each chart in one sentence, for screen readers."""
    values = {row[0]: row[2] for row in figure_rows(shown)}
    sent = tr(
        "Now {now}, at most {peak}, {success} succeeded.",
        now=values["now"],
        peak=values["peak"],
        success=values["success"],
    )
    waiting = tr("{n} waiting, the oldest for {age}.", n=values["waiting"], age=values["oldest"])
    times = tr("95 of 100 answers within {p95}.", p95=values["p95"])
    return sent, waiting, " ".join(p for p in (times, low_confidence(shown)) if p)

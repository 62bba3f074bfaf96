"""Numbers as people read them."""

from __future__ import annotations

from datetime import datetime

import pytest

from autotask_console.pages.metrics.buckets import Bucket, Figures
from autotask_console.pages.metrics.export import as_csv, file_name
from autotask_console.pages.metrics.table import remarks
from autotask_console.pages.metrics.words import (
    figure_rows,
    low_confidence,
    rate,
    readouts,
    summaries,
    when,
)
from autotask_console.text import clock_time

T = 1_800_000_000.0
FULL = Bucket(
    start=T,
    size=60,
    recorded=1,
    sent=14.0,
    failed=1.0,
    queued=3.0,
    most_sent=14,
    waiting=7,
    oldest_age=190.0,
    p50=0.21,
    p95=0.64,
    samples=15,
)


def plain(text: str) -> str:
    return text.replace("\N{NARROW NO-BREAK SPACE}", " ")


@pytest.mark.parametrize(
    ("value", "text"), [(None, "–"), (0.0, "0"), (14.0, "14"), (2.35, "2.4"), (37.6, "38")]
)
def test_rates(value: float | None, text: str) -> None:
    assert rate(value) == text


def test_what_the_pointer_says() -> None:
    at = clock_time(T)
    assert readouts(FULL, now=T) == (
        f"{at} · sent 14 · failed 1 · queued 3 per min",
        f"{at} · waiting 7 · oldest 3 min",
        f"{at} · p50 0.2 s · p95 0.6 s (15 samples)",
    )


def test_the_pointer_on_a_gap_and_on_the_running_minute() -> None:
    gap = Bucket(start=T, size=60)
    assert {text.split(" · ", 1)[1] for text in readouts(gap, now=T)} == {
        "not recorded, the program was not running"
    }
    running = Bucket(start=T, size=60, recorded=1, sent=0, failed=0, queued=0, waiting=0, partial=True)
    first, _, times = readouts(running, now=T)
    assert first.endswith("· still running")
    assert times.endswith("no answers · still running")


def test_a_long_bucket_says_from_and_to() -> None:
    bucket = Bucket(start=T, size=1_200)
    assert when(bucket, now=T) == f"{clock_time(T)}–{clock_time(T + 1_200)}"


def test_figures() -> None:
    shown = Figures(now=14, peak=38, waiting=42, oldest=190.0, success=0.9921, p95=0.6, samples=400)
    assert [plain(row[2]) for row in figure_rows(shown)] == [
        "14/min",
        "38/min",
        "42",
        "3 min",
        "99.2 %",
        "0.6 s",
    ]
    assert [row[2] for row in figure_rows(Figures())] == ["–", "0/min", "–", "–", "–", "–"]


@pytest.mark.parametrize(("success", "text"), [(1.0, "100 %"), (0.9999, "99.9 %"), (0.5, "50.0 %")])
def test_nearly_all_is_not_all(success: float, text: str) -> None:
    row = next(r for r in figure_rows(Figures(success=success)) if r[0] == "success")
    assert plain(row[2]) == text


def test_low_confidence() -> None:
    assert low_confidence(Figures(samples=9)) == "low confidence: 9 samples"
    assert low_confidence(Figures(samples=1)) == "low confidence: 1 sample"
    assert low_confidence(Figures(samples=200)) == ""


def test_summaries_hold_the_numbers() -> None:
    sent, waiting, times = summaries(
        Figures(now=14, peak=38, waiting=42, oldest=190.0, success=1.0, p95=0.6, samples=9)
    )
    assert plain(sent) == "Now 14/min, at most 38/min, 100 % succeeded."
    assert waiting == "42 waiting, the oldest for 3 min."
    assert times == "95 of 100 answers within 0.6 s. low confidence: 9 samples"


def test_remarks_say_what_the_shading_says() -> None:
    assert remarks(Bucket(start=T, size=60, recorded=1, offline=True, held=True)) == "offline, held"
    assert remarks(Bucket(start=T, size=60, partial=True)) == "still running"
    assert remarks(Bucket(start=T, size=60)) == "not recorded"
    assert remarks(FULL) == ""


def test_csv() -> None:
    text = as_csv([FULL, Bucket(start=T + 60, size=60)])
    assert text.startswith("\ufeff")
    lines = text.removeprefix("\ufeff").split("\r\n")
    assert lines[0] == (
        "from,to,sent_per_minute,failed_per_minute,queued_per_minute,waiting,oldest_seconds,"
        "p50_seconds,p95_seconds,samples,minutes_recorded,remarks"
    )
    start, end, *values = lines[1].split(",")
    assert datetime.fromisoformat(start).timestamp() == T
    assert datetime.fromisoformat(end).timestamp() == T + 60
    assert values == ["14", "1", "3", "7", "190", "0.21", "0.64", "15", "1", ""]
    assert lines[2].split(",")[2:] == ["", "", "", "", "", "", "", "0", "0", "not recorded"]
    assert lines[3:] == [""]


def test_file_names_fit_every_system() -> None:
    name = file_name([FULL], "csv")
    assert name.startswith("metrics ")
    assert name.endswith(".csv")
    assert not set(name) & set('\\/:*?"<>|')
    assert file_name([], "png") == "metrics.png"

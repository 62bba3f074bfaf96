"""From minutes to points: nothing is lost, nothing is invented, never too many."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autotask_console.pages.metrics.buckets import (
    MINUTE,
    MOST,
    Bucket,
    Figures,
    aggregate,
    at_time,
    bucket_size,
    figures,
    floor_to,
    joined,
    stretches,
)
from autotask_console.pages.metrics.view import RANGES, live_view
from autotask_queue import MinuteStat

T = 1_800_000_000.0  # a whole number of hours
NOW = T + 3_600 + 20


def minute(place: int, **fields: object) -> MinuteStat:
    return MinuteStat(at=T + place * MINUTE, **fields)  # type: ignore[arg-type]


def buckets(minutes: list[MinuteStat], *, size: float = MINUTE, count: int = 10) -> list[Bucket]:
    return aggregate(minutes, start=T, end=T + count * size, size=size, now=NOW)


@pytest.mark.parametrize(("range_id", "minutes"), [("15m", 1), ("1h", 1), ("6h", 1), ("24h", 3), ("7d", 20)])
def test_sizes_of_the_ranges(range_id: str, minutes: int) -> None:
    assert bucket_size(RANGES[range_id]) == minutes * MINUTE


@given(st.floats(min_value=60, max_value=400 * 86_400))
def test_never_more_than_the_most(span: float) -> None:
    assert span / bucket_size(span) <= MOST


def test_one_minute_stays_as_it_is() -> None:
    (bucket, *_) = buckets(
        [minute(0, sent=14, failed=1, queued=3, waiting=7, oldest_age=90.0, p50=0.2, p95=0.9, samples=15)]
    )
    assert bucket == Bucket(
        start=T,
        size=MINUTE,
        recorded=1,
        sent=14,
        failed=1,
        queued=3,
        most_sent=14,
        waiting=7,
        oldest_age=90.0,
        p50=0.2,
        p95=0.9,
        samples=15,
    )


def test_a_minute_that_was_not_recorded_is_a_gap_and_not_a_zero() -> None:
    first, second, third, *_ = buckets([minute(0, sent=1), minute(2, sent=1)])
    assert (first.recorded, second.recorded, third.recorded) == (1, 0, 1)
    assert second.sent is None
    assert second.waiting is None
    assert second.p95 is None


def test_rates_are_means_of_the_recorded_minutes() -> None:
    (bucket, *_) = buckets([minute(0, sent=30), minute(2, sent=10)], size=5 * MINUTE)
    assert (bucket.recorded, bucket.sent, bucket.most_sent) == (2, 20, 30)


def test_what_waits_keeps_its_peak() -> None:
    (bucket, *_) = buckets(
        [minute(0, waiting=3, oldest_age=10.0), minute(1, waiting=40, oldest_age=700.0), minute(2)],
        size=5 * MINUTE,
    )
    assert (bucket.waiting, bucket.oldest_age) == (40, 700.0)


def test_times_count_by_their_samples() -> None:
    (bucket, *_) = buckets(
        [
            minute(0, p50=1.0, p95=2.0, samples=1),
            minute(1, p50=0.1, p95=0.2, samples=9),
            minute(2),
        ],
        size=5 * MINUTE,
    )
    assert bucket.p50 == pytest.approx(0.19)
    assert bucket.p95 == pytest.approx(0.38)
    assert bucket.samples == 10


def test_the_running_minute_is_partial_and_only_that() -> None:
    found = aggregate([], start=T, end=T + 3_720, size=MINUTE, now=NOW)
    assert [b.start for b in found if b.partial] == [T + 3_600]


def test_minutes_outside_are_left_out() -> None:
    found = aggregate(
        [minute(-5, sent=99), minute(1, sent=1), minute(50, sent=99)],
        start=T,
        end=T + 600,
        size=MINUTE,
        now=NOW,
    )
    assert sum(b.sent or 0 for b in found) == 1


@given(
    counts=st.lists(st.none() | st.integers(0, 50), min_size=1, max_size=120),
    size=st.sampled_from([1, 2, 3, 5, 10, 20, 60]),
)
def test_every_sent_request_is_in_exactly_one_bucket(counts: list[int | None], size: int) -> None:
    minutes = [minute(i, sent=n) for i, n in enumerate(counts) if n is not None]
    found = aggregate(minutes, start=T, end=T + len(counts) * MINUTE, size=size * MINUTE, now=T + 10 * 86_400)
    assert sum((b.sent or 0) * b.recorded for b in found) == pytest.approx(sum(m.sent for m in minutes))
    assert sum(b.recorded for b in found) == len(minutes)
    assert all(a.end == b.start for a, b in itertools.pairwise(found))


def test_fresh_minutes_replace_and_extend() -> None:
    known = [minute(0, sent=1), minute(1, sent=2)]
    fresh = [minute(1, sent=5), minute(2, sent=1)]
    assert joined(known, fresh) == [minute(0, sent=1), *fresh]
    assert joined(known, []) == known


def test_stretches_join_neighbours() -> None:
    found = buckets([minute(i, offline=i in {1, 2, 5, 9}) for i in range(10)])
    expected = [(1, 3), (5, 6), (9, 10)]
    assert list(stretches(found, "offline")) == [(T + a * 60, T + b * 60) for a, b in expected]


def test_the_bucket_under_the_pointer() -> None:
    found = buckets([], size=5 * MINUTE)
    assert at_time(found, T + 301) is found[1]
    assert at_time(found, T) is found[0]
    assert at_time(found, T - 1) is None
    assert at_time(found, T + 10 * 300) is None
    assert at_time([], T) is None


def test_figures_of_a_range() -> None:
    found = buckets(
        [
            minute(0, sent=30, failed=1, p95=0.5, samples=31, waiting=9, oldest_age=120.0),
            minute(3, sent=10, p95=1.0, samples=10, waiting=2, oldest_age=15.0),
        ]
    )
    shown = figures(found, now=4)
    assert (shown.now, shown.peak, shown.waiting, shown.oldest, shown.samples) == (4, 30, 2, 15.0, 41)
    assert shown.success == pytest.approx(40 / 41)
    assert shown.p95 == pytest.approx((0.5 * 31 + 10) / 41)
    assert not shown.low_confidence


def test_figures_of_nothing() -> None:
    assert figures([], now=None) == Figures()
    assert figures(buckets([]), now=0) == Figures(now=0)


@pytest.mark.parametrize(("samples", "low"), [(0, False), (1, True), (19, True), (20, False)])
def test_few_samples_are_low_confidence(samples: int, low: bool) -> None:
    assert Figures(samples=samples).low_confidence is low


class TestView:
    def test_a_live_view_ends_with_the_running_bucket(self) -> None:
        view = live_view("1h", NOW)
        assert view.end == T + 3_660
        assert view.span == 3_600

    def test_it_moves_when_the_bucket_is_over(self) -> None:
        view = live_view("1h", NOW)
        assert view.following(NOW + 30) == view
        assert view.following(NOW + 45).end == view.end + 60

    def test_a_stopped_one_stays(self) -> None:
        stopped = live_view("1h", NOW).stopped_at(T, T + 600)
        assert stopped.following(NOW + 3_600) == stopped
        assert not stopped.live

    def test_zooming_in_shows_finer_buckets(self) -> None:
        week = live_view("7d", NOW)
        assert week.size == 1_200
        assert week.stopped_at(T, T + 3_600).size == 60

    def test_floor(self) -> None:
        assert floor_to(NOW, 60) == T + 3_600

"""Dates and times as people write them."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autotask_console.pages.compose.moments import (
    day_from_wire,
    day_to_wire,
    from_wire,
    parse_day,
    parse_moment,
    to_wire,
    written,
)

HERE = ZoneInfo("Europe/Amsterdam")
NOW = datetime(2026, 9, 23, 14, 5, 40, tzinfo=HERE)  # a Wednesday


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("now", "2026-09-23 14:05"),
        ("NOW", "2026-09-23 14:05"),
        ("+1d", "2026-09-24 14:05"),
        ("+ 1 d", "2026-09-24 14:05"),
        ("-2h", "2026-09-23 12:05"),
        ("+1h30m", "2026-09-23 15:35"),
        ("-1h 30min", "2026-09-23 12:35"),
        ("+1w", "2026-09-30 14:05"),
        ("+1d 17:00", "2026-09-24 17:00"),
        ("+1d at 5pm", "2026-09-24 17:00"),
        ("9:00", "2026-09-23 09:00"),
        ("9.30", "2026-09-23 09:30"),
        ("12am", "2026-09-23 00:00"),
        ("12pm", "2026-09-23 12:00"),
        ("today 8:15", "2026-09-23 08:15"),
        ("tomorrow", "2026-09-24 14:05"),
        ("tomorrow 9:00", "2026-09-24 09:00"),
        ("yesterday at 9:00", "2026-09-22 09:00"),
        ("fri 9:00", "2026-09-25 09:00"),
        ("wednesday", "2026-09-30 14:05"),
        ("24 Sep 17:00", "2026-09-24 17:00"),
        ("24 september 2027 17:00", "2027-09-24 17:00"),
        ("Sep 24", "2026-09-24 14:05"),
        ("2 jan", "2027-01-02 14:05"),
        ("29 feb 10:00", "2028-02-29 10:00"),
        ("24.9.2026 17:00", "2026-09-24 17:00"),
        ("24.9. 17:00", "2026-09-24 17:00"),
        ("2026-09-24", "2026-09-24 14:05"),
        ("2026-09-24 17:00", "2026-09-24 17:00"),
        ("2026-09-24T17:00", "2026-09-24 17:00"),
        ("2026-09-24T15:00:00Z", "2026-09-24 17:00"),
    ],
)
def test_means(text: str, meant: str) -> None:
    if text == "29 feb 10:00":
        assert parse_moment(text, now=datetime(2028, 1, 5, tzinfo=HERE), zone=HERE) == datetime(
            2028, 2, 29, 10, tzinfo=HERE
        )
        return
    moment = parse_moment(text, now=NOW, zone=HERE)
    assert moment is not None
    assert written(moment, zone=HERE) == meant


@pytest.mark.parametrize(
    "text",
    ["", "  ", "soon", "25", "25:00", "13pm", "31 feb", "2026-13-01", "9:61", "+1", "+d", "tomorrow soon",
     "32.1.", "9/24/2026", "2026-09-24 soon", "ma", "+1d later"],
)  # fmt: skip
def test_means_nothing(text: str) -> None:
    assert parse_moment(text, now=NOW, zone=HERE) is None


def test_a_day_without_a_time_takes_the_usual_one() -> None:
    moment = parse_moment("24 sep", now=NOW, default_time=time(17), zone=HERE)
    assert moment == datetime(2026, 9, 24, 17, tzinfo=HERE)
    assert parse_moment("tomorrow 9:00", now=NOW, default_time=time(17), zone=HERE) == datetime(
        2026, 9, 24, 9, tzinfo=HERE
    )


def test_autotask_gets_utc() -> None:
    moment = parse_moment("24 sep 17:00", now=NOW, zone=HERE)
    assert moment is not None
    assert to_wire(moment) == "2026-09-24T15:00:00Z"
    winter = parse_moment("2026-12-24 17:00", now=NOW, zone=HERE)
    assert winter is not None
    assert to_wire(winter) == "2026-12-24T16:00:00Z"


def test_a_day_is_not_converted() -> None:
    day = parse_day("yesterday", now=NOW, zone=HERE)
    assert day == date(2026, 9, 22)
    assert day_to_wire(date(2026, 9, 22)) == "2026-09-22T00:00:00Z"
    assert day_from_wire("2026-09-22T00:00:00Z") == day


def test_what_autotask_wrote_without_a_zone_is_utc() -> None:
    assert from_wire("2026-09-24T15:00:00") == datetime(2026, 9, 24, 15, tzinfo=UTC)
    assert from_wire("soon") is None
    assert from_wire(17) is None


@given(
    st.integers(0, 60 * 24 * 365 * 100).map(lambda n: datetime(2000, 1, 1, tzinfo=UTC) + timedelta(minutes=n))
)
def test_what_a_field_shows_is_read_back(moment: datetime) -> None:
    assert parse_moment(written(moment, zone=UTC), now=NOW, zone=UTC) == moment


@given(st.text(max_size=40))
def test_no_text_breaks_it(text: str) -> None:
    parse_moment(text, now=NOW, zone=HERE)
    parse_day(text, now=NOW, zone=HERE)

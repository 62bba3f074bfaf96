"""Start, end, hours and day of a time entry tell the same story."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from autotask_console.pages.compose.hours import consistent, parse_hours
from autotask_console.pages.compose.moments import to_wire

START, END, HOURS, DAY = "startDateTime", "endDateTime", "hoursWorked", "dateWorked"


def at(hour: int, minute: int = 0, day: int = 20) -> str:
    return to_wire(datetime(2026, 11, day, hour, minute).astimezone())


def change(document: dict[str, Any], **changed: Any) -> dict[str, Any]:
    """As the workbench does it: one field after the other."""
    for name, value in changed.items():
        document = consistent({**document, name: value}, name, before=document)
    return document


def test_start_and_end_say_the_hours_and_the_day() -> None:
    document = change({}, startDateTime=at(9), endDateTime=at(10, 30))
    assert document[HOURS] == 1.5
    assert document[DAY] == "2026-11-20T00:00:00Z"


def test_hours_move_the_end() -> None:
    document = change({}, startDateTime=at(9), endDateTime=at(10), hoursWorked=2.25)
    assert document[END] == at(11, 15)


def test_hours_and_end_say_the_start() -> None:
    document = change({}, hoursWorked=2, endDateTime=at(11))
    assert document[START] == at(9)
    assert document[DAY] == "2026-11-20T00:00:00Z"


def test_hours_then_start_say_the_end() -> None:
    assert change({}, hoursWorked=0.5, startDateTime=at(9))[END] == at(9, 30)


def test_a_later_start_takes_the_end_along_only_if_it_must() -> None:
    document = change({}, startDateTime=at(9), endDateTime=at(12))
    assert change(document, startDateTime=at(10))[HOURS] == 2
    moved = change(document, startDateTime=at(13))
    assert moved[END] == at(16)
    assert moved[HOURS] == 3


def test_an_end_before_the_start_changes_nothing_else() -> None:
    document = change({}, startDateTime=at(9), endDateTime=at(10))
    wrong = change(document, endDateTime=at(8))
    assert wrong == {**document, END: at(8)}


def test_a_chosen_day_stays_and_a_followed_one_follows() -> None:
    followed = change({}, startDateTime=at(9), endDateTime=at(10))
    assert change(followed, startDateTime=at(9, day=19))[DAY] == "2026-11-19T00:00:00Z"
    chosen = change(followed, dateWorked="2026-11-21T00:00:00Z")
    assert change(chosen, startDateTime=at(9, day=19))[DAY] == "2026-11-21T00:00:00Z"


@pytest.mark.parametrize("hours", [0, -1, 25, True, "2"])
def test_impossible_hours_move_nothing(hours: Any) -> None:
    document = change({}, startDateTime=at(9), endDateTime=at(10))
    assert change(document, hoursWorked=hours)[END] == at(10)


@pytest.mark.parametrize(
    ("text", "hours"),
    [("1:30", 1.5), ("90 min", 1.5), ("1h 30m", 1.5), ("1h30", None), ("2", 2), ("1,5", 1.5), ("0.25", 0.25),
     ("45m", 0.75), ("2 hours", 2), ("", None), ("soon", None), ("nan", None), ("inf", None), ("1:75", None)],
)  # fmt: skip
def test_hours_as_people_write_them(text: str, hours: float | None) -> None:
    assert parse_hours(text) == hours

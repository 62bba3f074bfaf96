"""The dialog: what it offers, what it refuses, what it says will happen."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from PySide6.QtCore import QDateTime, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QComboBox, QDateTimeEdit, QLabel, QLineEdit, QRadioButton, QWidget
from pytestqt.qtbot import QtBot
from tests.core.clock import FakeClock
from tests.gui.looks import backward, child, clipped, nameless, unringed

from autotask_console.pages.breakers.maintenance import HOUR, LONGEST, Hold, MaintenanceSheet
from autotask_console.state import AppState
from autotask_console.text import clock_time
from autotask_console.widgets.button import Button
from autotask_queue import (
    BreakerMetrics,
    BreakerState,
    Cell,
    Counters,
    Override,
    OverrideKind,
    Status,
)

NOW = 1_800_000_000.0
CELLS = (
    Cell(zone="ww5", entity="Tickets", status=Status.PENDING, count=30),
    Cell(zone="ww5", entity="TicketNotes", status=Status.PENDING, count=1),
    Cell(zone="ww14", entity="Contacts", status=Status.PENDING, count=11),
)
STATE = AppState(at=NOW, open=True, counters=Counters(cells=CELLS), zones=("ww14", "ww5"))
Open = Callable[..., MaintenanceSheet]


@pytest.fixture
def open_sheet(qtbot: QtBot) -> Open:
    host = QWidget()
    host.resize(1000, 600)
    qtbot.addWidget(host)
    host.show()

    def make(
        *, state: AppState = STATE, zones: tuple[str, ...] = ("ww14", "ww5"), **more: object
    ) -> MaintenanceSheet:
        more.setdefault("zone", "ww5")
        sheet = MaintenanceSheet(host, state=state, clock=FakeClock(NOW), zones=zones, **more)  # type: ignore[arg-type]
        sheet.open()
        return sheet

    return make


def press(sheet: MaintenanceSheet, name: str) -> None:
    child(sheet, Button, name).click()


def choose(sheet: MaintenanceSheet, what: str) -> None:
    child(sheet, QRadioButton, f"maintenance.what.{what}").setChecked(True)


def give_reason(sheet: MaintenanceSheet, text: str = "firewall swap") -> None:
    child(sheet, QLineEdit, "reason.edit").setText(text)


def words(sheet: MaintenanceSheet, name: str) -> str:
    return child(sheet, QLabel, f"maintenance.{name}").text()


def test_it_opens_on_the_safe_side(open_sheet: Open) -> None:
    sheet = open_sheet()
    assert sheet.focusWidget() is sheet.keep_button
    assert sheet.keep_button.text() == "Keep sending"
    assert sheet.keep_button.isDefault()
    assert sheet.windowModality() is Qt.WindowModality.WindowModal
    assert not sheet.do_button.isEnabled()
    assert "Say why" in sheet.do_button.toolTip()


def test_the_usual_hold_is_half_an_hour_of_the_zone(open_sheet: Open) -> None:
    sheet = open_sheet()
    give_reason(sheet, "  firewall swap ")
    assert sheet.do_button.isEnabled()
    assert sheet.do_button.text() == "Hold zone ww5"
    assert sheet.hold == Hold(zone="ww5", entity=None, starts_at=None, seconds=1800, reason="firewall swap")
    assert words(sheet, "impact") == "31 waiting requests will be held. New ones are still accepted."
    assert words(sheet, "ends") == f"ends today {clock_time(NOW + 1800)}"
    assert words(sheet, "after") == (
        f"Afterwards we test with 1 request before resuming. You get a notice at {clock_time(NOW + 1500)}."
    )


@pytest.mark.parametrize(("chip", "seconds"), [("15m", 900), ("30m", 1800), ("1h", 3600), ("2h", 7200)])
def test_lengths(open_sheet: Open, chip: str, seconds: int) -> None:
    sheet = open_sheet()
    press(sheet, f"maintenance.length.{chip}")
    assert sheet.hold.seconds == seconds


def test_one_endpoint(open_sheet: Open) -> None:
    sheet = open_sheet(more_endpoints=("Companies", "Tickets"))
    combo = child(sheet, QComboBox, "maintenance.entity")
    assert [combo.itemText(i) for i in range(combo.count())] == ["Ticket notes", "Tickets", "Companies"]
    choose(sheet, "one")
    assert sheet.hold.entity == "TicketNotes"
    assert words(sheet, "impact").startswith("1 waiting request will be held.")
    assert sheet.do_button.text() == "Hold Ticket notes of ww5"


def test_choosing_an_endpoint_chooses_that_scope(open_sheet: Open) -> None:
    sheet = open_sheet()
    combo = child(sheet, QComboBox, "maintenance.entity")
    combo.setCurrentIndex(1)
    combo.activated.emit(1)
    assert sheet.hold.entity == "Tickets"


def test_everything(open_sheet: Open) -> None:
    sheet = open_sheet()
    choose(sheet, "everything")
    assert (sheet.hold.zone, sheet.hold.entity) == ("*", None)
    assert sheet.do_button.text() == "Hold everything"
    assert words(sheet, "impact").startswith("42 waiting requests")


def test_another_zone_brings_its_own_endpoints(open_sheet: Open) -> None:
    sheet = open_sheet()
    choose(sheet, "one")
    zones = child(sheet, QComboBox, "maintenance.zone")
    zones.setCurrentIndex(zones.findData("ww14"))
    assert (sheet.hold.zone, sheet.hold.entity) == ("ww14", "Contacts")
    assert child(sheet, QRadioButton, "maintenance.what.whole").text() == "Zone ww14"


def test_a_single_zone_needs_no_choice_of_zone(open_sheet: Open) -> None:
    sheet = open_sheet(zones=("ww5",))
    assert not sheet.findChildren(QComboBox, "maintenance.zone")
    assert sheet.hold.zone == "ww5"


def test_without_any_zone_everything_can_be_held(open_sheet: Open) -> None:
    sheet = open_sheet(state=AppState(at=NOW, open=True), zones=(), zone="*")
    give_reason(sheet)
    assert sheet.hold.zone == "*"
    assert words(sheet, "impact") == "Nothing waits there now. New ones are still accepted."
    assert not child(sheet, QRadioButton, "maintenance.what.one").isEnabled()
    assert sheet.do_button.isEnabled()


def test_until_a_time_of_ones_own(open_sheet: Open) -> None:
    sheet = open_sheet()
    give_reason(sheet)
    press(sheet, "maintenance.length.until")
    edit = child(sheet, QDateTimeEdit, "maintenance.end.at")
    assert edit.isVisible()
    edit.setDateTime(QDateTime.fromSecsSinceEpoch(int(NOW + 3 * HOUR)))
    assert sheet.hold.seconds == 3 * HOUR
    assert sheet.do_button.isEnabled()


@pytest.mark.parametrize(
    ("end", "why"),
    [
        (-60.0, "The end must be after the start."),
        (LONGEST + 60, "At most 24 hours. Extend it later if it takes longer."),
    ],
)
def test_impossible_ends_are_refused_with_a_remedy(open_sheet: Open, end: float, why: str) -> None:
    sheet = open_sheet()
    give_reason(sheet)
    press(sheet, "maintenance.length.until")
    child(sheet, QDateTimeEdit, "maintenance.end.at").setDateTime(
        QDateTime.fromSecsSinceEpoch(int(NOW + end))
    )
    assert not sheet.do_button.isEnabled()
    assert sheet.do_button.toolTip() == why
    assert words(sheet, "after") == ""


def test_later(open_sheet: Open) -> None:
    sheet = open_sheet()
    give_reason(sheet)
    press(sheet, "maintenance.start.later")
    edit = child(sheet, QDateTimeEdit, "maintenance.start.at")
    assert edit.isVisible()
    press(sheet, "maintenance.length.until")
    assert sheet.hold.seconds == HOUR
    press(sheet, "maintenance.length.30m")
    edit.setDateTime(QDateTime.fromSecsSinceEpoch(int(NOW + 2 * HOUR)))
    assert (sheet.hold.starts_at, sheet.hold.seconds) == (NOW + 2 * HOUR, 1800)
    assert sheet.do_button.text() == "Plan hold of zone ww5"
    assert words(sheet, "impact").startswith("Until then sending goes on.")
    assert words(sheet, "ends") == f"ends {clock_time(NOW + 2 * HOUR + 1800, now=NOW)}".replace(
        "ends ", "ends today " if "tomorrow" not in clock_time(NOW + 2 * HOUR + 1800, now=NOW) else "ends "
    )


def test_a_start_in_the_past_is_refused(open_sheet: Open) -> None:
    sheet = open_sheet()
    give_reason(sheet)
    press(sheet, "maintenance.start.later")
    child(sheet, QDateTimeEdit, "maintenance.start.at").setDateTime(
        QDateTime.fromSecsSinceEpoch(int(NOW - HOUR))
    )
    assert not sheet.do_button.isEnabled()
    assert "past" in sheet.do_button.toolTip()


def test_recent_reasons_are_one_click_away(open_sheet: Open) -> None:
    sheet = open_sheet(recent_reasons=("router", "vendor", "swap", "fourth"))
    chips = [c for c in sheet.findChildren(Button) if c.objectName().startswith("reason.recent")]
    assert [c.text() for c in chips] == ["router", "vendor", "swap"]
    chips[1].click()
    assert sheet.hold.reason == "vendor"
    assert sheet.do_button.isEnabled()


def test_it_says_which_hold_it_replaces(open_sheet: Open) -> None:
    standing = Override(
        kind=OverrideKind.FORCED_OPEN, reason="router", actor="Bob", since=NOW - 60, expires_at=NOW + 600
    )
    state = AppState(
        at=NOW,
        open=True,
        breakers=(BreakerMetrics(zone="ww5", state=BreakerState.CLOSED, overrides=(standing,)),),
    )
    sheet = open_sheet(state=state)
    assert words(sheet, "impact").endswith("It replaces the hold “router”.")
    choose(sheet, "everything")
    assert "replaces" not in words(sheet, "impact")


def test_escape_keeps_sending(open_sheet: Open, qtbot: QtBot) -> None:
    sheet = open_sheet()
    with qtbot.waitSignal(sheet.rejected):
        QTest.keyClick(sheet, Qt.Key.Key_Escape)


def test_everything_has_a_name_and_fits(qapp: QApplication, open_sheet: Open, qtbot: QtBot) -> None:
    sheet = open_sheet(recent_reasons=("router",))
    press(sheet, "maintenance.start.later")
    press(sheet, "maintenance.length.until")
    qtbot.waitUntil(lambda: child(sheet, QDateTimeEdit, "maintenance.end.at").width() > 100)
    assert nameless(sheet) == []
    assert backward(sheet) == []
    sheet.window().activateWindow()
    qtbot.waitUntil(sheet.window().isActiveWindow)
    assert unringed(sheet, qapp) == []
    assert clipped(sheet) == []

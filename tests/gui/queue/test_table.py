"""The table itself: it never walks a million rows, and its columns fit."""

from __future__ import annotations

import itertools
from array import array
from collections.abc import Iterator

import msgspec
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot
from tests.gui.queue.test_requests_model import row
from typing_extensions import override

from autotask_console.models.cells import COLUMNS, DEFAULT_COLUMNS
from autotask_console.models.requests import RequestTableModel
from autotask_console.models.vector import Order, compare
from autotask_console.pages.queue.table import MOST_BY_HAND, RequestTable
from autotask_console.platform.theme import Theme
from autotask_queue import RequestFilter, RequestRow, Selection, Status

MANY = 200_000
SHIFT, CONTROL = Qt.KeyboardModifier.ShiftModifier, Qt.KeyboardModifier.ControlModifier


class CountingModel(RequestTableModel):
    """Counts how often a row is looked at."""

    looks = 0

    @override
    def request_at(self, row: int) -> RequestRow | None:
        type(self).looks += 1
        return super().request_at(row)


@pytest.fixture
def table(qtbot: QtBot, theme: Theme) -> Iterator[RequestTable]:
    model = CountingModel()
    vector = array("q", range(MANY, 0, -1))
    model.apply(compare([vector], Order.DESCENDING, base=model.vector, newest=0), Order.DESCENDING)
    model.fill(row(seq) for seq in range(MANY, MANY - 300, -1))
    made = RequestTable(model)
    qtbot.addWidget(made)
    made.resize(720, 480)
    made.show()
    made.setFocus()
    qtbot.waitExposed(made)
    yield made
    model.deleteLater()


def test_only_what_is_in_sight_is_looked_at(table: RequestTable, qtbot: QtBot) -> None:
    qtbot.wait(50)
    CountingModel.looks = 0

    table.verticalScrollBar().setValue(table.verticalScrollBar().maximum() // 2)
    table.grab()

    assert 0 < CountingModel.looks < 60 * len(COLUMNS)


@pytest.mark.parametrize("key", [Qt.Key.Key_A, Qt.Key.Key_X, Qt.Key.Key_1])
def test_typing_does_not_search_all_rows(table: RequestTable, key: Qt.Key) -> None:
    CountingModel.looks = 0

    QTest.keyClick(table, key)

    assert CountingModel.looks == 0


def test_ctrl_a_takes_the_loaded_rows(table: RequestTable) -> None:
    QTest.keyClick(table, Qt.Key.Key_A, CONTROL)

    assert table.count_selected() == 300
    assert table.selected_seqs() == list(range(MANY, MANY - 300, -1))


def test_a_span_has_an_end(table: RequestTable, qtbot: QtBot) -> None:
    table.selectRow(0)
    with qtbot.waitSignal(table.too_many):
        QTest.keyClick(table, Qt.Key.Key_End, SHIFT)

    assert table.count_selected() == MOST_BY_HAND
    assert table.currentIndex().row() == MANY - 1


def test_home_and_end_go_to_the_ends(table: RequestTable) -> None:
    QTest.keyClick(table, Qt.Key.Key_End)
    assert table.current_seq() == 1
    QTest.keyClick(table, Qt.Key.Key_Home)
    assert table.current_seq() == MANY
    QTest.keyClick(table, Qt.Key.Key_Left)
    assert table.current_seq() == MANY


def test_space_adds_and_takes_away(table: RequestTable) -> None:
    QTest.keyClick(table, Qt.Key.Key_Down)
    QTest.keyClick(table, Qt.Key.Key_Down, CONTROL)
    QTest.keyClick(table, Qt.Key.Key_Space)
    assert table.selected_seqs() == [MANY, MANY - 1]
    QTest.keyClick(table, Qt.Key.Key_Space)
    assert table.selected_seqs() == [MANY]


def test_the_first_arrow_selects_where_the_keyboard_is(table: RequestTable) -> None:
    assert table.selected_seqs() == []
    QTest.keyClick(table, Qt.Key.Key_Down)
    assert table.selected_seqs() == [MANY]
    QTest.keyClick(table, Qt.Key.Key_Down)
    assert table.selected_seqs() == [MANY - 1]


@pytest.mark.parametrize(
    ("key", "word"),
    [
        (Qt.Key.Key_R, "retry"),
        (Qt.Key.Key_Delete, "cancel"),
        (Qt.Key.Key_E, "edit"),
        (Qt.Key.Key_D, "duplicate"),
        (Qt.Key.Key_C, "curl"),
        (Qt.Key.Key_Slash, "filter"),
        (Qt.Key.Key_Return, "open"),
    ],
)
def test_keys_ask_for_commands(table: RequestTable, key: Qt.Key, word: str) -> None:
    asked: list[str] = []
    table.asked.connect(asked.append)

    QTest.keyClick(table, key)
    QTest.keyClick(table, key, CONTROL)

    assert asked == [word]


def test_all_matching_is_no_list_of_rows(table: RequestTable) -> None:
    table.select_everything([Selection(filter=RequestFilter(), max_seq=MANY - 1)])
    assert table.count_selected() == 0
    assert table.must_stay
    assert not table._in_everything(0)
    assert table._in_everything(1)

    spot = QPoint(200, 60)
    QTest.mouseClick(table.viewport(), Qt.MouseButton.RightButton, pos=spot)
    assert table.everything
    QTest.mouseClick(table.viewport(), Qt.MouseButton.LeftButton, pos=spot)
    assert not table.everything
    assert table.count_selected() == 1


def test_esc_keeps_the_current_row_only(table: RequestTable) -> None:
    table.selectRow(0)
    QTest.keyClick(table, Qt.Key.Key_Down, SHIFT)
    QTest.keyClick(table, Qt.Key.Key_Down, SHIFT)
    QTest.keyClick(table, Qt.Key.Key_Escape)

    assert table.selected_seqs() == [MANY - 2]


@pytest.mark.parametrize("width", [520, 640, 720, 1100])
def test_the_five_columns_fill_the_table_and_none_is_cut(table: RequestTable, width: int) -> None:
    table.resize(width, 480)
    header = table.horizontalHeader()
    shown = [c.id for i, c in enumerate(COLUMNS) if not header.isSectionHidden(i)]

    assert shown == list(DEFAULT_COLUMNS)
    assert header.length() == table.viewport().width()
    assert not table.horizontalScrollBar().isVisible()


def test_widths_do_not_depend_on_what_rows_hold(table: RequestTable) -> None:
    model = table._requests
    header = table.horizontalHeader()
    before = [header.sectionSize(i) for i in range(len(COLUMNS))]

    model.fill([row(MANY, updated_at=5.0)])
    model.touch(0, 10)
    table.grab()

    assert [header.sectionSize(i) for i in range(len(COLUMNS))] == before


def test_a_width_set_by_hand_is_taken_from_the_request_column(table: RequestTable) -> None:
    told: list[tuple[str, int]] = []
    table.resized_by_hand.connect(lambda *a: told.append(a))
    header = table.horizontalHeader()

    header.resizeSection(2, 100)

    assert told == [("zone", 100)]
    assert header.length() == table.viewport().width()


def test_rows_have_the_height_of_the_density(table: RequestTable) -> None:
    assert table.rowHeight(5) == 27
    table.set_density("dense")
    assert table.rowHeight(5) == 22


def test_missing_rows_are_bars_and_present_ones_text(table: RequestTable, theme: Theme) -> None:
    for choice in ("light", "dark"):
        theme.choose(choice)
        table.verticalScrollBar().setValue(table.verticalScrollBar().maximum())
        empty = table.grab().toImage()
        table.verticalScrollBar().setValue(0)
        assert table.grab().toImage() != empty


def test_a_short_reason_is_shown_as_a_long_one_is(table: RequestTable) -> None:
    """There is no need of much room for few words."""
    model = table.model()
    assert isinstance(model, RequestTableModel)
    shown = []
    for reason in ("", "No", "Too large", "Autotask could not be reached"):
        failed = msgspec.structs.replace(row(MANY, status=Status.FAILED), failure_title=reason)
        model.fill([failed])
        shown.append(table.grab().toImage())
    assert all(one != other for one, other in itertools.combinations(shown, 2))

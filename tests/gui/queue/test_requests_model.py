"""The table's model: a vector and pages, never a reset, and rows that stay with their requests."""

from __future__ import annotations

from array import array
from collections.abc import Iterator

import pytest
from PySide6.QtCore import QAbstractItemModel, QItemSelectionModel, QModelIndex, Qt
from PySide6.QtTest import QAbstractItemModelTester
from PySide6.QtWidgets import QTableView
from pytestqt.qtbot import QtBot

from autotask_console.models.cells import COLUMNS, Sight
from autotask_console.models.requests import KEPT, PAGE, RequestTableModel
from autotask_console.models.vector import Listing, Order, compare
from autotask_queue import Effect, Gate, GateKind, RequestId, RequestRow, Status

ROWS = QItemSelectionModel.SelectionFlag.Rows
SELECT = QItemSelectionModel.SelectionFlag.Select


def row(seq: int, *, updated_at: float = 0.0, status: Status = Status.PENDING) -> RequestRow:
    return RequestRow(
        seq=seq,
        id=RequestId(f"id-{seq}"),
        status=status,
        zone="zone1",
        endpoint="/Tickets",
        method="POST",
        effect=Effect.WRITE,
        entity="Tickets",
        priority=5,
        summary=f"Request {seq}",
        created_at=0.0,
        updated_at=updated_at,
    )


def listing(model: RequestTableModel, seqs: list[int], order: Order = Order.OTHER) -> Listing:
    return compare([array("q", seqs)], order, base=model.vector, newest=model.newest)


@pytest.fixture
def model(qapp: object) -> Iterator[RequestTableModel]:
    made = RequestTableModel()
    tester = QAbstractItemModelTester(made, QAbstractItemModelTester.FailureReportingMode.Fatal)
    resets: list[object] = []
    made.modelReset.connect(lambda: resets.append(None))
    yield made
    assert not resets
    tester.deleteLater()


@pytest.fixture
def plain(qapp: object) -> RequestTableModel:
    """Without Qt's tester, which looks at rows of its own accord."""
    return RequestTableModel()


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ([], [3, 2, 1]),
        ([3, 2, 1], [5, 4, 3, 2, 1]),
        ([3, 2, 1], [3, 2, 1, 0]),
        ([5, 4, 3, 2, 1], [5, 1]),
        ([5, 4, 3, 2, 1], [6, 4, 2]),
        ([1, 2, 3], [3, 1, 2]),
        ([3, 2, 1], []),
    ],
)
def test_current_and_selected_rows_stay_with_their_requests(
    model: RequestTableModel, qtbot: QtBot, before: list[int], after: list[int]
) -> None:
    view = QTableView()
    qtbot.addWidget(view)
    view.setModel(model)
    model.apply(listing(model, before), Order.OTHER)
    chosen = {seq for seq in before if seq % 2}
    for seq in chosen:
        view.selectionModel().select(model.index(before.index(seq), 0), SELECT | ROWS)
    if before:
        view.selectionModel().setCurrentIndex(
            model.index(before.index(before[-1]), 1), QItemSelectionModel.SelectionFlag.NoUpdate
        )

    model.apply(listing(model, after), Order.OTHER)

    selected = {model.seq_at(i.row()) for i in view.selectionModel().selectedRows()}
    assert list(model.vector) == after
    assert selected == chosen & set(after)
    if before and before[-1] in after:
        assert model.seq_at(view.currentIndex().row()) == before[-1]


def test_a_listing_compared_with_an_older_vector_is_compared_again(model: RequestTableModel) -> None:
    stale = listing(model, [2, 1])
    model.apply(listing(model, [3, 2, 1]), Order.OTHER)

    model.apply(stale, Order.OTHER)

    assert list(model.vector) == [2, 1]


def test_rows_are_asked_for_in_pages_when_they_are_looked_at(plain: RequestTableModel, qtbot: QtBot) -> None:
    model, seqs = plain, list(range(1000, 0, -1))
    model.apply(listing(model, seqs), Order.DESCENDING)
    asked: list[list[int]] = []
    model.wanted.connect(asked.append)

    assert model.request_at(300) is None
    assert model.request_at(301) is None
    qtbot.waitUntil(lambda: bool(asked))

    assert asked == [seqs[2 * PAGE : 3 * PAGE]]
    model.request_at(300)
    model.fill(row(seq) for seq in asked[0])
    found = model.request_at(300)
    assert found is not None
    assert found.seq == seqs[300]
    assert len(asked) == 1


def test_what_is_gone_is_not_asked_for_for_ever(plain: RequestTableModel, qtbot: QtBot) -> None:
    model = plain
    model.apply(listing(model, [2, 1]), Order.DESCENDING)
    asked: list[list[int]] = []
    model.wanted.connect(asked.append)
    model.request_at(0)
    qtbot.waitUntil(lambda: len(asked) == 1)
    model.fill([row(1)])

    assert model.request_at(0) is None
    model.outdate()
    assert model.request_at(0) is None
    qtbot.waitUntil(lambda: len(asked) == 2)

    assert asked == [[2, 1], [2, 1]]


def test_stale_rows_stay_until_newer_ones_come(plain: RequestTableModel, qtbot: QtBot) -> None:
    model = plain
    model.apply(listing(model, [1]), Order.DESCENDING)
    model.fill([row(1)])
    asked: list[list[int]] = []
    model.wanted.connect(asked.append)

    model.outdate()

    assert model.request_at(0) == row(1)
    qtbot.waitUntil(lambda: asked == [[1]])
    model.fill([row(1, updated_at=2.0, status=Status.COMPLETED)])
    found = model.request_at(0)
    assert found is not None
    assert found.status is Status.COMPLETED


def test_an_older_version_never_replaces_a_newer_one(model: RequestTableModel) -> None:
    model.apply(listing(model, [1]), Order.DESCENDING)
    model.fill([row(1, updated_at=1.0)])

    assert model.patch([row(1, updated_at=2.0, status=Status.COMPLETED)])
    model.fill([row(1, updated_at=1.0)])
    assert not model.patch([row(1, updated_at=1.5)])
    assert not model.patch([row(7)])

    found = model.known(1)
    assert found is not None
    assert found.status is Status.COMPLETED


def test_only_so_many_rows_are_kept(model: RequestTableModel) -> None:
    seqs = list(range(KEPT + 2 * PAGE, 0, -1))
    model.apply(listing(model, seqs), Order.DESCENDING)

    model.fill(row(seq) for seq in seqs)

    assert sum(model.known(seq) is not None for seq in seqs) == KEPT


def test_one_signal_for_all_that_changed(model: RequestTableModel) -> None:
    model.apply(listing(model, list(range(50, 0, -1))), Order.DESCENDING)
    model.fill(row(seq) for seq in range(1, 51))
    changed: list[tuple[int, int]] = []
    model.dataChanged.connect(lambda first, last, *_: changed.append((first.row(), last.row())))

    model.patch(row(seq, updated_at=1.0) for seq in range(1, 51))
    model.touch(10, 30)

    assert changed == [(10, 30)]


def test_screen_readers_hear_state_and_sentence(model: RequestTableModel) -> None:
    model.apply(listing(model, [1]), Order.DESCENDING)
    model.fill([row(1)])
    model.sight = Sight(now=10.0, gates=(Gate(kind=GateKind.PAUSED),))
    role = Qt.ItemDataRole.AccessibleTextRole
    heard = [model.data(model.index(0, i), int(role)) for i in range(len(COLUMNS))]

    assert heard[0] == "Held: Request 1 – sending paused"
    assert heard[1] == "Request 1 – sending paused"
    assert heard[2] == "Zone: zone1"


def test_the_model_is_flat(model: RequestTableModel) -> None:
    base: QAbstractItemModel = model
    model.apply(listing(model, [1]), Order.DESCENDING)

    assert base.rowCount(model.index(0, 0)) == 0
    assert base.rowCount(QModelIndex()) == 1
    assert model.headerData(0, Qt.Orientation.Vertical) is None

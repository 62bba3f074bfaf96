"""The table of the same numbers: changed in place, the selection stays on its minute."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from PySide6.QtCore import QModelIndex, Qt
from PySide6.QtTest import QAbstractItemModelTester
from pytestqt.qtbot import QtBot

from autotask_console.pages.metrics.buckets import Bucket
from autotask_console.pages.metrics.table import MinutesModel, minutes_table
from autotask_console.text import clock_time

T = 1_800_000_000.0


def rows(first: int, count: int, *, size: float = 60.0, sent: float = 1.0) -> list[Bucket]:
    return [
        Bucket(start=T + size * (first + i), size=size, recorded=1, sent=sent, waiting=0, samples=1)
        for i in range(count)
    ]


@pytest.fixture
def model(qtbot: QtBot) -> MinutesModel:
    made = MinutesModel()
    made.tester = QAbstractItemModelTester(  # type: ignore[attr-defined]
        made, QAbstractItemModelTester.FailureReportingMode.Fatal
    )
    return made


def starts(model: MinutesModel) -> list[float]:
    return [(b.start - T) / 60 for b in model.buckets]


def newest_first(first: int, count: int) -> list[float]:
    return [float(i) for i in reversed(range(first, first + count))]


@pytest.mark.parametrize(
    "steps",
    [
        [(0, 5), (1, 5), (2, 5)],
        [(0, 5), (-3, 5), (0, 5)],
        [(0, 5), (0, 9), (2, 3)],
        [(0, 5), (100, 5)],
        [(0, 5), (0, 0), (0, 5)],
        [(3, 3), (0, 10), (3, 3)],
    ],
)
def test_any_range_after_any_other(model: MinutesModel, steps: Sequence[tuple[int, int]]) -> None:
    for first, count in steps:
        model.show_buckets(rows(first, count), now=T)
        assert starts(model) == newest_first(first, count)


def test_another_size_replaces_all(model: MinutesModel) -> None:
    model.show_buckets(rows(0, 5), now=T)
    model.show_buckets(rows(0, 3, size=300.0), now=T)
    assert [b.size for b in model.buckets] == [300.0] * 3


def test_the_selection_stays_on_its_minute(model: MinutesModel, qtbot: QtBot) -> None:
    table = minutes_table(model)
    qtbot.addWidget(table)
    model.show_buckets(rows(0, 5), now=T)
    resets: list[None] = []
    model.modelReset.connect(lambda: resets.append(None))
    table.selectRow(2)
    model.show_buckets(rows(1, 5, sent=7.0), now=T)
    (selected,) = table.selectionModel().selectedRows()
    assert selected.data() == clock_time(T + 120)
    assert model.index(selected.row(), 1).data() == "7"
    assert resets == []


def test_cells(model: MinutesModel) -> None:
    bucket = Bucket(
        start=T,
        size=60,
        recorded=1,
        sent=14,
        failed=0,
        queued=3,
        waiting=7,
        oldest_age=190.0,
        p50=0.21,
        p95=0.64,
        samples=14,
        offline=True,
    )
    model.show_buckets([bucket], now=T)
    texts = [model.index(0, c).data() for c in range(model.columnCount())]
    assert texts == [clock_time(T), "14", "0", "3", "7", "3 min", "0.2 s", "0.6 s", "14", "offline"]
    spoken = model.index(0, 0).data(Qt.ItemDataRole.AccessibleTextRole)
    assert spoken == (
        f"{clock_time(T)}, Sent per min 14, Failed per min 0, Queued per min 3, Waiting 7, Oldest 3 min, "
        "p50 0.2 s, p95 0.6 s, Samples 14, offline"
    )
    assert model.headerData(0, Qt.Orientation.Horizontal) == "Time"
    assert model.headerData(0, Qt.Orientation.Vertical) is None
    assert model.rowCount(model.index(0, 0)) == 0
    assert model.index(0, 1).data(Qt.ItemDataRole.DecorationRole) is None
    assert model.parent() is None or isinstance(model.parent(), QModelIndex)

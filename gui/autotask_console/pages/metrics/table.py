"""The same numbers as a table: for screen readers, for copying, for people who like tables."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, Qt
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QTableView
from typing_extensions import override

from autotask_console.pages.metrics.buckets import Bucket
from autotask_console.pages.metrics.words import NOTHING, rate, when
from autotask_console.text import date_time, duration, latency, number, tr

Index = QModelIndex | QPersistentModelIndex
_ROOT = QModelIndex()
_ROW = 24

_COLUMNS: tuple[tuple[str, int, Callable[[Bucket], str]], ...] = (
    ("Sent per min", 96, lambda b: rate(b.sent)),
    ("Failed per min", 100, lambda b: rate(b.failed)),
    ("Queued per min", 108, lambda b: rate(b.queued)),
    ("Waiting", 72, lambda b: NOTHING if b.waiting is None else number(b.waiting)),
    ("Oldest", 88, lambda b: NOTHING if not b.oldest_age else duration(b.oldest_age)),
    ("p50", 68, lambda b: NOTHING if b.p50 is None else latency(b.p50)),
    ("p95", 68, lambda b: NOTHING if b.p95 is None else latency(b.p95)),
    ("Samples", 72, lambda b: number(b.samples)),
)
_TIME_WIDTH = 150


def remarks(bucket: Bucket) -> str:
    """What the shading says, in words."""
    marks = (
        (bucket.partial, tr("still running")),
        (bucket.offline, tr("offline")),
        (bucket.held, tr("held")),
        (not bucket.recorded and not bucket.partial, tr("not recorded")),
    )
    return ", ".join(text for applies, text in marks if applies)


class MinutesModel(QAbstractTableModel):
    """Buckets, newest first. Rows move in and out at the ends; the selection stays on its row."""

    def __init__(self) -> None:
        super().__init__()
        self._rows: list[Bucket] = []
        self._now = 0.0

    @property
    def buckets(self) -> tuple[Bucket, ...]:
        return tuple(self._rows)

    def show_buckets(self, buckets: Sequence[Bucket], *, now: float) -> None:
        """Replaces the content in place."""
        rows = list(reversed(buckets))
        self._now = now
        same = (
            bool(rows and self._rows)
            and rows[0].size == self._rows[0].size
            and self._rows[-1].start <= rows[0].start
            and rows[-1].start <= self._rows[0].start
        )
        if not same:
            self._remove(0, len(self._rows))
            self._insert(0, rows)
            return
        newer = sum(1 for row in self._rows if row.start > rows[0].start)
        self._remove(0, newer)
        older = sum(1 for row in self._rows if row.start < rows[-1].start)
        self._remove(len(self._rows) - older, older)
        self._insert(0, [row for row in rows if row.start > self._rows[0].start])
        self._insert(len(self._rows), [row for row in rows if row.start < self._rows[-1].start])
        self._rows = rows
        last = self.index(len(rows) - 1, self.columnCount() - 1)
        self.dataChanged.emit(self.index(0, 0), last)

    def _remove(self, place: int, count: int) -> None:
        if count:
            self.beginRemoveRows(_ROOT, place, place + count - 1)
            del self._rows[place : place + count]
            self.endRemoveRows()

    def _insert(self, place: int, rows: list[Bucket]) -> None:
        if rows:
            self.beginInsertRows(_ROOT, place, place + len(rows) - 1)
            self._rows[place:place] = rows
            self.endInsertRows()

    @override
    def rowCount(self, parent: Index = _ROOT) -> int:
        return 0 if parent.isValid() else len(self._rows)

    @override
    def columnCount(self, parent: Index = _ROOT) -> int:
        return 0 if parent.isValid() else len(_COLUMNS) + 2

    @override
    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        bucket = self._rows[index.row()]
        column = index.column()
        if role == Qt.ItemDataRole.DisplayRole:
            return self._text(bucket, column)
        if role == Qt.ItemDataRole.TextAlignmentRole and 0 < column <= len(_COLUMNS):
            return Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        if role == Qt.ItemDataRole.ToolTipRole and column == 0:
            return date_time(bucket.start)
        if role == Qt.ItemDataRole.AccessibleTextRole and column == 0:
            return self._spoken(bucket)
        return None

    def _text(self, bucket: Bucket, column: int) -> str:
        if column == 0:
            return when(bucket, now=self._now)
        if column == len(_COLUMNS) + 1:
            return remarks(bucket)
        return _COLUMNS[column - 1][2](bucket)

    def _spoken(self, bucket: Bucket) -> str:
        values = (f"{tr(title)} {text(bucket)}" for title, _, text in _COLUMNS)
        return ", ".join(p for p in (when(bucket, now=self._now), *values, remarks(bucket)) if p)

    @override
    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> object:
        if orientation is not Qt.Orientation.Horizontal or role != Qt.ItemDataRole.DisplayRole:
            return None
        return (tr("Time"), *(tr(title) for title, _, _ in _COLUMNS), tr("Remarks"))[section]


def minutes_table(model: MinutesModel) -> QTableView:
    """The view over the model: fixed rows, whole rows selected, no editing."""
    table = QTableView()
    table.setObjectName("metrics.table")
    table.setAccessibleName(tr("Metrics as a table"))
    table.setModel(model)
    table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
    table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
    table.setAlternatingRowColors(True)
    table.setShowGrid(False)
    table.setTabKeyNavigation(False)
    table.setWordWrap(False)
    table.verticalHeader().hide()
    table.verticalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
    table.verticalHeader().setDefaultSectionSize(_ROW)
    header = table.horizontalHeader()
    header.setHighlightSections(False)
    header.setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
    for section, width in enumerate((_TIME_WIDTH, *(width for _, width, _ in _COLUMNS))):
        header.resizeSection(section, width)
    header.setStretchLastSection(True)
    return table

"""The table of requests: a vector of `seq` for all of them, rows for those that were looked at.

A million requests are 8 MB here. `rowCount` is the vector's length; rows are fetched in pages of 128
when somebody looks at them, and at most 40 pages are kept. Nothing is ever reset: a new vector becomes
an insertion, a removal, or one change of layout that keeps current and selected rows by `seq`.
"""

from __future__ import annotations

from array import array
from collections import OrderedDict
from collections.abc import Iterable

from PySide6.QtCore import (
    QAbstractTableModel,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    Qt,
    QTimer,
    Signal,
)
from typing_extensions import override

from autotask_console.models.cells import COLUMNS, Column, Sight, request_text, spoken, tip
from autotask_console.models.vector import Listing, Order, Step, difference, locate
from autotask_queue import RequestRow

PAGE = 128
KEPT = 40 * PAGE

Index = QModelIndex | QPersistentModelIndex

# Comparing with enum members costs a quarter of the painting time (measured); so they are numbers here.
_DISPLAY = int(Qt.ItemDataRole.DisplayRole)
_TOOL_TIP = int(Qt.ItemDataRole.ToolTipRole)
_ACCESSIBLE = int(Qt.ItemDataRole.AccessibleTextRole)
_HORIZONTAL = Qt.Orientation.Horizontal
_NOWHERE = QModelIndex()


class RequestTableModel(QAbstractTableModel):
    """See the module. `wanted(list of seq)` asks for rows; answer it with `fill`, which emits `filled`."""

    wanted = Signal(list)
    filled = Signal()

    def __init__(self, *, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.sight = Sight()
        self._vector = array("q")
        self._order = Order.DESCENDING
        self._newest = 0
        self._rows: OrderedDict[int, RequestRow] = OrderedDict()
        self._stale: set[int] = set()
        self._asked: set[int] = set()
        self._pages: set[int] = set()
        self._ask = QTimer(self)
        self._ask.setSingleShot(True)
        self._ask.setInterval(0)
        self._ask.timeout.connect(self._ask_for_pages)

    # -- what it is made of

    @property
    def vector(self) -> array[int]:
        """Every `seq`, in order. Never changed in place."""
        return self._vector

    @property
    def newest(self) -> int:
        """The highest `seq` shown, 0 without any."""
        return self._newest

    def seq_at(self, row: int) -> int:
        return self._vector[row]

    def seqs(self, first: int, last: int) -> array[int]:
        """Of rows `first` to `last`, both included."""
        return self._vector[first : last + 1]

    def row_of(self, seq: int) -> int | None:
        return locate(self._vector, (seq,), self._order).get(seq)

    def request_at(self, row: int) -> RequestRow | None:
        """The request in this row. None while it is not here; then it is asked for."""
        seq = self._vector[row]
        found = self._rows.get(seq)
        if found is None or seq in self._stale:
            self._want(row)
        if found is not None:
            self._rows.move_to_end(seq)
        return found

    def known(self, seq: int) -> RequestRow | None:
        """The request with this `seq`, if it is here; asks for nothing."""
        return self._rows.get(seq)

    def loaded_around(self, first: int, last: int) -> tuple[int, int]:
        """The widest span of rows around these that is here without a hole."""
        while first > 0 and self._vector[first - 1] in self._rows:
            first -= 1
        while last + 1 < len(self._vector) and self._vector[last + 1] in self._rows:
            last += 1
        return first, last

    # -- fetching

    def _want(self, row: int) -> None:
        page = row // PAGE
        if page not in self._pages:
            self._pages.add(page)
            self._ask.start()

    def _ask_for_pages(self) -> None:
        pages, self._pages = self._pages, set()
        missing = [
            seq
            for page in sorted(pages)
            for seq in self._vector[page * PAGE : (page + 1) * PAGE]
            if seq not in self._asked and (seq not in self._rows or seq in self._stale)
        ]
        if missing:
            self._asked.update(missing)
            self.wanted.emit(missing)

    def fill(self, rows: Iterable[RequestRow]) -> None:
        """Takes rows that were read. A newer version that an event brought meanwhile stays.

        What was asked for and is not among them does not exist any more: it is not asked for again
        before the next `outdate`.
        """
        for row in rows:
            known = self._rows.get(row.seq)
            if known is None or row.updated_at >= known.updated_at:
                self._rows[row.seq] = row
            self._rows.move_to_end(row.seq)
            self._stale.discard(row.seq)
            self._asked.discard(row.seq)
        while len(self._rows) > KEPT:
            gone, _ = self._rows.popitem(last=False)
            self._stale.discard(gone)
        self.filled.emit()

    def patch(self, rows: Iterable[RequestRow]) -> bool:
        """Takes newer versions of rows that are here; tells whether any was."""
        hit = False
        for row in rows:
            known = self._rows.get(row.seq)
            if known is not None and row.updated_at >= known.updated_at:
                self._rows[row.seq] = row
                self._stale.discard(row.seq)
                hit = True
        return hit

    def outdate(self) -> None:
        """Rows may have changed unseen: each is read again when it is looked at next; until then it stays."""
        self._stale = set(self._rows)
        self._asked.clear()

    # -- changing

    def touch(self, first: int, last: int) -> None:
        """Says that the rows `first` to `last` look different now, in one signal."""
        last = min(last, len(self._vector) - 1)
        if 0 <= first <= last:
            self.dataChanged.emit(self.index(first, 0), self.index(last, len(COLUMNS) - 1))

    def apply(self, listing: Listing, order: Order) -> None:
        """Shows another vector. Current and selected rows stay with their requests."""
        step, first, count = listing.step, listing.first, listing.count
        if listing.base is not self._vector:  # another one was shown while this was compared
            step, first, count = difference(self._vector, listing.vector)
        match step:
            case Step.SAME:
                self._take(listing, order)
            case Step.INSERT:
                self.beginInsertRows(_NOWHERE, first, first + count - 1)
                self._take(listing, order)
                self.endInsertRows()
            case Step.REMOVE:
                self.beginRemoveRows(_NOWHERE, first, first + count - 1)
                self._take(listing, order)
                self.endRemoveRows()
            case Step.REARRANGE:
                self._rearrange(listing, order)

    def _take(self, listing: Listing, order: Order) -> None:
        self._vector, self._order, self._newest = listing.vector, order, listing.newest
        self._pages.clear()

    def _rearrange(self, listing: Listing, order: Order) -> None:
        self.layoutAboutToBeChanged.emit()
        before = self.persistentIndexList()
        seqs = [self._vector[index.row()] for index in before]
        self._take(listing, order)
        places = dict(listing.places)
        places |= locate(listing.vector, {s for s in seqs if s not in places}, order)
        after = [
            self.index(places[seq], index.column()) if seq in places else QModelIndex()
            for index, seq in zip(before, seqs, strict=True)
        ]
        self.changePersistentIndexList(before, after)
        self.layoutChanged.emit()

    # -- Qt's questions

    @override
    def rowCount(self, parent: Index = _NOWHERE) -> int:
        return 0 if parent.isValid() else len(self._vector)

    @override
    def columnCount(self, parent: Index = _NOWHERE) -> int:
        return 0 if parent.isValid() else len(COLUMNS)

    @override
    def data(self, index: Index, role: int = _DISPLAY) -> str | None:
        if role not in (_DISPLAY, _TOOL_TIP, _ACCESSIBLE) or not index.isValid():
            return None
        row = self.request_at(index.row())
        if row is None:
            return "" if role == _DISPLAY else None
        column = COLUMNS[index.column()]
        if role == _DISPLAY:
            return column.text(row, self.sight)
        if role == _TOOL_TIP:
            return tip(row, self.sight)
        return self._spoken(column, row)

    def _spoken(self, column: Column, row: RequestRow) -> str:
        if column.id == "state":
            return spoken(row, self.sight)
        if column.id == "request":
            return request_text(row, self.sight)
        return f"{column.title}: {column.text(row, self.sight)}"

    @override
    def headerData(self, section: int, orientation: Qt.Orientation, role: int = _DISPLAY) -> str | None:
        if orientation is _HORIZONTAL and role == _DISPLAY and 0 <= section < len(COLUMNS):
            return COLUMNS[section].title
        return None

"""The table of requests: keys, selection and what keeps it still; the painting is the delegate's."""

from __future__ import annotations

from collections.abc import Sequence
from time import monotonic

from PySide6.QtCore import QEvent, QItemSelection, QItemSelectionModel, QModelIndex, QPoint, QRect, Qt, Signal
from PySide6.QtGui import QContextMenuEvent, QKeyEvent, QKeySequence, QMouseEvent, QResizeEvent
from PySide6.QtWidgets import QAbstractItemView, QFrame, QHeaderView, QTableView, QWidget
from typing_extensions import override

from autotask_console.models.cells import COLUMNS, DEFAULT_COLUMNS
from autotask_console.models.requests import RequestTableModel
from autotask_console.pages.queue.delegate import RequestDelegate
from autotask_console.pages.queue.header import RequestHeader
from autotask_console.text import tr
from autotask_queue import Selection

MOST_BY_HAND = 2_000
"""So many rows can be selected one by one or as a span; beyond that there is "all matching"."""

ROW_HEIGHTS = {"comfortable": 27, "dense": 22}
_POINTER_RESTS = 1.5
"""Seconds after the last move of the pointer over the rows, until they may move."""
_REQUEST = next(i for i, column in enumerate(COLUMNS) if column.id == "request")
_ROWS = QItemSelectionModel.SelectionFlag.Rows
_KEYS = {
    Qt.Key.Key_R: "retry",
    Qt.Key.Key_Delete: "cancel",
    Qt.Key.Key_E: "edit",
    Qt.Key.Key_D: "duplicate",
    Qt.Key.Key_C: "curl",
    Qt.Key.Key_Slash: "filter",
}
"""Single letters work only while the table has the focus (WCAG 2.1.4)."""
KEYS_IN_WORDS: tuple[tuple[str, str], ...] = (
    ("Return", "In the list: open the details"),
    ("Space", "In the list: select, or not"),
    ("Ctrl+A", "In the list: select all"),
    ("R", "In the list: retry now"),
    ("Del", "In the list: cancel"),
    ("E", "In the list: edit"),
    ("D", "In the list: use again"),
    ("C", "In the list: copy as cURL"),
    ("/", "In the list: find"),
    ("Shift+F10", "In the list: what can be done"),
)
"""The same and Qt's own, for the sheet of shortcuts."""


class RequestTable(QTableView):
    """`asked(word)` for a key that means a command; `menu_wanted(point)` in global coordinates.

    The selection is the rows that Qt holds, or `everything`: all that matched at one moment, which
    no list of rows could hold. `selection_changed()` tells of both.
    """

    asked = Signal(str)
    menu_wanted = Signal(QPoint)
    selection_changed = Signal()
    too_many = Signal()
    resized_by_hand = Signal(str, int)

    def __init__(self, model: RequestTableModel, *, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("queue.table")
        self.setAccessibleName(tr("Requests"))
        self._requests = model
        self._everything: tuple[Selection, ...] = ()
        self._moved_at = 0.0
        self._fitting = False
        self.menu_open = False
        self._header = RequestHeader(self)
        self.setHorizontalHeader(self._header)
        self.setModel(model)
        self._delegate = RequestDelegate(self, model, selected=self._in_everything)
        self.setItemDelegate(self._delegate)
        self._set_up()
        self.show_columns(DEFAULT_COLUMNS, {})
        self.set_density("comfortable")
        self._header.sectionResized.connect(self._section_resized)
        self.selectionModel().selectionChanged.connect(self._selected)
        self.selectionModel().currentRowChanged.connect(lambda *_: self.selection_changed.emit())
        model.filled.connect(self.touch_visible)

    def _set_up(self) -> None:
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setShowGrid(False)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setWordWrap(False)
        self.setTabKeyNavigation(False)
        self.setCornerButtonEnabled(False)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setMouseTracking(True)
        rows = self.verticalHeader()
        rows.hide()
        rows.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)

    # -- looks

    def set_density(self, density: str) -> None:
        """All rows have the same height: "comfortable" or "dense"."""
        rows = self.verticalHeader()
        height = ROW_HEIGHTS[density]
        rows.setMinimumSectionSize(height)
        rows.setDefaultSectionSize(height)
        self.verticalScrollBar().setSingleStep(height)

    def show_columns(self, ids: Sequence[str], widths: dict[str, int]) -> None:
        """Shows these columns with these widths; the Request column takes the room that is left."""
        self._fitting = True
        wanted = {*ids, "state", "request"}
        for section, column in enumerate(COLUMNS):
            self.setColumnHidden(section, column.id not in wanted)
            self._header.resizeSection(section, widths.get(column.id, column.width))
        self._header.setSectionResizeMode(_REQUEST, QHeaderView.ResizeMode.Fixed)
        self._fitting = False
        self.fit()

    def fit(self) -> None:
        """Gives the Request column what the others leave. No width depends on what rows hold."""
        taken = sum(
            self._header.sectionSize(i)
            for i in range(len(COLUMNS))
            if i != _REQUEST and not self._header.isSectionHidden(i)
        )
        self._fitting = True
        self._header.resizeSection(_REQUEST, max(COLUMNS[_REQUEST].width, self.viewport().width() - taken))
        self._fitting = False

    def _section_resized(self, section: int, _: int, width: int) -> None:
        if not self._fitting and section != _REQUEST and width > 0:
            self.fit()
            self.resized_by_hand.emit(COLUMNS[section].id, width)

    # -- what is in sight

    def visible_rows(self) -> tuple[int, int]:
        """The first and the last row in sight; (0, -1) if there is none."""
        first = self.rowAt(0)
        if first < 0:
            return 0, -1
        last = self.rowAt(self.viewport().height() - 1)
        return first, last if last >= 0 else self._requests.rowCount() - 1

    def touch_visible(self) -> None:
        """One signal for all that is in sight, however many rows changed."""
        self._requests.touch(*self.visible_rows())

    @property
    def must_stay(self) -> bool:
        """Whether rows may not move now: scrolled, several selected, a menu open, the pointer at work."""
        return (
            self.verticalScrollBar().value() > 0
            or self.menu_open
            or bool(self._everything)
            or self.count_selected() > 1
            or self.pointer_busy
        )

    @property
    def pointer_busy(self) -> bool:
        """Whether the pointer is being moved over the rows."""
        recent = monotonic() - self._moved_at < _POINTER_RESTS
        return recent and self.viewport().underMouse()

    # -- selection

    @property
    def everything(self) -> tuple[Selection, ...]:
        """All that matched when a person said so; empty if rows are selected instead."""
        return self._everything

    def select_everything(self, selections: Sequence[Selection]) -> None:
        """Selects all that match, shown or not."""
        self.selectionModel().clearSelection()
        self._everything = tuple(selections)
        self.viewport().update()
        self.selection_changed.emit()

    def end_everything(self) -> None:
        """Another list is shown: what all of the old one were is no selection here."""
        if self._everything:
            self._everything = ()
            self.viewport().update()
            self.selection_changed.emit()

    def select_loaded(self) -> None:
        """Ctrl+A: all rows; of a long list those that are here, around the ones in sight."""
        count = self._requests.rowCount()
        top, last = self.visible_rows()
        if count <= MOST_BY_HAND:
            first, last = 0, count - 1
        elif top <= last:
            first, last = _clamped(*self._requests.loaded_around(top, last), top)
        else:
            return
        if last >= first:
            self._select_span(first, last)

    def _select_span(self, first: int, last: int) -> None:
        model = self._requests
        span = QItemSelection(model.index(first, 0), model.index(last, len(COLUMNS) - 1))
        self.selectionModel().select(span, QItemSelectionModel.SelectionFlag.ClearAndSelect | _ROWS)

    def selected_seqs(self) -> list[int]:
        """The `seq` of the rows selected by hand, in the table's order."""
        return [seq for first, last in sorted(self._spans()) for seq in self._requests.seqs(first, last)]

    def count_selected(self) -> int:
        """How many rows are selected by hand; cheap."""
        return sum(last - first + 1 for first, last in self._spans())

    def _spans(self) -> list[tuple[int, int]]:
        selection = self.selectionModel().selection()
        return [(selection.at(i).top(), selection.at(i).bottom()) for i in range(selection.count())]

    def current_seq(self) -> int | None:
        """The row that the keyboard is at."""
        index = self.currentIndex()
        return self._requests.seq_at(index.row()) if index.isValid() else None

    def chosen_seq(self) -> int | None:
        """The current row, if it is selected: the one whose details are shown."""
        index = self.currentIndex()
        chosen = index.isValid() and self.selectionModel().isRowSelected(index.row(), QModelIndex())
        return self._requests.seq_at(index.row()) if chosen else None

    def go_to(self, seq: int) -> bool:
        """Makes the row with this `seq` the current and only selected one, if it is in the list."""
        row = self._requests.row_of(seq)
        if row is None:
            return False
        index = self._requests.index(row, 0)
        self.selectionModel().setCurrentIndex(index, QItemSelectionModel.SelectionFlag.ClearAndSelect | _ROWS)
        self.scrollTo(index)
        return True

    def clear_selection(self) -> None:
        """Selects the current row only."""
        self._everything = ()
        current = self.currentIndex()
        if current.isValid():
            self._select_span(current.row(), current.row())
        else:
            self.selectionModel().clearSelection()
        self.viewport().update()
        self.selection_changed.emit()

    def _in_everything(self, row: int) -> bool:
        if not self._everything:
            return False
        seq = self._requests.seq_at(row)
        return any(seq <= selection.max_seq for selection in self._everything)

    def _selected(self) -> None:
        if self.selectionModel().hasSelection():
            self.end_everything()
        self.selection_changed.emit()

    @override
    def setSelection(self, rect: QRect, command: QItemSelectionModel.SelectionFlag) -> None:
        first, last = self.rowAt(rect.top()), self.rowAt(rect.bottom())
        if first < 0 or last < 0 or last - first < MOST_BY_HAND:
            super().setSelection(rect, command)
            return
        first, last = _clamped(first, last, self.currentIndex().row())
        span = QItemSelection(self._requests.index(first, 0), self._requests.index(last, len(COLUMNS) - 1))
        self.selectionModel().select(span, command)
        self.too_many.emit()

    @override
    def selectAll(self) -> None:
        # Qt's own takes 29 s for a million rows (measured).
        self.select_loaded()

    # -- keys and pointer

    @override
    def keyboardSearch(self, search: str) -> None:
        # Qt's own would ask the model for every row.
        pass

    @override
    def moveCursor(
        self, cursorAction: QAbstractItemView.CursorAction, modifiers: Qt.KeyboardModifier
    ) -> QModelIndex:
        action = QAbstractItemView.CursorAction
        current = self.currentIndex()
        match cursorAction:
            case action.MoveHome:
                return self._requests.index(0, max(0, current.column()))
            case action.MoveEnd:
                return self._requests.index(self._requests.rowCount() - 1, max(0, current.column()))
            case action.MoveLeft | action.MoveRight:
                return current
            case _:
                return super().moveCursor(cursorAction, modifiers)

    @override
    def keyPressEvent(self, event: QKeyEvent) -> None:
        plain = event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier == Qt.KeyboardModifier.NoModifier
        key = Qt.Key(event.key())
        if event.matches(QKeySequence.StandardKey.SelectAll):
            self.select_loaded()
        elif plain and key in _KEYS:
            self.asked.emit(_KEYS[key])
        elif plain and key in {Qt.Key.Key_Return, Qt.Key.Key_Enter}:
            self.asked.emit("open")
        elif plain and key is Qt.Key.Key_Escape and (self._everything or self.count_selected() > 1):
            self.clear_selection()
        elif plain and key in {Qt.Key.Key_Up, Qt.Key.Key_Down} and self._starts_here():
            self._select_span(self.currentIndex().row(), self.currentIndex().row())
        elif key is Qt.Key.Key_Space and self.currentIndex().isValid():
            self.selectionModel().select(
                self.currentIndex(), QItemSelectionModel.SelectionFlag.Toggle | _ROWS
            )
        else:
            super().keyPressEvent(event)

    def _starts_here(self) -> bool:
        """Whether the keyboard is at a row that is not selected yet, as after the focus came."""
        return self.currentIndex().isValid() and not self.count_selected() and not self._everything

    @override
    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        if event.button() is Qt.MouseButton.LeftButton and self.indexAt(event.position().toPoint()).isValid():
            self.asked.emit("open")
        else:
            super().mouseDoubleClickEvent(event)

    @override
    def mousePressEvent(self, event: QMouseEvent) -> None:
        if self._everything:
            if event.button() is not Qt.MouseButton.LeftButton:
                return  # the menu is about all of them
            self.end_everything()
        super().mousePressEvent(event)

    @override
    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        self._moved_at = monotonic()
        super().mouseMoveEvent(event)

    @override
    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        if event.reason() is QContextMenuEvent.Reason.Mouse:
            place = event.globalPos()
        else:
            corner = self.visualRect(self.currentIndex()).bottomLeft()
            place = self.viewport().mapToGlobal(corner)
        self.menu_wanted.emit(place)
        event.accept()

    @override
    def changeEvent(self, event: QEvent) -> None:
        if event.type() in {QEvent.Type.PaletteChange, QEvent.Type.FontChange} and hasattr(self, "_delegate"):
            self._delegate.restyle()
            self.viewport().update()
        super().changeEvent(event)

    @override
    def resizeEvent(self, event: QResizeEvent) -> None:
        self.fit()  # before Qt looks whether it needs a scroll bar
        super().resizeEvent(event)


def _clamped(first: int, last: int, keep: int) -> tuple[int, int]:
    """At most MOST_BY_HAND rows of a span, at the end that is nearer to `keep`."""
    if last - first < MOST_BY_HAND:
        return first, last
    if last - keep < keep - first:
        return last - MOST_BY_HAND + 1, last
    return first, first + MOST_BY_HAND - 1

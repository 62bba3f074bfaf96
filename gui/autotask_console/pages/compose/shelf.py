"""The left side: drafts that wait to be finished, and what was composed before."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import QSize, Qt, QTimer, Signal
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import (
    QHBoxLayout,
    QListWidget,
    QListWidgetItem,
    QVBoxLayout,
)

from autotask_console.pages.compose.draft import Draft, title_of
from autotask_console.text import UI_STATES, age, clock_time, gate_before, number, tr, ui_state
from autotask_console.widgets.button import Button, ButtonKind
from autotask_console.widgets.form import line
from autotask_console.widgets.label import heading, small
from autotask_console.widgets.panel import Panel
from autotask_queue import Gate, Request

_ID = int(Qt.ItemDataRole.UserRole)
_SEARCH_MS = 250
_ROW_HEIGHT = 24
_MOST_DRAFTS = 6


class Shelf(Panel):
    """Two lists. `draft_chosen(id)`, `draft_deleted(id)`, `again(request id)`, `searched(text)`."""

    draft_chosen = Signal(str)
    draft_deleted = Signal(str)
    again = Signal(str)
    searched = Signal(str)

    def __init__(self, *, now: Callable[[], float]) -> None:
        super().__init__()
        self.setObjectName("compose.shelf")
        self._now = now
        self._title = heading(tr("Drafts"), factor=1.0)
        self._title.setObjectName("compose.drafts.title")
        self.drafts = _list("compose.drafts", tr("Drafts"))
        self.drafts.itemActivated.connect(lambda item: self.draft_chosen.emit(item.data(_ID)))
        self.drafts.itemClicked.connect(lambda item: self.draft_chosen.emit(item.data(_ID)))
        self._delete = Button(tr("Delete draft"), kind=ButtonKind.QUIET, name="compose.drafts.delete")
        self._delete.clicked.connect(self._delete_chosen)
        remove = QShortcut(QKeySequence(QKeySequence.StandardKey.Delete), self.drafts)
        remove.setContext(Qt.ShortcutContext.WidgetShortcut)
        remove.activated.connect(self._delete_chosen)
        self._no_drafts = small(tr("None. What you type is kept here by itself."))
        self._no_drafts.setWordWrap(True)
        self.history = _list("compose.history", tr("History"))
        self.history.itemActivated.connect(lambda item: self.again.emit(item.data(_ID)))
        self._again = Button(tr("Use again"), name="compose.history.again")
        self._again.setToolTip(tr("Starts a new request with the same content"))
        self._again.clicked.connect(self._use_chosen)
        self._search = line(name="compose.history.search", placeholder=tr("Search history"))
        self._search.setAccessibleName(tr("Search history"))
        self._search.setClearButtonEnabled(True)
        self._pause = QTimer(self)
        self._pause.setSingleShot(True)
        self._pause.setInterval(_SEARCH_MS)
        self._pause.timeout.connect(lambda: self.searched.emit(self._search.text().strip()))
        self._search.textChanged.connect(lambda _: self._pause.start())
        self._no_history = small("")
        self._no_history.setWordWrap(True)
        self._lay_out()
        self.drafts.currentItemChanged.connect(lambda *_: self._enable())
        self.history.currentItemChanged.connect(lambda *_: self._enable())
        self._enable()

    def _lay_out(self) -> None:
        head = QHBoxLayout()
        head.addWidget(self._title)
        head.addStretch(1)
        head.addWidget(self._delete)
        column = QVBoxLayout(self)
        column.setContentsMargins(10, 8, 10, 10)
        column.setSpacing(5)
        column.addLayout(head)
        column.addWidget(self._no_drafts)
        column.addWidget(self.drafts)
        column.addSpacing(4)
        column.addWidget(heading(tr("History"), factor=1.0))
        column.addWidget(self._search)
        column.addWidget(self._no_history)
        column.addWidget(self.history, 1)
        column.addWidget(self._again)
        column.addStretch(0)

    # -- showing

    def show_drafts(self, drafts: Sequence[Draft], *, current: str) -> None:
        """Newest first; the one on the bench is marked."""
        now = self._now()
        count = len(drafts)
        self._title.setText(tr("Drafts • {n}", n=number(count)) if count else tr("Drafts"))
        rows = [(draft.id, title_of(draft), age(draft.saved_at, now=now)) for draft in drafts]
        _show(self.drafts, rows, chosen=current)
        self.drafts.setVisible(bool(rows))
        self.drafts.setFixedHeight(min(count, _MOST_DRAFTS) * _ROW_HEIGHT + 4)
        self._no_drafts.setVisible(not rows)
        self._enable()

    def show_history(self, requests: Sequence[Request], gates: tuple[Gate, ...]) -> None:
        """Newest first: state, time, what. `gates` are the closed ones."""
        now = self._now()
        rows = []
        for request in requests:
            shown = UI_STATES[ui_state(request, gate_before(gates, request.zone, request.entity))]
            when = clock_time(request.created_at, now=now)
            rows.append((request.id, f"{shown.glyph} {request.summary}", f"{when}, {shown.word}"))
        _show(self.history, rows, chosen=_chosen(self.history))
        searching = bool(self._search.text().strip())
        self._no_history.setText(tr("Nothing found.") if searching else tr("Nothing composed yet."))
        self._no_history.setVisible(not rows)
        self.history.setVisible(bool(rows))
        self._again.setVisible(bool(rows))
        self._enable()

    def _enable(self) -> None:
        self._delete.setVisible(self.drafts.count() > 0)
        self._delete.setEnabled(self.drafts.currentItem() is not None)
        self._again.setEnabled(self.history.currentItem() is not None)

    def _delete_chosen(self) -> None:
        if chosen := _chosen(self.drafts):
            self.draft_deleted.emit(chosen)

    def _use_chosen(self) -> None:
        if chosen := _chosen(self.history):
            self.again.emit(chosen)


def _list(name: str, title: str) -> QListWidget:
    widget = QListWidget()
    widget.setObjectName(name)
    widget.setAccessibleName(title)
    widget.setFrameShape(QListWidget.Shape.NoFrame)
    widget.setTextElideMode(Qt.TextElideMode.ElideRight)
    widget.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    widget.setUniformItemSizes(True)
    return widget


def _show(widget: QListWidget, rows: Sequence[tuple[str, str, str]], *, chosen: str) -> None:
    """Replaces rows in place, so that neither the choice nor the scroll position jumps."""
    widget.blockSignals(True)
    while widget.count() > len(rows):
        widget.takeItem(widget.count() - 1)
    for place, (key, title, more) in enumerate(rows):
        if place == widget.count():
            fresh = QListWidgetItem()
            fresh.setSizeHint(QSize(0, _ROW_HEIGHT))
            widget.addItem(fresh)
        item = widget.item(place)
        if item.data(_ID) != key or item.text() != title or item.toolTip() != f"{title}\n{more}":
            item.setData(_ID, key)
            item.setText(title)
            item.setToolTip(f"{title}\n{more}")
            item.setData(int(Qt.ItemDataRole.AccessibleTextRole), f"{title}, {more}")
    place = next((at for at, row in enumerate(rows) if row[0] == chosen), -1)
    if widget.currentRow() != place:
        widget.setCurrentRow(place)
    widget.blockSignals(False)


def _chosen(widget: QListWidget) -> str:
    row = widget.currentRow()
    return str(widget.item(row).data(_ID)) if row >= 0 else ""

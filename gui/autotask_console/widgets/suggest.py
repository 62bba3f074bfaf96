"""A line that suggests while one types: names of records, fields, anything with a few words."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import QAbstractListModel, QModelIndex, QPersistentModelIndex, QRect, QSize, Qt, Signal
from PySide6.QtGui import QFocusEvent, QFontMetrics, QKeyEvent, QMouseEvent, QPainter
from PySide6.QtWidgets import (
    QCompleter,
    QLineEdit,
    QListView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QWidget,
)
from typing_extensions import override

from autotask_console.platform.fonts import scaled
from autotask_console.platform.theme import tokens
from autotask_console.widgets.form import give_room

_PAD = 8
_MOST_SHOWN = 8


@dataclass(frozen=True, kw_only=True, slots=True)
class Suggestion:
    """One line of the list. `key` is for the program; without `enabled` it only tells something."""

    key: str
    label: str
    more: str = ""
    enabled: bool = True


Suggest = Callable[[str], Sequence[Suggestion]]
"""From what was typed to what fits."""


class SuggestLine(QLineEdit):
    """A line edit with a list below it. `picked(Suggestion)` for the chosen one, `left()` when focus goes.

    The list opens on typing, on a click, with Down and with Ctrl+Space. Choosing does not change the
    text: whoever listens to `picked` decides what stands there.
    """

    picked = Signal(object)
    left = Signal()

    def __init__(self, suggest: Suggest, *, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName(name)
        self.setMinimumHeight(26)
        give_room(self)
        self._suggest = suggest
        self._model = _Model(self)
        self._completer = QCompleter(self._model, self)
        self._completer.setCompletionMode(QCompleter.CompletionMode.UnfilteredPopupCompletion)
        self._completer.setMaxVisibleItems(_MOST_SHOWN)
        self._completer.setWidget(self)
        view = QListView()
        view.setObjectName(f"{name}.list")
        view.setUniformItemSizes(True)
        view.setAccessibleName(name)
        self._completer.setPopup(view)
        view.setItemDelegate(_Delegate(view))  # after setPopup, which sets one of its own
        self._list = view
        self._completer.activated[QModelIndex].connect(self._activated)  # type: ignore[index]  # overloaded
        self.textEdited.connect(lambda _: self.suggest())

    @property
    def suggestions(self) -> Sequence[Suggestion]:
        """What the list holds now."""
        return self._model.rows

    @property
    def is_open(self) -> bool:
        return self._list.isVisible()

    def suggest(self) -> None:
        """Shows what fits the text, if anything does."""
        if self.isReadOnly() or not self.isEnabled():
            return
        self._model.show(self._suggest(self.text()))
        if not self._model.rows or not self.isVisible():
            self.close_list()
            return
        self._completer.complete(QRect(0, 0, max(self.width(), 320), self.height()))

    def close_list(self) -> None:
        self._list.hide()

    def pick(self, suggestion: Suggestion) -> None:
        """As if it had been chosen from the list."""
        self.close_list()
        if suggestion.enabled:
            self.picked.emit(suggestion)

    def _activated(self, index: QModelIndex) -> None:
        row = self._completer.completionModel().data(index, _ROW)
        if isinstance(row, Suggestion):
            self.pick(row)

    @override
    def setAccessibleName(self, name: str) -> None:
        super().setAccessibleName(name)
        self._list.setAccessibleName(name)

    @override
    def mousePressEvent(self, event: QMouseEvent) -> None:
        super().mousePressEvent(event)
        if event.button() is Qt.MouseButton.LeftButton and not self.is_open:
            self.suggest()

    @override
    def keyPressEvent(self, event: QKeyEvent) -> None:
        opens = event.key() == Qt.Key.Key_Down or (
            event.key() == Qt.Key.Key_Space and event.modifiers() == Qt.KeyboardModifier.ControlModifier
        )
        if opens and not self.is_open:
            self.suggest()
            return
        super().keyPressEvent(event)

    @override
    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        if event.reason() is not Qt.FocusReason.PopupFocusReason:
            self.left.emit()


_ROW = int(Qt.ItemDataRole.UserRole)
_DISPLAY, _EDIT, _ACCESSIBLE = (
    int(Qt.ItemDataRole.DisplayRole),
    int(Qt.ItemDataRole.EditRole),
    int(Qt.ItemDataRole.AccessibleTextRole),
)
Index = QModelIndex | QPersistentModelIndex
_NOWHERE = QModelIndex()


class _Model(QAbstractListModel):
    """The few lines that fit; what a person chose never writes itself into the line (`_EDIT`)."""

    def __init__(self, line: SuggestLine) -> None:
        super().__init__(line)
        self._line = line
        self.rows: Sequence[Suggestion] = ()

    def show(self, rows: Sequence[Suggestion]) -> None:
        """Replaces the lines, telling the view row by row so that nothing is reset under a pointer."""
        if self.rows:
            self.beginRemoveRows(QModelIndex(), 0, len(self.rows) - 1)
            self.rows = ()
            self.endRemoveRows()
        if rows:
            self.beginInsertRows(QModelIndex(), 0, len(rows) - 1)
            self.rows = tuple(rows)
            self.endInsertRows()

    @override
    def rowCount(self, parent: Index = _NOWHERE) -> int:
        return 0 if parent.isValid() else len(self.rows)

    @override
    def data(self, index: Index, role: int = _DISPLAY) -> Any:
        row = self.rows[index.row()]
        match role:
            case 0:
                return row.label
            case 2:
                return self._line.text()
            case r if r == _ACCESSIBLE:
                return f"{row.label}, {row.more}" if row.more else row.label
            case r if r == _ROW:
                return row
            case _:
                return None

    @override
    def flags(self, index: Index) -> Qt.ItemFlag:
        if not self.rows[index.row()].enabled:
            return Qt.ItemFlag.NoItemFlags
        return Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable


class _Delegate(QStyledItemDelegate):
    """Label and, muted, what tells it from others."""

    @override
    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        return QSize(120, QFontMetrics(option.font).height() + 10)

    @override
    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        row: Suggestion = index.data(_ROW)
        widget: QWidget = option.widget
        rect: QRect = option.rect
        state: QStyle.StateFlag = option.state
        colours = tokens(widget.palette())
        chosen = (
            bool(state & (QStyle.StateFlag.State_Selected | QStyle.StateFlag.State_MouseOver)) and row.enabled
        )
        painter.fillRect(rect, colours.accent if chosen else colours.surface)
        area = rect.adjusted(_PAD, 0, -_PAD, 0)
        metrics = QFontMetrics(widget.font())
        label = metrics.elidedText(row.label, Qt.TextElideMode.ElideRight, area.width())
        text = colours.accent_text if chosen else colours.text if row.enabled else colours.muted
        painter.setPen(text)
        painter.setFont(widget.font())
        painter.drawText(area, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, label)
        used = metrics.horizontalAdvance(label) + 12
        if row.more and used < area.width() - 40:
            font = scaled(widget.font(), 0.92)
            painter.setFont(font)
            painter.setPen(text if chosen else colours.muted)
            rest = area.adjusted(used, 0, 0, 0)
            more = QFontMetrics(font).elidedText(row.more, Qt.TextElideMode.ElideRight, rest.width())
            painter.drawText(rest, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight, more)

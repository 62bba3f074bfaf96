"""A JSON document that can be folded: names on the left, values on the right, numbers exactly as they are."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QColor
from PySide6.QtWidgets import (
    QAbstractItemView,
    QFrame,
    QHeaderView,
    QStackedWidget,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)
from typing_extensions import override

from autotask_console.platform.theme import tokens
from autotask_console.text import plural, tr
from autotask_console.widgets.json_view import JsonView, pretty

MOST_NODES = 2_000
"""A larger document is shown as text: a tree of it would take longer than a blink."""
_OPEN_DEPTH = 2


class JsonTree(QWidget):
    """Shows one document, folded below the second level; a large one as plain text."""

    def __init__(self, *, name: str, title: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.tree = QTreeWidget()
        self.tree.setObjectName(name)
        self.tree.setAccessibleName(title)
        self.tree.setColumnCount(2)
        self.tree.setHeaderHidden(True)
        self.tree.setFrameShape(QFrame.Shape.NoFrame)
        self.tree.setWordWrap(True)
        self.tree.setIndentation(14)
        self.tree.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.tree.header().setStretchLastSection(True)
        self.tree.header().setSectionResizeMode(0, QHeaderView.ResizeMode.ResizeToContents)
        self.text = JsonView(name=f"{name}.text")
        self.text.setAccessibleName(title)
        self._pages = QStackedWidget()
        self._pages.addWidget(self.tree)
        self._pages.addWidget(self.text)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self._pages)
        self.setFocusProxy(self.tree)
        self._document: Any = None
        self._shown = False

    @property
    def document(self) -> Any:
        """What is shown."""
        return self._document

    def show_document(self, document: Any) -> None:
        """Shows `document`; what is folded stays so if it is the same one."""
        if self._shown and document == self._document:
            return
        self._document, self._shown = document, True
        if _nodes(document) > MOST_NODES:
            self.text.show_document(document)
            self._pages.setCurrentWidget(self.text)
            return
        self._pages.setCurrentWidget(self.tree)
        self._build()

    def as_text(self) -> str:
        """The document as JSON, for the clipboard."""
        return pretty(self._document)

    def _build(self) -> None:
        self.tree.clear()
        children = _children(self._document)
        if children is None:
            self._add(self.tree.invisibleRootItem(), "", self._document, depth=1)
        else:
            for name, value in children:
                self._add(self.tree.invisibleRootItem(), name, value, depth=1)

    def _add(self, parent: QTreeWidgetItem, name: str, value: Any, *, depth: int) -> None:
        colours = tokens(self.palette())
        item = QTreeWidgetItem(parent)
        item.setText(0, name)
        item.setTextAlignment(0, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop)
        item.setForeground(0, colours.muted)
        children = _children(value)
        if children is None:
            item.setText(1, _leaf(value))
            item.setForeground(1, self._colour(value))
            return
        item.setText(1, _summary(value))
        item.setForeground(1, colours.muted)
        for child_name, child in children:
            self._add(item, child_name, child, depth=depth + 1)
        item.setExpanded(depth < _OPEN_DEPTH)

    def _colour(self, value: Any) -> QColor:
        colours = tokens(self.palette())
        if value is None or isinstance(value, bool):
            return colours.tones["held"]
        if isinstance(value, int | float):
            return colours.tones["active"]
        return colours.text

    @override
    def changeEvent(self, event: QEvent) -> None:
        if event.type() is QEvent.Type.PaletteChange and self._shown:
            self._build()
        super().changeEvent(event)


def _children(value: Any) -> list[tuple[str, Any]] | None:
    if isinstance(value, dict):
        return [(str(key), child) for key, child in value.items()]
    if isinstance(value, list | tuple):
        return [(str(place), child) for place, child in enumerate(value)]
    return None


def _leaf(value: Any) -> str:
    return value if isinstance(value, str) and value else json.dumps(value, ensure_ascii=False)


def _summary(value: Any) -> str:
    if isinstance(value, dict):
        return plural(len(value), "{n} field", "{n} fields") if value else tr("empty")
    return plural(len(value), "{n} entry", "{n} entries") if value else tr("empty")


def _nodes(document: Any) -> int:
    """How many values it holds; stops counting where it is too many anyway."""
    count = 0
    for _ in _walk(document):
        count += 1
        if count > MOST_NODES:
            break
    return count


def _walk(value: Any) -> Iterator[Any]:
    yield value
    for _, child in _children(value) or ():
        yield from _walk(child)

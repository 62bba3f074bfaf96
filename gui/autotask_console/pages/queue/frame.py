"""The table in its frame: what stands in its place when it is empty, and the pill for new rows."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QStackedWidget, QVBoxLayout, QWidget
from typing_extensions import override

from autotask_console.pages.queue.empty import EmptyText
from autotask_console.text import number, tr
from autotask_console.widgets.announce import announce
from autotask_console.widgets.button import Button, ButtonKind
from autotask_console.widgets.empty import EmptyState
from autotask_console.widgets.panel import Panel

_BELOW_HEADER = 34


class ListFrame(Panel):
    """`new_wanted()` when the pill is pressed; `pressed(button id)` of the empty state."""

    new_wanted = Signal()
    pressed = Signal(str)

    def __init__(self, table: QWidget, *, parent: QWidget | None = None) -> None:
        super().__init__(parent=parent)
        self._table = table
        self.empty = EmptyState()
        self.empty.setObjectName("queue.empty")
        self.empty.pressed.connect(self.pressed)
        self._said: EmptyText | None = None
        self._new = 0
        self.stack = QStackedWidget()
        self.stack.addWidget(table)
        self.stack.addWidget(self.empty)
        column = QVBoxLayout(self)
        column.setContentsMargins(1, 1, 1, 1)
        column.addWidget(self.stack)
        self.pill = Button("", kind=ButtonKind.PRIMARY, name="queue.new-pill", parent=self)
        self.pill.clicked.connect(self.new_wanted)
        self.pill.hide()

    @property
    def is_empty(self) -> bool:
        """Whether the words stand there instead of the table."""
        return self.stack.currentWidget() is self.empty

    def show_empty(self, words: EmptyText | None) -> None:
        """The words, or the table if there are none. The same words are not said twice."""
        if words is not None and words != self._said:
            self.empty.say(words.head, words.more, words.buttons)
        self._said = words
        self.stack.setCurrentWidget(self._table if words is None else self.empty)

    def show_new(self, count: int) -> None:
        """So many rows wait to be shown."""
        if count != self._new:
            self._new = count
            self.pill.setText(tr("{n} new – show", n=number(count)))
            if count:
                announce(self.pill, self.pill.text())
        self.pill.setVisible(count > 0 and not self.is_empty)
        self._place()

    def _place(self) -> None:
        self.pill.adjustSize()
        self.pill.move((self.width() - self.pill.width()) // 2, _BELOW_HEADER)
        self.pill.raise_()

    @override
    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._place()

"""What can be done to the selection: the bar below the table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from PySide6.QtCore import Signal
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QHBoxLayout, QLabel, QMenu, QWidget

from autotask_console.pages.queue.verbs import Offer, Verb, title
from autotask_console.text import number, plural, priority_word, tr
from autotask_console.widgets.announce import announce
from autotask_console.widgets.button import Button, ButtonKind

PRIORITIES = (10, 8, 5, 3, 1)
_IN_BAR = (Verb.RETRY, Verb.CANCEL)
_IN_MENU = (Verb.RESTORE, Verb.RESCHEDULE, Verb.EDIT, Verb.DUPLICATE, Verb.CURL)
_KEYS = {
    Verb.RETRY: "R",
    Verb.CANCEL: "Del",
    Verb.EDIT: "E",
    Verb.DUPLICATE: "D",
    Verb.CURL: "C",
}


class VerbMenu(QMenu):
    """All verbs as a menu, with the keys that work in the table. `chosen(verb)`, `priority_chosen(n)`."""

    chosen = Signal(str)
    priority_chosen = Signal(int)

    def __init__(self, verbs: Sequence[Verb], *, name: str, parent: QWidget) -> None:
        super().__init__(parent)
        self.setObjectName(name)
        self.setToolTipsVisible(True)
        self._items: dict[Verb, QAction] = {}
        for verb in verbs:
            if verb is Verb.PRIORITY:
                submenu = priority_menu(self, name=f"{name}.priority")
                submenu.setTitle(title(verb))
                submenu.chosen.connect(self.priority_chosen)
                self._items[verb] = self.addMenu(submenu)
                continue
            action = self.addAction(title(verb))
            action.setObjectName(f"{name}.{verb.value}")
            action.triggered.connect(lambda _=False, which=verb: self.chosen.emit(which.value))
            self._items[verb] = action

    def show_offers(self, offers: Mapping[Verb, Offer]) -> None:
        """Text, enabled or why not."""
        for verb, action in self._items.items():
            offered = offers[verb]
            keys = f"\t{_KEYS[verb]}" if verb in _KEYS else ""
            action.setText(f"{offered.title}{keys}")
            action.setEnabled(offered.enabled)
            action.setToolTip(offered.tip)


class PriorityMenu(QMenu):
    """The priorities by their words; `chosen(n)`."""

    chosen = Signal(int)


def priority_menu(parent: QWidget, *, name: str) -> PriorityMenu:
    """A menu of the five priorities that have a word."""
    menu = PriorityMenu(parent)
    menu.setObjectName(name)
    for priority in PRIORITIES:
        action = menu.addAction(tr("{word} ({n})", word=priority_word(priority), n=priority))
        action.setObjectName(f"{name}.{priority}")
        action.triggered.connect(lambda _=False, n=priority: menu.chosen.emit(n))
    return menu


class BulkBar(QWidget):
    """`asked(verb)`, `priority_asked(n)`, `everything_wanted()`."""

    asked = Signal(str)
    priority_asked = Signal(int)
    everything_wanted = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("queue.bulk")
        self._count = QLabel()
        self._count.setObjectName("queue.selected")
        self._buttons: dict[Verb, Button] = {}
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(6)
        row.addWidget(self._count)
        row.addSpacing(4)
        for verb in _IN_BAR:
            button = Button(title(verb), name=f"queue.bulk.{verb.value}")
            button.clicked.connect(lambda _=False, which=verb: self.asked.emit(which.value))
            self._buttons[verb] = button
            row.addWidget(button)
        priority = Button(title(Verb.PRIORITY), name="queue.bulk.priority")
        priorities = priority_menu(priority, name="queue.bulk.priority.menu")
        priorities.chosen.connect(self.priority_asked)
        priority.setMenu(priorities)
        self._buttons[Verb.PRIORITY] = priority
        row.addWidget(priority)
        self._more = Button(tr("More"), name="queue.bulk.more")
        self._menu = VerbMenu(_IN_MENU, name="queue.bulk.menu", parent=self._more)
        self._menu.chosen.connect(self.asked)
        self._more.setMenu(self._menu)
        row.addWidget(self._more)
        row.addStretch(1)
        self.everything = Button("", kind=ButtonKind.LINK, name="queue.select-all")
        self.everything.clicked.connect(self.everything_wanted)
        row.addWidget(self.everything)
        self.setFixedHeight(max(28, self._more.sizeHint().height()))

    def show_selection(
        self, offers: Mapping[Verb, Offer], *, count: int, all_matching: bool, matching: int
    ) -> None:
        """Shows what can be done to `count` selected of `matching` requests."""
        words = self._words(count, all_matching=all_matching)
        if words != self._count.text():
            self._count.setText(words)
            if count > 1:
                announce(self, words)
        for verb, button in self._buttons.items():
            button.setText(offers[verb].title)
            button.setEnabled(offers[verb].enabled)
            button.setToolTip(offers[verb].tip)
            button.updateGeometry()
        self._menu.show_offers(offers)
        self._more.setEnabled(any(offers[v].enabled for v in _IN_MENU))
        for widget in (*self._buttons.values(), self._more):
            widget.setVisible(count > 0)
        offered = not all_matching and matching > max(count, 1)
        self.everything.setVisible(offered)
        self.everything.setText(tr("Select all {n} matching", n=number(matching)))

    def _words(self, count: int, *, all_matching: bool) -> str:
        if all_matching:
            return plural(count, "The {n} matching is selected", "All {n} matching are selected")
        if count:
            return plural(count, "{n} selected", "{n} selected")
        return tr("Select requests to retry, cancel or change them.")

"""The filter box with its menu, the count, and what is beside them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import QEvent, QObject, QPoint, Qt, QTimer, Signal
from PySide6.QtGui import QColor, QKeyEvent, QPalette
from PySide6.QtWidgets import QHBoxLayout, QMenu, QSizePolicy, QWidget
from typing_extensions import override

from autotask_console.pages.queue.filter_text import (
    QUALIFIERS,
    Known,
    Problem,
    set_value,
    toggle_value,
    values_of,
)
from autotask_console.pages.queue.filter_text.complete import complete
from autotask_console.platform.theme import tokens
from autotask_console.text import Tone, tr
from autotask_console.widgets.announce import announce
from autotask_console.widgets.button import Button, ButtonKind
from autotask_console.widgets.label import ToneLabel, small
from autotask_console.widgets.suggest import Suggestion, SuggestLine

_IDLE_MS = 180
_MENUS: tuple[tuple[str, str, bool], ...] = (
    ("state", "State", True),
    ("zone", "Zone", True),
    ("entity", "Kind of record", True),
    ("op", "Operation", True),
    ("prio", "Priority", False),
    ("age", "Age", False),
    ("tries", "Tries", False),
    ("http", "HTTP answer", False),
)
"""Key, title, and whether several values may be chosen."""


class FilterBar(QWidget):
    """The reason why a text means nothing is shown `over` a widget, below the box.

    `edited(text)` a moment after typing, at once after a choice; `left()` when Esc is pressed in it.
    """

    edited = Signal(str)
    left = Signal()

    def __init__(self, known: Callable[[], Known], *, over: QWidget) -> None:
        super().__init__(over)
        self._known = known
        self._over = over
        self.line = SuggestLine(self._suggest, name="queue.filter")
        self.line.setAccessibleName(tr("Filter requests"))
        self.line.setPlaceholderText(tr("Search, or filter: state:failed age:>1h"))
        self.line.setClearButtonEnabled(True)
        self.line.setMinimumWidth(150)
        self.line.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.menu_button = Button(tr("Filter"), name="queue.filter-menu")
        self._menu = QMenu(self.menu_button)
        self._menu.setObjectName("queue.filter.menu")
        self._menu.aboutToShow.connect(self._fill_menu)
        self.menu_button.setMenu(self._menu)
        self.count = small()
        self.count.setObjectName("queue.count")
        self.row = QHBoxLayout(self)
        self.row.setContentsMargins(0, 0, 0, 0)
        self.row.setSpacing(8)
        for widget in (self.line, self.menu_button, self.count):
            self.row.addWidget(widget)
        self._reason = ToneLabel(tone=Tone.WARN, parent=over)
        self._reason.setObjectName("queue.filter.problem")
        self._reason.setAutoFillBackground(True)
        self._reason.setContentsMargins(8, 4, 8, 4)
        self._reason.hide()
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_IDLE_MS)
        self._timer.timeout.connect(self._send)
        self.line.textChanged.connect(lambda _: self._timer.start())
        self.line.returnPressed.connect(self._entered)
        self.line.picked.connect(self._picked)
        self.line.installEventFilter(self)

    @property
    def text(self) -> str:
        return self.line.text()

    def set_text(self, text: str) -> None:
        """Replaces the text and says so at once."""
        if text != self.line.text():
            self.line.setText(text)
        self._send()

    def put_text(self, text: str) -> None:
        """Replaces the text; whoever does it knows."""
        self.line.setText(text)
        self._timer.stop()

    def show_problem(self, problem: Problem | None) -> None:
        """Amber with the reason below while something in the text means nothing."""
        colours = tokens(self.palette())
        palette = QPalette(self.palette())
        if problem is not None:
            palette.setColor(QPalette.ColorRole.Base, _mixed(colours.surface, colours.tones["warn"], 0.16))
        self.line.setPalette(palette)
        said = problem.message if problem is not None else ""
        self.line.setToolTip(said)
        self.line.setAccessibleDescription(said)
        if said and said != self._reason.text():
            announce(self.line, said)
        self._reason.setText(said)
        self._reason.setVisible(bool(said))
        if said:
            self._place_reason()

    def _place_reason(self) -> None:
        parent = self._over
        corner = self.line.mapTo(parent, QPoint(0, self.line.height() + 2))
        self._reason.setWordWrap(False)
        width = min(self._reason.sizeHint().width(), self.line.width())
        self._reason.setWordWrap(True)
        self._reason.setGeometry(corner.x(), corner.y(), width, self._reason.heightForWidth(width))
        self._reason.raise_()

    @property
    def problem(self) -> str:
        """What is wrong with the text, in the words that are shown."""
        return self._reason.text()

    @override
    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        escape = (
            watched is self.line
            and event.type() is QEvent.Type.KeyPress
            and isinstance(event, QKeyEvent)
            and event.key() == Qt.Key.Key_Escape
        )
        if escape and not self.line.is_open:
            self.left.emit()
            return True
        return False

    # -- completion

    def _suggest(self, text: str) -> Sequence[Suggestion]:
        return [
            Suggestion(key=f"{found.cursor} {found.text}", label=found.label, more=found.more)
            for found in complete(text, self.line.cursorPosition(), self._known())
        ]

    def _picked(self, suggestion: Suggestion) -> None:
        cursor, _, text = suggestion.key.partition(" ")
        self.line.setText(text)
        self.line.setCursorPosition(int(cursor))
        if text[: int(cursor)].endswith(":"):
            self.line.suggest()
        else:
            self._send()

    def _entered(self) -> None:
        self._send()
        self.line.close_list()

    def _send(self) -> None:
        self._timer.stop()
        self.edited.emit(self.line.text())

    # -- the menu, which writes the same text

    def _fill_menu(self) -> None:
        self._menu.clear()
        known = self._known()
        for key, title, several in _MENUS:
            choices = QUALIFIERS[key].choices(known)
            if not choices or (key == "zone" and len(choices) < 2):
                continue
            submenu = self._menu.addMenu(tr(title))
            submenu.setObjectName(f"queue.filter.menu.{key}")
            chosen = values_of(self.text, key)
            for value, words in choices:
                self._add_choice(submenu, key, value, words, chosen=chosen, several=several)
        self._menu.addSeparator()
        clear = self._menu.addAction(tr("Clear filter"))
        clear.setObjectName("queue.filter.menu.clear")
        clear.setEnabled(bool(self.text))
        clear.triggered.connect(lambda: self.set_text(""))

    def _add_choice(
        self, menu: QMenu, key: str, value: str, words: str, *, chosen: Sequence[str], several: bool
    ) -> None:
        plain = value.strip('"')
        told = words and (key in {"state", "age", "tries", "http"} or plain.startswith(">"))
        action = menu.addAction(words if told else plain[:1].upper() + plain[1:])
        action.setObjectName(f"queue.filter.{key}.{plain}")
        action.setCheckable(True)
        action.setChecked(plain.lower() in chosen)

        def choose() -> None:
            if several:
                self.set_text(toggle_value(self.text, key, plain))
            elif plain.lower() in chosen:
                self.set_text(set_value(self.text, key))
            else:
                self.set_text(set_value(self.text, key, plain))

        action.triggered.connect(choose)


class LiveButton(Button):
    """Glyph and word: ● Live or ‖ Paused."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("", kind=ButtonKind.PLAIN, name="queue.live", parent=parent)
        self.setCheckable(True)
        self.show_paused(paused=False)

    def show_paused(self, *, paused: bool) -> None:
        self.setText(tr("‖ Paused") if paused else tr("● Live"))
        self.setChecked(paused)
        self.setToolTip(
            tr("The list stands still. Click or press F5 to follow again.")
            if paused
            else tr("The list follows what happens. Click to keep it as it is.")
        )
        self.setAccessibleName(tr("List stands still") if paused else tr("List is live"))


def _mixed(one: QColor, other: QColor, share: float) -> QColor:
    def part(a: int, b: int) -> int:
        return round(a * (1 - share) + b * share)

    return QColor(
        part(one.red(), other.red()), part(one.green(), other.green()), part(one.blue(), other.blue())
    )

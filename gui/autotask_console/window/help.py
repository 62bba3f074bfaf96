"""Small windows of the Help menu: shortcuts, symbols, about."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeySequence
from PySide6.QtWidgets import QDialog, QGridLayout, QHBoxLayout, QLabel, QScrollArea, QVBoxLayout, QWidget

from autotask_console.actions import BoundAction
from autotask_console.text import BREAKER_LOOKS, UI_STATES, Look, Tone, UiState, tr
from autotask_console.widgets.button import Button, ButtonKind
from autotask_console.widgets.label import ToneLabel, heading, small

_MEANINGS: dict[UiState, str] = {
    UiState.WAITING: "Saved on this laptop. It goes out in its turn.",
    UiState.SENDING: "On its way to Autotask at this moment.",
    UiState.RETRYING: "A try did not work for a passing reason. Another follows by itself.",
    UiState.CHECKING: "Sent, but no reply came. We look it up in Autotask; it is never sent twice.",
    UiState.HELD: "Something stands before it: a hold, a pause, a sign-in, another request, your decision.",
    UiState.FAILED: "Autotask did not accept it. It waits for you; nothing is lost.",
    UiState.SENT: "Autotask has it.",
    UiState.SCHEDULED: "It goes out at the time you chose.",
    UiState.CANCELLED: "You took it back before it was sent.",
    UiState.EXPIRED: "Its time ran out before it could be sent.",
}
_BREAKERS = {
    "sending": "The zone works normally.",
    "testing": "After a stop: single requests test whether the zone works again.",
    "stopped": "The zone did not answer well. We wait, then test; nothing is lost.",
    "maintenance": "A person holds the zone until a time.",
    "forced": "A person keeps it sending although tests failed.",
}
_CONNECTION: tuple[tuple[str, str, Tone, str], ...] = (
    ("●", "Online", Tone.GOOD, "Autotask can be reached. What waits is sent."),
    ("◌", "Offline", Tone.HELD, "Everything is saved on this laptop and sends by itself later."),
    (
        "◔",
        "Limited",
        Tone.WARN,
        "Autotask can be reached, but not everything may be sent now.",
    ),
)
_GENERAL: tuple[tuple[str, str], ...] = (
    ("Ctrl+P", "Pause sending, or resume it"),
    ("F6; Shift+F6", "Next, previous part of the window"),
    ("Tab; Shift+Tab", "Next, previous control"),
    ("Alt", "Menus"),
    ("Esc", "Back, or close what is open"),
)


_WIDTH, _HEIGHT = 560, 520


class HelpDialog(QDialog):
    """A scrollable page of facts with a Close button; open it with `open()`."""

    def __init__(self, parent: QWidget, *, name: str, title: str) -> None:
        super().__init__(parent)
        self.setObjectName(f"help.{name}")
        self.setWindowTitle(title)
        self.setAccessibleName(title)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        column = QVBoxLayout(self)
        column.setContentsMargins(20, 16, 20, 14)
        column.addWidget(heading(title, factor=1.2))
        inner = QWidget()
        self.grid = QGridLayout(inner)
        self.grid.setContentsMargins(0, 6, 12, 6)
        self.grid.setHorizontalSpacing(18)
        self.grid.setVerticalSpacing(7)
        self.grid.setColumnStretch(1, 1)
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QScrollArea.Shape.NoFrame)
        scroll.setWidget(inner)
        scroll.setAccessibleName(title)
        column.addWidget(scroll, 1)
        row = QHBoxLayout()
        row.addStretch(1)
        close = Button(tr("Close"), kind=ButtonKind.PRIMARY, name="help.close")
        close.setDefault(True)
        close.clicked.connect(self.accept)
        row.addWidget(close)
        column.addLayout(row)
        close.setFocus()

    def add_heading(self, text: str) -> None:
        title = heading(text, factor=1.0)
        title.setContentsMargins(0, 8, 0, 0)
        self.grid.addWidget(title, self.grid.rowCount(), 0, 1, 2)

    def add(self, left: QWidget, text: str) -> None:
        words = QLabel(text)
        words.setWordWrap(True)
        row = self.grid.rowCount()
        self.grid.addWidget(left, row, 0, Qt.AlignmentFlag.AlignTop)
        self.grid.addWidget(words, row, 1)

    def add_keys(self, pairs: Iterable[tuple[str, str]]) -> None:
        """Keys as portable text, several separated by "; ", each pair with what they do."""
        for keys, words in pairs:
            native = QKeySequence.listToString(
                QKeySequence.listFromString(keys), QKeySequence.SequenceFormat.NativeText
            )
            self.add(ToneLabel(native.replace("; ", ", ") or keys, tone=Tone.ACTIVE), words)

    def finish(self) -> None:
        """All is in: the dialog is as high as that, up to a limit."""
        self.grid.setRowStretch(self.grid.rowCount(), 1)
        inner = self.grid.parentWidget()
        wanted = self.grid.heightForWidth(_WIDTH - 70) + self.sizeHint().height()
        self.resize(_WIDTH, min(_HEIGHT, wanted if inner is not None else _HEIGHT))


def shortcuts(
    parent: QWidget, actions: Iterable[BoundAction], keys_of_page: Sequence[tuple[str, str]] = ()
) -> HelpDialog:
    """Every shortcut that works now, with the page's keys that are no actions."""
    dialog = HelpDialog(parent, name="shortcuts", title=tr("Keyboard shortcuts"))
    for title, pairs in ((tr("On this page"), keys_of_page), (tr("Anywhere"), _GENERAL)):
        if pairs:
            dialog.add_heading(title)
            dialog.add_keys((keys, tr(what)) for keys, what in pairs)
    groups: dict[str, list[BoundAction]] = {}
    for bound in actions:
        if bound.shortcuts():
            groups.setdefault(bound.action.menu.partition("/")[0] or tr("Here"), []).append(bound)
    for name, members in groups.items():
        dialog.add_heading(tr(name))
        dialog.add_keys((b.action.shortcut, b.text().replace("&", "")) for b in members)
    dialog.finish()
    return dialog


def symbols(parent: QWidget) -> HelpDialog:
    """Glyph, word and meaning of every state."""
    dialog = HelpDialog(parent, name="symbols", title=tr("What the symbols mean"))
    dialog.add_heading(tr("Requests"))
    for state, meaning in _MEANINGS.items():
        dialog.add(_chip(UI_STATES[state]), tr(meaning))
    dialog.add_heading(tr("Zones"))
    for word, look in BREAKER_LOOKS.items():
        dialog.add(_chip(look), tr(_BREAKERS[word.value]))
    dialog.add_heading(tr("Connection"))
    for glyph, words, tone, meaning in _CONNECTION:
        dialog.add(ToneLabel(f"{glyph} {tr(words)}", tone=tone), tr(meaning))
    dialog.finish()
    return dialog


def about(parent: QWidget, *, version: str, facts: Sequence[tuple[str, str]]) -> HelpDialog:
    """What this is, which version, where things are kept."""
    dialog = HelpDialog(parent, name="about", title=tr("Autotask Queue Console"))
    dialog.add(small(tr("Version")), version)
    for name, value in facts:
        label = small(name)
        dialog.add(label, value)
    dialog.add(small(tr("Licence")), tr("MIT. Qt is used under the LGPL."))
    dialog.finish()
    return dialog


def _chip(look: Look) -> ToneLabel:
    label = ToneLabel()
    label.set_look(look)
    return label

"""The one line above the page that says what is unusual now; absent when nothing is."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QSizePolicy, QWidget
from typing_extensions import override

from autotask_console.text import Tone
from autotask_console.widgets.announce import announce
from autotask_console.widgets.button import Button
from autotask_console.widgets.label import ToneLabel
from autotask_console.widgets.panel import Panel


@dataclass(frozen=True, kw_only=True, slots=True)
class BannerText:
    """What a banner says.

    `kind` names the situation ("offline"); only when it changes is the text announced, so that a
    countdown is not read out each second. `buttons` are (id, title).
    """

    kind: str
    glyph: str
    head: str
    text: str
    tone: Tone
    buttons: tuple[tuple[str, str], ...] = ()


class Banner(Panel):
    """Shows a `BannerText`; `pressed(button id)` when a button is used."""

    pressed = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent=parent)
        self.setObjectName("banner")
        self._shown: BannerText | None = None
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(13, 5, 11, 5)
        self._row.setSpacing(6)
        self._glyph = ToneLabel()
        self._words = QLabel()
        self._words.setObjectName("banner.text")
        self._words.setTextFormat(Qt.TextFormat.RichText)
        self._words.setWordWrap(True)
        policy = QSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        policy.setHeightForWidth(True)  # a new policy forgets it, and the text may wrap
        self._words.setSizePolicy(policy)
        self._row.addWidget(self._glyph)
        self._row.addWidget(self._words, 1)
        self._buttons: list[Button] = []
        self.hide()

    @property
    def shown(self) -> BannerText | None:
        return self._shown

    @property
    def plain(self) -> str:
        """The words, for tests and screen readers; empty while hidden."""
        return f"{self._shown.head} {self._shown.text}" if self._shown else ""

    def show_text(self, text: BannerText | None) -> None:
        """None hides it. Buttons are rebuilt only if they differ: the focus stays where it is."""
        before, self._shown = self._shown, text
        if text is None:
            self.hide()
            return
        if text == before:
            return
        self._glyph.setText(text.glyph)
        self._glyph.set_tone(text.tone)
        self._words.setText(f"<b>{escape(text.head)}</b> {escape(text.text)}")
        self.set_tone(text.tone)
        self.setAccessibleName(self.plain)
        if before is None or before.buttons != text.buttons:
            self._rebuild(text.buttons)
        self.show()
        if before is None or before.kind != text.kind:
            announce(self, self.plain)

    def _rebuild(self, buttons: tuple[tuple[str, str], ...]) -> None:
        for old in self._buttons:
            self._row.removeWidget(old)
            old.hide()
            old.deleteLater()
        self._buttons = []
        for button_id, title in buttons:
            button = Button(title, name=f"banner.{button_id}")
            button.clicked.connect(lambda _=False, which=button_id: self.pressed.emit(which))
            self._row.addWidget(button)
            button.show()  # at once: a layout shows it only when control returns to Qt
            self._buttons.append(button)

    @override
    def minimumHeight(self) -> int:
        return 37

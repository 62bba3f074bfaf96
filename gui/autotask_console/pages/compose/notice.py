"""One line above the form: what is special about this request, and a button that helps."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout

from autotask_console.text import Tone
from autotask_console.widgets.announce import announce
from autotask_console.widgets.button import Button
from autotask_console.widgets.label import ToneLabel
from autotask_console.widgets.panel import Panel

_GLYPHS = {Tone.BAD: "✕", Tone.WARN: "⚠", Tone.HELD: "‖", Tone.GOOD: "✓", Tone.ACTIVE: "●", Tone.QUIET: "●"}


class Notice(Panel):
    """`pressed(button id)`. Hidden while there is nothing to say."""

    pressed = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("compose.notice")
        self._id = ""
        self._glyph = ToneLabel()
        self._text = ToneLabel(tone=None)
        self._text.setObjectName("compose.notice.text")
        self._text.setWordWrap(True)
        self._button = Button("", name="compose.notice.button")
        self._button.clicked.connect(lambda: self.pressed.emit(self._id))
        row = QHBoxLayout(self)
        row.setContentsMargins(12, 6, 8, 6)
        row.setSpacing(8)
        row.addWidget(self._glyph)
        row.addWidget(self._text, 1)
        row.addWidget(self._button)
        self.hide()

    @property
    def text(self) -> str:
        """What it says; empty while hidden."""
        return self._text.text()

    def say(self, text: str, tone: Tone = Tone.QUIET, *, button: tuple[str, str] | None = None) -> None:
        """Shows the text; `button` is (id, title)."""
        if text and text != self._text.text():
            announce(self, text)
        self._text.setText(text)
        self._glyph.setText(_GLYPHS[tone])
        self._glyph.set_tone(tone)
        self.set_tone(tone if tone in {Tone.BAD, Tone.WARN, Tone.HELD} else None)
        self.setAccessibleName(text)
        self._button.setVisible(button is not None)
        if button is not None:
            self._id, title = button
            self._button.setText(title)
            self._button.updateGeometry()
        self.setVisible(bool(text))

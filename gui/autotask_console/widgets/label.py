"""Labels in the palette's tones, and headings."""

from __future__ import annotations

from PySide6.QtCore import QEvent
from PySide6.QtGui import QPalette
from PySide6.QtWidgets import QLabel, QWidget
from typing_extensions import override

from autotask_console.platform.fonts import scaled
from autotask_console.platform.theme import tokens
from autotask_console.text import Look, Tone


class ToneLabel(QLabel):
    """A label in the colour of a tone, in both palettes; `None` is the ordinary text colour."""

    def __init__(
        self, text: str = "", *, tone: Tone | None = Tone.QUIET, parent: QWidget | None = None
    ) -> None:
        super().__init__(text, parent)
        self._tone = tone
        self._colour()

    def set_tone(self, tone: Tone | None) -> None:
        self._tone = tone
        self._colour()

    def set_look(self, look: Look) -> None:
        """Shows a state: glyph and word in its tone; the technical term is the tooltip."""
        self.setText(f"{look.glyph} {look.word}")
        self.setToolTip(look.term)
        self.setAccessibleName(look.word)
        self.set_tone(look.tone)

    def _colour(self) -> None:
        colours = tokens(self.palette())
        colour = colours.tones[self._tone] if self._tone else colours.text
        if self.palette().color(QPalette.ColorRole.WindowText) != colour:
            palette = self.palette()
            palette.setColor(QPalette.ColorRole.WindowText, colour)
            self.setPalette(palette)

    @override
    def changeEvent(self, event: QEvent) -> None:
        if event.type() in {QEvent.Type.PaletteChange, QEvent.Type.ApplicationPaletteChange}:
            self._colour()
        super().changeEvent(event)


def heading(text: str, *, factor: float = 1.1) -> QLabel:
    """Bold, a little larger than the text around it."""
    label = QLabel(text)
    label.setFont(scaled(label.font(), factor, bold=True))
    return label


def small(text: str = "", *, tone: Tone | None = Tone.QUIET) -> ToneLabel:
    """Muted and smaller: captions and notes."""
    label = ToneLabel(text, tone=tone)
    label.setFont(scaled(label.font(), 0.92))
    return label

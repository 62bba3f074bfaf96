"""What was tested, line by line; a red line says what to do."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtWidgets import QGridLayout, QWidget

from autotask_console.text import Tone, tr
from autotask_console.widgets.announce import announce
from autotask_console.widgets.label import ToneLabel, small
from autotask_queue.autotask import Step

NAMES = ("Internet", "Zone", "Sign-in", "Limit", "Permissions")


class Checklist(QWidget):
    """The steps in their order: ✓ well, ✕ not well, ○ not tested."""

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("sign_in.checklist")
        self._marks: dict[str, ToneLabel] = {}
        self._words: dict[str, ToneLabel] = {}
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(8)
        grid.setVerticalSpacing(4)
        for row, name in enumerate(NAMES):
            mark, label, words = ToneLabel("○"), ToneLabel(tr(name), tone=None), small()
            words.setWordWrap(True)
            words.setObjectName(f"sign_in.step.{name.lower()}")
            grid.addWidget(mark, row, 0)
            grid.addWidget(label, row, 1)
            grid.addWidget(words, row, 2)
            self._marks[name], self._words[name] = mark, words
        grid.setColumnStretch(2, 1)

    @property
    def lines(self) -> list[str]:
        """The list as text, for tests and screen readers."""
        return [f"{self._marks[name].text()} {name}: {self._words[name].text()}" for name in NAMES]

    def clear(self, words: str = "") -> None:
        """Nothing is tested; `words` stand in the first line, such as that it is being tested."""
        for name in NAMES:
            self._show(name, "○", Tone.QUIET, "")
        self._words[NAMES[0]].setText(words)

    def show_steps(self, steps: Sequence[Step]) -> None:
        """What came out; the rest stays untested."""
        self.clear()
        for step in steps:
            if step.name in self._marks:
                words = f"{step.message} {step.remedy}".strip()
                tone = Tone.GOOD if step.ok else Tone.BAD
                self._show(step.name, "✓" if step.ok else "✕", tone, words)
        failed = next((step for step in steps if not step.ok), None)
        announce(self, tr("All is well.") if failed is None else f"{failed.name}: {failed.message}")

    def _show(self, name: str, glyph: str, tone: Tone, words: str) -> None:
        self._marks[name].setText(glyph)
        self._marks[name].set_tone(tone)
        self._words[name].setText(words)
        self._words[name].set_tone(Tone.BAD if tone is Tone.BAD else Tone.QUIET)
        self.setAccessibleName("; ".join(self.lines))

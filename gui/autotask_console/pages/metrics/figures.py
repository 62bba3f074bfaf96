"""The column of numbers at the right of the charts."""

from __future__ import annotations

from PySide6.QtWidgets import QLabel, QVBoxLayout

from autotask_console.pages.metrics.buckets import Figures
from autotask_console.pages.metrics.words import figure_rows
from autotask_console.text import Tone
from autotask_console.widgets.cells import number_font
from autotask_console.widgets.label import small
from autotask_console.widgets.panel import Panel

_WIDTH = 128


class FiguresColumn(Panel):
    """Caption and value, one below the other; values have equally wide digits and a fixed place."""

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("metrics.figures")
        self.setFixedWidth(_WIDTH)
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 9, 8, 9)
        column.setSpacing(1)
        self._values: dict[str, QLabel] = {}
        for figure_id, caption, value, explanation in figure_rows(Figures()):
            label = QLabel(value)
            label.setObjectName(f"metrics.figure.{figure_id}")
            label.setFont(number_font(label.font()))
            label.setToolTip(explanation)
            head = small(caption.upper(), tone=Tone.QUIET)
            head.setToolTip(explanation)
            column.addWidget(head)
            column.addWidget(label)
            column.addSpacing(6)
            self._values[figure_id] = label
        column.addStretch(1)

    def show_figures(self, shown: Figures) -> None:
        """Shows numbers; a person's screen reader finds caption and value together."""
        for figure_id, caption, value, _ in figure_rows(shown):
            self._values[figure_id].setText(value)
            self._values[figure_id].setAccessibleName(f"{caption}: {value}")

"""Cards side by side: as many columns as fit, one zone alone takes the whole width."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QGridLayout, QWidget
from typing_extensions import override

from autotask_console.pages.breakers.card import CARD_WIDTH

_GAP = 10
_MOST = 3


class CardGrid(QWidget):
    """Lays widgets out in reading order; they move only when the number of columns changes."""

    def __init__(self) -> None:
        super().__init__()
        self._cards: list[QWidget] = []
        self._columns = 0
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setSpacing(_GAP)

    @property
    def cards(self) -> tuple[QWidget, ...]:
        return tuple(self._cards)

    def show_cards(self, cards: Sequence[QWidget]) -> None:
        """Shows exactly these, in this order; others that were here are taken out, not deleted."""
        if list(cards) == self._cards:
            return
        for old in self._cards:
            self._grid.removeWidget(old)
            if old not in cards:
                old.hide()
        self._cards = list(cards)
        self._columns = 0
        self._place()

    def _place(self) -> None:
        fit = max(1, min(_MOST, (self.width() + _GAP) // (CARD_WIDTH + _GAP), len(self._cards)))
        if fit == self._columns:
            return
        for card in self._cards:
            self._grid.removeWidget(card)
        for column in range(_MOST):
            self._grid.setColumnStretch(column, 1 if column < fit else 0)
        for place, card in enumerate(self._cards):
            self._grid.addWidget(card, place // fit, place % fit)
            card.show()
        self._columns = fit

    @override
    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._place()

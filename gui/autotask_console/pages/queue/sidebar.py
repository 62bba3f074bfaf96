"""Views and facets beside the table: click for only this, Ctrl+click to add."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QEnterEvent, QKeyEvent, QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QAbstractButton, QSizePolicy, QVBoxLayout, QWidget
from typing_extensions import override

from autotask_console.pages.queue.facets import VIEWS, Facet
from autotask_console.platform.fonts import scaled
from autotask_console.platform.theme import tokens
from autotask_console.text import UI_STATES, UiState, number, tr
from autotask_console.widgets.button import RADIUS, keyboard_is_here, paint_focus
from autotask_console.widgets.label import small

WIDTH = 152


class FacetButton(QAbstractButton):
    """A title with its count; `picked(adds)`: `adds` says that Ctrl was held."""

    picked = Signal(bool)

    def __init__(
        self, title: str, *, name: str, state: UiState | None = None, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setObjectName(name)
        self.setText(title)
        self.setCheckable(True)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self._look = UI_STATES[state] if state is not None else None
        self._count = 0
        self._adds = False
        self.clicked.connect(lambda _: self.picked.emit(self._adds))
        self.set_count(0)

    def set_count(self, count: int) -> None:
        self._count = count
        self.setAccessibleName(f"{self.text()}: {number(count)}")
        self.update()

    @override
    def sizeHint(self) -> QSize:
        return QSize(WIDTH, 25)

    @override
    def nextCheckState(self) -> None:
        # What is shown decides; a click only asks for it.
        pass

    @override
    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        self._adds = bool(event.modifiers() & Qt.KeyboardModifier.ControlModifier)
        super().mouseReleaseEvent(event)
        self._adds = False

    @override
    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in {Qt.Key.Key_Return, Qt.Key.Key_Enter}:
            self.picked.emit(bool(event.modifiers() & Qt.KeyboardModifier.ControlModifier))
            return
        super().keyPressEvent(event)

    @override
    def enterEvent(self, event: QEnterEvent) -> None:
        self.update()
        super().enterEvent(event)

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        colours = tokens(self.palette())
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        area = QRectF(self.rect())
        if self.isChecked() or self.underMouse():
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(colours.accent if self.isChecked() else colours.hover)
            painter.drawRoundedRect(area, RADIUS, RADIUS)
        text = colours.accent_text if self.isChecked() else colours.text
        middle = Qt.AlignmentFlag.AlignVCenter
        count = number(self._count)
        painter.setFont(scaled(self.font(), 0.92))
        painter.setPen(text if self.isChecked() else colours.muted)
        painter.drawText(area.adjusted(0, 0, -8, 0), Qt.AlignmentFlag.AlignRight | middle, count)
        room = area.width() - painter.fontMetrics().horizontalAdvance(count) - 22
        painter.setFont(self.font())
        left = 8.0
        if self._look is not None:
            painter.setPen(text if self.isChecked() else colours.tones[self._look.tone])
            glyph = QRectF(area.left() + 5, area.top(), 18, area.height())
            painter.drawText(glyph, Qt.AlignmentFlag.AlignCenter, self._look.glyph)
            left = 27.0
        painter.setPen(text)
        title = self.fontMetrics().elidedText(self.text(), Qt.TextElideMode.ElideRight, int(room - left + 8))
        painter.drawText(area.adjusted(left, 0, 0, 0), Qt.AlignmentFlag.AlignLeft | middle, title)
        if keyboard_is_here(self):
            paint_focus(painter, area, colours)


class Sidebar(QWidget):
    """`view_picked(id)`; `facet_picked(key, value, adds)`."""

    view_picked = Signal(str)
    facet_picked = Signal(str, str, bool)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("queue.sidebar")
        self.setFixedWidth(WIDTH)
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(2)
        self._column.addWidget(_caption(tr("Views")))
        self._views: dict[str, FacetButton] = {}
        for view in VIEWS.values():
            button = FacetButton(view.title, name=f"queue.view.{view.id}")
            button.picked.connect(lambda _, which=view.id: self.view_picked.emit(which))
            self._views[view.id] = button
            self._column.addWidget(button)
        self._captions = {"state": _caption(tr("State")), "zone": _caption(tr("Zone"))}
        self._places: dict[str, QVBoxLayout] = {}
        for key, caption in self._captions.items():
            self._column.addSpacing(6)
            self._column.addWidget(caption)
            self._places[key] = QVBoxLayout()
            self._places[key].setSpacing(2)
            self._column.addLayout(self._places[key])
        self._column.addStretch(1)
        self._facets: dict[tuple[str, str], FacetButton] = {}

    def show_views(self, counts: dict[str, int], current: str) -> None:
        for view_id, button in self._views.items():
            button.set_count(counts.get(view_id, 0))
            button.setChecked(view_id == current)

    def show_facets(
        self, states: Sequence[Facet], zones: Sequence[Facet], *, chosen: dict[str, Sequence[str]]
    ) -> None:
        """Shows these; buttons that are there already stay, so that focus and pointer do too."""
        wanted = [*states, *zones]
        if [(f.key, f.value) for f in wanted] != list(self._facets):
            self._rebuild(wanted)
        for facet in wanted:
            button = self._facets[facet.key, facet.value]
            button.set_count(facet.count)
            button.setChecked(facet.value.lower() in chosen.get(facet.key, ()))
        self._captions["state"].setVisible(bool(states))
        self._captions["zone"].setVisible(bool(zones))

    def _rebuild(self, wanted: Sequence[Facet]) -> None:
        kept: dict[tuple[str, str], FacetButton] = {}
        for facet in wanted:
            place = (facet.key, facet.value)
            kept[place] = self._facets.pop(place) if place in self._facets else self._make(facet)
        for old in self._facets.values():
            old.hide()
            old.deleteLater()
        self._facets = kept
        for layout in self._places.values():
            while layout.takeAt(0) is not None:
                pass
        for (key, _), button in kept.items():
            self._places[key].addWidget(button)

    def _make(self, facet: Facet) -> FacetButton:
        button = FacetButton(
            facet.title, name=f"queue.facet.{facet.key}.{facet.value}", state=facet.state, parent=self
        )
        button.setToolTip(tr("Click: only these. Ctrl+click: these too."))
        button.picked.connect(
            lambda adds, key=facet.key, value=facet.value: self.facet_picked.emit(key, value, adds)
        )
        return button


def _caption(text: str) -> QWidget:
    label = small(text)
    label.setFont(scaled(label.font(), 1.0, bold=True))
    label.setContentsMargins(8, 0, 0, 2)
    return label

"""The left rail: pages in groups, a badge each (a number = to do, a word = mode)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QEnterEvent, QIcon, QPainter, QPaintEvent
from PySide6.QtWidgets import QAbstractButton, QButtonGroup, QSizePolicy, QVBoxLayout, QWidget
from typing_extensions import override

from autotask_console.platform.fonts import scaled
from autotask_console.platform.icons import tinted
from autotask_console.platform.theme import tokens
from autotask_console.text import Tone
from autotask_console.widgets.button import RADIUS, keyboard_is_here, paint_focus
from autotask_console.widgets.label import ToneLabel, small

_WIDE, _NARROW = 148, 52
_ICON = 16


@dataclass(frozen=True, kw_only=True, slots=True)
class RailEntry:
    """One page in the rail; `keys` is the shortcut for the tooltip."""

    page_id: str
    title: str
    group: str
    icon: str
    keys: str = ""


class RailButton(QAbstractButton):
    """Title and badge; in the narrow rail an icon and the badge."""

    def __init__(self, entry: RailEntry, *, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.entry = entry
        self.setObjectName(f"rail.{entry.page_id}")
        self.setCheckable(True)
        self.setText(entry.title)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self._badge = ""
        self._badge_tone: Tone | None = None
        self._narrow = False
        self._name()

    @property
    def badge(self) -> str:
        return self._badge

    def set_badge(self, text: str, tone: Tone | None = None) -> None:
        if (text, tone) != (self._badge, self._badge_tone):
            self._badge, self._badge_tone = text, tone
            self._name()
            self.update()

    def set_narrow(self, narrow: bool) -> None:
        self._narrow = narrow
        self.updateGeometry()
        self.update()

    def _name(self) -> None:
        badge = f", {self._badge}" if self._badge else ""
        self.setAccessibleName(f"{self.entry.title}{badge}")
        keys = f" ({self.entry.keys})" if self.entry.keys else ""
        self.setToolTip(f"{self.entry.title}{keys}")

    @override
    def sizeHint(self) -> QSize:
        return QSize(36 if self._narrow else 132, 38 if self._narrow else 26)

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
        colour = colours.accent_text if self.isChecked() else colours.text
        badge = colour
        if not self.isChecked():
            badge = colours.tones[self._badge_tone] if self._badge_tone else colours.muted
        painter.setPen(colour)
        if self._narrow:
            icon = tinted(self.entry.icon, colour)
            lift = 5 if self._badge else 0
            place = QRectF(area.center().x() - _ICON / 2, area.center().y() - _ICON / 2 - lift, _ICON, _ICON)
            _draw_icon(painter, icon, place)
            painter.setFont(scaled(self.font(), 0.75, bold=True))
            painter.setPen(badge)
            painter.drawText(
                area.adjusted(0, 0, 0, -3),
                Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignBottom,
                _short(self._badge),
            )
        else:
            middle = Qt.AlignmentFlag.AlignVCenter
            painter.drawText(area.adjusted(10, 0, 0, 0), Qt.AlignmentFlag.AlignLeft | middle, self.text())
            painter.setFont(scaled(self.font(), 0.92, bold=True))
            painter.setPen(badge)
            painter.drawText(area.adjusted(0, 0, -9, 0), Qt.AlignmentFlag.AlignRight | middle, self._badge)
        if keyboard_is_here(self):
            paint_focus(painter, area, colours)


class Rail(QWidget):
    """All rail buttons; `chosen(page_id)` when a person picks one."""

    chosen = Signal(str)

    def __init__(self, entries: Sequence[RailEntry], *, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("rail")
        self._group = QButtonGroup(self)
        self._buttons: dict[str, RailButton] = {}
        self._captions: list[ToneLabel] = []
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(8, 12, 7, 8)
        self._column.setSpacing(2)
        last = ""
        for entry in entries:
            if entry.group != last:
                self._caption(entry.group, first=not last)
                last = entry.group
            self._add(entry)
        self._column.addStretch(1)
        self.setFixedWidth(_WIDE)

    def _caption(self, text: str, *, first: bool) -> None:
        if not first:
            self._column.addSpacing(6)
        label = small(text.upper())
        label.setFont(scaled(label.font(), 0.85))
        label.setContentsMargins(11, 2, 0, 3)
        self._captions.append(label)
        self._column.addWidget(label)

    def _add(self, entry: RailEntry) -> None:
        button = RailButton(entry, parent=self)
        button.clicked.connect(lambda _=False, which=entry.page_id: self.chosen.emit(which))
        self._group.addButton(button)
        self._buttons[entry.page_id] = button
        self._column.addWidget(button)

    @property
    def ids(self) -> tuple[str, ...]:
        return tuple(self._buttons)

    def __getitem__(self, page_id: str) -> RailButton:
        return self._buttons[page_id]

    def __contains__(self, page_id: object) -> bool:
        return page_id in self._buttons

    def show_page(self, page_id: str) -> None:
        """Marks the page that is shown; none, if it is not in the rail."""
        button = self._buttons.get(page_id)
        if button is not None:
            button.setChecked(True)
            return
        self._group.setExclusive(False)
        for other in self._buttons.values():
            other.setChecked(False)
        self._group.setExclusive(True)

    def set_narrow(self, narrow: bool) -> None:
        """Icons and badges only."""
        for label in self._captions:
            label.setVisible(not narrow)
        for button in self._buttons.values():
            button.set_narrow(narrow)
        self.setFixedWidth(_NARROW if narrow else _WIDE)

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setPen(tokens(self.palette()).border)
        painter.drawLine(self.rect().topRight(), self.rect().bottomRight())


def _draw_icon(painter: QPainter, icon: QIcon, place: QRectF) -> None:
    ratio = painter.device().devicePixelRatio()
    painter.drawPixmap(place.topLeft(), icon.pixmap(QSize(_ICON, _ICON), ratio))


def _short(badge: str) -> str:
    metrics_limit = 5
    return badge if len(badge) <= metrics_limit else f"{badge[: metrics_limit - 1]}…"

"""The console's push button: flat, rounded, one primary on a page at most."""

from __future__ import annotations

from enum import StrEnum

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QEnterEvent, QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QPushButton, QSizePolicy, QWidget
from typing_extensions import override

from autotask_console.platform.theme import Tokens, tokens

RADIUS = 5.0
_PADDING = 12
_ARROW = 14


class ButtonKind(StrEnum):
    """What a button is for; it decides how loud it is."""

    PLAIN = "plain"
    PRIMARY = "primary"
    DANGER = "danger"
    """A verb that cannot be undone; never the default button."""
    LINK = "link"
    """Text only, in the colour of links."""
    QUIET = "quiet"
    """Text only, for tools beside other things."""


_PADDINGS = {ButtonKind.LINK: 2, ButtonKind.QUIET: 6}


class Button(QPushButton):
    """A QPushButton painted from the palette's tokens; everything else is Qt's."""

    def __init__(
        self, text: str, *, kind: ButtonKind = ButtonKind.PLAIN, name: str = "", parent: QWidget | None = None
    ) -> None:
        super().__init__(text, parent)
        self.kind = kind
        if name:
            self.setObjectName(name)
        self.setAutoDefault(False)
        self.setSizePolicy(QSizePolicy.Policy.Minimum, QSizePolicy.Policy.Fixed)

    def set_kind(self, kind: ButtonKind) -> None:
        self.kind = kind
        self.update()

    @override
    def sizeHint(self) -> QSize:
        metrics = self.fontMetrics()
        width = metrics.horizontalAdvance(self.text().replace("&", ""))
        padding = _PADDINGS.get(self.kind, _PADDING)
        if not self.icon().isNull():
            width += self.iconSize().width() + (6 if self.text() else 0)
        if self.menu() is not None:
            width += _ARROW
        return QSize(width + 2 * padding + 2, max(26, metrics.height() + 11))

    @override
    def minimumSizeHint(self) -> QSize:
        return self.sizeHint()

    @override
    def enterEvent(self, event: QEnterEvent) -> None:
        self.update()
        super().enterEvent(event)

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        colours = tokens(self.palette())
        self._paint_frame(painter, colours)
        self._paint_content(painter, self._text_colour(colours))
        if keyboard_is_here(self):
            paint_focus(painter, QRectF(self.rect()), colours)

    def _paint_frame(self, painter: QPainter, colours: Tokens) -> None:
        fill = self._fill(colours)
        outline = self._outline(colours, fill)
        if fill is None and outline is None:
            return
        painter.setBrush(fill if fill is not None else Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(outline, 1) if outline is not None else Qt.PenStyle.NoPen)
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), RADIUS, RADIUS)

    def _fill(self, colours: Tokens) -> QColor | None:
        active = self.isEnabled()
        pressed = active and (self.isDown() or self.isChecked())
        hovered = active and self.underMouse()
        if self.kind is ButtonKind.PRIMARY:
            base = colours.accent if active else colours.border
            return base.darker(112) if pressed else base.lighter(108) if hovered else base
        if self.kind in {ButtonKind.LINK, ButtonKind.QUIET}:
            return colours.hover if hovered or pressed else None
        return colours.border if pressed else colours.hover if hovered else colours.surface

    def _outline(self, colours: Tokens, fill: QColor | None) -> QColor | None:
        if self.kind is ButtonKind.PRIMARY:
            return fill
        if self.kind in {ButtonKind.LINK, ButtonKind.QUIET}:
            return None
        if self.kind is ButtonKind.DANGER and self.isEnabled():
            return colours.tones["bad"]
        return colours.border

    def _text_colour(self, colours: Tokens) -> QColor:
        if not self.isEnabled():
            return colours.disabled
        match self.kind:
            case ButtonKind.PRIMARY:
                return colours.accent_text
            case ButtonKind.DANGER:
                return colours.tones["bad"]
            case ButtonKind.LINK:
                return colours.link
            case _:
                return colours.text

    def _paint_content(self, painter: QPainter, colour: QColor) -> None:
        area = QRectF(self.rect())
        if self.menu() is not None:
            paint_arrow(painter, QPointF(area.right() - _ARROW + 1, area.center().y()), colour)
            area.adjust(0, 0, -_ARROW + 4, 0)
        if not self.icon().isNull():
            size = self.iconSize()
            text_width = self.fontMetrics().horizontalAdvance(self.text().replace("&", ""))
            left = area.center().x() - (text_width + (6 if self.text() else 0) + size.width()) / 2
            pixmap = self.icon().pixmap(size, self.devicePixelRatioF())
            painter.drawPixmap(QPointF(left, area.center().y() - size.height() / 2), pixmap)
            area.setLeft(left + size.width() + 6)
            area.setWidth(text_width + 2)
        painter.setPen(colour)
        painter.drawText(area, Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextShowMnemonic, self.text())


def paint_arrow(painter: QPainter, centre: QPointF, colour: QColor) -> None:
    """The small triangle of a button that opens a menu."""
    x, y = centre.x(), centre.y()
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(colour)
    painter.drawPolygon(
        QPolygonF([QPointF(x - 3.5, y - 1.5), QPointF(x + 3.5, y - 1.5), QPointF(x, y + 2.5)])
    )


def keyboard_is_here(widget: QWidget) -> bool:
    """Whether to show where the focus is: once a person moved it by keyboard, as Qt's own styles do."""
    return widget.hasFocus() and widget.window().testAttribute(Qt.WidgetAttribute.WA_KeyboardFocusChange)


def paint_focus(painter: QPainter, rect: QRectF, colours: Tokens) -> None:
    """The two-pixel ring that shows where the keyboard is."""
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.setPen(QPen(colours.text, 2))
    painter.drawRoundedRect(rect.adjusted(1, 1, -1, -1), RADIUS, RADIUS)

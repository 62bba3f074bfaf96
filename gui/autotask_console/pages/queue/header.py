"""The table's header: flat, titles aligned like their columns, a small arrow at the sorted one."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRect, QSize, Qt
from PySide6.QtGui import QPainter, QPolygonF
from PySide6.QtWidgets import QHeaderView, QWidget
from typing_extensions import override

from autotask_console.models.cells import COLUMNS
from autotask_console.pages.queue.delegate import GLYPH, PAD
from autotask_console.platform.fonts import scaled
from autotask_console.platform.theme import tokens

_HEIGHT = 28
_ARROW = 12


class RequestHeader(QHeaderView):
    """Painted in our colours; clicking a column that can be sorted sorts by it."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(Qt.Orientation.Horizontal, parent)
        self.setObjectName("queue.header")
        self.setAccessibleName("Columns")
        self.setSectionsClickable(True)
        self.setHighlightSections(False)
        self.setSortIndicatorShown(True)
        self.setMinimumSectionSize(44)
        self.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        self.setFont(scaled(self.font(), 0.95, bold=True))

    @override
    def sizeHint(self) -> QSize:
        return QSize(super().sizeHint().width(), _HEIGHT)

    @override
    def paintSection(self, painter: QPainter, rect: QRect, logicalIndex: int) -> None:
        colours = tokens(self.palette())
        column = COLUMNS[logicalIndex]
        painter.fillRect(rect, colours.window)
        painter.setPen(colours.border)
        painter.drawLine(rect.bottomLeft(), rect.bottomRight())
        painter.drawLine(rect.right(), rect.top() + 6, rect.right(), rect.bottom() - 6)
        inner = rect.adjusted(PAD + (GLYPH if column.id == "state" else 0), 0, -PAD, 0)
        sorted_here = self.sortIndicatorSection() == logicalIndex
        width = self.fontMetrics().horizontalAdvance(column.title)
        if sorted_here:
            self._paint_arrow(painter, inner, width, right=column.right)
            if column.right:
                inner.adjust(0, 0, -_ARROW, 0)
        side = Qt.AlignmentFlag.AlignRight if column.right else Qt.AlignmentFlag.AlignLeft
        painter.setPen(colours.muted)
        painter.drawText(inner, side | Qt.AlignmentFlag.AlignVCenter, column.title)

    def _paint_arrow(self, painter: QPainter, inner: QRect, width: int, *, right: bool) -> None:
        x = inner.right() - 3 if right else inner.left() + width + 8
        y = inner.center().y() + 0.5
        up = self.sortIndicatorOrder() is Qt.SortOrder.AscendingOrder
        tip = -2.5 if up else 2.5
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(tokens(self.palette()).muted)
        painter.drawPolygon(
            QPolygonF([QPointF(x - 3.5, y - tip), QPointF(x + 3.5, y - tip), QPointF(x, y + tip)])
        )

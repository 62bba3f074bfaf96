"""What must hold for every picture: focusable widgets have names, and no text is cut off."""

from __future__ import annotations

from typing import TypeVar

from PySide6.QtCore import QRect, Qt
from PySide6.QtWidgets import QAbstractButton, QLabel, QWidget

W = TypeVar("W", bound=QWidget)


def child(root: QWidget, kind: type[W], name: str) -> W:
    """The widget of that name below `root`."""
    found = root.findChild(kind, name)
    assert found is not None, f"no {kind.__name__} {name}"
    return found


def nameless(root: QWidget) -> list[str]:
    """Visible widgets below `root` that take the focus by Tab and tell a screen reader nothing."""
    return [
        f"{type(widget).__name__} {widget.objectName()}"
        for widget in root.findChildren(QWidget)
        if widget.isVisibleTo(root)
        and widget.focusPolicy() & Qt.FocusPolicy.TabFocus
        and widget.focusProxy() is None
        and not widget.accessibleName()
        and not (isinstance(widget, QAbstractButton) and widget.text())
        and not widget.objectName().startswith("qt_")
    ]


def clipped(root: QWidget) -> list[str]:
    """Visible buttons and one-line labels that are smaller than their words, or stick out of their parent."""
    worded: list[QAbstractButton | QLabel] = [*root.findChildren(QAbstractButton), *root.findChildren(QLabel)]
    return [
        f"{type(widget).__name__} {widget.objectName()} “{widget.text()}”"
        for widget in worded
        if widget.isVisibleTo(root) and widget.text() and (_small(widget) or _outside(widget))
    ]


def _small(widget: QAbstractButton | QLabel) -> bool:
    if isinstance(widget, QLabel) and (widget.wordWrap() or widget.minimumWidth() == 1):
        return False
    return widget.width() < widget.sizeHint().width() or widget.height() < widget.fontMetrics().height()


def _outside(widget: QWidget) -> bool:
    parent = widget.parentWidget()
    return parent is not None and not QRect(0, 0, parent.width(), parent.height()).contains(widget.geometry())

"""What must hold for every picture: names and order for the keyboard, a visible focus, no text cut off."""

from __future__ import annotations

from itertools import pairwise
from typing import TypeVar

from PySide6.QtCore import QRect, Qt
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QAbstractButton, QApplication, QLabel, QWidget

from autotask_console.widgets.focus_ring import FocusRings

W = TypeVar("W", bound=QWidget)


def child(root: QWidget, kind: type[W], name: str) -> W:
    """The widget of that name below `root`."""
    found = root.findChild(kind, name)
    assert found is not None, f"no {kind.__name__} {name}"
    return found


def nameless(root: QWidget) -> list[str]:
    """Visible widgets below `root` that take the focus by Tab and tell a screen reader nothing."""
    return [
        _called(widget)
        for widget in root.findChildren(QWidget)
        if _takes_tab(widget, root)
        and not widget.accessibleName()
        and not (isinstance(widget, QAbstractButton) and widget.text())
    ]


def backward(root: QWidget) -> list[str]:
    """Steps of the Tab key below `root` that lead up or back.

    Reading order is down, and right in a row; up only to something that lies wholly to the right, the head of
    the next column. The last leads to the first: one step may lead back.
    """
    chain = [widget for widget in _tab_chain(root) if not widget.visibleRegion().isEmpty()]
    back = [
        f"{_called(one)} {_place(one, root)} → {_called(after)} {_place(after, root)}"
        for one, after in pairwise([*chain, *chain[:1]])
        if not _reads_on(_place(one, root), _place(after, root))
    ]
    return back if len(back) > 1 else []


def unringed(root: QWidget, qapp: QApplication) -> list[str]:
    """Visible widgets below `root` that look the same with the keyboard's focus and without it.

    Their window must be the active one, for no other has the focus.
    """
    assert root.window().isActiveWindow(), "the window is not the active one"
    rings = FocusRings(qapp)
    found = []
    for widget in _tab_chain(root):
        if not widget.isEnabled() or widget.visibleRegion().isEmpty():  # scrolled out of sight
            continue
        root.setFocus(Qt.FocusReason.OtherFocusReason)
        without = _surroundings(widget)
        widget.setFocus(Qt.FocusReason.ShortcutFocusReason)
        root.window().setAttribute(Qt.WidgetAttribute.WA_KeyboardFocusChange)  # as after a key
        if widget.hasFocus() and _surroundings(widget) == without:
            found.append(_called(widget))
    rings.deleteLater()
    return found


def clipped(root: QWidget) -> list[str]:
    """Visible buttons and one-line labels that are smaller than their words, or stick out of their parent."""
    worded: list[QAbstractButton | QLabel] = [*root.findChildren(QAbstractButton), *root.findChildren(QLabel)]
    return [
        f"{type(widget).__name__} {widget.objectName()} “{widget.text()}”"
        for widget in worded
        if widget.isVisibleTo(root) and widget.text() and (_small(widget) or _outside(widget))
    ]


def _called(widget: QWidget) -> str:
    words = widget.accessibleName() or (widget.text() if isinstance(widget, QAbstractButton) else "")
    return f"{type(widget).__name__} {widget.objectName()} “{words}”"


def _takes_tab(widget: QWidget, root: QWidget) -> bool:
    return bool(
        widget.isVisibleTo(root)
        and widget.focusPolicy() & Qt.FocusPolicy.TabFocus
        and widget.focusProxy() is None
        and not widget.objectName().startswith("qt_")
    )


def _tab_chain(root: QWidget) -> list[QWidget]:
    """What takes the focus by Tab below `root`, in the order of the key, from the first one on the page."""
    chain: list[QWidget] = []
    widget = root.nextInFocusChain()
    while widget is not None and widget is not root:
        if root.isAncestorOf(widget) and _takes_tab(widget, root):
            chain.append(widget)
        widget = widget.nextInFocusChain()
    return chain


def _place(widget: QWidget, root: QWidget) -> QRect:
    """Where a widget is, as far as it is in sight."""
    seen = widget.visibleRegion().boundingRect()
    return QRect(widget.mapTo(root, seen.topLeft()), seen.size())


def _reads_on(one: QRect, after: QRect) -> bool:
    in_a_row = (
        one.top() <= after.center().y() <= one.bottom() or after.top() <= one.center().y() <= after.bottom()
    )
    right_of = after.left() >= one.right()
    return right_of if in_a_row else after.center().y() > one.center().y() or right_of


def _surroundings(widget: QWidget) -> QImage:
    """How a widget and what is around it look: a ring may be drawn by its parent."""
    window = widget.window()
    around = _place(widget, window).adjusted(-6, -6, 6, 6)
    return window.grab(around).toImage()


def _small(widget: QAbstractButton | QLabel) -> bool:
    if isinstance(widget, QLabel) and (widget.wordWrap() or widget.minimumWidth() == 1):
        return False
    return widget.width() < widget.sizeHint().width() or widget.height() < widget.fontMetrics().height()


def _outside(widget: QWidget) -> bool:
    parent = widget.parentWidget()
    return parent is not None and not QRect(0, 0, parent.width(), parent.height()).contains(widget.geometry())

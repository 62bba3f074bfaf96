"""Where the Tab key leads: Qt goes by the order in which widgets were made, people by what they see."""

from __future__ import annotations

from collections.abc import Iterator

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QWidget


def tab_before(place: QWidget, *widgets: QWidget) -> None:
    """Tab goes through `widgets`, in their order, before it comes to `place`. All are in one window."""
    moving = [stop for widget in widgets for stop in _stops(widget)]
    stops = list(_stops(place))
    if stops:
        before = stops[0].previousInFocusChain()
        while before is not None and before not in stops and (before in moving or not _is_stop(before)):
            before = before.previousInFocusChain()
        _string([before or stops[-1], *moving])


def tab_after(place: QWidget, *widgets: QWidget) -> None:
    """Tab goes through `widgets`, in their order, as soon as it has left `place`. All are in one window."""
    moving = [stop for widget in widgets for stop in _stops(widget)]
    _string([*list(_stops(place))[-1:], *moving])


def _string(stops: list[QWidget]) -> None:
    for number in range(1, len(stops)):
        QWidget.setTabOrder(stops[number - 1], stops[number])


def _stops(widget: QWidget) -> Iterator[QWidget]:
    """What takes the focus by Tab in a widget, itself included; not what pops up from it."""
    within = (one for one in (widget, *widget.findChildren(QWidget)) if one.window() is widget.window())
    return (one for one in within if _is_stop(one))


def _is_stop(widget: QWidget) -> bool:
    return bool(widget.focusPolicy() & Qt.FocusPolicy.TabFocus) and widget.focusProxy() is None

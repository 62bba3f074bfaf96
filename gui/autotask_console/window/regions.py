"""The parts of the window between which F6 moves the keyboard."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QWidget

_LINE = 16
"""Pixels: what begins within as many is one line."""


def next_focus(regions: Sequence[QWidget], focus: QWidget | None, step: int) -> QWidget | None:
    """What takes the keyboard when it moves on by `step` regions (1 or -1); None if nothing can.

    A page may name itself and parts of itself: the innermost region that holds the focus counts.
    """
    holding = [
        place
        for place, region in enumerate(regions)
        if focus is not None and (region is focus or region.isAncestorOf(focus))
    ]
    start = holding[-1] if holding else (-1 if step > 0 else 0)
    for distance in range(1, len(regions) + 1):
        target = first_focus(regions[(start + step * distance) % len(regions)])
        if target is not None:
            return target
    return None


def first_focus(region: QWidget) -> QWidget | None:
    """The first widget of a region that takes the keyboard; of a choice, the chosen one."""
    if _takes_tab(region):
        return region
    candidates = [child for child in region.findChildren(QWidget) if _takes_tab(child)]
    checked = next((c for c in candidates if getattr(c, "isChecked", lambda: False)()), None)
    return checked or (candidates[0] if candidates else None)


def in_reading_order(root: QWidget, regions: Sequence[QWidget]) -> list[QWidget]:
    """All that takes the keyboard in a window, as one reads: by region, then line by line.

    Qt's own order is that of making, and pages, fields and buttons are made when they are needed. What
    lies in no region comes with the last one that begins above it.
    """
    tops = [region.mapTo(root, QPoint(0, 0)) for region in regions]

    def place(widget: QWidget) -> tuple[int, int, int]:
        corner = widget.mapTo(root, QPoint(0, 0))
        holding = [i for i, region in enumerate(regions) if region is widget or region.isAncestorOf(widget)]
        above = [i for i, top in enumerate(tops) if top.y() <= corner.y()]
        return (holding or above or [0])[-1], corner.y() // _LINE, corner.x()

    stops = [w for w in root.findChildren(QWidget) if w.window() is root and _takes_tab(w)]
    return sorted(stops, key=place)


def _takes_tab(widget: QWidget) -> bool:
    usable = widget.isVisible() and widget.isEnabled() and widget.focusProxy() is None
    return usable and bool(widget.focusPolicy().value & Qt.FocusPolicy.TabFocus.value)

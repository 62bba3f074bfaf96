"""Legible text even where the system has no font at all (a bare container shows only boxes)."""

from __future__ import annotations

from importlib import resources
from typing import TYPE_CHECKING

from PySide6.QtGui import QFont, QFontDatabase, QFontInfo

if TYPE_CHECKING:
    from PySide6.QtWidgets import QApplication

_FILES = ("DejaVuSans.ttf", "DejaVuSans-Bold.ttf", "DejaVuSansMono.ttf")


def ensure_fonts(app: QApplication) -> bool:
    """Adds the bundled DejaVu fonts if there is none. Tells whether it had to.

    Qt lists families even then; that a font resolves to no family is the only reliable sign (measured).
    """
    if QFontInfo(app.font()).family():
        return False
    add_bundled()
    app.setFont(QFont("DejaVu Sans", 9))
    return True


def add_bundled() -> tuple[str, ...]:
    """Makes the bundled fonts known to Qt; gives the families that it took."""
    folder = resources.files("autotask_resources").joinpath("fonts")
    taken = [QFontDatabase.addApplicationFontFromData(folder.joinpath(name).read_bytes()) for name in _FILES]
    return tuple(family for font in taken for family in QFontDatabase.applicationFontFamilies(font))


def monospace(base: QFont) -> QFont:
    """The system's fixed-width font in the size of `base`."""
    font = QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont)
    if not QFontInfo(font).family():
        font = QFont("DejaVu Sans Mono")
    if base.pixelSize() > 0:
        font.setPixelSize(base.pixelSize())
    else:
        font.setPointSizeF(base.pointSizeF())
    return font


def scaled(base: QFont, factor: float, *, bold: bool = False) -> QFont:
    """`base` in another size."""
    font = QFont(base)
    if base.pixelSize() > 0:
        font.setPixelSize(max(1, round(base.pixelSize() * factor)))
    else:
        font.setPointSizeF(base.pointSizeF() * factor)
    font.setBold(bold)
    return font

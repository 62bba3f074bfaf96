"""Bundled SVG icons, tinted in the colour of the text beside them."""

from __future__ import annotations

import functools
from importlib import resources

from PySide6.QtCore import QByteArray, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QIcon, QPainter, QPixmap
from PySide6.QtSvg import QSvgRenderer

_SIZES = (16, 20, 24, 32, 48)


def tinted(name: str, colour: QColor) -> QIcon:
    """An icon of `autotask_resources/icons`, drawn in `colour`; cached."""
    return _tinted(name, colour.rgba())


@functools.lru_cache(maxsize=256)
def _tinted(name: str, rgba: int) -> QIcon:
    icon = QIcon()
    renderer = QSvgRenderer(QByteArray(_source(name)))
    for size in _SIZES:
        pixmap = QPixmap(QSize(size, size))
        pixmap.fill(Qt.GlobalColor.transparent)
        painter = QPainter(pixmap)
        renderer.render(painter, QRectF(0, 0, size, size))
        painter.setCompositionMode(QPainter.CompositionMode.CompositionMode_SourceIn)
        painter.fillRect(pixmap.rect(), QColor.fromRgba(rgba))
        painter.end()
        icon.addPixmap(pixmap)
    return icon


def window_icon() -> QIcon:
    """The program's own icon, in its own colours."""
    icon = QIcon()
    renderer = QSvgRenderer(QByteArray(_source("app")))
    for size in (16, 24, 32, 48, 64, 128, 256):
        pixmap = QPixmap(QSize(size, size))
        pixmap.fill(Qt.GlobalColor.transparent)
        painter = QPainter(pixmap)
        renderer.render(painter, QRectF(0, 0, size, size))
        painter.end()
        icon.addPixmap(pixmap)
    return icon


@functools.cache
def _source(name: str) -> bytes:
    return resources.files("autotask_resources").joinpath("icons", f"{name}.svg").read_bytes()

"""Our two palettes over Qt's Fusion style: the same picture on every system.

Qt's own colour-scheme switch does nothing on X11 and offscreen (measured), and an application-wide
style sheet polishes slowly and breaks palettes; so colours go through QPalette, and painted widgets
ask `tokens(self.palette())` for the rest.
"""

from __future__ import annotations

import functools
import tomllib
from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING, Literal

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QColor, QPalette

if TYPE_CHECKING:
    from collections.abc import Mapping

    from PySide6.QtWidgets import QApplication

Choice = Literal["system", "light", "dark"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Tokens:
    """Named colours of one palette. `tones` maps the words of `text.Tone`."""

    window: QColor
    surface: QColor
    alternate: QColor
    border: QColor
    field: QColor
    """Outline of what one types into; at least 3:1 against the surface."""
    hover: QColor
    text: QColor
    muted: QColor
    disabled: QColor
    accent: QColor
    accent_text: QColor
    link: QColor
    tones: Mapping[str, QColor]


@functools.cache
def load(name: Literal["light", "dark"]) -> Tokens:
    """One of the bundled palettes."""
    file = resources.files("autotask_resources").joinpath("palettes", f"{name}.toml")
    values = tomllib.loads(file.read_text(encoding="utf-8"))
    tones = {word: QColor(code) for word, code in values.pop("tones").items()}
    return Tokens(**{key: QColor(code) for key, code in values.items()}, tones=tones)


def is_dark(palette: QPalette) -> bool:
    """Whether light text stands on dark ground."""
    return palette.color(QPalette.ColorRole.Base).lightness() < 128


def tokens(palette: QPalette) -> Tokens:
    """The colours that belong to a widget's palette: `tokens(self.palette())` in a paintEvent."""
    return load("dark" if is_dark(palette) else "light")


def build_palette(colours: Tokens) -> QPalette:
    """A QPalette in which every role that Fusion uses is set."""
    role, group = QPalette.ColorRole, QPalette.ColorGroup
    palette = QPalette()
    pairs = {
        role.Window: colours.window,
        role.WindowText: colours.text,
        role.Base: colours.surface,
        role.AlternateBase: colours.alternate,
        role.Text: colours.text,
        role.Button: colours.surface,
        role.ButtonText: colours.text,
        role.BrightText: colours.tones["bad"],
        role.ToolTipBase: colours.surface,
        role.ToolTipText: colours.text,
        role.PlaceholderText: colours.muted,
        role.Highlight: colours.accent,
        role.HighlightedText: colours.accent_text,
        role.Accent: colours.accent,
        role.Link: colours.link,
        role.LinkVisited: colours.link,
        role.Light: colours.surface,
        role.Midlight: colours.hover,
        role.Mid: colours.border,
        role.Dark: colours.border,
        role.Shadow: colours.border,
    }
    for which, colour in pairs.items():
        palette.setColor(which, colour)
    for which in (role.WindowText, role.Text, role.ButtonText):
        palette.setColor(group.Disabled, which, colours.disabled)
    palette.setColor(group.Disabled, role.Highlight, colours.border)
    return palette


_FIELDS = (
    "QLineEdit",
    "QComboBox",
    "QAbstractSpinBox",
    "QCheckBox",
    "QRadioButton",
    "QPlainTextEdit",
    "QTextEdit",
)
"""Classes whose outline Fusion derives from their Window colour, made 1.4 times darker."""


def field_palette(colours: Tokens) -> QPalette:
    """The palette of `_FIELDS`: Fusion's own outline vanishes on dark ground."""
    palette = build_palette(colours)
    palette.setColor(QPalette.ColorRole.Window, colours.field.lighter(140))
    return palette


class Theme(QObject):
    """Applies light, dark or the system's choice; `changed` after the palette was replaced."""

    changed = Signal()

    def __init__(self, app: QApplication, choice: str = "system") -> None:
        super().__init__(app)
        self._app = app
        self._choice = "system"
        app.setStyle("Fusion")
        app.styleHints().colorSchemeChanged.connect(self._system_changed)
        self.choose(choice)

    @property
    def choice(self) -> str:
        return self._choice

    @property
    def dark(self) -> bool:
        return is_dark(self._app.palette())

    @property
    def tokens(self) -> Tokens:
        return tokens(self._app.palette())

    def choose(self, choice: str) -> None:
        """`choice` is "system", "light" or "dark"."""
        self._choice = choice
        hints = self._app.styleHints()
        if choice == "system":
            hints.unsetColorScheme()
        else:
            # Colours native window frames on Windows and macOS; a no-op elsewhere.
            hints.setColorScheme(Qt.ColorScheme.Dark if choice == "dark" else Qt.ColorScheme.Light)
        self._apply()

    def _system_changed(self) -> None:
        if self._choice == "system":
            self._apply()

    def _apply(self) -> None:
        dark = self._choice == "dark" or (
            self._choice == "system" and self._app.styleHints().colorScheme() is Qt.ColorScheme.Dark
        )
        colours = load("dark" if dark else "light")
        self._app.setPalette(build_palette(colours))
        for name in _FIELDS:
            # The stub asks for bytes, PySide for str.
            self._app.setPalette(field_palette(colours), name)  # type: ignore[arg-type]
        self.changed.emit()

"""Both palettes can be read: every text on every ground at least 4.5:1, field outlines at least 3:1."""

import itertools

import pytest
from PySide6.QtGui import QColor, QFontInfo, QPalette
from PySide6.QtWidgets import QApplication, QLineEdit

from autotask_console.platform.fonts import add_bundled, ensure_fonts, monospace, scaled
from autotask_console.platform.icons import tinted, window_icon
from autotask_console.platform.theme import Theme, Tokens, build_palette, is_dark, load, tokens
from autotask_console.text import BREAKER_LOOKS, UI_STATES, Tone

PALETTES = ("light", "dark")


def luminance(colour: QColor) -> float:
    def linear(value: float) -> float:
        return value / 12.92 if value <= 0.04045 else float(((value + 0.055) / 1.055) ** 2.4)

    red, green, blue = (linear(v) for v in (colour.redF(), colour.greenF(), colour.blueF()))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: QColor, other: QColor) -> float:
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def grounds(colours: Tokens) -> dict[str, QColor]:
    return {n: getattr(colours, n) for n in ("window", "surface", "alternate", "hover")}


def test_the_measure_itself() -> None:
    assert contrast(QColor("#000000"), QColor("#ffffff")) == pytest.approx(21.0)
    assert contrast(QColor("#767676"), QColor("#ffffff")) == pytest.approx(4.54, abs=0.01)


@pytest.mark.parametrize("name", PALETTES)
def test_texts_can_be_read(name: str) -> None:
    colours = load(name)
    texts = {"text": colours.text, "muted": colours.muted, "link": colours.link, **colours.tones}
    poor = {
        f"{text} on {ground}": round(contrast(colour, below), 2)
        for (text, colour), (ground, below) in itertools.product(texts.items(), grounds(colours).items())
        if contrast(colour, below) < 4.5
    }
    assert not poor
    assert contrast(colours.accent_text, colours.accent) >= 4.5


@pytest.mark.parametrize("name", PALETTES)
def test_fields_can_be_seen(name: str) -> None:
    colours = load(name)
    assert contrast(colours.field, colours.surface) >= 2.9
    # Fusion makes the outline from the Window colour of the field's palette, 1.4 times darker.
    assert contrast(colours.field.lighter(140).darker(140), colours.surface) >= 2.8


def test_every_tone_has_a_colour_in_both_palettes() -> None:
    for name in PALETTES:
        assert set(load(name).tones) == {tone.value for tone in Tone}


def test_every_glyph_is_in_the_bundled_font(qapp: QApplication) -> None:
    from importlib import resources

    from PySide6.QtCore import QByteArray
    from PySide6.QtGui import QRawFont

    data = resources.files("autotask_resources").joinpath("fonts", "DejaVuSans.ttf").read_bytes()
    font = QRawFont(QByteArray(data), 12)
    glyphs = {look.glyph for look in (*UI_STATES.values(), *BREAKER_LOOKS.values())} | set("◌◔●⚠✓✕‖")
    assert [g for g in glyphs if not font.supportsCharacter(ord(g))] == []


def test_choosing_changes_the_palette_and_tells(theme: Theme, qapp: QApplication) -> None:
    told: list[bool] = []
    theme.changed.connect(lambda: told.append(theme.dark))
    theme.choose("dark")
    assert is_dark(qapp.palette())
    assert theme.tokens.window == load("dark").window
    theme.choose("light")
    assert not theme.dark
    theme.choose("system")
    assert theme.choice == "system"
    assert told == [True, False, False]


def test_a_field_knows_that_it_is_dark(theme: Theme, qtbot: object) -> None:
    edit = QLineEdit()
    qtbot.addWidget(edit)  # type: ignore[attr-defined]
    theme.choose("dark")
    edit.ensurePolished()
    assert tokens(edit.palette()) is load("dark")


def test_every_role_that_is_used_is_set() -> None:
    palette = build_palette(load("dark"))
    for role in (QPalette.ColorRole.Text, QPalette.ColorRole.ButtonText, QPalette.ColorRole.ToolTipText):
        assert palette.color(role).lightness() > 128
    disabled = palette.color(QPalette.ColorGroup.Disabled, QPalette.ColorRole.Text)
    assert disabled == load("dark").disabled


def test_fonts(qapp: QApplication) -> None:
    assert ensure_fonts(qapp) is False  # this machine has one
    add_bundled()
    assert QFontInfo(monospace(qapp.font())).fixedPitch()
    bold = scaled(qapp.font(), 2.0, bold=True)
    assert bold.bold()
    assert bold.pointSizeF() == pytest.approx(qapp.font().pointSizeF() * 2)


def test_icons_take_the_colour_of_the_text(qapp: QApplication) -> None:
    picture = tinted("plus", QColor("#ff0000")).pixmap(24).toImage()
    colours = {
        picture.pixelColor(x, y).name()
        for x in range(24)
        for y in range(24)
        if picture.pixelColor(x, y).alpha() > 200
    }
    assert colours == {"#ff0000"}
    assert not window_icon().isNull()

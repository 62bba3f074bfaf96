"""Where text passes on its way to the screen; Qt's translation files hook in here."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication

_CONTEXT = "console"


def tr(text: str, /, **values: object) -> str:
    """The text in the person's language, with `{name}` places filled from `values`."""
    translated = QCoreApplication.translate(_CONTEXT, text)
    return translated.format(**values) if values else translated


def plural(count: int, one: str, many: str, /, **values: object) -> str:
    """`one` or `many` by `count`, with `{n}` as the number in the person's way of writing it.

    Two forms are enough for the languages that the console speaks (English, German, Dutch, Spanish).
    """
    from autotask_console.text.amounts import number

    return tr(one if count == 1 else many, n=number(count), **values)

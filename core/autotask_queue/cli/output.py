"""What a command prints: JSON for programs, tables for people, with colours on a terminal only.

Texts come from servers and from other people; what could steer a terminal is taken out of them.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TextIO

import msgspec

_CONTROL = {code: "\N{REPLACEMENT CHARACTER}" for code in (*range(32), *range(127, 160)) if code != 10}
_CONTROL |= {9: " "}
_CONTROL |= dict.fromkeys((*range(0x202A, 0x202F), *range(0x2066, 0x206A)), "\N{REPLACEMENT CHARACTER}")
"""Control characters, and those that turn the direction of a text."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column's heading; `style` maps a cell's first word to a colour."""

    name: str
    justify: Literal["left", "right"] = "left"
    styles: dict[str, str] = field(default_factory=dict)
    wraps: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Output:
    """Where a command's answer goes. Only the answer goes to stdout; notes go to stderr."""

    as_json: bool = False

    def answer(self, value: object) -> None:
        """One line of JSON."""
        _write(sys.stdout, msgspec.json.encode(value).decode() + "\n")

    def line(self, text: str = "") -> None:
        """One line for people."""
        _write(sys.stdout, clean(text) + "\n")

    def note(self, text: str) -> None:
        """What is worth knowing beside the answer."""
        _write(sys.stderr, clean(text) + "\n")

    def facts(self, pairs: Sequence[tuple[str, str]]) -> None:
        """Names and values below each other; empty values are left out."""
        pairs = [(name, value) for name, value in pairs if value]
        width = max((len(name) for name, _ in pairs), default=0)
        for name, value in pairs:
            indented = value.replace("\n", "\n" + " " * (width + 4))
            self.line(f"  {name:<{width}}  {indented}")

    def table(self, columns: Sequence[Column], rows: Sequence[Sequence[str]]) -> None:
        """A table: plain columns for other programs, boxes and colours on a terminal."""
        cells = [[clean(cell).replace("\n", " ") for cell in row] for row in rows]
        if sys.stdout.isatty():
            _rich_table(columns, cells)
        else:
            _plain_table(columns, cells)


def clean(text: str) -> str:
    """The text without characters that would steer a terminal; line breaks stay."""
    return text.translate(_CONTROL)


def pretty(document: Any) -> str:
    """A document as indented JSON."""
    return msgspec.json.format(msgspec.json.encode(document), indent=2).decode()


def _write(stream: TextIO, text: str) -> None:
    stream.write(text)
    stream.flush()


def _plain_table(columns: Sequence[Column], rows: Sequence[Sequence[str]]) -> None:
    lines = [[column.name.upper() for column in columns], *rows]
    widths = [max(len(line[i]) for line in lines) for i in range(len(columns))]
    for line in lines:
        cells = (
            cell.rjust(width) if column.justify == "right" else cell.ljust(width)
            for cell, width, column in zip(line, widths, columns, strict=True)
        )
        _write(sys.stdout, "  ".join(cells).rstrip() + "\n")


def _rich_table(columns: Sequence[Column], rows: Sequence[Sequence[str]]) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for column in columns:
        table.add_column(
            column.name,
            justify=column.justify,
            no_wrap=not column.wraps,
            overflow="ellipsis" if not column.wraps else "fold",
        )
    for row in rows:
        table.add_row(
            *(
                Text(cell, style=column.styles.get(cell.partition(" ")[0], ""))
                for column, cell in zip(columns, row, strict=True)
            )
        )
    Console(file=sys.stdout, highlight=False, markup=False, emoji=False).print(table)

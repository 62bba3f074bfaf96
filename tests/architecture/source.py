"""The project's own source files, parsed once, for the house rules."""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]

CORE: Final = "core/autotask_queue/"
CONSOLE: Final = "gui/autotask_console/"
_FOLDERS: Final = ("core", "gui", "resources", "packaging")

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, kw_only=True)
class Source:
    """One module: its path below the project, its text and its tree."""

    path: str
    text: str
    tree: ast.Module

    def functions(self) -> Iterator[tuple[str, Function]]:
        """Gives each function and method with its dotted name inside the module."""
        yield from _functions(self.tree, "")

    def imported(self) -> set[str]:
        """Gives the first parts of the absolute names that it imports, wherever in the file."""
        names = [
            alias.name for node in ast.walk(self.tree) if isinstance(node, ast.Import) for alias in node.names
        ]
        names += [
            node.module
            for node in ast.walk(self.tree)
            if isinstance(node, ast.ImportFrom) and node.module and not node.level
        ]
        return {name.partition(".")[0] for name in names}


def _functions(node: ast.AST, prefix: str) -> Iterator[tuple[str, Function]]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, Function):
            yield f"{prefix}{child.name}", child
        name = f"{prefix}{child.name}." if isinstance(child, Function | ast.ClassDef) else prefix
        yield from _functions(child, name)


@functools.cache
def sources() -> tuple[Source, ...]:
    """Reads every module of the product and of its packaging."""
    paths = sorted(path for folder in _FOLDERS for path in (ROOT / folder).rglob("*.py"))
    return tuple(
        Source(
            path=path.relative_to(ROOT).as_posix(),
            text=(text := path.read_text(encoding="utf-8")),
            tree=ast.parse(text, filename=str(path)),
        )
        for path in paths
    )


def parse(path: str, text: str) -> Source:
    """Makes a source of a text, for trying a rule on code that breaks it."""
    return Source(path=path, text=text, tree=ast.parse(text))

"""The pieces of code in README.md, by their headings, and how one is run: as in `python -m asyncio`."""

from __future__ import annotations

import ast
import inspect
import logging
import re
from pathlib import Path
from typing import Any

import autotask_queue

README = Path(__file__).parents[3] / "README.md"


def pieces() -> dict[str, str]:
    """The code of the section "The library, piece by piece"."""
    text = README.read_text(encoding="utf-8").partition("\n## The library, piece by piece\n")[2]
    section = text.partition("\n## ")[0]
    found = re.findall(r"^### ([^\n]+)\n.*?```python\n(.*?)```", section, re.DOTALL | re.MULTILINE)
    return dict(found)


async def run_piece(heading: str, /, *replaced: tuple[str, str], **names: Any) -> dict[str, Any]:
    """Runs a piece with every public name at hand, and `names`; what it has defined then.

    `replaced` are texts that cannot be right on every computer, such as a port, and what stands for them.
    """
    code = pieces()[heading]
    for before, after in replaced:
        assert before in code
        code = code.replace(before, after)
    public = {name: getattr(autotask_queue, name) for name in autotask_queue.__all__}
    space: dict[str, Any] = {**public, "logging": logging, **names}
    compiled = compile(code, f"README.md, {heading}", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    result = eval(compiled, space)  # noqa: S307 - our own README
    if inspect.iscoroutine(result):
        await result
    return space

"""Asks the person at the terminal."""

from __future__ import annotations

import sys

from autotask_queue.cli.errors import CannotAsk


def confirm(question: str) -> bool:
    """Whether the person says yes; anything else is a no.

    Raises:
        CannotAsk: there is no terminal.
    """
    if not sys.stdin.isatty():
        raise CannotAsk(f"{question} There is no terminal to ask at.")
    sys.stderr.write(f"{question} [y/N] ")
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in {"y", "yes"}

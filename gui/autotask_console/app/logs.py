"""Logging of the console: one JSON line a record into rotating files, human lines on stderr."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from autotask_queue import LogLevel, log_to_files, log_to_stderr


@contextmanager
def logging_installed(folder: Path, level: LogLevel) -> Iterator[None]:
    """Logs while the block runs; people on a terminal see warnings, or all of it with `debug`.

    A folder that cannot be written is said once, on stderr; the program goes on.
    """
    human: LogLevel = "warning" if level == "info" else level
    with log_to_stderr(human), log_to_files(folder, name="console", level=level):
        yield

"""Logging of the command line: human lines on stderr, and a worker's JSON lines in the state folder."""

from __future__ import annotations

import json
import logging
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Final

from typing_extensions import override

from autotask_queue.transport import RedactingFilter

LEVELS: Final = ("debug", "info", "warning", "error")
_BYTES, _FILES = 2_000_000, 5
_NOISY: Final = ("httpx", "httpcore", "aiosqlite", "asyncio")


class JsonLines(logging.Formatter):
    """One object a line: time, level, logger, message, and the traceback if there is one."""

    @override
    def format(self, record: logging.LogRecord) -> str:
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        entry = {
            "time": f"{stamp}.{int(record.msecs):03d}Z",
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        trace = record.exc_text or (self.formatException(record.exc_info) if record.exc_info else "")
        if trace:
            entry["traceback"] = trace
        return json.dumps(entry, ensure_ascii=False)


@contextmanager
def logging_to_stderr(level: str) -> Iterator[None]:
    """Logs to stderr from `level` on, secrets masked, while the block runs."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(levelname)s %(name)s: %(message)s"))
    with _installed(handler, level):
        yield


@contextmanager
def logging_to_files(folder: Path, name: str, level: str) -> Iterator[None]:
    """Logs JSON lines to rotating files while the block runs; without a folder to write to, it goes on."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        handler = RotatingFileHandler(
            folder / f"{name}.jsonl", maxBytes=_BYTES, backupCount=_FILES, encoding="utf-8"
        )
    except OSError as error:
        logging.getLogger(__name__).warning(
            "there is no log file: %s cannot be written (%s)", folder, error.strerror or error
        )
        yield
        return
    handler.setFormatter(JsonLines())
    with _installed(handler, level):
        yield


@contextmanager
def _installed(handler: logging.Handler, level: str) -> Iterator[None]:
    number = logging.getLevelNamesMapping()[level.upper()]
    handler.setLevel(number)
    handler.addFilter(RedactingFilter())
    root = logging.getLogger()
    before = root.level
    root.setLevel(min(before, number) if before else number)
    noisy = {name: logging.getLogger(name).level for name in _NOISY}
    for other in noisy:  # their debug lines would drown ours, and httpx logs addresses
        logging.getLogger(other).setLevel(logging.WARNING)
    root.addHandler(handler)
    try:
        yield
    finally:
        root.removeHandler(handler)
        handler.close()
        root.setLevel(before)
        for other, old in noisy.items():
            logging.getLogger(other).setLevel(old)

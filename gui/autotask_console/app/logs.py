"""Logging: one JSON line a record into rotating files, human lines on stderr, secrets masked in both."""

from __future__ import annotations

import json
import logging
import sys
import time
from logging.handlers import RotatingFileHandler
from pathlib import Path

from typing_extensions import override

from autotask_queue import RedactingFilter

_BYTES, _FILES = 2_000_000, 5


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
        if record.exc_text:
            entry["traceback"] = record.exc_text
        return json.dumps(entry, ensure_ascii=False)


def set_up(folder: Path, level: str) -> list[logging.Handler]:
    """Installs both handlers on the root logger and returns them.

    A folder that cannot be written is said once, on stderr; the program goes on.
    """
    root = logging.getLogger()
    root.setLevel(level.upper())
    handlers: list[logging.Handler] = []
    if sys.stderr is not None:  # a windowed bundle has none
        human = logging.StreamHandler(sys.stderr)
        human.setFormatter(logging.Formatter("%(levelname)s %(name)s: %(message)s"))
        human.setLevel(max(logging.WARNING, root.level) if level != "debug" else logging.DEBUG)
        handlers.append(human)
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        file = RotatingFileHandler(
            folder / "console.jsonl", maxBytes=_BYTES, backupCount=_FILES, encoding="utf-8"
        )
        file.setFormatter(JsonLines())
        handlers.append(file)
    except OSError as error:
        root.warning("no log file: %s cannot be written (%s)", folder, error.strerror or error)
    for handler in handlers:
        handler.addFilter(RedactingFilter())
        root.addHandler(handler)
    # Their debug lines would drown ours, and httpx logs addresses.
    for noisy in ("httpx", "httpcore", "aiosqlite", "qasync", "asyncio"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    return handlers


def tear_down(handlers: list[logging.Handler]) -> None:
    """Removes and closes what `set_up` installed."""
    for handler in handlers:
        logging.getLogger().removeHandler(handler)
        handler.close()

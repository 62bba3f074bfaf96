"""Where the records of `logging` go: human lines on stderr, JSON lines in rotating files, never a secret.

The library itself installs nothing: a program that wants files or lines asks for them here, or adds handlers
of its own, with a `RedactingFilter` on each. The command line and the console ask for them when they start.
"""

from __future__ import annotations

import json
import logging
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Any, Final, Literal

from typing_extensions import override

from autotask_queue.transport import RedactingFilter

Level = Literal["debug", "info", "warning", "error"]
LEVELS: Final = ("debug", "info", "warning", "error")
_BYTES, _FILES = 2_000_000, 5
_NOISY: Final = ("httpx", "httpcore", "aiosqlite", "asyncio", "qasync")
"""Their debug lines would drown ours, and httpx logs addresses."""
_OF_EVERY_RECORD: Final = frozenset({*vars(logging.makeLogRecord({})), "message", "asctime", "taskName"})

_log = logging.getLogger(__name__)


class JsonLines(logging.Formatter):
    """One JSON object a line: time (UTC), level, logger, message, what `extra` said, and the traceback.

    It masks nothing: that is the work of the `RedactingFilter` on the handler.
    """

    @override
    def format(self, record: logging.LogRecord) -> str:
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        entry: dict[str, Any] = {
            "time": f"{stamp}.{int(record.msecs):03d}Z",
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        extra = {name: value for name, value in vars(record).items() if name not in _OF_EVERY_RECORD}
        entry = {**extra, **entry} if extra.keys() & entry.keys() else {**entry, **extra}
        trace = record.exc_text or (self.formatException(record.exc_info) if record.exc_info else "")
        if trace:
            entry["traceback"] = trace
        return json.dumps(entry, ensure_ascii=False, default=repr)


@contextmanager
def log_to_stderr(level: Level = "warning") -> Iterator[None]:
    """Logs human lines to stderr while the block runs, secrets masked; a program without a stderr logs none.

    Args:
        level: what is logged: this and anything graver.
    """
    if sys.stderr is None:
        yield
        return
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(levelname)s %(name)s: %(message)s"))
    with _installed(handler, level):
        yield


@contextmanager
def log_to_files(folder: Path, *, name: str = "queue", level: Level = "info") -> Iterator[None]:
    """Logs JSON lines to NAME.jsonl in `folder` while the block runs, secrets masked.

    Six files of 2 MB are kept. Without a folder to write to, that is said once, and the program goes on.

    Args:
        folder: where to; made, for this user only, if it is missing.
        name: of the files, without an ending.
        level: what is logged: this and anything graver.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        handler = RotatingFileHandler(
            folder / f"{name}.jsonl", maxBytes=_BYTES, backupCount=_FILES, encoding="utf-8"
        )
    except OSError as error:
        _log.warning("there is no log file: %s cannot be written (%s)", folder, error.strerror or error)
        yield
        return
    handler.setFormatter(JsonLines())
    with _installed(handler, level):
        yield


@contextmanager
def _installed(handler: logging.Handler, level: Level) -> Iterator[None]:
    number = logging.getLevelNamesMapping()[level.upper()]
    handler.setLevel(number)
    handler.addFilter(RedactingFilter())
    root = logging.getLogger()
    before = root.level
    root.setLevel(min(before, number) if before else number)
    noisy = {name: logging.getLogger(name).level for name in _NOISY}
    for other in noisy:
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

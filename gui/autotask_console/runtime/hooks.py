"""Where bugs end up: a redacted report in a file, once per kind, and a word to the person.

Installed first of all. Errors that are part of the plan never come here: a failed request is data,
a command that cannot be done is a `QueueError`.
"""

from __future__ import annotations

import faulthandler
import logging
import platform
import sys
import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import IO, TYPE_CHECKING, Any

from PySide6.QtCore import QMessageLogContext, QtMsgType, qInstallMessageHandler

from autotask_queue import redact

if TYPE_CHECKING:
    import asyncio

logger = logging.getLogger(__name__)

_KEPT_REPORTS = 20
_QT_HARMLESS = ("This plugin does not support ",)
"""What the offscreen platform says of itself."""


@dataclass(kw_only=True)
class Hooks:
    """Catches what nobody else caught.

    Args:
        folder: where reports are written, made when the first is.
        version: of the program, for the report.
        on_bug: told (title, report path) once for each kind of bug; on any thread.
    """

    folder: Path
    version: str
    on_bug: Callable[[str, Path | None], None] | None = None
    _seen: set[str] = field(default_factory=set)
    _fault_file: IO[str] | None = None
    _previous: tuple[Any, ...] = ()

    def install(self) -> None:
        """Takes over sys, threading, unraisable, faulthandler and Qt's messages."""
        self._previous = (sys.excepthook, threading.excepthook, sys.unraisablehook)
        sys.excepthook = self._on_exception
        threading.excepthook = self._on_thread
        sys.unraisablehook = self._on_unraisable
        qInstallMessageHandler(self._on_qt)
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._fault_file = (self.folder / "fault.txt").open("a", encoding="utf-8")
        except OSError as error:
            logger.warning("no crash reports: %s cannot be written (%s)", self.folder, error)
            return
        # A windowed bundle has no stderr: a file is the only place.
        faulthandler.enable(self._fault_file)

    def uninstall(self) -> None:
        """Puts everything back; for tests and the end of the program."""
        if self._previous:
            sys.excepthook, threading.excepthook, sys.unraisablehook = self._previous
            self._previous = ()
        qInstallMessageHandler(None)
        if self._fault_file is not None:
            faulthandler.disable()
            self._fault_file.close()
            self._fault_file = None

    def watch(self, loop: asyncio.AbstractEventLoop) -> None:
        """Takes over a loop's exception handler."""
        loop.set_exception_handler(self._on_loop)

    def report(self, error: BaseException, what: str) -> Path | None:
        """Writes a report about a bug and tells of it; None if this kind was reported before."""
        kind = _kind(error)
        logger.error("bug while: %s", what, exc_info=error)
        if kind in self._seen:
            return None
        self._seen.add(kind)
        path = self._write(error, what)
        if self.on_bug is not None:
            self.on_bug(f"{type(error).__name__}: {what}", path)
        return path

    def _write(self, error: BaseException, what: str) -> Path | None:
        stamp = time.strftime("%Y%m%d-%H%M%S")
        path = self.folder / f"report-{stamp}-{len(self._seen)}.txt"
        system = f"Python {platform.python_version()}, {platform.system()} {platform.release()}"
        trace = "".join(traceback.format_exception(error))
        text = f"Autotask Queue Console {self.version}, {system}\nWhile: {what}\n\n{trace}"
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            path.touch(mode=0o600)
            path.write_text(redact(text), encoding="utf-8")
            for old in sorted(self.folder.glob("report-*.txt"))[:-_KEPT_REPORTS]:
                old.unlink()
        except OSError as problem:
            logger.warning("the report could not be written: %s", problem)
            return None
        return path

    # -- the hooks; none of them may raise

    def _on_exception(
        self, kind: type[BaseException], error: BaseException, trace: TracebackType | None
    ) -> None:
        if issubclass(kind, KeyboardInterrupt):
            sys.__excepthook__(kind, error, trace)
            return
        self._safely(error, "handling an event")

    def _on_thread(self, args: threading.ExceptHookArgs) -> None:
        if args.exc_value is not None and not isinstance(args.exc_value, SystemExit):
            self._safely(args.exc_value, f"thread {args.thread.name if args.thread else '?'}")

    def _on_unraisable(self, args: sys.UnraisableHookArgs) -> None:
        if args.exc_value is not None:
            self._safely(args.exc_value, args.err_msg or "cleaning up")

    def _on_loop(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error = context.get("exception")
        message = str(context.get("message", "event loop"))
        if isinstance(error, BaseException):
            self._safely(error, message)
        else:
            logger.error("event loop: %s", message)

    def _on_qt(self, kind: QtMsgType, context: QMessageLogContext, message: str) -> None:
        if message.startswith(_QT_HARMLESS):
            return
        level = {
            QtMsgType.QtDebugMsg: logging.DEBUG,
            QtMsgType.QtInfoMsg: logging.INFO,
            QtMsgType.QtWarningMsg: logging.WARNING,
        }.get(kind, logging.ERROR)
        logging.getLogger("qt").log(level, "%s", message)

    def _safely(self, error: BaseException, what: str) -> None:
        try:
            self.report(error, what)
        except Exception:  # the last net: there is nobody left to tell but the log
            logger.exception("reporting a bug failed")


def _kind(error: BaseException) -> str:
    """The same bug at the same place is the same kind."""
    frames = traceback.extract_tb(error.__traceback__)
    place = f"{frames[-1].filename}:{frames[-1].lineno}" if frames else ""
    return f"{type(error).__name__}@{place}"

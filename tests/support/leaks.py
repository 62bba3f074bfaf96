"""Finds what a test left running: tasks, timers, threads, top-level widgets and unexpected log records.

Qt is looked at only if a test loaded it, so that tests of the core stay free of it.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import re
import sys
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from typing_extensions import override

if TYPE_CHECKING:
    from PySide6.QtWidgets import QWidget

OUR_LOGGERS: Final = ("autotask_queue", "autotask_console", "asyncio")
"""Loggers whose warnings a test must expect; asyncio's tell of tasks and transports that were lost."""

GRACE: Final = 2.0
"""Seconds that a thread which is already told to end may take to do so."""


class LeakFound(AssertionError):
    """A test left something behind; the text says what, and how such a thing is ended."""


@dataclass(kw_only=True)
class LogWatch(logging.Handler):
    """Collects warnings and worse of our loggers while a test runs.

    Attributes:
        expected: patterns searched for in each message; each must be met at least once.
    """

    expected: list[str] = field(default_factory=list)
    records: list[logging.LogRecord] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__(level=logging.WARNING)

    __hash__ = object.__hash__

    @override
    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)

    def attach(self) -> None:
        """Starts listening."""
        for name in OUR_LOGGERS:
            logging.getLogger(name).addHandler(self)

    def detach(self) -> None:
        """Stops listening."""
        for name in OUR_LOGGERS:
            logging.getLogger(name).removeHandler(self)

    def complaints(self) -> list[str]:
        """Names records that nobody expected, and expectations that nothing met."""
        messages = [(record, record.getMessage()) for record in self.records]
        found = [
            f"unexpected log record: {record.levelname} {record.name}: {message}\n"
            "    If the program is right to warn here, say so: @pytest.mark.expected_logs('part of it')."
            for record, message in messages
            if not any(re.search(pattern, message) for pattern in self.expected)
        ]
        found += [
            f"expected log record never came: {pattern!r}"
            for pattern in self.expected
            if not any(re.search(pattern, message) for _, message in messages)
        ]
        return found


@dataclass(frozen=True, kw_only=True)
class Running:
    """What ran before the test: all of it may run on."""

    threads: frozenset[int]
    widgets: frozenset[int]

    @classmethod
    def now(cls) -> Running:
        """Takes stock."""
        return cls(
            threads=frozenset(id(thread) for thread in threading.enumerate()),
            widgets=frozenset(id(widget) for widget in _top_level_widgets()),
        )

    def complaints(self) -> list[str]:
        """Names what runs now and did not run then."""
        return [*self._threads(), *self._widgets()]

    def _threads(self) -> list[str]:
        new = [
            thread
            for thread in threading.enumerate()
            # A dummy stands for a thread that Qt or C started and Python merely saw.
            if id(thread) not in self.threads and not isinstance(thread, threading._DummyThread)
        ]
        deadline = time.monotonic() + GRACE
        for thread in new:
            thread.join(max(0.0, deadline - time.monotonic()))
        return [
            f"thread still running: {thread.name}\n"
            "    Close what started it: shut the executor down, await the store's close(), end the server."
            for thread in new
            if thread.is_alive()
        ]

    def _widgets(self) -> list[str]:
        if not self._new_widgets():
            return []
        # Only now, because it costs: let Qt and Python bury what is already dead.
        _deliver_deferred_deletes()
        gc.collect()
        return [
            f"top-level widget left: {type(widget).__name__} {widget.objectName() or widget.windowTitle()}\n"
            "    Give it to qtbot.addWidget(...), give it a parent, or close it and let deleteLater() run."
            for widget in self._new_widgets()
        ]

    def _new_widgets(self) -> list[QWidget]:
        return [widget for widget in _top_level_widgets() if id(widget) not in self.widgets]


def _top_level_widgets() -> list[QWidget]:
    module = sys.modules.get("PySide6.QtWidgets")
    return list(module.QApplication.topLevelWidgets()) if module and module.QApplication.instance() else []


def _deliver_deferred_deletes() -> None:
    core = sys.modules["PySide6.QtCore"]
    core.QCoreApplication.sendPostedEvents(None, core.QEvent.Type.DeferredDelete.value)


def check_loop(loop: asyncio.AbstractEventLoop) -> list[str]:
    """Names the tasks and timers that a loop still has when it is about to be closed."""
    tasks = [task for task in asyncio.all_tasks(loop) if not task.done()]
    if tasks:
        # The timers of a lost task are not worth a line of their own.
        return [
            f"task still running: {task.get_name()} in {_what_runs(task)}\n"
            "    Await it, cancel it and await that, or start it in a TaskGroup; shutdown() ends the queue's."
            for task in tasks
        ]
    return [
        f"timer still set: {handle!r}\n    Keep the handle that call_later() gave and cancel() it at the end."
        for handle in _timers(loop)
        if not handle.cancelled()
    ]


def _timers(loop: asyncio.AbstractEventLoop) -> list[asyncio.TimerHandle]:
    # Private, and the only way to see a timer that nobody will hear: asyncio's loops keep a heap, the
    # console's loop (runtime/loop.py) a Qt timer for each handle.
    scheduled: Iterable[asyncio.Handle] = getattr(loop, "_scheduled", None) or ()
    on_qt: dict[int, asyncio.Handle] = getattr(getattr(loop, "_timer", None), "_handles", {})
    return [handle for handle in (*scheduled, *on_qt.values()) if isinstance(handle, asyncio.TimerHandle)]


def _what_runs(task: asyncio.Task[object]) -> object:
    coroutine = task.get_coro()
    return getattr(coroutine, "__qualname__", coroutine)


def guard_runners(report: Callable[[str], None]) -> Callable[[], None]:
    """Looks at every loop that an asyncio.Runner is about to close, and gives the function that stops it.

    The runner cancels what is left without a word. This is the last moment at which a leak can be seen,
    whichever way the loop was started: by pytest-asyncio, by asyncio.run or by the runner of the GUI tests.
    """
    runners = sys.modules["asyncio.runners"]
    original: Callable[[asyncio.AbstractEventLoop], None] = runners._cancel_all_tasks

    def look_first(loop: asyncio.AbstractEventLoop) -> None:
        for text in check_loop(loop):
            report(text)
        original(loop)

    def restore() -> None:
        runners._cancel_all_tasks = original  # type: ignore[attr-defined]

    runners._cancel_all_tasks = look_first  # type: ignore[attr-defined]
    return restore

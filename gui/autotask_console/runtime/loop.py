"""asyncio on Qt's event loop: qasync's one home, with the mistakes of its timers mended."""

from __future__ import annotations

import asyncio
import math
import os
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextvars import Context
from time import monotonic  # the clock of qasync's loop.time()
from typing import TYPE_CHECKING, Any, TypeVar

os.environ["QT_API"] = "pyside6"

import qasync
from PySide6.QtCore import QObject, Qt, QTimerEvent
from typing_extensions import override

if TYPE_CHECKING:
    from PySide6.QtWidgets import QApplication

T = TypeVar("T")

_WORKERS = 4
_LONGEST = 2_000_000.0
"""Seconds; Qt's timers count milliseconds in 31 bits. A longer wait is armed again."""


class _Timers(QObject):
    """Qt timers for asyncio handles, one each, killed as soon as they are done or cancelled.

    WORKAROUND for qasync 0.28: it never kills the timer of a cancelled `call_later`, so that HTTP
    clients with 30 s time-outs leave tens of thousands alive (on Windows each is a scarce handle).
    A timer is killed *and forgotten before* its callback runs: Qt reuses ids at once, and a version
    that did it afterwards forgot the timer that the callback had just made, and hung.
    """

    def __init__(self) -> None:
        super().__init__()
        self._handles: dict[int, asyncio.Handle] = {}
        self._ids: dict[int, int] = {}
        self._stopped = False

    def __len__(self) -> int:
        return len(self._handles)

    def add_callback(self, handle: asyncio.Handle, delay: float = 0) -> asyncio.Handle:
        """Arms a timer. Precise, and rounded up: a time-out must not fire before its time."""
        wait = min(max(0.0, delay), _LONGEST)
        timer = self.startTimer(math.ceil(wait * 1000), Qt.TimerType.PreciseTimer)
        self._handles[timer] = handle
        self._ids[id(handle)] = timer
        return handle

    def forget(self, handle: asyncio.Handle) -> None:
        """Kills the timer of a cancelled handle; nothing happens if it has run already."""
        timer = self._ids.pop(id(handle), None)
        if timer is not None:
            self._handles.pop(timer, None)
            self.killTimer(timer)

    @override
    def timerEvent(self, event: QTimerEvent) -> None:
        timer = event.timerId()
        self.killTimer(timer)
        handle = self._handles.pop(timer, None)
        if handle is None:
            return
        self._ids.pop(id(handle), None)
        if self._stopped or handle.cancelled():
            return
        if isinstance(handle, asyncio.TimerHandle) and (early := handle.when() - monotonic()) > 0.001:
            self.add_callback(handle, early)
            return
        handle._run()  # noqa: SLF001 - what an asyncio loop does with a handle

    def stop(self) -> None:
        """Runs nothing any more."""
        self._stopped = True
        for timer in list(self._handles):
            self.killTimer(timer)
        self._handles.clear()
        self._ids.clear()

    def set_debug(self, enabled: bool) -> None:
        """Part of qasync's interface; there is nothing to tell."""


class LoopLost(RuntimeError):
    """Qt ended its loop under a running program, and runs no other: the display is gone."""


class Loop(qasync.QEventLoop):  # type: ignore[misc]  # qasync ships no types
    """qasync's loop with timers that go away, and ordinary worker threads.

    qasync's own executor starts ten QThreads at the first use.
    """

    def __init__(self, app: QApplication) -> None:
        super().__init__(app)
        self._timer = _Timers()
        self.set_default_executor(ThreadPoolExecutor(_WORKERS, thread_name_prefix="console"))

    @property
    def live_timers(self) -> int:
        """Qt timers alive now; a test watches it under load."""
        return len(self._timer)

    @override
    def call_later(
        self, delay: float, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> asyncio.Handle:
        if delay <= 0:
            return self.call_soon(callback, *args, context=context)
        handle = asyncio.TimerHandle(monotonic() + delay, callback, args, self, context)
        return self._timer.add_callback(handle, delay)

    @override
    def call_soon(
        self, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> asyncio.Handle:
        self._check_closed()
        return self._timer.add_callback(asyncio.Handle(callback, args, self, context))

    @override
    def call_at(
        self, when: float, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> asyncio.Handle:
        return self.call_later(when - monotonic(), callback, *args, context=context)

    @override
    def run_until_complete(self, future: Any) -> Any:
        """As any loop's. Raises `LoopLost` if Qt ended the loop before the future was done."""
        try:
            return super().run_until_complete(future)
        except RuntimeError as error:
            if isinstance(future, asyncio.Future) and not future.done():
                raise LoopLost("Qt ended the event loop") from error
            raise

    @override
    def _timer_handle_cancelled(self, handle: asyncio.TimerHandle) -> None:
        # asyncio's own hook, called by TimerHandle.cancel.
        self._timer.forget(handle)


def run(app: QApplication, main: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Runs `main` to its end on Qt's loop, then cancels what is left and closes the loop.

    Raises:
        LoopLost: `main` and whatever it started stopped where they were, threads may still run, and there
            is no loop any more on which they could be ended in order.
    """
    runner = asyncio.Runner(loop_factory=lambda: Loop(app))
    try:
        result = runner.run(main())
    except LoopLost:
        raise
    except BaseException:
        runner.close()
        raise
    runner.close()
    return result

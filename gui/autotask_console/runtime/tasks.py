"""The only place that starts an asyncio task: it keeps it alive, reports its error, ends it in order."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any

logger = logging.getLogger(__name__)

OnError = Callable[[BaseException, str], None]
"""(error, what was being done in words a person knows)."""


class Tasks:
    """Owns every task of the console.

    A task's exception goes to its own `on_error`, or to the one given here; it never vanishes.
    After `shutdown` began, nothing new starts.
    """

    def __init__(self, on_error: OnError) -> None:
        self._on_error = on_error
        self._tasks: dict[asyncio.Task[Any], str] = {}
        self._closed = False

    def start(
        self,
        coro: Coroutine[Any, Any, object],
        *,
        what: str,
        on_error: OnError | None = None,
        on_done: Callable[[], object] | None = None,
    ) -> asyncio.Task[Any] | None:
        """Runs `coro` on its own.

        Args:
            coro: what to run; closed unrun if the console is shutting down, and None is returned.
            what: in the person's words, for error messages: "cancel 3 requests".
            on_error: shows an error at its control instead of in general.
            on_done: called afterwards in any case, for example to enable a button again.
        """
        if self._closed:
            coro.close()
            return None
        task = asyncio.get_running_loop().create_task(self._run(coro, what, on_error, on_done), name=what)
        self._tasks[task] = what
        task.add_done_callback(self._forget)
        # A task that is cancelled before its first step never touches `coro`, which then complains.
        task.add_done_callback(lambda _: coro.close())
        return task

    async def _run(
        self,
        coro: Coroutine[Any, Any, object],
        what: str,
        on_error: OnError | None,
        on_done: Callable[[], object] | None,
    ) -> object:
        try:
            return await coro
        except Exception as error:
            logger.debug("%s ended with %s", what, type(error).__name__)
            (on_error or self._on_error)(error, what)
            return None
        finally:
            if on_done is not None:
                on_done()

    def _forget(self, task: asyncio.Task[Any]) -> None:
        del self._tasks[task]
        if not task.cancelled() and (error := task.exception()) is not None:
            # Only an error handler of our own that failed itself comes here.
            task.get_loop().call_exception_handler(
                {
                    "message": f"reporting an error failed ({task.get_name()})",
                    "exception": error,
                    "task": task,
                }
            )

    @property
    def running(self) -> tuple[str, ...]:
        """What runs now, in words."""
        return tuple(self._tasks.values())

    async def shutdown(self, *, grace: float = 0.0) -> None:
        """Starts nothing more, waits `grace` seconds for what runs, cancels the rest and gathers it."""
        self._closed = True
        own = asyncio.current_task()
        pending = {t for t in self._tasks if t is not own}
        if pending and grace > 0:
            _, pending = await asyncio.wait(pending, timeout=grace)
        for task in pending:
            task.cancel()
        await asyncio.gather(*pending, return_exceptions=True)

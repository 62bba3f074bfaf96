"""Owns every task of the engine: keeps long-running ones alive, waits for short ones at the end."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from autotask_queue.ports import Clock

FIRST_PAUSE, LONGEST_PAUSE = 1.0, 60.0
MAX_RESTARTS, WINDOW = 5, 300.0
"""More restarts than this in `WINDOW` seconds: the task stays down and its part reports a failure."""


class Supervisor:
    """Starts tasks and answers for them.

    A service that raises is restarted after a pause that doubles. `failed` names those that were given
    up. Cancelling goes through; `stop` ends everything and returns when nothing runs any more.
    """

    def __init__(self, clock: Clock, logger: logging.Logger) -> None:
        self._clock = clock
        self._logger = logger
        self._services: set[asyncio.Task[None]] = set()
        self._jobs: set[asyncio.Task[None]] = set()
        self.failed: dict[str, str] = {}

    def service(self, name: str, run: Callable[[], Awaitable[None]]) -> None:
        """Runs `run` for as long as the engine lives."""
        task = asyncio.get_running_loop().create_task(
            self._keep_alive(name, run), name=f"autotask-queue {name}"
        )
        self._services.add(task)
        task.add_done_callback(self._services.discard)

    def spawn(self, name: str, coroutine: Coroutine[Any, Any, object]) -> None:
        """Runs a short job; an error is logged, never lost."""
        _ = self.job(name, coroutine)

    def job(self, name: str, coroutine: Coroutine[Any, Any, object]) -> asyncio.Task[None]:
        """As `spawn`, for those who wait for the job or cancel it."""
        task = asyncio.get_running_loop().create_task(
            self._run_job(name, coroutine), name=f"autotask-queue {name}"
        )
        self._jobs.add(task)
        task.add_done_callback(self._jobs.discard)
        return task

    async def _run_job(self, name: str, coroutine: Coroutine[Any, Any, object]) -> None:
        try:
            await coroutine
        except Exception:
            self._logger.exception("%s failed", name)

    async def _keep_alive(self, name: str, run: Callable[[], Awaitable[None]]) -> None:
        restarts: list[float] = []
        while True:
            try:
                await run()
                return
            except Exception as error:
                self._logger.exception("%s stopped unexpectedly", name)
                now = self._clock.monotonic()
                restarts = [t for t in restarts if now - t < WINDOW]
                if len(restarts) >= MAX_RESTARTS:
                    self.failed[name] = f"{type(error).__name__}: {error}"
                    return
                pause = min(LONGEST_PAUSE, FIRST_PAUSE * 2.0 ** len(restarts))
                restarts.append(now)
                await self._clock.sleep(pause)

    async def stop_services(self) -> None:
        """Ends the services; jobs go on."""
        await _cancel_all(self._services)

    async def stop(self) -> None:
        """Ends the services, then the jobs."""
        await _cancel_all(self._services)
        await _cancel_all(self._jobs)

    async def join_jobs(self) -> None:
        """Waits until no job runs."""
        while self._jobs:
            await asyncio.wait(set(self._jobs))


async def _cancel_all(tasks: set[asyncio.Task[None]]) -> None:
    pending = [t for t in tasks if t is not asyncio.current_task()]
    for task in pending:
        task.cancel()
    await asyncio.gather(*pending, return_exceptions=True)

"""Owns every task of the engine: keeps long-running ones alive, waits for short ones at the end."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

from autotask_queue.model.errors import StoreError
from autotask_queue.ports import Clock

FIRST_PAUSE, LONGEST_PAUSE = 1.0, 60.0
MAX_RESTARTS, WINDOW = 5, 300.0
"""More restarts than this in `WINDOW` seconds: the task stays down and its part reports a failure."""
STUBBORN = 2.0
"""Seconds that a cancelled task may take to end; after that it is left behind."""

_T = TypeVar("_T")


class Supervisor:
    """Starts tasks and answers for them.

    A service that raises is restarted after a pause that doubles. `failed` names those that were given
    up. A storage that fails is no defect of a service: it is tried again for as long as it takes.
    Cancelling goes through; `stop` ends everything and returns when nothing runs any more.
    """

    def __init__(self, clock: Clock, logger: logging.Logger) -> None:
        self._clock = clock
        self._logger = logger
        self._services: set[asyncio.Task[None]] = set()
        self._jobs: set[asyncio.Task[None]] = set()
        self._commands: set[asyncio.Task[Any]] = set()
        self.failed: dict[str, str] = {}
        self.storage_failed: Callable[[StoreError], None] = lambda _: None

    def service(self, name: str, run: Callable[[], Awaitable[None]]) -> None:
        """Runs `run` for as long as the engine lives."""
        task = self._create(name, self._keep_alive(name, run))
        self._services.add(task)
        task.add_done_callback(self._services.discard)

    def spawn(self, name: str, coroutine: Coroutine[Any, Any, object]) -> None:
        """Runs a short job; an error is logged, never lost."""
        _ = self.job(name, coroutine)

    def job(self, name: str, coroutine: Coroutine[Any, Any, object]) -> asyncio.Task[None]:
        """As `spawn`, for those who wait for the job or cancel it."""
        task = self._create(name, self._run_job(name, coroutine))
        self._jobs.add(task)
        task.add_done_callback(self._jobs.discard)
        return task

    async def finish(self, name: str, coroutine: Coroutine[Any, Any, _T]) -> _T:
        """Runs a command to its end, whether or not its caller goes on waiting for it.

        What is stored is then also announced, and wakes those who must know. `stop` waits for it.
        """
        return await asyncio.shield(self.detached(name, coroutine))

    def detached(self, name: str, coroutine: Coroutine[Any, Any, _T]) -> asyncio.Task[_T]:
        """As `finish`, for those who wait for it later."""
        task = self._create(name, coroutine)
        self._commands.add(task)
        task.add_done_callback(self._commands.discard)
        return task

    def later(self, name: str, coroutine: Coroutine[Any, Any, object]) -> None:
        """As `finish`, for what nobody waits for; an error is logged."""
        _ = self.detached(name, self._run_job(name, coroutine))

    def _create(self, name: str, coroutine: Coroutine[Any, Any, _T]) -> asyncio.Task[_T]:
        return asyncio.get_running_loop().create_task(coroutine, name=f"autotask-queue {name}")

    async def _run_job(self, name: str, coroutine: Coroutine[Any, Any, object]) -> None:
        try:
            await coroutine
        except StoreError as error:
            self.storage_failed(error)
            self._logger.warning("%s failed: %s", name, error.message)
        except Exception:
            self._logger.exception("%s failed", name)

    async def _keep_alive(self, name: str, run: Callable[[], Awaitable[None]]) -> None:
        restarts: list[float] = []
        pause = FIRST_PAUSE
        while True:
            try:
                await run()
                return
            except StoreError as error:
                self.storage_failed(error)
                pause = min(LONGEST_PAUSE, pause * 2.0)
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
        await self.cancel(self._services)

    async def stop(self) -> None:
        """Ends the services and the jobs, then waits for the commands."""
        await self.cancel(self._services)
        await self.cancel(self._jobs)
        await self.join_commands()

    async def join_commands(self) -> None:
        """Waits for the commands that have begun."""
        while waiting := self._commands - {asyncio.current_task()}:
            await asyncio.wait(waiting)

    async def cancel(self, tasks: set[asyncio.Task[None]]) -> None:
        """Cancels tasks and waits until they have ended, or a while for those that will not."""
        pending = {t for t in tasks if t is not asyncio.current_task()}
        for task in pending:
            task.cancel()
        if pending:
            _, stubborn = await asyncio.wait(pending, timeout=STUBBORN)
            for task in stubborn:
                self._logger.error("%s does not end although it was cancelled", task.get_name())

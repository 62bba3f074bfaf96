"""Runs an async context in a loop of its own, in a thread: what a command in this thread talks to."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import Future
from contextlib import AbstractAsyncContextManager, contextmanager
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

T = TypeVar("T")
R = TypeVar("R")

PATIENCE = 30.0


@dataclass(frozen=True)
class Background(Generic[T]):
    """What runs there, and how to run something beside it."""

    value: T
    loop: asyncio.AbstractEventLoop

    def run(self, coroutine: Coroutine[Any, Any, R]) -> R:
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(PATIENCE)

    def call(self, function: Callable[[], R]) -> R:
        async def there() -> R:
            return function()

        return self.run(there())


@contextmanager
def in_background(make: Callable[[], AbstractAsyncContextManager[T]]) -> Iterator[Background[T]]:
    """Enters the context that `make` makes in another thread, and leaves it at the end."""
    ready: Future[tuple[T, asyncio.AbstractEventLoop, asyncio.Event]] = Future()

    async def stay() -> None:
        end = asyncio.Event()
        async with make() as value:
            ready.set_result((value, asyncio.get_running_loop(), end))
            await end.wait()

    def thread() -> None:
        try:
            asyncio.run(stay())
        except BaseException as error:
            if not ready.done():
                ready.set_exception(error)
            raise

    running = threading.Thread(target=thread, name="background loop")
    running.start()
    value, loop, end = ready.result(PATIENCE)
    try:
        yield Background(value, loop)
    finally:
        loop.call_soon_threadsafe(end.set)
        running.join(PATIENCE)

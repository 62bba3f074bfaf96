"""Stores on one server, as several workers would have them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

import pytest
from tests.core.store.making import NOW
from tests.support.redis_server import RedisServer

from autotask_queue.ports import News
from autotask_queue.store.redis import RedisStore

OpenStore = Callable[..., Awaitable[RedisStore]]


@pytest.fixture
async def open_store(redis_server: RedisServer) -> AsyncIterator[OpenStore]:
    """Opens a worker's store; closed at the end, unless the test did so itself."""
    async with AsyncExitStack() as opened:

        async def make(told: Callable[[News], Any] | None = None, **options: Any) -> RedisStore:
            store = RedisStore(redis_server.url, **options)
            if told is not None:
                store.on_change(told)
            await store.open(now=NOW)
            opened.push_async_callback(store.close)
            return store

        yield make

"""Every test of this folder runs against every store."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from tests.core.store.making import NOW

from autotask_queue.ports import Store
from autotask_queue.store import MemoryStore


@pytest.fixture(params=["memory"])
async def store(request: pytest.FixtureRequest) -> AsyncIterator[Store]:
    made: Store = MemoryStore()
    await made.open(now=NOW)
    yield made
    await made.close()

"""Every test of this folder runs against every store."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.core.store.making import NOW

from autotask_queue.ports import Store
from autotask_queue.store import MemoryStore, SqliteStore


@pytest.fixture(params=["memory", "sqlite"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Store]:
    made: Store = MemoryStore() if request.param == "memory" else SqliteStore(tmp_path / "queue.db")
    await made.open(now=NOW)
    yield made
    await made.close()

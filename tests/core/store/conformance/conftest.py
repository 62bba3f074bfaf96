"""Every test of this folder runs against every store."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.core.store.making import NOW
from tests.support.redis_server import RedisCluster, RedisServer

from autotask_queue.ports import Store
from autotask_queue.store import MemoryStore, RedisStore, SqliteStore


@pytest.fixture(
    params=[
        "memory",
        "sqlite",
        "encrypted",
        pytest.param("redis", marks=pytest.mark.integration),
        pytest.param("sealed", marks=pytest.mark.integration),
        pytest.param("cluster", marks=[pytest.mark.integration, pytest.mark.slow]),
    ]
)
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Store]:
    made = make_store(request, tmp_path)
    await made.open(now=NOW)
    yield made
    await made.close()


def make_store(request: pytest.FixtureRequest, folder: Path) -> Store:
    match request.param:
        case "memory":
            return MemoryStore()
        case "sqlite":
            return SqliteStore(folder / "queue.db")
        case "encrypted":
            return SqliteStore(folder / "queue.db", encryption_key=bytes(range(32)))
        case "redis" | "sealed":
            server: RedisServer = request.getfixturevalue("redis_server")
            key = bytes(range(32)) if request.param == "sealed" else None
            return RedisStore(server.url, encryption_key=key)
        case _:
            cluster: RedisCluster = request.getfixturevalue("redis_cluster")
            return RedisStore(cluster.url)

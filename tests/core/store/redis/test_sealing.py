"""A queue with a key: what the server keeps cannot be read or exchanged, and another key opens nothing."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.core.store.making import NOW, add, add_one, claim_one, complete, request
from tests.core.store.redis.conftest import OpenStore
from tests.support.redis_server import RedisServer

from autotask_queue.model.errors import (
    ConfigError,
    DuplicateKey,
    InvalidRequest,
    StoreDamaged,
    StoreError,
    StoreKeyMissing,
    StoreKeyWrong,
    StoreNotEncrypted,
)
from autotask_queue.model.filters import RequestFilter, Sort, SortField
from autotask_queue.model.request import AuditEntry, RequestId
from autotask_queue.store.redis import RedisStore
from autotask_queue.store.redis.rows import COLUMNS, LISTED
from autotask_queue.store.redis.sealing import ALIKE, SEALED, KeySeal, Seal

KEY = bytes(range(32))
OTHER = bytes(range(1, 33))

texts = st.text(min_size=1).filter(lambda text: text.isprintable())


async def raw(store: RedisStore, *words: Any) -> Any:
    return await store._link.command(*words)


async def everything(server: RedisServer) -> dict[bytes, bytes]:
    """All that the server keeps, as it would write it to its disk."""
    reader = RedisStore(server.url)
    await reader._link.open()
    try:
        return {key: await raw(reader, "DUMP", key) for key in await raw(reader, "KEYS", "*")}
    finally:
        await reader._link.close()


# ---------------------------------------------------------------------------------------------
# The seal itself


@given(field=texts, owner=texts, text=texts)
def test_what_was_sealed_comes_back_and_fits_nowhere_else(field: str, owner: str, text: str) -> None:
    seal = KeySeal(KEY)
    closed = seal.text(field, owner, text)
    assert seal.open_text(field, owner, closed) == text
    assert seal.text(field, owner, text) != closed, "never the same twice"
    for place in ((field, owner + "x"), (field + "x", owner), (field + "\0" + owner[:1], owner[1:])):
        with pytest.raises(StoreDamaged):
            seal.open_text(*place, closed)
    with pytest.raises(StoreDamaged):
        KeySeal(OTHER).open_text(field, owner, closed)


@given(field=texts, text=texts)
def test_what_is_compared_is_always_sealed_alike(field: str, text: str) -> None:
    seal = KeySeal(KEY)
    closed = seal.alike(field, text)
    assert KeySeal(KEY).alike(field, text) == closed
    assert seal.open_alike(field, closed) == text
    assert seal.alike(field + "x", text) != closed, "columns cannot be compared with one another"
    assert seal.alike(field, text + "x") != closed
    assert KeySeal(OTHER).alike(field, text) != closed
    with pytest.raises(StoreDamaged):
        seal.open_alike(field + "x", closed)


def test_what_is_not_sealed_is_not_taken_for_it() -> None:
    seal = KeySeal(KEY)
    for forged in ("plain", "~", "~plain", "~" + "A" * 64):
        with pytest.raises(StoreDamaged):
            seal.open_text("summary", "1", forged)
        with pytest.raises(StoreDamaged):
            seal.open_alike("lane", forged)
    assert seal.text("summary", "1", "") == "" == seal.open_text("summary", "1", "")
    assert seal.remark("why", "1", "Its time ran out.") == "Its time ran out."


def test_the_name_of_a_key_gives_nothing_away() -> None:
    name = KeySeal(KEY).key_id
    assert name == KeySeal(KEY).key_id
    assert name != KeySeal(OTHER).key_id
    assert len(name) == 32
    assert Seal().key_id == ""
    with pytest.raises(ConfigError):
        RedisStore("redis://h", encryption_key=b"short")


def test_every_column_is_sealed_or_known_to_hold_no_words() -> None:
    readable = {
        *("id", "status", "zone", "method", "effect", "entity", "priority", "created_at", "updated_at"),
        *("attempts", "max_retries", "reason", "scheduled_at", "not_before", "expires_at", "finished_at"),
        *("http_status", "record_id", "fence", "restore_to", "merged_into"),
        *("v", "waits", "tries", "running", "owner", "deps", "audit", "rank", "sent"),
    }
    assert set(COLUMNS) == SEALED | ALIKE | readable
    assert COLUMNS[0] == LISTED[0] == "id", "what binds the others is read first"


# ---------------------------------------------------------------------------------------------
# On a server


@pytest.mark.integration
async def test_no_other_key_opens_it_and_nothing_is_changed(
    open_store: OpenStore, redis_server: RedisServer
) -> None:
    store = await open_store(encryption_key=KEY)
    one = await add_one(store, summary="words")
    await store.close()
    before = await everything(redis_server)
    with pytest.raises(StoreKeyMissing):
        await open_store()
    with pytest.raises(StoreKeyWrong):
        await open_store(encryption_key=OTHER)
    assert await everything(redis_server) == before
    again = await open_store(encryption_key=KEY)
    assert await again.get(one.id) == one


@pytest.mark.integration
async def test_a_plain_queue_is_not_opened_with_a_key(
    open_store: OpenStore, redis_server: RedisServer
) -> None:
    await (await open_store()).close()
    before = await everything(redis_server)
    with pytest.raises(StoreNotEncrypted, match="another name"):
        await open_store(encryption_key=KEY)
    assert await everything(redis_server) == before
    sealed = await open_store(encryption_key=KEY, namespace="new")
    await add_one(sealed)


@pytest.mark.integration
@pytest.mark.parametrize("key", [None, OTHER])
async def test_who_comes_second_is_refused_even_if_both_saw_no_queue(
    open_store: OpenStore, redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch, key: bytes | None
) -> None:
    first = await open_store(encryption_key=key)

    async def sees_nothing(link: Any, key_id: str) -> None:
        pass

    monkeypatch.setattr("autotask_queue.store.redis.checks.check_format", sees_nothing)
    before = await everything(redis_server)
    with pytest.raises(StoreKeyWrong):
        await open_store(encryption_key=KEY)
    assert await everything(redis_server) == before
    await add_one(first)


@pytest.mark.integration
async def test_an_emptied_server_is_sealed_again(open_store: OpenStore, redis_server: RedisServer) -> None:
    store = await open_store(encryption_key=KEY)
    assert redis_server.command("FLUSHALL").startswith(b"+OK")
    await add_one(store)
    with pytest.raises(StoreKeyMissing):
        await open_store()


@pytest.mark.integration
@pytest.mark.parametrize("name", ["summary", "endpoint", "actor"])
async def test_a_column_that_was_exchanged_is_found_out(open_store: OpenStore, name: str) -> None:
    store = await open_store(encryption_key=KEY)
    one, other = await add(store, request(summary="a"), request(summary="b", dedup_key="k"))
    prefix = store._link.key.removesuffix("ctl")
    source = "dedup_key" if name == "endpoint" else name
    value = await raw(store, "HGET", f"{prefix}r:{other.seq}", source)
    await raw(store, "HSET", f"{prefix}r:{one.seq}", name, value)
    for ask in (store.get(one.id), store.rows([one.seq]), store.find(RequestFilter())):
        with pytest.raises(StoreDamaged, match="another key, or changed"):
            await ask
    assert await store.get(other.id) == other


@pytest.mark.integration
@pytest.mark.parametrize("name", ["payload", "reply"])
async def test_a_document_that_was_exchanged_is_found_out(open_store: OpenStore, name: str) -> None:
    store = await open_store(encryption_key=KEY)
    ids = []
    for n in range(2):
        await add_one(store, data={"n": n})
        ids.append((await complete(store, await claim_one(store))).id)
    prefix = store._link.key.removesuffix("ctl")
    await raw(store, "HSET", prefix + name, "1", await raw(store, "HGET", prefix + name, "2"))
    with pytest.raises(StoreDamaged):
        await store.get(ids[0])
    assert (await store.get(ids[1])) is not None


@pytest.mark.integration
async def test_searching_and_sorting_by_what_the_server_cannot_read(open_store: OpenStore) -> None:
    store = await open_store(encryption_key=KEY)
    wanted = ["Printer on FIRE", "printer", "fire", "Printer in the fire brigade"]
    stored = await add(store, *(request(summary=text, priority=n + 1) for n, text in enumerate(wanted)))
    both = RequestFilter(text="fire printer")
    assert [r.summary for r in await store.find(both)] == [wanted[0], wanted[3]]
    assert await store.count(both) == 2
    by_summary = RequestFilter(sort=Sort(field=SortField.SUMMARY, direction="desc"))
    assert [r.summary for r in await store.find(by_summary)] == sorted(wanted, reverse=True)
    chosen = RequestFilter(
        ids=tuple(r.id for r in stored[:3]), text="printer", sort=Sort(field=SortField.PRIORITY)
    )
    assert await store.find(chosen) == stored[:2]
    assert await store.find(RequestFilter(text="fire", limit=1)) == stored[:1]


@pytest.mark.integration
async def test_half_a_character_is_refused_in_words(open_store: OpenStore) -> None:
    store = await open_store(encryption_key=KEY)
    for values in ({"summary": "\ud800"}, {"lane": "\ud800"}, {"data": {"x": 1}, "id": RequestId("\ud800")}):
        (answer,) = await store.enqueue([request(**values)], actor="")
        assert isinstance(answer, InvalidRequest)
    with pytest.raises(InvalidRequest):
        await store.record(AuditEntry(at=NOW, actor="\ud800", kind="noted"))


@pytest.mark.integration
async def test_workers_with_one_key_share_it(open_store: OpenStore) -> None:
    first, second = await open_store(encryption_key=KEY), await open_store(encryption_key=KEY)
    made = [await add_one(first, lane="l", summary=f"n {n}") for n in range(3)]
    for one in made:
        taken = await claim_one(second)
        assert (taken.id, taken.summary, taken.lane) == (one.id, one.summary, "l")
        await complete(second, taken)
    (refused,) = await second.enqueue([request(dedup_key="k")], actor="")
    (taken_key,) = await first.enqueue([request(dedup_key="k")], actor="")
    assert not isinstance(refused, StoreError)
    assert isinstance(taken_key, DuplicateKey)


@pytest.mark.integration
async def test_breakers_and_documents_of_two_are_merged_under_the_seal(open_store: OpenStore) -> None:
    store = await open_store(encryption_key=KEY)
    await asyncio.gather(*(store.put_document("drafts", f"k{n}", {"n": n}, at=NOW) for n in range(3)))
    assert await store.list_documents("drafts") == {f"k{n}": {"n": n} for n in range(3)}
    prefix = store._link.key.removesuffix("ctl")
    names = await raw(store, "HKEYS", f"{prefix}doc:drafts")
    await raw(
        store,
        "HSET",
        f"{prefix}doc:drafts",
        names[0],
        await raw(store, "HGET", f"{prefix}doc:drafts", names[1]),
    )
    with pytest.raises(StoreDamaged):
        await store.list_documents("drafts")

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from tests.core.store.making import NOW, add_one, change, claim_one, complete
from tests.core.store.redis.conftest import OpenStore

from autotask_queue.model.status import Status
from autotask_queue.store.redis import RedisStore, audit

pytestmark = pytest.mark.integration


async def trail_of(store: RedisStore) -> list[tuple[bytes, list[bytes]]]:
    found = await store._link.command("XRANGE", "q:{autotask}:audit", "-", "+")
    return [
        (number, [part for pair in parts.items() for part in pair] if isinstance(parts, dict) else parts)
        for number, parts in found
    ]


@pytest.fixture
async def trail(open_store: OpenStore) -> list[tuple[bytes, list[bytes]]]:
    """Eight entries of two writers."""
    anna, bert = await open_store(), await open_store()
    for store in (anna, bert):
        one = await add_one(store)
        await complete(store, await claim_one(store))
        assert one.seq
    await change(anna, (await add_one(bert)).id, to=Status.CANCELLED, why="Grüße", at=NOW + 0.1)
    return await trail_of(anna)


async def test_each_entry_follows_from_the_one_before(trail: list[tuple[bytes, list[bytes]]]) -> None:
    assert sum(len(parts) // 2 for _, parts in trail) == 8
    assert audit.first_break(trail) is None
    first = trail[0][1]
    assert audit.first_break(trail[1:], after=(1, first[1])) is None


@pytest.mark.parametrize("place", range(8))
async def test_a_changed_entry_is_found(trail: list[tuple[bytes, list[bytes]]], place: int) -> None:
    flat = [part for _, parts in trail for part in parts]
    entry: list[Any] = msgspec.msgpack.decode(flat[2 * place])
    entry[8] = "another reason"
    flat[2 * place] = msgspec.msgpack.encode(entry)
    assert audit.first_break([(b"", flat)]) == place + 1


@pytest.mark.parametrize("place", range(7))
async def test_a_missing_or_moved_entry_is_found(trail: list[tuple[bytes, list[bytes]]], place: int) -> None:
    flat = [part for _, parts in trail for part in parts]
    without = flat[: 2 * place] + flat[2 * place + 2 :]
    assert audit.first_break([(b"", without)]) == place + 1
    swapped = list(flat)
    swapped[2 * place : 2 * place + 4] = flat[2 * place + 2 : 2 * place + 4] + flat[2 * place : 2 * place + 2]
    assert audit.first_break([(b"", swapped)]) == place + 1


async def test_the_trail_of_a_request_outlives_it(open_store: OpenStore) -> None:
    store = await open_store()
    one = await add_one(store)
    await complete(store, await claim_one(store))
    before = await store.audit(request_id=one.id)
    assert await store.prune(finished_before=NOW + 1e9) == 1
    assert await store.audit(request_id=one.id) == before
    await add_one(store, id=one.id)
    assert [e.kind for e in await store.audit(request_id=one.id)] == [
        "enqueued",
        "completed",
        "claimed",
        "enqueued",
    ]

"""What only the store in memory must watch."""

from __future__ import annotations

from collections.abc import Sized

from tests.core.store.making import NOW, add_one, claim_one, complete

from autotask_queue.store import MemoryStore


async def test_lanes_leave_nothing_behind() -> None:
    """Each new record has a lane of its own: a worker that runs for months would remember them all."""
    store = MemoryStore()
    await store.open(now=NOW)
    for number in range(50):
        await add_one(store, lane=f"local:{number}")
        await complete(store, await claim_one(store))
    assert await store.prune(finished_before=NOW + 1, limit=100) == 50
    shelf = store._shelf
    kept: list[Sized] = [shelf._busy, shelf._lanes, shelf._waits, shelf._parents, shelf._children, shelf._due]
    assert [len(index) for index in kept] == [0] * len(kept)
    await store.close()

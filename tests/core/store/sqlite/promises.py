"""What a store acknowledged, and whether a file still keeps it after a bad end."""

from __future__ import annotations

import asyncio
import random
import uuid
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from tests.core.store.making import NOW, change, claim, complete, fail, read, request

from autotask_queue.model.filters import RequestFilter
from autotask_queue.model.request import AttemptResult, RequestId
from autotask_queue.model.status import Effect, Status
from autotask_queue.ports import Recovery
from autotask_queue.store import SqliteStore

Say = Callable[..., None]
"""Told of each answer: "stored" and an id; "claimed", an id and an effect; "settled", an id and a status."""


async def work(store: SqliteStore, dice: random.Random, say: Say) -> None:
    """Five who bring requests and three who send them, until the store fails or the process is killed."""
    await asyncio.gather(
        *(_bring(store, dice, say) for _ in range(5)), *(_send(store, dice, say) for _ in range(3))
    )


async def _bring(store: SqliteStore, dice: random.Random, say: Say) -> None:
    while True:
        lane = dice.choice([None, "l1", "l2"])
        make = dice.choice([request, request, read])
        batch = [make(id=RequestId(str(uuid.uuid4())), lane=lane) for _ in range(dice.randint(1, 4))]
        for one in await store.enqueue(batch, actor="worker"):
            say("stored", one.id)  # type: ignore[union-attr]


async def _send(store: SqliteStore, dice: random.Random, say: Say) -> None:
    while True:
        for one in (await claim(store, limit=dice.randint(1, 5))).requests:
            say("claimed", one.id, one.effect)
            await asyncio.sleep(0)
            settled = await (complete if dice.random() < 0.7 else fail)(store, one)
            say("settled", one.id, settled.status)
        await asyncio.sleep(0)


class Promises:
    """All that was ever acknowledged, over all rounds on one file."""

    def __init__(self) -> None:
        self.stored: set[str] = set()
        self.claimed: dict[str, str] = {}
        self.settled: dict[str, str] = {}

    def note(self, kind: str, *words: str) -> None:
        """One answer, as `Say` tells it."""
        if kind == "stored":
            assert words[0] not in self.stored
            self.stored.add(words[0])
        elif kind == "claimed":
            self.claimed[words[0]] = words[1]
        elif kind == "settled":
            self.settled[words[0]] = words[1]

    async def check(self, path: Path) -> Recovery:
        """Opens the file and looks whether everything holds; what opening it found.

        Writes that turn out to be uncertain are settled, for those behind them would stop the next round.
        """
        store = SqliteStore(path)
        recovery = await store.open(now=NOW + 1)
        try:
            await self._check(store, recovery)
            for one in recovery.uncertain:
                await change(store, one.id, kind="adopted", to=Status.COMPLETED)
                self.settled[one.id] = Status.COMPLETED
        finally:
            await store.close()
        return recovery

    async def _check(self, store: SqliteStore, recovery: Recovery) -> None:
        found = await store.find(RequestFilter())
        by_id = {str(r.id): r for r in found}
        assert len(by_id) == len(found), "stored twice"
        assert self.stored <= by_id.keys(), "acknowledged and lost"
        assert all(r.effect is Effect.WRITE and r.status is Status.UNCERTAIN for r in recovery.uncertain)
        assert all(r.effect is Effect.READ and r.status is Status.PENDING for r in recovery.released)
        for one in found:
            assert one.status is not Status.PROCESSING
        for one in (*recovery.uncertain, *recovery.released):
            attempts = await store.attempts(one.id)
            assert AttemptResult.RUNNING not in [a.result for a in attempts]
        for request_id, status in self.settled.items():
            assert by_id[request_id].status == status, "settled and forgotten"
        for request_id, effect in self.claimed.items():
            # A settlement may have arrived without its acknowledgement; sending again must not happen.
            if effect == Effect.WRITE:
                assert by_id[request_id].status in {Status.UNCERTAIN, Status.COMPLETED, Status.FAILED}, (
                    "would be sent twice"
                )
        cells = Counter((r.zone, r.entity, r.status) for r in found)
        assert {(c.zone, c.entity, c.status): c.count for c in store.counters().cells} == cells
        uncertain = Counter(r.lane for r in found if r.lane and r.status is Status.UNCERTAIN)
        assert not [lane for lane, count in uncertain.items() if count > 1]

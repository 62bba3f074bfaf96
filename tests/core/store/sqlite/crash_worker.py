"""A process that works on a queue file until it is killed, and says what was acknowledged.

Each line is written after the store's answer: what stands there must be in the file for ever.
"""

from __future__ import annotations

import asyncio
import random
import sys
import uuid

from tests.core.store.making import NOW, claim, complete, fail, read, request

from autotask_queue.model.request import RequestId
from autotask_queue.store import SqliteStore


def say(*words: str) -> None:
    sys.stdout.write(" ".join(words) + "\n")
    sys.stdout.flush()


async def bring(store: SqliteStore, dice: random.Random) -> None:
    while True:
        lane = dice.choice([None, "l1", "l2"])
        make = dice.choice([request, request, read])
        batch = [make(id=RequestId(str(uuid.uuid4())), lane=lane) for _ in range(dice.randint(1, 4))]
        for one in await store.enqueue(batch, actor="worker"):
            say("stored", one.id)  # type: ignore[union-attr]


async def send(store: SqliteStore, dice: random.Random) -> None:
    while True:
        for one in (await claim(store, limit=dice.randint(1, 5))).requests:
            say("claimed", one.id, one.effect)
            await asyncio.sleep(0)
            settled = await (complete if dice.random() < 0.7 else fail)(store, one)
            say("settled", one.id, settled.status)
        await asyncio.sleep(0)


async def main(path: str, seed: int) -> None:
    dice = random.Random(seed)
    store = SqliteStore(path)
    await store.open(now=NOW)
    say("open")
    await asyncio.gather(*(bring(store, dice) for _ in range(5)), *(send(store, dice) for _ in range(3)))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2])))

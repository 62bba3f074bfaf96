"""A process that works on a queue file until it is killed, and says what was acknowledged.

Each line is written after the store's answer: what stands there must be in the file for ever.
"""

from __future__ import annotations

import asyncio
import random
import sys

from tests.core.store.making import NOW
from tests.core.store.sqlite.promises import work

from autotask_queue.store import SqliteStore


def say(*words: str) -> None:
    sys.stdout.write(" ".join(words) + "\n")
    sys.stdout.flush()


async def main(path: str, seed: int) -> None:
    store = SqliteStore(path)
    await store.open(now=NOW)
    say("open")
    await work(store, random.Random(seed), say)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2])))

"""A program that moves what is kept in a file to the server, until it is killed.

python spool_child.py URL FILE
"""

from __future__ import annotations

import asyncio
import sys
import time

from autotask_queue.store import RedisStore, SpoolingStore


async def main(url: str, path: str) -> None:
    store = SpoolingStore(RedisStore(url), path)
    await store.open(now=time.time())
    await store.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2]))

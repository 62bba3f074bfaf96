"""A program that is killed while several requests share a call: python batch_child.py QUEUE_FILE"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from autotask_queue import QuickSetup, Request


class Endless:
    """Begins a batch, says so, and never ends it."""

    async def process_request(self, request: Request) -> None:
        await asyncio.sleep(3_600)

    async def process_batch(self, requests: Sequence[Request]) -> Mapping[str, Any]:
        sys.stdout.write(f"{requests[0].method} {len(requests)}\n")
        sys.stdout.flush()
        await asyncio.sleep(3_600)
        return {}

    def can_process(self, request: Request) -> bool:
        return True


async def main(path: str) -> None:
    async with QuickSetup.sqlite(path, processors={"endless": Endless()}) as queue:
        await queue.pause()
        for number in range(5):
            await queue.submit(f"/Things/{number}", "GET", batchable=True)
            await queue.submit("/Things", "POST", data={"n": number}, batchable=True)
        await queue.resume()
        await asyncio.sleep(3_600)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))

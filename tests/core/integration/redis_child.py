"""A worker on a shared queue: says when it begins and ends each request, until it is killed or told to end.

python redis_child.py URL LEASE SECONDS_PER_REQUEST
"""

from __future__ import annotations

import asyncio
import json
import sys
import time

from autotask_queue import QueueManager, Request, create_redis_configuration
from autotask_queue.store import RedisStore


class Teller:
    """Does nothing, slowly, and says so."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    def can_process(self, request: Request) -> bool:
        return True

    async def process_request(self, request: Request) -> dict[str, int]:
        self._say("begins", request)
        await asyncio.sleep(self._seconds)
        self._say("ends", request)
        return {"seq": request.seq}

    def _say(self, what: str, request: Request) -> None:
        line = {"what": what, "seq": request.seq, "lane": request.lane, "at": time.time()}
        sys.stdout.write(json.dumps(line) + "\n")
        sys.stdout.flush()


async def main(url: str, lease: float, seconds: float) -> None:
    manager = QueueManager(
        create_redis_configuration(max_concurrency=4, persistence={"connection": {"url": url}}),
        processors={"teller": Teller(seconds)},
        store=RedisStore(url, lease=lease),
    )
    async with manager:
        sys.stdout.write('{"what": "ready"}\n')
        sys.stdout.flush()
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], float(sys.argv[2]), float(sys.argv[3])))

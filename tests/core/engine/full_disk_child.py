"""A program that embeds the queue while its disk fills up, and is freed again. Prints what came of it.

python full_disk_child.py QUEUE_FILE
"""

from __future__ import annotations

import asyncio
import json
import resource
import signal
import sys
from collections import Counter
from pathlib import Path
from typing import Any

from autotask_queue import QuickSetup, Request, RequestFilter, StoreError

BODY = {"text": "x" * 200_000}  # more than the room that the log has in advance, in 20 requests
calls: Counter[str] = Counter()
answer = asyncio.Event()


class Slow:
    """Answers when the test lets it."""

    async def process_request(self, request: Request) -> Any:
        calls[request.id] += 1
        await answer.wait()
        return {"echo": request.data}  # settling needs room, too

    def can_process(self, request: Request) -> bool:
        return True


def limit(size: int) -> None:
    """No file of this process may grow beyond `size` bytes."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))


async def main(path: Path) -> dict[str, Any]:
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    seen: dict[str, Any] = {"refused": 0, "degraded": [], "recovered": []}
    acknowledged: list[str] = []
    async with QuickSetup.sqlite(path, processors={"slow": Slow()}, max_concurrency=3) as queue:
        queue.on("health.degraded", lambda event: seen["degraded"].append(event.component))
        queue.on("health.recovered", lambda event: seen["recovered"].append(event.component))
        log = path.with_name(path.name + "-wal")
        acknowledged += [(await queue.submit("/Things", "POST", "z", data=BODY)).id for _ in range(6)]
        while len(calls) < 3:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.1)
        limit(max(log.stat().st_size, path.stat().st_size) + 60_000)
        for _ in range(20):
            try:
                acknowledged.append((await queue.submit("/Things", "POST", "z", data=BODY)).id)
            except StoreError:
                seen["refused"] += 1
        limit(max(log.stat().st_size, path.stat().st_size))
        answer.set()
        await asyncio.sleep(2.5)
        seen["settled_while_full"] = sum(r.status.is_terminal for r in await queue.get_requests())
        limit(resource.RLIM_INFINITY)
        outcomes = [await queue.result(i, timeout=60) for i in acknowledged]
        stored = {r.id for r in await queue.get_requests(RequestFilter())}
    seen["acknowledged"] = len(acknowledged)
    seen["lost"] = [i for i in acknowledged if i not in stored]
    seen["sent_twice"] = [i for i, n in calls.items() if n > 1]
    seen["statuses"] = sorted({o.status.value for o in outcomes})
    return seen


if __name__ == "__main__":
    sys.stdout.write(json.dumps(asyncio.run(main(Path(sys.argv[1])))))

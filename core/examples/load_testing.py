"""How fast the queue takes requests and sends them, on each backend that needs no server.

    python core/examples/load_testing.py [REQUESTS]

The processor asks the simulator over HTTP, as a real one would; the limit of requests in flight is kept, and
counted. For numbers worth comparing there are the benchmarks, core/benchmarks/.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from pathlib import Path

from autotask_queue import HttpRequest, HttpxTransport, QueueManager, QuickSetup, Reply, Request
from autotask_queue.simulator import SimulatorProcess, simulator_process

AT_A_TIME = 8


class ZoneInformation:
    """Asks the simulator for what costs no call of its limits; counts how many are in flight."""

    def __init__(self, autotask: SimulatorProcess) -> None:
        self._url = f"{autotask.base_url}v1.0/zoneInformation?user={autotask.user}"
        self._transport = HttpxTransport()
        self.in_flight = self.most_in_flight = 0

    async def process_request(self, request: Request) -> Reply:
        """Sends one call."""
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        try:
            reply = await self._transport.send(HttpRequest(method="GET", url=self._url))
        finally:
            self.in_flight -= 1
        return Reply(status_code=reply.status_code, body=reply.body)

    def can_process(self, request: Request) -> bool:
        """Takes everything."""
        return True

    async def close(self) -> None:
        """Closes the connections; the queue calls it at its end."""
        await self._transport.close()


async def measure(name: str, queue: QueueManager, processor: ZoneInformation, requests: int) -> None:
    """Fills the queue while it is paused, then lets it send."""
    await queue.pause()
    begin = time.perf_counter()
    # Each asks something else: reads that are alike would be sent as one.
    receipts = await asyncio.gather(*(queue.submit(f"/load/{n}", "GET", "zone1") for n in range(requests)))
    taken = time.perf_counter() - begin
    begin = time.perf_counter()
    await queue.resume()
    outcomes = await asyncio.gather(*(queue.result(receipt.id) for receipt in receipts))
    sent = time.perf_counter() - begin
    metrics = await queue.get_metrics()
    print(
        f"{name:7} took {requests / taken:6.0f} requests/s ({queue.durability.value}), sent "
        f"{requests / sent:5.0f}/s; p50 {metrics.p50 * 1000:.1f} ms, p99 {metrics.p99 * 1000:.1f} ms; "
        f"{sum(outcome.ok for outcome in outcomes)} answered, at most {processor.most_in_flight} in flight"
    )


async def main(requests: int = 300) -> None:
    """Measures memory and SQLite."""
    async with simulator_process() as autotask:
        with tempfile.TemporaryDirectory() as folder:
            processor = ZoneInformation(autotask)
            async with QuickSetup.memory(processors={"own": processor}, max_concurrency=AT_A_TIME) as queue:
                await measure("memory", queue, processor, requests)
            processor = ZoneInformation(autotask)
            path = Path(folder, "queue.db")
            async with QuickSetup.sqlite(
                path, processors={"own": processor}, max_concurrency=AT_A_TIME
            ) as queue:
                await measure("sqlite", queue, processor, requests)
        print(f"The server counted {(await autotask.state())['requests']} calls.")


if __name__ == "__main__":
    asyncio.run(main(*map(int, sys.argv[1:2])))

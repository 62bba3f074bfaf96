"""What can be seen of a running queue: metrics, health, events, a breaker held by hand.

python core/examples/monitoring.py
"""

from __future__ import annotations

import asyncio
from collections import Counter

from autotask_queue import Credentials, Event, QueueManager, QuickSetup, Status
from autotask_queue.simulator import simulator_process

LOOK_UPS = 60


async def show(queue: QueueManager) -> None:
    """One line of numbers."""
    metrics = await queue.get_metrics()
    health = await queue.get_health()
    print(
        f"   waiting {metrics.queued_requests:3}   in flight {metrics.processing_requests:2}   "
        f"done {metrics.completed_requests:3}   errors {metrics.error_rate:4.0%}   "
        f"p95 {metrics.p95 * 1000:4.0f} ms   {health.status.value}: {health.message}"
    )


async def watch(queue: QueueManager, left: int) -> None:
    """Prints a line four times a second until at most `left` requests are unfinished."""
    while queue.counters().count(Status.PENDING, Status.PROCESSING, Status.RETRYING) > left:
        await show(queue)
        await asyncio.sleep(0.25)


async def main() -> None:
    """Sends look-ups with a slow server and looks at what happens."""
    async with simulator_process(latency=0.05) as autotask:
        zone1 = Credentials(
            url=autotask.base_url,
            user=autotask.user,
            secret=autotask.secret,
            integration_code=autotask.integration_code,
        )
        async with QuickSetup.memory(credentials={"zone1": zone1}) as queue:
            seen: Counter[str] = Counter()

            def count(event: Event) -> None:
                seen[event.name] += 1

            queue.on("*", count)
            print(f"1. {LOOK_UPS} look-ups, two at a time, on a server that takes 50 ms")
            for _ in range(LOOK_UPS):
                await queue.submit("/Companies/0", "GET", "zone1")
            await watch(queue, LOOK_UPS // 2)

            print("2. A person holds the zone for maintenance: nothing is sent")
            await queue.circuit_breaker.force_open("zone1", "Server maintenance", expires_in=900)
            await show(queue)
            for gate in queue.gates():
                print(f"   {gate.zone} is held: {gate.reason}")

            print("3. Maintenance is over")
            await queue.circuit_breaker.release("zone1", "Done")
            await watch(queue, 0)
            await show(queue)

            print("Events: " + ", ".join(f"{name} {number}" for name, number in sorted(seen.items())))
            for breaker in queue.circuit_breaker.get_all_metrics():
                print(f"Breaker of {breaker.zone}: {breaker.state.value}")
            by_status = (await queue.get_metrics()).by_status
            print(
                "By status: " + ", ".join(f"{name} {number}" for name, number in by_status.items() if number)
            )
        calls = (await autotask.state())["requests"]
        print(f"The server counted {calls} calls.")


if __name__ == "__main__":
    asyncio.run(main())

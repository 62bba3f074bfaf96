"""What can go wrong on the way to Autotask, and what the queue does about it.

    python core/examples/error_recovery.py

A simulator of Autotask runs beside this program and fails on demand. At the end its own books are compared
with what was asked for: each ticket is there once.
"""

from __future__ import annotations

import asyncio
from typing import Any

from autotask_queue import (
    CircuitClosed,
    CircuitOpened,
    Credentials,
    QueueManager,
    QuickSetup,
    Status,
)
from autotask_queue.simulator import SimulatorProcess, simulator_process

# Shorter waits than in production, so that this ends in seconds.
SETTINGS: dict[str, Any] = {
    "strategies": {
        "circuit_breaker": {"failure_threshold": 3, "success_threshold": 1, "timeout": 1.0},
        "retry": {"base_delay": 0.2, "max_delay": 1.0},
    }
}


def ticket(title: str, **more: Any) -> dict[str, Any]:
    """A ticket that Autotask accepts."""
    due = "2030-03-21T00:00:00Z"
    return {
        "title": title, "companyID": 0, "queueID": 5, "priority": 2, "status": 1, "dueDateTime": due,
    } | more  # fmt: skip


async def outage(queue: QueueManager, autotask: SimulatorProcess) -> None:
    """An outage opens the zone's breaker; what waits goes when it closes."""
    print("1. The server is down for a while")
    events = queue.events()
    await autotask.add_fault("status_503")
    receipts = [
        await queue.submit(f"/Companies/{number}", "GET", "zone1", max_retries=20) for number in (0, 0, 0, 0)
    ]
    async for event in events:
        if isinstance(event, CircuitOpened):
            waiting = queue.counters().count(Status.PENDING, Status.PROCESSING, Status.RETRYING)
            print(f"   The breaker of {event.zone} opened: {event.reason}")
            print(f"   {waiting} look-ups wait, and the server is left alone")
            await autotask.end_faults()
        elif isinstance(event, CircuitClosed):
            print(f"   The breaker closed: {event.reason}")
            break
    ends = [(await queue.result(receipt.id)).status for receipt in receipts]
    print(f"   {ends.count(Status.COMPLETED)} of {len(ends)} look-ups were answered in the end")


async def busy_server(queue: QueueManager, autotask: SimulatorProcess) -> None:
    """A read that fails for a moment is repeated."""
    print("\n2. The server is busy for two calls")
    await autotask.add_fault("status_503", route="GET /Companies", count=2)
    receipt = await queue.submit("/Companies/0", "GET", "zone1")
    await queue.result(receipt.id)
    results = [attempt.result.value for attempt in await queue.attempts(receipt.id)]
    print(f"   The look-up was repeated by itself: {', '.join(results)}")


async def refused(queue: QueueManager) -> None:
    """A write that Autotask refuses is not repeated: a person corrects it."""
    print("\n3. Autotask refuses a ticket")
    receipt = await queue.submit("/Tickets", "POST", "zone1", data=ticket("Refused", status=4711))
    outcome = await queue.result(receipt.id)
    if outcome.failure is not None:
        print(f"   {outcome.status.value}: {outcome.failure.message}")
        print(f"   What to do: {outcome.failure.remedy}")
    await queue.edit(receipt.id, data=ticket("Corrected"), why="the status was wrong")
    print(f"   After the correction: {(await queue.result(receipt.id)).status.value}")


async def reply_lost(queue: QueueManager, autotask: SimulatorProcess) -> None:
    """A write whose reply is lost is looked up, and never simply sent again."""
    print("\n4. The ticket arrives, but the reply is lost")
    await autotask.add_fault("drop_after_apply", route="POST /Tickets$", count=1)
    receipt = await queue.submit("/Tickets", "POST", "zone1", data=ticket("Reply lost"))
    outcome = await queue.result(receipt.id, timeout=2.0)
    print(f"   Two seconds later: {outcome.status.value}, nobody knows yet")
    outcome = await queue.result(receipt.id)
    adopted = outcome.reply is not None and outcome.reply.adopted
    print(f"   Looked up{' and found' if adopted else ''}: {outcome.status.value}")


async def main() -> None:
    """Runs the four troubles one after the other."""
    async with simulator_process() as autotask:
        zone1 = Credentials(
            url=autotask.base_url,
            user=autotask.user,
            secret=autotask.secret,
            integration_code=autotask.integration_code,
        )
        async with QuickSetup.memory(credentials={"zone1": zone1}, **SETTINGS) as queue:
            await outage(queue, autotask)
            await busy_server(queue, autotask)
            await refused(queue)
            await reply_lost(queue, autotask)
        titles = [ticket["title"] for ticket in (await autotask.state())["entities"]["Tickets"]]
        print("\nIn Autotask's books:")
        for title in ("Refused", "Corrected", "Reply lost"):
            print(f"   {title}: {titles.count(title)}")


if __name__ == "__main__":
    asyncio.run(main())

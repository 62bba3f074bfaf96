"""A day without a network: work is stored, survives the program's end, and is sent once each.

    python core/examples/offline_queue.py

Nobody can connect to the simulator while the work is written; the program's queue is closed and opened again
in between, as if the laptop had been shut.
"""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

from autotask_queue import Connectivity, Credentials, QuickSetup, RequestFilter, Status
from autotask_queue.simulator import SimulatorProcess, simulator_process

TICKET = {"companyID": 0, "queueID": 5, "priority": 2, "status": 1, "dueDateTime": "2030-03-21T00:00:00Z"}
NOTE = {"title": "On site", "description": "Switch replaced.", "noteType": 1, "publish": 1}


def sign_in(autotask: SimulatorProcess) -> dict[str, Credentials]:
    """The simulator as zone1."""
    own = Credentials(
        url=autotask.base_url,
        user=autotask.user,
        secret=autotask.secret,
        integration_code=autotask.integration_code,
    )
    return {"zone1": own}


async def compose(file: Path, autotask: SimulatorProcess, existing: int) -> None:
    """Writes five tickets and three notes while there is no network."""
    print("1. No network. Five tickets and three notes are written.")
    async with QuickSetup.sqlite(file, credentials=sign_in(autotask)) as queue:
        events = queue.events()
        for number in range(1, 6):
            data = {**TICKET, "title": f"Server room {number}"}
            await queue.submit("/Tickets", "POST", "zone1", data=data)
        for _ in range(3):
            await queue.submit(f"/Tickets/{existing}/Notes", "POST", "zone1", data=NOTE)
        print(f"   Each is acknowledged when it is on the disk ({queue.durability.value}).")
        async for _ in events:
            busy = queue.counters().count(Status.PROCESSING)
            if queue.connectivity.state is Connectivity.OFFLINE and not busy:
                break
        print(
            f"   The queue has noticed: {queue.connectivity.state.value}. Nothing was lost, or tried in vain:"
        )
        for request in await queue.get_requests(RequestFilter(limit=2)):
            print(f"   {request.status.value}, {request.attempts} tries used: {request.summary}")


async def send(file: Path, autotask: SimulatorProcess) -> None:
    """Opens the same file with a network."""
    print("3. The program starts again, and the network is back.")
    async with QuickSetup.sqlite(file, credentials=sign_in(autotask)) as queue:
        for request in await queue.get_requests():
            await queue.result(request.id)
        done = queue.counters().count(Status.COMPLETED)
        print(f"   {done} requests were sent.")


async def main() -> None:
    """Writes offline, ends, starts again, sends."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "queue.db")
        async with simulator_process() as autotask:
            existing = (await autotask.state())["entities"]["Tickets"][0]["id"]
            await autotask.add_fault("offline", refuse=True)
            await compose(file, autotask, existing)
            print(f"2. The program has ended; the queue is {file.stat().st_size:,} bytes on the disk.")
            await autotask.end_faults()
            await send(file, autotask)
            books = (await autotask.state())["entities"]
            tickets = [t["title"] for t in books["Tickets"] if t["title"].startswith("Server room")]
            notes = [n for n in books["TicketNotes"] if n["title"] == NOTE["title"]]
            print(
                f"In Autotask's books: {len(tickets)} tickets, {len(set(tickets))} titles, {len(notes)} notes"
            )


if __name__ == "__main__":
    asyncio.run(main())

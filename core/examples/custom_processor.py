"""A processor of your own: the queue stores, retries and orders; you do the work.

    python core/examples/custom_processor.py

This one speaks to the simulator of Autotask with a transport of the library. It says what is known of each
failure, so that the queue repeats what is worth repeating and never what may have been done already.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from autotask_queue import (
    Applied,
    Facts,
    FailureClass,
    HttpRequest,
    HttpxTransport,
    ProcessorError,
    ProcessorHealth,
    QuickSetup,
    Reply,
    Request,
    Status,
)
from autotask_queue.simulator import SimulatorProcess, simulator_process

TICKET = {"companyID": 0, "queueID": 5, "priority": 2, "status": 1, "dueDateTime": "2030-03-21T00:00:00Z"}


class OwnProcessor:
    """Takes what is for the zone "direct" and sends it with the simulator's sign-in."""

    def __init__(self, autotask: SimulatorProcess) -> None:
        self._base = f"{autotask.base_url}v1.0"
        self._headers: Mapping[str, str] = {
            "UserName": autotask.user,
            "Secret": autotask.secret,
            "ApiIntegrationCode": autotask.integration_code,
        }
        self._transport = HttpxTransport()

    def can_process(self, request: Request) -> bool:
        """The first processor that says yes gets the request."""
        return request.zone == "direct" and request.endpoint.startswith("/")

    def describe(self, request: Request) -> Facts:
        """Optional: what people read, and which requests must go one after the other."""
        return Facts(
            entity=request.endpoint.split("/")[1],
            lane=f"{request.zone}{request.endpoint}",
            summary=f"{request.method} {request.endpoint}, by hand",
            data=request.data,
        )

    async def process_request(self, request: Request) -> Reply:
        """Sends once; the queue repeats. Whatever is raised but a ProcessorError means: nobody knows."""
        answer = await self._transport.send(
            HttpRequest(
                method=request.method,
                url=f"{self._base}{request.endpoint}",
                headers=self._headers,
                json=request.data,
                timeout=request.timeout or 30.0,
            )
        )
        match answer.status_code:
            case 200:
                return Reply(body=answer.body)
            case 429 | 503:
                raise ProcessorError("It is busy.", kind=FailureClass.THROTTLE, applied=Applied.NO)
            case 404:
                raise ProcessorError("There is no such record.", kind=FailureClass.NOT_FOUND)
            case _:
                raise ProcessorError(answer.text[:200], kind=FailureClass.VALIDATION, applied=Applied.NO)

    async def get_health(self) -> ProcessorHealth:
        """Optional: how the processor says it is."""
        return ProcessorHealth(status="healthy")

    async def close(self) -> None:
        """Optional: called when the queue is shut down."""
        await self._transport.close()


async def main() -> None:
    """Sends a read, a write, and something that nobody has."""
    async with simulator_process() as autotask, QuickSetup.memory() as queue:
        early = await queue.submit("/Companies/0", "GET", "direct")
        print(f"Before there is a processor: {early.status.value}, and kept")
        queue.processors["own"] = OwnProcessor(autotask)
        outcome = await queue.result(early.id)
        name = outcome.reply.body["item"]["companyName"] if outcome.reply else "nothing"
        print(f"With one: {outcome.status.value}, {name}")

        await autotask.add_fault("status_503", count=1)
        data = {**TICKET, "title": "From a processor of my own"}
        written = await queue.submit("/Tickets", "POST", "direct", data=data)
        outcome = await queue.result(written.id)
        tries = [attempt.result.value for attempt in await queue.attempts(written.id)]
        print(f"A write that met a busy server: {outcome.status.value} after {', '.join(tries)}")

        missing = await queue.submit("/Companies/999999", "GET", "direct")
        outcome = await queue.result(missing.id)
        why = outcome.failure.message if outcome.failure else ""
        print(f"A record that nobody has: {outcome.status.value}, {why}")
        counts = queue.counters()
        print(f"{counts.count(Status.COMPLETED)} completed, {counts.count(Status.FAILED)} failed")

        books = (await autotask.state())["entities"]["Tickets"]
        print(f"In Autotask's books: {sum(t['title'] == data['title'] for t in books)} such ticket")


if __name__ == "__main__":
    asyncio.run(main())

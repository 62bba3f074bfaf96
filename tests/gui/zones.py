"""A processor whose zones fail while a test says so."""

from __future__ import annotations

from dataclasses import dataclass, field

from tests.core.clock import FakeClock

from autotask_queue import (
    Applied,
    Effect,
    Facts,
    Failure,
    FailureClass,
    ProcessorError,
    QueueManager,
    Reply,
    Request,
)

REFUSED = Failure(
    kind=FailureClass.SERVER_TRANSIENT,
    code="server_busy",
    title="Autotask is busy",
    message="Autotask answered 503.",
    remedy="It is tried again by itself.",
    applied=Applied.NO,
    http_status=503,
)


@dataclass
class Zones:
    """Answers every request, but those of the zones in `failing`. `sent` counts what was applied."""

    failing: set[str] = field(default_factory=set)
    sent: list[Request] = field(default_factory=list)

    async def process_request(self, request: Request) -> Reply:
        if request.zone in self.failing:
            raise ProcessorError("503", failure=REFUSED)
        self.sent.append(request)
        return Reply(record_id=len(self.sent))

    def can_process(self, request: Request) -> bool:
        return True

    def describe(self, request: Request) -> Facts:
        return Facts(entity=request.endpoint.strip("/"), effect=Effect.WRITE, summary=request.endpoint)


async def submit(queue: QueueManager, zone: str, count: int = 1, *, endpoint: str = "/Tickets") -> None:
    """Queues `count` creations."""
    for _ in range(count):
        await queue.submit(endpoint, "POST", zone, data={"title": "x"})


async def break_zone(queue: QueueManager, clock: FakeClock, zones: Zones, zone: str) -> None:
    """Lets calls of `zone` fail until its breaker opens: a streak, and some seconds without a success."""
    zones.failing.add(zone)
    for _ in range(12):
        if queue.circuit_breaker.get_metrics(zone).state.value == "open":
            return
        await submit(queue, zone)
        await clock.advance(1.0)
    raise AssertionError(f"the breaker of {zone} did not open")

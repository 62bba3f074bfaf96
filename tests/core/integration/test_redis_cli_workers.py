"""`autotask-queue --redis … worker` in processes of their own, against the simulator in another."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.support.redis_server import RedisServer

from autotask_queue import (
    QueueManager,
    Reason,
    SessionSecrets,
    Status,
    ZoneConfig,
    create_redis_configuration,
)

pytestmark = pytest.mark.integration

PATIENCE = 40.0
LEASE = 2.0
FIELDS = {"companyID": 0, "status": 1, "priority": 2, "queueID": 5}


async def until(ready: Callable[[], Awaitable[bool]]) -> None:
    """Waits until something has happened."""
    deadline = time.monotonic() + PATIENCE
    while not await ready():
        assert time.monotonic() < deadline, "it did not happen"
        await asyncio.sleep(0.05)


@asynccontextmanager
async def program(*arguments: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """`autotask-queue` with these arguments; ended in order, unless it ended before."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "autotask_queue", *arguments,
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        yield process
    finally:
        if process.returncode is None:
            process.terminate()
        async with asyncio.timeout(PATIENCE):
            await process.communicate()


class Simulator:
    """The simulator's process, through its control routes."""

    def __init__(self, ready: dict[str, Any], http: httpx.AsyncClient) -> None:
        self.ready = ready
        self._http = http

    async def fault(self, kind: str, route: str, **options: Any) -> int:
        answer = await self._http.post("/_sim/faults", json={"kind": kind, "route": route, **options})
        answer.raise_for_status()
        return int(answer.json()["id"])

    async def is_spent(self, fault: int) -> bool:
        """Whether the fault has hit all that it was to hit."""
        return (await self._http.get(f"/_sim/faults/{fault}")).status_code == 404

    async def titles(self) -> Counter[str]:
        """The tickets that are there, by their titles."""
        state = (await self._http.get("/_sim/state")).json()
        titles = (str(ticket["title"]) for ticket in state["entities"]["Tickets"])
        return Counter(title for title in titles if title.startswith("Shared "))


@pytest.fixture
async def simulator() -> AsyncIterator[Simulator]:
    async with program("simulator", "--latency-scale", "0") as process:
        assert process.stdout is not None
        ready = json.loads(await process.stdout.readline())
        async with httpx.AsyncClient(base_url=ready["control_url"], trust_env=False) as http:
            yield Simulator(ready, http)


@pytest.fixture
def worker_arguments(tmp_path: Path, simulator: Simulator, redis_server: RedisServer) -> list[str]:
    config, secrets = tmp_path / "config.toml", tmp_path / "secrets.toml"
    ready = simulator.ready
    config.write_text(
        f'[zones.zone1]\nurl = "{ready["base_url"]}"\nuser = "{ready["user"]}"\n'
        f"[persistence.options]\nlease = {LEASE}\n",
        encoding="utf-8",
    )
    secrets.touch(mode=0o600)
    parts = {name: ready[name] for name in ("secret", "integration_code")}
    secrets.write_text(json.dumps({"zone1": parts}), encoding="utf-8")
    return ["--config", str(config), "--secrets-file", str(secrets), "--redis", redis_server.url, "worker"]


@pytest.fixture
async def consoles(simulator: Simulator, redis_server: RedisServer) -> AsyncIterator[list[QueueManager]]:
    """Two programs that put in and look, and send nothing."""
    ready = simulator.ready
    config = create_redis_configuration(
        persistence={"connection": {"url": redis_server.url}, "options": {"lease": LEASE}},
        zones={"zone1": ZoneConfig(url=ready["base_url"], user=ready["user"])},
    )
    async with AsyncExitStack() as opened:
        managers = [QueueManager(config, secrets=SessionSecrets()) for _ in range(2)]
        for manager in managers:
            await manager.initialize(send=False)
            opened.push_async_callback(manager.shutdown)
        yield managers


async def test_a_worker_killed_on_the_wire(
    simulator: Simulator, consoles: list[QueueManager], worker_arguments: list[str]
) -> None:
    console, other = consoles

    async def ticket(title: str) -> str:
        data = {**FIELDS, "title": f"Shared {title}"}
        return (await console.submit("/Tickets", "POST", "zone1", data=data)).id

    async with program(*worker_arguments) as doomed:
        # Three on the wire of one worker: a read, a write that never arrives, one that does but unheard.
        hung = await simulator.fault("hang", "GET /Companies/", count=1)
        read = (await console.submit("/Companies/0", "GET", "zone1")).id
        await until(lambda: simulator.is_spent(hung))
        hung = await simulator.fault("hang", "POST /Tickets", count=1)
        lost = await ticket("lost")
        await until(lambda: simulator.is_spent(hung))
        await simulator.fault("latency", "POST /Tickets", count=1, latency=4.0)
        unheard = await ticket("unheard")
        await until(lambda: _holds(simulator, "Shared unheard"))
        assert all(
            [(await console.get_request(id_)).status is Status.PROCESSING for id_ in (read, lost, unheard)]
        )
        async with program(*worker_arguments):
            doomed.kill()
            await doomed.wait()
            others = [await ticket(str(number)) for number in range(4)]
            for request in others:
                assert (await other.result(request, timeout=PATIENCE)).ok, "the others go on"
            assert (await console.result(read, timeout=PATIENCE)).ok, "a read is simply done again"

            async def is_uncertain() -> bool:
                requests = [await console.get_request(id_) for id_ in (lost, unheard)]
                return all(r.status is not Status.PROCESSING for r in requests)

            await until(is_uncertain)
            for request in (lost, unheard):
                kinds = [entry.kind for entry in await console.audit(request_id=request)]
                assert kinds[::-1][:3] == ["enqueued", "claimed", "recovered"]
            found = await other.result(unheard, timeout=PATIENCE)
            assert found.ok, "it was looked up"
            assert found.reply is not None
            assert found.reply.adopted
            stands = await console.get_request(lost)
            assert (stands.status, stands.fence) == (Status.UNCERTAIN, 1)
            assert stands.reason in (Reason.INTERRUPTED, Reason.NOT_FOUND_YET)
    assert await simulator.titles() == {f"Shared {title}": 1 for title in ("unheard", *"0123")}
    assert console.counters() == other.counters()


async def _holds(simulator: Simulator, title: str) -> bool:
    return title in await simulator.titles()

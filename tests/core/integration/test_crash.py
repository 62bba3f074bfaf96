"""kill -9 at any moment: nothing acknowledged is lost, and nothing is sent twice."""

from __future__ import annotations

import asyncio
import random
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from autotask_queue import Credentials, QuickSetup, Status
from autotask_queue.simulator import Simulator

pytestmark = pytest.mark.integration

CHILD = Path(__file__).with_name("outbox_child.py")
BATCH = 12


async def run_and_kill(
    sim: Simulator, path: Path, *, first: int, after: int, rng: random.Random
) -> list[str]:
    """Lets the child acknowledge `after` requests, waits a random moment and kills it."""
    own = sim.credentials
    child = await asyncio.create_subprocess_exec(
        sys.executable, str(CHILD), str(path), sim.base_url, own.user, own.secret, own.integration_code,
        str(first), str(BATCH), stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert child.stdout is not None
    acknowledged: list[str] = []
    async with asyncio.timeout(30):
        while len(acknowledged) < after:
            line = await child.stdout.readline()
            assert line, "the child ended by itself"
            acknowledged.append(line.decode().strip().rsplit(" ", 1)[0])
    await asyncio.sleep(rng.uniform(0.3, 0.9))  # a call lasts 0.2 s, so that most kills hit one
    child.kill()
    acknowledged += [
        line.rsplit(" ", 1)[0] for line in (await child.stdout.read()).decode().splitlines() if " " in line
    ]
    await child.wait()
    return acknowledged


@pytest.mark.parametrize("rounds", [4, pytest.param(40, marks=pytest.mark.slow)])
async def test_killed_again_and_again_it_loses_nothing_and_repeats_nothing(
    sim: Simulator, credentials: dict[str, Credentials], tmp_path: Path, rounds: int
) -> None:
    rng = random.Random(11)
    path = tmp_path / "queue.db"
    sim.add_fault("latency", latency=0.2)
    acknowledged: list[str] = []
    for turn in range(rounds):
        acknowledged += await run_and_kill(
            sim, path, first=turn * BATCH, after=rng.randint(1, BATCH), rng=rng
        )
    async with QuickSetup.sqlite(path, credentials=credentials) as queue:
        deadline = time.monotonic() + 60
        moving = (Status.PENDING, Status.PROCESSING, Status.RETRYING)
        while queue.counters().count(*moving) and time.monotonic() < deadline:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
        stored = {r.data["title"]: r for r in await queue.get_requests()}
    copies = Counter(t["title"] for t in sim.state()["entities"]["Tickets"])
    assert set(acknowledged) <= set(stored), "an acknowledged request is gone"
    for title, request in stored.items():
        assert copies[title] <= 1, f"{title} was sent twice"
        if request.status is Status.COMPLETED:
            assert copies[title] == 1
        else:  # on the wire when it was killed, and not found so far: it waits, it is not sent again
            assert request.status in (Status.UNCERTAIN, Status.HELD)
    done = sum(r.status is Status.COMPLETED for r in stored.values())
    assert done >= len(stored) - 2 * rounds, "only what was on the wire may be in doubt"

"""The simulator in a process of its own."""

from __future__ import annotations

import urllib.error

import pytest

from autotask_queue import Credentials, QuickSetup
from autotask_queue.simulator import SimulatorProcess, process, simulator_process

pytestmark = pytest.mark.integration


def sign_in(autotask: SimulatorProcess) -> Credentials:
    return Credentials(
        url=autotask.base_url,
        user=autotask.user,
        secret=autotask.secret,
        integration_code=autotask.integration_code,
    )


async def test_it_serves_fails_on_demand_and_ends_with_the_block() -> None:
    async with simulator_process(seed=3) as autotask:
        await autotask.add_fault("status_503", route="GET /Companies", count=1)
        zone = {"zone1": sign_in(autotask)}
        async with QuickSetup.memory(credentials=zone, strategies={"retry": {"base_delay": 0.01}}) as queue:
            receipt = await queue.submit("/Companies/0", "GET", "zone1")
            assert (await queue.result(receipt.id, timeout=20)).ok
            assert [a.result for a in await queue.attempts(receipt.id)] == ["failed", "ok"]
        state = await autotask.state()
        assert state["requests"] >= 2
        assert len(state["entities"]["Tickets"]) > 10
        await autotask.add_fault("latency", latency=0.01)
        assert await autotask.end_faults() == 2
        with pytest.raises(urllib.error.HTTPError) as caught:
            await autotask.add_fault("nonsense")
        caught.value.close()
    with pytest.raises(urllib.error.URLError):
        await autotask.state()


async def test_a_start_that_fails_says_why() -> None:
    with pytest.raises(RuntimeError, match="is not between 1 and"):
        async with simulator_process(hourly_limit=0):
            pass


async def test_silence_is_no_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "_READY_WITHIN", 0.01)
    with pytest.raises(RuntimeError, match="said nothing"):
        async with simulator_process():
            pass

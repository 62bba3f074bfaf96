"""The whole library against the simulator, over real HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from autotask_queue import Credentials
from autotask_queue.simulator import Simulator, run_simulator


@pytest.fixture
async def sim() -> AsyncIterator[Simulator]:
    async with run_simulator(seed=7, latency_scale=0.0) as running:
        yield running


@pytest.fixture
def credentials(sim: Simulator) -> dict[str, Credentials]:
    own = sim.credentials
    return {
        "zone1": Credentials(
            user=own.user, secret=own.secret, integration_code=own.integration_code, url=sim.base_url
        )
    }

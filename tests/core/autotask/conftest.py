"""A simulator, its sign-in, and a processor that talks to it over real HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from tests.core.autotask.making import MemorySecrets, zone_for

from autotask_queue.autotask import AutotaskProcessor
from autotask_queue.model.config import ZoneConfig
from autotask_queue.simulator import Simulator, run_simulator
from autotask_queue.transport import HttpxTransport


@pytest_asyncio.fixture
async def sim() -> AsyncIterator[Simulator]:
    async with run_simulator(seed=1, latency_scale=0.0) as simulator:
        yield simulator


@pytest.fixture
def secrets(sim: Simulator) -> MemorySecrets:
    return MemorySecrets(
        {"zone1/secret": sim.credentials.secret, "zone1/integration_code": sim.credentials.integration_code}
    )


@pytest.fixture
def zone(sim: Simulator) -> ZoneConfig:
    return zone_for(sim.base_url, sim.credentials.user)


@pytest_asyncio.fixture
async def transport() -> AsyncIterator[HttpxTransport]:
    transport = HttpxTransport()
    yield transport
    await transport.close()


@pytest_asyncio.fixture
async def processor(zone: ZoneConfig, secrets: MemorySecrets) -> AsyncIterator[AutotaskProcessor]:
    processor = AutotaskProcessor({"zone1": zone}, secrets)
    yield processor
    await processor.close()

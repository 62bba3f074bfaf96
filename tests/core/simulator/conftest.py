"""A simulator and a caller for each test, over real HTTP."""

from collections.abc import AsyncIterator

import httpx
import pytest_asyncio
from tests.core.simulator.client import Api

from autotask_queue.simulator import Simulator, run_simulator


@pytest_asyncio.fixture
async def sim() -> AsyncIterator[Simulator]:
    async with run_simulator(seed=1) as simulator:
        yield simulator


@pytest_asyncio.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(trust_env=False, verify=False, timeout=20) as client:  # noqa: S501 - no TLS here
        yield client


@pytest_asyncio.fixture
async def api(http: httpx.AsyncClient, sim: Simulator) -> Api:
    return Api(http, sim)

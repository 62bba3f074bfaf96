"""Three calls at once for each endpoint, and so many an hour."""

import asyncio
import time

import httpx
import pytest
from tests.core.simulator.client import TICKET, Api, until

from autotask_queue.simulator import run_simulator
from autotask_queue.simulator.errors import Refusal
from autotask_queue.simulator.limits import HourlyLimit

pytestmark = pytest.mark.integration

THREADS = "The Autotask API thread threshold of 3 threads has been exceeded."


async def together(api: Api, *paths: str, other: int = 0) -> list[int]:
    """Statuses of calls that are under way at once, sorted; the last `other` are another integration's."""
    held = api.sim.add_fault("latency", latency=60)
    started = api.sim.state()["requests"] + len(paths)
    theirs = {"ApiIntegrationCode": "another"}
    async with asyncio.TaskGroup() as group:
        running = [
            group.create_task(api.call("GET", path, headers=theirs if at >= len(paths) - other else {}))
            for at, path in enumerate(paths)
        ]
        await until(lambda: bool(api.sim.state()["requests"] == started))
        await api.sim.end_fault(held)
        api.sim._gate.stop()  # lets the delayed calls go on
    return sorted(call.result().status_code for call in running)


async def test_a_fourth_call_at_once_is_refused(api: Api) -> None:
    paths = ("/Tickets/7850", "/Tickets/7850", "/Tickets/entityInformation/fields", "/tickets/7851")
    assert await together(api, *paths) == [200, 200, 200, 429]
    assert (await api.call("GET", "/Tickets/7850")).status_code == 200


async def test_a_slot_is_free_again_after_each_answer(api: Api) -> None:
    for path in ("/Tickets/7850", "/Tickets/1", "/Tickets/7850/Nothing"):
        for _ in range(5):
            assert (await api.call("GET", path)).status_code != 429


async def test_the_text(api: Api) -> None:
    api.sim.add_fault("latency", latency=60, count=3)
    async with asyncio.TaskGroup() as group:
        held = [group.create_task(api.call("GET", "/tickets/7850")) for _ in range(3)]
        await until(lambda: bool(api.sim.state()["requests"] == 3))
        refused = await api.call("GET", "/tickets/7850")
        api.sim._gate.stop()
    assert [call.result().status_code for call in held] == [200] * 3
    assert refused.status_code == 429
    assert refused.json()["errors"][0].startswith(THREADS)
    assert "Itgenatr005" in refused.text
    assert "retry-after" not in refused.headers


async def test_endpoints_and_integrations_do_not_share(http: httpx.AsyncClient) -> None:
    async with run_simulator(any_credentials=True) as sim:
        paths = ["/Contacts/30682901"] * 3 + ["/Tickets/7850"] * 6
        assert await together(Api(http, sim), *paths, other=3) == [200] * 9


async def test_zone_information_is_exempt(api: Api) -> None:
    assert await together(api, *[f"/zoneInformation?user={api.sim.credentials.user}"] * 5) == [200] * 5


async def test_threshold_information_is_not_exempt(api: Api) -> None:
    assert await together(api, *["/ThresholdInformation"] * 4) == [200, 200, 200, 429]


async def test_threshold_information(api: Api) -> None:
    for _ in range(3):
        await api.done("GET", "/Tickets/7850")
    await api.call("GET", f"/zoneInformation?user={api.sim.credentials.user}")
    await api.call("GET", "/Version", headers={"Secret": "wrong"})
    assert await api.done("GET", "/ThresholdInformation") == {
        "externalRequestThreshold": 10_000,
        "requestThresholdTimeframe": 60,
        "currentTimeframeRequestCount": 4,
    }


async def test_at_the_limit_everything_is_refused(http: httpx.AsyncClient) -> None:
    async with run_simulator(hourly_limit=4, latency_scale=0) as sim:
        api = Api(http, sim)
        for _ in range(4):
            await api.done("GET", "/Version")
        answer = await api.call("POST", "/Tickets", TICKET)
        assert answer.status_code == 429
        assert "threshold" in answer.json()["errors"][0]
        assert sim.state()["writes"][-1]["applied"] is False


async def test_calls_get_slower_near_the_limit(http: httpx.AsyncClient) -> None:
    async with run_simulator(hourly_limit=8, latency_scale=0.4) as sim:
        api = Api(http, sim)
        took = []
        for _ in range(8):
            start = time.perf_counter()
            await api.done("GET", "/Version")
            took.append(time.perf_counter() - start)
    assert min(took[4:6]) >= 0.2
    assert min(took[6:]) >= 0.4
    assert min(took[:4]) < 0.2


def test_the_window_rolls() -> None:
    now = [0.0]
    limit = HourlyLimit(2, clock=lambda: now[0])
    assert limit.take() == 0.0
    now[0] = 1800
    assert limit.take() == 0.5
    with pytest.raises(Refusal):
        limit.take()
    assert limit.used() == 2
    now[0] = 3600
    assert limit.used() == 1
    limit.take()
    now[0] = 5399.9
    assert limit.used() == 2
    now[0] = 5400
    assert limit.used() == 1

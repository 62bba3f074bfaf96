"""Discovery needs no credentials; everything else needs three headers."""

import httpx
import pytest
from tests.core.simulator.client import TICKET, Api

from autotask_queue.simulator import Credentials, Simulator, run_simulator

pytestmark = pytest.mark.integration


async def test_zone_information_needs_no_credentials(http: httpx.AsyncClient, sim: Simulator) -> None:
    answer = await http.get(
        f"{sim.base_url}v1.0/zoneInformation", params={"user": sim.credentials.user.upper()}
    )
    assert answer.status_code == 200
    assert answer.json() == {
        "zoneName": "Simulator",
        "url": f"{sim.url}/atservicesrest/",
        "webUrl": f"{sim.url}/",
        "ci": 20264,
    }
    assert sim.url.startswith("http://127.0.0.1:")


@pytest.mark.parametrize("query", ["?user=nobody@example.com", "?user=", ""])
async def test_zone_information_of_an_unknown_user(
    http: httpx.AsyncClient, sim: Simulator, query: str
) -> None:
    answer = await http.get(f"{sim.base_url}v1.0/zoneInformation{query}")
    assert answer.status_code == 500
    assert answer.json() == {"errors": ["Zone information could not be determined"]}


async def test_version_information_lists_the_trap(http: httpx.AsyncClient, sim: Simulator) -> None:
    answer = await http.get(f"{sim.base_url}VersionInformation")
    assert answer.json() == {"apiVersions": ["V1.0", "V2.0"]}
    trap = await http.get(f"{sim.base_url}V2.0/zoneInformation", params={"user": sim.credentials.user})
    assert trap.status_code in (401, 404)


async def test_version_two_does_not_exist(api: Api) -> None:
    answer = await api.call("GET", f"{api.sim.base_url}V2.0/zoneInformation?user=x")
    assert answer.status_code == 404


@pytest.mark.parametrize("name", ["UserName", "Secret", "ApiIntegrationCode"])
@pytest.mark.parametrize("value", [None, "", "wrong", "wröng"])
async def test_each_header_is_needed(api: Api, name: str, value: str | None) -> None:
    headers = [(key.encode(), text.encode()) for key, text in api.headers.items() if key != name]
    if value is not None:
        headers.append((name.encode(), value.encode()))
    answer = await api.http.get(f"{api.sim.base_url}v1.0/Version", headers=headers)
    assert (answer.status_code, answer.content) == (401, b"")


async def test_header_names_in_any_case(api: Api) -> None:
    headers = {name.swapcase(): value for name, value in api.headers.items()}
    answer = await api.http.get(f"{api.sim.base_url}v1.0/Version", headers=headers)
    assert answer.status_code == 200
    assert set(answer.json()) == {"majorVersion", "minorVersion", "build", "customerType"}


async def test_a_refused_write_does_nothing(api: Api) -> None:
    before = len(api.rows("Tickets"))
    answer = await api.call("POST", "/Tickets", TICKET, {"Secret": "no"})
    assert answer.status_code == 401
    assert len(api.rows("Tickets")) == before


async def test_failures_in_a_row_are_counted(api: Api) -> None:
    failures = api.sim._tenant.access.failures
    for _ in range(3):
        await api.call("GET", "/Version", headers={"Secret": "no"})
    assert failures[api.sim.credentials.user] == 3
    await api.call("GET", "/Version")
    assert failures[api.sim.credentials.user] == 0


async def test_any_credentials(http: httpx.AsyncClient) -> None:
    async with run_simulator(any_credentials=True) as sim:
        complete = {"UserName": "a", "Secret": "b", "ApiIntegrationCode": "c"}
        assert (await http.get(f"{sim.base_url}v1.0/Version", headers=complete)).status_code == 200
        lacking = {"UserName": "a", "Secret": "b"}
        assert (await http.get(f"{sim.base_url}v1.0/Version", headers=lacking)).status_code == 401
        zone = await http.get(f"{sim.base_url}v1.0/zoneInformation?user=whoever")
        assert zone.json()["url"] == sim.base_url


async def test_credentials_of_ones_own(http: httpx.AsyncClient) -> None:
    own = Credentials(user="me@example.com", secret="it's # $ ~ *", integration_code="CODE")
    async with run_simulator(credentials=own) as sim:
        await Api(http, sim).done("GET", "/Version")


async def test_impersonation_where_it_is_honoured(api: Api) -> None:
    resource, _ = api.pair()
    me = {"ImpersonationResourceId": str(resource)}
    ticket = await api.create("/Tickets", TICKET, me)
    item = await api.item(f"/Tickets/{ticket}")
    assert item["creatorResourceID"] == resource
    assert item["impersonatorCreatorResourceID"] == 29_682_800
    plain = await api.item(f"/Tickets/{await api.create('/Tickets', TICKET)}")
    assert (plain["creatorResourceID"], plain["impersonatorCreatorResourceID"]) == (29_682_800, None)

    checked = await api.create(
        f"/Tickets/{ticket}/ChecklistItems", {"itemName": "x", "isCompleted": True}, me
    )
    item = await api.item(f"/TicketChecklistItems/{checked}")
    assert item["completedByResourceID"] == 29_682_800


@pytest.mark.parametrize("id_", ["1", "x", "29682800", "9" * 30])
async def test_impersonating_nobody(api: Api, id_: str) -> None:
    text = await api.refused("POST", "/Tickets", TICKET, {"ImpersonationResourceId": id_})
    assert "ImpersonationResourceId" in text

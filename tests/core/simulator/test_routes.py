"""Addresses: any case, the right methods, the web framework's own words for wrong ones."""

import socket

import httpx
import pytest
from tests.core.simulator.client import TICKET, Api

from autotask_queue.catalogue import load_catalogue
from autotask_queue.simulator import run_simulator

pytestmark = pytest.mark.integration


@pytest.mark.parametrize(
    "path",
    [
        "/atservicesrest/v1.0/Tickets/7850",
        "/ATServicesRest/V1.0/Tickets/7850",
        "/ATSERVICESREST/V1.0/TICKETS/7850",
        "/atservicesrest/v1.0/tickets/7850/",
    ],
)
async def test_paths_in_any_case(api: Api, path: str) -> None:
    answer = await api.call("GET", f"{api.sim.url}{path}")
    assert answer.json()["item"]["id"] == 7850


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/TicketNotes"),
        ("PATCH", "/TicketNotes"),
        ("POST", "/Contacts"),
        ("PATCH", "/Contacts"),
        ("POST", "/Tickets/7850/TimeEntries"),
        ("POST", "/TicketChecklistItems"),
        ("GET", "/Internal/thresholdInformation"),
        ("GET", "/Nothing/1"),
        ("GET", "/Tickets/abc"),
        ("GET", "/Tickets/-1"),
        ("GET", "/"),
        ("POST", "/BillingCodes"),
    ],
)
async def test_addresses_that_do_not_exist(api: Api, method: str, path: str) -> None:
    answer = await api.call(method, path, {} if method != "GET" else None)
    url = f"{api.sim.base_url}v1.0{path}"
    assert answer.status_code == 404
    assert answer.json() == {"Message": f"No HTTP resource was found that matches the request URI '{url}'."}


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("PATCH", "/Tickets/7850"),
        ("PUT", "/Tickets/7850"),
        ("DELETE", "/Tickets/7850"),
        ("DELETE", "/Companies/175"),
        ("DELETE", "/ConfigurationItems/1"),
        ("DELETE", "/TicketAttachments/1"),
        ("DELETE", "/TicketNotes/1"),
        ("PUT", "/Contacts/1"),
        ("GET", "/Tickets"),
        ("GET", "/Tickets/query/next"),
        ("DELETE", "/Tickets/7850/Notes/1"),
        ("PATCH", "/Tickets/7850/Attachments"),
        ("POST", "/Resources"),
        ("POST", "/Tickets/entityInformation"),
        ("POST", "/zoneInformation"),
    ],
)
async def test_addresses_for_other_methods(api: Api, method: str, path: str) -> None:
    answer = await api.call(method, path, {} if method in ("POST", "PATCH", "PUT") else None)
    assert answer.status_code == 405
    assert answer.json() == {"Message": f"The requested resource does not support http method '{method}'."}


@pytest.mark.parametrize("entity", load_catalogue().entities, ids=lambda entity: entity.name)
async def test_every_entity_can_be_read(api: Api, entity: object) -> None:
    name = getattr(entity, "name", "")
    first = (await api.query(name, {"op": "exist", "field": "id"}, MaxRecords=1))[:1]
    for item in first:
        answer = await api.call("GET", f"/{name}/{item['id']}")
        assert answer.status_code == 200


@pytest.mark.parametrize(
    "path", ["/Tickets/1", "/TicketNotes/1", "/Tickets/7850/Notes/1", "/Companies/999999999999999999999"]
)
async def test_a_record_that_does_not_exist(api: Api, path: str) -> None:
    answer = await api.call("GET", path)
    assert (answer.status_code, answer.content) == (404, b"")


async def test_a_missing_record_may_be_null(http: httpx.AsyncClient) -> None:
    async with run_simulator(missing_as_null=True) as sim:
        assert await Api(http, sim).done("GET", "/Tickets/1") == {"item": None}


async def test_the_company_of_the_tenant_has_id_zero(api: Api) -> None:
    assert (await api.item("/Companies/0"))["id"] == 0
    assert await api.create("/Tickets", TICKET | {"companyID": 0})


async def test_children_are_listed_below_their_parent(api: Api) -> None:
    note = api.rows("TicketNotes")[0]
    listed = await api.done("GET", f"/Tickets/{note['ticketID']}/Notes")
    assert note in listed["items"]
    assert {item["ticketID"] for item in listed["items"]} == {note["ticketID"]}
    assert listed["pageDetails"]["nextPageUrl"] is None
    assert (await api.item(f"/Tickets/{note['ticketID']}/Notes/{note['id']}")) == note
    elsewhere = await api.call("GET", f"/Tickets/{note['ticketID'] + 1}/Notes/{note['id']}")
    assert elsewhere.status_code == 404


async def test_times_are_utc_with_milliseconds(api: Api) -> None:
    ticket = await api.item(f"/Tickets/{await api.create('/Tickets', TICKET)}")
    for name in ("createDate", "lastActivityDate", "dueDateTime"):
        assert ticket[name][-5:].endswith("Z")
        assert len(ticket[name]) == len("2026-06-03T08:00:00.000Z")


async def test_no_answer_waits_for_nagle(api: Api) -> None:
    """With Nagle's algorithm every answer would come 40 ms late, as it is sent in two pieces."""
    await api.done("GET", "/Version")
    (connection,) = api.sim._listener._state.connections
    carrier = connection.transport.get_extra_info("socket")
    assert carrier.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)

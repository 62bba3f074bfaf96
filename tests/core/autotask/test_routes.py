"""Which routes exist, what they do, and what is said of those that do not."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autotask_queue.autotask.bodies import body_of
from autotask_queue.autotask.routes import Action, parse_route
from autotask_queue.model.errors import InvalidRequest


@pytest.mark.parametrize(
    ("asked", "action", "wire", "kinds"),
    [
        ("POST /Tickets", Action.CREATE, "POST /Tickets", "Tickets"),
        ("post tickets/", Action.CREATE, "POST /Tickets", "Tickets"),
        ("POST /V1.0/TICKETS", Action.CREATE, "POST /Tickets", "Tickets"),
        ("POST /atservicesrest/v1.0/Tickets", Action.CREATE, "POST /Tickets", "Tickets"),
        ("PATCH /Tickets", Action.UPDATE, "PATCH /Tickets", "Tickets"),
        ("PUT /Tickets", Action.REPLACE, "PUT /Tickets", "Tickets"),
        ("GET /Tickets/48120", Action.GET, "GET /Tickets/48120", "Tickets"),
        ("GET /Companies/0", Action.GET, "GET /Companies/0", "Companies"),
        ("POST /Tickets/48120/Notes", Action.CREATE, "POST /Tickets/48120/Notes", "Tickets, TicketNotes"),
        ("POST /tickets/48120/notes", Action.CREATE, "POST /Tickets/48120/Notes", "Tickets, TicketNotes"),
        ("PATCH /Tickets/48120/Notes", Action.UPDATE, "PATCH /Tickets/48120/Notes", "Tickets, TicketNotes"),
        ("GET /Tickets/48120/Notes", Action.CHILDREN, "GET /Tickets/48120/Notes", "Tickets, TicketNotes"),
        ("GET /Tickets/48120/Notes/7", Action.GET, "GET /Tickets/48120/Notes/7", "Tickets, TicketNotes"),
        (
            "POST /Tickets/local:0190a1b2-c3d4/Notes",
            Action.CREATE,
            "POST /Tickets/local:0190a1b2-c3d4/Notes",
            "Tickets, TicketNotes",
        ),
        (
            "POST /Tickets/5/ChecklistItems",
            Action.CREATE,
            "POST /Tickets/5/ChecklistItems",
            "Tickets, TicketChecklistItems",
        ),
        (
            "DELETE /Tickets/5/ChecklistItems/9",
            Action.DELETE,
            "DELETE /Tickets/5/ChecklistItems/9",
            "Tickets, TicketChecklistItems",
        ),
        (
            "POST /Tickets/5/ChecklistLibraries",
            Action.CREATE,
            "POST /Tickets/5/ChecklistLibraries",
            "Tickets, ChecklistLibraries",
        ),
        (
            "POST /Tickets/5/SecondaryResources",
            Action.CREATE,
            "POST /Tickets/5/SecondaryResources",
            "Tickets, SecondaryResources",
        ),
        ("POST /TimeEntries", Action.CREATE, "POST /TimeEntries", "TimeEntries"),
        ("DELETE /TimeEntries/7", Action.DELETE, "DELETE /TimeEntries/7", "TimeEntries"),
        ("POST /Companies/5/Contacts", Action.CREATE, "POST /Companies/5/Contacts", "Companies, Contacts"),
        ("POST /Projects/5/Tasks", Action.CREATE, "POST /Projects/5/Tasks", "Projects, Tasks"),
        (
            "POST /ServiceCalls/5/Tickets",
            Action.CREATE,
            "POST /ServiceCalls/5/Tickets",
            "ServiceCalls, Tickets",
        ),
        ("POST /Tickets/query", Action.QUERY, "POST /Tickets/query", "Tickets"),
        ("GET /Tickets/query", Action.QUERY, "POST /Tickets/query", "Tickets"),
        ("GET /Companies", Action.QUERY, "POST /Companies/query", "Companies"),
        ("POST /TicketNotes/query", Action.QUERY, "POST /TicketNotes/query", "TicketNotes"),
        ("GET /TicketNotes/7", Action.GET, "GET /TicketNotes/7", "TicketNotes"),
        ("POST /Tickets/query/count", Action.COUNT, "POST /Tickets/query/count", "Tickets"),
        ("POST /Tickets/query/next?paging=abc", Action.NEXT, "POST /Tickets/query/next", "Tickets"),
        (
            "GET /tickets/entityinformation/FIELDS",
            Action.FIELDS,
            "GET /Tickets/entityInformation/fields",
            "Tickets",
        ),
        ("GET /Tickets/entityInformation", Action.FIELDS, "GET /Tickets/entityInformation", "Tickets"),
        ("GET /version", Action.SERVICE, "GET /Version", "Version"),
        ("GET /ThresholdInformation", Action.SERVICE, "GET /ThresholdInformation", "ThresholdInformation"),
        ("POST /Opportunities", Action.CREATE, "POST /Opportunities", "Opportunities"),
        (
            "POST /InventoryItems/5/Notes",
            Action.CREATE,
            "POST /InventoryItems/5/Notes",
            "InventoryItems, Notes",
        ),
    ],
)
def test_routes_that_exist(asked: str, action: Action, wire: str, kinds: str) -> None:
    method, _, endpoint = asked.partition(" ")
    route = parse_route(endpoint, method)
    segment, _, name = kinds.partition(", ")
    assert f"{route.method} {route.path}" == wire
    assert (route.action, route.segment, route.name) == (action, segment, name or segment)


@pytest.mark.parametrize(
    ("method", "endpoint", "right"),
    [
        ("POST", "/TicketNotes", "POST /Tickets/{ticketID}/Notes"),
        ("PATCH", "/TicketNotes", "PATCH /Tickets/{ticketID}/Notes"),
        ("POST", "/TicketChecklistItems", "POST /Tickets/{ticketID}/ChecklistItems"),
        ("POST", "/TicketAttachments", "POST /Tickets/{parentID}/Attachments"),
        ("POST", "/Contacts", "POST /Companies/{companyID}/Contacts"),
        ("PATCH", "/Contacts", "PATCH /Companies/{companyID}/Contacts"),
        ("PUT", "/Contacts/5", "PUT /Companies/{companyID}/Contacts"),
        ("POST", "/Tasks", "POST /Projects/{projectID}/Tasks"),
        ("PATCH", "/Tickets/5", 'PATCH /Tickets with "id": 5'),
        ("PUT", "/Tickets/5", 'PUT /Tickets with "id": 5'),
        ("POST", "/Tickets/5", 'PATCH /Tickets with "id": 5'),
        ("PATCH", "/Tickets/5/Notes/7", 'PATCH /Tickets/5/Notes with "id": 7'),
        ("DELETE", "/Tickets", "DELETE /Tickets/{id}"),
        ("DELETE", "/Tickets/5/ChecklistItems", "DELETE /Tickets/5/ChecklistItems/{id}"),
        ("DELETE", "/TicketChecklistItems/7", "DELETE /Tickets/{ticketID}/ChecklistItems/7"),
        ("POST", "/Tickets/5/TimeEntries", 'POST /TimeEntries with "ticketID": 5'),
        ("POST", "/Tasks/5/TimeEntries", 'POST /TimeEntries with "taskID": 5'),
        ("POST", "/Tickets/5/TicketNotes", "POST /Tickets/5/Notes"),
        ("PATCH", "/Tickets/query", "POST /Tickets/query"),
        ("POST", "/Version", "GET /Version"),
        ("POST", "/Tickets/entityInformation", "GET /Tickets/entityInformation"),
        ("GET", "/Tickets/entityInformation/picklists", "GET /Tickets/entityInformation/fields"),
        ("HEAD", "/Tickets/5", "GET, POST, PATCH, PUT, DELETE"),
        ("GET", "https://webservices3.autotask.net/atservicesrest/V1.0/Tickets/5", "/Tickets"),
        ("GET", "/Tickets/T20260604.0002", "query"),
        ("GET", "/Tickets/-5", "whole numbers"),
        ("GET", "/Tickets/5/Notes/x", "whole numbers"),
        ("GET", "/Tickets/5/Notes/7/Attachments", "/Tickets/48120/Notes"),
        ("GET", "/", "/Tickets"),
        ("GET", "", "/Tickets"),
        ("GET", "/../../etc/passwd", "/Tickets"),
        ("GET", "/Tickets/%2e%2e/Companies", "whole numbers"),
        ("GET", "/Tick\nets", "/Tickets"),
        ("GET", "/Tickets/" + "5" * 3_000, "/Tickets"),
    ],
)
def test_routes_that_do_not_exist_name_the_right_one(method: str, endpoint: str, right: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        parse_route(endpoint, method)
    assert right in caught.value.remedy
    assert caught.value.remedy.endswith("Nothing was stored.")


@pytest.mark.parametrize(
    ("method", "endpoint", "word"),
    [
        ("DELETE", "/Tickets/5", "deleted"),
        ("DELETE", "/Companies/5", "deleted"),
        ("DELETE", "/Tickets/5/Notes/7", "deleted"),
        ("POST", "/Resources", "created"),
        ("POST", "/BillingCodes", "created"),
        ("PATCH", "/Tickets/5/Attachments", "changed"),
    ],
)
def test_what_the_interface_does_not_allow(method: str, endpoint: str, word: str) -> None:
    with pytest.raises(InvalidRequest, match=f"does not let .* be {word}"):
        parse_route(endpoint, method)


@given(endpoint=st.text(max_size=60), method=st.sampled_from(["GET", "POST", "PATCH", "PUT", "DELETE", "x"]))
def test_any_text_is_a_route_or_refused(endpoint: str, method: str) -> None:
    try:
        route = parse_route(endpoint, method)
    except InvalidRequest:
        return
    assert re.fullmatch(r"(/[A-Za-z0-9]+|/local:[A-Za-z0-9-]+)+", route.path)


# ---------------------------------------------------------------------------------------------
# Bodies


def body(endpoint: str, method: str, data: Any = None) -> Any:
    return body_of(parse_route(endpoint, method), data)


EVERYTHING = {"filter": [{"op": "exist", "field": "id"}]}


def test_a_list_without_a_filter_asks_for_everything() -> None:
    assert body("/Companies", "GET") == EVERYTHING
    assert body("/Companies/query", "GET") == EVERYTHING
    assert body("/Companies/query/count", "POST") == EVERYTHING


def test_a_search_in_the_address_becomes_a_body() -> None:
    search = '{"filter":[{"op":"eq","field":"id","value":5}]}'
    assert body(f"/Tickets/query?search={search}", "GET") == {
        "filter": [{"op": "eq", "field": "id", "value": 5}]
    }


@pytest.mark.parametrize(
    ("endpoint", "data", "word"),
    [
        ("/Tickets/query", {}, "filter"),
        ("/Tickets/query", {"filter": {"op": "eq"}}, "filter"),
        ("/Tickets/query", [], "filter"),
        ("/Tickets/query", {"Filter": [], "maxRecords": 1_000}, "1 to 500"),
        ("/Tickets/query", {"Filter": [], "MaxRecords": 0}, "1 to 500"),
        ("/Tickets/query/next?paging=x", None, "filter"),
        ("/Tickets/query?search={", None, "JSON"),
        ("/Tickets", None, "no ticket to send"),
        ("/Tickets", {}, "no ticket to send"),
        ("/Tickets", [{"title": "x"}], "no ticket to send"),
        ("/Tickets", "text", "no ticket to send"),
        ("/Tickets", {1: 2}, "no ticket to send"),
    ],
)
def test_bodies_that_cannot_be(endpoint: str, data: Any, word: str) -> None:
    with pytest.raises(InvalidRequest, match=word):
        body(endpoint, "POST", data)


def test_a_change_names_its_record() -> None:
    assert body("/Tickets", "PATCH", {"ID": "5", "status": 1}) == {"ID": "5", "status": 1}
    for wrong in ({"status": 1}, {"id": None}, {"id": "x"}, {"id": True}, {"id": -1}, {"id": 1.5}):
        with pytest.raises(InvalidRequest, match="which ticket"):
            body("/Tickets", "PATCH", wrong)


def test_a_child_gets_its_parent() -> None:
    assert body("/Tickets/5/Notes", "POST", {"title": "x"}) == {"title": "x", "ticketID": 5}
    assert body("/Tickets/5/Notes", "POST", {"TICKETID": "5"}) == {"TICKETID": "5"}
    assert body("/Tickets/local:abc/Notes", "POST", {"title": "x"})["ticketID"] == "local:abc"
    assert body("/Tickets/5/Notes", "PATCH", {"id": 7}) == {"id": 7}
    with pytest.raises(InvalidRequest, match="speaks of 5, and ticketID in the data of 6"):
        body("/Tickets/5/Notes", "POST", {"ticketID": 6})


def test_reads_and_deletions_have_no_body() -> None:
    assert body("/Tickets/5", "GET", {"a": 1}) is None
    assert body("/TimeEntries/5", "DELETE", {"a": 1}) is None

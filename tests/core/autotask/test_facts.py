"""Lanes, markers, words and defaults of a request before it is stored."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.core.autotask.making import ID, TICKET, make

from autotask_queue.autotask.facts import describe
from autotask_queue.autotask.markers import MAX_MARKER, is_own, marker_for
from autotask_queue.autotask.summaries import MAX_SEARCH_TEXT, MAX_SUMMARY
from autotask_queue.model.config import ZoneConfig
from autotask_queue.model.errors import InvalidRequest
from autotask_queue.model.request import RequestId
from autotask_queue.model.status import Effect

NOTE = {"title": "Called", "description": "They can wait.", "noteType": 1, "publish": 1}
TIME = {
    "ticketID": 48120,
    "resourceID": 29682886,
    "roleID": 29683392,
    "startDateTime": "2026-06-03T08:00:00Z",
    "endDateTime": "2026-06-03T08:30:00Z",
    "summaryNotes": "Replaced PSU",
}
OWN = f"local:{ID}"


@pytest.mark.parametrize(
    ("method", "endpoint", "data", "lane"),
    [
        ("POST", "/Tickets", TICKET, OWN),
        ("PATCH", "/Tickets", {"id": 48120, "status": 5}, "zone1/Tickets/48120"),
        ("PATCH", "/tickets", {"ID": "48120", "status": 5}, "zone1/Tickets/48120"),
        ("PATCH", "/Tickets", {"id": "local:abc", "status": 5}, "local:abc"),
        ("POST", "/Tickets/48120/Notes", NOTE, "zone1/Tickets/48120"),
        ("PATCH", "/Tickets/48120/Notes", {"id": 7, "title": "x"}, "zone1/Tickets/48120"),
        ("POST", "/Tickets/local:abc/Notes", NOTE, "local:abc"),
        ("POST", "/Tickets/48120/ChecklistItems", {"itemName": "x"}, "zone1/Tickets/48120"),
        ("DELETE", "/Tickets/48120/ChecklistItems/9", None, "zone1/Tickets/48120"),
        ("POST", "/Tickets/48120/SecondaryResources", {"resourceID": 1}, "zone1/Tickets/48120"),
        ("POST", "/TimeEntries", TIME, "zone1/Tickets/48120"),
        ("POST", "/TimeEntries", TIME | {"ticketID": "local:abc"}, "local:abc"),
        ("PATCH", "/TimeEntries", {"id": 77, "summaryNotes": "x"}, "zone1/TimeEntries/77"),
        ("PATCH", "/TimeEntries", {"id": 77, "ticketID": 48120}, "zone1/Tickets/48120"),
        ("DELETE", "/TimeEntries/77", None, "zone1/TimeEntries/77"),
        ("POST", "/Companies/5/Contacts", {"firstName": "A", "lastName": "B", "isActive": 1}, OWN),
        ("PATCH", "/Companies/5/Contacts", {"id": 9, "phone": "1"}, "zone1/Contacts/9"),
        ("PATCH", "/Projects/5/Tasks", {"id": 9, "title": "x"}, "zone1/Tasks/9"),
        ("POST", "/Opportunities", {"title": "x"}, OWN),
        ("GET", "/Tickets/48120", None, None),
        ("POST", "/Tickets/query", {"filter": []}, None),
    ],
)
def test_lanes(method: str, endpoint: str, data: Any, lane: str | None) -> None:
    facts = describe(make(endpoint, method, data))
    assert facts.lane == lane
    assert facts.effect is (Effect.READ if lane is None else Effect.WRITE)


def test_a_time_entry_on_a_task_joins_the_task() -> None:
    entry = {key: value for key, value in TIME.items() if key != "ticketID"} | {"taskID": 5}
    assert describe(make("/TimeEntries", "POST", entry)).lane == "zone1/Tasks/5"


@pytest.mark.parametrize(
    ("endpoint", "entity"),
    [("/Tickets/5/Notes", "Tickets"), ("/tickets/QUERY", "Tickets"), ("/TicketNotes/query", "TicketNotes")],
)
def test_the_endpoint_is_what_autotask_counts_calls_by(endpoint: str, entity: str) -> None:
    data = NOTE if endpoint.endswith("Notes") else {"filter": []}
    assert describe(make(endpoint, "POST", data)).entity == entity


# ---------------------------------------------------------------------------------------------
# Words


@pytest.mark.parametrize(
    ("method", "endpoint", "data", "summary"),
    [
        ("POST", "/Tickets", TICKET, "Create ticket: Printer down"),
        (
            "PATCH",
            "/Tickets",
            {"id": 48120, "status": 5, "priority": 1},
            "Update ticket 48120: status, priority",
        ),
        ("PUT", "/Tickets", {"id": 48120, "status": 5}, "Replace ticket 48120"),
        ("POST", "/Tickets/48120/Notes", NOTE, "Add note to ticket 48120: Called"),
        (
            "POST",
            "/Tickets/48120/Notes",
            {**NOTE, "title": "", "description": "\n\n One.\nTwo."},
            "Add note to ticket 48120: One.",
        ),
        ("POST", "/Tickets/local:abc/Notes", NOTE, "Add note to ticket not sent yet: Called"),
        ("PATCH", "/Tickets/48120/Notes", {"id": 7, "title": "x"}, "Update note 7 of ticket 48120: title"),
        (
            "POST",
            "/Tickets/48120/ChecklistItems",
            {"itemName": "Reboot"},
            "Add checklist item to ticket 48120: Reboot",
        ),
        ("DELETE", "/Tickets/48120/ChecklistItems/9", None, "Delete checklist item 9 of ticket 48120"),
        ("POST", "/TimeEntries", TIME, "Log 0.5 h on ticket 48120"),
        ("POST", "/TimeEntries", TIME | {"hoursWorked": 2}, "Log 2 h on ticket 48120"),
        ("POST", "/TimeEntries", TIME | {"endDateTime": "2026-06-03T08:20:00"}, "Log 0.33 h on ticket 48120"),
        ("DELETE", "/TimeEntries/77", None, "Delete time entry 77"),
        (
            "POST",
            "/Companies/5/Contacts",
            {"firstName": "Ann", "lastName": "Lee", "isActive": 1},
            "Create contact: Ann Lee",
        ),
        ("GET", "/Companies", None, "Look up companies"),
        ("POST", "/TimeEntries/query", {"filter": []}, "Look up time entries"),
        ("POST", "/Tickets/query/count", {"filter": []}, "Count tickets"),
        ("GET", "/Tickets/48120", None, "Look up ticket 48120"),
        ("GET", "/Tickets/48120/Notes", None, "Look up notes of ticket 48120"),
        ("GET", "/Tickets/entityInformation/fields", None, "Look up the fields of tickets"),
        ("GET", "/ThresholdInformation", None, "Look up the hourly limit"),
        ("GET", "/InventoryItems/5", None, "Look up inventory items 5"),
        ("POST", "/InventoryItems", {"name": "Cable"}, "Create inventory items: Cable"),
    ],
)
def test_summaries(method: str, endpoint: str, data: Any, summary: str) -> None:
    assert describe(make(endpoint, method, data)).summary == summary


def test_long_titles_are_cut() -> None:
    facts = describe(make("/Tickets", "POST", TICKET | {"title": "x" * 255, "description": "y" * 8_000}))
    assert len(facts.summary) == MAX_SUMMARY
    assert facts.summary.endswith("…")
    assert len(facts.search_text) <= MAX_SEARCH_TEXT


def test_a_search_finds_title_numbers_and_address() -> None:
    text = describe(make("/Tickets", "POST", TICKET | {"description": "Second floor\nno paper"})).search_text
    for word in ("/Tickets", "Printer down", "175", "Second floor"):
        assert word in text


# ---------------------------------------------------------------------------------------------
# Markers


def test_a_create_gets_a_marker() -> None:
    facts = describe(make("/Tickets", "POST", TICKET))
    assert facts.marker == "AQC-0190a1b2c3d47e5f8a6b0123456789ab"
    assert facts.data == TICKET | {"externalID": facts.marker}
    again = describe(make("/Tickets", "POST", facts.data))
    assert (again.data, again.marker) == (facts.data, facts.marker)


@pytest.mark.parametrize("name", ["externalID", "ExternalId"])
def test_a_persons_own_key_is_never_overwritten(name: str) -> None:
    facts = describe(make("/Tickets", "POST", TICKET | {name: "RMM-77"}))
    assert facts.marker == "RMM-77"
    assert facts.data == TICKET | {name: "RMM-77"}
    assert not is_own("RMM-77", RequestId(ID))


@pytest.mark.parametrize("empty", [None, "", "  "])
def test_an_empty_key_is_filled(empty: str | None) -> None:
    facts = describe(make("/Tickets", "POST", TICKET | {"EXTERNALID": empty}))
    assert facts.data == TICKET | {"externalID": facts.marker}


def test_the_marker_of_another_request_counts_as_a_persons() -> None:
    """A ticket made from a copy of one of ours must not be taken for it."""
    other = marker_for(RequestId("0190ffff-c3d4-7e5f-8a6b-0123456789ab"))
    facts = describe(make("/Tickets", "POST", TICKET | {"externalID": other}))
    assert facts.marker == other
    assert not is_own(other, RequestId(ID))


@pytest.mark.parametrize(
    ("method", "endpoint", "data"),
    [
        ("PATCH", "/Tickets", {"id": 5, "status": 1}),
        ("POST", "/Tickets/5/Notes", NOTE),
        ("POST", "/TimeEntries", TIME),
        ("GET", "/Tickets/5", None),
    ],
)
def test_nothing_else_gets_one(method: str, endpoint: str, data: Any) -> None:
    facts = describe(make(endpoint, method, data))
    assert facts.marker is None
    assert "externalID" not in (facts.data or {})


@given(first=st.text(min_size=1, max_size=80), second=st.text(min_size=1, max_size=80))
def test_markers_fit_and_differ(first: str, second: str) -> None:
    one, other = marker_for(RequestId(first)), marker_for(RequestId(second))
    assert len(one) <= MAX_MARKER
    assert one.isascii()
    assert is_own(one, RequestId(first))
    if first.lower() != second.lower() and first.replace("-", "") != second.replace("-", ""):
        assert one != other


# ---------------------------------------------------------------------------------------------
# Refusals and defaults


@pytest.mark.parametrize(
    ("method", "endpoint", "data", "words"),
    [
        ("POST", "/Tickets", {"title": "x"}, "is missing"),
        ("POST", "/Tickets/5/Notes", {"title": "x"}, "is missing"),
        ("POST", "/Tickets", TICKET | {"title": "x" * 256}, "256 characters"),
        ("POST", "/Tickets", TICKET | {"companyID": "acme"}, "whole number"),
        ("PATCH", "/Tickets", {"id": 5, "ticketNumber": "T1"}, "cannot be written"),
    ],
)
def test_what_autotask_would_certainly_refuse(method: str, endpoint: str, data: Any, words: str) -> None:
    with pytest.raises(InvalidRequest, match=words) as caught:
        describe(make(endpoint, method, data))
    assert "Nothing was stored." in caught.value.remedy


def test_what_is_only_unusual_passes() -> None:
    describe(make("/Tickets", "POST", TICKET | {"queueID": 999_999, "somethingNew": 1}))
    describe(make("/Opportunities", "POST", {"anything": [1]}))


@pytest.mark.parametrize(
    "name", ["Secret", "secret", "ApiIntegrationCode", "USERNAME", "Authorization", "Cookie", "Host"]
)
def test_credentials_are_not_stored_with_a_request(name: str) -> None:
    with pytest.raises(InvalidRequest, match=f"header {name}") as caught:
        describe(make("/Tickets/5", headers={name: "planted-secret"}))
    assert "planted-secret" not in str(caught.value)


def test_a_technicians_own_resource_is_the_default_of_time() -> None:
    entry = {key: value for key, value in TIME.items() if key != "resourceID"}
    zone = ZoneConfig(resource_id=29682886)
    assert describe(make("/TimeEntries", "POST", entry), zone).data["resourceID"] == 29682886
    with pytest.raises(InvalidRequest):
        describe(make("/TimeEntries", "POST", entry))
    other = describe(make("/TimeEntries", "POST", entry | {"ResourceID": 7}), zone)
    assert other.data == entry | {"ResourceID": 7}


def test_a_query_is_stored_as_it_was_given() -> None:
    assert describe(make("/Companies")).data is None

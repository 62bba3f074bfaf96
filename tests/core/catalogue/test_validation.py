"""A document is checked before it is stored: certain mistakes are errors, doubtful ones warnings."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autotask_queue.catalogue import Entity, PicklistValue, Severity, load_catalogue, validate

CATALOGUE = load_catalogue()
TICKET: dict[str, Any] = {"companyID": 175, "title": "Printer down", "status": 1, "priority": 2, "queueID": 5}
TIME: dict[str, Any] = {
    "ticketID": 7848,
    "resourceID": 29682886,
    "roleID": 29683392,
    "startDateTime": "2026-06-03T08:00:00Z",
    "endDateTime": "2026-06-03T08:30:00Z",
}


def check(entity: str, data: object, **options: Any) -> list[tuple[str, str]]:
    problems = validate(CATALOGUE.entity(entity), data, **options)
    for problem in problems:
        assert problem.message.endswith("."), problem
        assert problem.remedy, problem
    return [(problem.field, problem.severity.value) for problem in problems]


@pytest.mark.parametrize(
    ("entity", "data"),
    [
        ("Tickets", TICKET),
        ("Tickets", {"CompanyID": "175", "TITLE": "x", "Status": 1, "priority": 2, "queueID": 5, "id": 0}),
        ("TicketNotes", {"ticketID": "local:0199", "description": "x", "noteType": 1, "publish": 1}),
        ("TimeEntries", TIME),
        ("TimeEntries", {"resourceID": 4, "internalBillingCodeID": 3, "hoursWorked": 1.5}),
        ("TicketChecklistItems", {"ticketID": 1, "itemName": "Check the fuse"}),
        ("Contacts", {"companyID": 1, "firstName": "A", "lastName": "B", "isActive": 1}),
    ],
)
def test_good_documents_pass(entity: str, data: dict[str, Any]) -> None:
    assert check(entity, data) == []


def test_each_missing_field_is_named() -> None:
    fields = {"companyID", "title", "status", "priority", "queueID"}
    assert check("Tickets", {}) == [
        (name, "error") for name in ("companyID", "title", "status", "priority", "queueID")
    ]
    assert {field for field, _ in check("Tickets", {"title": "  "})} == fields


@pytest.mark.parametrize(
    ("change", "field", "severity"),
    [
        ({"companyID": "x"}, "companyID", "error"),
        ({"companyID": True}, "companyID", "error"),
        ({"companyID": 1.5}, "companyID", "error"),
        ({"title": 7}, "title", "error"),
        ({"title": "x" * 256}, "title", "error"),
        ({"title": "x" * 255}, None, None),
        ({"title": "local:1"}, None, None),
        ({"estimatedHours": "2"}, "estimatedHours", "error"),
        ({"estimatedHours": 2}, None, None),
        ({"isVisibleToComanaged": None}, "isVisibleToComanaged", "error"),
        ({"isVisibleToComanaged": 1}, "isVisibleToComanaged", "error"),
        ({"dueDateTime": "tomorrow"}, "dueDateTime", "error"),
        ({"dueDateTime": "2026-06-03"}, None, None),
        ({"dueDateTime": "2026-06-03T08:00:00.123Z"}, None, None),
        ({"dueDateTime": None}, None, None),
        ({"ticketNumber": "T1"}, "ticketNumber", "error"),
        ({"id": 12}, "id", "error"),
        ({"statsu": 1}, "statsu", "warning"),
        ({"status": 99}, "status", "warning"),
        ({"status": 16}, "status", "warning"),
        ({"status": "local:1"}, "status", "error"),
        ({"contactID": "local:1"}, None, None),
        ({"issueType": 12, "subIssueType": 121}, None, None),
        ({"issueType": 12, "subIssueType": 101}, "subIssueType", "warning"),
        ({"userDefinedFields": [{"name": "a", "value": "b"}]}, None, None),
        ({"userDefinedFields": [{"value": "b"}]}, "userDefinedFields", "error"),
        ({"userDefinedFields": {"a": "b"}}, "userDefinedFields", "error"),
        ({"userDefinedFields": [{"name": "a"}] * 301}, "userDefinedFields", "error"),
    ],
)
def test_each_value_is_checked(change: dict[str, Any], field: str | None, severity: str | None) -> None:
    assert check("Tickets", TICKET | change) == ([(field, severity)] if field else [])


def test_the_tenants_own_picklist_decides() -> None:
    own = {"STATUS": [PicklistValue(id=99, label="Ours"), PicklistValue(id=5, label="Old", is_active=False)]}
    assert check("Tickets", TICKET | {"status": 99}, picklists=own) == []
    assert check("Tickets", TICKET | {"status": 1}, picklists=own) == [("status", "error")]
    assert check("Tickets", TICKET | {"status": 5}, picklists=own) == [("status", "error")]
    assert check("Tickets", TICKET | {"status": 1}, picklists={"status": []}) == []


def test_the_remedy_offers_what_fits() -> None:
    own = {"subIssueType": CATALOGUE.entity("Tickets").field("subIssueType").picklist}  # type: ignore[union-attr]
    (problem,) = validate(
        CATALOGUE.entity("Tickets"), TICKET | {"issueType": 12, "subIssueType": 999}, picklists=own
    )
    assert problem.remedy == "Choose one of 121 (Paper jam), 122 (Not printing), 123 (Toner)."


def test_a_ticket_needs_a_queue_or_a_resource_with_a_role() -> None:
    bare = {name: value for name, value in TICKET.items() if name != "queueID"}
    assert check("Tickets", bare) == [("queueID", "error")]
    assert check("Tickets", bare | {"assignedResourceID": 1}) == [("assignedResourceRoleID", "error")]
    assert check("Tickets", TICKET | {"assignedResourceRoleID": 1}) == [("assignedResourceID", "error")]
    assert check("Tickets", bare | {"assignedResourceID": 1, "assignedResourceRoleID": 2}) == []


@pytest.mark.parametrize(
    ("change", "fields"),
    [
        ({"roleID": None}, ["roleID"]),
        ({"startDateTime": None}, ["startDateTime"]),
        ({"endDateTime": None}, ["endDateTime"]),
        ({"endDateTime": "2026-06-03T08:00:00Z"}, ["endDateTime"]),
        ({"endDateTime": "2026-06-03T10:30:00+02:00"}, []),
        ({"endDateTime": "2026-06-03T10:00:00+02:00"}, ["endDateTime"]),
        ({"hoursWorked": 0}, ["hoursWorked"]),
        ({"hoursWorked": 24.5}, ["hoursWorked"]),
        ({"hoursWorked": 24}, []),
        ({"taskID": 3}, ["taskID"]),
        ({"ticketID": None}, ["ticketID"]),
        ({"ticketID": None, "taskID": 3, "startDateTime": None, "endDateTime": None}, []),
    ],
)
def test_time_entries(change: dict[str, Any], fields: list[str]) -> None:
    assert [field for field, _ in check("TimeEntries", TIME | change)] == fields


def test_an_update_needs_an_id_and_only_that() -> None:
    assert check("Tickets", {"status": 8}, update=True) == [("id", "error")]
    assert check("Tickets", {"id": 7848, "status": 8}, update=True) == []
    assert check("Tickets", {"id": "local:0199", "status": 8}, update=True) == []
    assert check("Tickets", {"id": "x", "status": 8}, update=True) == [("id", "error")]
    assert check("Tickets", {"id": 1, "title": None}, update=True) == [("title", "error")]
    assert check("Tickets", {"id": 1, "description": None}, update=True) == []
    assert check("Tickets", {"id": 1, "assignedResourceID": 4}, update=True) == [
        ("assignedResourceRoleID", "error")
    ]
    assert (
        check("Tickets", {"id": 1, "assignedResourceID": None, "assignedResourceRoleID": None}, update=True)
        == []
    )
    assert check("TimeEntries", {"id": 1, "hoursWorked": 25}, update=True) == [("hoursWorked", "error")]


def test_what_the_interface_cannot_do_is_said() -> None:
    assert ("", "error") in check("BillingCodes", {"name": "x"})
    assert ("", "error") in check("ResourceRoles", {"id": 1}, update=True)


def test_what_is_no_object_is_said() -> None:
    shapes: list[object] = [None, [], "x", 3, True]
    for data in shapes:
        assert check("Tickets", data) == [("", "error")]


def test_errors_come_before_warnings() -> None:
    problems = validate(CATALOGUE.entity("Tickets"), {"zz": 1} | TICKET | {"title": 3, "status": 99})
    assert [problem.severity for problem in problems] == [Severity.ERROR, Severity.WARNING, Severity.WARNING]


scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12)
anything = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
)


@given(st.data(), st.sampled_from(CATALOGUE.entities), st.booleans())
def test_whatever_comes_is_answered_with_problems(data: st.DataObject, entity: Entity, update: bool) -> None:
    names = st.sampled_from([field.name for field in entity.fields]) | st.text(max_size=6)
    document = data.draw(st.dictionaries(names, anything, max_size=6) | anything)
    for problem in validate(entity, document, update=update):
        assert problem.message
        assert problem.remedy

"""What blocks and what only warns, and where the server's words belong; without a window."""

from __future__ import annotations

from typing import Any

import pytest
from tests.gui.compose.conftest import teach
from tests.gui.harness import bench

from autotask_console.models.look_ups import picklists_of, search_filter
from autotask_console.models.references import STALE, References
from autotask_console.pages.compose.checks import check, field_named_by
from autotask_console.pages.compose.draft import Draft, decode, encode
from autotask_console.pages.compose.kinds import SPECS, Kind, endpoint_of, spec_of
from autotask_console.platform.theme import Theme
from autotask_queue import Applied, Effect, Failure, FailureClass, Request, RequestId, Status
from autotask_queue.catalogue import PicklistValue

TICKET: dict[str, Any] = {"companyID": 175, "title": "x", "status": 99, "priority": 2, "queueID": 8}


def draft(kind: Kind = Kind.CREATE_TICKET, **document: Any) -> Draft:
    return Draft(id="d", kind=kind, zone="zone1", document=document)


def test_a_fresh_field_list_blocks_and_a_stale_one_only_warns(
    run: Any, theme: Theme, settings_file: Any
) -> None:
    async def scenario() -> None:
        async with bench(theme, settings_file) as b:
            references = References(b.queue, b.services.clock)
            now = b.services.clock.now()
            [builtin] = check(draft(**TICKET), references, now=now)
            assert not builtin.blocks  # the built-in list is not this tenant's
            await references.learn_fields("zone1", "Tickets", {"status": [PicklistValue(id=1, label="New")]})
            [fresh] = check(draft(**TICKET), references, now=now)
            assert (fresh.field, fresh.blocks) == ("status", True)
            [stale] = check(draft(**TICKET), references, now=now + STALE + 60)
            assert (stale.field, stale.blocks) == ("status", False)
            assert "Fields as of" in stale.text
            # A wrong type is certain, however old the list is.
            [wrong] = check(draft(**{**TICKET, "status": True}), references, now=now + STALE + 60)
            assert wrong.blocks

    run(scenario())


def test_lists_survive_and_are_searched_by_any_word(run: Any, theme: Theme, settings_file: Any) -> None:
    async def scenario() -> None:
        async with bench(theme, settings_file) as b:
            await teach(References(b.queue, b.services.clock))
            references = References(b.queue, b.services.clock)
            await references.load("zone1")
            assert [one.id for one in references.find("Companies", "clin north")] == [175]
            assert [one.id for one in references.find("Tickets", "")] == [7866, 7865]  # newest first
            assert [one.id for one in references.find("Tickets", "0001")] == [7865]
            assert references.find("Companies", "nowhere") == []
            assert references.roles_of("501") == (8, 9)
            anna = references.get("Contacts", 31)
            assert anna is not None
            assert anna.more == "Northgate Clinic"
            await references.load("another")
            assert references.all("Companies") == []

    run(scenario())


@pytest.mark.parametrize(
    ("words", "field"),
    [
        ("Picklist value [3] does not exist for noteType. ; on record number [1].", "noteType"),
        ("Reference value on field: ticketID of type: Ticket does not exist or is invalid.", "ticketID"),
        ("The TITLE is too long.", "title"),
        ("The logged in Resource does not have the adequate permissions.", None),
        ("Something else.", None),
    ],
)
def test_the_field_that_the_server_names(words: str, field: str | None) -> None:
    failure = Failure(
        kind=FailureClass.APP_ERROR, code="x", title="x", message=words, remedy="x", applied=Applied.NO
    )
    assert field_named_by(failure, SPECS[Kind.ADD_NOTE]) == field


@pytest.mark.parametrize(
    ("method", "endpoint", "kind", "entity"),
    [
        ("POST", "/Tickets", Kind.CREATE_TICKET, "Tickets"),
        ("POST", "/v1.0/tickets/", Kind.CREATE_TICKET, "Tickets"),
        ("PATCH", "/Tickets", Kind.UPDATE_TICKET, "Tickets"),
        ("POST", "/Tickets/48120/Notes", Kind.ADD_NOTE, "TicketNotes"),
        ("POST", "/TimeEntries", Kind.LOG_TIME, "TimeEntries"),
        ("POST", "/Companies", Kind.OTHER, "Companies"),
        ("POST", "/Tickets/48120/ChecklistItems", Kind.OTHER, "TicketChecklistItems"),
        ("PATCH", "/Companies/175/Contacts", Kind.OTHER, "Contacts"),
        ("DELETE", "/TimeEntries/5", Kind.OTHER, ""),
        ("POST", "/Tickets/query", Kind.OTHER, ""),
        ("POST", "/Inventions", Kind.OTHER, ""),
    ],
)
def test_any_request_of_the_queue_can_be_changed(method: str, endpoint: str, kind: Kind, entity: str) -> None:
    request = Request(
        seq=1, id=RequestId("r"), status=Status.FAILED, zone="zone1", endpoint=endpoint, method=method,
        effect=Effect.WRITE, entity="", priority=5, summary="It", created_at=0, updated_at=0,
    )  # fmt: skip
    spec = spec_of(request)
    assert (spec.kind, spec.entity) == (kind, entity)
    if kind is Kind.OTHER:
        assert endpoint_of(spec, {}) == endpoint  # goes where it went


def test_a_draft_of_another_version_is_left_alone() -> None:
    kept = draft(Kind.ADD_NOTE, ticketID=5)
    assert decode(encode(kept)) == kept
    assert decode({"kind": "from-the-future"}) is None
    assert decode(None) is None


def test_what_a_look_up_asks() -> None:
    assert search_filter("Tickets", "t20260604.0002") == [
        {"op": "eq", "field": "ticketNumber", "value": "T20260604.0002"}
    ]
    [by_number] = search_filter("Companies", " 175 ")
    assert {"op": "eq", "field": "id", "value": 175} in by_number["items"]
    [by_name] = search_filter("Contacts", "Anna Smit")
    assert by_name["items"][-1]["items"][1] == {"op": "beginsWith", "field": "lastName", "value": "Smit"}


@pytest.mark.parametrize("body", [None, [], {}, {"fields": None}, {"fields": [1, {"picklistValues": [1]}]}])
def test_an_unexpected_field_list_is_no_list(body: Any) -> None:
    assert picklists_of(body) == {}

"""What becomes of a write whose reply was lost: asked of the simulator, which knows the truth."""

from __future__ import annotations

import time
from typing import Any

import msgspec
import pytest
from tests.core.autotask.making import NOW, TICKET, MemorySecrets, described, failure_of, make, zone_for

from autotask_queue.autotask import AutotaskProcessor
from autotask_queue.autotask.lookup import created_query, judge_created
from autotask_queue.autotask.routes import parse_route
from autotask_queue.autotask.values import same_value
from autotask_queue.model.errors import ProcessorError
from autotask_queue.model.failure import Applied
from autotask_queue.simulator import Simulator


def rows(sim: Simulator, entity: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = sim.state()["entities"][entity]
    return found


@pytest.mark.integration
async def test_a_create_whose_reply_was_lost_is_found(processor: AutotaskProcessor, sim: Simulator) -> None:
    sim.add_fault("drop_after_apply", route="POST /Tickets$", count=1)
    request = described(processor, make("/Tickets", "POST", TICKET))
    failure = await failure_of(processor, request)
    assert failure.applied is Applied.UNKNOWN
    assert processor.can_reconcile(request)
    result = await processor.reconcile(request)
    (ticket,) = [row for row in rows(sim, "Tickets") if row["externalID"] == request.marker]
    assert result.found
    assert result.matches == 1
    assert result.note == ""
    assert result.reply is not None
    assert result.reply.record_id == ticket["id"]
    assert result.reply.adopted
    assert result.reply.body == {"itemId": ticket["id"]}
    assert len(sim.state()["writes"]) == 1, "a lookup writes nothing"


@pytest.mark.integration
@pytest.mark.parametrize("fault", ["drop_before_apply", "status_503", "html_500"])
async def test_a_create_that_did_not_arrive_is_not_found(
    processor: AutotaskProcessor, sim: Simulator, fault: str
) -> None:
    sim.add_fault(fault, route="POST /Tickets$", count=1)
    request = described(processor, make("/Tickets", "POST", TICKET))
    await failure_of(processor, request)
    result = await processor.reconcile(request)
    assert not result.found
    assert result.matches == 0


@pytest.mark.integration
async def test_two_with_the_same_key_are_for_a_person(processor: AutotaskProcessor) -> None:
    request = described(processor, make("/Tickets", "POST", TICKET))
    for _ in range(2):
        await processor.process_request(request)
    result = await processor.reconcile(request)
    assert not result.found
    assert result.matches == 2
    assert "2 records" in result.note


@pytest.mark.integration
async def test_a_lookup_without_an_answer_says_nothing(processor: AutotaskProcessor, sim: Simulator) -> None:
    request = described(processor, make("/Tickets", "POST", TICKET))
    await processor.process_request(request)
    for fault in ("status_503", "truncate", "thread_limit"):
        sim.add_fault(fault, route="POST /Tickets/query", count=1)
        with pytest.raises(ProcessorError):
            await processor.reconcile(request)
    assert (await processor.reconcile(request)).found


@pytest.mark.integration
async def test_a_persons_key_counts_only_since_it_was_composed(
    processor: AutotaskProcessor, sim: Simulator
) -> None:
    """An older ticket with the same key is not the one that was sent."""
    mine = TICKET | {"externalID": "RMM-77"}
    await processor.process_request(make("/Tickets", "POST", mine))
    old = rows(sim, "Tickets")[-1]
    since = _seconds(old["createDate"])
    later = described(processor, make("/Tickets", "POST", mine, created_at=since + 3_600))
    assert not (await processor.reconcile(later)).found
    then = described(processor, make("/Tickets", "POST", mine, created_at=since - 5))
    result = await processor.reconcile(then)
    assert result.reply is not None
    assert result.reply.record_id == old["id"]


def _seconds(stamp: str) -> float:
    from datetime import datetime

    return datetime.fromisoformat(stamp).timestamp()


@pytest.mark.integration
async def test_a_contact_is_found_by_its_key_too(processor: AutotaskProcessor, sim: Simulator) -> None:
    company = rows(sim, "Companies")[0]["id"]
    data = {"firstName": "Ann", "lastName": "Lee", "isActive": 1}
    request = described(processor, make(f"/Companies/{company}/Contacts", "POST", data))
    sim.add_fault("drop_after_apply", count=1)
    await failure_of(processor, request)
    result = await processor.reconcile(request)
    assert result.reply is not None
    assert result.reply.record_id == rows(sim, "Contacts")[-1]["id"]


# ---------------------------------------------------------------------------------------------
# Changes and deletions


@pytest.mark.integration
@pytest.mark.parametrize(("fault", "found"), [("drop_after_apply", True), ("drop_before_apply", False)])
async def test_a_change_is_read_back(
    processor: AutotaskProcessor, sim: Simulator, fault: str, found: bool
) -> None:
    ticket = await processor.process_request(make("/Tickets", "POST", TICKET))
    data = {
        "id": ticket.record_id,
        "title": "Now ünder\r\nway",
        "dueDateTime": "2027-01-05T10:00:00+01:00",
        "status": 8,
    }
    request = described(processor, make("/Tickets", "PATCH", data))
    sim.add_fault(fault, count=1)
    await failure_of(processor, request)
    result = await processor.reconcile(request)
    assert result.found is found
    if found:
        assert result.reply is not None
        assert result.reply.record_id == ticket.record_id
    else:
        assert result.note == "Not as sent: title, dueDateTime, status."


@pytest.mark.integration
async def test_a_changed_note_is_read_at_its_own_address(
    processor: AutotaskProcessor, sim: Simulator
) -> None:
    ticket = await processor.process_request(make("/Tickets", "POST", TICKET))
    path = f"/Tickets/{ticket.record_id}/Notes"
    note = {"title": "Called", "description": "Later.", "noteType": 1, "publish": 1}
    made = await processor.process_request(described(processor, make(path, "POST", note)))
    change = described(processor, make(path, "PATCH", {"id": made.record_id, "description": "Now."}))
    assert not (await processor.reconcile(change)).found
    await processor.process_request(change)
    assert (await processor.reconcile(change)).found


@pytest.mark.integration
async def test_a_change_of_what_is_gone(processor: AutotaskProcessor) -> None:
    result = await processor.reconcile(make("/Tickets", "PATCH", {"id": 999_999_999, "status": 5}))
    assert not result.found
    assert result.note == "The record is not in Autotask."


@pytest.mark.integration
async def test_a_deletion_is_done_when_the_record_is_gone(
    processor: AutotaskProcessor, sim: Simulator
) -> None:
    ticket = await processor.process_request(make("/Tickets", "POST", TICKET))
    path = f"/Tickets/{ticket.record_id}/ChecklistItems"
    item = await processor.process_request(described(processor, make(path, "POST", {"itemName": "x"})))
    delete = make(f"{path}/{item.record_id}", "DELETE")
    before = await processor.reconcile(delete)
    assert not before.found
    assert before.note == "The record is still there."
    sim.add_fault("drop_after_apply", count=1)
    await failure_of(processor, delete)
    after = await processor.reconcile(delete)
    assert after.found
    assert after.reply is not None
    assert after.reply.record_id == item.record_id


# ---------------------------------------------------------------------------------------------
# Without a server


def processor_without_server() -> AutotaskProcessor:
    return AutotaskProcessor({"zone1": zone_for("http://127.0.0.1:1", "u@x")}, MemorySecrets())


@pytest.mark.parametrize(
    ("endpoint", "method", "data", "can"),
    [
        ("/Tickets", "POST", TICKET, True),
        ("/Tickets", "PATCH", {"id": 5, "status": 1}, True),
        ("/Opportunities", "PATCH", {"id": 5, "amount": 1}, True),
        ("/TimeEntries/5", "DELETE", None, True),
        ("/Tickets/5/Notes", "POST",
         {"title": "x", "description": "y", "noteType": 1, "publish": 1}, True),
        ("/Tickets/local:abc/Notes", "POST",
         {"title": "x", "description": "y", "noteType": 1, "publish": 1}, False),
        ("/Tickets/5/ChecklistItems", "POST", {"itemName": "x"}, False),
        ("/TimeEntries", "POST", {"ticketID": 5, "resourceID": 1, "roleID": 1, "summaryNotes": "x",
         "startDateTime": "2026-11-24T08:00:00Z", "endDateTime": "2026-11-24T09:00:00Z"}, True),
        ("/Tickets/5/SecondaryResources", "PATCH", {"id": 5, "roleID": 1}, False),
        ("/Opportunities", "POST", {"amount": 1}, False),
        ("/Tickets", "PATCH", {"id": "local:abc", "status": 1}, False),
        ("/Tickets", "PUT", {"id": 5, "status": 1}, False),
        ("/Tickets/5", "GET", None, False),
    ],
)  # fmt: skip
def test_what_can_be_looked_up(endpoint: str, method: str, data: Any, can: bool) -> None:
    processor = processor_without_server()
    request = described(processor, make(endpoint, method, data))
    assert processor.can_reconcile(request) is can
    assert not processor.can_reconcile(msgspec.structs.replace(request, zone="other"))


def test_the_question_for_a_create() -> None:
    processor = processor_without_server()
    request = described(processor, make("/Tickets", "POST", TICKET))
    query = created_query(parse_route("/Tickets", "POST"), request)
    assert query["Filter"] == [{"op": "eq", "field": "externalID", "value": request.marker}]
    assert {"id", "externalID", "title", "createDate"} <= set(query["IncludeFields"])
    theirs = described(processor, make("/Tickets", "POST", TICKET | {"externalID": "RMM"}, created_at=NOW))
    assert created_query(parse_route("/Tickets", "POST"), theirs)["Filter"] == [
        {"op": "eq", "field": "externalID", "value": "RMM"},
        {"op": "gte", "field": "createDate", "value": "2027-01-15T07:50:00.000Z"},
    ]


def test_a_record_that_was_merged_is_adopted_with_a_note() -> None:
    processor = processor_without_server()
    request = described(processor, make("/Tickets", "POST", TICKET))
    item = {"id": 7, "externalID": request.marker, "title": "Printer down (Copy 1)"}
    result = judge_created(parse_route("/Tickets", "POST"), request, {"items": [item]})
    assert result.found
    assert "Printer down (Copy 1)" in result.note
    assert "merged" in result.note


@pytest.mark.parametrize(
    "body",
    [
        None,
        {},
        {"items": None},
        {"items": [None, 5, "x"]},
        {"items": [{"id": 7}]},
        {"items": [{"id": 7, "externalID": "another"}]},
        {"items": [{"id": None, "externalID": "AQC-0190a1b2c3d47e5f8a6b0123456789ab"}]},
    ],
)
def test_answers_that_name_no_record_of_ours(body: Any) -> None:
    """A server that ignores the filter must not have its first ticket adopted."""
    processor = processor_without_server()
    request = described(processor, make("/Tickets", "POST", TICKET))
    assert not judge_created(parse_route("/Tickets", "POST"), request, body).found


@pytest.mark.parametrize(
    ("sent", "there"),
    [
        (1, 1),
        (1, "1"),
        ("1", 1),
        (1, 1.0),
        ("", None),
        (None, ""),
        (True, True),
        (True, "true"),
        ("a\r\nb", "a\nb"),
        ("a ", "a"),
        ("2026-06-03T08:00:00Z", "2026-06-03T08:00:00.000"),
        ("2026-06-03T10:00:00+02:00", "2026-06-03T08:00:00Z"),
        ("2026-06-03", "2026-06-03T00:00:00.000Z"),
        (
            [{"name": "Rank", "value": "5"}],
            [{"name": "Other", "value": None}, {"name": "rank", "value": "5"}],
        ),
    ],
)
def test_the_same_value_in_another_spelling(sent: Any, there: Any) -> None:
    assert same_value(sent, there)


@pytest.mark.parametrize(
    ("sent", "there"),
    [
        (1, 2),
        (1, None),
        (0, None),
        (False, None),
        (True, 1),
        ("a", "b"),
        ("1e3", "1000"),
        ("nan", "x"),
        ("2026-06-03T08:00:00Z", "2026-06-03T09:00:00Z"),
        ([{"name": "Rank", "value": "5"}], [{"name": "Rank", "value": "6"}]),
        ([{"name": "Rank", "value": "5"}], []),
    ],
)
def test_different_values(sent: Any, there: Any) -> None:
    assert not same_value(sent, there)


# ---------------------------------------------------------------------------------------------
# Without a key of their own: notes and times


def note_for(sim: Simulator, **values: Any) -> tuple[str, dict[str, Any]]:
    ticket = rows(sim, "Tickets")[0]["id"]
    data = {"title": "Called", "description": "Nobody there.", "noteType": 3, "publish": 1}
    return f"/Tickets/{ticket}/Notes", data | values


@pytest.mark.integration
@pytest.mark.parametrize(("fault", "found"), [("drop_after_apply", True), ("drop_before_apply", False)])
async def test_a_note_is_found_by_what_it_says(
    processor: AutotaskProcessor, sim: Simulator, fault: str, found: bool
) -> None:
    path, data = note_for(sim)
    sim.add_fault(fault, route="POST /Tickets/", count=1)
    request = described(processor, make(path, "POST", data, created_at=time.time()))
    await failure_of(processor, request)
    result = await processor.reconcile(request)
    assert result.found is found
    assert result.absent, "nothing else there could be it"
    if found:
        assert result.reply is not None
        assert result.reply.record_id == rows(sim, "TicketNotes")[-1]["id"]


@pytest.mark.integration
async def test_notes_that_say_the_same_are_all_offered_and_older_ones_are_not(
    processor: AutotaskProcessor, sim: Simulator
) -> None:
    path, data = note_for(sim)
    request = described(processor, make(path, "POST", data, created_at=time.time()))
    for _ in range(2):
        await processor.process_request(request)
    first, second = rows(sim, "TicketNotes")[-2:]
    result = await processor.reconcile(request)
    assert result.reply is not None
    assert [r.record_id for r in (result.reply, *result.alternatives)] == [first["id"], second["id"]]
    later = msgspec.structs.replace(request, created_at=time.time() + 3_600)
    assert (await processor.reconcile(later)).absent


@pytest.mark.integration
async def test_another_note_on_the_ticket_is_not_taken_for_it_and_a_similar_one_is_for_a_person(
    processor: AutotaskProcessor, sim: Simulator
) -> None:
    path, data = note_for(sim)
    now = time.time()
    other = data | {"title": "Parts", "description": "The fuser kit arrived, see the shelf on the left."}
    await processor.process_request(described(processor, make(path, "POST", other)))
    request = described(processor, make(path, "POST", data, created_at=now))
    assert (await processor.reconcile(request)).absent
    similar = data | {"description": "<p>Nobody   there.</p>"}
    await processor.process_request(described(processor, make(path, "POST", similar)))
    result = await processor.reconcile(request)
    assert (result.found, result.absent) == (False, False)
    assert str(rows(sim, "TicketNotes")[-1]["id"]) in result.note


TIME = {
    "resourceID": 4,
    "ticketID": 5,
    "roleID": 7,
    "startDateTime": "2026-11-24T08:00:00Z",
    "endDateTime": "2026-11-24T09:00:00Z",
    "hoursWorked": 1,
    "summaryNotes": "Fuser replaced.",
}


@pytest.mark.parametrize(
    ("there", "found", "absent"),
    [
        (TIME, True, True),
        (TIME | {"startDateTime": "2026-11-24T08:00:00.000", "hoursWorked": "1.0"}, True, True),
        (TIME | {"hoursWorked": 1.25}, False, False),
        (TIME | {"endDateTime": "2026-11-24T09:15:00Z"}, False, False),
        (TIME | {"endDateTime": "2026-11-24T09:16:00Z"}, False, True),
        (TIME | {"summaryNotes": "Lunch with the customer"}, False, True),
        (TIME | {"summaryNotes": None}, False, True),
    ],
)
def test_a_time_is_found_by_who_when_and_what(there: dict[str, Any], found: bool, absent: bool) -> None:
    request = described(processor_without_server(), make("/TimeEntries", "POST", TIME))
    result = judge_created(parse_route("/TimeEntries", "POST"), request, {"items": [there | {"id": 9}]})
    assert (result.found, result.absent) == (found, absent)


@pytest.mark.parametrize("body", [None, {}, {"items": None}, {"items": [None]}, {"items": [{"id": 1}] * 500}])
def test_an_answer_that_may_be_incomplete_does_not_say_that_nothing_is_there(body: Any) -> None:
    request = described(processor_without_server(), make("/TimeEntries", "POST", TIME))
    assert not judge_created(parse_route("/TimeEntries", "POST"), request, body).absent


def test_the_question_for_a_note() -> None:
    path, data = "/Tickets/48120/Notes", {"title": "t", "description": "d", "noteType": 3, "publish": 1}
    request = described(processor_without_server(), make(path, "POST", data))
    query = created_query(parse_route(path, "POST"), request)
    assert query["Filter"] == [
        {"op": "eq", "field": "ticketID", "value": 48120},
        {"op": "gte", "field": "createDateTime", "value": "2027-01-15T07:50:00.000Z"},
    ]
    assert {"id", "title", "description"} <= set(query["IncludeFields"])

"""What stands in cells, menus, results and empty lists: values, without a window."""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType

import msgspec
import pytest

from autotask_console.models.cells import BY_ID, COLUMNS, Sight, request_text, spoken, tries_text
from autotask_console.models.query import STATUSES, Concern, Query
from autotask_console.pages.queue.empty import empty_text
from autotask_console.pages.queue.facets import facets, first_view, view_of
from autotask_console.pages.queue.filter_text import Known
from autotask_console.pages.queue.filter_text.complete import complete
from autotask_console.pages.queue.verbs import (
    Verb,
    deed,
    may_have_arrived,
    offer,
    result_sentence,
    together,
    undecided,
    undo_words,
    why_not,
)
from autotask_console.state import AppState
from autotask_console.text import UiState
from autotask_queue import (
    BulkResult,
    Cell,
    Connectivity,
    ConnectivityState,
    Counters,
    Effect,
    Gate,
    GateKind,
    Reason,
    RequestFilter,
    RequestId,
    RequestRow,
    Status,
)

NOW = 1_800_000_000.0
PLAIN = RequestRow(
    seq=1,
    id=RequestId("01a20bc3-6366-7e07-bd8d-4ba80514085f"),
    status=Status.PENDING,
    zone="zone1",
    endpoint="/Tickets",
    method="POST",
    effect=Effect.WRITE,
    entity="Tickets",
    priority=8,
    summary="Create ticket: Printer",
    created_at=NOW - 180,
    updated_at=NOW - 180,
)


def row(**changes: object) -> RequestRow:
    return msgspec.structs.replace(PLAIN, **changes)


SIGHT = Sight(now=NOW)
HELD = Sight(now=NOW, gates=(Gate(kind=GateKind.MAINTENANCE, zone="zone1", until=NOW + 600),))


@pytest.mark.parametrize(
    ("request_row", "sight", "text"),
    [
        (row(), SIGHT, "Create ticket: Printer"),
        (row(), Sight(now=NOW, gates=(Gate(kind=GateKind.OFFLINE),)), "Create ticket: Printer"),
        (row(), Sight(now=NOW, gates=(Gate(kind=GateKind.PAUSED),)), "… – sending paused"),
        (row(), Sight(now=NOW, gates=(Gate(kind=GateKind.SIGN_IN),)), "… – sign-in needed"),
        (
            row(),
            Sight(now=NOW, gates=(Gate(kind=GateKind.BREAKER, until=NOW + 41),)),
            "… – stopped, next test 41 s",
        ),
        (
            row(status=Status.RETRYING, failure_title="Autotask is busy", not_before=NOW + 41),
            SIGHT,
            "… – Autotask is busy, next try 41 s",
        ),
        (row(status=Status.RETRYING, not_before=NOW + 41), HELD, "… – maintenance until "),
        (row(status=Status.FAILED, failure_title="Not allowed"), SIGHT, "… – Not allowed"),
        (
            row(status=Status.FAILED, reason=Reason.BY_PERSON),
            SIGHT,
            "… – you decided not to send it",
        ),
        (row(status=Status.FAILED), SIGHT, "Create ticket: Printer"),
        (row(status=Status.HELD, reason=Reason.CONFIRM), HELD, "… – may have arrived, you decide"),
        (row(status=Status.HELD, reason=Reason.CONFLICT), SIGHT, "… – changed in both places"),
        (row(status=Status.PENDING, reason=Reason.AFTER), SIGHT, "… – waits for another request"),
        (row(status=Status.UNCERTAIN, not_before=NOW + 25), SIGHT, "… – looked up in 25 s"),
        (row(status=Status.UNCERTAIN), SIGHT, "… – being looked up"),
        (row(status=Status.DEFERRED, scheduled_at=NOW + 86_400), SIGHT, "… – goes out tomorrow "),
        (row(status=Status.COMPLETED, failure_title="Not allowed"), SIGHT, "Create ticket: Printer"),
        (
            row(status=Status.PENDING, reason=Reason.AFTER),
            Sight(now=NOW, gates=(Gate(kind=GateKind.OFFLINE),)),
            "… – waits for another request",
        ),
        (
            row(status=Status.HELD, reason=Reason.NO_PROCESSOR, reason_text="Its path is not known."),
            SIGHT,
            "… – Its path is not known",
        ),
        (row(status=Status.HELD, reason=Reason.NO_PROCESSOR), HELD, "… – maintenance until "),
        (
            row(),
            Sight(now=NOW, gates=(Gate(kind=GateKind.NO_PROCESSOR, zone="zone1"),)),
            "… – not signed in yet",
        ),
    ],
)
def test_a_request_in_a_sentence(request_row: RequestRow, sight: Sight, text: str) -> None:
    assert request_text(request_row, sight).startswith(text.replace("…", "Create ticket: Printer", 1))


def test_cells() -> None:
    texts = {c.id: c.text(row(record_id=48120, http_status=503, attempts=2), SIGHT) for c in COLUMNS}

    assert texts == {
        "state": "Waiting",
        "request": "Create ticket: Printer",
        "zone": "zone1",
        "tries": "2/4",
        "age": "3 min",
        "entity": "Tickets",
        "operation": "Create",
        "record": "48120",
        "priority": "High",
        "created": texts["created"],
        "next_try": "",
        "http": "503",
        "key": PLAIN.id,
    }


def test_record_comes_from_the_lane_before_there_is_a_reply() -> None:
    text = BY_ID["record"].text
    assert text(row(lane="zone1/Tickets/48120"), SIGHT) == "48120"
    assert text(row(lane="local:01a2"), SIGHT) == ""
    assert text(row(), SIGHT) == ""


@pytest.mark.parametrize(
    ("method", "effect", "word"),
    [
        ("POST", Effect.WRITE, "Create"),
        ("POST", Effect.READ, "Look up"),
        ("PATCH", Effect.WRITE, "Update"),
        ("DELETE", Effect.WRITE, "Delete"),
        ("OPTIONS", Effect.WRITE, "OPTIONS"),
    ],
)
def test_operations_are_verbs(method: str, effect: Effect, word: str) -> None:
    assert BY_ID["operation"].text(row(method=method, effect=effect), SIGHT) == word


def test_spoken_rows_count_their_tries() -> None:
    failed = row(status=Status.FAILED, failure_title="Not allowed", attempts=4)

    assert spoken(failed, SIGHT) == "Failed: Create ticket: Printer – Not allowed, try 4 of 4"
    assert tries_text(failed) == "4/4"


# -- verbs

ALLOWED = {
    Verb.CANCEL: {Status.PENDING, Status.DEFERRED, Status.RETRYING, Status.HELD},
    Verb.PRIORITY: {Status.PENDING, Status.DEFERRED, Status.RETRYING, Status.HELD},
    Verb.RETRY: {Status.FAILED, Status.EXPIRED, Status.RETRYING, Status.HELD},
    Verb.RESTORE: {Status.CANCELLED},
    Verb.RESCHEDULE: {Status.PENDING, Status.DEFERRED, Status.RETRYING},
    Verb.EDIT: {Status.PENDING, Status.DEFERRED, Status.RETRYING, Status.HELD, Status.FAILED},
    Verb.DUPLICATE: set(Status),
    Verb.CURL: set(Status),
}


@pytest.mark.parametrize("verb", Verb)
@pytest.mark.parametrize("status", Status)
def test_verbs_fit_the_statuses_they_fit_and_say_why_not_otherwise(verb: Verb, status: Status) -> None:
    why = why_not(verb, row(status=status))

    assert (why == "") == (status in ALLOWED[verb])
    assert not why or why.endswith(".")


def test_the_queue_allows_what_is_offered() -> None:
    """The console's idea of what is possible is the queue's own."""
    from autotask_queue.engine import commands
    from autotask_queue.model.status import may_have_arrived as core_may_have_arrived

    for status in Status:
        for reason in (None, *Reason):
            doubtful = may_have_arrived(row(status=status, reason=reason))
            assert doubtful == core_may_have_arrived(status, reason)
    assert ALLOWED[Verb.CANCEL] == commands.CANCELLABLE
    assert ALLOWED[Verb.EDIT] == commands.EDITABLE
    assert ALLOWED[Verb.RETRY] == commands.RETRYABLE
    assert ALLOWED[Verb.PRIORITY] == commands.WAITING


def test_a_request_to_be_decided_is_not_simply_retried() -> None:
    asked = row(status=Status.HELD, reason=Reason.CONFIRM)

    assert undecided(asked)
    assert why_not(Verb.RETRY, asked)
    assert why_not(Verb.CANCEL, asked)
    assert "signed in" in why_not(Verb.RETRY, row(status=Status.HELD, reason=Reason.NO_PROCESSOR))
    assert undecided(row(status=Status.UNCERTAIN))
    given_up = row(status=Status.FAILED, reason=Reason.BY_PERSON, failure_title="No answer came back")
    assert undecided(given_up)
    assert why_not(Verb.RETRY, given_up)
    assert why_not(Verb.EDIT, given_up).startswith("You gave it up")
    assert request_text(given_up, SIGHT).endswith("you decided not to send it")
    assert not undecided(row(status=Status.HELD, reason=Reason.PARENT_FAILED))


def test_offers() -> None:
    waiting, sent = row(), row(status=Status.COMPLETED)

    def offered(verb: Verb, *rows: RequestRow, count: int | None = None, everything: bool = False) -> object:
        made = offer(verb, rows, count=len(rows) if count is None else count, all_matching=everything)
        return made.title, made.enabled, made.tip

    assert offered(Verb.CANCEL, waiting) == ("Cancel", True, "")
    assert offered(Verb.CANCEL) == ("Cancel", False, "Select a request first.")
    assert offered(Verb.CANCEL, waiting, sent, waiting) == (
        "Cancel 2 of 3",
        True,
        "The others: It was sent already.",
    )
    assert offered(Verb.CANCEL, sent, sent) == ("Cancel", False, "It was sent already.")
    assert offered(Verb.CANCEL, sent, row(status=Status.PROCESSING))[2].startswith("None of them")  # type: ignore[index]
    assert offered(Verb.EDIT, waiting, waiting) == ("Edit…", False, "Select just one request for this.")
    assert offered(Verb.CANCEL, sent, count=500) == ("Cancel", True, "")
    assert offered(Verb.CANCEL, everything=True, count=9) == ("Cancel", True, "")
    assert offered(Verb.CURL, everything=True, count=1)[1] is False  # type: ignore[index]


@pytest.mark.parametrize(
    ("verb", "result", "sentence"),
    [
        (Verb.CANCEL, BulkResult(changed=1, skipped=0), "Cancelled 1 request."),
        (Verb.CANCEL, BulkResult(changed=1240, skipped=0), "Cancelled 1 240 requests."),
        (
            Verb.RETRY,
            BulkResult(changed=7, skipped=2, skipped_why="already sending"),
            "7 retried, 2 skipped: already sending.",
        ),
        (Verb.CANCEL, BulkResult(changed=0, skipped=3, skipped_why="finished"), "3 skipped: finished."),
        (Verb.RESTORE, BulkResult(changed=3, skipped=0), "Restored 3 requests."),
    ],
)
def test_results_are_sentences(verb: Verb, result: BulkResult, sentence: str) -> None:
    assert result_sentence(verb, result) == sentence.replace("1 240", "1\N{NARROW NO-BREAK SPACE}240")


def test_results_of_parts_add_up() -> None:
    one = BulkResult(changed=2, skipped=1, skipped_why="finished", ids=(RequestId("a"), RequestId("b")))
    other = BulkResult(changed=1, skipped=0, ids=(RequestId("c"),))

    assert together([one, other]) == BulkResult(
        changed=3, skipped=1, skipped_why="finished", ids=(RequestId("a"), RequestId("b"), RequestId("c"))
    )


def test_buttons_name_verb_and_object() -> None:
    assert deed(Verb.CANCEL, 3) == "Cancel 3 requests"
    assert undo_words(1) == "cancel of 1 request"


# -- views and facets


def test_where_a_person_starts() -> None:
    assert first_view({"needs-you": 1, "waiting": 9}) == "needs-you"
    assert first_view({"needs-you": 0, "waiting": 9}) == "waiting"
    assert first_view({}) == "sent-today"


def test_filters_of_the_strip_are_views() -> None:
    assert view_of(RequestFilter(status=STATUSES[Concern.NEEDS_YOU])) == "needs-you"
    assert view_of(RequestFilter(status=STATUSES[Concern.WAITING])) == "waiting"
    assert view_of(RequestFilter()) == "all"
    assert view_of(RequestFilter(status=(Status.PROCESSING,))) is None


def test_empty_facets_are_left_out_unless_chosen() -> None:
    counters = Counters(
        cells=(
            Cell(zone="a", entity="", status=Status.PENDING, count=2),
            Cell(zone="b", entity="", status=Status.FAILED, count=0),
        )
    )
    states, zones = facets(counters, (), Query(), chosen={"state": ("sent",)})

    assert [(f.value, f.count) for f in states] == [("waiting", 2), ("sent", 0)]
    assert [f.value for f in zones] == ["a"]
    assert states[0].state is UiState.WAITING


# -- empty lists

SOME = Counters(cells=(Cell(zone="a", entity="", status=Status.COMPLETED, count=1),))


def state(**changes: object) -> AppState:
    by_status = dict.fromkeys(Status, 0)
    return replace(
        AppState(open=True, zones=("a",), by_status=MappingProxyType(by_status), counters=SOME),
        **changes,  # type: ignore[arg-type]
    )


def test_each_empty_list_says_why_and_what_to_do() -> None:
    offline = ConnectivityState(state=Connectivity.OFFLINE)
    said = {
        "filtered": empty_text(state(), view="all", text="x", now=NOW),
        "first use": empty_text(state(counters=Counters()), view="waiting", text="", now=NOW),
        "first use, offline": empty_text(
            state(counters=Counters(), connectivity=offline), view="waiting", text="", now=NOW
        ),
        "not signed in": empty_text(
            state(counters=Counters(), zones=()), view="sent-today", text="", now=NOW
        ),
        "all sent": empty_text(state(last_sent_at=NOW - 60), view="waiting", text="", now=NOW),
        "nothing needed": empty_text(state(), view="needs-you", text="", now=NOW),
        "nothing today": empty_text(state(), view="sent-today", text="", now=NOW),
    }

    assert said["filtered"].head == "No requests match this filter."
    assert said["filtered"].buttons == (("clear", "Clear filter"),)
    assert said["first use"].head == "Nothing queued yet."
    assert said["first use"].buttons == (("new", "New request"),)
    assert "saved on this laptop" in said["first use, offline"].more
    assert said["not signed in"].buttons[1] == ("sign-in", "Sign in")
    assert said["all sent"].head.startswith("All sent. Last one ")
    assert said["nothing needed"].head == "Nothing needs you."
    assert said["nothing today"].head == "Nothing was sent today."


# -- completion

KNOWN = Known(now=NOW, zones=("zone1", "zone2"), entities=("Tickets", "TicketNotes"))


def completed(text: str, cursor: int | None = None) -> list[str]:
    return [c.text for c in complete(text, len(text) if cursor is None else cursor, KNOWN)]


def test_an_empty_box_offers_the_usual_keys() -> None:
    assert completed("")[:3] == ["state:", "zone:", "entity:"]
    assert "zone:" not in [c.text for c in complete("", 0, Known(zones=("zone1",)))]
    assert completed("printer ") == []


def test_keys_then_values() -> None:
    assert completed("st") == ["state:", "status:"]
    assert completed("printer zo") == ["printer zone:"]
    assert completed("state:f") == ["state:failed"]
    assert completed("state:failed,h") == ["state:failed,held"]
    assert completed("entity:ticket") == ["entity:Tickets", "entity:TicketNotes"]
    assert completed("state:failed") == []
    assert completed("banana:x") == []


def test_states_are_found_without_their_key() -> None:
    assert completed("fail") == ["state:failed"]


def test_a_minus_offers_what_can_be_excluded() -> None:
    assert completed("-") == ["-state:", "-status:"]
    assert completed("-state:se") == ["-state:sending", "-state:sent"][:2]


def test_completion_in_the_middle_keeps_the_rest() -> None:
    (found,) = complete("stat:x printer state:f zone:zone1", len("stat:x printer state:f"), KNOWN)

    assert found.text == "stat:x printer state:failed zone:zone1"
    assert found.text[: found.cursor] == "stat:x printer state:failed"

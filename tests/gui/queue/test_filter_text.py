"""The filter box: every text has a meaning or a problem that says what would have one."""

from __future__ import annotations

from datetime import datetime

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from autotask_console.pages.queue.filter_text import (
    QUALIFIERS,
    Known,
    parse,
    set_value,
    text_of,
    toggle_value,
    tokens,
    values_of,
)
from autotask_console.text import UiState
from autotask_queue import Cell, Counters, Range, Reason, RequestFilter, RequestId, Status

NOW = datetime(2026, 9, 23, 14, 2).timestamp()  # noqa: DTZ001 - this laptop's clock, as a person writes it
KNOWN = Known(now=NOW, zones=("zone1", "zone 2"), entities=("Tickets", "TimeEntries", "Companies"))


def narrow(text: str) -> RequestFilter:
    parsed = parse(text, KNOWN)
    assert parsed.problem is None, parsed.problem
    return parsed.query.narrow


def problem(text: str) -> str:
    parsed = parse(text, KNOWN)
    assert parsed.problem is not None
    return parsed.problem.message


def local(*parts: int) -> float:
    return datetime(*parts).timestamp()  # type: ignore[arg-type]  # noqa: DTZ001


@pytest.mark.parametrize("text", ["", "   ", "\t"])
def test_nothing_asks_for_everything(text: str) -> None:
    parsed = parse(text, KNOWN)

    assert parsed.problem is None
    assert parsed.query.states is None
    assert parsed.query.narrow == RequestFilter()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("printer", RequestFilter(text="printer")),
        ("printer down", RequestFilter(text="printer down")),
        ('"printer down"', RequestFilter(text="printer down")),
        ('"state:failed"', RequestFilter(text="state:failed")),
        ("10:30", RequestFilter(text="10:30")),
        ("T20260923.0042", RequestFilter(text="T20260923.0042")),
        ("ticket:T20260923.0042", RequestFilter(text="T20260923.0042")),
        ("zone:ZONE1", RequestFilter(zone=("zone1",))),
        ('zone:"zone 2"', RequestFilter(zone=("zone 2",))),
        ('zone:zone1,"zone 2"', RequestFilter(zone=("zone1", "zone 2"))),
        ("entity:ticket", RequestFilter(entity=("Tickets",))),
        ("entity:tickets,company", RequestFilter(entity=("Tickets", "Companies"))),
        ('entity:"time entry"', RequestFilter(entity=("TimeEntries",))),
        ("op:create,update", RequestFilter(method=("POST", "PATCH"))),
        ("op:post", RequestFilter(method=("POST",))),
        ("prio:8", RequestFilter(priority=Range(min=8, max=8))),
        ("prio:high", RequestFilter(priority=Range(min=8, max=8))),
        ("prio:>=8", RequestFilter(priority=Range(min=8))),
        ("prio:>8", RequestFilter(priority=Range(min=9))),
        ("prio:<5", RequestFilter(priority=Range(max=4))),
        ("prio:3..5", RequestFilter(priority=Range(min=3, max=5))),
        ("tries:>=3", RequestFilter(attempts=Range(min=3))),
        ("tries:>=1 tries:<=3", RequestFilter(attempts=Range(min=1, max=3))),
        ("age:>1h", RequestFilter(created=Range(max=NOW - 3600))),
        ("age:<10m", RequestFilter(created=Range(min=NOW - 600))),
        ("age:1h..1d", RequestFilter(created=Range(min=NOW - 86_400, max=NOW - 3600))),
        ("age:>1h30m", RequestFilter(created=Range(max=NOW - 5400))),
        ("age:>1h age:<1d", RequestFilter(created=Range(min=NOW - 86_400, max=NOW - 3600))),
        ("http:503", RequestFilter(http_status=(503,))),
        ("http:429,503", RequestFilter(http_status=(429, 503))),
        ("http:5xx", RequestFilter(http_status=tuple(range(500, 600)))),
        ("http:>=598", RequestFilter(http_status=(598, 599))),
        ("reason:parent-failed", RequestFilter(reason=(Reason.PARENT_FAILED,))),
        ("path:/Tickets", RequestFilter(endpoint="/Tickets")),
        ("lane:zone1/Tickets/48120", RequestFilter(lane="zone1/Tickets/48120")),
        ("id:01A2", RequestFilter(text="01a2")),
        (
            "id:01a20bc3-6366-7e07-bd8d-4ba80514085f",
            RequestFilter(ids=(RequestId("01a20bc3-6366-7e07-bd8d-4ba80514085f"),)),
        ),
    ],
)
def test_text_means_filter(text: str, expected: RequestFilter) -> None:
    assert narrow(text) == expected


def test_days_and_times_are_those_of_this_clock() -> None:
    a_moment = 0.001
    assert narrow("created:today").created == Range(min=local(2026, 9, 23), max=local(2026, 9, 24) - a_moment)
    assert narrow("finished:2026-09-22").finished == Range(
        min=local(2026, 9, 22), max=local(2026, 9, 23) - a_moment
    )
    assert narrow("due:>=2026-09-24T08:30").scheduled == Range(min=local(2026, 9, 24, 8, 30))
    assert narrow("created:2026-09-22..2026-09-23T10:00").created == Range(
        min=local(2026, 9, 22), max=local(2026, 9, 23, 10)
    )


def test_states_are_or_within_and_and_between() -> None:
    either = parse("state:failed,held", KNOWN).query.states
    both = parse("state:failed,held state:held,sent", KNOWN).query.states

    assert either == frozenset({UiState.FAILED, UiState.HELD})
    assert both == frozenset({UiState.HELD})


def test_a_state_can_be_left_out() -> None:
    assert parse("-state:sent,cancelled", KNOWN).query.states == frozenset(UiState) - {
        UiState.SENT,
        UiState.CANCELLED,
    }
    assert parse("state:failed,held -state:held", KNOWN).query.states == frozenset({UiState.FAILED})


def test_states_that_contradict_each_other_match_nothing() -> None:
    parsed = parse("status:failed status:held", KNOWN)

    assert parsed.problem is None
    assert parsed.query.states == frozenset()


def test_stored_status_is_another_question_than_state() -> None:
    assert parse("status:pending", KNOWN).query.statuses == (Status.PENDING,)
    assert set(parse("-status:completed", KNOWN).query.statuses) == set(Status) - {Status.COMPLETED}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("state:", "state: what? For example waiting"),
        ("state:faild", "“faild” is none of: waiting"),
        ("zone:zone9", "There is no zone “zone9”. There is: zone1, zone 2."),
        ("entity:banana", "There is no kind of record “banana”"),
        ("-zone:zone1", "“-zone:” cannot leave out. Name what you want instead"),
        ("-printer", "Words cannot be left out"),
        ("zone:zone1 zone:zone1", "“zone:” is there twice. Write zone:a,b"),
        ("stat:failed", "There is no “stat:”. Did you mean stat"),
        ("banana:x", "There is no “banana:”. To search for it, put it in quotes."),
        ("age:1h", "Say which side: >1h is older"),
        ("age:>soon", "Write a duration such as 30m"),
        ("tries:many", "Write a number such as 3"),
        ("tries:-1", "Write a number such as 3"),
        ("prio:11..20", "Priorities go from 1 to 10"),
        ("prio:5,8", "It takes one priority, or a range"),
        ("http:700", "HTTP answers go from 100 to 599"),
        ("http:fine", "Write a number"),
        ("created:yesterdayish", "Write a time such as today"),
        ("created:9999-12-31", "Write a time such as today"),
        ("id:abc,def", "Give whole ids, or one part"),
        ("op:explode", "“EXPLODE” is none of"),
        ("reason:none", "“none” is none of: after"),
    ],
)
def test_a_wrong_token_says_what_would_be_right(text: str, says: str) -> None:
    assert says in problem(text)


def test_a_problem_says_where_it_stands_and_the_rest_still_counts() -> None:
    parsed = parse("printer tries:many zone:zone1", KNOWN)

    assert parsed.problem is not None
    assert (parsed.problem.start, parsed.problem.end) == (8, 18)
    assert parsed.query.narrow == RequestFilter(text="printer", zone=("zone1",))


def test_every_offered_value_is_valid() -> None:
    for qualifier in QUALIFIERS.values():
        for value, _ in qualifier.choices(KNOWN):
            assert parse(f"{qualifier.key}:{value}", KNOWN).problem is None, (qualifier.key, value)


def test_every_qualifier_narrows_something() -> None:
    examples = {"id": "abc", "ticket": "T1", "path": "/Tickets", "lane": "a"}
    for qualifier in QUALIFIERS.values():
        value = examples.get(qualifier.key) or qualifier.choices(KNOWN)[0][0]
        parsed = parse(f"{qualifier.key}:{value}", KNOWN)
        assert parsed.names_states or parsed.query.narrow != RequestFilter(), qualifier.key


@given(st.text(max_size=60))
@example('"')
@example('-"')
@example("::")
@example("state:,,,")
@example("age:>" + "9" * 400 + "d")
@example("http:>=" + "9" * 400)
def test_any_text_can_be_read(text: str) -> None:
    parsed = parse(text, KNOWN)

    parsed.query.filters((), Counters())
    if parsed.problem is not None:
        assert 0 <= parsed.problem.start <= parsed.problem.end <= len(text)
        assert parsed.problem.message


WORD = st.text(
    st.characters(categories=("L", "N"), include_characters="._/-:,"), min_size=1, max_size=12
).filter(lambda w: not w.startswith("-"))
INSTANT = st.floats(0, 4_000_000_000).map(lambda at: round(at, 6))


def spans(ends: st.SearchStrategy[float]) -> st.SearchStrategy[Range | None]:
    pairs = st.tuples(st.none() | ends, st.none() | ends).filter(lambda p: p != (None, None))
    return st.none() | pairs.map(lambda p: Range(min=p[0], max=p[1]))


FILTERS = st.builds(
    RequestFilter,
    status=st.lists(st.sampled_from(Status), unique=True, max_size=4).map(tuple),
    reason=st.lists(st.sampled_from(Reason), unique=True, max_size=2).map(tuple),
    zone=st.sampled_from([(), ("zone1",), ("zone1", "zone 2")]),
    entity=st.sampled_from([(), ("Tickets",), ("TimeEntries", "Companies")]),
    method=st.sampled_from([(), ("POST",), ("PATCH", "GET")]),
    ids=st.lists(st.uuids().map(str).map(RequestId), unique=True, max_size=2).map(tuple),
    lane=st.none() | WORD,
    endpoint=st.none() | WORD,
    priority=spans(st.integers(1, 10).map(float)),
    attempts=spans(st.integers(0, 20).map(float)),
    created=spans(INSTANT),
    finished=spans(INSTANT),
    scheduled=spans(INSTANT),
    http_status=st.lists(st.integers(100, 599), unique=True, max_size=3).map(lambda n: tuple(sorted(n))),
    text=st.lists(WORD, max_size=3).map(" ".join),
)


@given(FILTERS)
def test_a_filter_survives_as_text(query: RequestFilter) -> None:
    parsed = parse(text_of(query), KNOWN)

    assert parsed.problem is None, (text_of(query), parsed.problem)
    assert parsed.query.narrow == msgspec.structs.replace(query, status=())
    matched = {s for f in parsed.query.filters((), _all_counters()) for s in f.status} or set()
    assert matched == set(query.status)


def _all_counters() -> Counters:
    return Counters(
        cells=tuple(
            Cell(zone=zone, entity=entity, status=status, count=1)
            for zone in KNOWN.zones
            for entity in KNOWN.entities
            for status in Status
        )
    )


def test_values_are_put_and_taken_without_touching_the_rest() -> None:
    text = set_value('printer "very slow" state:failed', "state", "held")
    assert text == 'printer "very slow" state:held'
    assert set_value(text, "zone", "zone 2") == 'printer "very slow" state:held zone:"zone 2"'
    assert set_value(text, "state") == 'printer "very slow"'
    assert toggle_value("state:held", "state", "failed") == "state:held,failed"
    assert toggle_value("state:held,failed", "state", "held") == "state:failed"
    assert toggle_value("state:failed", "state", "failed") == ""
    assert values_of("-state:held state:Failed", "state") == ("failed",)


@given(st.text(max_size=40))
def test_tokens_cover_all_that_is_not_blank(text: str) -> None:
    found = tokens(text)
    left = list(text)
    for token in found:
        for place in range(token.start, token.end):
            left[place] = " "
    assert not "".join(left).strip()

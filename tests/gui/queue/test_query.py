"""What a person asks for in words becomes filters that match exactly that, whatever gates are closed."""

from __future__ import annotations

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from autotask_console.models.query import Concern, Query, count_states, count_zones, intersect
from autotask_console.text import UiState, gate_before, lacks_sign_in, ui_state
from autotask_queue import (
    Cell,
    Counters,
    Effect,
    Gate,
    GateKind,
    Range,
    Reason,
    Request,
    RequestFilter,
    RequestId,
    Status,
)
from autotask_queue.store.memory.matching import matcher

ZONES = ("a", "b", "c")
ENTITIES = ("Tickets", "Notes")
HELD_REASONS = (Reason.CONFIRM, Reason.CONFLICT, Reason.GONE)


def request(seq: int, zone: str, entity: str, status: Status, reason: Reason | None) -> Request:
    return Request(
        seq=seq,
        id=RequestId(str(seq)),
        status=status,
        zone=zone,
        endpoint=f"/{entity}",
        method="POST",
        effect=Effect.WRITE,
        entity=entity,
        priority=5,
        summary="",
        created_at=0,
        updated_at=0,
        reason=reason,
    )


@st.composite
def requests(draw: st.DrawFn) -> list[Request]:
    rows = draw(
        st.lists(
            st.tuples(st.sampled_from(ZONES), st.sampled_from(ENTITIES), st.sampled_from(Status)), max_size=20
        )
    )
    reasons = {Status.HELD: st.sampled_from(HELD_REASONS)}
    effects = st.sampled_from(Effect)
    return [
        msgspec.structs.replace(
            request(seq, *row, draw(reasons.get(row[2], st.none()))), effect=draw(effects)
        )
        for seq, row in enumerate(rows, start=1)
    ]


def at_gates(rows: list[Request], gates: tuple[Gate, ...]) -> list[Request]:
    """As the queue has them: what is held in a zone without a sign-in is held for want of it."""
    return [
        msgspec.structs.replace(row, reason=Reason.NO_PROCESSOR)
        if row.status is Status.HELD and lacks_sign_in(gates, row.zone, row.entity)
        else row
        for row in rows
    ]


GATES = st.lists(
    st.builds(
        Gate,
        kind=st.sampled_from(GateKind),
        zone=st.none() | st.sampled_from(ZONES),
        entity=st.none() | st.sampled_from(ENTITIES),
    ),
    max_size=3,
).map(tuple)
NARROW = st.builds(
    RequestFilter,
    zone=st.sampled_from([(), ("a",), ("b", "c")]),
    entity=st.sampled_from([(), ("Tickets",)]),
    reason=st.sampled_from([(), (Reason.CONFIRM,)]),
)


def counted(rows: list[Request]) -> Counters:
    cells: dict[tuple[str, str, Status], int] = {}
    for row in rows:
        cells[row.zone, row.entity, row.status] = cells.get((row.zone, row.entity, row.status), 0) + 1
    return Counters(cells=tuple(Cell(zone=z, entity=e, status=s, count=n) for (z, e, s), n in cells.items()))


@given(
    rows=requests(),
    gates=GATES,
    states=st.none() | st.frozensets(st.sampled_from(UiState)),
    statuses=st.lists(st.sampled_from(Status), unique=True, max_size=3).map(tuple),
    narrow=NARROW,
)
def test_filters_match_exactly_what_is_asked_and_never_twice(
    rows: list[Request],
    gates: tuple[Gate, ...],
    states: frozenset[UiState] | None,
    statuses: tuple[Status, ...],
    narrow: RequestFilter,
) -> None:
    rows = at_gates(rows, gates)
    query = Query(states=states, statuses=statuses, narrow=narrow)
    fits = matcher(narrow)

    found = [row.seq for f in query.filters(gates, counted(rows)) for row in rows if matcher(f)(row)]

    expected = [
        row.seq
        for row in rows
        if fits(row)
        and (not statuses or row.status in statuses)
        and (states is None or _called(row, gates, states))
    ]
    assert sorted(found) == expected


def _called(row: Request, gates: tuple[Gate, ...], states: frozenset[UiState]) -> bool:
    state = ui_state(row, gate_before(gates, row.zone, row.entity))
    # "Held" takes conflicts in: they wait for a person like the others.
    return state in states or (state is UiState.BOTH_CHANGED and UiState.HELD in states)


@given(rows=requests(), gates=GATES)
def test_counts_are_those_of_the_words(rows: list[Request], gates: tuple[Gate, ...]) -> None:
    rows = at_gates(rows, gates)
    counts = count_states(counted(rows), gates)

    for state in set(UiState) - {UiState.BOTH_CHANGED}:
        expected = sum(_called(r, gates, frozenset({state})) for r in rows)
        assert counts[state] == expected, state


@given(rows=requests(), gates=GATES, concern=st.sampled_from(Concern), narrow=NARROW)
def test_a_view_holds_exactly_what_concerns(
    rows: list[Request], gates: tuple[Gate, ...], concern: Concern, narrow: RequestFilter
) -> None:
    rows = at_gates(rows, gates)
    query = Query(concern=concern, narrow=narrow)

    found = [row.seq for f in query.filters(gates, counted(rows)) for row in rows if matcher(f)(row)]

    assert sorted(found) == [row.seq for row in rows if matcher(narrow)(row) and _concern(row) is concern]


def _concern(row: Request) -> Concern | None:
    match row.status:
        case Status.HELD:
            return Concern.WAITING if row.reason is Reason.NO_PROCESSOR else Concern.NEEDS_YOU
        case Status.FAILED:
            return Concern.NEEDS_YOU if row.effect is Effect.WRITE else None
        case Status.COMPLETED:
            return Concern.SENT if row.effect is Effect.WRITE else None
        case Status.PENDING | Status.DEFERRED | Status.RETRYING | Status.UNCERTAIN:
            return Concern.WAITING
        case _:
            return None


def test_without_gates_one_filter_is_enough() -> None:
    counters = Counters(cells=(Cell(zone="a", entity="Tickets", status=Status.PENDING, count=1),))
    query = Query(states=frozenset({UiState.WAITING, UiState.FAILED, UiState.RETRYING}))

    filters = query.filters((), counters)

    assert filters == (RequestFilter(status=(Status.PENDING, Status.RETRYING, Status.FAILED)),)


def test_everything_at_a_gate_is_one_filter_too() -> None:
    counters = Counters(cells=(Cell(zone="a", entity="Tickets", status=Status.PENDING, count=1),))
    gates = (Gate(kind=GateKind.PAUSED),)

    held = Query(states=frozenset({UiState.HELD})).filters(gates, counters)
    waiting = Query(states=frozenset({UiState.WAITING})).filters(gates, counters)

    assert [set(f.status) for f in held] == [{Status.PENDING, Status.RETRYING, Status.HELD}]
    assert waiting == ()


def test_offline_holds_nothing() -> None:
    """Offline is a normal state (console.md 0.2): what waits is called waiting."""
    counters = Counters(cells=(Cell(zone="a", entity="Tickets", status=Status.PENDING, count=3),))
    gates = (Gate(kind=GateKind.OFFLINE),)

    assert count_states(counters, gates) == {UiState.WAITING: 3}


def test_zone_counts_follow_the_states_asked_for() -> None:
    counters = Counters(
        cells=(
            Cell(zone="a", entity="Tickets", status=Status.PENDING, count=3),
            Cell(zone="b", entity="Tickets", status=Status.PENDING, count=2),
            Cell(zone="b", entity="Tickets", status=Status.COMPLETED, count=9),
        )
    )
    gates = (Gate(kind=GateKind.MAINTENANCE, zone="b"),)

    assert count_zones(counters, gates, Query()) == {"a": 3, "b": 11}
    assert count_zones(counters, gates, Query(states=frozenset({UiState.HELD}))) == {"b": 2}
    assert count_zones(counters, gates, Query(statuses=(Status.PENDING,))) == {"a": 3, "b": 2}


def test_sort_is_the_same_in_every_part() -> None:
    rows = [
        request(1, "a", "Tickets", Status.PENDING, None),
        request(2, "b", "Tickets", Status.PENDING, None),
    ]
    narrow = msgspec.structs.replace(RequestFilter(), text="x")
    gates = (Gate(kind=GateKind.MAINTENANCE, zone="b"),)

    filters = Query(states=frozenset({UiState.HELD}), narrow=narrow).filters(gates, counted(rows))

    assert len(filters) == 2
    assert {f.text for f in filters} == {"x"}
    assert len({f.sort for f in filters}) == 1


def test_ranges_intersect() -> None:
    assert intersect(None, Range(min=1)) == Range(min=1)
    assert intersect(Range(min=1, max=9), Range(min=3)) == Range(min=3, max=9)
    assert intersect(None, None) is None

from dataclasses import replace

import msgspec
import pytest
from PySide6.QtWidgets import QApplication

from autotask_console.state import AppState, AppStore, ChangeFlags, Changes, Snapshot, reduce
from autotask_console.state.app_state import MAX_TRACKED
from autotask_queue import (
    BreakerMetrics,
    BreakerState,
    Cell,
    Connectivity,
    ConnectivityState,
    Counters,
    Effect,
    Event,
    EventsLost,
    Gate,
    GateKind,
    MetricsUpdated,
    QueueEmpty,
    QueueMetrics,
    Request,
    RequestCompleted,
    RequestEnqueued,
    RequestFailedEvent,
    RequestId,
    RequestProcessing,
    RequestsChanged,
    SignInAccepted,
    SignInRefused,
    Status,
)


def request(name: str = "a", status: Status = Status.PENDING, effect: Effect = Effect.WRITE) -> Request:
    return Request(
        seq=1,
        id=RequestId(name),
        status=status,
        zone="zone1",
        endpoint="/Tickets",
        method="POST",
        effect=effect,
        entity="Tickets",
        priority=5,
        summary="Create ticket",
        created_at=1.0,
        updated_at=1.0,
    )


def metrics() -> QueueMetrics:
    return QueueMetrics(
        at=1,
        queued_requests=1,
        processing_requests=0,
        completed_requests=0,
        failed_requests=0,
        error_rate=0,
        throughput=0,
        queue_utilization=0,
        average_queue_time=0,
        average_processing_time=0,
        p50=0,
        p95=0,
        p99=0,
        oldest_age=0,
        by_status={},
        by_priority={},
        by_zone={},
    )


def counters(**by_status: int) -> Counters:
    return Counters(
        cells=tuple(
            Cell(zone="zone1", entity="Tickets", status=Status(name), count=count)
            for name, count in by_status.items()
        )
    )


FACTS = Snapshot(at=10.0)


def test_nothing_happened_means_nothing_changed() -> None:
    state, changes = reduce(AppState(), (), FACTS)
    assert not changes
    assert state == replace(AppState(), at=10.0)


def test_request_events_name_the_newest_version_and_count_new_ones() -> None:
    sent = request(status=Status.COMPLETED)
    events: tuple[Event, ...] = (
        RequestEnqueued(at=1, request=request()),
        RequestProcessing(at=2, request=request(status=Status.PROCESSING)),
        RequestCompleted(at=3, request=sent),
        RequestEnqueued(at=4, request=request("b")),
    )
    state, changes = reduce(AppState(), events, FACTS)
    assert changes.flags is ChangeFlags.REQUESTS
    assert changes.requests["a"] is sent  # type: ignore[index]
    assert (changes.added, changes.bulk, len(changes.requests)) == (2, False, 2)
    assert (state.last_sent_at, state.saved_at) == (3, 10.0)


def test_a_bulk_command_says_read_again() -> None:
    _, changes = reduce(AppState(), (RequestsChanged(at=1, count=500, what="cancelled"),), FACTS)
    assert changes.bulk
    assert changes.flags is ChangeFlags.REQUESTS


def test_lost_events_change_everything() -> None:
    events = (EventsLost(at=1, count=3), RequestEnqueued(at=1, request=request()))
    _, changes = reduce(AppState(), events, FACTS)
    assert changes.bulk
    assert changes.flags is ChangeFlags.ALL
    assert not changes.requests


def test_too_many_changed_requests_become_bulk() -> None:
    events = [RequestEnqueued(at=1, request=request(str(i))) for i in range(MAX_TRACKED + 1)]
    _, changes = reduce(AppState(), events, FACTS)
    assert changes.bulk
    assert not changes.requests
    assert changes.added == MAX_TRACKED + 1


@pytest.mark.parametrize(
    ("event", "flag"),
    [
        (MetricsUpdated(at=1, metrics=metrics()), ChangeFlags.METRICS),
        (SignInRefused(at=1, zone="zone1", reason="401"), ChangeFlags.ZONES),
        (SignInAccepted(at=1, zone="zone1"), ChangeFlags.ZONES),
        (QueueEmpty(at=1), ChangeFlags.NONE),
    ],
)
def test_other_events(event: Event, flag: ChangeFlags) -> None:
    state, changes = reduce(AppState(), (event,), FACTS)
    assert changes.flags is flag
    assert (state.metrics is not None) is (flag is ChangeFlags.METRICS)


@pytest.mark.parametrize(
    ("facts", "flag"),
    [
        (replace(FACTS, counters=counters(pending=1)), ChangeFlags.COUNTERS),
        (
            replace(FACTS, connectivity=ConnectivityState(state=Connectivity.OFFLINE)),
            ChangeFlags.CONNECTIVITY,
        ),
        (replace(FACTS, gates=(Gate(kind=GateKind.PAUSED),)), ChangeFlags.GATES),
        (
            replace(FACTS, breakers=(BreakerMetrics(zone="z", state=BreakerState.OPEN),)),
            ChangeFlags.BREAKERS,
        ),
        (replace(FACTS, paused=True), ChangeFlags.PAUSED),
        (replace(FACTS, paused_until=5.0), ChangeFlags.PAUSED),
        (replace(FACTS, zones=("zone1",)), ChangeFlags.ZONES),
    ],
)
def test_facts_that_differ_are_named(facts: Snapshot, flag: ChangeFlags) -> None:
    state, changes = reduce(AppState(), (), facts)
    assert changes.flags is flag
    again, unchanged = reduce(state, (), facts)
    assert not unchanged
    assert again == state


def test_each_reply_moves_the_last_reply_without_being_news() -> None:
    facts = replace(FACTS, connectivity=ConnectivityState(last_ok_at=9.0))
    state, changes = reduce(AppState(), (), facts)
    assert not changes
    assert state.connectivity.last_ok_at == 9.0


def test_coming_back_online_is_remembered() -> None:
    offline, _ = reduce(
        AppState(), (), replace(FACTS, connectivity=ConnectivityState(state=Connectivity.OFFLINE))
    )
    assert not offline.online
    online, _ = reduce(offline, (), replace(FACTS, at=20.0))
    assert online.back_online_at == 20.0
    later, _ = reduce(online, (), replace(FACTS, at=30.0))
    assert later.back_online_at == 20.0


def test_counts_of_the_strip() -> None:
    facts = replace(
        FACTS,
        counters=counters(pending=1, deferred=2, retrying=3, uncertain=4, processing=5, failed=6, held=7),
    )
    state, _ = reduce(AppState(), (), facts)
    assert (state.waiting, state.sending, state.needs_you) == (10, 5, 13)


def test_what_waits_for_a_sign_in_is_waiting_and_a_failed_look_up_needs_nobody() -> None:
    gate = Gate(kind=GateKind.NO_PROCESSOR, zone="zone1")
    cells = tuple(
        Cell(zone=zone, entity="", status=status, count=count)
        for zone, status, count in (
            ("zone1", Status.HELD, 3),
            ("zone2", Status.HELD, 1),
            ("zone2", Status.FAILED, 1),
        )
    )
    facts = replace(FACTS, counters=Counters(cells=cells), gates=(gate,))
    failed = RequestFailedEvent(at=1.0, request=request(status=Status.FAILED, effect=Effect.READ))
    state, _ = reduce(AppState(), (failed,), facts)
    assert (state.waiting, state.held, state.failed, state.needs_you) == (3, 1, 0, 1)
    signed_in, _ = reduce(state, (), replace(facts, gates=()))
    assert (signed_in.waiting, signed_in.held) == (0, 4)


def test_only_work_counts_as_sent_last() -> None:
    done = [
        RequestCompleted(at=at, request=request(status=Status.COMPLETED, effect=effect))
        for at, effect in ((1.0, Effect.WRITE), (2.0, Effect.READ))
    ]
    state, _ = reduce(AppState(), done, FACTS)
    assert state.last_sent_at == 1.0


def test_the_first_gate_of_a_kind() -> None:
    gates = (Gate(kind=GateKind.SIGN_IN, zone="a"), Gate(kind=GateKind.SIGN_IN, zone="b"))
    state = AppState(gates=gates)
    assert state.gate(GateKind.SIGN_IN) is gates[0]
    assert state.gate(GateKind.PAUSED) is None


def test_joined_changes_keep_the_later_version() -> None:
    early = Changes(flags=ChangeFlags.REQUESTS, requests={RequestId("a"): request()}, added=1)
    late = Changes(
        flags=ChangeFlags.COUNTERS, requests={RequestId("a"): request(status=Status.FAILED)}, added=1
    )
    both = early | late
    assert both.requests[RequestId("a")].status is Status.FAILED
    assert (both.flags, both.added, both.bulk) == (ChangeFlags.REQUESTS | ChangeFlags.COUNTERS, 2, False)
    assert (both | Changes(bulk=True)).requests == {}


def test_the_store_tells_only_of_changes(qapp: QApplication) -> None:
    facts = [FACTS]
    store = AppStore(AppState(), look=lambda: facts[0])
    seen: list[Changes] = []
    store.changed.connect(seen.append)
    store.apply(())
    assert seen == []
    facts[0] = replace(FACTS, paused=True)
    store.look_again()
    assert [c.flags for c in seen] == [ChangeFlags.PAUSED]
    assert store.state.paused


def test_a_gap_tells_everybody_to_read_again(qapp: QApplication) -> None:
    store = AppStore(AppState(), look=lambda: FACTS)
    seen: list[Changes] = []
    store.changed.connect(seen.append)
    store.gap()
    assert [(c.flags, c.bulk) for c in seen] == [(ChangeFlags.ALL, True)]


def test_notes_replace_facts_from_elsewhere(qapp: QApplication) -> None:
    store = AppStore(AppState(), look=lambda: FACTS)
    seen: list[Changes] = []
    store.changed.connect(seen.append)
    store.note(ChangeFlags.LIFE, open=True)
    store.note(ChangeFlags.LIFE, open=True)
    assert [c.flags for c in seen] == [ChangeFlags.LIFE]
    assert store.state.open


def test_states_are_frozen() -> None:
    with pytest.raises(AttributeError):
        AppState().open = True  # type: ignore[misc]
    with pytest.raises(TypeError):
        AppState().by_status[Status.PENDING] = 1  # type: ignore[index]
    assert msgspec.structs.asdict(ConnectivityState())["state"] == "online"

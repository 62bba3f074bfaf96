"""The breaker's promises, for any order of calls, answers, holds and passing time."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from typing_extensions import override

from autotask_queue.model.breaker import BreakerRecord, BreakerState, Override, OverrideKind
from autotask_queue.model.config import CircuitBreakerConfig
from autotask_queue.policy.breaker import (
    FIRST_COOL_DOWN,
    HUNG_AFTER,
    HUNG_AT_MOST,
    PROBE_DEADLINE,
    QUIET,
    Permit,
    Transition,
    ZoneBreaker,
)
from autotask_queue.policy.failure_ratio import HIGHEST, LEARN_AFTER, LOWEST
from autotask_queue.policy.retry import Signal

CONFIG = CircuitBreakerConfig()
WALL = 1_800_000_000.0


def breaker(*, enabled: bool = True) -> ZoneBreaker:
    config = CircuitBreakerConfig(enabled=enabled)
    return ZoneBreaker.restore(BreakerRecord(zone="z"), config, random.Random(1), mono=0.0)


def state_of(b: ZoneBreaker) -> BreakerState:
    return b.state  # through a function: a type checker believes that attributes do not change


def fail_until_open(b: ZoneBreaker, mono: float = 100.0) -> float:
    for _ in range(CONFIG.failure_threshold):
        permit = b.acquire(mono, WALL)
        assert permit is not None
        b.release(permit, Signal.FAIL, mono, WALL)
        mono += 1
    assert state_of(b) is BreakerState.OPEN
    return mono


def hold(*, entity: str | None = None, until: float | None = None) -> Override:
    return Override(
        kind=OverrideKind.FORCED_OPEN,
        reason="swap",
        actor="anna",
        since=WALL,
        expires_at=until,
        entity=entity,
    )


def test_a_streak_opens_only_after_a_quiet_time_without_success() -> None:
    b = breaker()
    permits = [b.acquire(100.0, WALL) for _ in range(7)]
    ok = b.acquire(100.0, WALL)
    assert ok is not None
    b.release(ok, Signal.OK, 100.0, WALL)
    for permit in permits[:6]:
        assert permit is not None
        b.release(permit, Signal.FAIL, 100.0 + QUIET - 0.1, WALL)
    assert state_of(b) is BreakerState.CLOSED, "a burst right after a success is no outage"
    assert permits[6] is not None
    b.release(permits[6], Signal.FAIL, 100.0 + QUIET, WALL)
    assert state_of(b) is BreakerState.OPEN


@pytest.mark.parametrize("signal", [Signal.NEUTRAL, Signal.THROTTLE])
def test_b14_neither_refused_content_nor_throttling_opens_it(signal: Signal) -> None:
    b = breaker()
    for i in range(100):
        permit = b.acquire(100.0 + i, WALL)
        assert permit is not None
        b.release(permit, signal, 100.0 + i, WALL)
    assert state_of(b) is BreakerState.CLOSED


def test_b3_an_answer_from_before_the_opening_closes_nothing() -> None:
    b = breaker()
    old = b.acquire(99.0, WALL)
    assert old is not None
    mono = fail_until_open(b)
    b.tick(mono + 30, WALL)
    assert state_of(b) is BreakerState.HALF_OPEN
    before = b.generation
    assert b.release(old, Signal.OK, mono + 30, WALL) is None
    assert (b.state, b.generation, b.successes) == (BreakerState.HALF_OPEN, before, 0)


def test_b2_half_open_lets_one_call_through_and_closes_after_two_with_a_ramp() -> None:
    b = breaker()
    mono = fail_until_open(b) + 30
    b.tick(mono, WALL)
    first = b.acquire(mono, WALL)
    assert first is not None
    assert b.acquire(mono, WALL) is None
    b.release(first, Signal.OK, mono, WALL)
    assert state_of(b) is BreakerState.HALF_OPEN
    second = b.acquire(mono, WALL)
    assert second is not None
    b.release(second, Signal.OK, mono, WALL)
    assert state_of(b) is BreakerState.CLOSED
    assert b.available(mono, WALL) == 1, "it starts slowly"
    third = b.acquire(mono, WALL)
    assert third is not None
    b.release(third, Signal.OK, mono, WALL)
    assert b.available(mono, WALL) == 2


def test_b7_a_test_that_never_answers_does_not_block_for_ever() -> None:
    b = breaker()
    mono = fail_until_open(b) + 30
    b.tick(mono, WALL)
    assert b.acquire(mono, WALL) is not None
    assert b.tick(mono + PROBE_DEADLINE - 0.1, WALL) == []
    assert b.tick(mono + PROBE_DEADLINE, WALL)[0].state is BreakerState.OPEN
    b.tick(mono + PROBE_DEADLINE + CONFIG.timeout, WALL)
    assert b.acquire(mono + PROBE_DEADLINE + CONFIG.timeout, WALL) is not None


def test_b4_a_cancelled_test_gives_its_place_to_the_next() -> None:
    b = breaker()
    mono = fail_until_open(b) + 30
    b.tick(mono, WALL)
    permit = b.acquire(mono, WALL)
    assert permit is not None
    b.release(permit, Signal.NEUTRAL, mono, WALL)
    assert state_of(b) is BreakerState.HALF_OPEN
    assert b.acquire(mono, WALL) is not None


def test_b6_b8_cool_downs_grow_up_to_the_cap_and_shrink_in_quiet_times() -> None:
    b = breaker()
    mono = fail_until_open(b)
    waits = []
    for _ in range(30):
        wait = b.retry_in(mono)
        assert wait is not None
        waits.append(wait)
        mono += wait
        b.tick(mono, WALL)
        permit = b.acquire(mono, WALL)
        assert permit is not None
        b.release(permit, Signal.FAIL, mono, WALL)
    assert all(0.5 * FIRST_COOL_DOWN - 1 <= w <= CONFIG.timeout for w in waits)
    assert max(waits) > 0.6 * CONFIG.timeout
    b.reset("by hand")
    b.trips = 5
    b.tick(mono + 3_600, WALL)
    assert b.trips == 0


def test_b1_a_hold_outlasts_everything_and_its_results_move_nothing() -> None:
    b = breaker()
    running = b.acquire(0.0, WALL)
    assert running is not None
    b.force(hold())
    b.release(running, Signal.FAIL, 1.0, WALL)
    for mono in (1.0, 1e3, 1e9):
        assert b.tick(mono, WALL + mono) == []
        assert b.acquire(mono, WALL + mono) is None
    ended = b.release_override(None, "done", WALL)
    assert ended is not None
    assert state_of(b) is BreakerState.HALF_OPEN, "tested before it is used, never straight to closed"


def test_a_forced_close_lets_everything_through_until_it_expires() -> None:
    b = breaker()
    mono = fail_until_open(b)
    b.force(
        Override(kind=OverrideKind.FORCED_CLOSED, reason="r", actor="a", since=WALL, expires_at=WALL + 60)
    )
    for i in range(20):
        permit = b.acquire(mono, WALL)
        assert permit is not None
        b.release(permit, Signal.FAIL, mono + i, WALL)
    b.tick(mono, WALL + 60)
    assert state_of(b) is BreakerState.HALF_OPEN


def test_a_hold_of_one_endpoint_leaves_the_zone_alone() -> None:
    b = breaker()
    b.force(hold(entity="Tickets", until=WALL + 10))
    assert b.acquire(0.0, WALL) is not None
    assert b.override_at(WALL, "Tickets") is not None
    b.tick(0.0, WALL + 10)
    assert b.overrides == ()
    assert state_of(b) is BreakerState.CLOSED


def test_b5_a_restart_keeps_holds_and_stays_shut() -> None:
    b = breaker()
    mono = fail_until_open(b)
    b.force(hold(entity="Tickets", until=WALL + 10))
    again = ZoneBreaker.restore(b.record(), CONFIG, random.Random(2), mono=5.0)
    assert again.overrides == b.overrides
    assert again.trips == b.trips
    assert again.state is BreakerState.OPEN
    wait = again.retry_in(5.0)
    assert wait is not None
    assert 0.5 * FIRST_COOL_DOWN <= wait <= FIRST_COOL_DOWN
    assert mono


def test_switched_off_it_never_opens() -> None:
    b = breaker(enabled=False)
    for i in range(50):
        permit = b.acquire(100.0 + i, WALL)
        assert permit is not None
        b.release(permit, Signal.FAIL, 100.0 + i, WALL)
    assert state_of(b) is BreakerState.CLOSED


def test_dropping_a_hold_that_was_only_planned_changes_nothing_else() -> None:
    b = breaker()
    planned = Override(kind=OverrideKind.FORCED_OPEN, reason="r", actor="a", since=WALL, starts_at=WALL + 60)
    b.force(planned)
    dropped = b.release_override(None, "not needed", WALL)
    assert dropped is not None
    assert (dropped.ended, dropped.held) == (planned, False)
    assert state_of(b) is BreakerState.CLOSED


def test_extending_without_a_hold_does_nothing() -> None:
    b = breaker()
    assert b.extend(60, None) is None
    b.force(hold(until=WALL + 60))
    b.extend(60, None)
    assert b.overrides[0].expires_at == WALL + 120


# ---------------------------------------------------------------------------------------------
# A share of failures, and calls that hang


def test_too_large_a_share_of_failures_opens_it_though_some_calls_succeed() -> None:
    b = breaker()
    mono = 100.0
    for i in range(60):
        permit = b.acquire(mono, WALL)
        if permit is None:
            break
        b.release(permit, Signal.OK if i % 6 == 0 else Signal.FAIL, mono, WALL)
        mono += 0.5
    else:
        pytest.fail("it never opened")
    assert state_of(b) is BreakerState.OPEN
    assert " of the last " in b.reason, "not for a streak"


def test_a_share_from_before_the_opening_does_not_open_it_again() -> None:
    b = breaker()
    mono = 100.0
    for _ in range(20):  # five in a row within a second of a success are no streak
        for signal in (Signal.FAIL, Signal.FAIL, Signal.FAIL, Signal.FAIL, Signal.OK):
            permit = b.acquire(mono, WALL)
            if permit is not None:
                b.release(permit, signal, mono, WALL)
    assert state_of(b) is BreakerState.OPEN
    mono += CONFIG.timeout
    b.tick(mono, WALL)
    for signal in (Signal.OK, Signal.OK, Signal.FAIL):
        permit = b.acquire(mono, WALL)
        assert permit is not None
        b.release(permit, signal, mono, WALL)
    assert state_of(b) is BreakerState.CLOSED


def test_calls_that_all_hang_open_it() -> None:
    b = breaker()
    for mono in (100.0, 104.0):
        assert b.acquire(mono, WALL) is not None
    assert b.next_time(104.0, WALL, full=True) == HUNG_AFTER
    assert b.tick(104.0 + HUNG_AFTER - 0.1, WALL, full=True) == []
    assert b.tick(104.0 + HUNG_AFTER, WALL, full=False) == [], "others may still start"
    (transition,) = b.tick(104.0 + HUNG_AFTER, WALL, full=True)
    assert transition.state is BreakerState.OPEN
    assert transition.reason == "all 2 calls that may run get no answer"


def test_an_answer_of_any_kind_shows_that_the_zone_does_not_hang() -> None:
    b = breaker()
    permits = [b.acquire(100.0, WALL) for _ in range(3)]
    assert permits[0] is not None
    b.release(permits[0], Signal.NEUTRAL, 109.0, WALL)
    assert b.tick(100.0 + HUNG_AFTER, WALL, full=True) == []
    assert b.tick(109.0 + HUNG_AFTER, WALL, full=True)[0].state is BreakerState.OPEN


def test_calls_of_a_slow_zone_do_not_hang_as_soon() -> None:
    b = breaker()
    b.note_latency(6.0)
    assert b.acquire(100.0, WALL) is not None
    assert b.tick(100.0 + 23.9, WALL, full=True) == []
    assert b.tick(100.0 + 24.0, WALL, full=True)[0].reason == "the only call that may run gets no answer"
    b.note_latency(10_000.0)
    assert b.hung_after == HUNG_AT_MOST
    b.note_latency(None)
    assert b.hung_after == HUNG_AFTER


def test_switched_off_or_held_it_does_not_open_for_calls_that_hang() -> None:
    off, held = breaker(enabled=False), breaker()
    assert off.acquire(100.0, WALL) is not None
    assert held.acquire(100.0, WALL) is not None
    held.force(hold())
    for b in (off, held):
        assert b.tick(1_000.0, WALL, full=True) == []
        assert state_of(b) is BreakerState.CLOSED


def test_b5_what_is_usual_survives_a_restart() -> None:
    b = breaker()
    b.ratio.usual = 0.09
    again = ZoneBreaker.restore(b.record(), CONFIG, random.Random(2), mono=5.0)
    assert again.ratio.threshold == b.ratio.threshold != breaker().ratio.threshold


def test_b11_the_threshold_stands_still_while_it_is_open_and_ten_minutes_after() -> None:
    b = breaker()
    mono = fail_until_open(b)
    again = ZoneBreaker.restore(b.record(), CONFIG, random.Random(2), mono=mono)
    for one in (b, again):
        before = one.ratio.usual
        at = mono + CONFIG.timeout
        one.tick(at, WALL)
        for _ in range(int(LEARN_AFTER) - 60):
            permit = one.acquire(at, WALL)
            assert permit is not None
            one.release(permit, Signal.OK, at, WALL)
            at += 1
        assert state_of(one) is BreakerState.CLOSED
        assert one.ratio.usual == before
        for _ in range(120):
            permit = one.acquire(at, WALL)
            assert permit is not None
            one.release(permit, Signal.OK, at, WALL)
            at += 1
        assert one.ratio.usual < before


class AnyOrder(RuleBasedStateMachine):
    """Random calls and times, wall-clock jumps included."""

    def __init__(self) -> None:
        super().__init__()
        self.b = breaker()
        self.mono, self.wall = 100.0, WALL
        self.out: list[Permit] = []
        self.issued = self.returned = 0
        self.opened_at: float | None = None

    def note(self, transition: Transition | None) -> None:
        if transition is not None:
            assert transition.reason, "B9: every change says why"
            # A hold that ended, by hand or by time, has the zone tested at once, whatever it was before.
            if not transition.forced or transition.state is BreakerState.HALF_OPEN:
                self.opened_at = self.mono if transition.state is BreakerState.OPEN else None

    @rule(seconds=st.floats(0, 120), full=st.booleans())
    def time_passes(self, seconds: float, *, full: bool) -> None:
        self.mono += seconds
        self.wall += seconds
        before, threshold = self.b.state, self.b.ratio.threshold
        for transition in self.b.tick(self.mono, self.wall, full=full):
            self.note(transition)
        if before is not BreakerState.CLOSED:
            assert self.b.ratio.threshold == threshold, "B11"

    @rule(seconds=st.floats(-7_200, 7_200))
    def wall_clock_jumps(self, seconds: float) -> None:
        self.wall += seconds

    @rule()
    def acquire(self) -> None:
        held = self.b.override_at(self.wall)
        permit = self.b.acquire(self.mono, self.wall)
        if permit is not None:
            self.out.append(permit)
            self.issued += 1
            assert held is None or held.kind is not OverrideKind.FORCED_OPEN, "B1"
            if self.opened_at is not None and held is None:
                assert self.mono - self.opened_at >= 0.5 * FIRST_COOL_DOWN, "B6"

    @precondition(lambda self: self.out)
    @rule(data=st.data(), signal=st.sampled_from(Signal))
    def release(self, data: st.DataObject, signal: Signal) -> None:
        permit = self.out.pop(data.draw(st.integers(0, len(self.out) - 1)))
        before = (self.b.state, self.b.generation)
        stale = permit.generation != self.b.generation
        transition = self.b.release(permit, signal, self.mono, self.wall)
        self.returned += 1
        self.note(transition)
        if stale or signal is Signal.NEUTRAL:
            assert (self.b.state, self.b.generation) == before, "B3, B4"

    @rule(minutes=st.one_of(st.none(), st.floats(1, 90)), entity=st.sampled_from([None, "Tickets"]))
    def somebody_holds(self, minutes: float | None, entity: str | None) -> None:
        until = None if minutes is None else self.wall + minutes * 60
        self.note(self.b.force(hold(entity=entity, until=until)))

    @rule(entity=st.sampled_from([None, "Tickets"]))
    def somebody_ends_it(self, entity: str | None) -> None:
        self.note(self.b.release_override(entity, "done", self.wall))

    @rule()
    def restart(self) -> None:
        overrides = self.b.overrides
        self.b = ZoneBreaker.restore(self.b.record(), CONFIG, random.Random(3), mono=self.mono)
        assert self.b.overrides == overrides, "B5"
        self.out.clear()
        self.issued = self.returned = 0
        self.opened_at = self.mono if self.b.state is BreakerState.OPEN else None

    @invariant()
    def books_balance(self) -> None:
        assert self.issued - self.returned == len(self.out), "B13"
        assert self.b.live <= set(self.out)
        assert LOWEST <= self.b.ratio.threshold <= HIGHEST, "B11"
        if self.b.state is BreakerState.HALF_OPEN and self.b.override_at(self.wall) is None:
            assert len([p for p in self.out if p.generation == self.b.generation and p.probe]) <= 1, "B2"

    @override
    def teardown(self) -> None:
        """B7: with a healthy server it closes, whatever happened before."""
        self.b.overrides = ()
        deadline = self.mono + CONFIG.timeout + PROBE_DEADLINE + 2
        while self.b.state is not BreakerState.CLOSED and self.mono < deadline:
            self.b.tick(self.mono, self.wall)
            permit = self.b.acquire(self.mono, self.wall)
            if permit is not None:
                self.b.release(permit, Signal.OK, self.mono, self.wall)
            self.mono += 0.25
        assert self.b.state is BreakerState.CLOSED


TestAnyOrder = AnyOrder.TestCase
TestAnyOrder.settings = settings(max_examples=150, stateful_step_count=40)


@given(trips=st.integers(0, 10**6))
def test_b8_the_cool_down_stays_in_its_bounds_for_any_number_of_openings(trips: int) -> None:
    b = breaker()
    b.trips = min(trips, 10**6)
    fail_until_open(b)
    wait = b._until - (100.0 + CONFIG.failure_threshold - 1)
    assert 0.5 * FIRST_COOL_DOWN <= wait <= CONFIG.timeout


# ---------------------------------------------------------------------------------------------
# What others decide


def test_following_others_takes_their_holds_and_nothing_else() -> None:
    b = breaker()
    fail_until_open(b)
    trips = b.trips
    set_ = _hold("update")
    (transition,) = b.follow((set_,), WALL)
    assert (transition.forced, transition.override) == (True, set_)
    assert (b.overrides, state_of(b), b.trips) == ((set_,), BreakerState.OPEN, trips)
    assert b.follow((set_,), WALL) == []


def test_a_hold_ended_elsewhere_is_tested_first() -> None:
    b = breaker()
    b.force(_hold("update"))
    (transition,) = b.follow((), WALL)
    assert (transition.ended, transition.held) == (_hold("update"), True)
    assert state_of(b) is BreakerState.HALF_OPEN


def test_a_planned_hold_dropped_elsewhere_changes_nothing_now() -> None:
    b = breaker()
    b.force(_hold("later", starts_at=WALL + 60))
    (transition,) = b.follow((), WALL)
    assert not transition.held
    assert state_of(b) is BreakerState.CLOSED


def test_a_hold_changed_elsewhere_is_replaced_in_its_scope_only() -> None:
    b = breaker()
    b.force(_hold("update"))
    b.force(_hold("import", entity="Notes"))
    longer = _hold("update", expires_at=WALL + 60)
    (transition,) = b.follow((longer, _hold("import", entity="Notes")), WALL)
    assert transition.override == longer
    assert set(b.overrides) == {longer, _hold("import", entity="Notes")}


def _hold(reason: str, **values: Any) -> Override:
    return Override(kind=OverrideKind.FORCED_OPEN, reason=reason, actor="anna", since=WALL, **values)

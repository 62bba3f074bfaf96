"""The adaptive strategy: what it answers to which load, that it does not swing, and that nobody starves."""

from __future__ import annotations

from itertools import combinations, pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.core.policy.ready import Queue, arrived, head

from autotask_queue.model.status import Effect
from autotask_queue.model.strategy import Load, Strain
from autotask_queue.model.work import Rule
from autotask_queue.policy.adaptive import (
    BACKLOG,
    CALM,
    LITTLE_USED,
    MUCH_USED,
    OUTAGE,
    PATIENCE,
    REFUSALS,
    TARGET,
    adapt,
    is_calm,
    spares,
    strains,
    terms,
)
from autotask_queue.policy.schedule import (
    HEAD_STARTS,
    LONGEST_HEAD_START,
    OLDEST_EVERY,
    ORDERS,
    background_slots,
)

SETS = [chosen for count in range(len(Strain) + 1) for chosen in combinations(Strain, count)]
"""Every set of strains there can be."""

CAUSES: dict[Strain, dict[str, Any]] = {
    Strain.CROWDED: {"shortest_wait": TARGET + 0.01, "longest_wait": TARGET + 5},
    Strain.DRAINING: {"outage": OUTAGE, "backlog": BACKLOG},
    Strain.SCARCE: {"calls_used": MUCH_USED},
}


def under(*causes: Strain, **more: Any) -> Load:
    return Load(**{k: v for cause in causes for k, v in CAUSES[cause].items()} | more)


loads = st.builds(
    Load,
    shortest_wait=st.sampled_from([0.0, TARGET, TARGET + 0.1]),
    longest_wait=st.sampled_from([0.0, TARGET, TARGET + 0.1]),
    outage=st.sampled_from([0.0, OUTAGE - 1, OUTAGE]),
    backlog=st.sampled_from([0, 1, BACKLOG - 1, BACKLOG]),
    calls_used=st.sampled_from([0.0, LITTLE_USED, 0.7, MUCH_USED, 1.0]),
    refusals=st.sampled_from([0, 1, REFUSALS]),
)
looks = st.lists(st.tuples(loads, st.sampled_from([0.5, 5.0, 30.0, 100.0])), min_size=1, max_size=80)

# ---------------------------------------------------------------------------------------------
# What is answered to which load


@pytest.mark.parametrize("strain", Strain)
def test_a_strain_sets_in_after_its_time_and_ends_after_another(strain: Strain) -> None:
    begin, end = PATIENCE[strain]
    latches = CALM
    if begin:
        latches = adapt(latches, under(strain), 0.0)
        assert strains(adapt(latches, under(strain), begin - 0.1)) == ()
    latches = adapt(latches, under(strain), begin)
    assert strains(latches) == (strain,)
    latches = adapt(latches, Load(), begin + 1)
    assert strains(adapt(latches, Load(), begin + end + 0.9)) == (strain,)
    latches = adapt(latches, Load(), begin + 1 + end)
    assert is_calm(latches)


@pytest.mark.parametrize(
    ("strain", "load", "goes_on"),
    [
        (Strain.CROWDED, Load(shortest_wait=TARGET, longest_wait=60), True),
        (Strain.DRAINING, Load(outage=OUTAGE - 1, backlog=10_000), False),  # a long queue is no outage
        (Strain.DRAINING, Load(outage=100_000, backlog=BACKLOG - 1), True),
        (Strain.SCARCE, Load(calls_used=MUCH_USED - 0.01, refusals=REFUSALS - 1), True),
    ],
)
def test_below_its_threshold_a_strain_does_not_set_in_but_goes_on(
    strain: Strain, load: Load, goes_on: bool
) -> None:
    latches = adapt(CALM, load, 0.0)
    assert strains(adapt(latches, load, 1_000.0)) == ()
    latches = CALM
    for mono in (0.0, 20.0):
        latches = adapt(latches, under(*Strain), mono)
    assert strains(latches) == tuple(Strain)
    for mono in range(30, 2_000, 10):
        latches = adapt(latches, load, float(mono))
    assert (strain in strains(latches)) is goes_on


def test_many_refusals_are_a_want_of_calls_too() -> None:
    assert strains(adapt(CALM, Load(refusals=REFUSALS), 0.0)) == (Strain.SCARCE,)


def test_each_strain_changes_its_own_term() -> None:
    assert terms(()) == ORDERS["priority"]
    for present in SETS:
        found = terms(present)
        assert (found.rule is Rule.WEIGHTED) is (Strain.DRAINING in present)
        assert found.newest_reads is (Strain.CROWDED in present)
        assert (found.background_after > 0) is spares(present)
        assert found.background_after <= LONGEST_HEAD_START, "nobody is put off for longer than priority does"
    assert len({(f.rule, f.newest_reads, f.background_after) for f in map(terms, SETS)}) == 6


# ---------------------------------------------------------------------------------------------
# S8: it does not swing


@given(looks)
def test_s8_a_strain_stays_as_long_as_its_patience_whatever_the_load_does(
    steps: list[tuple[Load, float]],
) -> None:
    latches, mono = CALM, 0.0
    turns: dict[Strain, list[float]] = {strain: [0.0] for strain in Strain}
    for load, seconds in steps:
        before, latches = latches, adapt(latches, load, mono)
        for strain in set(strains(before)) ^ set(strains(latches)):
            turns[strain].append(mono)
        mono += seconds
    for strain, times in turns.items():
        begin, end = PATIENCE[strain]
        for place, (one, other) in enumerate(pairwise(times)):
            assert other - one >= (end if place % 2 else begin)


@given(st.sampled_from(Strain), st.floats(0.1, 20))
def test_s8_a_load_that_swings_faster_than_the_patience_does_not_swing_the_order(
    strain: Strain, period: float
) -> None:
    latches, changes = CALM, 0
    for step in range(400):
        load = under(strain) if step % 2 else Load()
        before, latches = latches, adapt(latches, load, step * min(period, PATIENCE[strain][1] * 0.9))
        changes += before != latches and strains(before) != strains(latches)
    assert changes <= 1


@given(st.lists(loads, min_size=1, max_size=20))
def test_without_a_strain_and_a_cause_nobody_has_to_look_again(seen: list[Load]) -> None:
    latches = CALM
    for place, load in enumerate(seen):
        latches = adapt(latches, load, float(place))
    for late in (1_000.0, 2_000.0):
        latches = adapt(latches, Load(), late)
    assert is_calm(latches)


# ---------------------------------------------------------------------------------------------
# S1, S3, S6 under every strain, and while they change

priorities = st.integers(1, 10)
effects = st.sampled_from(Effect)
present = st.sampled_from(SETS)
STEP = 60.0
"""Seconds that each call takes, and between two arrivals: all of the capacity is asked for again at once."""


@given(st.lists(st.tuples(priorities, effects), min_size=1, max_size=15), st.lists(present, min_size=1))
def test_s3_nobody_starves_whatever_the_load_does(
    first: list[tuple[int, Effect]], schedule: list[tuple[Strain, ...]]
) -> None:
    """For each that is served, a newer and most urgent read arrives; the strains change with each."""
    queue = Queue(ORDERS["priority"], [head(i, p, 0.0, e) for i, (p, e) in enumerate(first)])
    longest = (LONGEST_HEAD_START + 30) / STEP
    for step in range(1, int(OLDEST_EVERY * 16 * (len(first) + longest))):
        now = step * STEP
        queue.add(head(len(first) + step, 10, now, Effect.READ))
        queue.terms = terms(schedule[step % len(schedule)])
        queue.take_if_any(now)
        if all(one.seq >= len(first) for one in queue.waiting):
            return
    assert not [one for one in queue.waiting if one.seq < len(first)], "somebody starves"


@given(st.lists(st.tuples(priorities, st.floats(0, 5_000)), min_size=2, max_size=40), present)
def test_s1_writes_are_overtaken_within_the_head_start_only(
    items: list[tuple[int, float]], strained: tuple[Strain, ...]
) -> None:
    """Under a strain too, where the shares of `weighted` are not asked for."""
    queue = Queue(terms([s for s in strained if s is not Strain.DRAINING]))
    coming, now = arrived(items), 0.0
    while coming or queue.waiting:
        while coming and coming[0].enqueued_at <= now:
            queue.add(coming.pop(0))
        chosen = queue.take_if_any(now)
        now += STEP
        if chosen is None:
            continue
        for other in queue.waiting:
            assert chosen.enqueued_at <= other.enqueued_at + LONGEST_HEAD_START + 30 + 1e-6


@given(
    st.lists(st.tuples(priorities, st.floats(0, 5_000)), min_size=1, max_size=40),
    st.lists(present, min_size=1, max_size=40),
)
def test_s6_strains_that_come_and_go_lose_and_repeat_nobody(
    items: list[tuple[int, float]], schedule: list[tuple[Strain, ...]]
) -> None:
    queue = Queue(ORDERS["priority"], arrived(items))
    taken: list[int] = []
    while queue.waiting:
        queue.terms = terms(schedule[len(taken) % len(schedule)])
        taken.append(queue.take().seq)
    assert sorted(taken) == list(range(len(items)))


# ---------------------------------------------------------------------------------------------
# Slots


def test_background_leaves_a_slot_free_for_what_is_urgent() -> None:
    weighted, fifo = ORDERS["weighted"], ORDERS["fifo"]
    assert [background_slots(weighted, slots) for slots in (1, 2, 10)] == [1, 1, 9]
    assert [background_slots(weighted, slots, spare=True) for slots in (1, 2, 10)] == [1, 1, 1]
    assert [background_slots(fifo, slots, spare=True) for slots in (1, 2, 10)] == [1, 2, 10]


def test_background_is_put_off_for_as_long_as_the_longest_head_start() -> None:
    young, normal = head(1, 2, 0.0), head(2, 5, 1_000.0)
    scarce = terms((Strain.SCARCE,))
    assert Queue(terms(()), [young, normal]).take(1_000.0) == young, "it is older than normal's head start"
    assert Queue(scarce, [young, normal]).take(1_000.0) == normal
    assert Queue(scarce, [young]).take_if_any(LONGEST_HEAD_START - 1) is None
    assert Queue(scarce, [young, normal]).take(LONGEST_HEAD_START) == young
    assert HEAD_STARTS[4] < 1_000.0

"""Who goes first, and that nobody waits for ever. S2, S5, S6 and S7 on real stores: tests/core/store."""

from __future__ import annotations

import random
from collections import Counter

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st
from tests.core.policy.ready import Queue, arrived, head, seqs

from autotask_queue.model.status import Effect
from autotask_queue.model.work import Rule, Turn
from autotask_queue.policy.schedule import (
    HEAD_STARTS,
    LONGEST_HEAD_START,
    OLDEST_EVERY,
    ORDERS,
    WEIGHTS,
    choose,
    class_of,
    may_go,
    order,
)

priorities = st.integers(1, 10)
arrivals = st.lists(st.tuples(priorities, st.floats(0, 5_000)), min_size=2, max_size=60)

# ---------------------------------------------------------------------------------------------
# fifo, priority


def test_more_urgent_goes_first_within_its_head_start() -> None:
    queue = Queue(ORDERS["priority"], [head(1, 5, 0.0), head(2, 10, 100.0)])
    assert queue.take().seq == 2
    late = Queue(ORDERS["priority"], [head(1, 5, 0.0), head(2, 10, 2_000.0)])
    assert late.take().seq == 1, "its head start is used up"


@given(arrivals)
def test_fifo_is_the_order_of_arrival_whatever_the_priority(items: list[tuple[int, float]]) -> None:
    waiting = arrived(items)
    assert Queue(ORDERS["fifo"], reversed(waiting)).drain() == waiting


@given(arrivals, st.integers(0, 1_000))
def test_s1_nobody_is_overtaken_from_beyond_the_head_start(items: list[tuple[int, float]], seed: int) -> None:
    waiting = arrived(items)
    random.Random(seed).shuffle(waiting)
    queue = Queue(ORDERS["priority"], waiting)
    while queue.waiting:
        chosen = queue.take()
        for other in queue.waiting:
            bound = other.enqueued_at + HEAD_STARTS[chosen.priority - 1] - HEAD_STARTS[other.priority - 1]
            assert chosen.enqueued_at <= bound + 1e-6  # floats
            assert chosen.enqueued_at <= other.enqueued_at + LONGEST_HEAD_START + 30 + 1e-6


@given(arrivals, st.integers(0, 59), st.floats(-7_200, 7_200))
@example([(10, 5_000.0), (5, 5_001.0)], 1, -5_000.0)
def test_s1_nobody_less_urgent_overtakes_because_the_clock_was_set(
    items: list[tuple[int, float]], when: int, jump: float
) -> None:
    true = arrived(items)
    queue = Queue(
        ORDERS["priority"],
        [h if h.seq < when else head(h.seq, h.priority, h.enqueued_at + jump) for h in true],
    )
    while queue.waiting:
        chosen = queue.take()
        assert all(chosen.priority > other.priority for other in queue.waiting if other.seq < chosen.seq)


# ---------------------------------------------------------------------------------------------
# lifo


@given(st.lists(st.sampled_from(Effect), min_size=1, max_size=40))
def test_lifo_takes_the_newest_read_but_for_every_fourth_and_leaves_writes_in_order(
    effects: list[Effect],
) -> None:
    waiting = [head(i, 5, float(i), effect) for i, effect in enumerate(effects)]
    taken = Queue(ORDERS["lifo"], waiting).drain()
    writes = [h.seq for h in taken if h.effect is Effect.WRITE]
    assert writes == sorted(writes)
    left = [h.seq for h in waiting if h.effect is Effect.READ]
    for place, read in enumerate((h for h in taken if h.effect is Effect.READ), start=1):
        assert read.seq == (left[0] if place % OLDEST_EVERY == 0 else left[-1])
        left.remove(read.seq)


@given(st.lists(st.sampled_from(Effect), min_size=1, max_size=30))
def test_s3_under_lifo_nobody_waits_for_more_than_four_times_those_before_it(effects: list[Effect]) -> None:
    """New reads keep coming, one for each that is served: the oldest go all the same."""
    waiting = [head(i, 5, float(i), effect) for i, effect in enumerate(effects)]
    queue, count = Queue(ORDERS["lifo"], waiting), 0
    while any(h.seq < len(effects) for h in queue.waiting):
        queue.add(head(1_000 + count, 5, 1_000.0 + count, Effect.READ))
        queue.take()
        count += 1
        assert count <= OLDEST_EVERY * (len(effects) + 1)


# ---------------------------------------------------------------------------------------------
# weighted


@given(st.lists(priorities, min_size=2, max_size=10, unique_by=class_of), st.integers(1, 300))
def test_s4_shares_follow_the_weights_within_one_request_of_each_class(
    classes: list[int], picks: int
) -> None:
    """The bound of start-time fair queuing: |served / weight - served / weight| <= 1/weight + 1/weight."""
    queue = Queue(ORDERS["weighted"])
    for seq in range(picks * len(classes)):  # all are busy all the time
        queue.add(head(seq, classes[seq % len(classes)], float(seq)))
    served = Counter(class_of(queue.take().priority) for _ in range(picks))
    for a in map(class_of, classes):
        for b in map(class_of, classes):
            apart = abs(served[a] / WEIGHTS[a] - served[b] / WEIGHTS[b])
            assert apart <= 1 / WEIGHTS[a] + 1 / WEIGHTS[b] + 1e-9


def test_what_a_class_did_not_use_is_not_saved_up() -> None:
    queue = Queue(ORDERS["weighted"], [head(seq, 5, float(seq)) for seq in range(200)])
    for _ in range(100):
        queue.take()
    for seq in range(1_000, 1_020):
        queue.add(head(seq, 1, float(seq)))
    first = [queue.take().priority for _ in range(18)]
    assert first.count(1) == pytest.approx(18 * WEIGHTS[0] / (WEIGHTS[0] + WEIGHTS[2]), abs=1)


@given(st.lists(priorities, min_size=1, max_size=80), st.integers(0, 1_000))
def test_weighted_agrees_with_a_lottery_of_the_same_weights(drawn: list[int], seed: int) -> None:
    """The oracle: a random draw by the same weights gives the same shares, give or take its chance."""
    assume(len({class_of(p) for p in drawn}) > 1)
    rng = random.Random(seed)
    classes = sorted({class_of(p) for p in drawn})
    weights = [WEIGHTS[c] for c in classes]
    lottery = Counter(rng.choices(classes, weights, k=4_000))
    queue = Queue(ORDERS["weighted"])
    heads = {c: head(c, 2 * c + 1, 0.0) for c in classes}
    turn, fair = Turn(), Counter[int]()
    for _ in range(400):
        chosen, turn = choose(queue.terms, turn, list(heads.values()), [])
        fair[class_of(chosen.priority)] += 1
    for c in classes:
        assert fair[c] / 400 == pytest.approx(lottery[c] / 4_000, abs=0.05)


# ---------------------------------------------------------------------------------------------
# Overload


@pytest.mark.parametrize("strategy", ["fifo", "priority"])
def test_s3_in_an_hour_of_overload_nobody_waits_longer_than_the_backlog_and_the_head_start(
    strategy: str,
) -> None:
    """Load 1.2: six arrivals for each five served, the mix of resilience.md's table."""
    rng = random.Random(12)
    rate, hour = 0.5, 3_600
    queue, seq, served_at = Queue(ORDERS[strategy]), 0, 0.0
    while served_at < hour:
        served_at += 1 / rate
        while seq / (1.2 * rate) <= served_at:
            priority = rng.choices((1, 5, 8, 10), (0.1, 0.2, 0.4, 0.3))[0]
            queue.add(head(seq, priority, seq / (1.2 * rate)))
            seq += 1
        chosen = queue.take()
        backlog = len(queue.waiting) / rate
        assert served_at - chosen.enqueued_at <= backlog + LONGEST_HEAD_START + 30
        oldest = min((h.enqueued_at for h in queue.waiting), default=served_at)
        assert served_at - oldest <= backlog + LONGEST_HEAD_START + 30


def test_s3_under_weighted_the_lightest_class_gets_its_share_of_an_overload() -> None:
    queue = Queue(ORDERS["weighted"])
    for seq in range(2_000):
        queue.add(head(seq, (1, 3, 5, 7, 9)[seq % 5], float(seq)))
    served = Counter(queue.take().priority for _ in range(320))
    assert served[1] == 320 // sum(WEIGHTS)


# ---------------------------------------------------------------------------------------------
# All of them


def test_four_strategies_are_four_orders_of_one_workload() -> None:
    """Old background work, then normal and urgent work, then reads: as after an outage."""
    waiting = [
        *(head(seq, 1, 10.0 * seq) for seq in range(4)),
        *(head(seq, 5, 10.0 * seq, Effect.READ) for seq in range(4, 8)),
        *(head(seq, 9, 10.0 * seq) for seq in range(8, 10)),
        *(head(seq, 5, 10.0 * seq) for seq in range(10, 12)),
    ]
    orders = {name: seqs(Queue(terms, waiting).drain()) for name, terms in ORDERS.items()}
    assert all(sorted(found) == list(range(12)) for found in orders.values())
    assert len({tuple(found) for found in orders.values()}) == len(ORDERS) == 4


@given(arrivals, st.sampled_from(sorted(ORDERS)), st.lists(st.sampled_from(sorted(ORDERS)), max_size=60))
def test_s6_switching_loses_and_repeats_nobody(
    items: list[tuple[int, float]], first: str, switches: list[str]
) -> None:
    queue = Queue(ORDERS[first], arrived(items))
    taken = []
    while queue.waiting:
        if switches:
            queue.terms = ORDERS[switches.pop()]
        taken.append(queue.take())
    assert sorted(seqs(taken)) == list(range(len(items)))


@given(arrivals, st.sampled_from(sorted(ORDERS)), st.integers(0, 1_000))
def test_the_order_of_the_heads_makes_no_difference(
    items: list[tuple[int, float]], name: str, seed: int
) -> None:
    heads = arrived(items)
    shuffled = heads.copy()
    random.Random(seed).shuffle(shuffled)
    turn = Turn(clock=8, ends=(16, 8, 4, 2, 1))
    assert choose(ORDERS[name], turn, heads, []) == choose(ORDERS[name], turn, shuffled, [])


def test_background_that_is_put_off_goes_when_it_is_old() -> None:
    terms = order(Rule.PRIORITY, background_after=1_800.0)
    young, old, normal = head(1, 2, 1_000.0), head(2, 1, 0.0), head(3, 3, 1_000.0)
    assert [may_go(h, terms, 1_900.0) for h in (young, old, normal)] == [False, True, True]
    assert may_go(young, ORDERS["priority"], 1_000.0)

"""Who goes first, and that nobody waits for ever."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from autotask_queue.model.work import Head
from autotask_queue.policy.schedule import HEAD_START, STRATEGIES, by_priority, fifo


def head(seq: int, priority: int, at: float) -> Head:
    return Head(zone="z", entity="Tickets", priority=priority, seq=seq, enqueued_at=at)


def test_more_urgent_goes_first_within_its_head_start() -> None:
    heads = [head(1, 5, 0.0), head(2, 10, 100.0)]
    assert by_priority(heads, 100.0) == 1
    late = [head(1, 5, 0.0), head(2, 10, 2_000.0)]
    assert by_priority(late, 2_000.0) == 0, "its head start is used up"


def test_fifo_ignores_priority() -> None:
    assert fifo([head(2, 10, 0.0), head(1, 1, 0.0)], 0.0) == 1


@given(
    st.lists(st.tuples(st.integers(1, 10), st.floats(0, 5_000)), min_size=2, max_size=60),
    st.integers(0, 1_000),
)
def test_s1_nobody_is_overtaken_from_beyond_the_head_start(
    arrivals: list[tuple[int, float]], seed: int
) -> None:
    waiting = [head(i, p, t) for i, (p, t) in enumerate(sorted(arrivals, key=lambda a: a[1]))]
    random.Random(seed).shuffle(waiting)
    while waiting:
        chosen = waiting.pop(by_priority(waiting, 0.0))
        for other in waiting:
            bound = other.enqueued_at + HEAD_START[chosen.priority] - HEAD_START[other.priority]
            assert chosen.enqueued_at <= bound + 1e-6  # floats


def test_every_strategy_chooses_one_of_the_heads() -> None:
    heads = [head(i, p, float(i)) for i, p in enumerate((3, 9, 9, 1))]
    for strategy in STRATEGIES.values():
        assert 0 <= strategy(heads, 50.0) < len(heads)

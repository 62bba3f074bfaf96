"""Which ready request goes next: pure functions over the heads of zones, endpoints and priorities.

No sort key is stored. `priority` compares `enqueued_at - HEAD_START[priority]`, so that a request is
overtaken only by those that arrived before `enqueued_at + HEAD_START[theirs] - HEAD_START[own]`, and
nothing starves. The head starts are not linear on purpose: linear aging makes the most urgent class
wait minutes under sustained overload, and urgent work is a small, human-paced share.
"""

from __future__ import annotations

from collections.abc import Sequence

from autotask_queue.model.work import Head, Strategy

HEAD_START: dict[int, float] = {
    1: 0.0,
    2: 30.0,
    3: 120.0,
    4: 150.0,
    5: 300.0,
    6: 330.0,
    7: 600.0,
    8: 630.0,
    9: 1_800.0,
    10: 1_830.0,
}
"""Seconds by priority, 10 first."""


def by_priority(heads: Sequence[Head], _now: float) -> int:
    """The head that would have been first, had each class started its head start earlier."""
    return min(
        range(len(heads)),
        key=lambda i: (heads[i].enqueued_at - HEAD_START[heads[i].priority], heads[i].seq),
    )


def fifo(heads: Sequence[Head], _now: float) -> int:
    """The oldest head, whatever its priority."""
    return min(range(len(heads)), key=lambda i: heads[i].seq)


STRATEGIES: dict[str, Strategy] = {"priority": by_priority, "fifo": fifo}

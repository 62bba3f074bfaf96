"""Which ready request goes next: pure functions over the heads of zones, endpoints and priorities.

No sort key is stored, so that a strategy changes at run time without touching a row, and a restart changes
nothing: what the strategies remember (`Turn`) is kept beside the requests. Lanes and parents are not their
business: only what is ready is a head.

- `fifo`: the oldest.
- `priority` compares `enqueued_at - head_start[priority]`: a request is overtaken only by those that arrived
  before `enqueued_at + head_start[theirs] - head_start[own]`, and nothing starves. The head starts are not
  linear on purpose: linear aging makes the most urgent class wait minutes under sustained overload, and
  urgent work is a small, human-paced share.
- `lifo`: as fifo, but where a read is next, the newest read goes instead, except every fourth time. Writes
  keep their order: a later one may rest on an earlier one.
- `weighted`: start-time fair queuing (Goyal, Vin, Cheng 1996) over five classes of two priorities, weights
  8:4:2:1:1; inside a class as `priority`. Each request costs one call, for calls are what Autotask's hourly
  limit counts; an expected time per kind of call, as the literature has it, was left out.

`adaptive` chooses among these by the load: `policy.adaptive`.

The script of the Redis store (`schedule.lua`) is a second writing of `choose`; one test runs both.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final

import msgspec

from autotask_queue.model.status import Effect
from autotask_queue.model.work import Head, Order, Rule, Turn

HEAD_STARTS: Final = (0.0, 30.0, 120.0, 150.0, 300.0, 330.0, 600.0, 630.0, 1_800.0, 1_830.0)
"""Seconds by priority, from 1 to 10."""
LONGEST_HEAD_START: Final = 1_800.0
"""Seconds: what is older than this is put off for nothing and nobody."""
WEIGHTS: Final = (1, 1, 2, 4, 8)
"""By class, from background (priorities 1 and 2) to interactive (9 and 10)."""
BACKGROUND: Final = 2
"""The highest priority that counts as background."""
INTERACTIVE: Final = 9
"""The lowest priority of what a person waits for."""
OLDEST_EVERY: Final = 4
"""Where the newest reads go first, each so many-th is the oldest."""

_COSTS: Final = tuple(max(WEIGHTS) // weight for weight in WEIGHTS)


def order(rule: Rule, *, newest_reads: bool = False, background_after: float = 0.0) -> Order:
    """The terms of a claim by `rule`, with the numbers above."""
    return Order(
        rule=rule,
        head_starts=HEAD_STARTS,
        costs=_COSTS,
        newest_reads=newest_reads,
        background_after=background_after,
    )


ORDERS: Final[Mapping[str, Order]] = MappingProxyType(
    {
        "fifo": order(Rule.FIFO),
        "lifo": order(Rule.FIFO, newest_reads=True),
        "priority": order(Rule.PRIORITY),
        "weighted": order(Rule.WEIGHTED),
    }
)
"""The terms by the name of the strategy."""


def class_of(priority: int) -> int:
    """The class of a priority under `weighted`, from 0 on."""
    return (priority - 1) // 2


def background_slots(terms: Order, slots: int, *, spare: bool = False) -> int:
    """How many of `slots` background requests may take, those that are out included.

    Never all, if there are two: what is urgent finds one free when it comes. With `spare`, one. The rule that
    does not look at priorities knows no background.
    """
    if terms.rule is Rule.FIFO:
        return slots
    return 1 if spare else max(1, slots - 1)


def may_go(head: Head, terms: Order, now: float) -> bool:
    """Whether it may be chosen: background waits, if the terms say so, but not for ever."""
    return head.priority > BACKGROUND or now - head.enqueued_at >= terms.background_after


def choose(terms: Order, turn: Turn, heads: Sequence[Head], newest: Sequence[Head]) -> tuple[Head, Turn]:
    """The one that goes next, and what is to be remembered of it.

    Args:
        terms: how to choose.
        turn: what was remembered so far.
        heads: the oldest ready request of each group; at least one.
        newest: the newest ready read of each group that has one. Looked at only if the terms ask for it.
    """
    rivals = newest
    if terms.rule is Rule.FIFO:
        chosen = min(heads, key=_seq)
    elif terms.rule is Rule.PRIORITY:
        chosen = _earliest(heads, terms.head_starts)
        rivals = [h for h in newest if h.priority == chosen.priority]
    else:
        chosen, turn = _fairest(terms, turn, heads)
        rivals = [h for h in newest if class_of(h.priority) == class_of(chosen.priority)]
    if not terms.newest_reads or chosen.effect is not Effect.READ:
        return chosen, turn
    reads = (turn.reads + 1) % OLDEST_EVERY
    turn = msgspec.structs.replace(turn, reads=reads)
    return (max(rivals, key=_seq, default=chosen) if reads else chosen), turn


def _seq(head: Head) -> int:
    return head.seq


def _earliest(heads: Sequence[Head], head_starts: Sequence[float]) -> Head:
    """The head that would have been first, had each class started its head start earlier.

    A clock that was set back makes what came later look older. So nothing counts as later than what has a
    higher `seq`.
    """
    if len(heads) == 1:
        return heads[0]
    best, best_key, latest = heads[0], float("inf"), float("inf")
    for head in sorted(heads, key=_seq, reverse=True):
        latest = min(latest, head.enqueued_at)
        key = latest - head_starts[head.priority - 1]
        if key <= best_key:
            best, best_key = head, key
    return best


def _fairest(terms: Order, turn: Turn, heads: Sequence[Head]) -> tuple[Head, Turn]:
    """The first of the class whose turn it is.

    A class begins where it ended, or now, if it had nothing to send meanwhile: what it did not use is not
    saved up. Between equals the more urgent goes.
    """
    ends = list(turn.ends or (0,) * len(terms.costs))
    waiting = {class_of(head.priority) for head in heads}
    start, place = min((max(turn.clock, ends[place]), -place) for place in waiting)
    ends[-place] = start + terms.costs[-place]
    own = [head for head in heads if class_of(head.priority) == -place]
    after = Turn(reads=turn.reads, clock=start, ends=tuple(ends))
    return _earliest(own, terms.head_starts), after

"""The adaptive strategy: with which terms work is claimed, by how busy the queue is.

No formula of its own. It is `priority` until one of three strains sets in, and each changes one term:

- crowded: the urgent reads wait for a slot, even the luckiest of them, for ten seconds (CoDel, Nichols and
  Jacobson 2012, with a target for people instead of packets). Whoever asked longest ago has gone: the newest
  reads go first, but for every fourth, and background work waits.
- draining: more has gathered while nothing could be sent than is gone in a moment. By head starts, all of it
  that is not urgent would wait for all that is: every class gets its share, as under `weighted`.
- scarce: the calls of the hour run out, or the server says that it has too many: background work waits.

Every strain has two thresholds and a time for which they must be passed, so that a load that swings around
one does not swing the order. What waits as background does so for half an hour at most, which is the longest
head start there is: nobody is overtaken by more than under `priority`.

Left out of the literature: an order by value per call while calls are scarce. Reads that can share a call do
so whatever the order is.

Pure: `mono` is monotonic seconds.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from autotask_queue.model.strategy import Load, Strain
from autotask_queue.model.work import Order, Rule
from autotask_queue.policy.schedule import LONGEST_HEAD_START, order

TARGET: Final = 0.5
"""Seconds that a person waits for a slot without noticing."""
OUTAGE: Final = 60.0
"""Seconds without sending after which what has gathered is drained by shares."""
BACKLOG: Final = 10
"""Fewer are gone in a moment, in whichever order."""
MUCH_USED: Final = 0.75
"""Share of the hour's calls from which on they are scarce."""
LITTLE_USED: Final = 0.6
"""Share below which they are not any more."""
REFUSALS: Final = 3
"""In a minute; one may be an accident."""
PATIENCE: Final[dict[Strain, tuple[float, float]]] = {
    Strain.CROWDED: (10.0, 10.0),
    Strain.DRAINING: (0.0, 60.0),
    Strain.SCARCE: (0.0, 300.0),
}
"""Seconds for which the load must be so before a strain sets in, and before it ends."""
LOOK_EVERY: Final = 5.0
"""Seconds between two looks at the load while there is a strain, or may be soon."""


class Latch(msgspec.Struct, frozen=True, kw_only=True):
    """Whether a strain is there, and since when the load has said otherwise without a break."""

    on: bool = False
    since: float | None = None


Latches = tuple[Latch, ...]
"""One for each strain, in the order of `Strain`."""
CALM: Final[Latches] = tuple(Latch() for _ in Strain)


def adapt(latches: Latches, load: Load, mono: float) -> Latches:
    """What a look at the load makes of the strains."""
    return tuple(
        _turn(latch, _is_over(strain, load) if latch.on else _is_there(strain, load), PATIENCE[strain], mono)
        for strain, latch in zip(Strain, latches, strict=True)
    )


def _turn(latch: Latch, otherwise: bool, patience: tuple[float, float], mono: float) -> Latch:
    if not otherwise:
        return Latch(on=latch.on)
    since = mono if latch.since is None else latch.since
    if mono - since >= patience[latch.on]:
        return Latch(on=not latch.on)
    return Latch(on=latch.on, since=since)


def _is_there(strain: Strain, load: Load) -> bool:
    match strain:
        case Strain.CROWDED:
            return load.shortest_wait > TARGET
        case Strain.DRAINING:
            return load.outage >= OUTAGE and load.backlog >= BACKLOG
        case Strain.SCARCE:
            return load.calls_used >= MUCH_USED or load.refusals >= REFUSALS


def _is_over(strain: Strain, load: Load) -> bool:
    match strain:
        case Strain.CROWDED:
            return load.longest_wait <= TARGET
        case Strain.DRAINING:
            return load.outage < OUTAGE or load.backlog == 0
        case Strain.SCARCE:
            return load.calls_used < LITTLE_USED and load.refusals == 0


def strains(latches: Latches) -> tuple[Strain, ...]:
    """Those that are there."""
    return tuple(strain for strain, latch in zip(Strain, latches, strict=True) if latch.on)


def terms(present: Sequence[Strain]) -> Order:
    """The terms of a claim under these strains."""
    return order(
        Rule.WEIGHTED if Strain.DRAINING in present else Rule.PRIORITY,
        newest_reads=Strain.CROWDED in present,
        background_after=LONGEST_HEAD_START if spares(present) else 0.0,
    )


def spares(present: Sequence[Strain]) -> bool:
    """Whether background work makes room for the rest."""
    return Strain.CROWDED in present or Strain.SCARCE in present


def is_calm(latches: Latches) -> bool:
    """Whether there is no strain, and none in the offing: nobody needs to look before something happens."""
    return latches == CALM

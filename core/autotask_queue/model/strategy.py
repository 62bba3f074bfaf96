"""In which order requests are sent: the strategies by name, and how the one in force came to be."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

import msgspec

PriorityStrategy = Literal["fifo", "lifo", "priority", "weighted", "adaptive"]
"""Who goes next among those that are ready: see core/README.md."""


class Strain(StrEnum):
    """What the adaptive strategy sees of the load, and answers."""

    CROWDED = "crowded"
    """Urgent look-ups have to wait for a free slot: the newest go first, and background work waits."""
    DRAINING = "draining"
    """Much has gathered while nothing could be sent: every class of priorities gets its share."""
    SCARCE = "scarce"
    """The server wants fewer calls: background work waits."""


class StrategyState(msgspec.Struct, frozen=True, kw_only=True):
    """The strategy in force.

    `since`, `actor` and `reason` tell of the switch that a person made; without one, `since` is None and
    the configuration counts.
    """

    strategy: PriorityStrategy
    """Its name."""
    configured: PriorityStrategy
    """What the configuration says."""
    since: float | None = None
    """When somebody switched, seconds since the epoch."""
    actor: str = ""
    """Who."""
    reason: str = ""
    """Why, as they said."""
    strains: tuple[Strain, ...] = ()
    """What `adaptive` answers at the moment; empty with the others, and while all is calm."""


class Load(msgspec.Struct, frozen=True, kw_only=True):
    """How busy the queue is: what `adaptive` goes by. The defaults are those of a calm queue."""

    shortest_wait: float = 0.0
    """Seconds that the luckiest of the urgent reads started lately had to wait for a free slot."""
    longest_wait: float = 0.0
    """Seconds that the unluckiest of them had to wait."""
    outage: float = 0.0
    """Seconds that the oldest request started lately had waited because nothing could be sent to its zone."""
    backlog: int = 0
    """Requests that are ready, or wait in their lane."""
    calls_used: float = 0.0
    """Share of the calls of an hour that is used up, of the zone where it is most; 0 to 1."""
    refusals: int = 0
    """How often a server said, in the last minute, that it is too busy or that there were too many calls."""

"""The values: what is known, what changed, and the facts that are read from the queue's memory."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Flag, auto
from types import MappingProxyType
from typing import TYPE_CHECKING

from autotask_queue import (
    BreakerMetrics,
    Connectivity,
    ConnectivityState,
    Counters,
    Gate,
    GateKind,
    MinuteStat,
    QueueMetrics,
    Request,
    RequestId,
    Status,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

_NOTHING = Counters()
_CONNECTED = ConnectivityState()

MAX_TRACKED = 2_000
"""Above so many changed requests between two looks, pages reload instead of patching rows."""


class ChangeFlags(Flag):
    """What changed, so that a page refreshes only for what it shows."""

    NONE = 0
    REQUESTS = auto()
    """Rows were added or changed; see `Changes.requests`."""
    COUNTERS = auto()
    CONNECTIVITY = auto()
    GATES = auto()
    BREAKERS = auto()
    METRICS = auto()
    PAUSED = auto()
    ZONES = auto()
    """Sign-ins were added, removed, accepted or refused."""
    LIFE = auto()
    """The queue opened or is closing."""
    TIME = auto()
    """A second passed while something counts down. Only pages that ask for it are told."""
    ALL = REQUESTS | COUNTERS | CONNECTIVITY | GATES | BREAKERS | METRICS | PAUSED | ZONES | LIFE | TIME


@dataclass(frozen=True, kw_only=True, slots=True)
class Changes:
    """What changed between two refreshes; values of several batches join with `|`.

    `requests` maps ids to the newest version seen; where `bulk` is true it is incomplete (a command
    changed many at once, or events were lost) and rows must be read again. `added` says whether
    requests appeared that were not there before.
    """

    flags: ChangeFlags = ChangeFlags.NONE
    requests: Mapping[RequestId, Request] = field(default_factory=lambda: MappingProxyType({}))
    added: int = 0
    bulk: bool = False

    def __or__(self, later: Changes) -> Changes:
        merged = {**self.requests, **later.requests}
        bulk = self.bulk or later.bulk or len(merged) > MAX_TRACKED
        return Changes(
            flags=self.flags | later.flags,
            requests=MappingProxyType({} if bulk else merged),
            added=self.added + later.added,
            bulk=bulk,
        )

    def __bool__(self) -> bool:
        return bool(self.flags)


EVERYTHING = Changes(flags=ChangeFlags.ALL, bulk=True)
"""For a page that was not visible, or after lost events: read all of it again."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Snapshot:
    """Facts read at one moment from the queue's memory (no I/O)."""

    at: float
    counters: Counters = _NOTHING
    connectivity: ConnectivityState = _CONNECTED
    gates: tuple[Gate, ...] = ()
    breakers: tuple[BreakerMetrics, ...] = ()
    paused: bool = False
    paused_until: float | None = None
    zones: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class AppState:
    """Everything the shell and the pages show beyond rows. Times are seconds since the epoch."""

    at: float = 0.0
    """When this was true."""
    open: bool = False
    """The queue is open: pages may ask it."""
    stuck: bool = False
    """It could not be opened, and the window says why."""
    closing: bool = False
    counters: Counters = _NOTHING
    by_status: Mapping[Status, int] = field(
        default_factory=lambda: MappingProxyType(dict.fromkeys(Status, 0))
    )
    without_sign_in: int = 0
    """Of those that the queue holds: how many only wait until somebody signs in."""
    failed_reads: int = 0
    """Of the failed: how many are look-ups. They were told to who asked and wait for nobody."""
    connectivity: ConnectivityState = _CONNECTED
    gates: tuple[Gate, ...] = ()
    breakers: tuple[BreakerMetrics, ...] = ()
    metrics: QueueMetrics | None = None
    minutes: tuple[MinuteStat, ...] = ()
    """The last half hour, for the strip's sparklines; oldest first."""
    paused: bool = False
    paused_until: float | None = None
    zones: tuple[str, ...] = ()
    """Names of the zones that are set up on this laptop."""
    last_sent_at: float | None = None
    back_online_at: float | None = None
    """When the connection last came back; the banner says so for some seconds."""
    size_bytes: int = 0
    """Of the queue on disk."""
    saved_at: float | None = None
    """When something was last stored."""
    location: str = ""
    durable: bool = True
    encrypted: bool | None = None
    """Whether the queue on disk can be read by nobody else; None where that is of no interest (the demo)."""
    user: str = ""
    demo: bool = False

    @property
    def waiting(self) -> int:
        """Requests that go out by themselves when they may: pending, scheduled, retrying, checking."""
        statuses = (Status.PENDING, Status.DEFERRED, Status.RETRYING, Status.UNCERTAIN)
        return self.without_sign_in + sum(self.by_status[s] for s in statuses)

    @property
    def sending(self) -> int:
        return self.by_status[Status.PROCESSING]

    @property
    def held(self) -> int:
        """Requests that wait for a decision."""
        return self.by_status[Status.HELD] - self.without_sign_in

    @property
    def failed(self) -> int:
        """Requests that failed and were meant to change something."""
        return max(0, self.by_status[Status.FAILED] - self.failed_reads)

    @property
    def needs_you(self) -> int:
        return self.failed + self.held

    @property
    def online(self) -> bool:
        return self.connectivity.state is Connectivity.ONLINE

    def gate(self, kind: GateKind) -> Gate | None:
        """The first closed gate of one kind."""
        return next((g for g in self.gates if g.kind is kind), None)

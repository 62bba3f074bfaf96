"""Reads that are alike go as one: the first is sent, those behind it follow, and end with it.

A follower is pending, with `merged_into` the one it follows, and waits for its turn like a write behind
another of its lane. It never shares an answer that may be older than a change it could know of: once a write
of the zone has come back since the first was sent, a new read is sent itself. (Of the zone, not only of the
endpoint: a note changes its ticket.) Who shares what is decided when a read is added, in the same step.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Protocol

from autotask_queue.model.request import Request, RequestId
from autotask_queue.model.status import Effect, Status

MOST_FOLLOWERS: Final = 32
"""Each gets the answer to keep, all in one step: the next read is sent itself, and followed in turn."""
LEADING: Final = frozenset({Status.PENDING, Status.RETRYING, Status.PROCESSING})
"""Where a read may be followed."""


class Followed(Protocol):
    """What of a shelf flights need."""

    def by_seqs(self, seqs: Sequence[int]) -> list[Request]: ...

    def newest_leader(self, flight: str) -> int | None:
        """The `seq` of the newest that `leads` such reads."""
        ...

    def merged(self, into: RequestId) -> list[int]:
        """The `seq` of the unfinished requests with this `merged_into`, in order."""
        ...


def flight_of(request: Request) -> str | None:
    """What reads have in common that are alike; None for what always goes by itself."""
    return request.flight if request.effect is Effect.READ else None


def leads(request: Request) -> bool:
    """Whether reads like it may follow it."""
    return request.status in LEADING and request.merged_into is None and flight_of(request) is not None


def follows(request: Request) -> bool:
    """Whether it waits for the answer to another."""
    return request.status is Status.PENDING and request.merged_into is not None


class Flights:
    """Knows whom a new read may follow. What it remembers is about what is on the wire, and not kept."""

    def __init__(self, shelf: Followed) -> None:
        self._shelf = shelf
        self._writes: dict[str, int] = {}
        """How many writes have come back, by zone."""
        self._sent: dict[int, int] = {}
        """As many had when a read was sent, by its `seq`."""

    def leader_for(self, request: Request) -> Request | None:
        """Whom a new read is to follow; None if it is to be sent itself."""
        flight = flight_of(request)
        if flight is None or request.status is not Status.PENDING:
            return None
        seq = self._shelf.newest_leader(flight)
        if seq is None or len(self._shelf.merged(self._of(seq).id)) >= MOST_FOLLOWERS:
            return None
        leader = self._of(seq)
        return leader if self._is_fresh(leader) else None

    def followers(self, leader: Request) -> list[Request]:
        """Those that wait for its answer, by `seq`."""
        if flight_of(leader) is None:
            return []
        return [one for one in self._shelf.by_seqs(self._shelf.merged(leader.id)) if follows(one)]

    def sent(self, request: Request) -> None:
        """It goes on the wire now."""
        if flight_of(request) is not None:
            self._sent[request.seq] = self._writes.get(request.zone, 0)

    def changed(self, before: Request, status: Status) -> None:
        """A request gets another status."""
        if before.status is Status.PROCESSING:
            self._sent.pop(before.seq, None)
        if before.effect is Effect.WRITE and before.status in (Status.PROCESSING, Status.UNCERTAIN):
            self._writes[before.zone] = self._writes.get(before.zone, 0) + 1

    def _is_fresh(self, leader: Request) -> bool:
        sent, now = self._sent.get(leader.seq), self._writes.get(leader.zone, 0)
        return leader.status is not Status.PROCESSING or sent == now

    def _of(self, seq: int) -> Request:
        return self._shelf.by_seqs((seq,))[0]

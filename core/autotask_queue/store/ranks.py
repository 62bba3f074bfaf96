"""Priority inheritance: who is waited for by a more urgent request goes as if it were as urgent.

A request's *rank* is its own priority, or that of the most urgent one that waits for it: the next of its
lane, a child, or a read that follows it. Each of these has a rank by the same rule, so that urgency runs from
the last of a lane to its first, and from there to whom that one waits for. Ranks are stored, because the
order must be the same after a restart; lanes keep their order whatever the ranks are.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

from autotask_queue.model.request import Request, RequestId
from autotask_queue.model.status import TERMINAL, Status
from autotask_queue.store import flights, rules


class Ranked(Protocol):
    """What of a shelf ranks need."""

    def get(self, request_id: RequestId) -> Request | None: ...

    def by_seqs(self, seqs: Sequence[int]) -> list[Request]: ...

    def merged(self, into: RequestId) -> list[int]:
        """As `flights.Followed`."""
        ...

    def by_seq(self, seq: int) -> Request: ...

    def rank(self, request: Request) -> int:
        """Its priority, or what `set_rank` has raised it to."""
        ...

    def set_rank(self, request: Request, rank: int) -> None:
        """Keeps it for an unfinished request; finished ones have their own priority."""
        ...

    def any_raised(self) -> bool:
        """Whether any rank is higher than its request's own priority."""
        ...

    def lane_before(self, lane: str, seq: int) -> int | None:
        """The `seq` of the nearest earlier one that blocks the lane."""
        ...

    def lane_behind(self, lane: str, seq: int, *, limit: int) -> list[int]:
        """The first that block the lane behind `seq`, by `seq`."""
        ...

    def parents(self, seq: int) -> list[int]:
        """The `seq` of its unfinished parents."""
        ...

    def children(self, parent: RequestId) -> list[int]:
        """Those for which this parent is not completed so far, by `seq`."""
        ...


class Ranks:
    """Keeps the ranks of a shelf. Its owner tells it of each request that is added or changed."""

    def __init__(self, shelf: Ranked) -> None:
        self._shelf = shelf

    def added(self, request: Request) -> None:
        """A request is new."""
        for seq in self._ahead(request):
            if self._shelf.rank(self._shelf.by_seq(seq)) < request.priority:
                self.work_out((seq,))

    def changed(self, before: Request, after: Request) -> None:
        """A request has changed, and with it perhaps who waits for whom."""
        was, now = _pressure(before), _pressure(after)
        if was == now or after.status is Status.PROCESSING:  # whoever starts waits for nobody
            return
        moved = after.priority != before.priority  # below one that waits for it, perhaps
        if not (moved or any(now[:3]) or self._shelf.any_raised()):
            return  # it left, and it had raised nobody
        self.work_out(
            [
                *([] if after.status in TERMINAL else [after.seq]),
                *self._ahead(before),
                *self._ahead(after),
            ]
        )

    def work_out(self, seqs: Sequence[int]) -> None:
        """Works out the ranks of these afresh, and of whom they wait for."""
        todo = list(seqs)
        while todo:
            one = self._shelf.by_seq(todo.pop())
            rank = max([one.priority, *self._behind(one)])
            if rank != self._shelf.rank(one):
                self._shelf.set_rank(one, rank)
                todo += self._ahead(one)

    def _ahead(self, request: Request) -> Iterable[int]:
        """Whom it waits for."""
        lane, is_child, leader, _ = _pressure(request)
        if lane is not None:
            before = self._shelf.lane_before(lane, request.seq)
            if before is not None:
                yield before
        if is_child:
            yield from self._shelf.parents(request.seq)
        found = None if leader is None else self._shelf.get(leader)
        if found is not None and found.status not in TERMINAL:
            yield found.seq

    def _behind(self, request: Request) -> Iterable[int]:
        """The ranks of those that wait for it."""
        shelf = self._shelf
        lane = rules.ordered_lane(request)
        if lane is not None and rules.blocks_lane(request):
            for seq in shelf.lane_behind(lane, request.seq, limit=1):
                yield shelf.rank(shelf.by_seq(seq))
        for seq in shelf.children(request.id):
            child = shelf.by_seq(seq)
            if child.status in rules.WAITING:
                yield shelf.rank(child)
        if flights.flight_of(request) is not None:
            for one in shelf.by_seqs(shelf.merged(request.id)):
                if flights.follows(one):
                    yield shelf.rank(one)


def _pressure(request: Request) -> tuple[str | None, bool, RequestId | None, int]:
    """How it presses on those ahead: in which lane, whether as a child, behind which read, how urgently."""
    lane = rules.ordered_lane(request) if rules.blocks_lane(request) else None
    leader = request.merged_into if flights.follows(request) else None
    return lane, bool(request.depends_on) and request.status in rules.WAITING, leader, request.priority

"""Everything that is ready, behind its heads, as a store keeps it: for the tests of strategies."""

from __future__ import annotations

from collections.abc import Iterable

from autotask_queue.model.status import Effect
from autotask_queue.model.work import Head, Order, Turn
from autotask_queue.policy.schedule import choose, may_go


def head(seq: int, priority: int, at: float, effect: Effect = Effect.WRITE, entity: str = "Tickets") -> Head:
    return Head(zone="z", entity=entity, priority=priority, seq=seq, enqueued_at=at, effect=effect)


def arrived(items: Iterable[tuple[int, float]]) -> list[Head]:
    """Heads whose `seq` follows their time, as in a queue whose clock runs straight."""
    return [head(i, p, t) for i, (p, t) in enumerate(sorted(items, key=lambda item: item[1]))]


class Queue:
    """Gives the next by its terms, which a test may change at any time."""

    def __init__(self, terms: Order, waiting: Iterable[Head] = ()) -> None:
        self.terms = terms
        self.turn = Turn()
        self.waiting = sorted(waiting, key=lambda h: h.seq)

    def add(self, one: Head) -> None:
        self.waiting.append(one)

    def take(self, now: float = float("inf")) -> Head:
        taken = self.take_if_any(now)
        assert taken is not None
        return taken

    def take_if_any(self, now: float) -> Head | None:
        oldest: dict[tuple[str, int], Head] = {}
        newest: dict[tuple[str, int], Head] = {}
        for one in self.waiting:
            oldest.setdefault((one.entity, one.priority), one)
            if one.effect is Effect.READ:
                newest[one.entity, one.priority] = one
        heads, rivals = ([h for h in e.values() if may_go(h, self.terms, now)] for e in (oldest, newest))
        if not heads:
            return None
        chosen, self.turn = choose(self.terms, self.turn, heads, rivals)
        self.waiting.remove(chosen)
        return chosen

    def drain(self) -> list[Head]:
        return [self.take() for _ in range(len(self.waiting))]


def seqs(heads: Iterable[Head]) -> list[int]:
    return [h.seq for h in heads]

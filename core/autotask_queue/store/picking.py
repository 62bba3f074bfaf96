"""Which ready requests a claim takes: the best heads, one after the other, as far as slots last."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from autotask_queue.model.work import Head, Turn
from autotask_queue.policy.schedule import BACKGROUND, choose, may_go
from autotask_queue.ports import Claim, ZoneGate

Group = tuple[str, str, int]
"""Zone, endpoint and priority."""


class Ready(Protocol):
    """What is ready, by groups. Nothing may change while a claim picks."""

    def heads(self) -> Iterable[Head]:
        """The oldest of each group."""
        ...

    def next_ready(self, head: Head) -> Head | None:
        """The next older-to-newer of the same group."""
        ...

    def newest_read(self, group: Group, *, before: int | None = None) -> Head | None:
        """The newest read of a group, below the `seq` `before` if that is given."""
        ...


def group_of(head: Head) -> Group:
    """The group it is of."""
    return head.zone, head.entity, head.priority


def pick(claim: Claim, turn: Turn, ready: Ready) -> tuple[list[Head], Turn]:
    """What to take, in this order, and what to remember of it."""
    slots = _Slots(claim)
    picked: list[Head] = []
    taken: set[int] = set()
    oldest = {group_of(head): head for head in ready.heads() if slots.left(head)}
    newest: dict[Group, Head] = {}
    if claim.order.newest_reads:
        found = ((group, ready.newest_read(group)) for group in oldest)
        newest = {group: head for group, head in found if head is not None}
    while len(picked) < claim.limit:
        heads = _eligible(claim, oldest)
        if not heads:
            break
        head, turn = choose(claim.order, turn, heads, _eligible(claim, newest))
        picked.append(head)
        taken.add(head.seq)
        if slots.take(head):
            oldest = {group: h for group, h in oldest.items() if slots.left(h)}
            newest = {group: h for group, h in newest.items() if group in oldest}
        if len(picked) < claim.limit and group_of(head) in oldest:  # else nobody asks who is next
            _step(ready, group_of(head), taken, oldest, newest)
    return picked, turn


def _eligible(claim: Claim, ends: dict[Group, Head]) -> list[Head]:
    if not claim.order.background_after:
        return list(ends.values())
    return [head for head in ends.values() if may_go(head, claim.order, claim.now)]


def _step(
    ready: Ready, group: Group, taken: set[int], oldest: dict[Group, Head], newest: dict[Group, Head]
) -> None:
    """Brings both ends of a group past what was taken."""
    head: Head | None = oldest[group]
    while head is not None and head.seq in taken:
        head = ready.next_ready(head)
    _put(oldest, group, head)
    if group in newest:
        head = newest[group]
        while head is not None and head.seq in taken:
            head = ready.newest_read(group, before=head.seq)
        _put(newest, group, head)


def _put(ends: dict[Group, Head], group: Group, head: Head | None) -> None:
    if head is None:
        del ends[group]
    else:
        ends[group] = head


class _Slots:
    """How much may still be taken: per zone, per endpoint, and for the background."""

    def __init__(self, claim: Claim) -> None:
        self._claim = claim
        self._background = claim.background
        self._zones: dict[str, int] = {}
        self._entities: dict[tuple[str, str], int] = {}

    def left(self, head: Head) -> bool:
        gate = self._gate(head.zone)
        if gate is None or (head.priority <= BACKGROUND and self._background <= 0):
            return False
        zone = self._zones.setdefault(head.zone, gate.slots)
        key = (head.zone, head.entity)
        entity = self._entities.setdefault(key, gate.entity_slots.get(head.entity, gate.default_entity_slots))
        return zone > 0 and entity > 0

    def take(self, head: Head) -> bool:
        """Uses one slot; True if that closed something."""
        key = (head.zone, head.entity)
        self._zones[head.zone] -= 1
        self._entities[key] -= 1
        if head.priority <= BACKGROUND:
            self._background -= 1
        return self._zones[head.zone] <= 0 or self._entities[key] <= 0 or self._background <= 0

    def _gate(self, zone: str) -> ZoneGate | None:
        return self._claim.zones.get(zone, self._claim.default_gate)

"""Which ready requests a claim takes: the best heads, one after the other, as far as slots last."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from autotask_queue.model.work import Head
from autotask_queue.ports import Claim, ZoneGate


def pick(claim: Claim, heads: Iterable[Head], following: Callable[[Head], Head | None]) -> list[Head]:
    """What to take, in this order.

    Args:
        claim: how much, and by which strategy.
        heads: the first ready request of each zone, endpoint and priority.
        following: the next ready request of the same zone, endpoint and priority.
    """
    slots = _Slots(claim)
    left = sorted((h for h in heads if slots.left(h)), key=lambda h: (h.zone, h.entity, h.priority))
    picked: list[Head] = []
    while left and len(picked) < claim.limit:
        place = claim.strategy(left, claim.now)
        head = left[place]
        picked.append(head)
        after = following(head)
        if after is None:
            del left[place]
        else:
            left[place] = after
        if slots.take(head):
            left = [h for h in left if slots.left(h)]
    return picked


class _Slots:
    """How much may still be taken, per zone and endpoint."""

    def __init__(self, claim: Claim) -> None:
        self._claim = claim
        self._zones: dict[str, int] = {}
        self._entities: dict[tuple[str, str], int] = {}

    def left(self, head: Head) -> bool:
        gate = self._gate(head.zone)
        if gate is None:
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
        return self._zones[head.zone] <= 0 or self._entities[key] <= 0

    def _gate(self, zone: str) -> ZoneGate | None:
        return self._claim.zones.get(zone, self._claim.default_gate)

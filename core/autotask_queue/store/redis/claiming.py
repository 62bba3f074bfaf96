"""Claims: the heads are read, the strategy chooses, and the script takes what is still ready.

The strategy is a function of the caller's, so that it cannot run in the script. Between reading and taking,
another worker may have been quicker: the script starts only what is still ready, whole or not at all, and
what it did not get is looked for again. Two workers can therefore never hold the same request, and the order
inside a lane is the script's business alone. What a race can cost is a second look, or that one worker
takes the second-best while the other takes the best: the order that a single worker would have kept, too.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from autotask_queue.model.work import Head
from autotask_queue.ports import Claim, Companions, ZoneGate
from autotask_queue.store.picking import pick
from autotask_queue.store.redis.batches import Operation, operation
from autotask_queue.store.redis.rows import number


def heads(claim: Claim, spare: int) -> Operation:
    """Asks for what is ready behind open gates, and brings in what time has brought.

    `spare` more are listed than could be taken, for when others are quicker.
    """
    return operation("heads", *_terms(claim), spare)


def take(claim: Claim, epoch: int, seqs: Sequence[int]) -> Operation:
    """Asks for these, as far as the claim's slots last, unless the controls changed since `epoch`."""
    return operation("take", *_terms(claim), epoch, [str(seq) for seq in seqs])


def join(wanted: Companions, epoch: int) -> Operation:
    """Asks for what may share a call, unless the controls changed since `epoch`."""
    lead = wanted.lead
    return operation(
        "join", number(wanted.now), str(lead.seq), str(lead.fence), max(0, wanted.limit), wanted.merge, epoch
    )


def _terms(claim: Claim) -> list[Any]:
    gates = {zone: _gate(gate) for zone, gate in claim.zones.items()}
    default = False if claim.default_gate is None else _gate(claim.default_gate)
    return [number(claim.now), max(0, claim.limit), gates, default]


def _gate(gate: ZoneGate) -> list[Any]:
    return [gate.slots, gate.default_entity_slots, dict(gate.entity_slots)]


def widened(claim: Claim, spare: int) -> Claim:
    """The claim with so many slots more wherever there is one."""
    if not spare:
        return claim

    def more(gate: ZoneGate) -> ZoneGate:
        return ZoneGate(
            slots=_more(gate.slots, spare),
            entity_slots={entity: _more(slots, spare) for entity, slots in gate.entity_slots.items()},
            default_entity_slots=_more(gate.default_entity_slots, spare),
        )

    return msgspec.structs.replace(
        claim,
        limit=claim.limit + spare,
        zones={zone: more(gate) for zone, gate in claim.zones.items()},
        default_gate=None if claim.default_gate is None else more(claim.default_gate),
    )


def _more(slots: int, spare: int) -> int:
    return slots + spare if slots > 0 else 0


def choose(claim: Claim, groups: Sequence[tuple[str, Sequence[str]]]) -> list[int]:
    """The `seq` of what to take, in order, from the groups that `heads` answers with."""
    queues: dict[tuple[str, str, int], list[Head]] = {}
    for name, members in groups:
        zone, entity, priority = msgspec.json.decode(name, type=tuple[str, str, int])
        if members:
            queues[zone, entity, priority] = [
                _head(zone, entity, priority, member) for member in reversed(members)
            ]
    firsts = [queue.pop() for queue in queues.values()]

    def following(head: Head) -> Head | None:
        queue = queues[head.zone, head.entity, head.priority]
        return queue.pop() if queue else None

    return [head.seq for head in pick(claim, firsts, following)]


def _head(zone: str, entity: str, priority: int, member: str) -> Head:
    seq, _, created_at = member.partition(":")
    return Head(zone=zone, entity=entity, priority=priority, seq=int(seq), enqueued_at=float(created_at))

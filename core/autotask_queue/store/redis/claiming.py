"""Claims, as the script takes them: it looks, chooses by the order's terms and starts in one step.

Nobody's change can come between, so that two workers never hold the same request and each takes the best
there is. The strategy itself is the caller's: its terms travel with the claim, and what it remembers from one
claim to the next is kept on the server, for all workers together.
"""

from __future__ import annotations

from typing import Any

from autotask_queue.model.work import Order
from autotask_queue.ports import Claim, Companions, ZoneGate
from autotask_queue.store.redis.batches import Operation, operation
from autotask_queue.store.redis.rows import number


def claim(wanted: Claim, epoch: int) -> Operation:
    """Asks for what `wanted` says, unless the controls changed since `epoch`."""
    gates = {zone: _gate(gate) for zone, gate in wanted.zones.items()}
    default = False if wanted.default_gate is None else _gate(wanted.default_gate)
    limit = max(0, wanted.limit)
    terms = _terms(wanted.order)
    return operation("claim", number(wanted.now), limit, gates, default, wanted.background, epoch, terms)


def join(wanted: Companions, epoch: int) -> Operation:
    """Asks for what may share a call, unless the controls changed since `epoch`."""
    lead = wanted.lead
    return operation(
        "join", number(wanted.now), str(lead.seq), str(lead.fence), max(0, wanted.limit), wanted.merge, epoch
    )


def _gate(gate: ZoneGate) -> list[Any]:
    return [gate.slots, gate.default_entity_slots, dict(gate.entity_slots)]


def _terms(order: Order) -> dict[str, Any]:
    return {
        "rule": order.rule.value,
        "head_starts": order.head_starts,
        "costs": order.costs,
        "newest_reads": order.newest_reads,
        "background_after": order.background_after,
    }

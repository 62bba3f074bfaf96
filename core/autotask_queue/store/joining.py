"""Who goes along with a request that is being sent: the others of its kind, or the edits right behind it."""

from __future__ import annotations

from autotask_queue.model.request import Request
from autotask_queue.ports import Companions
from autotask_queue.store import rules
from autotask_queue.store.shelf import Shelf


def companions(shelf: Shelf, lead: Request, wanted: Companions) -> list[Request]:
    """The requests that `ports.Companions` asks for; `lead` is as it is stored."""
    if lead.batch is None:
        return []
    if wanted.merge:
        return _right_behind(shelf, lead, wanted)
    return shelf.by_seqs(shelf.ready_beside(lead, now=wanted.now, limit=wanted.limit))


def _right_behind(shelf: Shelf, lead: Request, wanted: Companions) -> list[Request]:
    lane = rules.ordered_lane(lead)
    if lane is None:
        return []
    seqs = shelf.lane_behind(lane, lead.seq, limit=wanted.limit)
    waits = [shelf.waits(seq) for seq in seqs]
    found: list[Request] = []
    for request, bits in zip(shelf.by_seqs(seqs), waits, strict=True):
        late = request.expires_at is not None and request.expires_at <= wanted.now
        if bits != rules.FOR_LANE or late or _kind(request) != _kind(lead):
            break
        found.append(request)
    return found


def _kind(request: Request) -> tuple[str, str, str | None, int]:
    return request.zone, request.entity, request.batch, request.priority

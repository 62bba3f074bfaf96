"""Rows in dictionaries, as `store.shelf.Shelf` wants them."""

from __future__ import annotations

import heapq
from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterator, Sequence
from itertools import islice, takewhile
from typing import TypeVar

import msgspec

from autotask_queue.model.metrics import Cell, Counters
from autotask_queue.model.request import Attempt, AttemptKind, AttemptResult, AuditEntry, Request, RequestId
from autotask_queue.model.status import TERMINAL, Effect, Status
from autotask_queue.model.work import Head, Turn
from autotask_queue.ports import AttemptRecord, AuditAnchor
from autotask_queue.store import flights, rules
from autotask_queue.store.picking import Group, group_of
from autotask_queue.store.shelf import Front

_K = TypeVar("_K")


class MemoryShelf:
    """Implements `store.shelf.Shelf`. Every index is kept by `_file` and `_unfile`."""

    def __init__(self) -> None:
        self.requests: dict[int, Request] = {}
        self.attempts: dict[int, list[Attempt]] = {}
        self.audit: list[AuditEntry] = []
        self._audit_end = 0
        self.last_seq = 0
        self._seqs: dict[RequestId, int] = {}
        self._waits: dict[int, int] = {}
        self._parents: dict[int, set[RequestId]] = {}
        self._children: dict[RequestId, set[int]] = {}
        self._dedup: dict[str, RequestId] = {}
        self._lanes: dict[str, list[int]] = {}
        self._busy: dict[str, set[int]] = {}
        self._ready: dict[Group, list[int]] = {}
        self._raised: dict[int, int] = {}
        self._turn = Turn()
        self._sharing: dict[tuple[str, str, str], list[int]] = {}
        self._leaders: dict[str, list[int]] = {}
        self._merged: dict[RequestId, list[int]] = {}
        self._due: dict[int, float] = {}
        self._due_heap: list[tuple[float, int]] = []
        self._by_status: dict[Status, set[int]] = {status: set() for status in Status}
        self._cells: dict[tuple[str, str, Status], int] = {}

    # -- requests

    def get(self, request_id: RequestId) -> Request | None:
        seq = self._seqs.get(request_id)
        return None if seq is None else self.requests[seq]

    def by_seq(self, seq: int) -> Request:
        return self.requests[seq]

    def by_seqs(self, seqs: Sequence[int]) -> list[Request]:
        return [self.requests[seq] for seq in seqs]

    def next_seq(self) -> int:
        self.last_seq += 1
        return self.last_seq

    def insert(self, request: Request, waits: int | None) -> None:
        self._seqs[request.id] = request.seq
        self.attempts[request.seq] = []
        self._file(request, waits)

    def replace(self, before: Request, after: Request, waits: int | None) -> None:
        self._unfile(before)
        if after.status in TERMINAL:
            self._raised.pop(after.seq, None)
        self._file(after, waits)

    def remove(self, request: Request) -> None:
        """Forgets a finished request and all that belongs to it."""
        self._unfile(request)
        del self.requests[request.seq], self._seqs[request.id], self.attempts[request.seq]
        for parent in self._parents.pop(request.seq, ()):
            self._children[parent].discard(request.seq)

    def waits(self, seq: int) -> int | None:
        return self._waits.get(seq)

    def rank(self, request: Request) -> int:
        return max(request.priority, self._raised.get(request.seq, 0))

    def set_rank(self, request: Request, rank: int) -> None:
        waits = self._waits.get(request.seq)
        self._unfile(request)
        if rank > request.priority:
            self._raised[request.seq] = rank
        else:
            self._raised.pop(request.seq, None)
        self._file(request, waits)

    def any_raised(self) -> bool:
        return bool(self._raised)

    def set_waits(self, request: Request, waits: int) -> None:
        self.replace(request, request, waits)

    def in_status(self, *statuses: Status) -> list[Request]:
        """Those in any of `statuses`, by `seq`."""
        return [
            self.requests[seq] for seq in sorted(s for status in statuses for s in self._by_status[status])
        ]

    def counters(self) -> Counters:
        return Counters(
            cells=tuple(
                Cell(zone=zone, entity=entity, status=status, count=count)
                for (zone, entity, status), count in sorted(self._cells.items())
                if count
            )
        )

    # -- lanes

    def lane_front(self, lane: str, *, besides: int = 0) -> list[Front]:
        front = [seq for seq in self._lanes.get(lane, ())[:3] if seq != besides][:2]
        return [(seq, self._waits.get(seq)) for seq in front]

    def lane_busy(self, lane: str, *, besides: int = 0) -> bool:
        return bool(self._busy.get(lane, set()) - {besides})

    def lane_before(self, lane: str, seq: int) -> int | None:
        seqs = self._lanes.get(lane, [])
        place = bisect_left(seqs, seq)
        return seqs[place - 1] if place else None

    def lane_behind(self, lane: str, seq: int, *, limit: int) -> list[int]:
        seqs = self._lanes.get(lane, [])
        place = bisect_right(seqs, seq)
        return seqs[place : place + limit]

    # -- who goes with whom

    def newest_leader(self, flight: str) -> int | None:
        return self._leaders[flight][-1] if flight in self._leaders else None

    def merged(self, into: RequestId) -> list[int]:
        return list(self._merged.get(into, ()))

    # -- parents

    def open_with_dedup_key(self, key: str) -> RequestId | None:
        return self._dedup.get(key)

    def add_parents(self, seq: int, parents: Sequence[RequestId]) -> None:
        pending = {p for p in parents if self._status(p) is not Status.COMPLETED}
        self._parents[seq] = pending
        for parent in pending:
            self._children.setdefault(parent, set()).add(seq)

    def open_parents(self, seq: int) -> list[Status | None]:
        return [self._status(parent) for parent in self._parents.get(seq, ())]

    def parents(self, seq: int) -> list[int]:
        found = (self.get(parent) for parent in self._parents.get(seq, ()))
        return sorted(r.seq for r in found if r is not None and r.status not in TERMINAL)

    def children(self, parent: RequestId) -> list[int]:
        return sorted(self._children.get(parent, ()))

    def forget_parent(self, parent: RequestId) -> None:
        for seq in self._children.pop(parent, ()):
            self._parents[seq].discard(parent)

    def _status(self, request_id: RequestId) -> Status | None:
        request = self.get(request_id)
        return None if request is None else request.status

    # -- what is ready, what comes due

    def heads(self) -> Iterator[Head]:
        return (self._head(seqs[0]) for seqs in self._ready.values() if seqs)

    def next_ready(self, head: Head) -> Head | None:
        seqs = self._ready[group_of(head)]
        place = bisect_right(seqs, head.seq)
        return self._head(seqs[place]) if place < len(seqs) else None

    def newest_read(self, group: Group, *, before: int | None = None) -> Head | None:
        seqs = self._ready[group]
        for seq in reversed(seqs if before is None else seqs[: bisect_left(seqs, before)]):
            if self.requests[seq].effect is Effect.READ:
                return self._head(seq)
        return None

    def _head(self, seq: int) -> Head:
        r = self.requests[seq]
        return Head(
            zone=r.zone,
            entity=r.entity,
            priority=self.rank(r),
            seq=seq,
            enqueued_at=r.created_at,
            effect=r.effect,
        )

    def turn(self) -> Turn:
        return self._turn

    def keep_turn(self, turn: Turn) -> None:
        self._turn = turn

    def ready_beside(self, lead: Request, *, now: float, limit: int) -> list[int]:
        seqs = self._sharing.get((lead.zone, lead.entity, lead.batch or ""), ())
        found = (seq for seq in seqs if _may_join(self.requests[seq], lead, now))
        return list(islice(found, limit))

    def due(self, now: float) -> list[int]:
        return [seq for _, seq in sorted((at, seq) for seq, at in self._due.items() if at <= now)]

    def next_due(self) -> float | None:
        heap = self._due_heap
        while heap and self._due.get(heap[0][1]) != heap[0][0]:
            heapq.heappop(heap)
        return heap[0][0] if heap else None

    # -- attempts and audit

    def next_attempts(self, seqs: Sequence[int]) -> dict[int, int]:
        return {seq: len(self.attempts[seq]) + 1 for seq in seqs}

    def open_attempt(self, seq: int, number: int, *, started_at: float) -> None:
        attempt = Attempt(number=number, kind=AttemptKind.SEND, started_at=started_at)
        self.attempts[seq].append(attempt)

    def end_attempt(self, seq: int, record: AttemptRecord) -> int:
        attempts = self.attempts[seq]
        open_ones = [a.number for a in attempts if a.result is AttemptResult.RUNNING]
        if record.kind is AttemptKind.SEND and open_ones:
            number = open_ones[-1]
        else:
            number = len(attempts) + 1
        attempts[number - 1 : number] = [Attempt(number=number, **msgspec.structs.asdict(record))]
        return number

    def add_audit(self, entry: AuditEntry) -> None:
        self._audit_end += 1
        self.audit.append(msgspec.structs.replace(entry, seq=self._audit_end))

    def prune_audit(self, before: float, limit: int) -> AuditAnchor | None:
        """Forgets old entries at the beginning, never the last one."""
        old = list(takewhile(lambda entry: entry.at < before, self.audit[: min(limit, len(self.audit) - 1)]))
        del self.audit[: len(old)]
        return AuditAnchor(seq=old[-1].seq, hash="", removed=len(old)) if old else None

    # -- keeping the indexes

    def _file(self, request: Request, waits: int | None) -> None:
        seq = request.seq
        self.requests[seq] = request
        self._by_status[request.status].add(seq)
        cell = (request.zone, request.entity, request.status)
        self._cells[cell] = self._cells.get(cell, 0) + 1
        if request.dedup_key is not None and request.status not in TERMINAL:
            self._dedup[request.dedup_key] = request.id
        if request.flight is not None and flights.leads(request):
            insort(self._leaders.setdefault(request.flight, []), seq)
        if request.merged_into is not None and request.status not in TERMINAL:
            insort(self._merged.setdefault(request.merged_into, []), seq)
        lane = rules.ordered_lane(request)
        if lane is not None and rules.blocks_lane(request):
            insort(self._lanes.setdefault(lane, []), seq)
        if lane is not None and request.status in rules.BUSY:
            self._busy.setdefault(lane, set()).add(seq)
        if waits is not None:
            self._waits[seq] = waits
        if waits == 0:
            insort(self._ready.setdefault(self._group(request), []), seq)
            if request.batch is not None:
                insort(self._sharing.setdefault((request.zone, request.entity, request.batch), []), seq)
        due = rules.due_at(request, waits)
        if due is not None:
            self._due[seq] = due
            heapq.heappush(self._due_heap, (due, seq))

    def _unfile(self, request: Request) -> None:
        seq = request.seq
        self._by_status[request.status].discard(seq)
        self._cells[request.zone, request.entity, request.status] -= 1
        if request.dedup_key is not None and request.status not in TERMINAL:
            del self._dedup[request.dedup_key]
        if request.flight is not None and flights.leads(request):
            _drop(self._leaders, request.flight, seq)
        if request.merged_into is not None and request.status not in TERMINAL:
            _drop(self._merged, request.merged_into, seq)
        lane = rules.ordered_lane(request)
        if lane is not None and rules.blocks_lane(request):
            _drop(self._lanes, lane, seq)
        if lane is not None and request.status in rules.BUSY:
            self._busy[lane].discard(seq)
            if not self._busy[lane]:  # each new record has a lane of its own: they must not pile up
                del self._busy[lane]
        if self._waits.pop(seq, None) == 0:
            _drop(self._ready, self._group(request), seq)
            if request.batch is not None:
                _drop(self._sharing, (request.zone, request.entity, request.batch), seq)
        self._due.pop(seq, None)

    def _group(self, request: Request) -> Group:
        return request.zone, request.entity, self.rank(request)


def _may_join(request: Request, lead: Request, now: float) -> bool:
    in_time = request.expires_at is None or request.expires_at > now
    return in_time and request.attempts <= lead.attempts


def _drop(index: dict[_K, list[int]], key: _K, seq: int) -> None:
    index[key].remove(seq)
    if not index[key]:
        del index[key]

"""`MemoryStore`: the semantics of every store, nothing of its durability."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Sequence
from functools import partial
from typing import TypeVar

import msgspec

from autotask_queue.model.breaker import BreakerRecord
from autotask_queue.model.errors import QueueError, StoreError
from autotask_queue.model.filters import BulkResult, RequestFilter, Selection
from autotask_queue.model.metrics import Counters, MinuteStat
from autotask_queue.model.request import JSON, Attempt, AuditEntry, Durability, Request, RequestId, RequestRow
from autotask_queue.model.status import OPEN, Status
from autotask_queue.ports import AuditAnchor, Change, Claim, Claimed, Companions, Recovery
from autotask_queue.store import bulk, codec
from autotask_queue.store.ledger import Ledger
from autotask_queue.store.limits import KEEP_MINUTES, MAX_CONSEQUENCES, PRUNABLE
from autotask_queue.store.memory.matching import matcher, select
from autotask_queue.store.memory.shelf import MemoryShelf

_T = TypeVar("_T")


class MemoryStore:
    """Implements `ports.Store` in dictionaries.

    Closing keeps the contents, so that a test can open it again as after a crash. Documents are
    copied on the way in and out: nobody can change what is stored behind the store's back.
    """

    def __init__(self) -> None:
        self._shelf = MemoryShelf()
        self._ledger = Ledger(self._shelf)
        self._breakers: dict[str, BreakerRecord] = {}
        self._documents: dict[tuple[str, str], bytes] = {}
        self._minutes: dict[float, MinuteStat] = {}
        self._open = False

    @property
    def durability(self) -> Durability:
        return Durability.MEMORY

    @property
    def location(self) -> str:
        return "memory only; nothing is kept when the program ends"

    async def open(self, *, now: float) -> Recovery:
        self._open = True
        return self._ledger.recover(now=now)

    async def close(self) -> None:
        self._open = False

    # -- changing

    async def enqueue(self, requests: Sequence[Request], *, actor: str) -> list[Request | QueueError]:
        self._check_open()
        return [_answer(partial(self._enqueue, r, actor=actor)) for r in requests]

    def _enqueue(self, request: Request, *, actor: str) -> Request:
        return codec.copy(self._ledger.enqueue(codec.copy(request), actor=actor))

    async def claim(self, claim: Claim) -> Claimed:
        self._check_open()
        claimed = self._ledger.claim(claim)
        self._forget_consequences()
        return msgspec.structs.replace(claimed, requests=tuple(codec.copy(r) for r in claimed.requests))

    async def join(self, companions: Companions) -> tuple[Request, ...]:
        self._check_open()
        return tuple(codec.copy(request) for request in self._ledger.join(companions))

    async def apply(self, changes: Sequence[Change]) -> list[Request | QueueError]:
        self._check_open()
        answers = [_answer(partial(self._apply, c)) for c in changes]
        self._forget_consequences()
        return answers

    def _apply(self, change: Change) -> Request:
        return codec.copy(self._ledger.apply(codec.copy_change(change)))

    async def apply_matching(self, selection: Selection, change: Change) -> BulkResult:
        self._check_open()
        tally = bulk.Tally()
        stored = [r for r in self._all() if r.seq <= selection.max_seq]
        for seq in sorted(r.seq for r in select(stored, selection.filter)):
            request = self._shelf.by_seq(seq)
            one = msgspec.structs.replace(change, id=request.id)
            tally.add(request, _answer(partial(self._ledger.apply, one)))
        self._forget_consequences()
        return tally.result()

    def consequences(self) -> tuple[Request, ...]:
        taken = tuple(self._ledger.consequences)
        self._ledger.consequences.clear()
        return taken

    def _forget_consequences(self) -> None:
        del self._ledger.consequences[:-MAX_CONSEQUENCES]

    # -- reading

    async def get(self, request_id: RequestId) -> Request | None:
        self._check_open()
        request = self._shelf.get(request_id)
        return None if request is None else codec.copy(request)

    async def find(self, query: RequestFilter) -> list[Request]:
        self._check_open()
        return [codec.copy(r) for r in select(self._all(), query)]

    async def index(self, query: RequestFilter) -> array[int]:
        self._check_open()
        return array("q", [r.seq for r in select(self._all(), query)])

    async def rows(self, seqs: Sequence[int]) -> list[RequestRow]:
        self._check_open()
        known = self._shelf.requests
        return [codec.row(known[seq]) for seq in seqs if seq in known]

    async def count(self, query: RequestFilter) -> int:
        self._check_open()
        return sum(map(matcher(query), self._all()))

    def counters(self) -> Counters:
        return self._shelf.counters()

    def max_seq(self) -> int:
        return self._shelf.last_seq

    def next_due(self) -> float | None:
        return self._shelf.next_due()

    async def oldest_waiting(self) -> float | None:
        self._check_open()
        waiting = self._shelf.in_status(Status.PENDING, Status.RETRYING, Status.HELD)
        return waiting[0].created_at if waiting else None

    async def priorities(self) -> dict[int, int]:
        self._check_open()
        counts: dict[int, int] = {}
        for request in self._shelf.in_status(*OPEN):
            counts[request.priority] = counts.get(request.priority, 0) + 1
        return counts

    async def attempts(self, request_id: RequestId) -> list[Attempt]:
        self._check_open()
        request = self._shelf.get(request_id)
        return [] if request is None else list(self._shelf.attempts[request.seq])

    async def audit(
        self,
        *,
        request_id: RequestId | None = None,
        kinds: Sequence[str] = (),
        limit: int = 100,
        before_seq: int | None = None,
    ) -> list[AuditEntry]:
        self._check_open()
        found = (
            entry
            for entry in reversed(self._shelf.audit)
            if (request_id is None or entry.request_id == request_id)
            and (not kinds or entry.kind in kinds)
            and (before_seq is None or entry.seq < before_seq)
        )
        return [entry for _, entry in zip(range(limit), found, strict=False)]

    def _all(self) -> list[Request]:
        return list(self._shelf.requests.values())

    # -- small things

    async def record(self, entry: AuditEntry) -> None:
        self._check_open()
        self._shelf.add_audit(entry)

    async def save_breaker(self, record: BreakerRecord, entry: AuditEntry | None = None) -> None:
        self._check_open()
        self._breakers[record.zone] = record
        if entry is not None:
            self._shelf.add_audit(entry)

    async def load_breakers(self) -> list[BreakerRecord]:
        self._check_open()
        return [self._breakers[zone] for zone in sorted(self._breakers)]

    async def put_document(self, kind: str, key: str, value: JSON, *, at: float) -> None:
        self._check_open()
        self._documents[kind, key] = codec.encode(value)

    async def get_document(self, kind: str, key: str) -> JSON:
        self._check_open()
        value = self._documents.get((kind, key))
        return None if value is None else codec.decode(value)

    async def list_documents(self, kind: str) -> dict[str, JSON]:
        self._check_open()
        return {k: codec.decode(v) for (of, k), v in sorted(self._documents.items()) if of == kind}

    async def delete_document(self, kind: str, key: str) -> None:
        self._check_open()
        self._documents.pop((kind, key), None)

    async def save_minutes(self, minutes: Sequence[MinuteStat]) -> None:
        self._check_open()
        self._minutes.update({minute.at: minute for minute in minutes})
        newest = max(self._minutes, default=0.0)
        for at in [at for at in self._minutes if at < newest - KEEP_MINUTES]:
            del self._minutes[at]

    async def load_minutes(self, *, since: float, until: float | None = None) -> list[MinuteStat]:
        self._check_open()
        found = [at for at in self._minutes if at >= since and (until is None or at <= until)]
        return [self._minutes[at] for at in sorted(found)]

    async def prune(self, *, finished_before: float, max_seq: int | None = None, limit: int = 500) -> int:
        self._check_open()
        old = [
            (r.finished_at, r.seq)
            for r in self._shelf.in_status(*PRUNABLE)
            if r.finished_at is not None
            and r.finished_at < finished_before
            and (max_seq is None or r.seq <= max_seq)
            and not self._needed(r)
        ]
        for _, seq in sorted(old)[:limit]:
            self._shelf.remove(self._shelf.by_seq(seq))
        return min(len(old), limit)

    def _needed(self, request: Request) -> bool:
        """Whether an unfinished request still looks at this one."""
        return any(self._shelf.by_seq(child).status in OPEN for child in self._shelf.children(request.id))

    async def prune_audit(self, *, before: float, limit: int = 500) -> AuditAnchor | None:
        self._check_open()
        return self._shelf.prune_audit(before, limit)

    async def shrink(self) -> bool:
        self._check_open()
        return False

    async def checkpoint(self) -> None:
        self._check_open()

    async def size_bytes(self) -> int:
        return 0

    async def waiting_bytes(self, *, at_least: int) -> int | None:
        return None

    def _check_open(self) -> None:
        if not self._open:
            raise StoreError("The queue's store is not open.", remedy="Open the queue first.")


def _answer(operation: Callable[[], _T]) -> _T | QueueError:
    """The result of an operation, or the error it was refused with."""
    try:
        return operation()
    except QueueError as error:
        return error

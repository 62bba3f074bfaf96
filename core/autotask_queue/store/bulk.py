"""What commands on many requests have in common in every store."""

from __future__ import annotations

from collections import Counter

from autotask_queue.model.errors import QueueError
from autotask_queue.model.filters import BulkResult
from autotask_queue.model.request import Request, RequestId
from autotask_queue.model.status import Status
from autotask_queue.store.limits import MAX_BULK_IDS


class Tally:
    """Counts what became of each request of a selection."""

    def __init__(self) -> None:
        self._ids: list[RequestId] = []
        self._changed = 0
        self._skipped: Counter[Status] = Counter()

    def add(self, request: Request, answer: Request | QueueError) -> None:
        """`request` was to be changed; `answer` says how it went."""
        if isinstance(answer, QueueError):
            self._skipped[request.status] += 1
            return
        self._changed += 1
        if len(self._ids) < MAX_BULK_IDS:
            self._ids.append(request.id)

    def result(self) -> BulkResult:
        """The sum so far."""
        skipped = ", ".join(f"{n} {status}" for status, n in sorted(self._skipped.items()))
        return BulkResult(
            changed=self._changed,
            skipped=self._skipped.total(),
            skipped_why=f"Not possible for {skipped}." if skipped else "",
            ids=tuple(self._ids),
        )

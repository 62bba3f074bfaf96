"""What the counters do not tell: whether it was somebody's work, or only a look-up."""

from __future__ import annotations

from PySide6.QtCore import QObject, QTimer

from autotask_console.runtime.tasks import Tasks
from autotask_console.state import AppStore, ChangeFlags, Changes
from autotask_console.text import tr
from autotask_queue import Effect, QueueManager, RequestFilter, Sort, SortField, Status

_EVERY_MS = 500
_FAILED_READS = RequestFilter(status=(Status.FAILED,), effect=(Effect.READ,))


async def last_sent(queue: QueueManager) -> float | None:
    """When work was last sent; None if there is no record of any."""
    newest = RequestFilter(
        status=(Status.COMPLETED,),
        effect=(Effect.WRITE,),
        sort=Sort(field=SortField.FINISHED, direction="desc"),
        limit=1,
    )
    found = await queue.get_requests(newest)
    return found[0].finished_at if found else None


class FailedReads(QObject):
    """Keeps `AppState.failed_reads` true: events add to it at once, and each change is counted again."""

    def __init__(self, queue: QueueManager, store: AppStore, tasks: Tasks, *, parent: QObject) -> None:
        super().__init__(parent)
        self._queue, self._store, self._tasks = queue, store, tasks
        self._counted = -1
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_EVERY_MS)
        self._timer.timeout.connect(self._count_soon)
        store.changed.connect(self._changed)

    async def count(self) -> None:
        """Counts now; nothing is shown wrongly meanwhile."""
        self._counted = self._store.state.by_status[Status.FAILED]
        found = await self._queue.count(_FAILED_READS)
        self._store.note(ChangeFlags.COUNTERS, failed_reads=found)

    def _changed(self, changes: Changes) -> None:
        failed = self._store.state.by_status[Status.FAILED]
        if changes.flags & ChangeFlags.COUNTERS and failed != self._counted and not self._timer.isActive():
            self._timer.start()

    def _count_soon(self) -> None:
        self._tasks.start(self.count(), what=tr("count the look-ups that failed"))

"""How many requests were sent since midnight: one indexed count, at most every two seconds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer, Signal

from autotask_console.pages.queue.filter_text.amounts import midnight
from autotask_console.text import tr
from autotask_queue import Effect, Range, RequestFilter, Status

if TYPE_CHECKING:
    from autotask_console.pages.base import Services

_EVERY_MS = 2000


class SentToday(QObject):
    """`changed()` when `count` is another one. The counters do not know days; so it is asked for."""

    changed = Signal()

    def __init__(self, services: Services, *, parent: QObject) -> None:
        super().__init__(parent)
        self.count = 0
        self._services = services
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_EVERY_MS)
        self._timer.timeout.connect(self.ask)

    def ask_soon(self) -> None:
        """Something was sent, perhaps."""
        if not self._timer.isActive():
            self._timer.start()

    def ask(self) -> None:
        """Counts now."""
        self._services.tasks.start(self._count(), what=tr("count what was sent today"))

    def stop(self) -> None:
        """Nobody looks."""
        self._timer.stop()

    async def _count(self) -> None:
        since = Range(min=midnight(self._services.clock.now()))
        query = RequestFilter(status=(Status.COMPLETED,), effect=(Effect.WRITE,), finished=since)
        count = await self._services.queue.count(query)
        if count != self.count:
            self.count = count
            self.changed.emit()

"""Keeps drafts in the queue file: at most half a second of typing is ever lost, also to kill -9."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer, Signal

from autotask_console.pages.compose.draft import DOCUMENT_KIND, Draft, decode, encode, replace
from autotask_console.text import tr

if TYPE_CHECKING:
    from autotask_console.runtime.tasks import OnError, Tasks
    from autotask_queue import Clock, QueueManager

SAVE_DELAY_MS = 400
"""After the last change; with the write itself well below the promised 500."""


class Drafts(QObject):
    """The stored drafts and the ones about to be.

    `keep` remembers a draft at once and writes it when typing pauses. Writes go one at a time, the newest
    version last. `changed` when the list is another one, `saved(at)` when something is on disk.
    """

    changed = Signal()
    saved = Signal(float)

    def __init__(
        self,
        queue: QueueManager,
        clock: Clock,
        tasks: Tasks,
        on_error: OnError,
        *,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._queue = queue
        self._clock = clock
        self._tasks = tasks
        self._on_error = on_error
        self._drafts: dict[str, Draft] = {}
        self._unsaved: dict[str, Draft | None] = {}
        self._writing = asyncio.Lock()
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self.save_soon)

    async def load(self) -> None:
        """Reads all drafts; what was kept since stays."""
        for key, value in (await self._queue.documents.list(DOCUMENT_KIND)).items():
            draft = decode(value)
            if draft is not None and key not in self._unsaved:
                self._drafts[key] = draft
        self.changed.emit()

    @property
    def all(self) -> list[Draft]:
        """Newest first."""
        return sorted(self._drafts.values(), key=lambda draft: draft.saved_at, reverse=True)

    def get(self, draft_id: str) -> Draft | None:
        return self._drafts.get(draft_id)

    def editing(self, request_id: str) -> Draft | None:
        """The unfinished changes of a stored request, if there are any."""
        return next((d for d in self._drafts.values() if d.editing == request_id), None)

    @property
    def is_saved(self) -> bool:
        """Whether everything is on disk."""
        return not self._unsaved

    def keep(self, draft: Draft) -> Draft:
        """Remembers this version and writes it soon. Returns it with the time it was kept."""
        draft = replace(draft, saved_at=self._clock.now())
        self._drafts[draft.id] = draft
        self._unsaved[draft.id] = draft
        if not self._timer.isActive():  # not again with each key: somebody may type for minutes
            self._timer.start(SAVE_DELAY_MS)
        self.changed.emit()
        return draft

    def drop(self, draft_id: str) -> None:
        """Forgets a draft, at once and on disk."""
        if self._drafts.pop(draft_id, None) is None:
            return
        self._unsaved[draft_id] = None
        self.save_soon()
        self.changed.emit()

    def save_soon(self) -> None:
        """Starts writing what is not on disk yet."""
        self._timer.stop()
        if self._unsaved:
            self._tasks.start(self.save(), what=tr("save the draft"), on_error=self._failed)

    async def save(self) -> None:
        """Writes what is not on disk yet.

        Raises:
            StoreError: it could not be written; it is kept in memory and tried again.
        """
        async with self._writing:
            while self._unsaved:
                draft_id, draft = next(iter(self._unsaved.items()))
                if draft is None:
                    await self._queue.documents.delete(DOCUMENT_KIND, draft_id)
                else:
                    await self._queue.documents.put(DOCUMENT_KIND, draft_id, encode(draft))
                if self._unsaved.get(draft_id, self) is draft:  # it may have changed meanwhile
                    del self._unsaved[draft_id]
        self.saved.emit(self._clock.now())

    def _failed(self, error: BaseException, what: str) -> None:
        self._timer.start(10 * SAVE_DELAY_MS)
        self._on_error(error, what)

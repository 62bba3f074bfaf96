"""Brings the queue's events to the window: at most ten times a second, not at all when nothing happens."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Protocol

from PySide6.QtCore import QObject, Signal

from autotask_queue import Event, EventsLost

_PAUSE = 0.1


class Source(Protocol):
    """The queue's mailbox."""

    async def wait(self) -> None: ...

    def drain(self) -> Sequence[Event]: ...

    def close(self) -> None: ...


class CoreBridge(QObject):
    """`events(tuple)` with all events since the last one; `gap()` instead when some were lost.

    It waits for the mailbox, so an idle queue costs no wake-up; after each delivery it rests a tenth
    of a second, in which further events gather.
    """

    events = Signal(tuple)
    gap = Signal()

    def __init__(self, source: Source, *, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._source = source

    async def run(self) -> None:
        """Delivers until cancelled, then ends the subscription."""
        try:
            while True:
                await self._source.wait()
                self.deliver()
                await asyncio.sleep(_PAUSE)
        finally:
            self._source.close()

    def deliver(self) -> None:
        """Delivers what there is at once."""
        batch = tuple(self._source.drain())
        if any(isinstance(event, EventsLost) for event in batch):
            self.gap.emit()
        elif batch:
            self.events.emit(batch)

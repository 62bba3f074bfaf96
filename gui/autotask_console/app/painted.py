"""The first paint: what takes long begins after it."""

from __future__ import annotations

import asyncio
import gc
import logging

from PySide6.QtCore import QEvent, QObject
from PySide6.QtWidgets import QWidget
from typing_extensions import override

logger = logging.getLogger(__name__)

_WITHIN = 1.0


class Painted(QObject):
    """Waits until the window was painted once, or a second passed (a minimised start paints nothing)."""

    def __init__(self, target: QWidget) -> None:
        super().__init__(target)
        self._done = asyncio.Event()
        self._target = target
        self._target.installEventFilter(self)

    @override
    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() is QEvent.Type.Paint:
            self._done.set()
        return False

    async def wait(self) -> None:
        try:
            async with asyncio.timeout(_WITHIN):
                await self._done.wait()
        except TimeoutError:
            logger.info("not painted yet; going on")
        self._target.removeEventFilter(self)


async def import_charts() -> None:
    """Pyqtgraph and numpy take up to half a second to import: in a thread, before somebody looks.

    Then what was imported is taken out of the garbage collector's rounds: a full one over all of it was
    the longest pause of the window (about 40 ms with a million requests).
    """
    await asyncio.to_thread(__import__, "autotask_console.widgets.chart")
    gc.collect()
    gc.freeze()

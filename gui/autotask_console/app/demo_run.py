"""The end of `--demo-seconds`: a picture of the window and a summary of what was sent."""

from __future__ import annotations

import asyncio
import json
import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

from autotask_queue import QueueManager, RequestFilter, Status

if TYPE_CHECKING:
    from PySide6.QtWidgets import QWidget

logger = logging.getLogger(__name__)

_WAITING = (
    Status.PENDING,
    Status.DEFERRED,
    Status.PROCESSING,
    Status.RETRYING,
    Status.UNCERTAIN,
    Status.HELD,
)


async def leave_evidence(
    queue: QueueManager, window: QWidget, *, screenshot: Path | None, summary: Path | None
) -> None:
    """Writes what was asked for; a path that cannot be written is logged and does not stop the end."""
    try:
        if summary is not None:
            text = json.dumps(await summarise(queue), indent=2, ensure_ascii=False)
            await asyncio.to_thread(summary.write_text, f"{text}\n", encoding="utf-8")
        if screenshot is not None and not window.grab().save(str(screenshot), "PNG"):
            logger.error("the screenshot could not be written to %s", screenshot)
    except OSError as error:
        logger.warning("%s could not be written: %s", error.filename, error.strerror)


async def summarise(queue: QueueManager) -> dict[str, Any]:
    """How many were sent, wait and failed, and each write with its state."""
    counters = queue.counters()
    requests = await queue.get_requests(RequestFilter())
    return {
        "sent": counters.count(Status.COMPLETED),
        "waiting": counters.count(*_WAITING),
        "failed": counters.count(Status.FAILED, Status.EXPIRED),
        "requests": [{"id": r.id, "summary": r.summary, "status": r.status.value} for r in requests],
    }

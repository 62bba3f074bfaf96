"""What was composed before: for "Use again", and for the tickets that this laptop created itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from autotask_console.models.references import Reference
from autotask_console.pages.compose.documents import value_of
from autotask_console.pages.compose.picker import Waiting
from autotask_console.text import tr
from autotask_queue import Effect, RequestFilter, Sort, SortField, Status

if TYPE_CHECKING:
    from autotask_queue import QueueManager, Request

SHOWN = 40
_READ = 200
_NEWEST = Sort(field=SortField.SEQ, direction="desc")


async def load_history(queue: QueueManager, text: str = "") -> list[Request]:
    """The last writes, newest first; `text` narrows them as in the queue's own search."""
    return await queue.get_requests(
        RequestFilter(text=text, effect=(Effect.WRITE,), sort=_NEWEST, limit=SHOWN)
    )


async def tickets_of(queue: QueueManager) -> tuple[list[Reference], list[Waiting]]:
    """Tickets created on this laptop: those that have a number, and those that are still to be sent."""
    found = await queue.get_requests(
        RequestFilter(method=("POST",), endpoint="/Tickets", sort=_NEWEST, limit=_READ)
    )
    sent, waiting = [], []
    for request in found:
        title = str(value_of(request.data, "title") or "") if isinstance(request.data, dict) else ""
        title = title or tr("Ticket without a title")
        if request.record_id is not None:
            values = {"id": request.record_id, "title": title}
            label = f"{title} ({request.record_id})"
            sent.append(Reference(entity="Tickets", id=request.record_id, label=label, values=values))
        elif not request.status.is_terminal or request.status is Status.FAILED:
            waiting.append(Waiting(label=title))
    return sent, waiting

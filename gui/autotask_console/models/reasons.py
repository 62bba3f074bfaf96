"""The last reasons that were given, to be offered again.

They are kept in the queue file and not among the settings: what people write there may name a customer, and
the queue file is encrypted.
"""

from __future__ import annotations

from typing import Final

from autotask_queue import QueueManager

_KIND, _NAME = "console", "recent-reasons"
KEEP: Final = 3


async def recent_reasons(queue: QueueManager) -> list[str]:
    """The newest first."""
    found = await queue.documents.get(_KIND, _NAME)
    return [reason for reason in found if isinstance(reason, str)] if isinstance(found, list) else []


async def remember_reason(queue: QueueManager, reason: str) -> None:
    """Puts `reason` first."""
    others = [known for known in await recent_reasons(queue) if known != reason]
    await queue.documents.put(_KIND, _NAME, [reason, *others][:KEEP])

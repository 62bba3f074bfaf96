"""Numbers that all stores keep to."""

from __future__ import annotations

from typing import Final

from autotask_queue.model.status import Status

MAX_CONSEQUENCES: Final = 10_000
"""Remembered consequences; older ones are forgotten."""

MAX_BULK_IDS: Final = 10_000
"""Ids that a `BulkResult` carries for undo."""

KEEP_MINUTES: Final = 8 * 86_400.0
"""Seconds that minute statistics are kept, before the newest."""

PRUNABLE: Final = (Status.COMPLETED, Status.CANCELLED, Status.EXPIRED)
"""What age alone may delete. Never a failed request: somebody has to look at it first."""

"""Copies of the queue: on demand, and one a day."""

from __future__ import annotations

from pathlib import Path

from autotask_queue.engine.context import Context
from autotask_queue.model.backup import Backup
from autotask_queue.model.errors import BackupUnavailable, StoreError
from autotask_queue.model.request import AuditEntry
from autotask_queue.ports import BackingUp, Shared, Store

AGAIN = 3_600.0
"""Seconds after which a daily copy is tried again that could not be made."""

PATIENCE = 3_600.0
"""Seconds that a daily copy waits for a moment in which nothing is being sent."""

_SERVER = (
    "Back up the server itself, by its own means: its append-only file, or its snapshots. A server that "
    "starts from those goes on with this queue."
)


async def back_up(ctx: Context, path: Path, *, actor: str) -> Backup:
    """Copies the whole queue, and says so in its audit trail.

    Raises:
        BackupUnavailable: the store makes no copies.
        StoreError: see `ports.BackingUp.backup`.
    """
    store = ctx.store
    if not isinstance(store, BackingUp):
        raise no_copies_of(store)
    made = await store.backup(path, now=ctx.clock.now())
    await store.record(_entry(made, actor=actor))
    return made


def no_copies_of(store: Store) -> BackupUnavailable:
    """Why there are no copies of what `store` keeps, and what to do instead."""
    if isinstance(store, Shared):
        return BackupUnavailable(f"The queue is kept by a server ({store.location}).", remedy=_SERVER)
    return BackupUnavailable("The queue is kept in memory and ends with the program.")


class DailyBackup:
    """Makes the copy of the day, in a moment in which nothing is being sent if one comes."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx
        self._not_before = 0.0
        self._busy_since: float | None = None

    async def look(self, *, idle: bool) -> None:
        """Makes it, if it is time to; called every minute or so."""
        store, mono = self._ctx.store, self._ctx.clock.monotonic()
        if not isinstance(store, BackingUp) or not store.max_seq():
            return
        if idle:
            self._busy_since = None
        elif self._busy_since is None:
            self._busy_since = mono
        busy = self._busy_since is not None and mono - self._busy_since < PATIENCE
        if busy or mono < self._not_before:
            return
        try:
            made = await store.daily_backup(now=self._ctx.clock.now())
            if made is not None:
                await self._ctx.store.record(_entry(made, actor="queue"))
        except StoreError as error:
            self._not_before = mono + AGAIN
            self._ctx.logger.warning(
                "the daily copy of the queue was not made: %s %s", error.message, error.remedy
            )


def _entry(made: Backup, *, actor: str) -> AuditEntry:
    return AuditEntry(
        at=made.at,
        actor=actor,
        kind="backed_up",
        detail={"path": made.path, "size_bytes": made.size_bytes, "requests": made.requests},
    )

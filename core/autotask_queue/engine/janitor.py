"""Keeps the store small and safe: deletes what is old, gives room back, writes back, copies once a day.

Everything is done in slices with pauses, so that nobody who works waits for it.
"""

from __future__ import annotations

import platform
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Final

import msgspec

from autotask_queue.engine.backing_up import DailyBackup
from autotask_queue.engine.context import Context
from autotask_queue.model.request import AuditEntry
from autotask_queue.model.status import Status
from autotask_queue.policy.retention import Ages, Limit, interval, limit, looked
from autotask_queue.ports import AuditAnchor, Shared

SLICE: Final = 200
"""Rows deleted at a time."""
PAUSE: Final = 0.05
"""Seconds between two slices."""
LOOK: Final = 60.0
"""Seconds between two looks at the clocks, at most."""
AUDIT_PERIOD: Final = 365 * 86_400.0
"""Seconds that the audit trail is kept at least; as long as requests are, if that is longer."""
AGES: Final = "retention"
"""The kind of documents that remember what time was seen to pass."""


@dataclass(slots=True)
class _Shelf:
    """One kind of thing that is deleted by age: how long it is kept, and what is known of its age."""

    name: str
    period: float
    delete: Callable[[Limit], Awaitable[None]]
    ages: Ages = field(default_factory=Ages)
    looked_at: float | None = None
    next: float = 0.0


class Janitor:
    """Runs until stopped. Unfinished and failed requests are never deleted by time."""

    def __init__(self, ctx: Context) -> None:
        self.ctx = ctx
        self._options = ctx.config.persistence.options
        kept = self._options.retention_period
        self._daily = DailyBackup(ctx)
        self._shelves = (
            [
                _Shelf("requests", kept, self._prune_requests),
                _Shelf("audit", max(kept, AUDIT_PERIOD), self._prune_audit),
            ]
            if kept > 0
            else []
        )

    async def run(self) -> None:
        """The loop."""
        clock = self.ctx.clock
        every = self._options.checkpoint_interval
        await self._load()
        next_checkpoint = clock.monotonic() + every
        while True:
            await clock.sleep(min(LOOK, every))
            await self.look()
            if clock.monotonic() >= next_checkpoint:
                next_checkpoint = clock.monotonic() + every
                await self._write_back()
            if self._options.checkpoints:
                await self._daily.look(idle=self._is_idle())

    async def look(self) -> None:
        """Looks at the clocks, and deletes what is old enough when it is time to."""
        for shelf in self._shelves:
            await self._look(shelf)
            if self.ctx.clock.monotonic() >= shelf.next:
                shelf.next = self.ctx.clock.monotonic() + interval(shelf.period)
                old = limit(shelf.ages, wall=self.ctx.clock.now(), period=shelf.period)
                if old is not None:
                    await shelf.delete(old)

    # -- what time was seen to pass

    async def _load(self) -> None:
        for shelf in self._shelves:
            stored = await self.ctx.store.get_document(AGES, self._key(shelf))
            if stored is not None:
                shelf.ages = msgspec.convert(stored, Ages)

    async def _look(self, shelf: _Shelf) -> None:
        now = self.ctx.clock.monotonic()
        before, shelf.ages = (
            shelf.ages,
            looked(
                shelf.ages,
                wall=self.ctx.clock.now(),
                running=0.0 if shelf.looked_at is None else now - shelf.looked_at,
                newest_seq=self.ctx.store.max_seq(),
                period=shelf.period,
            ),
        )
        shelf.looked_at = now
        if shelf.ages.marks != before.marks:
            await self.ctx.store.put_document(
                AGES, self._key(shelf), msgspec.to_builtins(shelf.ages), at=self.ctx.clock.now()
            )

    def _key(self, shelf: _Shelf) -> str:
        """Each computer of a shared queue has clocks of its own."""
        return f"{shelf.name} {platform.node()}" if isinstance(self.ctx.store, Shared) else shelf.name

    # -- deleting

    async def _prune_requests(self, old: Limit) -> None:
        store = self.ctx.store
        while await store.prune(finished_before=old.before, max_seq=old.max_seq, limit=SLICE):
            await self.ctx.clock.sleep(PAUSE)
        while await store.shrink():
            await self.ctx.clock.sleep(PAUSE)

    async def _prune_audit(self, old: Limit) -> None:
        removed, last = 0, None
        while anchor := await self.ctx.store.prune_audit(before=old.before, limit=SLICE):
            removed, last = removed + anchor.removed, anchor
            await self.ctx.clock.sleep(PAUSE)
        if last is not None:
            await self.ctx.store.record(_pruned(last, removed, at=self.ctx.clock.now()))

    # -- writing back

    async def _write_back(self) -> None:
        """When idle; while there is work, the store does it by itself as soon as there is much."""
        if self._options.checkpoints and self._is_idle():
            await self.ctx.store.checkpoint()

    def _is_idle(self) -> bool:
        return not self.ctx.store.counters().count(Status.PROCESSING)


def _pruned(anchor: AuditAnchor, removed: int, *, at: float) -> AuditEntry:
    return AuditEntry(
        at=at,
        actor="queue",
        kind="audit_pruned",
        why="These entries were older than the audit trail is kept.",
        detail={"entries": removed, "up_to": anchor.seq, "anchor": anchor.hash},
    )

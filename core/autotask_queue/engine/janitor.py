"""Keeps the store small: prunes what is finished and old, and writes back when idle."""

from __future__ import annotations

from dataclasses import dataclass

from autotask_queue.engine.context import Context

SLICE = 500
PAUSE_BETWEEN_SLICES = 0.05
PRUNE_INTERVAL = 3_600.0


@dataclass(slots=True)
class Janitor:
    """Runs until stopped. Unfinished and failed requests are never deleted by time."""

    ctx: Context

    async def run(self) -> None:
        """The loop."""
        options = self.ctx.config.persistence.options
        next_prune = self.ctx.clock.monotonic() + options.checkpoint_interval
        while True:
            await self.ctx.clock.sleep(options.checkpoint_interval)
            if options.checkpoints:
                await self.ctx.store.checkpoint()
            if options.retention_period > 0 and self.ctx.clock.monotonic() >= next_prune:
                next_prune = self.ctx.clock.monotonic() + PRUNE_INTERVAL
                await self.prune()

    async def prune(self) -> int:
        """Deletes finished requests older than the retention period; tells how many."""
        before = self.ctx.clock.now() - self.ctx.config.persistence.options.retention_period
        total = 0
        while deleted := await self.ctx.store.prune(finished_before=before, limit=SLICE):
            total += deleted
            await self.ctx.clock.sleep(PAUSE_BETWEEN_SLICES)
        return total

"""What people do with breakers: hold a zone, send whatever happens, end that, test it now."""

from __future__ import annotations

from dataclasses import dataclass

from autotask_queue.engine.breakers import BreakerBoard
from autotask_queue.engine.context import Context
from autotask_queue.engine.prober import Prober
from autotask_queue.model.breaker import BreakerMetrics, Override, OverrideKind
from autotask_queue.model.errors import ReasonRequired


@dataclass(frozen=True, slots=True)
class BreakerControl:
    """Commands on breakers, each durable and audited when it returns. Zone "*" means everything."""

    ctx: Context
    board: BreakerBoard
    prober: Prober

    def get_metrics(self, zone: str) -> BreakerMetrics:
        """One zone's breaker as it is now."""
        return self.board.get_metrics(zone)

    def get_all_metrics(self) -> tuple[BreakerMetrics, ...]:
        """Every zone's breaker; the hold for everything, if there is one, as zone "*"."""
        return self.board.get_all_metrics()

    async def force_open(
        self,
        zone: str,
        reason: str,
        *,
        entity: str | None = None,
        starts_at: float | None = None,
        expires_in: float | None = None,
        actor: str = "",
    ) -> BreakerMetrics:
        """Holds a zone, one endpoint of it, or everything ("*"), whatever happens, until it ends.

        Args:
            zone: the zone's name.
            reason: why; kept in the audit trail and shown to everybody.
            entity: one endpoint only.
            starts_at: seconds since the epoch; now if None.
            expires_in: seconds from the start; None holds until `release`.
            actor: who; the queue's actor if empty.

        Raises:
            ReasonRequired: `reason` is empty.
        """
        kind = OverrideKind.FORCED_OPEN
        return await self._force(
            zone, reason, kind=kind, entity=entity, starts_at=starts_at, expires_in=expires_in, actor=actor
        )

    async def force_close(
        self, zone: str, reason: str, *, expires_in: float = 3_600.0, actor: str = ""
    ) -> BreakerMetrics:
        """Sends whatever the breaker thinks. It switches protection off, so it always ends by itself.

        Raises:
            ReasonRequired: `reason` is empty.
        """
        kind = OverrideKind.FORCED_CLOSED
        return await self._force(zone, reason, kind=kind, expires_in=expires_in, actor=actor)

    async def _force(
        self,
        zone: str,
        reason: str,
        *,
        kind: OverrideKind,
        entity: str | None = None,
        starts_at: float | None = None,
        expires_in: float | None,
        actor: str,
    ) -> BreakerMetrics:
        if not reason.strip():
            raise ReasonRequired("Holding or forcing a zone needs a reason.")
        now = self.ctx.clock.now()
        start = starts_at if starts_at is not None else now
        override = Override(
            kind=kind,
            reason=reason.strip(),
            actor=actor or self.ctx.actor,
            since=now,
            starts_at=starts_at,
            expires_at=None if expires_in is None else start + expires_in,
            entity=entity,
        )
        transition = self.board.zone(zone).force(override)
        return await self.board.announce_now(zone, transition, override.actor, kind.value)

    async def extend(
        self, zone: str, seconds: float, *, entity: str | None = None, actor: str = ""
    ) -> BreakerMetrics:
        """Moves the end of a hold by `seconds`. Does nothing if there is none with an end."""
        transition = self.board.zone(zone).extend(seconds, entity)
        return await self.board.announce_now(zone, transition, actor or self.ctx.actor, "extended")

    async def release(
        self, zone: str, reason: str = "", *, entity: str | None = None, actor: str = ""
    ) -> BreakerMetrics:
        """Ends a hold or a forced close now. The zone is tested before it is used again."""
        transition = self.board.zone(zone).release_override(
            entity, reason or "ended by hand", self.ctx.clock.now()
        )
        return await self.board.announce_now(zone, transition, actor or self.ctx.actor, "override_ended")

    async def reset(self, zone: str, reason: str = "", *, actor: str = "") -> BreakerMetrics:
        """Forgets the zone's failures and holds, and closes its breaker."""
        transition = self.board.zone(zone).reset(reason or "reset by hand")
        return await self.board.announce_now(zone, transition, actor or self.ctx.actor, "reset")

    async def test_now(self, zone: str, *, actor: str = "") -> BreakerMetrics:
        """Ends an open breaker's pause and tests the zone at once. A hold stays."""
        transition = self.board.zone(zone).try_now("tested by hand")
        await self.board.announce_now(zone, transition, actor or self.ctx.actor, "tested")
        if self.prober.wants(zone):
            await self.prober.probe(zone)
        return self.get_metrics(zone)

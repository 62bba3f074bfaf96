"""What people do with breakers: hold a zone, send whatever happens, end that, test it now."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from autotask_queue.engine.arguments import check_seconds, check_zone_name
from autotask_queue.engine.breakers import BreakerBoard
from autotask_queue.engine.context import Context
from autotask_queue.engine.prober import Prober
from autotask_queue.model.breaker import BreakerMetrics, Override, OverrideKind
from autotask_queue.model.errors import QueueClosed, ReasonRequired, StoreError
from autotask_queue.policy.breaker import Transition, ZoneBreaker


@dataclass(frozen=True, slots=True)
class BreakerControl:
    """Commands on breakers, each durable and audited when it returns. Zone "*" means everything.

    It is `queue.circuit_breaker`. In all of them, `zone` is its name, `reason` why (for people and the audit
    trail), `actor` who (the queue's own if empty), and `entity` one endpoint of it only, all if None.
    """

    ctx: Context
    board: BreakerBoard
    prober: Prober
    is_open: Callable[[], bool]

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
            ValueError: a time is no number of seconds, or lies behind.
        """
        kind = OverrideKind.FORCED_OPEN
        return await self._force(
            zone, reason, kind=kind, entity=entity, starts_at=starts_at, expires_in=expires_in, actor=actor
        )

    async def force_close(
        self, zone: str, reason: str, *, expires_in: float = 3_600.0, actor: str = ""
    ) -> BreakerMetrics:
        """Sends whatever the breaker thinks. It switches protection off, so it always ends by itself.

        Args:
            zone: the zone's name.
            reason: why; kept in the audit trail and shown to everybody.
            expires_in: seconds until it ends.
            actor: who; the queue's actor if empty.

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
        check_zone_name(zone)
        now = self.ctx.clock.now()
        if expires_in is not None:
            check_seconds("expires_in", expires_in)
        if starts_at is not None:
            check_seconds("starts_at", starts_at)
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
        return await self._change(zone, lambda b: b.force(override), override.actor, kind.value)

    async def _change(
        self, zone: str, change: Callable[[ZoneBreaker], Transition | None], actor: str, kind: str
    ) -> BreakerMetrics:
        """Changes a breaker, in memory and in the store, or not at all."""
        if not self.is_open():
            raise QueueClosed("The queue has not been started, or it is shut down.")
        breaker = self.board.zone(zone)
        before = breaker.overrides
        transition = change(breaker)
        try:
            return await self.board.announce_now(zone, transition, actor or self.ctx.actor, kind)
        except StoreError:
            breaker.overrides = before
            self.board.changed()
            raise

    async def extend(
        self, zone: str, seconds: float, *, entity: str | None = None, actor: str = ""
    ) -> BreakerMetrics:
        """Moves the end of a hold by `seconds`. Does nothing if there is none with an end."""
        check_seconds("seconds", seconds)
        return await self._change(zone, lambda b: b.extend(seconds, entity), actor, "extended")

    async def release(
        self, zone: str, reason: str = "", *, entity: str | None = None, actor: str = ""
    ) -> BreakerMetrics:
        """Ends a hold or a forced close now. The zone is tested before it is used again."""
        now, why = self.ctx.clock.now(), reason or "ended by hand"
        return await self._change(
            zone, lambda b: b.release_override(entity, why, now), actor, "override_ended"
        )

    async def reset(self, zone: str, reason: str = "", *, actor: str = "") -> BreakerMetrics:
        """Forgets the zone's failures and holds, and closes its breaker."""
        return await self._change(zone, lambda b: b.reset(reason or "reset by hand"), actor, "reset")

    async def test_now(self, zone: str, *, actor: str = "") -> BreakerMetrics:
        """Ends an open breaker's pause and tests the zone at once. A hold stays."""
        await self._change(zone, lambda b: b.try_now("tested by hand"), actor, "tested")
        if self.prober.wants(zone):
            await self.prober.probe(zone)
        return self.get_metrics(zone)

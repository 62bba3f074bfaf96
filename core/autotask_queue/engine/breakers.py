"""The breakers of all zones: permits for the runner, records for the store, events for everybody."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Coroutine
from typing import Any

from autotask_queue.engine.context import Context
from autotask_queue.model.breaker import BreakerMetrics, BreakerRecord, BreakerState, Override, OverrideKind
from autotask_queue.model.config import CircuitBreakerConfig
from autotask_queue.model.events import (
    CircuitClosed,
    CircuitForced,
    CircuitHalfOpen,
    CircuitOpened,
    ZoneEvent,
)
from autotask_queue.model.request import AuditEntry
from autotask_queue.policy.breaker import Permit, Transition, ZoneBreaker
from autotask_queue.policy.retry import Signal

EVERY_ZONE = "*"
"""The zone of holds that concern everything."""

_LATENCY_EVERY = 60.0
_WORTH_SAVING = 0.005
"""By how much the usual share of failures must have moved to be stored without another reason."""

_EVENTS: dict[BreakerState, type[ZoneEvent]] = {
    BreakerState.OPEN: CircuitOpened,
    BreakerState.HALF_OPEN: CircuitHalfOpen,
    BreakerState.CLOSED: CircuitClosed,
}


class BreakerBoard:
    """All breakers.

    `enrich` adds what the monitor measured to a breaker's metrics; `slowest` tells how many seconds 99 of
    100 calls of a zone take at most, if known.
    """

    def __init__(
        self,
        ctx: Context,
        *,
        enrich: Callable[[BreakerMetrics], BreakerMetrics],
        slowest: Callable[[str], float | None],
    ) -> None:
        self._ctx = ctx
        self._enrich = enrich
        self._slowest = slowest
        self._latency_at = float("-inf")
        self._saved_usual: dict[str, float] = {}
        self._zones: dict[str, ZoneBreaker] = {}
        self.changed: Callable[[], None] = lambda: None

    async def load(self) -> None:
        """Takes up where the last process stopped."""
        for record in await self._ctx.store.load_breakers():
            self._zones[record.zone] = ZoneBreaker.restore(record, self._config, self._rng, mono=self._mono)
            self._saved_usual[record.zone] = record.usual_failures

    async def follow(self) -> None:
        """Takes over the holds that others have set or ended. Their automatic states are their own."""
        stored = {record.zone: record.overrides for record in await self._ctx.store.load_breakers()}
        for zone in sorted({*stored, *self._zones}):
            for transition in self.zone(zone).follow(stored.get(zone, ()), self._wall):
                self._publish(zone, transition)
                self._test_all_after(zone, transition)

    # -- for dispatcher and runner

    def zone(self, name: str) -> ZoneBreaker:
        """The breaker of a zone; made when first asked for."""
        if name not in self._zones:
            self._zones[name] = ZoneBreaker.restore(
                BreakerRecord(zone=name), self._config, self._rng, mono=self._mono
            )
        return self._zones[name]

    def names(self) -> tuple[str, ...]:
        """Zones that have a breaker, without the one for everything."""
        return tuple(sorted(z for z in self._zones if z != EVERY_ZONE))

    def available(self, zone: str) -> int:
        """How many calls of `zone` may start now."""
        if self.hold(zone, None) is not None:
            return 0
        return self.zone(zone).available(self._mono, self._wall)

    def is_stopped(self, zone: str) -> bool:
        """Whether `zone` is held, stopped by itself, or under test."""
        if self.hold(zone, None) is not None:
            return True
        free = not self._config.enabled or self.zone(zone).override_at(self._wall) is not None
        return not free and self.zone(zone).state is not BreakerState.CLOSED

    def hold(self, zone: str, entity: str | None) -> Override | None:
        """The person's hold that stops `entity` of `zone` (None: the whole zone) now."""
        candidates = [self.zone(EVERY_ZONE).override_at(self._wall), self.zone(zone).override_at(self._wall)]
        if entity is not None:
            candidates += [self.zone(z).override_at(self._wall, entity) for z in (EVERY_ZONE, zone)]
        return next((o for o in candidates if o is not None and o.kind is OverrideKind.FORCED_OPEN), None)

    def held_entities(self, zone: str) -> tuple[str, ...]:
        """Endpoints of `zone` that are held on their own."""
        overrides = (*self.zone(EVERY_ZONE).overrides, *self.zone(zone).overrides)
        named = {o.entity for o in overrides if o.entity is not None}
        return tuple(sorted(e for e in named if self.hold(zone, e) is not None))

    def acquire(self, zone: str, entity: str) -> Permit | None:
        """A permit for one call, or None."""
        if self.hold(zone, entity) is not None:
            return None
        return self.zone(zone).acquire(self._mono, self._wall, entity)

    def opened_since(self, zone: str, permit: Permit) -> bool:
        """Whether the zone was shut while the call with this permit, not itself a test, was out."""
        breaker = self.zone(zone)
        return breaker.state is not BreakerState.CLOSED and permit.generation != breaker.generation

    def release(self, zone: str, permit: Permit, signal: Signal) -> None:
        """Gives a permit back; announces and stores what follows from it."""
        self._announce(zone, self.zone(zone).release(permit, signal, self._mono, self._wall))
        if permit.probe:  # the next test may go
            self.changed()

    def tick(self) -> None:
        """Applies what time has brought."""
        self._note_latencies()
        for name, breaker in tuple(self._zones.items()):
            for transition in breaker.tick(self._mono, self._wall, full=self._is_full(name)):
                self._announce(name, transition)

    def _note_latencies(self) -> None:
        """Once a minute: how slow calls are changes slowly, and costs a look at the whole hour."""
        if self._mono < self._latency_at:
            return
        self._latency_at = self._mono + _LATENCY_EVERY
        for name, breaker in self._zones.items():
            breaker.note_latency(self._slowest(name))
            usual = breaker.ratio.usual
            if abs(usual - self._saved_usual.setdefault(name, usual)) > _WORTH_SAVING:
                self._saved_usual[name] = usual
                saving = self._ctx.store.save_breaker(breaker.record())
                self._ctx.tasks.later(f"save breaker {name}", saving)

    def _is_full(self, name: str) -> bool:
        """Whether no other call of the zone may start because of those that are out."""
        breaker = self._zones[name]
        if not breaker.live:
            return False
        zone = self._ctx.config.zones.get(name)
        each = Counter(permit.entity for permit in breaker.live)
        endpoints_full = zone is not None and min(each.values()) >= zone.max_concurrency
        all_full = len(breaker.live) >= self._ctx.config.max_concurrency
        return endpoints_full or all_full or breaker.available(self._mono, self._wall) <= 0

    def next_time(self) -> float | None:
        """Seconds until `tick` has something to do."""
        waits = [
            b.next_time(self._mono, self._wall, full=self._is_full(name)) for name, b in self._zones.items()
        ]
        return min((w for w in waits if w is not None), default=None)

    def try_all(self, reason: str) -> None:
        """Ends the cool-down of every open breaker."""
        for name, breaker in self._zones.items():
            self._announce(name, breaker.try_now(reason))

    # -- what can be seen

    def get_metrics(self, zone: str) -> BreakerMetrics:
        """One zone's breaker as it is now."""
        breaker = self.zone(zone)
        wall = self._wall
        metrics = BreakerMetrics(
            zone=zone,
            state=breaker.state,
            reason=breaker.reason,
            since=breaker.opened_wall,
            retry_in=breaker.retry_in(self._mono),
            overrides=tuple(o for o in breaker.overrides if o.expires_at is None or wall < o.expires_at),
            consecutive_failures=breaker.streak,
            failure_threshold=breaker.ratio.threshold,
        )
        return self._enrich(metrics)

    def get_all_metrics(self) -> tuple[BreakerMetrics, ...]:
        """Every zone's breaker; the hold for everything, if there is one, as zone "*"."""
        names = self.names()
        if EVERY_ZONE in self._zones and self._zones[EVERY_ZONE].overrides:
            names = (EVERY_ZONE, *names)
        return tuple(self.get_metrics(n) for n in names)

    # -- announcing

    def _announce(self, zone: str, transition: Transition | None) -> None:
        if transition is not None:
            kind = "override_ended" if transition.forced else transition.state.value
            self._ctx.tasks.later(f"save breaker {zone}", self._save(zone, transition, "", kind))
            self._publish(zone, transition)
            self._test_all_after(zone, transition)

    async def announce_now(
        self, zone: str, transition: Transition | None, actor: str, kind: str
    ) -> BreakerMetrics:
        """Stores and announces what a person changed; durable when it returns."""
        if transition is not None:
            stored = self._store_and_tell(zone, transition, actor, kind)
            await self._ctx.tasks.finish(f"save breaker {zone}", stored)
        return self.get_metrics(zone)

    async def _store_and_tell(self, zone: str, transition: Transition, actor: str, kind: str) -> None:
        await self._save(zone, transition, actor, kind)
        self._publish(zone, transition)
        self._test_all_after(zone, transition)

    def _test_all_after(self, zone: str, transition: Transition) -> None:
        """The end of a hold on everything: each zone is tested before it is used again."""
        ended = transition.ended
        if zone == EVERY_ZONE and ended is not None and transition.held:
            for name in sorted({*self.names(), *self._ctx.store.counters().by_zone()}):
                self._announce(name, self.zone(name).test_first(transition.reason))

    def _save(self, zone: str, transition: Transition, actor: str, kind: str) -> Coroutine[Any, Any, None]:
        detail: dict[str, object] = {}
        about = transition.override or transition.ended
        if about is not None:
            detail = {"entity": about.entity, "starts_at": about.starts_at, "expires_at": about.expires_at}
        entry = AuditEntry(
            at=self._wall,
            actor=actor or ("queue" if not transition.override else transition.override.actor),
            kind=f"circuit.{kind}",
            zone=zone,
            target=transition.state.value,
            why=transition.reason,
            detail=detail,
        )
        return self._ctx.store.save_breaker(self.zone(zone).record(), entry)

    def _publish(self, zone: str, transition: Transition) -> None:
        metrics = self.get_metrics(zone)
        at = self._wall
        if transition.forced:
            self._ctx.bus.publish(
                CircuitForced(
                    at=at, zone=zone, reason=transition.reason, breaker=metrics, override=transition.override
                )
            )
        else:
            event = _EVENTS[transition.state]
            self._ctx.bus.publish(event(at=at, zone=zone, reason=transition.reason, breaker=metrics))
        self.changed()

    @property
    def _config(self) -> CircuitBreakerConfig:
        return self._ctx.config.strategies.circuit_breaker

    @property
    def _rng(self) -> random.Random:
        return self._ctx.rng

    @property
    def _mono(self) -> float:
        return self._ctx.clock.monotonic()

    @property
    def _wall(self) -> float:
        return self._ctx.clock.now()

"""What may be sent now: pauses, refused sign-ins, throttling, the network and the breakers together."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable

from autotask_queue.engine.arguments import check_seconds
from autotask_queue.engine.breakers import EVERY_ZONE, BreakerBoard
from autotask_queue.engine.connectivity import ConnectivityMonitor
from autotask_queue.engine.context import Context
from autotask_queue.model.breaker import BreakerState, OverrideKind
from autotask_queue.model.events import ProcessingPaused, ProcessingResumed, SignInAccepted, SignInRefused
from autotask_queue.model.failure import Failure
from autotask_queue.model.gates import Gate, GateKind
from autotask_queue.model.metrics import Connectivity
from autotask_queue.model.request import AuditEntry
from autotask_queue.policy.retry import throttle_pause
from autotask_queue.ports import ZoneGate

_UNLIMITED = 1_000_000


class Gates:
    """Knows every closed gate; never touches a request."""

    def __init__(self, ctx: Context, board: BreakerBoard, connectivity: ConnectivityMonitor) -> None:
        self._ctx = ctx
        self._board = board
        self._connectivity = connectivity
        self._sign_in: dict[str, str] = {}
        self._throttled: dict[str, float] = {}
        self._throttles: Counter[str] = Counter()
        self.paused: Gate | None = None
        """The pause in force: by whom, why and until when (None: until somebody resumes)."""
        self.changed: Callable[[], None] = lambda: None

    async def load(self) -> None:
        """Restores a pause as it was when the program ended."""
        self.paused = await self._stored_pause()

    async def _stored_pause(self) -> Gate | None:
        saved = await self._ctx.store.get_document("control", "paused")
        return Gate(kind=GateKind.PAUSED, **saved) if saved else None

    async def follow(self) -> None:
        """Takes over a pause that another process has set or ended."""
        before, self.paused = self.paused, await self._stored_pause()
        if self.paused == before:
            return
        now = self._ctx.clock.now()
        if self.paused is None:
            self._ctx.bus.publish(ProcessingResumed(at=now))
        else:
            self._ctx.bus.publish(ProcessingPaused(at=now, until=self.paused.until))
        self.changed()

    # -- pause

    @property
    def _pause_ends(self) -> float | None:
        return self.paused.until if self.paused is not None else None

    async def pause(self, expires_in: float | None, *, why: str, actor: str) -> None:
        """Stops sending for `expires_in` seconds, or until `resume`; survives a restart."""
        if expires_in is not None:
            check_seconds("expires_in", expires_in)
        now = self._ctx.clock.now()
        until = None if expires_in is None else now + expires_in
        value = {"until": until, "reason": why, "actor": actor}
        await self._ctx.store.put_document("control", "paused", value, at=now)
        await self._audit("paused", actor, why)
        self.paused = Gate(kind=GateKind.PAUSED, until=until, reason=why, actor=actor)
        self._ctx.bus.publish(ProcessingPaused(at=now, until=until))
        self.changed()

    async def resume(self, *, why: str, actor: str) -> None:
        """Ends a pause."""
        if self.paused is not None:
            await self._ctx.store.delete_document("control", "paused")
            await self._audit("resumed", actor, why)
            self.paused = None
            self._ctx.bus.publish(ProcessingResumed(at=self._ctx.clock.now()))
            self.changed()

    # -- what attempts found out

    def sign_in_refused(self, zone: str, failure: Failure) -> None:
        """Everything of the zone waits until a person mends the sign-in: repeated refusals lock accounts."""
        if zone not in self._sign_in:
            self._sign_in[zone] = failure.message
            self._ctx.bus.publish(SignInRefused(at=self._ctx.clock.now(), zone=zone, reason=failure.message))
            self.changed()

    def sign_in_mended(self, zone: str) -> None:
        """The sign-in was changed, or a person wants it tried again."""
        if self._sign_in.pop(zone, None) is not None:
            self._ctx.bus.publish(SignInAccepted(at=self._ctx.clock.now(), zone=zone))
            self.changed()

    def throttled(self, zone: str, failure: Failure) -> None:
        """The server wants fewer calls: the whole zone rests."""
        self._throttles[zone] += 1
        pause = throttle_pause(self._throttles[zone], self._rng, failure=failure)
        until = self._ctx.clock.monotonic() + pause
        self._throttled[zone] = max(until, self._throttled.get(zone, until))
        self.changed()

    def answered(self, zone: str) -> None:
        """A call went well: the next throttling starts from the shortest pause again."""
        self._throttles.pop(zone, None)

    # -- time

    async def tick(self) -> None:
        """Ends what time ends."""
        if self._pause_ends is not None and self._ctx.clock.now() >= self._pause_ends:
            await self.resume(why="the time was up", actor="queue")
        mono = self._ctx.clock.monotonic()
        for zone in [z for z, until in self._throttled.items() if until <= mono]:
            del self._throttled[zone]

    def next_time(self) -> float | None:
        """Seconds until `tick` has something to do."""
        mono = self._ctx.clock.monotonic()
        waits = [until - mono for until in self._throttled.values()]
        if self._pause_ends is not None:
            waits.append(self._pause_ends - self._ctx.clock.now())
        return max(0.0, min(waits)) if waits else None

    # -- what follows

    def for_claim(self, running: Counter[tuple[str, str]]) -> dict[str, ZoneGate]:
        """The zones that may run something now, with how much; empty if none."""
        if self.paused is not None or not self._connectivity.may_send:
            return {}
        out: dict[str, ZoneGate] = {}
        for zone in self._ctx.store.counters().by_zone():
            if zone in self._sign_in or zone in self._throttled:
                continue
            slots = self._board.available(zone)
            if slots > 0:
                out[zone] = self._zone_gate(zone, slots, running)
        return out

    def stopped(self) -> frozenset[str]:
        """Zones to which nothing can be sent now, however many slots are free."""
        zones = self._ctx.store.counters().by_zone()
        if self.paused is not None or not self._connectivity.may_send:
            return frozenset(zones)
        return frozenset(
            z for z in zones if z in self._sign_in or z in self._throttled or self._board.is_stopped(z)
        )

    def for_lookups(self) -> frozenset[str]:
        """Zones in which an uncertain request may be looked up now."""
        return frozenset(self.for_claim(Counter()))

    def _zone_gate(self, zone: str, slots: int, running: Counter[tuple[str, str]]) -> ZoneGate:
        config = self._ctx.config.zones.get(zone)
        per_entity = config.max_concurrency if config else _UNLIMITED
        entity_slots = {
            entity: max(0, per_entity - count)
            for (z, entity), count in running.items()
            if z == zone and count
        }
        entity_slots.update(dict.fromkeys(self._board.held_entities(zone), 0))
        return ZoneGate(slots=slots, entity_slots=entity_slots, default_entity_slots=per_entity)

    def for_people(self) -> tuple[Gate, ...]:
        """Every closed gate, for explaining why something waits."""
        out: list[Gate] = []
        state = self._connectivity.state
        if state.state is Connectivity.WORK_OFFLINE:
            out.append(Gate(kind=GateKind.WORK_OFFLINE))
        elif state.state is not Connectivity.ONLINE:
            out.append(Gate(kind=GateKind.OFFLINE, until=state.next_try_at, reason=state.detail))
        if self.paused is not None:
            out.append(self.paused)
        out += [Gate(kind=GateKind.SIGN_IN, zone=z, reason=why) for z, why in self._sign_in.items()]
        wall, mono = self._ctx.clock.now(), self._ctx.clock.monotonic()
        out += [
            Gate(kind=GateKind.THROTTLED, zone=z, until=wall + until - mono)
            for z, until in self._throttled.items()
            if until > mono
        ]
        for metrics in self._board.get_all_metrics():
            zone = None if metrics.zone == EVERY_ZONE else metrics.zone
            for o in metrics.overrides:
                if o.kind is OverrideKind.FORCED_OPEN and (o.starts_at or 0) <= wall:
                    out.append(
                        Gate(
                            kind=GateKind.MAINTENANCE,
                            zone=zone,
                            entity=o.entity,
                            reason=o.reason,
                            actor=o.actor,
                            until=o.expires_at,
                        )
                    )
            in_force = any(o.entity is None and (o.starts_at or 0) <= wall for o in metrics.overrides)
            if metrics.state is BreakerState.OPEN and not in_force:
                until = wall + metrics.retry_in if metrics.retry_in is not None else None
                out.append(Gate(kind=GateKind.BREAKER, zone=zone, reason=metrics.reason, until=until))
        return tuple(out)

    async def _audit(self, kind: str, actor: str, why: str) -> None:
        entry = AuditEntry(at=self._ctx.clock.now(), actor=actor, kind=f"processing.{kind}", why=why)
        await self._ctx.store.record(entry)

    @property
    def _rng(self) -> random.Random:
        return self._ctx.rng

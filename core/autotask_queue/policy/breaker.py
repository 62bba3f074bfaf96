"""A zone's circuit breaker: automatic states, and a person's overrides on top of them.

Taken together from several: Linkerd's single strict probe and ignored stragglers, gobreaker's
generations, Envoy's cool-down that grows with each opening and shrinks in quiet times, Finagle's
equal jitter, resilience4j's forced states. No published breaker has all of them.

It opens by itself for a streak of failures, for too large a share of failures (`failure_ratio`), and when
every call that may be out hangs: calls that never end are never counted, and no published breaker sees them.

Pure: `mono` is monotonic seconds, `wall` seconds since the epoch. Cool-downs count monotonic time, so
that a clock that jumps neither opens nor closes anything; what a person set ends by the wall clock.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field

import msgspec

from autotask_queue.model.breaker import BreakerRecord, BreakerState, Override, OverrideKind
from autotask_queue.model.config import CircuitBreakerConfig
from autotask_queue.policy.failure_ratio import FailureRatio
from autotask_queue.policy.retry import Signal

QUIET = 5.0
"""Seconds without a success that a streak needs too: a burst of parallel failures is no streak."""
FIRST_COOL_DOWN = 5.0
PROBE_DEADLINE = 10.0
DECAY = 60.0
"""Seconds without a failure after which the cool-down's exponent falls by one."""
HUNG_AFTER = 10.0
"""Seconds without any answer, all calls that may be out being out, after which they hang; at least."""
HUNG_AT_MOST = 60.0
_MAX_TRIPS = 20
_UNLIMITED = 1_000_000


@dataclass(slots=True, eq=False)
class Permit:
    """The right to one call. Give it back with `release`, whatever happened."""

    generation: int
    taken_at: float
    probe: bool
    entity: str = ""


@dataclass(frozen=True, slots=True)
class Transition:
    """The automatic state, or an override, changed; `reason` is for people and never empty."""

    state: BreakerState
    reason: str
    forced: bool = False
    override: Override | None = None
    ended: Override | None = None
    """The override that ended; `held` says whether it was in force until now."""
    held: bool = False


@dataclass(slots=True)
class ZoneBreaker:
    """The breaker of one zone. Not thread-safe; every call says what time it is."""

    zone: str
    config: CircuitBreakerConfig
    rng: random.Random
    state: BreakerState = BreakerState.CLOSED
    reason: str = ""
    generation: int = 0
    trips: int = 0
    streak: int = 0
    successes: int = 0
    opened_wall: float | None = None
    overrides: tuple[Override, ...] = ()
    live: set[Permit] = field(default_factory=set)
    """Permits of the current generation that are out."""
    ratio: FailureRatio = field(default_factory=FailureRatio)
    hung_after: float = HUNG_AFTER
    _last_end: float = float("-inf")
    """When a call of this generation ended, however."""
    _last_ok: float = float("-inf")
    _last_fail: float = float("-inf")
    _until: float = 0.0
    _probe_taken: float | None = None
    _ramp: int = _UNLIMITED

    # -- persistence

    @classmethod
    def restore(
        cls, record: BreakerRecord, config: CircuitBreakerConfig, rng: random.Random, *, mono: float
    ) -> ZoneBreaker:
        """Continues after a restart: what was open stays open for a fresh, shortest cool-down."""
        breaker = cls(zone=record.zone, config=config, rng=rng, trips=record.trips)
        breaker.overrides = record.overrides
        breaker.ratio.usual = record.usual_failures
        breaker._last_fail = mono
        if record.state is not BreakerState.CLOSED:
            breaker.state = BreakerState.OPEN
            breaker.reason = record.reason or "it was stopped when the program ended"
            breaker.opened_wall = record.opened_at
            breaker.ratio.interrupt()
            breaker._until = mono + _jitter(min(FIRST_COOL_DOWN, config.timeout), rng)
        return breaker

    def record(self) -> BreakerRecord:
        """What must survive a restart."""
        return BreakerRecord(
            zone=self.zone,
            state=self.state,
            trips=self.trips,
            opened_at=self.opened_wall,
            reason=self.reason,
            overrides=self.overrides,
            usual_failures=self.ratio.usual,
        )

    # -- permits

    def available(self, mono: float, wall: float) -> int:
        """How many calls may start now; 0 while open. Never changes the state."""
        override = self.override_at(wall)
        if override is not None:
            return 0 if override.kind is OverrideKind.FORCED_OPEN else _UNLIMITED
        if not self.config.enabled:
            return _UNLIMITED
        match self.state:
            case BreakerState.CLOSED:
                return max(0, self._ramp - len(self.live))
            case BreakerState.OPEN:
                return 0
            case BreakerState.HALF_OPEN:
                return 0 if self._probe_taken is not None else 1

    def acquire(self, mono: float, wall: float, entity: str = "") -> Permit | None:
        """A permit for a call of `entity`, or None if the breaker is shut."""
        if self.available(mono, wall) <= 0:
            return None
        probe = self.state is BreakerState.HALF_OPEN and self.override_at(wall) is None
        permit = Permit(generation=self.generation, taken_at=mono, probe=probe, entity=entity)
        if probe:
            self._probe_taken = mono
        self.live.add(permit)
        return permit

    def release(self, permit: Permit, signal: Signal, mono: float, wall: float) -> Transition | None:
        """Returns a permit with what its call showed.

        A permit of an older generation changes nothing: its call began under other circumstances.
        """
        if permit.generation != self.generation:
            return None
        self.live.discard(permit)
        self._last_end = mono
        if permit.probe:
            self._probe_taken = None
        if self.override_at(wall) is not None:
            return None
        if self.state is BreakerState.HALF_OPEN:
            return self._after_probe(signal, mono, wall)
        if self.state is BreakerState.CLOSED:
            return self._after_call(signal, mono, wall)
        return None

    def _after_probe(self, signal: Signal, mono: float, wall: float) -> Transition | None:
        if signal is Signal.OK:
            self._last_ok = mono
            self.successes += 1
            if self.successes >= self.config.success_threshold:
                return self._close("the tests succeeded")
        elif signal in (Signal.FAIL, Signal.THROTTLE):
            return self._open("the test failed", mono, wall)
        return None

    def _after_call(self, signal: Signal, mono: float, wall: float) -> Transition | None:
        if signal in (Signal.OK, Signal.FAIL):
            self.ratio.add(failed=signal is Signal.FAIL, mono=mono)
            self.ratio.learn(mono)
        if signal is Signal.OK:
            self._last_ok = mono
            self.streak = 0
            self._ramp = min(_UNLIMITED, self._ramp * 2)
        elif signal is Signal.FAIL:
            self._decay(mono)
            self._last_fail = mono
            self.streak += 1
            why = self._why_open(mono)
            if self.config.enabled and why:
                return self._open(why, mono, wall)
        return None

    def _why_open(self, mono: float) -> str:
        if self.streak >= self.config.failure_threshold and mono - self._last_ok >= QUIET:
            return f"{self.streak} calls in a row failed"
        return self.ratio.too_many(mono)

    def note_latency(self, p99: float | None) -> None:
        """How long calls of this zone take, in seconds: slow ones do not hang."""
        self.hung_after = min(HUNG_AT_MOST, max(HUNG_AFTER, 4 * p99)) if p99 is not None else HUNG_AFTER

    def _hangs_at(self) -> float:
        """When the calls that are out hang, if none of them ends and no other may start."""
        return max(self._last_end, *(p.taken_at for p in self.live)) + self.hung_after

    # -- time

    def tick(self, mono: float, wall: float, *, full: bool = False) -> list[Transition]:
        """Applies what time alone brings: ended overrides, a cool-down that is over, calls that hang.

        `full`: every call of the zone that may be out is out.
        """
        out = self._expire_overrides(wall)
        self._decay(mono)
        if self.override_at(wall) is not None:
            return out
        if self.state is BreakerState.OPEN and mono >= self._until:
            out.append(self._half_open("the pause is over"))
        elif (
            self.state is BreakerState.HALF_OPEN
            and self._probe_taken is not None
            and mono - self._probe_taken >= PROBE_DEADLINE
        ):
            out.append(self._open("the test got no answer", mono, wall))
        elif self._may_hang(full) and mono >= self._hangs_at():
            n = len(self.live)
            calls = "the only call that may run gets" if n == 1 else f"all {n} calls that may run get"
            out.append(self._open(f"{calls} no answer", mono, wall))
        return out

    def _may_hang(self, full: bool) -> bool:
        closed = self.state is BreakerState.CLOSED and self.config.enabled
        return full and closed and bool(self.live)

    def retry_in(self, mono: float) -> float | None:
        """Seconds until the next test of an open breaker."""
        return max(0.0, self._until - mono) if self.state is BreakerState.OPEN else None

    def next_time(self, mono: float, wall: float, *, full: bool = False) -> float | None:
        """Seconds until `tick` has something to do; None if only an event can bring it."""
        waits = [o.expires_at - wall for o in self.overrides if o.expires_at is not None]
        waits += [
            o.starts_at - wall for o in self.overrides if o.starts_at is not None and o.starts_at > wall
        ]
        if self.override_at(wall) is None:
            if self.state is BreakerState.OPEN:
                waits.append(self._until - mono)
            elif self.state is BreakerState.HALF_OPEN and self._probe_taken is not None:
                waits.append(self._probe_taken + PROBE_DEADLINE - mono)
            elif self._may_hang(full):
                waits.append(self._hangs_at() - mono)
        return max(0.0, min(waits)) if waits else None

    def try_now(self, reason: str) -> Transition | None:
        """Ends the cool-down of an open breaker at once (a person asked, the network is back)."""
        return self._half_open(reason) if self.state is BreakerState.OPEN else None

    def reset(self, reason: str) -> Transition:
        """Forgets failures and overrides and closes."""
        self.overrides = ()
        self.trips = 0
        return self._close(reason, ramp=_UNLIMITED)

    # -- overrides

    def override_at(self, wall: float, entity: str | None = None) -> Override | None:
        """The override in force for the whole zone, or for `entity` alone."""
        for o in self.overrides:
            if (
                o.entity == entity
                and (o.starts_at or 0) <= wall
                and (o.expires_at is None or wall < o.expires_at)
            ):
                return o
        return None

    def force(self, override: Override) -> Transition:
        """Sets an override in place of one with the same scope."""
        self.overrides = (*(o for o in self.overrides if o.entity != override.entity), override)
        self._next_generation()
        return Transition(self.state, override.reason, forced=True, override=override)

    def extend(self, seconds: float, entity: str | None) -> Transition | None:
        """Moves the end of an override; None if there is none with an end."""
        for o in self.overrides:
            if o.entity == entity and o.expires_at is not None:
                return self.force(msgspec.structs.replace(o, expires_at=o.expires_at + seconds))
        return None

    def release_override(self, entity: str | None, reason: str, wall: float) -> Transition | None:
        """Ends an override. A whole zone is tested before it is used: half-open, never closed.

        One that was only planned is dropped, and nothing else changes.
        """
        ended = next((o for o in self.overrides if o.entity == entity), None)
        if ended is None:
            return None
        held = (ended.starts_at or 0) <= wall
        self.overrides = tuple(o for o in self.overrides if o is not ended)
        if entity is None and held:
            self._half_open(reason)
        return Transition(self.state, reason, forced=True, ended=ended, held=held)

    def follow(self, overrides: tuple[Override, ...], wall: float) -> list[Transition]:
        """Takes over the overrides as others have left them; what that changes here."""
        ended = [o for o in self.overrides if all(o.entity != other.entity for other in overrides)]
        new = [o for o in overrides if o not in self.overrides]
        released = [self.release_override(o.entity, "ended elsewhere", wall) for o in ended]
        return [t for t in released if t is not None] + [self.force(o) for o in new]

    def test_first(self, reason: str) -> Transition:
        """Tests the zone before it is used again, whatever it was before."""
        return self._half_open(reason)

    def _expire_overrides(self, wall: float) -> list[Transition]:
        out = []
        for o in self.overrides:
            if o.expires_at is not None and wall >= o.expires_at:
                ended = self.release_override(o.entity, "the time was up", wall)
                if ended is not None:
                    out.append(ended)
        return out

    # -- states

    def _open(self, reason: str, mono: float, wall: float) -> Transition:
        self._enter(BreakerState.OPEN, reason)
        self.opened_wall = wall
        self.ratio.interrupt()
        cap = self.config.timeout
        bound = min(cap, FIRST_COOL_DOWN * 2.0 ** min(self.trips, _MAX_TRIPS))
        self._until = mono + _jitter(bound, self.rng)
        self.trips = min(self.trips + 1, _MAX_TRIPS)
        return Transition(self.state, reason)

    def _half_open(self, reason: str) -> Transition:
        self._enter(BreakerState.HALF_OPEN, reason)
        return Transition(self.state, reason)

    def _close(self, reason: str, *, ramp: int = 1) -> Transition:
        self._enter(BreakerState.CLOSED, reason)
        self.opened_wall = None
        self._ramp = ramp
        return Transition(self.state, reason)

    def _enter(self, state: BreakerState, reason: str) -> None:
        self.state = state
        self.reason = reason
        self.streak = 0
        self.successes = 0
        self.ratio.start_over()
        self._next_generation()

    def _next_generation(self) -> None:
        self.generation += 1
        self.live.clear()
        self._probe_taken = None

    def _decay(self, mono: float) -> None:
        while self.trips > 0 and mono - self._last_fail >= DECAY and self.state is BreakerState.CLOSED:
            self.trips -= 1
            self._last_fail += DECAY


def _jitter(seconds: float, rng: random.Random) -> float:
    return seconds * rng.uniform(0.5, 1.0)

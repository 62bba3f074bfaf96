"""Tests zones whose breaker is half-open, harmlessly: a probe first, a real request only after it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from autotask_queue.engine.breakers import EVERY_ZONE, BreakerBoard
from autotask_queue.engine.calls import ask, whether
from autotask_queue.engine.connectivity import PROBE_TIMEOUT, ConnectivityMonitor
from autotask_queue.engine.context import Context
from autotask_queue.model.breaker import BreakerState
from autotask_queue.model.failure import Failure
from autotask_queue.policy.retry import Signal
from autotask_queue.ports import Probing


@dataclass(slots=True)
class Prober:
    """Probes zones. A zone without a processor that can probe is tested with its first request."""

    ctx: Context
    board: BreakerBoard
    connectivity: ConnectivityMonitor
    _busy: set[str] = field(default_factory=set)

    def wants(self, zone: str) -> bool:
        """Whether `zone` must be probed before a request may test it."""
        breaker = self.board.zone(zone)
        return (
            breaker.state is BreakerState.HALF_OPEN
            and breaker.successes == 0
            and breaker.override_at(self.ctx.clock.now()) is None
            and self._processor(zone) is not None
        )

    def start_due(self) -> None:
        """Probes each zone that wants it."""
        if self.connectivity.may_send:
            for zone in self.board.names():
                if zone != EVERY_ZONE and self.wants(zone):
                    self._start(zone)

    def start_idle(self, zones: Iterable[str]) -> None:
        """Probes half-open zones that had no request for their second test."""
        for zone in zones:
            if self.board.zone(zone).state is BreakerState.HALF_OPEN and self._processor(zone) is not None:
                self._start(zone)

    def _start(self, zone: str) -> None:
        if zone not in self._busy and self.board.available(zone) > 0:
            self._busy.add(zone)
            self.ctx.tasks.spawn(f"probe {zone}", self.probe(zone))

    async def probe(self, zone: str) -> None:
        """Asks the zone once, with a permit of its breaker."""
        try:
            processor = self._processor(zone)
            permit = self.board.acquire(zone, "")
            if permit is None or processor is None:
                return
            signal = Signal.NEUTRAL
            try:
                answer = await ask(processor, processor.probe, zone, limit=PROBE_TIMEOUT)
                signal = Signal.FAIL if isinstance(answer, Failure) else Signal.OK
            finally:
                self.board.release(zone, permit, signal)
            if signal is Signal.OK:
                self.connectivity.saw_answer()
        finally:
            self._busy.discard(zone)

    def _processor(self, zone: str) -> Probing | None:
        probing = (p for p in self.ctx.processors.values() if isinstance(p, Probing))
        return next((p for p in probing if whether(p, p.can_probe, zone)), None)

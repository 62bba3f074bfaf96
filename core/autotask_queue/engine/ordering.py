"""In which order requests are sent: the strategy in force, and what `adaptive` makes of the load."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, get_args

import msgspec

from autotask_queue.engine.context import Context
from autotask_queue.model.errors import ConfigError
from autotask_queue.model.events import StrategyChanged
from autotask_queue.model.request import AuditEntry
from autotask_queue.model.strategy import PriorityStrategy, Strain, StrategyState
from autotask_queue.model.work import Order
from autotask_queue.policy import adaptive
from autotask_queue.policy.schedule import ORDERS, background_slots
from autotask_queue.ports import LoadSource

_KEY = "strategy"
NAMES: tuple[PriorityStrategy, ...] = get_args(PriorityStrategy)


class _Switch(msgspec.Struct, frozen=True, kw_only=True):
    """A person's choice, as it is stored."""

    strategy: PriorityStrategy
    since: float
    actor: str = ""
    reason: str = ""


class Ordering:
    """Tells the terms of each claim. A switch is kept with the queue, and all who share it follow."""

    def __init__(self, ctx: Context, load: LoadSource) -> None:
        self._ctx = ctx
        self._load = load
        self._switch: _Switch | None = None
        self._latches = adaptive.CALM
        self.changed: Callable[[], None] = lambda: None

    async def load(self) -> None:
        """Restores a switch as it was when the program ended."""
        self._switch = await self._stored()

    async def follow(self) -> None:
        """Takes over what another process has switched."""
        self._take(await self._stored())

    async def _stored(self) -> _Switch | None:
        saved = await self._ctx.store.get_document("control", _KEY)
        try:
            return None if saved is None else msgspec.convert(saved, _Switch)
        except msgspec.ValidationError as error:  # of a newer version
            self._ctx.logger.warning("the strategy that somebody has chosen is not known here: %s", error)
            return None

    # -- switching

    @property
    def state(self) -> StrategyState:
        """What is in force."""
        configured = self._ctx.config.strategies.priority_strategy
        chosen = self._switch
        if not self._ctx.config.priority_enabled:
            return StrategyState(strategy="fifo", configured=configured)
        if chosen is None:
            return StrategyState(strategy=configured, configured=configured, strains=self._strains)
        return StrategyState(
            strategy=chosen.strategy,
            configured=configured,
            since=chosen.since,
            actor=chosen.actor,
            reason=chosen.reason,
            strains=self._strains,
        )

    async def set(self, strategy: PriorityStrategy | None, *, why: str, actor: str) -> StrategyState:
        """Switches to `strategy`, or back to the configured one with None; durable when it returns.

        Raises:
            ConfigError: there is no such strategy, or the configuration wants the order of arrival.
        """
        self._check(strategy)
        now = self._ctx.clock.now()
        before = self.state
        if strategy is None:
            switch = None
            await self._ctx.store.delete_document("control", _KEY)
        else:
            switch = _Switch(strategy=strategy, since=now, actor=actor, reason=why)
            await self._ctx.store.put_document("control", _KEY, msgspec.to_builtins(switch), at=now)
        entry = AuditEntry(
            at=now,
            actor=actor,
            kind="strategy.changed",
            why=why,
            target=strategy or before.configured,
            detail={"before": before.strategy},
        )
        await self._ctx.store.record(entry)
        self._take(switch)
        return self.state

    def _check(self, strategy: Any) -> None:
        if strategy is not None and strategy not in NAMES:
            raise ConfigError(
                [f"there is no strategy {strategy!r}"], remedy=f"Choose one of {', '.join(NAMES)}."
            )
        if strategy is not None and not self._ctx.config.priority_enabled:
            raise ConfigError(
                ["priority_enabled is false, so requests go in the order of arrival, whatever the strategy"],
                remedy="Set priority_enabled to true first.",
            )

    def _take(self, switch: _Switch | None) -> None:
        before, self._switch = self.state, switch
        if self.state.strategy != before.strategy:
            self._latches = adaptive.CALM
        if self.state != before:
            self._tell()
            self.changed()

    def _tell(self) -> None:
        self._ctx.bus.publish(StrategyChanged(at=self._ctx.clock.now(), state=self.state))

    # -- claiming

    @property
    def _strains(self) -> tuple[Strain, ...]:
        return adaptive.strains(self._latches)

    def look(self) -> None:
        """Heeds the load, if the strategy does."""
        if self.state.strategy != "adaptive":
            return
        before = self._strains
        self._latches = adaptive.adapt(self._latches, self._load.load(), self._ctx.clock.monotonic())
        if self._strains != before:
            self._tell()

    def terms(self) -> Order:
        """How a claim chooses now."""
        strategy = self.state.strategy
        return adaptive.terms(self._strains) if strategy == "adaptive" else ORDERS[strategy]

    def background(self, terms: Order, slots: int) -> int:
        """How many of `slots` background requests may take, those that are out included."""
        return background_slots(terms, slots, spare=adaptive.spares(self._strains))

    def next_time(self) -> float | None:
        """Seconds until `look` has something to do."""
        return None if adaptive.is_calm(self._latches) else adaptive.LOOK_EVERY

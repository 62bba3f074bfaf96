"""What can be done to a zone: each ends with a sentence, and with the facts read again at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtWidgets import QDialog, QWidget

from autotask_console.models.reasons import recent_reasons, remember_reason
from autotask_console.pages.breakers.maintenance import Hold, MaintenanceSheet
from autotask_console.pages.breakers.view import (
    Verb,
    breaker_of,
    scope_title,
    started,
    waiting,
    zone_names,
)
from autotask_console.runtime.ask import ask
from autotask_console.text import clock_time, duration, plural, tr
from autotask_console.widgets.sheets import ReasonSheet
from autotask_queue import BreakerMetrics, BreakerState, Override, load_catalogue

if TYPE_CHECKING:
    from autotask_console.pages.base import Services

QUARTER = 15 * 60.0
RESUME_FOR = 3_600.0
"""Seconds that a resume against the breaker lasts at most."""


class Commands:
    """Runs verbs. Dialogs open over `parent`; errors go to the presenter through `Tasks`."""

    def __init__(self, services: Services, parent: QWidget) -> None:
        self._services = services
        self._parent = parent

    def start(self, verb: Verb, zone: str, entity: str | None = None) -> None:
        """Does `verb` as a task of its own."""
        scope = scope_title(zone, entity)
        match verb:
            case Verb.EXTEND:
                self._services.tasks.start(self.extend(zone, entity), what=tr("extend the hold"))
            case Verb.END:
                self._services.tasks.start(self.end(zone, entity), what=tr("end the hold"))
            case Verb.TEST:
                self._services.tasks.start(self.test(zone), what=tr("test {scope}", scope=scope))
            case Verb.MAINTENANCE:
                self._services.tasks.start(self.hold(zone, entity), what=tr("hold {scope}", scope=scope))
            case Verb.RESUME:
                self._services.tasks.start(self.resume(zone), what=tr("resume {scope}", scope=scope))

    async def hold(self, zone: str, entity: str | None = None) -> None:
        """Asks what to hold and how long, then holds it."""
        state = self._services.store.state
        sheet = MaintenanceSheet(
            self._parent,
            state=state,
            clock=self._services.clock,
            zones=zone_names(state),
            zone=zone,
            entity=entity,
            more_endpoints=_known_endpoints(),
            recent_reasons=await recent_reasons(self._services.queue),
        )
        if await ask(sheet) == QDialog.DialogCode.Accepted:
            await self.hold_as(sheet.hold)

    async def hold_as(self, hold: Hold) -> None:
        """Holds what was asked for and says what follows."""
        count = waiting(self._services.store.state.counters, hold.zone, hold.entity)
        await self._services.queue.circuit_breaker.force_open(
            hold.zone,
            hold.reason,
            entity=hold.entity,
            starts_at=hold.starts_at,
            expires_in=hold.seconds,
            actor=self._services.actor,
        )
        await remember_reason(self._services.queue, hold.reason)
        now = self._services.clock.now()
        scope = _capital(scope_title(hold.zone, hold.entity))
        end = clock_time((hold.starts_at or now) + hold.seconds, now=now)
        if hold.starts_at is not None:
            start = clock_time(hold.starts_at, now=now)
            self._done(tr("{scope} will be held from {start} to {end}.", scope=scope, start=start, end=end))
            return
        held = plural(count, "{n} request waits.", "{n} requests wait.") if count else ""
        self._done(f"{tr('{scope} is held until {end}.', scope=scope, end=end)} {held}".strip())

    async def extend(self, zone: str, entity: str | None = None) -> None:
        """A quarter of an hour more."""
        board = self._services.queue.circuit_breaker
        metrics = await board.extend(zone, QUARTER, entity=entity, actor=self._services.actor)
        override = _override(metrics, entity)
        if override is None or override.expires_at is None:
            self._done(tr("There is no hold with an end any more. Nothing was changed."))
            return
        now = self._services.clock.now()
        text = tr(
            "{scope} is held until {end} now.",
            scope=_capital(scope_title(zone, entity)),
            end=clock_time(override.expires_at, now=now),
        )
        self._done(text)

    async def end(self, zone: str, entity: str | None = None) -> None:
        """Ends a hold, or drops a planned one."""
        before = _override(breaker_of(self._services.store.state, zone), entity)
        planned = before is not None and not started(before, self._services.clock.now())
        await self._services.queue.circuit_breaker.release(zone, entity=entity, actor=self._services.actor)
        scope = _capital(scope_title(zone, entity))
        if planned:
            self._done(tr("{scope} will not be held: the plan was dropped.", scope=scope))
        elif entity is not None:
            self._done(tr("{scope} may be sent again.", scope=scope))
        else:
            self._done(tr("The hold has ended. {scope} is tested with 1 request first.", scope=scope))

    async def test(self, zone: str) -> None:
        """Tests a stopped zone at once."""
        board = self._services.queue.circuit_breaker
        if board.get_metrics(zone).state is BreakerState.CLOSED:
            self._done(tr("Zone {zone} sends already. There was nothing to test.", zone=zone))
            return
        metrics = await board.test_now(zone, actor=self._services.actor)
        match metrics.state:
            case BreakerState.OPEN:
                left = duration(metrics.retry_in or 0.0)
                self._done(
                    tr("The test failed. Zone {zone} is tested again in {left}.", zone=zone, left=left)
                )
            case BreakerState.HALF_OPEN:
                self._done(tr("Testing zone {zone} with 1 request.", zone=zone))
            case BreakerState.CLOSED:
                self._done(tr("The test succeeded. Zone {zone} sends again.", zone=zone))

    async def resume(self, zone: str) -> None:
        """Asks why, then sends in spite of the breaker, for an hour at most."""
        state = self._services.store.state
        sheet = ReasonSheet(
            self._parent,
            title=tr("Resume zone {zone} although calls fail?", zone=zone),
            message=resume_message(breaker_of(state, zone), waiting(state.counters, zone)),
            keep=tr("Keep it stopped"),
            do=tr("Resume zone {zone}", zone=zone),
            recent_reasons=await recent_reasons(self._services.queue),
        )
        if await ask(sheet) != QDialog.DialogCode.Accepted:
            return
        reason = sheet.reason  # the sheet is gone with the next turn of the loop
        await self._services.queue.circuit_breaker.force_close(
            zone, reason, expires_in=RESUME_FOR, actor=self._services.actor
        )
        await remember_reason(self._services.queue, reason)
        now = self._services.clock.now()
        end = clock_time(now + RESUME_FOR, now=now)
        self._done(tr("Zone {zone} sends again, even if calls fail, until {end}.", zone=zone, end=end))

    def _done(self, sentence: str) -> None:
        self._services.toasts.say(sentence)
        self._services.store.look_again()


def resume_message(breaker: BreakerMetrics, count: int) -> str:
    """What a resume does, said plainly before it is done."""
    why = tr("It stopped by itself: {reason}.", reason=breaker.reason.rstrip(".")) if breaker.reason else ""
    sent = plural(
        count,
        "{n} waiting request is sent at once, and new ones too, even if calls go on failing.",
        "{n} waiting requests are sent at once, and new ones too, even if calls go on failing.",
    )
    end = tr("After 1 hour the zone is tested and protects itself again. You can end it before.")
    return " ".join(p for p in (why, sent, end) if p)


def _override(breaker: BreakerMetrics, entity: str | None) -> Override | None:
    return next((o for o in breaker.overrides if o.entity == entity), None)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _known_endpoints() -> tuple[str, ...]:
    """Endpoints that can be held although they were not used yet."""
    return tuple(entity.name for entity in load_catalogue())

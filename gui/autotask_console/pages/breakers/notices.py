"""Says when a hold is about to end, and when one has ended by itself, whichever page is open.

Unknown expiry is the danger of silences: nobody must be surprised by sending that starts again. So
the console owns one `HoldNotices` for its whole life; the page is not needed for it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from PySide6.QtCore import QObject, QTimer
from PySide6.QtWidgets import QWidget

from autotask_console.pages.base import Services
from autotask_console.pages.breakers.commands import Commands
from autotask_console.pages.breakers.maintenance import NOTICE
from autotask_console.pages.breakers.view import Verb, scope_title, started
from autotask_console.state import AppStore, ChangeFlags, Changes
from autotask_console.text import clock_time, duration, tr
from autotask_console.widgets.toast import Toasts
from autotask_queue import BreakerMetrics, Clock, OverrideKind

_LOOK_MS = 15_000
"""How often the time is looked at while a hold is near its end; also finds the end after a sleep."""
_SHOWN = 20

Scope = tuple[str, str | None]


@dataclass(frozen=True, kw_only=True, slots=True)
class Standing:
    """A person's override that has an end."""

    kind: OverrideKind
    length: float
    expires_at: float


def standing(breakers: Iterable[BreakerMetrics], *, now: float) -> dict[Scope, Standing]:
    """Overrides that have started and will end, by zone and endpoint."""
    return {
        (b.zone, o.entity): Standing(
            kind=o.kind, length=o.expires_at - (o.starts_at or o.since), expires_at=o.expires_at
        )
        for b in breakers
        for o in b.overrides
        if o.expires_at is not None and started(o, now)
    }


def ending(before: dict[Scope, Standing], after: dict[Scope, Standing], *, now: float) -> list[str]:
    """Sentences about overrides whose time was up between two looks. What a person ended was said."""
    return [
        _ended(scope, was) for scope, was in before.items() if scope not in after and was.expires_at <= now
    ]


def _ended(scope: Scope, was: Standing) -> str:
    zone, entity = scope
    name = scope_title(zone, entity)
    name = name[:1].upper() + name[1:]
    if was.kind is OverrideKind.FORCED_CLOSED:
        return tr("{scope} protects itself again: the hour was up. Testing with 1 request.", scope=name)
    if entity is not None:
        return tr(
            "Maintenance of {scope} ended (time was up). It is sent again.", scope=scope_title(zone, entity)
        )
    return tr("Maintenance of {scope} ended (time was up). Testing with 1 request.", scope=scope_title(zone))


class HoldNotices(QObject):
    """Watches the state and says so in toasts.

    `extend(zone, entity)` is what the notice's button does. A hold made longer is announced again
    before its new end. It sleeps while nothing is held.
    """

    def __init__(
        self,
        *,
        store: AppStore,
        toasts: Toasts,
        clock: Clock,
        extend: Callable[[str, str | None], object],
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._store, self._toasts, self._clock, self._extend = store, toasts, clock, extend
        self._known = standing(store.state.breakers, now=clock.now())
        self._announced: set[tuple[Scope, float]] = set()
        self._timer = QTimer(self)
        self._timer.setInterval(_LOOK_MS)
        self._timer.timeout.connect(self.look)
        store.changed.connect(self._changed)
        self.look()

    def stop(self) -> None:
        """Watches no more."""
        self._timer.stop()
        self._store.changed.disconnect(self._changed)

    def _changed(self, changes: Changes) -> None:
        if changes.flags & (ChangeFlags.BREAKERS | ChangeFlags.TIME):
            self.look()

    def look(self) -> None:
        """Says what there is to say at this moment; each thing once."""
        now = self._clock.now()
        present = standing(self._store.state.breakers, now=now)
        for sentence in ending(self._known, present, now=now):
            self._toasts.say(sentence, seconds=_SHOWN)
        self._known = present
        self._announced = {(s, end) for s, end in self._announced if s in present}
        for scope, hold in present.items():
            self._announce(scope, hold, now=now)
        if present and not self._timer.isActive():
            self._timer.start()
        elif not present:
            self._timer.stop()

    def _announce(self, scope: Scope, hold: Standing, *, now: float) -> None:
        left = hold.expires_at - now
        if not 0 < left <= NOTICE or (scope, hold.expires_at) in self._announced:
            return
        self._announced.add((scope, hold.expires_at))
        if hold.kind is OverrideKind.FORCED_CLOSED or hold.length <= NOTICE:
            return
        text = tr(
            "The hold of {scope} ends at {time}, in {left}. Then it is tested before it sends again.",
            scope=scope_title(*scope),
            time=clock_time(hold.expires_at, now=now),
            left=duration(60.0 * math.ceil(left / 60.0)),
        )
        self._toasts.say(text, seconds=_SHOWN, button=(tr("+15 min"), lambda: self._extend(*scope)))


def watch_holds(services: Services, parent: QWidget) -> HoldNotices:
    """For app.py: watches from the moment the queue is open; call `stop` at the end."""
    commands = Commands(services, parent)
    return HoldNotices(
        store=services.store,
        toasts=services.toasts,
        clock=services.clock,
        extend=lambda zone, entity: commands.start(Verb.EXTEND, zone, entity),
        parent=parent,
    )

"""Keeps this laptop's lists fresh by itself, so that requests can be composed where there is no network.

Whenever Autotask may be asked, what is older than a day is fetched: after the start, after a sign-in, after
a day offline. Nobody is interrupted by it, and what cannot be fetched is left alone for longer each time.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Qt, QTimer, Signal

from autotask_console.models import look_ups
from autotask_console.models.look_ups import DESCRIBED, LISTS, Obstacle, obstacle
from autotask_console.models.references import zone_of
from autotask_console.state import ChangeFlags, Changes
from autotask_console.text import tr
from autotask_queue import FailureClass, QueueError, RequestFailed

if TYPE_CHECKING:
    from collections.abc import Callable

    from autotask_console.models.references import References
    from autotask_console.runtime.tasks import Tasks
    from autotask_console.state import AppStore
    from autotask_queue import Clock, QueueManager

AGE = 86_400.0
"""Seconds after which a list is fetched again."""
FIRST_PAUSE = 600.0
"""Seconds before the next try after one that did not work; doubled each time, up to `AGE`."""
ACTOR = "console"

_FIELDS, _RECORDS = "fields", "records"
Part = tuple[str, str]
"""What is fetched at a time: the field list, or the records, of an entity."""
PARTS: tuple[Part, ...] = (
    *((_FIELDS, entity) for entity in DESCRIBED),
    *((_RECORDS, entity) for entity in LISTS),
)
_WAKING = ChangeFlags.LIFE | ChangeFlags.ZONES | ChangeFlags.CONNECTIVITY | ChangeFlags.GATES
_OF_ONE_LIST = frozenset(
    {FailureClass.PERMISSION, FailureClass.NOT_FOUND, FailureClass.VALIDATION, FailureClass.APP_ERROR}
)
"""Refusals that say nothing about the other lists."""


class ListKeeper(QObject):
    """One for each console. `changed()` when it begins, and when it ends one way or another."""

    changed = Signal()

    def __init__(
        self,
        queue: QueueManager,
        clock: Clock,
        references: References,
        store: AppStore,
        tasks: Tasks,
        *,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._queue, self._clock, self._references = queue, clock, references
        self._store, self._tasks = store, tasks
        self._task: asyncio.Task[Any] | None = None
        self._by_hand = False
        self._pauses: dict[Part, tuple[float, float]] = {}
        """When what did not work was tried, and how long it is left alone."""
        self._troubles: dict[Part, str] = {}
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setTimerType(Qt.TimerType.VeryCoarseTimer)
        self._timer.timeout.connect(self._consider)

    def start(self) -> None:
        """Begins to look after the lists."""
        self._store.changed.connect(self._state_changed)
        self._consider()

    @property
    def busy(self) -> bool:
        """Whether lists are being fetched."""
        return self._task is not None

    @property
    def trouble(self) -> str:
        """What could not be fetched the last time, in words; empty if all could."""
        return " ".join(dict.fromkeys(self._troubles.values()))

    def refresh(self) -> None:
        """Somebody wants all lists anew, now."""
        self._pauses.clear()
        self._by_hand = True
        self._consider()

    # -- when

    def _state_changed(self, changes: Changes) -> None:
        if changes.flags & _WAKING:
            self._consider()

    def _consider(self) -> None:
        blocked = self._obstacle()
        if self._task is not None:
            if blocked:  # its questions would only wait; those not asked yet come later
                self._task.cancel()
            return
        if self._references.zone != zone_of(self._queue):
            self._start(self._references.load(zone_of(self._queue)), what=tr("read this laptop’s lists"))
        elif blocked is None:
            self._fetch()
        else:
            self._by_hand = False

    def _obstacle(self) -> Obstacle | None:
        state = self._store.state
        if not state.open or state.closing:
            return Obstacle.HELD
        return obstacle(state, zone_of(self._queue))

    def _fetch(self) -> None:
        now = self._clock.now()
        due = [part for part in PARTS if self._by_hand or self._due_at(part) <= now]
        self._by_hand = False
        if due:
            self._start(self._fetch_parts(due), what=tr("refresh this laptop’s lists"))
        else:
            next_at = min(self._due_at(part) for part in PARTS)
            self._timer.start(int(min(max(next_at - now, 1.0), AGE) * 1000))

    def _due_at(self, part: Part) -> float:
        if part in self._pauses:
            tried_at, pause = self._pauses[part]
            return tried_at + pause
        kind, entity = part
        references = self._references
        at = references.fields_as_of(entity) if kind == _FIELDS else references.whole_as_of(entity)
        return 0.0 if at is None else at + AGE

    # -- how

    def _start(self, doing: Any, *, what: str) -> None:
        self._timer.stop()
        self._task = self._tasks.start(doing, what=what, on_done=self._done)
        self.changed.emit()

    def _done(self) -> None:
        self._task = None
        self.changed.emit()
        # Not from inside the task that ends: what comes next is a task of its own.
        self._timer.start(0 if self._obstacle() is None else int(AGE * 1000))

    async def _fetch_parts(self, parts: list[Part]) -> None:
        for place, part in enumerate(parts):
            before = dict(self._pauses)
            self._put_off(part)  # whatever happens to it
            try:
                await self._fetch_part(part)
            except asyncio.CancelledError:
                self._pauses = before
                raise
            except QueueError as error:
                self._troubles[part] = _words(part, error)
                if not _concerns_one_list(error):
                    for other in parts[place + 1 :]:
                        self._put_off(other)
                    return
            else:
                self._pauses.pop(part, None)
                self._troubles.pop(part, None)

    async def _fetch_part(self, part: Part) -> None:
        kind, entity = part
        fetch: Callable[..., Any] = look_ups.fetch_fields if kind == _FIELDS else look_ups.fetch_list
        zone = zone_of(self._queue)
        await fetch(self._queue, self._clock, zone, self._references, entity, actor=ACTOR)

    def _put_off(self, part: Part) -> None:
        _, before = self._pauses.get(part, (0.0, FIRST_PAUSE / 2))
        self._pauses[part] = (self._clock.now(), min(before * 2, AGE))


def _concerns_one_list(error: QueueError) -> bool:
    failure = error.outcome.failure if isinstance(error, RequestFailed) else None
    return failure is not None and failure.kind in _OF_ONE_LIST


def _words(part: Part, error: QueueError) -> str:
    what = look_ups.plural_of(part[1])
    return tr("Not fetched: {what}. {reason}", what=what, reason=error.message)

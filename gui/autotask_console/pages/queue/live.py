"""Keeps the table true without moving it under a person: patches, readings, and what waits for its moment.

Rows change in place at once. Rows that come or go need a new vector; it is read a while after something
changed, and shown only while nobody scrolls, selects several, has a menu open or moves the pointer over
the rows. Until then a pill says how many are new.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from time import monotonic
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer, Signal

from autotask_console.models.cells import Sight
from autotask_console.models.reader import Answer, Reader
from autotask_console.models.requests import RequestTableModel
from autotask_console.models.vector import Step
from autotask_console.pages.queue.table import RequestTable
from autotask_console.state import AppState, ChangeFlags, Changes

if TYPE_CHECKING:
    from autotask_console.pages.base import Services
    from autotask_queue import RequestFilter

_PAUSE = 0.25
_SHARE = 4.0
"""A reading that took long is followed by a pause of so many times its length."""
_AFTER_FAILURE = 15.0
_LOOK_MS = 250
_AGE_EVERY = 30.0
"""Seconds between readings of a list that time alone changes ("older than an hour")."""

Filters = Callable[[], tuple["RequestFilter", ...]]


class LiveList(QObject):
    """Reads and shows one list at a time. `changed()` when count, pill or pause are different."""

    changed = Signal()

    def __init__(self, services: Services, model: RequestTableModel, table: RequestTable) -> None:
        super().__init__(table)
        self._services = services
        self._model = model
        self._table = table
        self._reader = Reader(
            services.queue,
            services.tasks,
            model,
            answered=self._answered,
            failed=self._failed,
            selected=self._kept,
        )
        self._question: Hashable = None
        self._filters: Filters = tuple
        self._moves_with_time = False
        self._shown: Hashable = None
        self._complete = False
        self._waiting: Answer | None = None
        self._due = False
        self._just_asked = False
        """Whether the list was asked for in this turn of the loop, so that it is as new as any event."""
        self._read_at = 0.0
        self._pause = _PAUSE
        self._paused_at: float | None = None
        self._timer = QTimer(self)
        self._timer.setInterval(_LOOK_MS)
        self._timer.timeout.connect(self._look)

    # -- what is asked

    def ask(self, question: Hashable, filters: Filters, *, moves_with_time: bool = False) -> None:
        """Shows another list. `question` identifies it; `filters` are made anew for each reading."""
        known = question == self._question and self._reader.busy
        self._question, self._filters, self._moves_with_time = question, filters, moves_with_time
        self._waiting = None
        if not known:
            self._read()
        self._just_asked = True
        QTimer.singleShot(0, self, self._asked_a_while_ago)
        self.changed.emit()

    def _asked_a_while_ago(self) -> None:
        self._just_asked = False

    @property
    def loading(self) -> bool:
        """Whether the list that is shown is not the one that was asked for."""
        return self._shown != self._question

    @property
    def complete(self) -> bool:
        """Whether all rows of the list are there, and not only the first."""
        return self._complete and not self.loading

    @property
    def new_rows(self) -> int:
        """How many wait behind the pill."""
        return self._waiting.listing.arrived if self._waiting is not None else 0

    @property
    def paused_at(self) -> float | None:
        """Since when nothing is read any more; None while live."""
        return self._paused_at

    def pause(self) -> None:
        """Nothing changes any more until `go_live`: no reading, no patch."""
        self._paused_at = self._services.clock.now()
        self._reader.stop()
        self._waiting = None
        self.changed.emit()

    def go_live(self) -> None:
        """Reads everything again and follows."""
        self._paused_at = None
        self._model.outdate()
        self._read()
        self._table.touch_visible()
        self.changed.emit()

    def stop(self) -> None:
        """The page is hidden: nothing is read for it."""
        self._timer.stop()
        self._reader.stop()
        self._just_asked = False  # what was asked a moment ago is not answered any more

    # -- what happens

    def refresh(self, state: AppState, changed: Changes) -> None:
        """Takes what changed; see `Page.refresh`."""
        if self._paused_at is not None:
            return
        self._see(state, gates=bool(changed.flags & ChangeFlags.GATES))
        if changed.bulk:
            self._model.outdate()
        touched = self._model.patch(changed.requests.values())
        if touched or changed.bulk or changed.flags & (ChangeFlags.TIME | ChangeFlags.GATES):
            self._table.touch_visible()
        if changed.flags & (ChangeFlags.REQUESTS | ChangeFlags.GATES) and not self._just_asked:
            self._due = True
        self._look()

    def look_again(self) -> None:
        """After a command of this page: rows and list are read again, paused or not."""
        self._model.outdate()
        self._table.touch_visible()
        self._due = True
        self._look()

    def show_new(self) -> None:
        """The pill was pressed: what waits is shown, and the top of it."""
        if self._waiting is not None:
            self._show(self._waiting)
        self._table.clear_selection()
        self._table.scrollToTop()

    def see(self, state: AppState, *, relative: bool) -> None:
        """How things stand, for cells that depend on it."""
        self._model.sight = Sight(now=self._services.clock.now(), gates=state.gates, relative=relative)

    def _see(self, state: AppState, *, gates: bool) -> None:
        sight, now = self._model.sight, self._services.clock.now()
        if gates or state.gates != sight.gates:
            self._model.sight = Sight(now=now, gates=state.gates, relative=sight.relative)
        else:
            self._model.sight = sight.at(now)

    # -- reading

    def _look(self) -> None:
        if self._waiting is not None and not self._table.must_stay:
            self._show(self._waiting)
        if self._paused_at is not None or self._question is None:
            self._timer.stop()
            return
        if self._reader.busy:
            self._timer.start()
            return
        idle = monotonic() - self._read_at
        if (self._due and idle >= self._pause) or (self._moves_with_time and idle >= _AGE_EVERY):
            self._read()
        if self._due or self._waiting is not None or self._moves_with_time:
            self._timer.start()
        else:
            self._timer.stop()

    def _read(self) -> None:
        self._due = False
        self._read_at = monotonic()
        self._reader.ask(self._question, self._filters())

    def _kept(self) -> set[int]:
        current = self._table.current_seq()
        return {*self._table.selected_seqs(), *(() if current is None else (current,))}

    def _answered(self, answer: Answer) -> None:
        if answer.question != self._question:
            return
        self._read_at = monotonic()
        self._pause = max(_PAUSE, answer.seconds * _SHARE)
        first = answer.question != self._shown
        growing = not first and not self._complete
        if first or growing or answer.listing.step is Step.SAME or not self._table.must_stay:
            self._show(answer, anew=first)
            return
        self._waiting = answer
        self._timer.start()
        self.changed.emit()

    def _failed(self, error: BaseException, what: str) -> None:
        """What is shown stays; the next reading waits, so that a full disk does not shout."""
        self._read_at, self._pause = monotonic(), _AFTER_FAILURE
        self._services.presenter.present(error, what)

    def _show(self, answer: Answer, *, anew: bool = False) -> None:
        self._waiting = None
        self._shown, self._complete = answer.question, answer.complete
        self._model.apply(answer.listing, answer.order)
        if anew:
            self._table.end_everything()
            self._table.scrollToTop()
        self.changed.emit()

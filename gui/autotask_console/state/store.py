"""Holds the current state and says when it changed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from PySide6.QtCore import QObject, Signal

from autotask_console.state.app_state import EVERYTHING, AppState, ChangeFlags, Changes, Snapshot
from autotask_console.state.reducer import reduce
from autotask_queue import Event

Look = Callable[[], Snapshot]


class AppStore(QObject):
    """One state, one signal. Lives on the window's thread and is changed only there.

    `changed(Changes)` is emitted after `state` was replaced, never with an empty change.
    """

    changed = Signal(object)

    def __init__(self, state: AppState, *, look: Look, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._state = state
        self._look = look

    @property
    def state(self) -> AppState:
        return self._state

    def apply(self, events: Sequence[Event]) -> None:
        """Folds a batch of events; reads the queue's facts once for the whole batch."""
        self._state, changes = reduce(self._state, events, self._look())
        if changes:
            self.changed.emit(changes)

    def look_again(self) -> None:
        """After something that makes no event, such as a gate that opened because its time came."""
        self.apply(())

    def gap(self) -> None:
        """Events were lost: take a fresh picture and tell everybody to read again."""
        self._state, changes = reduce(self._state, (), self._look())
        self.changed.emit(changes | EVERYTHING)

    def note(self, flags: ChangeFlags, **fields: Any) -> None:
        """Replaces facts that come from elsewhere (file size, sign-in name, life cycle)."""
        fresh = replace(self._state, **fields)
        if fresh != self._state:
            self._state = fresh
            self.changed.emit(Changes(flags=flags))

"""Makes QActions from actions and keeps their text, state and tooltip true."""

from __future__ import annotations

from collections.abc import Iterable

from PySide6.QtCore import QObject, Qt
from PySide6.QtGui import QAction, QKeySequence

from autotask_console.actions.action import Action
from autotask_console.runtime.tasks import Tasks
from autotask_console.state import AppState


class BoundAction(QAction):
    """A QAction that belongs to an `Action`."""

    def __init__(self, action: Action, parent: QObject) -> None:
        super().__init__(parent)
        self.action = action
        self.setObjectName(action.id)
        self.setCheckable(action.checked is not None)
        keys = [QKeySequence(k.strip()) for k in action.shortcut.split(";") if k.strip()]
        self.setShortcuts(keys)
        self.setShortcutVisibleInContextMenu(True)

    def update_for(self, state: AppState) -> None:
        """Text, enabled or why not, checked."""
        action = self.action
        title = action.title_for(state)
        why_not = action.when(state)
        self.setText(title)
        self.setEnabled(not why_not)
        self.setToolTip(_tip(title, why_not or action.tip, self.shortcut()))
        self.setStatusTip(why_not or action.tip)
        if action.checked is not None:
            self.setChecked(action.checked(state))


class Binder:
    """Binds actions to one parent and runs what they say.

    A second trigger while a coroutine of the same action still runs is ignored: a double click
    must not do a thing twice.
    """

    def __init__(self, parent: QObject, tasks: Tasks) -> None:
        self._parent = parent
        self._tasks = tasks
        self._bound: dict[str, BoundAction] = {}
        self._busy: set[str] = set()

    def bind(
        self,
        action: Action,
        *,
        context: Qt.ShortcutContext = Qt.ShortcutContext.WindowShortcut,
    ) -> BoundAction:
        """A new QAction. For single letters add it to the table and give `WidgetShortcut`."""
        bound = BoundAction(action, self._parent)
        bound.setShortcutContext(context)
        bound.triggered.connect(lambda: self.run(action))
        self._bound[action.id] = bound
        return bound

    def bind_all(self, actions: Iterable[Action]) -> list[BoundAction]:
        return [self.bind(a) for a in actions]

    def run(self, action: Action) -> None:
        """Does it, if it is not being done already."""
        if action.id in self._busy:
            return
        doing = action.run()
        if doing is None:
            return
        self._busy.add(action.id)
        what = action.title if isinstance(action.title, str) else action.id
        self._tasks.start(doing, what=what.replace("&", ""), on_done=lambda: self._busy.discard(action.id))

    def update(self, state: AppState) -> None:
        for bound in self._bound.values():
            bound.update_for(state)

    def __getitem__(self, action_id: str) -> BoundAction:
        return self._bound[action_id]

    def __contains__(self, action_id: object) -> bool:
        return action_id in self._bound


def _tip(title: str, more: str, shortcut: QKeySequence) -> str:
    text = title.replace("&", "").rstrip("…")
    keys = shortcut.toString(QKeySequence.SequenceFormat.NativeText)
    head = f"{text} ({keys})" if keys else text
    return f"{head}\n{more}" if more else head

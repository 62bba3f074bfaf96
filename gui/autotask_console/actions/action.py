"""One thing a person can do."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from autotask_console.state import AppState

Doing = Callable[[], Coroutine[Any, Any, object] | None]
"""What happens: done at once, or a coroutine that `Tasks` runs (its error is presented)."""

When = Callable[[AppState], str]
"""Why it cannot be done now, in a short sentence for the tooltip; empty if it can."""


def always(_: AppState) -> str:
    """Nothing stands in the way."""
    return ""


@dataclass(frozen=True, kw_only=True)
class Action:
    """Data about an action; `Binder` makes a QAction of it.

    Args:
        id: dotted and stable, such as "queue.cancel"; it is the QAction's object name.
        title: a verb and its object, with an & for the mnemonic; a function if it changes.
        run: see `Doing`.
        when: see `When`.
        shortcut: portable text such as "Ctrl+N"; several separated by "; ".
        menu: where it appears: "File", "Queue", "View/Theme"; empty for nowhere.
        group: actions of a menu with the same group stand together, separated from others.
        tip: one sentence more than the title.
        checked: for actions that are on or off.
        icon: name of an icon of `autotask_resources`.
    """

    id: str
    title: str | Callable[[AppState], str]
    run: Doing
    when: When = always
    shortcut: str = ""
    menu: str = ""
    group: str = ""
    tip: str = ""
    checked: Callable[[AppState], bool] | None = None
    icon: str = ""

    def title_for(self, state: AppState) -> str:
        return self.title if isinstance(self.title, str) else self.title(state)

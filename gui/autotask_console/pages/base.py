"""What a page is, and what it gets.

A page module `autotask_console.pages.<name>.page` has a function `create(services) -> Page`. The
window builds pages lazily, when they are first visited, after the queue is open; so a page may ask
the queue from its first line. Pages never import each other: they `navigate`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget

from autotask_console.actions import Action
from autotask_console.errors import Presenter
from autotask_console.models.list_keeper import ListKeeper
from autotask_console.models.references import References
from autotask_console.platform.theme import Theme
from autotask_console.runtime.tasks import Tasks
from autotask_console.settings import Settings
from autotask_console.state import AppState, AppStore, ChangeFlags, Changes
from autotask_console.widgets.toast import Toasts

if TYPE_CHECKING:
    from autotask_queue import Clock, QueueManager, Secrets

Navigate = Callable[[str, object], None]
"""(page id, argument): shows a page; the argument goes to its `enter`. For example
`navigate("queue", RequestFilter(status=(Status.HELD,)))` or `navigate("sign-in", "zone1")`."""


@dataclass(frozen=True, kw_only=True)
class Services:
    """What pages work with. Handed out by app.py, the only place that makes these."""

    queue: QueueManager
    tasks: Tasks
    store: AppStore
    settings: Settings
    presenter: Presenter
    toasts: Toasts
    secrets: Secrets
    navigate: Navigate
    theme: Theme
    clock: Clock
    references: References
    """What this laptop knows of Autotask's records, of the zone where new requests go."""
    lists: ListKeeper
    """Keeps them fresh."""
    actor: str
    """Who is at the keyboard, for the audit trail."""
    bootstrap_url: str | None = None
    """Where zone discovery starts, if not at Autotask: the demo's simulator."""


class Page(QWidget):
    """One page of the window.

    Life: `__init__` builds widgets only; then each visit is `enter(argument)`, any number of
    `refresh(state, changed)` while visible, and `leave()`. At the end `save()` is awaited, while the
    queue is still open.
    """

    page_id: ClassVar[str]
    flags: ClassVar[ChangeFlags] = ChangeFlags.NONE
    """The changes that `refresh` is called for. `ChangeFlags.TIME` asks for a call each second."""

    more_keys: ClassVar[tuple[tuple[str, str], ...]] = ()
    """Keys that are no actions, with what they do, for the sheet of shortcuts."""

    actions_changed = Signal()
    """Emit when what `page_actions` allow has changed (a selection, a valid form)."""

    def __init__(self, services: Services) -> None:
        super().__init__()
        self.services = services
        self.setObjectName(f"page.{self.page_id}")

    @property
    def state(self) -> AppState:
        return self.services.store.state

    def enter(self, argument: object) -> None:
        """The page is about to be seen.

        `argument` is what `navigate` was given, or None. Afterwards `refresh` is called once with
        everything changed.
        """

    def leave(self) -> None:
        """The page is about to be hidden."""

    def refresh(self, state: AppState, changed: Changes) -> None:
        """Show `state`; called only while visible and at most four times a second.

        `changed` joins all changes since the last call, narrowed to nothing: check `changed.flags`.
        """

    def page_actions(self) -> Sequence[Action]:
        """Asked once, after `__init__`. They appear in the menus they name while the page is visible."""
        return ()

    def focus_regions(self) -> Sequence[QWidget]:
        """Where F6 stops inside this page, in reading order."""
        return (self,)

    async def save(self) -> None:
        """Keep unsaved work (drafts). Called once, before the queue closes; bounded to a second."""

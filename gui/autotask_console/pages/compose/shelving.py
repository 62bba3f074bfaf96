"""Drafts and history: opened, deleted, brought back, used again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from autotask_console.pages.compose.draft import Draft, title_of
from autotask_console.pages.compose.history import load_history, tickets_of
from autotask_console.pages.compose.kinds import Kind
from autotask_console.text import tr
from autotask_console.widgets.toast import Undo

if TYPE_CHECKING:
    from autotask_console.pages.base import Services
    from autotask_console.pages.compose.picker import Surroundings
    from autotask_console.pages.compose.shelf import Shelf
    from autotask_console.pages.compose.workbench import Workbench


class Shelving(QObject):
    """`request_wanted(id)` when a draft of changes is opened: its request must be read first."""

    request_wanted = Signal(str)

    def __init__(self, services: Services, bench: Workbench, shelf: Shelf, around: Surroundings) -> None:
        super().__init__(shelf)
        self._services = services
        self._bench = bench
        self._shelf = shelf
        self._around = around
        self._search = ""
        self._reading = self._read_again = False
        shelf.draft_chosen.connect(self.open_draft)
        shelf.draft_deleted.connect(self.delete_draft)
        shelf.again.connect(self.use_again)
        shelf.searched.connect(self._searched)
        bench.drafts.changed.connect(self.show_drafts)

    # -- drafts

    def show_drafts(self) -> None:
        """The list, with the one on the bench marked."""
        drafts = [draft for draft in self._bench.drafts.all if draft.kind is not Kind.LOOK_UP]
        self._shelf.show_drafts(drafts, current=self._bench.draft.id)

    def open_draft(self, draft_id: str) -> None:
        """Puts a draft on the bench, with everything it held."""
        draft = self._bench.drafts.get(draft_id)
        if draft is None or draft.id == self._bench.draft.id:
            return
        if draft.editing:
            self.request_wanted.emit(draft.editing)
        else:
            self._bench.open_draft(draft)

    def delete_draft(self, draft_id: str) -> None:
        """Deletes it, and offers it back."""
        draft = self._bench.drafts.get(draft_id)
        if draft is None:
            return
        if draft.id == self._bench.draft.id:
            self._bench.discard()
        else:
            self._bench.drafts.drop(draft.id)
        title = title_of(draft)
        undo = Undo(what=tr("delete of “{title}”", title=title), run=lambda: self._bring_back(draft))
        self._services.toasts.say(tr("Deleted the draft “{title}”.", title=title), undo=undo)

    def _bring_back(self, draft: Draft) -> None:
        self._bench.drafts.keep(draft)
        self.open_draft(draft.id)

    # -- history

    def read_history(self) -> None:
        """Reads it anew; once more afterwards if something changed meanwhile."""
        if self._reading:
            self._read_again = True
            return
        self._reading = True
        self._services.tasks.start(self._load(), what=tr("read the history"), on_done=self._was_read)

    def use_again(self, request_id: str) -> None:
        """A new draft with the content of an old request."""
        self._services.tasks.start(self._again(request_id), what=tr("use it again"))

    async def _load(self) -> None:
        queue = self._services.queue
        found = await load_history(queue, self._search)
        self._shelf.show_history(found, self._services.store.state.gates)
        self._around.own, self._around.waiting = await tickets_of(queue)

    def _was_read(self) -> None:
        self._reading = False
        if self._read_again:
            self._read_again = False
            self.read_history()

    def _searched(self, text: str) -> None:
        self._search = text
        self.read_history()

    async def _again(self, request_id: str) -> None:
        self._bench.open_again(await self._services.queue.get_request(request_id))

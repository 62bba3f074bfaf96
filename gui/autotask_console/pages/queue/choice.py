"""The selection as commands see it: what is chosen, what can be done to it, and doing it."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any

from autotask_console.models.requests import RequestTableModel
from autotask_console.pages.queue.commands import Chosen, QueueCommands
from autotask_console.pages.queue.narrowing import Narrowing
from autotask_console.pages.queue.table import RequestTable
from autotask_console.pages.queue.verbs import Offer, Verb, offer
from autotask_console.text import tr

if TYPE_CHECKING:
    from autotask_queue import QueueManager

Doing = Coroutine[Any, Any, object]


class Choice:
    """Between the table, which knows rows, and the commands, which know requests."""

    def __init__(
        self, queue: QueueManager, table: RequestTable, model: RequestTableModel, narrowing: Narrowing
    ) -> None:
        self._queue = queue
        self._table = table
        self._model = model
        self._narrowing = narrowing
        self.offers: dict[Verb, Offer] = {}

    def now(self) -> Chosen:
        """What is selected at this moment."""
        if self._table.everything:
            return Chosen(
                everything=self._table.everything,
                count=len(self._model.vector),
                matching=self._narrowing.words,
            )
        seqs = tuple(self._table.selected_seqs())
        rows = tuple(row for seq in seqs if (row := self._model.known(seq)) is not None)
        return Chosen(seqs=seqs, rows=rows, count=len(seqs))

    def weigh(self) -> Chosen:
        """Looks at what is selected and what can be done to it; `offers` tells."""
        chosen = self.now()
        everything = bool(chosen.everything)
        self.offers = {
            verb: offer(verb, chosen.rows, count=chosen.count, all_matching=everything) for verb in Verb
        }
        return chosen

    def select_everything(self) -> None:
        """All that match at this moment; what arrives later does not join."""
        if self._model.vector:
            self._table.select_everything([self._queue.selection(f) for f in self._narrowing.filters()])

    def why_not(self, verb: Verb) -> str:
        """Why a verb cannot be used on the selection; for menus."""
        offered = self.offers.get(verb)
        if offered is None:
            return tr("Select a request first.")
        return "" if offered.enabled else offered.tip

    def do(self, commands: QueueCommands, verb: Verb) -> Doing | None:
        """The command for the selection, to be run; None if it cannot be."""
        return None if self.why_not(verb) else commands.run(verb, self.now())

    def prioritise(self, commands: QueueCommands, priority: int) -> Doing | None:
        """The same for a priority."""
        return None if self.why_not(Verb.PRIORITY) else commands.prioritise(self.now(), priority)

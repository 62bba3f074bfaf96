"""Does what a person asks for to requests, asks first where it cannot be taken back, and says the result."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QDialog, QWidget

from autotask_console.models.reasons import recent_reasons, remember_reason
from autotask_console.pages.queue.decisions import DecisionSheet
from autotask_console.pages.queue.reschedule import RescheduleSheet
from autotask_console.pages.queue.verbs import Verb, deed, result_sentence, together, undo_words
from autotask_console.runtime.ask import ask
from autotask_console.text import tr
from autotask_console.widgets.sheets import ConfirmSheet
from autotask_console.widgets.toast import Undo
from autotask_queue import (
    BulkResult,
    Range,
    RequestFilter,
    RequestId,
    RequestRow,
    Selection,
    Status,
    ZoneConfig,
    as_curl,
)

if TYPE_CHECKING:
    from autotask_console.pages.base import Services

ASK_ABOVE = 50
"""Changing more requests than this at once is asked about first (console.md P7, T1)."""
_CHUNK = 500

Target = Sequence[RequestId] | Selection
Work = Callable[[Target], Awaitable[BulkResult]]


@dataclass(frozen=True, kw_only=True)
class Chosen:
    """What a command is about.

    Args:
        seqs: of the rows selected by hand.
        rows: those of them that are known here.
        everything: or all that matched at one moment.
        count: how many there are.
        matching: what all of them have in common, in words, for the question.
    """

    seqs: tuple[int, ...] = ()
    rows: tuple[RequestRow, ...] = ()
    everything: tuple[Selection, ...] = ()
    count: int = 0
    matching: str = ""

    @property
    def one(self) -> RequestRow | None:
        """The only one, if it is one."""
        return self.rows[0] if self.count == 1 and len(self.rows) == 1 else None


class QueueCommands:
    """The commands of the page. `host` is what dialogs open over; `after` is called when one is done."""

    def __init__(self, services: Services, host: QWidget, *, after: Callable[[], None]) -> None:
        self._services = services
        self._queue = services.queue
        self._host = host
        self._after = after

    # -- on many

    async def run(self, verb: Verb, chosen: Chosen) -> None:
        """Does one of the verbs that need nothing but a selection."""
        match verb:
            case Verb.CANCEL:
                await self.cancel(chosen)
            case Verb.RETRY:
                await self._many(verb, chosen, lambda t: self._queue.retry(t, actor=self._actor))
            case Verb.RESTORE:
                await self._many(verb, chosen, lambda t: self._queue.restore(t, actor=self._actor))
            case Verb.RESCHEDULE:
                await self.reschedule(chosen)
            case Verb.EDIT | Verb.DUPLICATE | Verb.CURL:
                if chosen.one is not None:
                    await self._on_one(verb, chosen.one.id)
            case Verb.PRIORITY:
                pass  # needs to know which

    async def cancel(self, chosen: Chosen) -> None:
        """Cancels; Ctrl+Z takes it back."""
        start = self._services.clock.now()
        result = await self._change(Verb.CANCEL, chosen, lambda t: self._queue.cancel(t, actor=self._actor))
        if result is None:
            return
        undo = None
        if result.changed:
            back = self._back(chosen, result, start)
            undo = Undo(
                what=undo_words(result.changed),
                run=lambda: self._services.tasks.start(self._restore(back), what=tr("undo the cancel")),
            )
        self._services.toasts.say(result_sentence(Verb.CANCEL, result), undo=undo)

    async def prioritise(self, chosen: Chosen, priority: int) -> None:
        """Changes the priority of what waits."""
        await self._many(
            Verb.PRIORITY,
            chosen,
            lambda t: self._queue.reprioritise(t, priority, actor=self._actor),
        )

    async def reschedule(self, chosen: Chosen) -> None:
        """Asks when, and moves what waits to that time."""
        sheet = RescheduleSheet(self._host, count=chosen.count, clock=self._services.clock)
        if await ask(sheet) != QDialog.DialogCode.Accepted:
            return
        at = sheet.scheduled_at
        await self._many(
            Verb.RESCHEDULE, chosen, lambda t: self._queue.reschedule(t, at, actor=self._actor), asked=True
        )

    async def retry_all_failed(self) -> None:
        """After an outage: everything that failed is queued again."""
        failed = self._queue.selection(RequestFilter(status=(Status.FAILED,)))
        count = self._queue.counters().count(Status.FAILED)
        words = tr("state failed")
        chosen = Chosen(everything=(failed,), count=count, matching=words)
        await self._many(Verb.RETRY, chosen, lambda t: self._queue.retry(t, actor=self._actor))

    async def _many(self, verb: Verb, chosen: Chosen, work: Work, *, asked: bool = False) -> None:
        result = await self._change(verb, chosen, work, asked=asked)
        if result is not None:
            self._services.toasts.say(result_sentence(verb, result))

    async def _change(
        self, verb: Verb, chosen: Chosen, work: Work, *, asked: bool = False
    ) -> BulkResult | None:
        """The result; None if the person thought better of it."""
        if not chosen.count:
            return None
        large = chosen.count > ASK_ABOVE or bool(chosen.everything)
        if large and not asked and not await self._sure(verb, chosen):
            return None
        if chosen.everything:
            results = [await work(selection) for selection in chosen.everything]
        else:
            ids = await self._ids(chosen)
            results = [await work(ids[i : i + _CHUNK]) for i in range(0, len(ids), _CHUNK)]
        self._after()
        return together(results)

    async def _sure(self, verb: Verb, chosen: Chosen) -> bool:
        words = deed(verb, chosen.count)
        sheet = ConfirmSheet(
            self._host,
            title=f"{words}?",
            message=tr("They match: {what}.", what=chosen.matching) if chosen.matching else "",
            keep=tr("Leave them as they are"),
            do=words,
        )
        return await ask(sheet) == QDialog.DialogCode.Accepted

    async def _ids(self, chosen: Chosen) -> list[RequestId]:
        known = {row.seq: row.id for row in chosen.rows}
        missing = [seq for seq in chosen.seqs if seq not in known]
        for start in range(0, len(missing), _CHUNK):
            known |= {row.seq: row.id for row in await self._queue.rows(missing[start : start + _CHUNK])}
        return [known[seq] for seq in chosen.seqs if seq in known]

    def _back(self, chosen: Chosen, result: BulkResult, start: float) -> list[Target]:
        """What restoring must be about: the ids, or what was cancelled just now if they are too many."""
        if len(result.ids) == result.changed:
            return [result.ids]
        span = Range(min=start, max=self._services.clock.now())
        return [
            Selection(
                filter=msgspec.structs.replace(
                    selection.filter, status=(Status.CANCELLED,), not_status=(), reason=(), finished=span
                ),
                max_seq=selection.max_seq,
            )
            for selection in chosen.everything
        ]

    async def _restore(self, targets: Sequence[Target]) -> None:
        results = [await self._queue.restore(t, actor=self._actor) for t in targets]
        self._after()
        self._services.toasts.say(result_sentence(Verb.RESTORE, together(results)))

    # -- on one

    async def _on_one(self, verb: Verb, request_id: RequestId) -> None:
        match verb:
            case Verb.EDIT:
                self._services.navigate("compose", await self._queue.get_request(request_id))
            case Verb.DUPLICATE:
                self._services.navigate("compose", ("again", await self._queue.get_request(request_id)))
            case _:
                await self.copy_as_curl(request_id)

    async def copy_as_curl(self, request_id: RequestId) -> None:
        """Puts a cURL command on the clipboard; secrets are masked in it."""
        request = await self._queue.get_request(request_id)
        command = as_curl(request, self._queue.zones.get(request.zone, ZoneConfig()))
        QGuiApplication.clipboard().setText(command)
        self._services.toasts.say(tr("Copied as cURL. Secrets are hidden."), seconds=4)

    async def decide(self, which: str, row: RequestRow) -> None:
        """Asks what a person knows about a request of unknown outcome, and does it: see ANSWERS."""
        reasons = await recent_reasons(self._queue)
        sheet = DecisionSheet(self._host, which=which, summary=row.summary, recent_reasons=reasons)
        if await ask(sheet) != QDialog.DialogCode.Accepted:
            return
        why, record_id = sheet.reason, sheet.record_id
        match which:
            case "again":
                await self._queue.send_again(row.id, why=why, actor=self._actor)
                said = tr("It will be sent again.")
            case "sent":
                await self._queue.mark_sent(row.id, why=why, record_id=record_id, actor=self._actor)
                said = tr("Marked as sent.")
            case _:
                await self._queue.do_not_send(row.id, why=why, actor=self._actor)
                said = tr("It will not be sent. You find it among the failed ones.")
        await remember_reason(self._queue, why)
        self._after()
        self._services.toasts.say(said)

    @property
    def _actor(self) -> str:
        return self._services.actor

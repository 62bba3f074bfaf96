"""The shell's commands, connected to the queue; each says what it did."""

from __future__ import annotations

from autotask_console.runtime.tasks import Tasks
from autotask_console.state import AppStore
from autotask_console.text import Tone, plural, tr
from autotask_console.widgets.toast import Toasts, Undo
from autotask_queue import Connectivity, QueueManager


class QueueCommands:
    """Pause, resume, send now, offline, online."""

    def __init__(self, queue: QueueManager, store: AppStore, toasts: Toasts, tasks: Tasks) -> None:
        self._queue, self._store, self._toasts, self._tasks = queue, store, toasts, tasks

    async def pause(self, seconds: float | None) -> None:
        await self._queue.pause(seconds)
        self._store.look_again()
        undo = Undo(what=tr("pause"), run=lambda: self._tasks.start(self.resume(), what=tr("resume sending")))
        self._toasts.say(tr("Sending is paused. What is on the wire is finished."), undo=undo)

    async def resume(self) -> None:
        await self._queue.resume()
        self._store.look_again()

    async def send_now(self) -> None:
        count = await self._queue.send_now()
        self._store.look_again()
        if count:
            text = plural(
                count, "{n} request does not wait any longer.", "{n} requests do not wait any longer."
            )
        else:
            text = tr("Nothing was waiting for its next try.")
        self._toasts.say(text, seconds=6)

    async def work_offline(self) -> None:
        await self._queue.work_offline()
        self._store.look_again()

    async def work_online(self) -> None:
        await self._queue.work_online()
        self._store.look_again()

    async def try_now(self) -> None:
        state = await self._queue.check_connection()
        self._store.look_again()
        if state.state is not Connectivity.ONLINE:
            detail = f" {state.detail}" if state.detail else ""
            self._toasts.say(
                tr("Still offline.{detail} Your requests stay saved; we keep trying.", detail=detail),
                seconds=8,
                glyph="◌",
                tone=Tone.HELD,
            )

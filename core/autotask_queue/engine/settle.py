"""Writes what became of a request, and tells everybody who wants to know.

The result of a call must not be lost because the disk was full for a minute: settling is repeated
until the store takes it. Until then the row is processing, which is the truth about what is known.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from autotask_queue.engine.context import Context
from autotask_queue.model.errors import QueueClosed, QueueError, RequestNotFound, StoreError
from autotask_queue.model.events import (
    HealthDegraded,
    HealthRecovered,
    QueueEmpty,
    RequestCancelled,
    RequestCompleted,
    RequestDeferred,
    RequestEdited,
    RequestEvent,
    RequestExpired,
    RequestFailedEvent,
    RequestHeld,
    RequestProcessing,
    RequestReleased,
    RequestRestored,
    RequestRetrying,
    RequestUncertain,
)
from autotask_queue.model.filters import RequestFilter
from autotask_queue.model.request import Outcome, Request, RequestId
from autotask_queue.model.status import OPEN, TERMINAL, Status
from autotask_queue.ports import Change

_EVENTS: dict[Status, type[RequestEvent]] = {
    Status.PENDING: RequestReleased,
    Status.DEFERRED: RequestDeferred,
    Status.PROCESSING: RequestProcessing,
    Status.RETRYING: RequestRetrying,
    Status.UNCERTAIN: RequestUncertain,
    Status.HELD: RequestHeld,
    Status.COMPLETED: RequestCompleted,
    Status.FAILED: RequestFailedEvent,
    Status.CANCELLED: RequestCancelled,
    Status.EXPIRED: RequestExpired,
}

LONGEST_PAUSE = 30.0


class Settler:
    """Applies changes and publishes the events that follow; resolves those who wait for a result."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx
        self._waiting: dict[RequestId, list[asyncio.Future[Outcome]]] = {}
        self.changed: Callable[[], None] = lambda: None
        self._closed = False
        self._empty_at: int | None = None
        """The `seq` of the newest request when `queue.empty` was published last."""
        self.storage_trouble = ""
        """Why the store refuses to write at the moment; empty if it does not."""

    async def settle(self, *changes: Change) -> None:
        """Applies changes for certain; one whose fence is outdated is dropped."""
        pause = 0.5
        while not self._closed:
            try:
                results = await self._ctx.store.apply(changes)
            except StoreError as error:
                self.trouble(error)
                await self._ctx.clock.sleep(pause)
                pause = min(LONGEST_PAUSE, pause * 2)
                continue
            self.recovered()
            for change, result in zip(changes, results, strict=True):
                if isinstance(result, QueueError):
                    self._ctx.logger.info("%s of %s dropped: %s", change.kind, change.id, result.message)
                else:
                    self.announce(result)
            return

    async def change(self, change: Change) -> Request:
        """Applies a person's change.

        Raises:
            RequestNotFound, IllegalTransition: it does not fit.
            StoreError: the store failed; nothing changed.
        """
        result = (await self._ctx.store.apply([change]))[0]
        if isinstance(result, QueueError):
            raise result
        self.announce(result, kind=change.kind)
        return result

    def announce(self, request: Request, *, kind: str = "") -> None:
        """Publishes what `request` has become, and wakes those who wait for it."""
        event: type[RequestEvent] = _EVENTS[request.status]
        if kind == "edited":
            event = RequestEdited
        elif kind in ("restored", "retried"):
            event = RequestRestored
        self._ctx.bus.publish(event(at=self._ctx.clock.now(), request=request))
        self.tell_consequences()
        if request.status.is_terminal:
            self._resolve(request)
            self.tell_if_empty()
        else:
            self._empty_at = None
        self.changed()

    def tell_if_empty(self) -> None:
        """Publishes `queue.empty` when nothing is unfinished; once, until there is work again."""
        newest = self._ctx.store.max_seq()
        if self._empty_at != newest and not self._ctx.store.counters().count(*OPEN):
            self._empty_at = newest
            self._ctx.bus.publish(QueueEmpty(at=self._ctx.clock.now()))

    def tell_consequences(self) -> None:
        """Announces what changed because others did: children held or freed, scheduled ones come due."""
        for consequence in self._ctx.store.consequences():
            self.announce(consequence)

    # -- waiting for results

    async def wait(self, request_id: RequestId) -> Outcome:
        """Waits until the request is finished.

        Raises:
            RequestNotFound: there is no such request.
        """
        future: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(request_id, []).append(future)
        try:
            request = await self._ctx.store.get(request_id)
            if request is None:
                raise RequestNotFound(f"There is no request {request_id}.")
            if request.status.is_terminal:
                return outcome_of(request)
            return await future
        finally:
            waiting = self._waiting.get(request_id, [])
            if future in waiting:
                waiting.remove(future)
            if not waiting:
                self._waiting.pop(request_id, None)

    def _resolve(self, request: Request) -> None:
        for future in self._waiting.pop(request.id, []):
            if not future.done():
                future.set_result(outcome_of(request))

    async def look_again(self, kind: str) -> None:
        """Resolves those who wait for a request that a command on many, or another process, has finished."""
        waited_for = tuple(self._waiting)
        if not waited_for:
            return
        try:
            finished = await self._ctx.store.find(RequestFilter(ids=waited_for, status=tuple(TERMINAL)))
        except StoreError:
            return
        for request in finished:
            self.announce(request, kind=kind)

    def close(self) -> None:
        """Ends every wait: nothing more will happen to what is stored before the next start."""
        self._closed = True
        waiting, self._waiting = self._waiting, {}
        for future in [f for futures in waiting.values() for f in futures if not f.done()]:
            future.set_exception(
                QueueClosed(
                    "The queue was shut down while you waited for a result.",
                    remedy="What is stored is safe: ask again with the same id after the next start.",
                )
            )

    # -- storage trouble

    def trouble(self, error: StoreError) -> None:
        """The store refused to write, or to read."""
        before, self.storage_trouble = self.storage_trouble, error.message
        if not before:
            self._ctx.logger.error("the queue cannot be written: %s", error.message)
            self._ctx.bus.publish(
                HealthDegraded(at=self._ctx.clock.now(), component="storage", reason=error.message)
            )

    def recovered(self) -> None:
        """The store has written again."""
        if self.storage_trouble:
            self.storage_trouble = ""
            self._ctx.bus.publish(HealthRecovered(at=self._ctx.clock.now(), component="storage"))


def outcome_of(request: Request) -> Outcome:
    """How `request` stands, as an outcome."""
    return Outcome(id=request.id, status=request.status, reply=request.reply, failure=request.failure)

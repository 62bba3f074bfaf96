"""Tells subscribers what happened. Publishing never waits, and a subscriber cannot hurt the publisher."""

from __future__ import annotations

import asyncio
import inspect
import logging
import weakref
from collections import deque
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

from autotask_queue.engine.journal import log_event
from autotask_queue.model.errors import UnknownEvent
from autotask_queue.model.events import EVENT_NAMES, Event, EventsLost

Callback = Callable[[Any], object]
Spawn = Callable[[str, Coroutine[Any, Any, object]], object]


class Mailbox:
    """A bounded queue of events. When it overflows, the newest are dropped and counted.

    The first event drained after that is `EventsLost`: take a fresh snapshot. Never waits.
    """

    def __init__(self, capacity: int, close: Callable[[Mailbox], None]) -> None:
        self._events: deque[Event] = deque()
        self._capacity = capacity
        self._lost = 0
        self._close = close
        self._arrived = asyncio.Event()
        self.ended = False

    def put(self, event: Event) -> None:
        """Adds `event`, or counts it as lost."""
        if len(self._events) >= self._capacity:
            self._lost += 1
        else:
            self._events.append(event)
        self._arrived.set()

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to drain."""
        return not self._events and not self._lost

    def drain(self) -> list[Event]:
        """All events so far, oldest first."""
        out: list[Event] = []
        if self._lost and self._events:
            out.append(EventsLost(at=self._events[-1].at, count=self._lost))
        out.extend(self._events)
        self._events.clear()
        self._lost = 0
        self._arrived.clear()
        return out

    async def wait(self) -> None:
        """Returns when there is something to drain."""
        await self._arrived.wait()

    def end(self) -> None:
        """Says that nothing more will come."""
        self.ended = True
        self._arrived.set()

    def close(self) -> None:
        """Ends the subscription."""
        self._close(self)


class EventBus:
    """Delivers events to callbacks at once and to mailboxes for later. One loop, one thread."""

    def __init__(self, logger: logging.Logger, spawn: Spawn) -> None:
        self._logger = logger
        self._spawn = spawn
        self._callbacks: dict[str, list[Callback]] = {}
        self._mailboxes: list[Mailbox] = []
        self._streams: weakref.WeakSet[Mailbox] = weakref.WeakSet()

    def publish(self, event: Event) -> None:
        """Delivers `event`; errors of subscribers are logged, with the subscriber's name."""
        log_event(self._logger, event)
        for box in self._mailboxes:
            box.put(event)
        for name in (event.name, "*"):
            for callback in tuple(self._callbacks.get(name, ())):
                self._call(callback, event)

    def _call(self, callback: Callback, event: Event) -> None:
        try:
            result = callback(event)
            if inspect.iscoroutine(result):
                self._spawn(f"subscriber {callback!r}", result)
        except Exception:
            self._logger.exception("subscriber %r of %s failed", callback, event.name)

    def on(self, name: str, callback: Callback) -> Callable[[], None]:
        """Calls `callback` (a function or a coroutine function) for each event called `name`.

        "*" means every event. Returns a function that ends the subscription.

        Raises:
            UnknownEvent: no event has this name.
            TypeError: `callback` cannot be called.
        """
        if not callable(callback):
            raise TypeError(f"a subscriber must be callable, got {callback!r}")
        if name != "*" and name not in EVENT_NAMES:
            raise UnknownEvent(f"{name!r} is not the name of an event.")
        self._callbacks.setdefault(name, []).append(callback)

        def unsubscribe() -> None:
            callbacks = self._callbacks.get(name, [])
            if callback in callbacks:
                callbacks.remove(callback)

        return unsubscribe

    def mailbox(self, capacity: int) -> Mailbox:
        """A mailbox that receives everything published from now on."""
        box = Mailbox(capacity, self._forget)
        self._mailboxes.append(box)
        return box

    def _forget(self, box: Mailbox) -> None:
        if box in self._mailboxes:
            self._mailboxes.remove(box)

    def events(self, capacity: int) -> AsyncIterator[Event]:
        """All events from now on, until the iteration is closed, or the queue shut down."""
        box = self.mailbox(capacity)
        stream = self._stream(box)
        self._streams.add(box)
        weakref.finalize(stream, self._forget, box).atexit = False  # one that nobody iterated over
        return stream

    async def _stream(self, box: Mailbox) -> AsyncIterator[Event]:
        try:
            while not (box.ended and box.is_empty):
                await box.wait()
                for event in box.drain():
                    yield event
        finally:
            box.close()

    def close(self) -> None:
        """Ends all iterations over events once they have seen what there was."""
        for box in self._streams:
            box.end()

"""What the parts of one engine share. No globals: two queues in one process do not meet."""

from __future__ import annotations

import logging
import random
from collections.abc import Callable, Iterator, MutableMapping
from dataclasses import dataclass

from typing_extensions import override

from autotask_queue.engine.bus import EventBus
from autotask_queue.engine.calls import whether
from autotask_queue.engine.slots import Slots
from autotask_queue.engine.supervisor import Supervisor
from autotask_queue.model.config import QueueConfig
from autotask_queue.model.request import Request
from autotask_queue.ports import Clock, QueueProcessor, Store


class Processors(MutableMapping[str, QueueProcessor]):
    """Processors by name, asked in the order in which they were registered."""

    def __init__(self) -> None:
        self._by_name: dict[str, QueueProcessor] = {}
        self.on_change: Callable[[], None] = lambda: None

    @override
    def __getitem__(self, name: str) -> QueueProcessor:
        return self._by_name[name]

    @override
    def __setitem__(self, name: str, processor: QueueProcessor) -> None:
        if isinstance(processor, type) or not isinstance(processor, QueueProcessor):
            raise TypeError(f"{processor!r} is no object with process_request and can_process")
        self._by_name[name] = processor
        self.on_change()

    @override
    def __delitem__(self, name: str) -> None:
        del self._by_name[name]

    @override
    def __iter__(self) -> Iterator[str]:
        return iter(self._by_name)

    @override
    def __len__(self) -> int:
        return len(self._by_name)

    def find(self, request: Request) -> QueueProcessor | None:
        """The first that takes `request`."""
        return next((p for p in self._by_name.values() if whether(p, p.can_process, request)), None)


@dataclass(slots=True)
class Context:
    """The shared parts of one engine."""

    config: QueueConfig
    store: Store
    clock: Clock
    rng: random.Random
    bus: EventBus
    tasks: Supervisor
    processors: Processors
    actor: str
    logger: logging.Logger
    slots: Slots

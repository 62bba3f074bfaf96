"""A store that a test makes slow or makes fail, around a real one."""

from __future__ import annotations

import asyncio
import inspect
from collections import Counter
from typing import Any

from autotask_queue.model.errors import StoreError
from autotask_queue.ports import Store

FULL = StoreError("There is no space left.")


class TroubledStore:
    """Passes every call on to `store`, unless told otherwise by the name of the call ("*": all).

    Attributes:
        failing: calls that end with this error and change nothing.
        held_before: calls that wait for the event, then go on.
        held_after: calls that take effect, then wait for the event before they return.
        calls: how often each was called.
    """

    def __init__(self, store: Store) -> None:
        self.store = store
        self.failing: dict[str, StoreError] = {}
        self.held_before: dict[str, asyncio.Event] = {}
        self.held_after: dict[str, asyncio.Event] = {}
        self.calls: Counter[str] = Counter()

    def __getattr__(self, name: str) -> Any:
        found = getattr(self.store, name)
        if not inspect.iscoroutinefunction(found):
            return found

        async def call(*args: Any, **kwargs: Any) -> Any:
            self.calls[name] += 1
            if name in self.held_before:
                await self.held_before[name].wait()
            error = self.failing.get(name) or (
                self.failing.get("*") if name not in ("open", "close") else None
            )
            if error is not None:
                raise error
            result = await found(*args, **kwargs)
            if name in self.held_after:
                await self.held_after[name].wait()
            return result

        return call

"""Changes, one after the other: read, worked out, stored if nobody was quicker, else worked out again."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

from autotask_queue.model.errors import QueueError
from autotask_queue.model.request import Request, RequestId
from autotask_queue.ports import Change
from autotask_queue.store.redis import changing
from autotask_queue.store.redis.reading import Reader
from autotask_queue.store.redis.rows import Stored
from autotask_queue.store.redis.sealing import Seal
from autotask_queue.store.redis.view import View
from autotask_queue.store.redis.writer import MAX_BATCH, Answer

MAX_TRIES: Final = 100
"""How often a change is worked out again because others change the same request all the time."""

Result = tuple[Request | None, Request | QueueError]
"""A change's request before it (None if there is none), and after it or why not."""


class Applier:
    """Applies changes; `run` sends operations, `seal` says how what they hold is written."""

    def __init__(
        self, read: Reader, run: Callable[[Sequence[Any]], Awaitable[list[Answer]]], seal: Seal
    ) -> None:
        self._read = read
        self._run = run
        self._seal = seal
        self._merged: dict[RequestId, list[Stored]] = {}
        """Of requests that others are merged into: those, as the script last told. It checks them."""

    async def apply(
        self, changes: Sequence[Change], view: View, *, known: dict[RequestId, Stored] | None = None
    ) -> list[Result]:
        """What became of each.

        Args:
            changes: to be applied in this order, each for itself.
            view: learns what is not being sent any more.
            known: requests that need not be read; they may be out of date.
        """
        there = known if known is not None else view.in_flight
        before = {c.id: there[c.id] for c in changes if c.id in there}
        missing = list(dict.fromkeys(c.id for c in changes if c.id not in before))
        if missing:
            before |= await self._read.by_id(missing)
        results: list[Result] = [(None, changing.not_found(c.id)) for c in changes]
        for start in range(0, len(changes), MAX_BATCH):
            places = list(range(start, min(start + MAX_BATCH, len(changes))))
            await self._apply_window(changes, places, before, results, view)
        return results

    async def _apply_window(
        self,
        changes: Sequence[Change],
        left: list[int],
        before: dict[RequestId, Stored],
        results: list[Result],
        view: View,
    ) -> None:
        tries = 0
        while left:
            first = left[0]
            left = await self._try(changes, left, before, results, view)
            tries = tries + 1 if left and left[0] == first else 0
            if tries >= MAX_TRIES:
                request = before[changes[first].id].request
                results[first] = (request, changing.always_changing(request))
                left, tries = left[1:], 0

    async def _try(
        self,
        changes: Sequence[Change],
        places: Sequence[int],
        before: dict[RequestId, Stored],
        results: list[Result],
        view: View,
    ) -> list[int]:
        """Tries the changes at `places`; those from the first whose request is another one now are left."""
        planned: list[tuple[int, changing.Planned]] = []
        for place in places:
            stored = before.get(changes[place].id)
            if stored is not None:
                change = changes[place]
                merged = self._merged.get(change.id, ())
                planned.append((place, changing.plan(stored, change, self._seal, merged)))
        left: list[int] = []
        answers = await self._run([plan.operation for _, plan in planned])
        for (place, plan), (answer, reply) in zip(planned, answers, strict=True):
            request_id = changes[place].id
            if answer[0] == "again":
                left.append(place)
                before[request_id] = reply.rows.get(answer[1], before[request_id])
                self._merged[request_id] = [reply.rows[seq] for seq in answer[2]]
                continue
            try:
                after = changing.changed(plan, answer)
            except QueueError as error:
                results[place] = (plan.before.request, error)
            else:
                view.keep(after)
                self._merged.pop(request_id, None)
                results[place] = (plan.before.request, after.request)
        return left

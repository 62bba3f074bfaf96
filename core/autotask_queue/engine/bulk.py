"""Commands on many requests: read and changed a chunk at a time, announced as one."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence

import msgspec

from autotask_queue.engine.context import Context
from autotask_queue.engine.settle import Settler
from autotask_queue.model.errors import QueueError, StoreError
from autotask_queue.model.events import RequestsChanged
from autotask_queue.model.filters import BulkResult, RequestFilter, Selection
from autotask_queue.model.request import Request, RequestId, RequestRow
from autotask_queue.ports import Change

Target = str | Sequence[str] | Selection
"""One id, several, or everything that a filter matched at one moment."""

CHUNK = 500
"""Requests read and changed at a time."""
UNDOABLE = 10_000
"""As many ids as a result remembers."""


class Bulk:
    """Applies changes to many requests. When the store fails half-way, what was done is announced."""

    def __init__(self, ctx: Context, settler: Settler) -> None:
        self._ctx = ctx
        self._settler = settler

    async def many(
        self, target: Target, change: Callable[[RequestId], Change], *, skipped: str
    ) -> BulkResult:
        """The same change for all: a selection stays in the store."""
        if not isinstance(target, Selection):
            return await self.each(target, lambda r: change(r.id), skipped=skipped)
        template = change(RequestId(""))
        try:
            result = await self._ctx.store.apply_matching(target, template)
        except StoreError:  # some chunks may be stored
            await self._announce(None, template.kind)
            raise
        await self._announce(result, template.kind)
        return msgspec.structs.replace(result, skipped_why=skipped if result.skipped else "")

    async def each(
        self, target: Target, change: Callable[[RequestRow], Change | None], *, skipped: str
    ) -> BulkResult:
        """A change that depends on the request: rows are read first, a chunk at a time."""
        done: list[RequestId] = []
        changed = left_out = 0
        async for rows, missing in self._chunks(target):
            changes = [c for c in map(change, rows) if c is not None]
            applied = await self.apply(changes)
            done += [r.id for r in applied[: UNDOABLE - len(done)]]
            changed += len(applied)
            left_out += missing + len(rows) - len(applied)
        return BulkResult(
            changed=changed, skipped=left_out, skipped_why=skipped if left_out else "", ids=tuple(done)
        )

    async def _chunks(self, target: Target) -> AsyncIterator[tuple[Sequence[RequestRow], int]]:
        """The rows of `target`, and how many asked for do not exist."""
        store = self._ctx.store
        if isinstance(target, Selection):
            seqs = [s for s in await store.index(target.filter) if s <= target.max_seq]
            for start in range(0, len(seqs), CHUNK):
                yield await store.rows(seqs[start : start + CHUNK]), 0
            return
        ids = list(dict.fromkeys((target,) if isinstance(target, str) else target))
        for start in range(0, len(ids), CHUNK):
            part = tuple(RequestId(i) for i in ids[start : start + CHUNK])
            found = await store.find(RequestFilter(ids=part))
            yield found, len(part) - len(found)

    async def apply(self, changes: Sequence[Change]) -> list[Request]:
        """Applies changes and announces each; those that do not fit are left out."""
        done: list[Request] = []
        for start in range(0, len(changes), CHUNK):
            chunk = changes[start : start + CHUNK]
            try:
                results = await self._ctx.store.apply(chunk)
            except StoreError:  # a large chunk may be stored in part
                await self._announce(None, chunk[0].kind)
                raise
            for change, result in zip(chunk, results, strict=True):
                if not isinstance(result, QueueError):
                    self._settler.announce(result, kind=change.kind)
                    done.append(result)
        return done

    async def _announce(self, result: BulkResult | None, what: str) -> None:
        """Tells that many changed; None if nobody knows how many."""
        if result is None or result.changed:
            count = result.changed if result is not None else 0
            self._ctx.bus.publish(RequestsChanged(at=self._ctx.clock.now(), count=count, what=what))
            await self._settler.look_again(what)
            self._settler.tell_if_empty()
            self._settler.changed()

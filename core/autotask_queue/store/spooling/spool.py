"""The file that keeps what is added while the server is away: a queue file of which nothing is ever sent.

It is open only while something is in it, or may come: several programs may name the same file, and only one
at a time can have it open.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Protocol

import msgspec

from autotask_queue.model.errors import IllegalTransition, QueueError, RequestIdTaken, StoreError
from autotask_queue.model.filters import RequestFilter
from autotask_queue.model.request import Request, RequestId
from autotask_queue.model.status import OPEN, TERMINAL, Reason, Status
from autotask_queue.ports import Change, Recovery
from autotask_queue.store.rules import PARENT_REASONS
from autotask_queue.store.sqlite import SqliteStore, operations

BATCH: Final = 64
_DOUBTFUL: Final = "doubtful"
_BATCH: Final = "batch"
_GIVEN_BY_THE_FILE: Final = PARENT_REASONS | {Reason.AFTER}


class SpoolFile(SqliteStore):
    """A queue file whose requests can move elsewhere."""

    async def forget(self, ids: Sequence[RequestId]) -> None:
        """Removes requests that are kept elsewhere from now on; unknown ids are left out."""
        await self._write_one(operations.forget(ids))


class Adopting(Protocol):
    """Where the requests go in the end; `RedisStore` is."""

    async def adopt(self, requests: Sequence[Request]) -> list[Request | QueueError]: ...


class Spool:
    """The file at `path`, encrypted if there is a key. Not for several tasks to open or close at once.

    Some of what is in it may be on the server, too: its answer was lost, or the program ended while it was
    being moved. Those are *doubtful*: a person's change of one would be a promise about a copy that may be on
    its way, so it is refused until the server can be asked. Which they are is kept in the file.

    Raises:
        EncryptionUnavailable: there is a key, and SQLCipher is not installed.
    """

    def __init__(self, path: str | Path, encryption_key: bytes | None = None) -> None:
        self.path = Path(path).expanduser().absolute()
        self._file = SpoolFile(self.path, encryption_key=encryption_key)
        self.store: SpoolFile | None = None
        """The open file."""
        self._doubtful: set[RequestId] = set()
        self._documents: set[str] = set()
        """The keys of the documents that say so."""
        self._users = 0
        self._moving = asyncio.Lock()
        """Held while requests move to the server, and while they are changed: one of them, then the other."""

    async def open(self, *, now: float) -> Recovery:
        """Opens the file.

        Raises:
            StoreInUse: another program has it open.
            StoreError: see `SqliteStore.open`.
        """
        store = self._file
        recovery = await store.open(now=now)
        try:
            documents = await store.list_documents(_DOUBTFUL)
        except BaseException:
            await store.close()
            raise
        self._documents = set(documents)
        self._doubtful = {RequestId(id_) for ids in documents.values() for id_ in ids}
        self.store = store
        return recovery

    async def close(self) -> None:
        """Closes the file, if it is open."""
        if self.store is not None:
            await self.store.close()
            self.store = None

    @property
    def is_idle(self) -> bool:
        """Whether nothing is left to be moved, and nobody is using the file."""
        return self._users == 0 and (self.store is None or self.store.counters().count(*OPEN) == 0)

    @contextmanager
    def in_use(self) -> Iterator[SpoolFile | None]:
        """The open file, or None; it is not closed before the block ends."""
        self._users += 1
        try:
            yield self.store
        finally:
            self._users -= 1

    # -- adding and changing

    async def keep(
        self, requests: Sequence[Request], *, actor: str, doubtful: bool
    ) -> list[Request | QueueError] | None:
        """Adds requests as `Store.enqueue` does; None if the file is not open.

        `doubtful` if the server may have them already.
        """
        with self.in_use() as store:
            if store is None:
                return None
            if doubtful:
                for request in requests:  # before they are added: a crash in between only doubts too much
                    await self._doubt(store, request.id, [request.id], at=request.created_at)
            return await store.enqueue(requests, actor=actor)

    async def apply(self, changes: Sequence[Change]) -> dict[int, Request | QueueError]:
        """Applies those changes whose request is here; the answers by the changes' places."""
        with self.in_use() as store:
            if store is None:
                return {}
            async with self._moving:
                found: dict[int, Request] = {}
                for place, change in enumerate(changes):
                    here = await store.get(change.id)
                    if here is not None:
                        found[place] = here
                sure = [place for place, request in found.items() if request.id not in self._doubtful]
                answers: dict[int, Request | QueueError] = {
                    place: _unsure(request) for place, request in found.items()
                }
                answers.update(zip(sure, await store.apply([changes[place] for place in sure]), strict=True))
                return answers

    async def _doubt(self, store: SqliteStore, key: str, ids: Sequence[RequestId], *, at: float) -> None:
        self._documents.add(key)
        self._doubtful.update(ids)
        await store.put_document(_DOUBTFUL, key, list(ids), at=at)

    # -- moving

    async def next_batch(self) -> list[Request]:
        """The oldest unfinished requests, as they are to be added elsewhere."""
        with self.in_use() as store:
            if store is None:
                return []
            query = RequestFilter(not_status=tuple(TERMINAL), limit=BATCH)
            return [_as_new(request) for request in await store.find(query)]

    async def move(self, server: Adopting) -> bool:
        """Moves the next batch to the server; False if there was none.

        They are on the server, durably, before they are forgotten here. After a crash in between they are
        added again, under the same ids: the server has each once.

        Raises:
            StoreError: the server, or the file, failed; nothing is lost.
        """
        with self.in_use() as store:
            if store is None:
                return False
            async with self._moving:
                batch = await self.next_batch()
                if not batch:
                    return False
                ids = [request.id for request in batch]
                await self._doubt(store, _BATCH, ids, at=batch[0].created_at)
                answers = await server.adopt(batch)
                refused = {r.id: a for r, a in zip(batch, answers, strict=True) if isinstance(a, QueueError)}
                if refused:
                    held = [_held(request, refused[request.id]) for request in batch if request.id in refused]
                    for answer in await server.adopt(held):
                        if isinstance(answer, QueueError):
                            raise StoreError(
                                f"The server does not take a request that waits in {self.path}: "
                                f"{answer.message}",
                                remedy="Save a report and send it to support. The request is kept.",
                            )
                await store.forget(ids)
                for key in self._documents.intersection((_BATCH, *ids)):
                    await store.delete_document(_DOUBTFUL, key)
                    self._documents.discard(key)
                self._doubtful.difference_update(ids)
                return True


def _unsure(request: Request) -> IllegalTransition:
    return IllegalTransition(
        "It may be on the server already, which cannot be asked now.",
        status=request.status,
        remedy="Ask again when the server is back. Nothing was changed.",
    )


def _as_new(request: Request) -> Request:
    """As it was added. What the file made of its parents, which may be on the server, does not count."""
    if request.reason not in _GIVEN_BY_THE_FILE:
        return request
    status = request.status
    if request.reason in PARENT_REASONS:
        status = Status.PENDING if request.scheduled_at is None else Status.DEFERRED
    return msgspec.structs.replace(request, status=status, reason=None, reason_text="")


def _held(request: Request, refusal: QueueError) -> Request:
    """A request that was acknowledged here and is refused there: a person decides, and nothing is lost."""
    # Its id may be another's there. The same again after a crash: it must not be added twice.
    own = RequestId(str(uuid.uuid5(uuid.NAMESPACE_OID, f"{request.id} {request.digest}")))
    return msgspec.structs.replace(
        request,
        id=own if isinstance(refusal, RequestIdTaken) else request.id,
        status=Status.HELD,
        reason=Reason.CONFLICT,
        reason_text=f"It was added while the server was away. {refusal.message}",
        dedup_key=None,
    )

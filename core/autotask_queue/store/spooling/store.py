"""`SpoolingStore`: a queue on a server that goes on accepting while the server is away."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from array import array
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final

import msgspec

from autotask_queue.model.breaker import BreakerRecord
from autotask_queue.model.errors import (
    QueueError,
    StoreError,
    StoreInUse,
    StoreUnreachable,
    StoreUnwritable,
)
from autotask_queue.model.filters import BulkResult, RequestFilter, Selection
from autotask_queue.model.metrics import Counters, MinuteStat
from autotask_queue.model.request import JSON, Attempt, AuditEntry, Durability, Request, RequestId, RequestRow
from autotask_queue.ports import AuditAnchor, Change, Claim, Claimed, Companions, News, Recovery
from autotask_queue.store import bulk
from autotask_queue.store.redis import RedisStore
from autotask_queue.store.redis.small import CONTROL
from autotask_queue.store.spooling.spool import Spool
from autotask_queue.store.sqlite import SqliteStore

FIRST_PAUSE: Final = 0.25
LONGEST_PAUSE: Final = 5.0
"""Seconds between two looks whether the server is back; each pause doubles."""

_AWAY: Final = "{} What is added meanwhile is kept in {} and moves to the server when it is back."

_log = logging.getLogger(__name__)


class SpoolingStore:
    """Implements `ports.Store` and `ports.Shared`: a `RedisStore`, and a file beside it for when it is away.

    The server counts as away from the moment in which it does not take a new request, until everything in the
    file has moved there, in order and under the same ids. Meanwhile

    - new requests go to the file; `durability` is the file's;
    - lists, counts and bulk commands are about the requests in the file. They can be edited and cancelled,
      but for those that may have reached the server unheard;
    - nothing is claimed. Questions about other requests, and everything else, fail with the server's error.

    `seq` counts anew in the file; a request gets its lasting one on the server. A request that was cancelled
    in the file stays there.

    Args:
        server: the queue.
        path: the file; made when first needed.
        encryption_key: the server's own key, if it has one: the file is encrypted with it, too.
    """

    def __init__(self, server: RedisStore, path: str | Path, *, encryption_key: bytes | None = None) -> None:
        self._server = server
        self._spool = Spool(path, encryption_key)
        self._trouble: StoreError | None = None
        """Why the server cannot be asked; None if it can."""
        self._spooling = False
        """Whether the file is in the server's place."""
        self._switching = asyncio.Lock()
        self._return: asyncio.Task[None] | None = None
        self._callback: Callable[[News], None] | None = None
        self._recovered: list[Request] = []

    @property
    def durability(self) -> Durability:
        return Durability.SQLITE_FSYNC if self._spooling else self._server.durability

    @property
    def location(self) -> str:
        if self._spooling:
            return f"{self._spool.path}, until {self._server.location} is back"
        return self._server.location

    def on_change(self, callback: Callable[[News], None]) -> None:
        """See `ports.Shared`."""
        self._callback = callback
        self._server.on_change(callback)

    # -- opening and closing

    async def open(self, *, now: float) -> Recovery:
        """See `ports.Store.open`. A server that is away is no error; what an earlier run kept moves first.

        Raises:
            StoreError: the server refuses, or it is away and the file cannot be used.
        """
        try:
            recovery = await self._server.open(now=now)
        except StoreUnreachable as error:
            notes = await self._fall_back(error, now=now)
            return Recovery(notes=(_AWAY.format(error.message, self._spool.path), *notes))
        try:
            notes = await self._move_what_is_left(now=now)
        except BaseException:
            await self._server.close()
            raise
        return msgspec.structs.replace(recovery, notes=(*recovery.notes, *notes))

    async def _move_what_is_left(self, *, now: float) -> tuple[str, ...]:
        """Moves what an earlier run has kept. What cannot be moved now is moved when the server is back."""
        if not self._spool.path.exists():
            return ()
        try:
            recovery = await self._spool.open(now=now)
        except StoreInUse:  # another program's, which moves it itself
            return ()
        try:
            while await self._spool.move(self._server):
                pass
        except StoreUnreachable as error:
            self._wait_for_return(error)
            return (_AWAY.format(error.message, self._spool.path), *recovery.notes)
        except BaseException:
            await self._spool.close()
            raise
        await self._spool.close()
        return recovery.notes

    async def close(self) -> None:
        """See `ports.Store.close`."""
        task, self._return = self._return, None
        if task is not None:
            task.cancel()
            await asyncio.wait({task})
        self._spooling = False
        await self._spool.close()
        await self._server.close()

    # -- away and back

    async def _fall_back(self, error: StoreError, *, now: float) -> tuple[str, ...]:
        """Puts the file in the server's place.

        Raises:
            StoreError: neither can be used.
        """
        async with self._switching:
            if self._spooling:
                return ()
            try:
                recovery = await self._spool.open(now=now)
            except StoreError as own:
                raise type(error)(
                    f"{error.message} Nor can the file for that case be used: {own.message}",
                    remedy=f"{error.remedy} {own.remedy}",
                ) from own
            self._wait_for_return(error)
            return recovery.notes

    def _wait_for_return(self, error: StoreError) -> None:
        _log.warning(_AWAY.format(error.message, self._spool.path))
        self._trouble = error
        self._spooling = True
        self._return = asyncio.get_running_loop().create_task(self._come_back(), name="redis queue return")

    async def _come_back(self) -> None:
        pause = FIRST_PAUSE
        while True:
            await asyncio.sleep(pause)
            try:
                await self._move_all()
            except QueueError as error:
                if not isinstance(error, StoreError):
                    error = StoreError(error.message, remedy=error.remedy)
                self._trouble = error
                pause = min(LONGEST_PAUSE, pause * 2)
                continue
            if self._spool.is_idle:  # nothing is awaited from here until the server is in its place again
                break
        self._spooling = False
        self._trouble = None
        _log.info("%s is back, and has what was kept meanwhile.", self._server.location)
        if self._callback is not None:
            self._callback(News.CONTROL)  # nobody knows what others have paused meanwhile
            self._callback(News.WORK)
        async with self._switching:
            await self._spool.close()

    async def _move_all(self) -> None:
        if not self._server.is_open:
            recovery = await self._server.open(now=time.time())
            self._recovered += (*recovery.uncertain, *recovery.released)
        await self._server.reach()
        self._trouble = None
        while await self._spool.move(self._server):
            pass

    def _reachable(self) -> RedisStore:
        """The server.

        Raises:
            StoreError: it is away.
        """
        if self._trouble is not None:
            error = self._trouble
            raise type(error)(_AWAY.format(error.message, self._spool.path), remedy=error.remedy)
        return self._server

    # -- changing

    async def enqueue(self, requests: Sequence[Request], *, actor: str) -> list[Request | QueueError]:
        doubtful = False
        while True:
            if not self._spooling:
                try:
                    return await self._server.enqueue(requests, actor=actor)
                except (StoreUnreachable, StoreUnwritable) as error:
                    await self._fall_back(error, now=time.time())
                    doubtful = True  # the server may have done it, though its answer did not come
            kept = await self._spool.keep(requests, actor=actor, doubtful=doubtful)
            if kept is not None:  # else it is back already
                return kept

    async def claim(self, claim: Claim) -> Claimed:
        if self._spooling:
            self._reachable()
            return Claimed()  # what was kept is still moving
        return await self._server.claim(claim)

    async def join(self, companions: Companions) -> tuple[Request, ...]:
        return () if self._spooling else await self._server.join(companions)

    async def apply(self, changes: Sequence[Change]) -> list[Request | QueueError]:
        if not self._spooling:
            return await self._server.apply(changes)
        answers = await self._spool.apply(changes)
        others = [place for place in range(len(changes)) if place not in answers]
        if others:
            found = await self._reachable().apply([changes[place] for place in others])
            answers.update(zip(others, found, strict=True))
        return [answers[place] for place in range(len(changes))]

    async def apply_matching(self, selection: Selection, change: Change) -> BulkResult:
        if not self._spooling:
            return await self._server.apply_matching(selection, change)
        tally = bulk.Tally()
        found = [r for r in await self.find(selection.filter) if r.seq <= selection.max_seq]
        changes = [msgspec.structs.replace(change, id=request.id) for request in found]
        for request, answer in zip(found, await self.apply(changes), strict=True):
            tally.add(request, answer)
        return tally.result()

    def consequences(self) -> tuple[Request, ...]:
        recovered, self._recovered = self._recovered, []
        here = self._spool.store.consequences() if self._spool.store is not None else ()
        return (*recovered, *here, *self._server.consequences())

    # -- reading

    async def get(self, request_id: RequestId) -> Request | None:
        with self._file() as file:
            found = None if file is None else await file.get(request_id)
        return found or await self._reachable().get(request_id)

    async def attempts(self, request_id: RequestId) -> list[Attempt]:
        with self._file() as file:
            if file is not None and await file.get(request_id) is not None:
                return await file.attempts(request_id)
        return await self._reachable().attempts(request_id)

    async def audit(
        self,
        *,
        request_id: RequestId | None = None,
        kinds: Sequence[str] = (),
        limit: int = 100,
        before_seq: int | None = None,
    ) -> list[AuditEntry]:
        with self._file() as file:
            here = request_id is not None and file is not None and await file.get(request_id) is not None
            store = file if file is not None and here else self._reachable()
            return await store.audit(request_id=request_id, kinds=kinds, limit=limit, before_seq=before_seq)

    async def find(self, query: RequestFilter) -> list[Request]:
        with self._file() as file:
            return await (file or self._server).find(query)

    async def index(self, query: RequestFilter) -> array[int]:
        with self._file() as file:
            return await (file or self._server).index(query)

    async def rows(self, seqs: Sequence[int]) -> list[RequestRow]:
        with self._file() as file:
            return await (file or self._server).rows(seqs)

    async def count(self, query: RequestFilter) -> int:
        with self._file() as file:
            return await (file or self._server).count(query)

    async def oldest_waiting(self) -> float | None:
        with self._file() as file:
            return await (file or self._server).oldest_waiting()

    async def priorities(self) -> dict[int, int]:
        with self._file() as file:
            return await (file or self._server).priorities()

    def counters(self) -> Counters:
        with self._file() as file:
            return (file or self._server).counters()

    def max_seq(self) -> int:
        with self._file() as file:
            return (file or self._server).max_seq()

    def next_due(self) -> float | None:
        return None if self._spooling else self._server.next_due()

    @contextlib.contextmanager
    def _file(self) -> Iterator[SqliteStore | None]:
        """The file, if it is in the server's place."""
        if not self._spooling:
            yield None
            return
        with self._spool.in_use() as file:
            yield file

    # -- small things: they are the server's

    async def load_breakers(self) -> list[BreakerRecord]:
        return [] if self._is_away else await self._server.load_breakers()

    async def get_document(self, kind: str, key: str) -> JSON:
        if kind == CONTROL and self._is_away:
            return None
        return await self._reachable().get_document(kind, key)

    async def load_minutes(self, *, since: float, until: float | None = None) -> list[MinuteStat]:
        return [] if self._is_away else await self._server.load_minutes(since=since, until=until)

    @property
    def _is_away(self) -> bool:
        """Whether the server cannot be asked. Nothing is sent then, so that no hold needs to be known."""
        return self._trouble is not None

    async def record(self, entry: AuditEntry) -> None:
        await self._reachable().record(entry)

    async def save_breaker(self, record: BreakerRecord, entry: AuditEntry | None = None) -> None:
        await self._reachable().save_breaker(record, entry)

    async def put_document(self, kind: str, key: str, value: JSON, *, at: float) -> None:
        await self._reachable().put_document(kind, key, value, at=at)

    async def list_documents(self, kind: str) -> dict[str, JSON]:
        return await self._reachable().list_documents(kind)

    async def delete_document(self, kind: str, key: str) -> None:
        await self._reachable().delete_document(kind, key)

    async def save_minutes(self, minutes: Sequence[MinuteStat]) -> None:
        await self._reachable().save_minutes(minutes)

    async def prune(self, *, finished_before: float, max_seq: int | None = None, limit: int = 500) -> int:
        server = self._reachable()
        return await server.prune(finished_before=finished_before, max_seq=max_seq, limit=limit)

    async def prune_audit(self, *, before: float, limit: int = 500) -> AuditAnchor | None:
        return await self._reachable().prune_audit(before=before, limit=limit)

    async def shrink(self) -> bool:
        return await self._reachable().shrink()

    async def checkpoint(self) -> None:
        await self._reachable().checkpoint()

    async def size_bytes(self) -> int:
        return await self._reachable().size_bytes()

    async def waiting_bytes(self, *, at_least: int) -> int | None:
        return None

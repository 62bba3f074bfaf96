"""Random operations, and the program is killed in between: the same comes back from a file and from a server.

Killed means that nobody closed anything. Of a file that leaves what the system has of it and of its log; on a
server nobody says goodbye, and the leases run out. Of memory it leaves nothing, which takes no further part.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import rule
from tests.core.store.making import OPEN_GATE, STRICT
from tests.core.store.test_same_traces import AllStores, common
from tests.support.redis_server import find_program

from autotask_queue.model.filters import RequestFilter
from autotask_queue.model.request import Request
from autotask_queue.model.status import Effect, Status
from autotask_queue.ports import Claim, Recovery, Store
from autotask_queue.store import MemoryStore, RedisStore, SqliteStore


class CrashingStores(AllStores):
    """Runs every operation on all, and kills them."""

    @rule(taken=st.integers(0, 3))
    def crash(self, *, taken: int) -> None:
        """What was acknowledged is there; what was on the wire is pending again, or uncertain."""
        if taken:  # just now
            wanted = Claim(now=self._now, limit=taken, order=STRICT, default_gate=OPEN_GATE)
            self._all(lambda store: store.claim(wanted))
        before = self._all(lambda store: store.find(RequestFilter()))
        recoveries = [self._runner.run(self._killed_and_opened(place)) for place in range(len(self._stores))]
        if self.memory is not None:
            assert self._runner.run(self._stores[0].find(RequestFilter())) == []
            assert recoveries.pop(0) == Recovery()
            self._runner.run(self._stores.pop(0).close())
            self.memory = None
        recovered = common([_by_seq(r.uncertain, r.released) for r in recoveries])
        after = {r.id: r for r in self._all(lambda store: store.find(RequestFilter()))}
        in_flight = [r for r in before if r.status is Status.PROCESSING]
        for one in in_flight:
            then = Status.PENDING if one.effect is Effect.READ else Status.UNCERTAIN
            assert after[one.id].status is then
            assert after[one.id] in recovered
        touched = {one.id for one in in_flight}
        assert [after[r.id] for r in before if r.id not in touched] == [
            r for r in before if r.id not in touched
        ]

    async def _killed_and_opened(self, place: int) -> Recovery:
        store = self._stores[place]
        match store:
            case MemoryStore():
                heir: Store = MemoryStore()
            case SqliteStore():
                heir = await self._file_as_it_stands(store)
            case RedisStore():
                heir = await self._server_as_it_stands(store)
            case _:
                raise AssertionError(store)
        recovery = await heir.open(now=self._now)
        self._stores[place] = heir
        return recovery

    async def _file_as_it_stands(self, store: SqliteStore) -> SqliteStore:
        """The file and its log as the system has them, before anybody closes anything."""
        path = Path(store.location)
        copy = Path(tempfile.mkdtemp(dir=self._folder.name)) / path.name
        for ending in ("", "-wal"):
            shutil.copyfile(f"{path}{ending}", f"{copy}{ending}")
        await store.close()
        return SqliteStore(copy)

    async def _server_as_it_stands(self, store: RedisStore) -> RedisStore:
        """The connections end; then nothing is heard of the worker for as long as its leases last."""
        await store._disconnect()
        heir = store  # opened again it is another worker: nothing of the old one is kept
        await heir._link.open()
        leases = heir._link.key.removesuffix("ctl") + "lease"
        for seq in await heir._link.command("ZRANGE", leases, 0, -1):
            await heir._link.command("ZADD", leases, "XX", 0, seq)
        await heir._link.close()
        return heir


class LongCrashingStores(CrashingStores):
    """The same, for longer."""


def _by_seq(*requests: Sequence[Request]) -> list[Request]:
    return sorted((r for part in requests for r in part), key=lambda r: r.seq)


@pytest.fixture(scope="module", autouse=True)
def redis_of_all(request: pytest.FixtureRequest) -> Iterator[None]:
    """A state machine takes no fixtures itself."""
    if find_program() is not None:
        CrashingStores.server = request.getfixturevalue("shared_redis_server")
    yield
    CrashingStores.server = None


CrashingStores.TestCase.settings = settings(max_examples=15, stateful_step_count=30)
LongCrashingStores.TestCase.settings = settings(max_examples=100, stateful_step_count=60)

TestShort = pytest.mark.integration(CrashingStores.TestCase)
TestLong = pytest.mark.slow(pytest.mark.timeout(900)(pytest.mark.integration(LongCrashingStores.TestCase)))

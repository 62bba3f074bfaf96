"""A disk that refuses a call, whichever it is: what was acknowledged stays, what was refused stays away."""

from __future__ import annotations

import asyncio
import contextlib
import random
import shutil
import sys
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path

import pytest
from tests.core.store.making import NOW, add_one, claim, complete, new_id, request
from tests.core.store.sqlite.conftest import Look
from tests.support.fragile_disk import EIO, ENOSPC, FragileDisk

from autotask_queue.model.errors import StoreDoubtful, StoreError
from autotask_queue.model.filters import RequestFilter
from autotask_queue.model.status import Status
from autotask_queue.store import SqliteStore
from autotask_queue.store.sqlite import audit
from autotask_queue.store.sqlite.driver import Driver

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(sys.platform == "win32", reason="files in use cannot be replaced there"),
]

Fails = Callable[[int, str], str | None]


def only(bad: int, code: str, number: int, _kind: str) -> str | None:
    return code if number == bad else None


def every(step: int, code: str, number: int, _kind: str) -> str | None:
    return code if number % step == 0 else None


class Life:
    """One life of a store on a bad disk, to its sudden end, and what its callers were told."""

    def __init__(self, begun: Path, path: Path, dice: random.Random) -> None:
        for left in path.parent.glob(f"{path.name}*"):
            left.unlink()
        shutil.copy(begun, path)
        self.path = path
        self.disk = FragileDisk(dice)
        self.stored: set[str] = set()
        self.refused: set[str] = set()
        self.claimed: set[str] = set()
        self.completed: set[str] = set()
        self.unsettled: set[str] = set()
        self.note: str | None = None
        self.doubts = 0

    async def live(self, fails: Fails, *, goes_on: bool, is_open: bool = False) -> int:
        """Opens the file and works, after a refusal only if it `goes_on`; how many calls it made.

        The disk is bad from the start, or from when the file `is_open`.
        """
        store = SqliteStore(self.path, driver=Driver(self.disk.module))
        if not is_open:
            self.disk.fails = fails
        with contextlib.suppress(StoreError):
            await store.open(now=NOW)
            self.disk.fails = fails
            for number in range(3):
                for work in (self._bring, partial(self._write_note, str(number)), self._send):
                    try:
                        await work(store)
                    except StoreError as error:
                        self.doubts += isinstance(error, StoreDoubtful)
                        if not goes_on:
                            raise
        calls = self.disk.calls
        self.disk.cut()
        with contextlib.suppress(StoreError):
            await store.close()
        return calls

    async def _bring(self, store: SqliteStore) -> None:
        wanted = [new_id() for _ in range(2)]
        calls = (store.enqueue([request(id=one, data="x" * 400)], actor="tester") for one in wanted)
        answers = await asyncio.gather(*calls, return_exceptions=True)
        for one, answer in zip(wanted, answers, strict=True):
            if isinstance(answer, list):
                self.stored.add(one)
            elif not isinstance(answer, StoreDoubtful):
                self.refused.add(one)
        for answer in answers:
            if isinstance(answer, BaseException):
                raise answer

    async def _write_note(self, note: str, store: SqliteStore) -> None:
        await store.put_document("draft", "one", note, at=NOW)
        self.note = note

    async def _send(self, store: SqliteStore) -> None:
        for one in (await claim(store, limit=1)).requests:
            self.claimed.add(one.id)
            self.unsettled.add(one.id)
            await complete(store, one)
            self.unsettled.remove(one.id)
            self.completed.add(one.id)

    async def check(self) -> None:
        """On a sound disk again: every answer was true."""
        self.disk.unregister()
        store = SqliteStore(self.path)
        recovery = await store.open(now=NOW + 1)
        found = {str(r.id): r for r in await store.find(RequestFilter())}
        note = await store.get_document("draft", "one")
        count = store.counters().count()
        await store.close()
        assert recovery.notes == ()
        assert count == len(found)
        assert self.stored <= found.keys(), "acknowledged and lost"
        assert not self.refused & found.keys(), "refused and stored"
        if self.doubts:
            return
        assert note == self.note, "a note"
        for one in found.values():
            if one.id in self.completed:
                assert one.status is Status.COMPLETED, "settled and forgotten"
            elif one.id in self.unsettled:
                assert one.status is Status.UNCERTAIN, "settled, though that was refused"
            else:
                assert one.status is Status.PENDING, "claimed, though that was refused"
        assert self.completed | self.unsettled == self.claimed


@pytest.fixture
async def begun(tmp_path: Path) -> Path:
    """A queue file that was left in order, with something to send in it."""
    path = tmp_path / "begun.db"
    store = SqliteStore(path)
    await store.open(now=NOW)
    await add_one(store)
    await store.close()
    return path


@pytest.fixture
def begin(begun: Path, path: Path) -> Callable[[], Life]:
    return partial(Life, begun, path, random.Random(4711))


async def go_through(begin: Callable[[], Life], look: Look, failures: Iterable[Fails]) -> int:
    """One life for each; how often nobody could say whether something was stored."""
    doubts = 0
    for number, fails in enumerate(failures):
        life = begin()
        await life.live(fails, goes_on=number % 2 == 0)
        (life.disk.restore if number // 2 % 2 else life.disk.revive)()
        try:
            await life.check()
        except AssertionError as error:
            raise AssertionError(f"{error} after {fails}") from error
        rows = look(f"SELECT {', '.join(audit.COLUMNS)} FROM audit ORDER BY seq")
        assert audit.first_break(rows) is None
        doubts += life.doubts
    return doubts


async def calls_of(begin: Callable[[], Life]) -> int:
    life = begin()
    calls = await life.live(lambda _number, _kind: None, goes_on=False)
    life.disk.unregister()
    assert len(life.stored) == 6
    assert len(life.completed) == 3
    return calls


async def test_any_one_call_fails(begin: Callable[[], Life], look: Look) -> None:
    calls = await calls_of(begin)
    codes = (EIO, ENOSPC)
    failures = [partial(only, bad, codes[bad % 2]) for bad in range(1, calls + 1)]
    assert await go_through(begin, look, failures) == 0


async def test_one_call_in_so_many_fails(begin: Callable[[], Life], look: Look) -> None:
    await go_through(begin, look, [partial(every, step, EIO) for step in range(2, 100, 3)])


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("shift", range(4))  # each call with each end
async def test_each_call_fails_with_each_end(begin: Callable[[], Life], look: Look, shift: int) -> None:
    sound: list[Fails] = [lambda _number, _kind: None] * shift
    calls, codes = await calls_of(begin), (EIO, ENOSPC)
    alone = [partial(only, bad, codes[(bad + shift // 2) % 2]) for bad in range(1, calls + 1)]
    assert await go_through(begin, look, [*sound, *alone]) == 0
    await go_through(
        begin, look, [*sound, *(partial(every, step, codes[shift % 2]) for step in range(2, 200, 4))]
    )


class Flushes:
    """Lets flushes fail."""

    def __init__(self, *bad: int) -> None:
        self._bad = bad
        self._seen = 0

    def __call__(self, _number: int, kind: str) -> str | None:
        self._seen += kind == "sync"
        return EIO if kind == "sync" and self._seen in self._bad else None


async def test_a_commit_that_was_refused_does_not_come_back(begin: Callable[[], Life]) -> None:
    """Only its flush failed: all of it lies in the log when the program is killed."""
    life = begin()
    await life.live(Flushes(1), goes_on=False, is_open=True)
    assert len(life.refused) == 2
    life.disk.revive()
    await life.check()


async def test_when_nobody_can_say_that_is_said(begin: Callable[[], Life]) -> None:
    """The flush fails, and so does the one that would make sure."""
    life = begin()
    await life.live(Flushes(1, 2), goes_on=True, is_open=True)
    assert life.doubts == 1
    assert not life.refused
    assert len(life.stored) == 4, "the next ones were taken"
    life.disk.revive()
    await life.check()

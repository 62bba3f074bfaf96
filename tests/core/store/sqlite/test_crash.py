"""Nothing acknowledged is lost, and nothing sent is sent again, when the process is killed."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from tests.core.store.making import NOW, change
from tests.core.store.sqlite.conftest import Look

from autotask_queue.model.filters import RequestFilter
from autotask_queue.model.request import AttemptResult
from autotask_queue.model.status import Effect, Status
from autotask_queue.store import SqliteStore
from autotask_queue.store.sqlite import audit

pytestmark = [pytest.mark.integration, pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL")]

ROOT = Path(__file__).parents[4]


def work_until_killed(path: Path, *, lines: int, seed: int) -> list[list[str]]:
    """What a worker said before it was killed, after so many lines at the earliest."""
    worker = subprocess.Popen(
        [sys.executable, "-m", "tests.core.store.sqlite.crash_worker", str(path), str(seed)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert worker.stdout is not None
    said: list[list[str]] = []
    with worker, worker.stdout:
        for line in worker.stdout:
            said.append(line.split())
            if len(said) == lines:
                worker.send_signal(signal.SIGKILL)  # what is in the pipe is read to its end
    assert worker.returncode == -signal.SIGKILL
    return said


class Promises:
    """All that was ever acknowledged, over all rounds."""

    def __init__(self) -> None:
        self.stored: set[str] = set()
        self.claimed: dict[str, str] = {}
        self.settled: dict[str, str] = {}

    def note(self, said: list[list[str]]) -> None:
        for kind, *words in said:
            if kind == "stored":
                assert words[0] not in self.stored
                self.stored.add(words[0])
            elif kind == "claimed":
                self.claimed[words[0]] = words[1]
            elif kind == "settled":
                self.settled[words[0]] = words[1]


async def check(path: Path, promises: Promises) -> None:
    store = SqliteStore(path)
    recovery = await store.open(now=NOW + 1)
    try:
        assert recovery.notes == ()
        assert store._check is not None, "an unclean end asks for a check"
        found = await store.find(RequestFilter())
        by_id = {str(r.id): r for r in found}
        assert len(by_id) == len(found)
        assert promises.stored <= by_id.keys(), "acknowledged and lost"
        assert all(r.effect is Effect.WRITE and r.status is Status.UNCERTAIN for r in recovery.uncertain)
        assert all(r.effect is Effect.READ and r.status is Status.PENDING for r in recovery.released)
        for request in found:
            assert request.status is not Status.PROCESSING
            attempts = await store.attempts(request.id)
            assert AttemptResult.RUNNING not in [a.result for a in attempts]
        for request_id, status in promises.settled.items():
            assert by_id[request_id].status == status, "settled and forgotten"
        for request_id, effect in promises.claimed.items():
            # A settlement may have arrived without its acknowledgement; sending again must not happen.
            if effect == Effect.WRITE:
                one = by_id[request_id]
                assert one.status in {Status.UNCERTAIN, Status.COMPLETED, Status.FAILED}, (
                    "would be sent twice"
                )
        cells = Counter((r.zone, r.entity, r.status) for r in found)
        assert {(c.zone, c.entity, c.status): c.count for c in store.counters().cells} == cells
        uncertain = Counter(r.lane for r in found if r.lane and r.status is Status.UNCERTAIN)
        assert not [lane for lane, count in uncertain.items() if count > 1]
        # Those that wait behind an uncertain one would stop the next round: a person decides.
        for one in recovery.uncertain:
            await change(store, one.id, kind="adopted", to=Status.COMPLETED)
            promises.settled[one.id] = Status.COMPLETED
    finally:
        await store.close()


async def run_rounds(path: Path, look: Look, rounds: int) -> None:
    dice = random.Random(rounds)
    promises = Promises()
    for number in range(rounds):
        promises.note(work_until_killed(path, lines=dice.randint(2, 400), seed=number))
        await check(path, promises)
    assert len(promises.settled) > rounds
    assert look("PRAGMA integrity_check") == [("ok",)]
    rows = look(f"SELECT {', '.join(audit.COLUMNS)} FROM audit ORDER BY seq")
    assert audit.first_break(rows) is None


async def test_killed_at_any_moment(path: Path, look: Look) -> None:
    await run_rounds(path, look, 8)


@pytest.mark.slow
@pytest.mark.timeout(900)
async def test_killed_again_and_again(path: Path, look: Look) -> None:
    await run_rounds(path, look, 200)

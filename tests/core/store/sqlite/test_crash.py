"""Nothing acknowledged is lost, and nothing sent is sent again, when the process is killed."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from tests.core.store.sqlite.conftest import Look
from tests.core.store.sqlite.promises import Promises

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


async def run_rounds(path: Path, look: Look, rounds: int) -> None:
    dice = random.Random(rounds)
    promises = Promises()
    for number in range(rounds):
        for words in work_until_killed(path, lines=dice.randint(2, 400), seed=number):
            promises.note(*words)
        assert look("SELECT value FROM meta WHERE name = 'clean'") == [(0,)], (
            "an unclean end asks for a check"
        )
        assert (await promises.check(path)).notes == ()
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

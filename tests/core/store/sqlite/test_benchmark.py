"""The benchmark runs, in its smallest form, and says of each goal what was found."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.integration

BENCHMARK = Path(__file__).parents[4] / "core" / "benchmarks" / "store.py"
SMALL = ["--rounds", "1", "--count", "100", "--finished", "1000", "--sizes", "1000,2000"]


def run(folder: Path, *arguments: str) -> str:
    command = [sys.executable, str(BENCHMARK), "--folder", str(folder), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=110).stdout


def goals(said: str) -> list[str]:
    lines = said.partition("\ngoals\n")[2].splitlines()
    return [line for line in lines if line.split()[:1] == ["met"] or line.split()[:2] == ["NOT", "met"]]


def test_each_contest_and_each_goal(tmp_path: Path) -> None:
    said = run(tmp_path, *SMALL, "--flush", "0")
    for who in ("autotask-queue", "huey", "persist-queue"):
        assert said.count(f"  {who} ") == 3
    assert said.count("times as fast") == 7
    assert "one flush of this disk" in said
    assert len(goals(said)) == 10


@pytest.mark.slow
def test_the_slower_disk(tmp_path: Path) -> None:
    said = run(tmp_path, *SMALL, "--flush", "0.1")
    _, _, slower = said.partition("0.1 ms more for every flush")
    if not slower:
        pytest.skip("no C compiler here")
    assert len(goals(slower)) == 2

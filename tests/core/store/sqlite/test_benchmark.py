"""The benchmark runs, in its smallest form, and counts what it says it counts."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.integration, pytest.mark.slow]

BENCHMARK = Path(__file__).parents[4] / "core" / "benchmarks" / "store.py"


def run(folder: Path, *arguments: str) -> str:
    command = [sys.executable, str(BENCHMARK), "--folder", str(folder), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=110).stdout


def test_the_contests(tmp_path: Path) -> None:
    said = run(tmp_path, "--rounds", "1", "--count", "200", "--flush", "0")
    for who in ("autotask-queue", "huey", "persist-queue"):
        assert said.count(f"  {who} ") == 3
    assert said.count("times as fast") == 7
    assert "one flush of this disk" in said


def test_the_claims(tmp_path: Path) -> None:
    said = run(tmp_path, "--claims", "--sizes", "2000,4000")
    assert "2,000" in said
    assert "4,000" in said

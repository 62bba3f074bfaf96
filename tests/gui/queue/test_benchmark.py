"""The benchmark of the table runs from end to end; its figures are for quiet machines, not for tests."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]


@pytest.mark.integration
def test_it_measures_everything_it_has_goals_for(tmp_path: Path) -> None:
    command = [sys.executable, str(ROOT / "gui/benchmarks/table.py"), "--rows", "3000", "--seconds", "0.5"]
    done = subprocess.run(
        [*command, "--changes", "200", "--file", str(tmp_path / "queue.db")],
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )

    assert done.returncode in {0, 1}, done.stderr
    assert "went wrong" not in done.stdout
    for name in (
        "first rows painted",
        "jump anywhere, median",
        "filter to first page",
        "heartbeat p99",
        "heartbeat max",
        "resident memory",
    ):
        assert name in done.stdout

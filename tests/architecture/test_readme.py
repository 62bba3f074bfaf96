"""The README tells the truth: its programs run, its commands are taken, its words stand on the screen."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from tests.core.readme.pieces import pieces

import dev
from autotask_queue.cli.program import build_parser
from environment import ROOT

TEXT = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
PROGRAMS = [block for block in BLOCKS if "asyncio.run(" in block]
LINES = [
    line.removeprefix("$ ").partition("  #")[0].strip()
    for block in re.findall(r"```console\n(.*?)```", TEXT, re.DOTALL)
    for line in block.splitlines()
]


def section(title: str) -> str:
    return TEXT.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


@pytest.mark.integration
@pytest.mark.parametrize(
    ("place", "words"), [(0, ["sqlite-fsync", "completed", "Printer on fire"]), (1, ["Simulated Services"])]
)
def test_each_program_runs_as_it_stands(place: int, words: list[str], tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", PROGRAMS[place]],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert (done.returncode, done.stderr) == (0, "")
    assert all(word in done.stdout for word in words)
    assert (tmp_path / "queue.db").exists()


def test_no_program_is_forgotten() -> None:
    assert len(PROGRAMS) == 2
    assert BLOCKS[:2] == PROGRAMS
    assert BLOCKS[2:] == list(pieces().values())  # run by tests/core/readme


@pytest.mark.parametrize("line", [line for line in LINES if line.startswith("autotask-queue")])
def test_the_command_line_takes(line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "note.json").write_text("{}", encoding="utf-8")

    build_parser().parse_args(shlex.split(line)[1:])


def test_the_commands_of_dev_py_exist() -> None:
    lines = [shlex.split(line) for line in LINES if not line.startswith("autotask-queue")]

    assert lines
    for program, script, command, *rest in lines:
        assert (program, script) == ("python3", "packaging/dev.py")
        assert command in dev.COMMANDS
        assert rest[:1] in ([], ["-m"])


def test_the_three_test_commands_are_markers() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    markers = {line.partition(":")[0] for line in settings["tool"]["pytest"]["ini_options"]["markers"]}
    named = {line.rpartition("-m ")[2] for line in LINES if " test -m " in line}

    assert named == {"unit", "integration", "performance"}
    assert named <= markers


def test_the_tour_uses_the_words_on_the_screen() -> None:
    code = "\n".join(
        path.read_text(encoding="utf-8") for path in (ROOT / "gui" / "autotask_console").rglob("*.py")
    ).replace("&", "")
    words = re.findall(r"\*\*(.+?)\*\*", section("Five minutes"))

    assert len(words) > 10
    assert [word for word in words if f'"{word}"' not in code] == []


def test_what_it_points_to_is_there() -> None:
    targets = [*re.findall(r"\]\(([^)]+)\)", TEXT), *re.findall(r'(?:src|srcset)="([^"]+)"', TEXT)]
    folders = re.findall(r"^\| `([\w/]+)` \|", TEXT, re.MULTILINE)

    assert len(folders) == 5
    assert [name for name in [*targets, *folders] if not (ROOT / name).exists()] == []

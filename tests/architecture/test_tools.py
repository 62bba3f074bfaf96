"""The linters and type checkers, run as tests so that one command says everything."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from tests.architecture.source import ROOT

# A cold type check of everything takes a minute and a half on a small machine.
pytestmark = [pytest.mark.integration, pytest.mark.slow, pytest.mark.timeout(600)]


def run(*command: str) -> subprocess.CompletedProcess[str]:
    """Runs a tool of this environment in the project root."""
    program = str(Path(sys.executable).with_name(command[0]))
    return subprocess.run(
        [program, *command[1:]], check=False, cwd=ROOT, capture_output=True, text=True, encoding="utf-8"
    )


@pytest.mark.parametrize(
    "command",
    [("ruff", "check", "--output-format=concise"), ("ruff", "format", "--check"), ("mypy",)],
    ids=lambda command: " ".join(command[:2]),
)
def test_tool_has_nothing_to_say(command: tuple[str, ...]) -> None:
    done = run(*command)

    assert done.returncode == 0, done.stdout + done.stderr


def test_users_editor_has_nothing_to_say() -> None:
    """A user's code over the public names is clean in pyright's strict mode, as an editor shows it."""
    sample = ROOT / "tests" / "architecture" / "user_sample.py"
    done = run("basedpyright", "--outputjson", "--project", str(ROOT), str(sample))
    report = json.loads(done.stdout)

    assert report["summary"]["filesAnalyzed"] == 1
    assert not report["generalDiagnostics"], json.dumps(report["generalDiagnostics"], indent=1)

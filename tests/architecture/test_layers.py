"""Who may import whom, and what the core does without."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from tests.architecture.source import ROOT

pytestmark = pytest.mark.integration

_IMPORT_ALL = """
import importlib, pkgutil, sys
import autotask_queue
for module in pkgutil.walk_packages(autotask_queue.__path__, "autotask_queue."):
    if not module.name.endswith("__main__"):
        importlib.import_module(module.name)
banned = {"PySide6", "shiboken6", "qasync", "pyqtgraph", "keyring", "autotask_console"}
print(sorted(banned.intersection(name.partition(".")[0] for name in sys.modules)))
"""


def test_layers() -> None:
    program = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([program, "--no-cache"], check=False, cwd=ROOT, capture_output=True, text=True)

    assert done.returncode == 0, done.stdout + done.stderr


def test_core_loads_neither_qt_nor_keyring() -> None:
    """A contract does not see what a library imports in turn; a process that imports every module does."""
    done = subprocess.run([sys.executable, "-c", _IMPORT_ALL], check=False, capture_output=True, text=True)

    assert (done.returncode, done.stdout.strip()) == (0, "[]"), done.stderr


def test_front_door_opens_quickly_and_alone() -> None:
    """`import autotask_queue` reads no simulator, no command line and no server library."""
    code = "import autotask_queue, sys; print(sorted(name for name in sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)

    heavy = ("autotask_queue.cli", "autotask_queue.simulator", "uvicorn", "starlette", "rich")
    assert not [name for name in heavy if f"'{name}'" in done.stdout]

"""The bundle, built once from the sources as they are now, and an environment in which nothing else is."""

from __future__ import annotations

import fcntl
import hashlib
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.e2e.driver import Console, DemoServer

import dev
import screen
from environment import ROOT

CACHE = ROOT / "build" / "tested-bundle"
"""Kept between runs: a clean clone builds it, and after that only changed sources do."""

_SOURCES = (
    "core/autotask_queue",
    "gui/autotask_console",
    "resources/autotask_resources",
    "packaging/pyinstaller",
)


def _stamp() -> str:
    """What the bundle is made of: the sources, the locked packages, the Python."""
    files = [path for folder in _SOURCES for path in (ROOT / folder).rglob("*") if path.suffix != ".pyc"]
    files += [ROOT / "packaging" / "requirements-dev.txt", ROOT / "packaging" / "dev.py"]
    digest = hashlib.sha256(f"{sys.executable} {sys.version}".encode())
    for path in sorted(path for path in files if path.is_file()):
        digest.update(f"{path.relative_to(ROOT)}\0".encode() + hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


@pytest.fixture(scope="session")
def bundle() -> Path:
    """The folder with both programs."""
    CACHE.mkdir(parents=True, exist_ok=True)
    stamp = CACHE / "stamp"
    with (CACHE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two runs at once build it once
        if not stamp.exists() or stamp.read_text(encoding="ascii") != _stamp():
            stamp.unlink(missing_ok=True)
            wanted = _stamp()
            command = dev.bundle_command(sys.executable, CACHE / "dist", CACHE / "work")
            done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
            assert done.returncode == 0, done.stderr[-4000:]
            stamp.write_text(wanted, encoding="ascii")
    return CACHE / "dist" / "autotask-console"


@pytest.fixture(scope="session")
def display() -> Iterator[str]:
    with screen.virtual_screen() as own:
        yield own


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home, and an environment that holds nothing but it: no Python on the path, no settings.

    What this process starts inherits it.
    """
    folder = tmp_path / "home"
    folder.mkdir()
    (tmp_path / "bin").mkdir()
    (tmp_path / "run").mkdir(mode=0o700)
    kept = {
        "HOME": str(folder),
        "PATH": str(tmp_path / "bin"),
        "LANG": "C.UTF-8",
        "XDG_RUNTIME_DIR": str(tmp_path / "run"),  # every desktop session has one
    }
    for name in os.environ:
        if name != "PYTEST_CURRENT_TEST":
            monkeypatch.delenv(name)
    for name, value in kept.items():
        monkeypatch.setenv(name, value)
    return folder


@pytest.fixture
def console(bundle: Path, home: Path, display: str) -> Iterator[Callable[[], Console]]:
    """Makes consoles of the bundle on one folder of data."""
    made: list[Console] = []

    def make() -> Console:
        made.append(Console(home / "data", display, program=[str(bundle / "autotask-console")]))
        return made[-1]

    yield make
    for one in made:
        one.finish()
        for ready in one.data.rglob("simulator.json"):
            DemoServer(ready).stop()

"""A screen for the whole session, and a console on data of its own for each test."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.e2e.driver import Console, DemoServer
from tests.support.keyring import private_keyring, require_keyring

import screen


@pytest.fixture(scope="session")
def display() -> Iterator[str]:
    with screen.virtual_screen("1280x720x24") as own:
        yield own


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """Where screenshots go: a folder to keep if `AUTOTASK_TEST_PICTURES` names one."""
    kept = os.environ.get("AUTOTASK_TEST_PICTURES")
    return Path(kept) if kept else tmp_path / "pictures"


@pytest.fixture(scope="session")
def keychain() -> Iterator[dict[str, str]]:
    """The environment of a real keychain."""
    require_keyring()
    with tempfile.TemporaryDirectory(prefix="keys-") as home, private_keyring(Path(home)) as environment:
        yield environment


@pytest.fixture
def with_keychain(monkeypatch: pytest.MonkeyPatch, keychain: dict[str, str]) -> None:
    """What every desktop session has."""
    for name, value in keychain.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def make_console(tmp_path: Path, display: str) -> Iterator[Callable[..., Console]]:
    made: list[Console] = []

    def make(name: str = "data", **arguments: object) -> Console:
        console = Console(tmp_path / name, display, **arguments)  # type: ignore[arg-type]
        made.append(console)
        return console

    yield make
    for console in made:
        console.finish()
        for ready in console.data.rglob("simulator.json"):
            DemoServer(ready).stop()

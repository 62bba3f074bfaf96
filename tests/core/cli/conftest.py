"""The command line over a real queue file, with the simulator and owners of the file beside it."""

from __future__ import annotations

import getpass
import importlib.metadata
import json
import os
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from tests.core.cli.background import Background, in_background

from autotask_queue import ControlServer, EchoProcessor, QueueManager, QuickSetup
from autotask_queue.cli import main
from autotask_queue.cli.secret_homes import ENTRY_POINTS
from autotask_queue.simulator import Simulator, run_simulator

TICKET = ("--set", "companyID=0", "--set", "status=1", "--set", "priority=2", "--set", "queueID=5")


@dataclass(frozen=True)
class Done:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def error(self) -> dict[str, Any]:
        error: dict[str, Any] = json.loads(self.err)["error"]
        return error

    def rows(self) -> list[list[str]]:
        """The lines of a plain table, without its heading, split where two blanks are."""
        return [
            [cell.strip() for cell in line.split("  ") if cell.strip()] for line in self.out.splitlines()[1:]
        ]


@dataclass(frozen=True)
class Cli:
    """Runs commands in this process, on one queue file."""

    folder: Path
    capsys: pytest.CaptureFixture[str]
    before: list[str] = field(default_factory=list)

    @property
    def db(self) -> Path:
        return self.folder / "queue.db"

    def __call__(self, *arguments: str) -> Done:
        self.capsys.readouterr()
        code = main(["--db", str(self.db), *self.before, *arguments])
        captured = self.capsys.readouterr()
        return Done(code, captured.out, captured.err)

    def ok(self, *arguments: str) -> Any:
        """The JSON answer of a command that must work."""
        done = self("--json", *arguments)
        assert done.code == 0, done.err
        return done.json

    def submit(self, *arguments: str) -> dict[str, Any]:
        receipt: dict[str, Any] = self.ok("submit", *arguments)
        return receipt

    def show(self, name: object) -> dict[str, Any]:
        shown: dict[str, Any] = self.ok("show", str(name))
        return shown


@pytest.fixture
def cli(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Cli]:
    """The command line on an empty folder, with nobody at the terminal."""
    with Path(os.devnull).open(encoding="utf-8") as nobody:
        monkeypatch.setattr("sys.stdin", nobody)
        yield Cli(folder=tmp_path, capsys=capsys)


@pytest.fixture
def sim() -> Iterator[Background[Simulator]]:
    """The simulator, beside the commands."""
    with in_background(lambda: run_simulator(seed=7, latency_scale=0.0)) as running:
        yield running


@pytest.fixture
def zoned(cli: Cli, sim: Background[Simulator]) -> Cli:
    """The command line with zone1 signed in to the simulator."""
    config, secrets = cli.folder / "config.toml", cli.folder / "secrets.toml"
    credentials = sim.value.credentials
    config.write_text(
        f'[zones.zone1]\nurl = "{sim.value.base_url}"\nuser = "{credentials.user}"\n'
        'secret = "keyring:zone1/secret"\n',
        encoding="utf-8",
    )
    secrets.touch(mode=0o600)
    secrets.write_text(
        json.dumps(
            {"zone1": {"secret": credentials.secret, "integration_code": credentials.integration_code}}
        ),
        encoding="utf-8",
    )
    return Cli(
        folder=cli.folder,
        capsys=cli.capsys,
        before=["--config", str(config), "--secrets-file", str(secrets)],
    )


@asynccontextmanager
async def owning(path: Path) -> AsyncIterator[QueueManager]:
    """A program that has the queue open, as the console has."""
    async with (
        QuickSetup.sqlite(path, processors={"echo": EchoProcessor()}) as manager,
        ControlServer(manager, role="console"),
    ):
        yield manager


Owning = Callable[[], AbstractContextManager[Background[QueueManager]]]


@pytest.fixture
def owner(cli: Cli) -> Owning:
    """Starts a program that owns the queue file of `cli`."""
    return lambda: in_background(lambda: owning(cli.db))


def offer(monkeypatch: pytest.MonkeyPatch, *homes: object) -> None:
    """Puts these in the place of what the installed packages offer as homes of secrets."""
    entries = [SimpleNamespace(name=f"home{i}", load=lambda home=home: home) for i, home in enumerate(homes)]
    real = importlib.metadata.entry_points

    def entry_points(**wanted: str) -> object:
        return entries if wanted.get("group") == ENTRY_POINTS else real(**wanted)

    monkeypatch.setattr(importlib.metadata, "entry_points", entry_points)


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """A person at the terminal who types these."""
    answers: list[str] = []
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(isatty=lambda: True))
    monkeypatch.setattr(getpass, "getpass", lambda prompt: answers.pop(0))
    yield answers
    assert not answers

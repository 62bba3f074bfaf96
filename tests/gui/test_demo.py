"""How the demo finds its simulator's program, here and in a bundle."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest

from autotask_console.app import demo


def test_in_a_checkout_it_is_a_module_of_this_python() -> None:
    assert demo.queue_program() == [sys.executable, "-m", "autotask_queue"]


@pytest.mark.parametrize(
    ("window", "queue"),
    [("autotask-console", "autotask-queue"), ("autotask-console.exe", "autotask-queue.exe")],
)
def test_in_a_bundle_it_is_the_program_beside_the_window(
    window: str, queue: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    monkeypatch.setattr(sys, "executable", str(tmp_path / window))

    assert demo.queue_program() == [str(tmp_path / queue)]


def test_a_program_that_is_not_there_is_said_with_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    missing = tmp_path / "autotask-queue"
    monkeypatch.setattr(demo, "queue_program", lambda: [str(missing)])

    with pytest.raises(demo.DemoUnavailable, match=f"{missing}: No such file"):
        asyncio.run(demo.find_or_start(tmp_path / "data"))


@pytest.mark.integration
def test_what_the_program_said_is_the_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo, "queue_program", lambda: [sys.executable, "-c", "raise SystemExit('no port')"])

    with pytest.raises(demo.DemoUnavailable, match="no port"):
        asyncio.run(demo.find_or_start(tmp_path / "data"))

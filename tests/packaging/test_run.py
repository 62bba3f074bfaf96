"""`dev.py run` where there is no display, with a real Xvfb and a stand-in for the console."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

import dev
import needs

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(sys.platform != "linux", reason="elsewhere there is always a display"),
]

CONSOLE = """
import json, os, pathlib, subprocess, sys
given = sys.argv[1:]
values = dict(zip(given, given[1:]))
size = subprocess.run(["xdotool", "getdisplaygeometry"], capture_output=True, text=True).stdout.split()
told = [given[0], values["--demo-seconds"], values["--data-dir"], given[-1], *size]
print(*told, os.environ["QT_QPA_PLATFORM"], flush=True)
if "--broken" not in given:
    pathlib.Path(values["--screenshot"]).write_bytes(b"PNG")
    rows = [("completed", "Create ticket: Printer on fire"), ("failed", "Log 1 h on ticket 7")]
    requests = [{"id": "x", "status": status, "summary": summary} for status, summary in rows]
    facts = {"sent": 1, "waiting": 0, "failed": 1, "requests": requests}
    pathlib.Path(values["--summary"]).write_text(json.dumps(facts))
sys.exit(4 if "--broken" in given else 0)
"""


@pytest.fixture
def console(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Puts a stand-in in the console's place, and takes the display away."""
    package = tmp_path / "autotask_console"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "__main__.py").write_text(CONSOLE, encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setattr(dev, "prepare", lambda *wanted: Path(sys.executable))
    monkeypatch.setattr("tempfile.mkdtemp", lambda prefix: str(tmp_path))
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.usefixtures("console")
def test_without_a_display_the_demo_leaves_a_picture_and_a_summary(
    capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert dev.main(["run", "--language", "de"]) == 0

    text = capfd.readouterr().out
    assert "There is no display" in text
    assert "for 60 seconds" in text
    assert f"--demo 60 {tmp_path / 'data'} de 1440 900 xcb" in text
    assert "1 sent, 0 waiting, 1 failed" in text
    assert "  sent       Create ticket: Printer on fire\n" in text
    assert "  failed     Log 1 h on ticket 7\n" in text
    assert f"{tmp_path / 'console.png'}\n" in text
    assert f"{tmp_path / 'summary.json'}\n" in text


@pytest.mark.usefixtures("console")
def test_how_long_and_where_can_be_said(capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    picture = tmp_path / "elsewhere.png"

    assert dev.main(["run", "--demo-seconds=9", "--screenshot", str(picture), "--data-dir", "d"]) == 0

    text = capfd.readouterr().out
    assert "for 9 seconds" in text
    assert "--demo 9 d d 1440 900 xcb" in text
    assert picture.exists()
    assert f"{picture}\n" in text


@pytest.mark.usefixtures("console")
def test_a_console_that_fails_is_not_hidden(capfd: pytest.CaptureFixture[str]) -> None:
    assert dev.main(["run", "--broken"]) == 4

    text = capfd.readouterr().out
    assert "The console left no console.png." in text
    assert "The console left no summary.json." in text


@pytest.mark.usefixtures("console")
def test_without_xvfb_the_person_learns_why(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", os.devnull)

    assert dev.main(["run"]) == dev.MISSING
    assert "Xvfb could not be started" in capfd.readouterr().err


def test_with_a_display_nothing_is_virtual(monkeypatch: pytest.MonkeyPatch) -> None:
    handed: list[tuple[object, ...]] = []

    def hand_over(*command: object) -> int:
        handed.append(command)
        return 0

    monkeypatch.setenv("DISPLAY", ":0")
    monkeypatch.setattr(dev, "prepare", lambda profile, *purposes: purposes)
    monkeypatch.setattr(dev, "hand_over", hand_over)

    assert dev.main(["run", "--language", "de"]) == 0
    assert handed == [((needs.Purpose.WINDOW,), "-m", "autotask_console", "--demo", "--language", "de")]

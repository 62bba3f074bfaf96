"""The program as a process: starts, second starts, kills, broken folders and files, orderly ends."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import screen

pytestmark = [pytest.mark.integration, pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")]

PATIENCE = 60.0
COMMAND = (sys.executable, "-m", "autotask_console")


def run_once(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *arguments],
        env={**os.environ, **environ},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )


HOLDER = """
import asyncio, sys
from autotask_queue import QuickSetup

async def main():
    async with QuickSetup.sqlite(sys.argv[1]):
        print("open", flush=True)
        await asyncio.to_thread(sys.stdin.read)

asyncio.run(main())
"""
"""Owns a queue file until its standard input is closed."""


class Program:
    """A running console and its test socket."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.folder = folder
        self.output = folder.parent / f"{folder.name}.out"
        self.address = folder.parent / f"{folder.name}.sock"
        self.address.unlink(missing_ok=True)
        with self.output.open("wb") as out:
            self.process = subprocess.Popen(
                [*COMMAND, "--data-dir", str(folder), *options],
                env={**os.environ, "AUTOTASK_CONSOLE_TEST_SOCKET": str(self.address)},
                stdout=out,
                stderr=subprocess.STDOUT,
            )
        self.connection = self._connect()

    def _connect(self) -> socket.socket:
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end and self.process.poll() is None:
            connection = socket.socket(socket.AF_UNIX)
            try:
                connection.connect(str(self.address))
            except OSError:
                connection.close()
                time.sleep(0.02)
            else:
                connection.settimeout(PATIENCE)
                return connection
        raise AssertionError(f"did not start: {self.said()}")

    def said(self) -> str:
        return self.output.read_text(errors="replace")

    def do(self, do: str, **arguments: Any) -> dict[str, Any]:
        self.connection.sendall(json.dumps({"do": do, **arguments}).encode() + b"\n")
        answer = b""
        while not answer.endswith(b"\n"):
            part = self.connection.recv(1 << 20)
            assert part, f"the console went away: {self.said()}"
            answer += part
        found: dict[str, Any] = json.loads(answer)
        return found

    def wait(self, true: Callable[[dict[str, Any]], Any]) -> dict[str, Any]:
        end = time.monotonic() + PATIENCE
        while True:
            state = self.do("state")
            if true(state):
                return state
            assert time.monotonic() < end, json.dumps(state)[:3000]
            time.sleep(0.05)

    def opened(self) -> dict[str, Any]:
        return self.wait(lambda s: s["open"])

    def quit(self) -> int:
        self.do("quit")
        return self.process.wait(PATIENCE)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(PATIENCE)

    def finish(self) -> None:
        self.connection.close()
        if self.process.poll() is None:
            self.kill()


@pytest.fixture(autouse=True)
def with_keychain(monkeypatch: pytest.MonkeyPatch, keychain: dict[str, str]) -> None:
    """What every desktop session has."""
    for name, value in keychain.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Program]]:
    running: list[Program] = []

    def make(*options: str, name: str = "data") -> Program:
        program = Program(tmp_path / name, *options)
        running.append(program)
        return program

    yield make
    for program in running:
        program.finish()
        ready = program.folder / "simulator.json"
        if ready.exists():
            with contextlib.suppress(ProcessLookupError):
                os.kill(json.loads(ready.read_text())["pid"], signal.SIGTERM)


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"


def gone(pid: int) -> bool:
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        if not alive(pid):
            return True
        time.sleep(0.02)
    return False


def test_the_first_start_offers_to_sign_in_and_ends_in_order(start: Callable[..., Program]) -> None:
    program = start()
    state = program.opened()
    assert state["page"] == "sign-in"
    assert "Not signed in yet" in state["banner"]
    assert program.quit() == 0
    assert program.said() == ""
    assert not (program.folder / "running").exists()
    assert (program.folder / "queue.db").exists()
    lines = (program.folder / "logs" / "console.jsonl").read_text().splitlines()
    assert json.loads(lines[-1])["message"] == "closed in order"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signals_end_it_in_order(start: Callable[..., Program], number: signal.Signals) -> None:
    program = start()
    program.opened()
    program.process.send_signal(number)
    assert program.process.wait(PATIENCE) == 0
    assert not (program.folder / "running").exists()


def test_a_second_start_brings_the_first_to_the_front(start: Callable[..., Program]) -> None:
    program = start()
    program.opened()
    second = run_once("--data-dir", str(program.folder))
    assert (second.returncode, second.stderr) == (0, "")
    assert "open already" in second.stdout
    assert program.process.poll() is None
    assert program.quit() == 0


def test_after_a_kill_it_says_that_nothing_was_lost(start: Callable[..., Program]) -> None:
    program = start()
    program.opened()
    program.kill()
    again = start()
    state = again.wait(lambda s: s["open"] and s["toasts"])
    assert "closed unexpectedly. Nothing queued was lost" in state["toasts"][0]
    assert again.quit() == 0
    last = start()
    assert last.opened()["toasts"] == []
    assert last.quit() == 0


def settled(state: dict[str, Any]) -> bool:
    """The demo's requests are through: one failed, one scheduled, none on the wire."""
    strip = state["strip"]
    numbers = [strip[cell]["value"] for cell in ("waiting", "sending", "needs-you")]
    return numbers == ["1", "0", "1"] and strip["waiting"]["note"] == "scheduled for later"


def test_the_demos_autotask_outlives_a_kill_and_ends_with_an_orderly_end(
    start: Callable[..., Program],
) -> None:
    program = start("--demo")
    program.wait(settled)
    simulator = json.loads((program.folder / "simulator.json").read_text())["pid"]
    program.kill()
    assert alive(simulator)
    again = start("--demo")
    again.opened()
    assert json.loads((again.folder / "simulator.json").read_text())["pid"] == simulator
    # The demo's requests are composed once.
    again.wait(settled)
    assert again.quit() == 0
    assert gone(simulator)


def test_a_timed_demo_leaves_a_picture_and_a_summary(tmp_path: Path) -> None:
    picture, summary = tmp_path / "window.png", tmp_path / "summary.json"
    result = run_once(
        *("--demo", "--data-dir", str(tmp_path / "data"), "--demo-seconds", "8"),
        *("--screenshot", str(picture), "--summary", str(summary)),
    )
    assert (result.returncode, result.stderr) == (0, "")
    assert picture.read_bytes().startswith(b"\x89PNG")
    told = json.loads(summary.read_text())
    assert told["sent"] >= 8
    assert told["failed"] == 1
    assert {"id", "summary", "status"} == set(told["requests"][0])
    simulator = json.loads((tmp_path / "data" / "simulator.json").read_text())["pid"]
    assert gone(simulator)


def test_an_end_while_the_demo_starts_leaves_no_simulator(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    result = run_once("--demo", "--data-dir", str(folder), "--demo-seconds", "0")
    assert result.returncode == 0, result.stderr
    end = time.monotonic() + PATIENCE
    while simulators := [p for p in processes() if str(folder) in p and " simulator " in p]:
        assert time.monotonic() < end, simulators
        time.sleep(0.05)


def processes() -> list[str]:
    """The command lines of all processes."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            found.append(entry.read_bytes().replace(b"\0", b" ").decode(errors="replace"))
    return found


def test_a_folder_that_cannot_be_used_is_said_with_a_remedy(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    result = run_once("--data-dir", str(tmp_path / "file" / "below"))
    assert result.returncode == 3
    assert "start the console with --data-dir and a folder of yours" in result.stderr
    assert "Traceback" not in result.stderr


def test_a_queue_that_another_program_holds_is_said_and_can_be_tried_again(
    start: Callable[..., Program], tmp_path: Path
) -> None:
    folder = tmp_path / "data"
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(folder / "queue.db")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert holder.stdin is not None
    assert holder.stdout is not None
    try:
        assert holder.stdout.readline() == "open\n"
        program = start()
        state = program.wait(lambda s: "Another program" in s["message"])
        assert "Close the other program" in state["message"]
    finally:
        holder.stdin.close()
        holder.wait(PATIENCE)
        holder.stdout.close()
    assert program.do("click", name="empty.open-again")["ok"]
    assert program.opened()["page"] == "sign-in"
    assert program.quit() == 0


def test_a_spoiled_settings_file_is_said_and_left_alone(
    start: Callable[..., Program], tmp_path: Path
) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "config.toml").write_text("[console\n= broken")
    program = start()
    state = program.wait(lambda s: s["toasts"])
    assert "config.toml could not be read" in state["toasts"][0]
    assert program.quit() == 0
    assert (folder / "config.toml").read_text() == "[console\n= broken"


def test_a_wrong_setting_of_the_queue_is_named(start: Callable[..., Program], tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "config.toml").write_text("max_sise = 5\n")
    program = start()
    state = program.wait(lambda s: "mistakes" in s["message"])
    assert "max_sise is not a setting; did you mean max_size?" in state["message"]
    (folder / "config.toml").write_text("max_size = 5\n")
    assert program.do("click", name="empty.open-again")["ok"]
    program.opened()
    assert program.quit() == 0


def test_a_damaged_queue_file_is_set_aside_and_said(start: Callable[..., Program], tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "queue.db").write_bytes(b"this is no database " * 500)
    program = start()
    state = program.wait(lambda s: s["open"] and s["toasts"])
    assert any("damaged" in toast for toast in state["toasts"]), state["toasts"]
    assert list(folder.glob("queue.db.damaged*"))
    assert program.quit() == 0


def test_it_can_check_itself() -> None:
    result = run_once("--self-check")
    found = json.loads(result.stdout)
    assert (result.returncode, found["ok"]) == (0, True), result.stdout
    assert found["parts"]["sqlite"]["journal_mode"] == "wal"
    assert found["parts"]["keychains"]["loadable"]


def test_without_a_display_it_says_so() -> None:
    result = run_once(DISPLAY="", WAYLAND_DISPLAY="", QT_QPA_PLATFORM="")
    assert result.returncode == 3
    assert "There is no display." in result.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--demo-seconds", "5"), "goes with --demo"),
        (("--screenshot", "x.png"), "go with --demo-seconds"),
        (("--profile", "../x"), "letters, digits"),
        (("--log-level", "loud"), "invalid choice"),
        (("--nonsense",), "unrecognized arguments"),
    ],
)
def test_wrong_arguments_are_refused(arguments: tuple[str, ...], words: str) -> None:
    result = run_once(*arguments)
    assert result.returncode == 2
    assert words in result.stderr


def test_the_test_socket_needs_a_folder_of_its_own(tmp_path: Path) -> None:
    address = tmp_path / "control"
    result = run_once(
        *("--demo", "--profile", "nosocket", "--demo-seconds", "0.5"),
        AUTOTASK_CONSOLE_TEST_SOCKET=str(address),
    )
    assert result.returncode == 0, result.stderr
    assert not address.exists()


@pytest.mark.skipif(sys.platform != "linux", reason="Xvfb is Linux's")
def test_a_display_that_goes_away_leaves_no_program_behind(
    start: Callable[..., Program], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when a session ends, or an `ssh -X` is cut: a program without a window would keep the queue."""
    with monkeypatch.context() as patch, screen.virtual_screen() as display:
        patch.setenv("QT_QPA_PLATFORM", "xcb")
        patch.setenv("DISPLAY", display)
        program = start()
        program.opened()
    assert program.process.wait(PATIENCE) == 3
    assert "the display is gone" in program.said()
    assert "Traceback" not in program.said()
    again = start()
    state = again.wait(lambda s: s["open"] and s["toasts"])
    assert "closed unexpectedly. Nothing queued was lost" in state["toasts"][0]
    assert again.quit() == 0

"""The program as people start it: real processes, a real file, the real simulator."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.core.cli.background import Background
from tests.core.cli.conftest import TICKET, Cli

from autotask_queue.engine.control.owner_file import owner_path
from autotask_queue.simulator import Simulator

pytestmark = pytest.mark.integration

PROGRAM = [sys.executable, "-m", "autotask_queue"]
PATIENCE = 30


def run(cli: Cli, *arguments: str, stdin: str = "") -> tuple[int, str, str]:
    done = subprocess.run(
        [*PROGRAM, "--db", str(cli.db), *cli.before, *arguments],
        capture_output=True, encoding="utf-8", timeout=PATIENCE, check=False, input=stdin,
    )  # fmt: skip
    return done.returncode, done.stdout, done.stderr


@contextlib.contextmanager
def running(cli: Cli, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """The program, killed at the end if the test did not end it."""
    process = subprocess.Popen(
        [*PROGRAM, "--db", str(cli.db), *cli.before, *arguments],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8",
    )  # fmt: skip
    try:
        yield process
    finally:
        process.kill()
        process.communicate(timeout=PATIENCE)


def test_from_submit_over_a_worker_to_show(zoned: Cli, sim: Background[Simulator]) -> None:
    code, out, err = run(
        zoned, "submit", "/Tickets", "POST", "--data", "-", *TICKET, stdin='{"title": "From a pipe"}'
    )
    assert (code, out.startswith("Request 1 is stored")) == (0, True), err
    code, out, err = run(zoned, "worker", "--drain")
    assert (code, "completed" in out) == (0, True), err
    code, out, err = run(zoned, "show", "1", "--json")
    assert (code, err) == (0, "")
    number = json.loads(out)["request"]["record_id"]
    tickets = sim.call(sim.value.state)["entities"]["Tickets"]
    assert [t["title"] for t in tickets if t["id"] == number] == ["From a pipe"]
    assert run(zoned, "show", "2")[0] == 3


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGTERM to send")
def test_other_processes_work_through_a_running_worker(zoned: Cli, sim: Background[Simulator]) -> None:
    with running(zoned, "worker") as worker:
        assert worker.stderr is not None
        assert worker.stdout is not None
        assert "Sending from" in worker.stderr.readline()
        done = zoned.ok("submit", "/Tickets", "POST", "--set", "title=Through it", *TICKET, "--wait", "20")
        assert done["outcome"]["status"] == "completed"
        assert "completed  1  Create ticket: Through it" in worker.stdout.readline()
        code, out, err = run(zoned, "worker")
        assert (code, out) == (4, "")
        assert f"Process {worker.pid} has" in err

        worker.send_signal(signal.SIGTERM)
        out, err = worker.communicate(timeout=PATIENCE)
        assert (worker.returncode, out) == (0, "")
        assert "Traceback" not in err
    assert not owner_path(zoned.db).exists()
    assert zoned.ok("list")["total"] == 1


@pytest.mark.skipif(sys.platform == "win32", reason="Windows kills in another way")
def test_a_killed_worker_is_noticed(zoned: Cli) -> None:
    with running(zoned, "worker") as worker:
        assert worker.stderr is not None
        worker.stderr.readline()
        worker.kill()
        worker.wait(PATIENCE)
        assert owner_path(zoned.db).exists()
        assert zoned.submit("/Companies/0")["seq"] == 1
        assert zoned("worker", "--drain").code == 0
    assert not owner_path(zoned.db).exists()


@pytest.mark.skipif(sys.platform == "win32", reason="there are no such pipes")
def test_a_reader_that_goes_away_ends_it_quietly(cli: Cli) -> None:
    cli.submit("/T", "--zone", "z")
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write, "w") as out:
        done = subprocess.run(
            [*PROGRAM, "--db", str(cli.db), "list"],
            stdout=out, stderr=subprocess.PIPE, encoding="utf-8", timeout=PATIENCE, check=False,
        )  # fmt: skip
    assert (done.returncode, done.stderr) == (1, "")


@pytest.mark.skipif(sys.platform == "win32", reason="there are no such terminals")
def test_a_terminal_gets_a_table_with_boxes_and_colours(cli: Cli) -> None:
    import pty

    cli.submit("/T", "POST", "--zone", "z", "--summary", "[bold]not markup[/bold]")
    main, other = pty.openpty()
    environment = os.environ | {"TERM": "xterm-256color", "COLUMNS": "100"}
    environment.pop("NO_COLOR", None)
    try:
        process = subprocess.run(
            [*PROGRAM, "--db", str(cli.db), "list"],
            stdout=other, stderr=subprocess.PIPE, timeout=PATIENCE, check=False, env=environment,
        )  # fmt: skip
        text = os.read(main, 65_536).decode()
    finally:
        os.close(main)
        os.close(other)
    assert process.returncode == 0, process.stderr
    assert "─" in text
    assert "\x1b[33mheld" in text
    assert "[bold]not markup[/bold]" in text


def test_looking_at_the_help_loads_neither_rich_nor_httpx_nor_the_server() -> None:
    code = (
        "import sys\nfrom autotask_queue.cli import main\nmain(['--help'])\n"
        "print([m for m in ('rich', 'httpx', 'starlette', 'uvicorn', 'keyring') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_the_simulator_is_a_command(tmp_path: Path) -> None:
    with subprocess.Popen(
        [*PROGRAM, "simulator", "--ready-file", str(tmp_path / "ready.json")], stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        ready = json.loads(process.stdout.readline())
        process.terminate()
        process.communicate(timeout=PATIENCE)
    assert ready["base_url"].endswith("/atservicesrest/")
    assert json.loads((tmp_path / "ready.json").read_text(encoding="utf-8")) == ready


def test_the_simulator_asks_nothing_of_the_settings(tmp_path: Path) -> None:
    broken = tmp_path / "config.toml"
    broken.write_text("max_size = ", encoding="utf-8")
    with subprocess.Popen(
        [*PROGRAM, "--config", str(broken), "simulator"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        said = process.stdout.readline()
        process.terminate()
        _, complaint = process.communicate(timeout=PATIENCE)
    assert b"base_url" in said, complaint

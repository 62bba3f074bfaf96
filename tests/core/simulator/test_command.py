"""The simulator as a program, in a process of its own."""

import argparse
import json
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import pytest

from autotask_queue.simulator import command

pytestmark = pytest.mark.integration

PROGRAM = [sys.executable, "-m", "autotask_queue.simulator"]
PATIENCE = 30


@contextmanager
def running(*options: str) -> Iterator[tuple["subprocess.Popen[str]", dict[str, Any]]]:
    """The program and its first line; killed if the test did not end it."""
    process = subprocess.Popen(
        [*PROGRAM, *options], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, encoding="utf-8"
    )
    try:
        assert process.stdout
        line = process.stdout.readline()
        yield process, json.loads(line) if line else {}
    finally:
        process.kill()
        process.communicate(timeout=PATIENCE)


def run(*options: str) -> tuple[int, str, str]:
    done = subprocess.run(
        [*PROGRAM, *options], capture_output=True, text=True, encoding="utf-8", timeout=PATIENCE, check=False
    )
    return done.returncode, done.stdout, done.stderr


def get(url: str, headers: dict[str, str] | None = None) -> httpx.Response:
    return httpx.get(url, headers=headers, trust_env=False, timeout=10)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGTERM to send")
def test_ready_and_stopped(tmp_path: Path, number: signal.Signals) -> None:
    file = tmp_path / "ready.json"
    with running("--ready-file", str(file), "--seed", "3") as (process, ready):
        assert json.loads(file.read_text(encoding="utf-8")) == ready
        assert [path.name for path in tmp_path.iterdir()] == ["ready.json"]
        assert ready["base_url"] == f"{ready['url']}/atservicesrest/"
        assert "simulator" in ready["banner"]
        assert ready["pid"] == process.pid

        zone = get(f"{ready['base_url']}v1.0/zoneInformation?user={ready['user']}")
        assert zone.json()["url"] == ready["base_url"]
        headers = {
            "UserName": ready["user"],
            "Secret": ready["secret"],
            "ApiIntegrationCode": ready["integration_code"],
        }
        assert get(f"{ready['base_url']}v1.0/Version", headers).status_code == 200
        assert get(f"{ready['control_url']}/_sim/state").json()["requests"] == 2

        process.send_signal(number)
        out, err = process.communicate(timeout=PATIENCE)
        assert (process.returncode, out, err) == (0, "", "")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGTERM to send")
def test_a_hanging_call_does_not_keep_it_alive() -> None:
    with running() as (process, ready):
        httpx.post(f"{ready['url']}/_sim/faults", json={"kind": "hang"}, trust_env=False)
        port = int(ready["url"].rsplit(":", 1)[1])
        with socket.create_connection(("127.0.0.1", port), timeout=10) as call:
            call.sendall(
                b"POST /atservicesrest/v1.0/Tickets HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n"
            )
            deadline = time.monotonic() + PATIENCE
            while not get(f"{ready['url']}/_sim/state").json()["writes"]:
                assert time.monotonic() < deadline
            process.terminate()
            _, err = process.communicate(timeout=PATIENCE)
            assert (process.returncode, err) == (0, "")


def test_it_ends_by_itself_when_nobody_calls(tmp_path: Path) -> None:
    file = tmp_path / "ready.json"
    with running("--idle-exit", "2", "--ready-file", str(file)) as (process, ready):
        for _ in range(6):  # a call each half second, longer than its patience
            assert get(f"{ready['control_url']}/_sim/state").status_code == 200
            with suppress(subprocess.TimeoutExpired):
                process.wait(0.5)
            assert process.poll() is None, "it ended while it was used"
        out, err = process.communicate(timeout=PATIENCE)
        assert (process.returncode, out, err) == (0, "", "")


def test_a_port_of_ones_choice_is_reported_when_taken() -> None:
    with running() as (_, ready):
        port = ready["url"].rsplit(":", 1)[1]
        code, out, err = run("--port", port)
        assert (code, out) == (1, "")
        assert f"could not start (port {port}: " in err
        assert "Traceback" not in err


def test_the_same_port_can_be_used_again() -> None:
    with running() as (_, ready):
        port = ready["url"].rsplit(":", 1)[1]
        assert get(f"{ready['url']}/_sim/state").status_code == 200
    with running("--port", port) as (_, again):
        assert again["url"] == ready["url"]


def test_a_ready_file_that_cannot_be_written(tmp_path: Path) -> None:
    code, out, err = run("--ready-file", str(tmp_path / "missing" / "ready.json"))
    assert (code, out) == (1, "")
    assert "ready.json" in err
    assert "Traceback" not in err


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.4", "example.com", ""])  # noqa: S104 - refused
def test_other_hosts_are_refused(host: str) -> None:
    code, out, err = run("--host", host)
    assert (code, out) == (2, "")
    assert "kept to this machine" in err
    assert "127.0.0.1" in err


def test_localhost_is_this_machine() -> None:
    with running("--host", "localhost", "--any-credentials", "--latency", "0.01") as (_, ready):
        assert ready["url"].startswith("http://127.0.0.1:")
        headers = {"UserName": "a", "Secret": "b", "ApiIntegrationCode": "c"}
        assert get(f"{ready['base_url']}v1.0/Version", headers).status_code == 200


@pytest.mark.parametrize(
    "options",
    [
        ("--port", "70000"),
        ("--port", "x"),
        ("--latency", "-1"),
        ("--latency", "nan"),
        ("--hourly-limit", "0"),
        ("--idle-exit", "0"),
        ("--seed", "x"),
    ],
)
def test_nonsense_is_explained(options: tuple[str, str]) -> None:
    parser = argparse.ArgumentParser(exit_on_error=False)
    command.configure(parser)
    with pytest.raises((argparse.ArgumentError, argparse.ArgumentTypeError)):
        parser.parse_args(options)


def test_choosing_the_command_loads_no_server() -> None:
    code = (
        "import sys, argparse; from autotask_queue.simulator import command; "
        "command.configure(argparse.ArgumentParser()); "
        "print('starlette' in sys.modules, 'uvicorn' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]


def test_without_the_extra_it_says_what_to_install() -> None:
    code = (
        "import sys, argparse; sys.modules['uvicorn'] = None; from autotask_queue.simulator import command; "
        "p = argparse.ArgumentParser(); command.configure(p); sys.exit(command.main(p.parse_args([])))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "pip install 'autotask-queue[demo]'" in done.stderr
    assert "Traceback" not in done.stderr

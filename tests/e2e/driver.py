"""The real program in a process of its own on a screen of its own, and the hands that drive it."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import httpx

START_LIMIT = 60.0
WAIT_LIMIT = 30.0


class Console:
    """One run of the program. `start` may be called again after `kill` or `quit`: the data stay."""

    def __init__(
        self, data: Path, display: str, *, options: Sequence[str] = ("--demo",), program: Sequence[str] = ()
    ) -> None:
        self.data = data
        self.log = data.parent / "console.log"
        self.display = display
        self._program = list(program) or [sys.executable, "-m", "autotask_console"]
        self._options = [*options, "--data-dir", str(data)]
        self._process: subprocess.Popen[bytes] | None = None
        self._socket: socket.socket | None = None
        self._starts = 0

    # -- life

    def start(self) -> None:
        """Starts the program and waits until a person can use its window, whatever it shows."""
        self._starts += 1
        address = self.data.parent / f"drive-{id(self):x}-{self._starts}"
        environment = os.environ | {
            "DISPLAY": self.display,
            "QT_QPA_PLATFORM": "xcb",
            "AUTOTASK_CONSOLE_TEST_SOCKET": str(address),
        }
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [*self._program, *self._options], env=environment, stdout=log, stderr=subprocess.STDOUT
            )
        self._socket = self._connect(address)
        self.wait(_usable, "a window that can be used", seconds=START_LIMIT)

    def _connect(self, address: Path) -> socket.socket:
        deadline = time.monotonic() + START_LIMIT
        while time.monotonic() < deadline:
            if self.ended is not None:
                break
            connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            try:
                connection.connect(str(address))
            except OSError:
                connection.close()
                time.sleep(0.05)
                continue
            connection.settimeout(START_LIMIT)
            return connection
        raise AssertionError(f"the console did not start:\n{self.said()}")

    @property
    def ended(self) -> int | None:
        """The exit code, or None while it runs."""
        return self._process.poll() if self._process is not None else None

    def kill(self) -> None:
        """kill -9: no chance to tidy up."""
        assert self._process is not None
        self._process.send_signal(signal.SIGKILL)
        self._process.wait(10)
        self._disconnect()

    def pause(self) -> None:
        """As if it hung: it keeps all it has, and answers nobody."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def quit(self) -> int:
        """File > Quit; returns the exit code."""
        assert self._process is not None
        self.do("quit")
        self._disconnect()
        return self._process.wait(20)

    def finish(self) -> None:
        """Ends whatever still runs."""
        self._disconnect()
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait(10)

    def _disconnect(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def said(self) -> str:
        """What the program wrote to its standard output and error."""
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    # -- hands and eyes

    def do(self, what: str, **arguments: Any) -> dict[str, Any]:
        """One command of the test control; fails with its words if it cannot be done."""
        answer = self.try_to(what, **arguments)
        assert answer["ok"], f"{what} {arguments}: {answer.get('error')}\n{self.said()[-2000:]}"
        return answer

    def try_to(self, what: str, **arguments: Any) -> dict[str, Any]:
        """As `do`, and the answer even if it could not be done."""
        assert self._socket is not None
        self._socket.sendall(json.dumps({"do": what, **arguments}).encode() + b"\n")
        answer = b""
        while not answer.endswith(b"\n"):
            part = self._socket.recv(1 << 20)
            assert part, f"the console went away:\n{self.said()[-3000:]}"
            answer += part
        result: dict[str, Any] = json.loads(answer)
        return result

    def click(self, name: str, **arguments: Any) -> None:
        self.do("click", name=name, **arguments)

    def press(self, keys: str) -> None:
        self.wait(lambda s: s["active"], "a window that has the keyboard")
        self.do("press", keys=keys)

    def set(self, name: str, value: object) -> None:
        self.do("set", name=name, value=value)

    def state(self) -> dict[str, Any]:
        """What is shown."""
        return self.do("state")

    def wait(
        self, condition: Callable[[dict[str, Any]], Any], what: str, *, seconds: float = WAIT_LIMIT
    ) -> dict[str, Any]:
        """Looks until what is shown fulfils `condition`."""
        deadline = time.monotonic() + seconds
        while True:
            shown = self.state()
            if condition(shown):
                return shown
            if time.monotonic() > deadline:
                told = {
                    k: shown[k] for k in ("page", "banner", "toasts", "strip", "texts", "dialog", "message")
                }
                raise AssertionError(f"not seen in time: {what}\n{json.dumps(told, indent=1)[:4000]}")
            time.sleep(0.1)

    def screenshot(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.do("screenshot", path=str(path))


def _usable(shown: dict[str, Any]) -> bool:
    """A page, a question, or words with something to press; not "Opening…" nor "Starting…"."""
    choices = any(name.startswith(("empty.", "passphrase.")) for name in shown["buttons"])
    return bool(shown["open"] or shown["dialog"] or choices)


class DemoServer:
    """The simulator that the demo started, asked over its control address."""

    def __init__(self, ready: Path) -> None:
        self._about: dict[str, Any] = json.loads(ready.read_text())

    def state(self) -> dict[str, Any]:
        """Everything it holds."""
        found: dict[str, Any] = httpx.get(f"{self._about['control_url']}/_sim/state", timeout=10).json()
        return found

    def titled(self, entity: str, text: str, field: str = "title") -> list[dict[str, Any]]:
        """Records whose `field` is `text`."""
        return [r for r in self.state()["entities"][entity] if r.get(field) == text]

    def fault(self, **fault: Any) -> None:
        """Starts a fault, as `POST /_sim/faults` takes it."""
        httpx.post(f"{self._about['control_url']}/_sim/faults", json=fault, timeout=10).raise_for_status()

    def end_faults(self) -> None:
        httpx.delete(f"{self._about['control_url']}/_sim/faults", timeout=10).raise_for_status()

    def stop(self) -> None:
        """Ends the simulator's process."""
        try:
            os.kill(self._about["pid"], signal.SIGTERM)
        except ProcessLookupError:
            return

"""A real keychain of the tests' own: a private bus with an unlocked GNOME keyring in an empty home."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


def require_keyring() -> None:
    """Skips the test where there is none to start."""
    if sys.platform != "linux" or not shutil.which("gnome-keyring-daemon") or not shutil.which("dbus-daemon"):
        pytest.skip("needs gnome-keyring-daemon and dbus-daemon (dev.py test installs them as root)")


@contextmanager
def private_keyring(home: Path) -> Iterator[dict[str, str]]:
    """The environment in which programs find it, until the block ends."""
    environment = {f"XDG_{name}_HOME": str(home / name.lower()) for name in ("DATA", "CONFIG", "CACHE")}
    environment |= {"HOME": str(home), "XDG_RUNTIME_DIR": str(home / "run")}
    (home / "run").mkdir(mode=0o700)
    bus = subprocess.Popen(
        ["dbus-daemon", "--session", "--nofork", "--print-address=1"],
        stdout=subprocess.PIPE, text=True, env={"PATH": _path(), **environment},
    )  # fmt: skip
    assert bus.stdout is not None
    try:
        environment["DBUS_SESSION_BUS_ADDRESS"] = bus.stdout.readline().strip()
        # Without --foreground it returns when it is ready: a foreground start races with D-Bus activation.
        subprocess.run(
            ["gnome-keyring-daemon", "--unlock", "--components=secrets"],
            input="password", text=True, check=True, capture_output=True, timeout=20,
            env={"PATH": _path(), **environment},
        )  # fmt: skip
        yield environment
    finally:
        bus.terminate()
        bus.wait(10)
        bus.stdout.close()


def _path() -> str:
    return os.environ.get("PATH", os.defpath)

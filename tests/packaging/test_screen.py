"""The virtual screen and the child on it, with a real Xvfb and real processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading

import pytest

import dev
import screen

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(sys.platform != "linux", reason="Xvfb is Linux's"),
]


def test_two_screens_run_side_by_side_and_end_with_their_context() -> None:
    with screen.virtual_screen() as one, screen.virtual_screen("800x600x24") as two:
        assert one != two
        for display, size in ((one, "1440 900"), (two, "800 600")):
            done = subprocess.run(
                ["xdotool", "getdisplaygeometry"],
                check=True,
                capture_output=True,
                text=True,
                env={**os.environ, "DISPLAY": display},
            )
            assert done.stdout.strip() == size
    assert not os.path.exists(f"/tmp/.X11-unix/X{one.removeprefix(':')}")  # noqa: PTH110, S108 - X's own place


def test_a_screen_that_cannot_start_says_why() -> None:
    with (
        pytest.raises(screen.NoScreen, match=r"Xvfb did not start: .*nonsense"),
        screen.virtual_screen("nonsense"),
    ):
        pass


@pytest.mark.parametrize(("code", "expected"), [("raise SystemExit(5)", 5), ("pass", 0)])
def test_the_exit_code_of_the_child_is_ours(code: str, expected: int) -> None:
    assert dev.supervise(sys.executable, "-c", code, variables={}) == expected


def test_a_child_that_a_signal_ended_gives_what_a_shell_gives() -> None:
    code = "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"

    assert dev.supervise(sys.executable, "-c", code, variables={}) == 128 + signal.SIGKILL


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_reaches_the_child(number: signal.Signals) -> None:
    """The child asks its parent for the signal once it is ready, and answers it with an exit code."""
    code = (
        "import os, signal, sys\n"
        f"signal.signal({int(number)}, lambda *_: sys.exit(9))\n"
        f"os.kill(os.getppid(), {int(number)})\n"
        "signal.pause()"
    )

    assert threading.current_thread() is threading.main_thread()
    assert dev.supervise(sys.executable, "-c", code, variables={}) == 9

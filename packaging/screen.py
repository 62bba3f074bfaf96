"""A screen of one's own: an Xvfb that picks a free display number and ends with its context."""

from __future__ import annotations

import os
import select
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

START_LIMIT = 20.0
"""Seconds an Xvfb may take to be ready; a loaded machine needs two."""

SIZE = "1440x900x24"
"""Width, height and depth of the screen in pixels and bits."""


class NoScreen(Exception):
    """Xvfb did not start; the text carries what it said."""


@contextmanager
def virtual_screen(size: str = SIZE) -> Iterator[str]:
    """Runs an Xvfb and gives its display (``:7``); ends it on the way out, whatever happens.

    Raises:
        NoScreen: when it does not start within its limit.
    """
    reader, writer = os.pipe()
    # -displayfd picks a number that nobody uses, and tells it only once the screen takes connections.
    command = ["Xvfb", "-displayfd", str(writer), "-screen", "0", size, "-nolisten", "tcp", "-noreset"]
    # A file and not a pipe for what it says: nobody reads along, and a full pipe would stop the screen.
    with os.fdopen(reader, "rb") as answers, tempfile.TemporaryFile() as said:
        try:
            # In a session of its own: Ctrl+C in a terminal must reach the program first, not its screen.
            server = subprocess.Popen(
                command, pass_fds=[writer], stdout=said, stderr=said, start_new_session=True
            )
        except OSError as error:
            raise NoScreen(f"Xvfb could not be started: {error}") from error
        finally:
            os.close(writer)
        try:
            ready, _, _ = select.select([answers], [], [], START_LIMIT)
            number = answers.readline().strip().decode() if ready else ""
            if not number:
                said.seek(0)
                reason = said.read().decode(errors="replace").strip()
                raise NoScreen(f"Xvfb did not start: {reason or 'no answer in time'}")
            yield f":{number}"
        finally:
            _end(server)


def _end(server: subprocess.Popen[bytes]) -> None:
    server.terminate()
    try:
        server.wait(timeout=5)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()

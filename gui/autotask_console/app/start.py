"""From the command line to a window: what must happen before there is a loop, in its order."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from autotask_console.app.options import Options, parse

if TYPE_CHECKING:
    from PySide6.QtWidgets import QApplication

    from autotask_console.runtime.hooks import Hooks
    from autotask_console.runtime.single_instance import SingleInstance

logger = logging.getLogger(__name__)

OK, CANNOT_START = 0, 3
_UNSEEN = frozenset({"offscreen", "minimal"})
"""Qt's platforms on which nobody could read a window, nor press a button in it."""


def start(arguments: Sequence[str]) -> int:
    """Runs the console; see `__main__.main` for the exit codes."""
    options = parse(arguments)
    if options.self_check:
        return _print_self_check()
    if not _has_display():
        return _complain(
            "There is no display. Start it in a desktop session, or set QT_QPA_PLATFORM=offscreen "
            "to run it without one."
        )
    return _run(options)


def _run(options: Options) -> int:
    from autotask_console.app.logs import logging_installed
    from autotask_console.runtime.hooks import Hooks
    from autotask_queue import __version__

    paths = options.paths
    for folder in (paths.data, paths.state):
        with contextlib.suppress(OSError):  # said in full a few lines below
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with logging_installed(paths.logs, options.log_level):
        hooks = Hooks(folder=paths.reports, version=__version__)
        hooks.install()
        try:
            return _run_watched(options, hooks)
        finally:
            hooks.uninstall()


def _run_watched(options: Options, hooks: Hooks) -> int:
    from PySide6.QtWidgets import QApplication

    from autotask_console.runtime.single_instance import SingleInstance
    from autotask_queue import QueueError, __version__

    app = QApplication(sys.argv[:1])
    app.setApplicationName("Autotask Queue Console")
    app.setApplicationVersion(__version__)
    app.setDesktopFileName("autotask-console")
    app.setQuitOnLastWindowClosed(False)
    instance = SingleInstance(options.paths.data, parent=app)
    try:
        if not instance.acquire():
            return _show_first(instance)
    except QueueError as error:
        _complain(f"{error.title}. {error.message} {error.remedy}")
        if app.platformName() in _UNSEEN:
            return CANNOT_START
        # Started from a menu, nobody reads that: the window says it again, with a way to try again.
    return _run_first(app, options, hooks, instance)


def _show_first(instance: SingleInstance) -> int:
    from autotask_console.runtime.single_instance import ConsoleSilent

    if not instance.ask_first_to_show():
        raise ConsoleSilent("Two consoles must not work on one queue.")
    if sys.stdout is not None:  # a windowed bundle has none
        sys.stdout.write("The console is open already: its window was brought to the front.\n")
    return OK


def _run_first(app: QApplication, options: Options, hooks: Hooks, instance: SingleInstance) -> int:
    from autotask_console.app.console import Console
    from autotask_console.runtime.loop import LoopLost, run

    try:
        console = Console(app, options, hooks, instance)
        return run(app, console.run)
    except LoopLost:
        # What is acknowledged is on the disk. Waiting for threads that nobody can end any more would leave
        # a program without a window that keeps the queue to itself; the next start takes it as after a crash.
        logger.error("the display is gone; the program ends at once")  # noqa: TRY400 - the trace says nothing
        logging.shutdown()
        os._exit(CANNOT_START)
    finally:
        instance.release()


def _has_display() -> bool:
    if sys.platform in {"win32", "darwin"} or os.environ.get("QT_QPA_PLATFORM"):
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def _print_self_check() -> int:
    from autotask_console.app.self_check import self_check

    found = self_check()
    if sys.stdout is not None:
        sys.stdout.write(json.dumps(found, indent=2) + "\n")
    return OK if found["ok"] else 1


def _complain(text: str) -> int:
    if sys.stderr is not None:
        sys.stderr.write(f"{text}\n")
    return CANNOT_START

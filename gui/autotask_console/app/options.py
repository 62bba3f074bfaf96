"""What the command line of the console takes."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

from autotask_console.platform.paths import Paths, paths_in, system_paths
from autotask_queue import LogLevel


@dataclass(frozen=True, kw_only=True, slots=True)
class Options:
    """Parsed arguments; see `parse` for what each means."""

    demo: bool = False
    data_dir: Path | None = None
    profile: str = ""
    demo_seconds: float | None = None
    screenshot: Path | None = None
    summary: Path | None = None
    log_level: LogLevel = "info"
    self_check: bool = False

    @property
    def paths(self) -> Paths:
        """The folders of this run: the given one, the profile's, or the user's own."""
        if self.data_dir is not None:
            return paths_in(self.data_dir)
        return system_paths(self.profile or ("demo" if self.demo else ""))


def parse(arguments: Sequence[str]) -> Options:
    """Exits with code 2 and a message if something is wrong."""
    parser = argparse.ArgumentParser(
        prog="autotask-console",
        description="The Autotask Queue Console: compose requests offline, see them sent, once each.",
    )
    parser.add_argument(
        "--demo",
        action="store_true",
        help="a profile of its own, on invented data: starts a simulator of Autotask on this computer",
    )
    parser.add_argument("--data-dir", type=Path, metavar="DIR", help="keep queue, settings and logs in DIR")
    parser.add_argument("--profile", default="", metavar="NAME", help="a queue and settings of its own")
    parser.add_argument(
        "--demo-seconds",
        type=float,
        metavar="N",
        help="with --demo: end after N seconds, leaving --screenshot and --summary",
    )
    parser.add_argument(
        "--screenshot", type=Path, metavar="PATH", help="with --demo-seconds: a PNG of the window"
    )
    parser.add_argument(
        "--summary", type=Path, metavar="PATH", help="with --demo-seconds: JSON of what was sent"
    )
    parser.add_argument(
        "--log-level", choices=get_args(LogLevel), default="info", help="how much is logged (%(default)s)"
    )
    parser.add_argument(
        "--self-check", action="store_true", help="print as JSON what this installation holds, and end"
    )
    given = parser.parse_args(arguments)
    if given.profile and not given.profile.replace("-", "").replace("_", "").isalnum():
        parser.error("--profile takes letters, digits, - and _ only")
    if given.demo_seconds is not None and not given.demo:
        parser.error("--demo-seconds goes with --demo")
    if (given.screenshot or given.summary) and given.demo_seconds is None:
        parser.error("--screenshot and --summary go with --demo-seconds")
    return Options(**vars(given))

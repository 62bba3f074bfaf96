#!/usr/bin/env python3
"""Run, test and bundle Autotask Queue Console from a checkout, with nothing prepared beforehand.

    python3 packaging/dev.py run            start the console on demo data
    python3 packaging/dev.py test           run every test (more arguments go to pytest)
    python3 packaging/dev.py doctor         say what is there and what is missing
    python3 packaging/dev.py bundle         build the program that needs no Python
    python3 packaging/dev.py screenshots    take the README's pictures anew
    python3 packaging/dev.py references     write core/API.md and core/CONFIGURATION.md anew
    python3 packaging/dev.py lock           write the locked requirements anew

Standard library only. Exit codes: that of the program that was run, 2 for a wrong command line, 3 when the
machine lacks something (the text says what to do).
"""

from __future__ import annotations

import sys

if not (3, 11) <= sys.version_info[:2] <= (3, 13):
    sys.exit(
        f"Autotask Queue Console needs Python 3.11, 3.12 or 3.13; this is {sys.version.split()[0]}.\n"
        "Install one of them and run the same command with it, for example: python3.12 packaging/dev.py run"
    )

import argparse
import json
import os
import signal
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import checkup
import environment
import needs
import screen
from environment import ROOT, Profile
from needs import Purpose

MISSING = 3
"""Exit code: this machine lacks something."""

DEMO_SECONDS = 60


def provide(purposes: Sequence[Purpose]) -> bool:
    """Sees to it that the machine has what these purposes need, and tells whether it has.

    As root on Debian it installs what is missing; as anybody else it says what to install.
    """
    missing = needs.missing_for(purposes)
    if missing and needs.can_install():
        packages = ", ".join(need.apt for need in missing)
        print(f"Installing with apt: {packages} …", file=sys.stderr, flush=True)
        needs.apt_install(missing)
        missing = needs.missing_for(purposes)
    if missing:
        print(needs.explain(missing), file=sys.stderr)
    return not missing


def prepare(profile: Profile, *purposes: Purpose) -> Path:
    """Gives the Python of a current environment on a machine that has what is needed.

    Raises:
        SystemExit: with code 3 when the machine lacks something.
    """
    if not environment.is_current(profile):
        purposes = (Purpose.ENVIRONMENT, *purposes)
    if not provide(purposes):
        raise SystemExit(MISSING)
    try:
        return environment.ensure(profile)
    except environment.SetupFailed as error:
        print(error, file=sys.stderr)
        raise SystemExit(MISSING) from None


def hand_over(*command: str | Path, variables: Mapping[str, str] | None = None) -> int:
    """Becomes this program where the system can do that, so that signals and exit codes are its own."""
    line = [str(part) for part in command]
    values = {**os.environ, **(variables or {})}
    os.chdir(ROOT)
    sys.stdout.flush()
    sys.stderr.flush()
    if os.name == "posix":
        os.execve(line[0], line, values)  # noqa: S606 - no shell is what is wanted
    return subprocess.run(line, check=False, env=values).returncode


def supervise(*command: str | Path, variables: Mapping[str, str]) -> int:
    """Runs a program as a child, passes SIGINT and SIGTERM on to it, and returns its exit code.

    A child ended by a signal gives 128 and the signal's number, as a shell does.
    """
    child = subprocess.Popen([str(part) for part in command], cwd=ROOT, env={**os.environ, **variables})
    before = {
        number: signal.signal(number, lambda received, _: child.send_signal(received))
        for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        code = child.wait()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    return code if code >= 0 else 128 - code


def run(rest: Sequence[str]) -> int:
    """Starts the console on demo data; without a display, the same demo headless for a minute."""
    display = needs.has_display(os.environ)
    python = prepare(Profile.CONSOLE, Purpose.WINDOW, *(() if display else (Purpose.SCREEN,)))
    command = (python, "-m", "autotask_console", "--demo")
    return hand_over(*command, *rest) if display else _run_headless(command, rest)


def _run_headless(command: Sequence[str | Path], rest: Sequence[str]) -> int:
    folder = Path(tempfile.mkdtemp(prefix="autotask-demo-"))
    parser = argparse.ArgumentParser(prog="dev.py run", add_help=False, allow_abbrev=False)
    parser.add_argument("--demo-seconds", default=str(DEMO_SECONDS))
    parser.add_argument("--screenshot", type=Path, default=folder / "console.png")
    parser.add_argument("--summary", type=Path, default=folder / "summary.json")
    # Data of its own: what is told is what was sent now, whatever an earlier demo left behind.
    parser.add_argument("--data-dir", type=Path, default=folder / "data")
    given, others = parser.parse_known_args(rest)
    print(
        f"There is no display, so the same demo runs on a virtual one for {given.demo_seconds} seconds.\n"
        f"A screenshot and a summary of what was sent will be in {folder}",
        flush=True,
    )
    options = [part for name, value in vars(given).items() for part in (f"--{name.replace('_', '-')}", value)]
    try:
        with screen.virtual_screen() as display:
            variables = {"DISPLAY": display, "QT_QPA_PLATFORM": "xcb"}
            code = supervise(*command, *options, *others, variables=variables)
    except screen.NoScreen as error:
        print(error, file=sys.stderr)
        return MISSING
    if given.summary.exists():
        _print_summary(json.loads(given.summary.read_text(encoding="utf-8")))
    for path in (given.screenshot, given.summary):
        print(f"{path}" if path.exists() else f"The console left no {path.name}.")
    return code


_WORDS = {"completed": "sent", "deferred": "scheduled", "uncertain": "checking", "pending": "waiting"}
"""The console's words for states whose names in the queue are others."""


def _print_summary(facts: Mapping[str, Any]) -> None:
    print(", ".join(f"{facts[word]} {word}" for word in ("sent", "waiting", "failed")))
    for request in facts["requests"]:
        state = request["status"]
        print(f"  {_WORDS.get(state, state):10} {request['summary']}")


def test(rest: Sequence[str]) -> int:
    """Becomes pytest. The linters and type checks are tests too (tests/architecture)."""
    python = prepare(Profile.DEV, Purpose.WINDOW, Purpose.SCREEN, Purpose.TESTS, Purpose.BUNDLE)
    return hand_over(python, "-m", "pytest", *rest)


def bundle_command(python: str | Path, dist: Path, work: Path) -> tuple[str | Path, ...]:
    """Gives the command that builds the bundle into a folder of `dist`, with `work` for what lies between."""
    spec = ROOT / "packaging" / "pyinstaller" / "console.spec"
    folders = ("--distpath", dist, "--workpath", work)
    return (python, "-m", "PyInstaller", "--noconfirm", "--log-level=WARN", *folders, spec)


def bundle(rest: Sequence[str]) -> int:
    """Builds dist/autotask-console with PyInstaller and says how large it is; more arguments go there."""
    python = prepare(Profile.DEV, Purpose.WINDOW, Purpose.BUNDLE)
    command = bundle_command(python, ROOT / "dist", ROOT / "build" / "pyinstaller")
    code = supervise(*command, *rest, variables={})
    built = ROOT / "dist" / "autotask-console"
    if code == 0 and built.exists():
        size = sum(path.lstat().st_size for path in built.rglob("*") if not path.is_dir())
        print(f"{built}: {size / 1e6:.0f} MB")
    return code


def screenshots(rest: Sequence[str]) -> int:
    """Takes the README's pictures with the demo on a virtual screen; another folder may be named."""
    python = prepare(Profile.DEV, Purpose.WINDOW, Purpose.SCREEN, Purpose.TESTS)
    variables = {"PYTHONPATH": str(ROOT / "packaging")}
    return hand_over(python, "-m", "tests.e2e.screenshots", *rest, variables=variables)


def references(rest: Sequence[str]) -> int:
    """Writes the references of library and settings, which are made from the code."""
    python = prepare(Profile.DEV)
    return hand_over(python, ROOT / "packaging" / "references.py", *rest)


def lock(rest: Sequence[str]) -> int:
    """Writes packaging/requirements-*.txt anew; ``--upgrade`` takes the newest versions."""
    if not provide([Purpose.ENVIRONMENT]):
        return MISSING
    try:
        environment.compile_locks(upgrade="--upgrade" in rest)
    except environment.SetupFailed as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def doctor(rest: Sequence[str]) -> int:
    """Says what is there and what is missing; exit code 3 when a library or program is missing."""
    found = checkup.examine()
    print(found.as_json() if "--json" in rest else found.as_text())
    return MISSING if found.missing else 0


COMMANDS = {
    "run": run,
    "test": test,
    "doctor": doctor,
    "bundle": bundle,
    "screenshots": screenshots,
    "references": references,
    "lock": lock,
}


def build_parser() -> argparse.ArgumentParser:
    """Describes the command line; what follows the command belongs to the program that it starts."""
    parser = argparse.ArgumentParser(
        prog="dev.py", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    commands.add_parser(
        "run", help="start the console on demo data; more arguments go to the console", add_help=False
    )
    commands.add_parser("test", help="run every test; more arguments go to pytest", add_help=False)
    for name, text, option, meaning in (
        ("doctor", "say what is there and what is missing", "--json", "for programs"),
        ("lock", "write packaging/requirements-*.txt anew", "--upgrade", "take the newest versions"),
    ):
        commands.add_parser(name, help=text).add_argument(option, action="store_true", help=meaning)
    commands.add_parser("bundle", help="build the program that needs no Python, into dist/", add_help=False)
    commands.add_parser("references", help="write core/API.md and core/CONFIGURATION.md anew", add_help=False)
    commands.add_parser("screenshots", help="take the README's pictures anew", add_help=False)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Does what the command line asks and returns the exit code."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    known, rest = build_parser().parse_known_args(given)
    if known.command in {"doctor", "lock"} and rest:
        build_parser().error(f"unknown arguments: {' '.join(rest)}")
    # Only what stands before the command is ours; what follows goes on unread.
    return COMMANDS[known.command](given[given.index(known.command) + 1 :])


if __name__ == "__main__":
    sys.exit(main())

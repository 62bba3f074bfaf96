"""What a machine needs besides Python, how to find out, and the command that installs it.

Standard library only: this runs before there is an environment. A library is probed by loading it, so one
that is there but lacks a library of its own counts as missing too.
"""

from __future__ import annotations

import ctypes
import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """How the presence of a need is found out."""

    LIBRARY = "library"
    PROGRAM = "program"
    MODULE = "module"


class Purpose(StrEnum):
    """What a need is for; each command of dev.py asks for the purposes it has."""

    ENVIRONMENT = "the Python environment"
    WINDOW = "Qt"
    SCREEN = "a screen where there is none"
    TESTS = "the end-to-end and keyring tests"
    BUNDLE = "building the bundle"


@dataclass(frozen=True, kw_only=True)
class Need:
    """One library, program or module, and the packages that bring it.

    Attributes:
        name: the soname, the program's name or the module's name.
        apt, dnf, pacman: the package in Debian and Ubuntu, in Fedora and its kin, in Arch and its kin.
    """

    kind: Kind
    name: str
    purpose: Purpose
    apt: str
    dnf: str
    pacman: str


def _needs(purpose: Purpose, kind: Kind, *rows: tuple[str, str, str, str]) -> tuple[Need, ...]:
    return tuple(
        Need(kind=kind, name=name, purpose=purpose, apt=apt, dnf=dnf, pacman=pacman)
        for name, apt, dnf, pacman in rows
    )


_PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"

LINUX_NEEDS: tuple[Need, ...] = (
    # Debian keeps what `python3 -m venv` needs in a package of its own.
    *_needs(Purpose.ENVIRONMENT, Kind.MODULE, ("ensurepip", "python3-venv", "python3-libs", "python")),
    # The first six are what QtCore and QtGui link against. The xcb ones are loaded by Qt's xcb plugin, which
    # ends the process with an abort when one is missing.
    *_needs(
        Purpose.WINDOW,
        Kind.LIBRARY,
        ("libEGL.so.1", "libegl1", "libglvnd-egl", "libglvnd"),
        ("libGL.so.1", "libgl1", "libglvnd-glx", "libglvnd"),
        ("libdbus-1.so.3", "libdbus-1-3", "dbus-libs", "dbus"),
        ("libfontconfig.so.1", "libfontconfig1", "fontconfig", "fontconfig"),
        ("libglib-2.0.so.0", "libglib2.0-0", "glib2", "glib2"),
        ("libxkbcommon.so.0", "libxkbcommon0", "libxkbcommon", "libxkbcommon"),
        ("libxkbcommon-x11.so.0", "libxkbcommon-x11-0", "libxkbcommon-x11", "libxkbcommon-x11"),
        ("libxcb-cursor.so.0", "libxcb-cursor0", "xcb-util-cursor", "xcb-util-cursor"),
        ("libxcb-icccm.so.4", "libxcb-icccm4", "xcb-util-wm", "xcb-util-wm"),
        ("libxcb-keysyms.so.1", "libxcb-keysyms1", "xcb-util-keysyms", "xcb-util-keysyms"),
        ("libxcb-shape.so.0", "libxcb-shape0", "libxcb", "libxcb"),
    ),
    *_needs(Purpose.SCREEN, Kind.PROGRAM, ("Xvfb", "xvfb", "xorg-x11-server-Xvfb", "xorg-server-xvfb")),
    *_needs(
        Purpose.TESTS,
        Kind.PROGRAM,
        ("xdotool", "xdotool", "xdotool", "xdotool"),
        ("import", "imagemagick", "ImageMagick", "imagemagick"),
        ("gnome-keyring-daemon", "gnome-keyring", "gnome-keyring", "gnome-keyring"),
        ("dbus-daemon", "dbus-daemon", "dbus-daemon", "dbus"),
    ),
    *_needs(Purpose.BUNDLE, Kind.PROGRAM, ("objdump", "binutils", "binutils", "binutils")),
    # PyInstaller puts the shared libpython into the bundle; Debian's python3 runs without it.
    *_needs(
        Purpose.BUNDLE,
        Kind.LIBRARY,
        (f"libpython{_PYTHON}.so.1.0", f"libpython{_PYTHON}", "python3-libs", "python"),
    ),
)

Probe = Callable[[Need], bool]


def is_present(need: Need) -> bool:
    """Tells whether this machine has it."""
    match need.kind:
        case Kind.PROGRAM:
            return shutil.which(need.name) is not None
        case Kind.MODULE:
            return importlib.util.find_spec(need.name) is not None
        case Kind.LIBRARY:
            try:
                ctypes.CDLL(need.name)
            except OSError:
                return False
            return True


def needs_for(purposes: Iterable[Purpose], *, platform: str = sys.platform) -> tuple[Need, ...]:
    """Lists what these purposes need; nothing outside Linux, where Qt's wheels are complete."""
    wanted = set(purposes)
    return tuple(need for need in LINUX_NEEDS if need.purpose in wanted) if platform == "linux" else ()


def missing_for(purposes: Iterable[Purpose], *, probe: Probe = is_present) -> tuple[Need, ...]:
    """Lists what these purposes need and the probe does not find."""
    return tuple(need for need in needs_for(purposes) if not probe(need))


def has_display(environment: Mapping[str, str], *, platform: str = sys.platform) -> bool:
    """Tells whether a window can be shown; outside Linux it always can."""
    return platform != "linux" or bool(environment.get("DISPLAY") or environment.get("WAYLAND_DISPLAY"))


def _packages(missing: Iterable[Need], manager: str) -> str:
    return " ".join(dict.fromkeys(str(getattr(need, manager)) for need in missing))


def install_commands(missing: Iterable[Need]) -> dict[str, str]:
    """Gives, for each package manager, the command that installs what is missing."""
    needs = tuple(missing)
    return {
        "apt": f"sudo apt-get install --no-install-recommends {_packages(needs, 'apt')}",
        "dnf": f"sudo dnf install {_packages(needs, 'dnf')}",
        "pacman": f"sudo pacman -S --needed {_packages(needs, 'pacman')}",
    }


_SYSTEMS = {"apt": "Debian, Ubuntu", "dnf": "Fedora, RHEL", "pacman": "Arch, Manjaro"}


def explain(missing: Iterable[Need]) -> str:
    """Says what is missing, what it is for and the command for each kind of system."""
    needs = tuple(missing)
    lines = ["This machine lacks something that cannot come from a Python package:", ""]
    for purpose in dict.fromkeys(need.purpose for need in needs):
        names = ", ".join(need.name for need in needs if need.purpose is purpose)
        lines.append(f"  for {purpose}: {names}")
    lines += ["", "Install it, then run the same command again:", ""]
    lines += [f"  {_SYSTEMS[manager]}:\n    {text}" for manager, text in install_commands(needs).items()]
    return "\n".join(lines)


def can_install() -> bool:
    """Tells whether this process may install Debian packages: root, with apt-get at hand."""
    return sys.platform == "linux" and os.geteuid() == 0 and shutil.which("apt-get") is not None


def apt_install(missing: Iterable[Need]) -> int:
    """Installs what is missing with apt-get and returns its exit code; the caller probes again.

    A failed update of the package lists is no reason to stop: the lists that are there may be good enough.
    """
    packages = _packages(missing, "apt").split()
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    subprocess.run(["apt-get", "update", "-qq"], check=False, env=environment, stdin=subprocess.DEVNULL)
    command = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", *packages]
    # What dpkg says about each of a hundred packages is of interest only when it fails.
    done = subprocess.run(
        command, check=False, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True
    )
    if done.returncode:
        print(done.stdout, done.stderr, sep="\n", file=sys.stderr)
    return done.returncode

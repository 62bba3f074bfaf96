"""What this machine and this checkout have, for a person and for a program (``dev.py doctor``)."""

from __future__ import annotations

import json
import os
import platform
import subprocess
from dataclasses import dataclass

import environment
import needs
from environment import Profile
from needs import Need, Purpose

# Runs in the project's environment, which need not be complete.
_ASK_VERSIONS = """
import importlib.metadata as metadata, json, sqlite3
names = "PySide6-Essentials qasync pyqtgraph keyring httpx aiosqlite cryptography sqlcipher3 uv pytest"
found = {name: metadata.version(name) for name in names.split() if any(metadata.distributions(name=name))}
print(json.dumps({**found, "SQLite": sqlite3.sqlite_version}))
"""


@dataclass(frozen=True, kw_only=True)
class Checkup:
    """What was found.

    Attributes:
        display: the display a window would open on, if there is one.
        ready: the profiles (console, dev) that the environment holds as the locks have them now.
        versions: of the packages in the environment that matter most.
        needs: libraries and programs that this system needs; ``missing`` are those it lacks.
    """

    python: str
    system: str
    display: str | None
    ready: tuple[str, ...]
    versions: dict[str, str]
    needs: tuple[Need, ...]
    missing: tuple[Need, ...]

    def as_json(self) -> str:
        """Writes it for a program, with the install commands when something is missing."""
        facts = {
            "python": self.python,
            "system": self.system,
            "display": self.display,
            "environment": {
                "path": str(environment.VENV),
                "ready": list(self.ready),
                "versions": self.versions,
            },
            "present": [need.name for need in self.needs if need not in self.missing],
            "missing": [{"name": need.name, "for": need.purpose.value} for need in self.missing],
            "install": needs.install_commands(self.missing) if self.missing else {},
        }
        return json.dumps(facts, indent=2)

    def as_text(self) -> str:
        """Writes it for a person."""
        state = f"ready for {' and '.join(self.ready)}" if self.ready else "not current; run or test makes it"
        versions = ", ".join(f"{name} {version}" for name, version in self.versions.items())
        lines = [
            f"Python       {self.python} on {self.system}",
            f"Display      {self.display or 'none; run and test use a virtual one'}",
            f"Environment  {environment.VENV}: {state}",
            f"Packages     {versions or 'none yet'}",
        ]
        for need in self.needs:
            verdict = "MISSING" if need in self.missing else "ok"
            lines.append(f"  {verdict:8} {need.name:28} for {need.purpose}")
        if self.missing:
            lines += ["", needs.explain(self.missing)]
        return "\n".join(lines)


def examine() -> Checkup:
    """Looks at this machine and this checkout; changes nothing."""
    return Checkup(
        python=platform.python_version(),
        system=platform.platform(),
        display=os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY") or None,
        ready=tuple(profile.value for profile in Profile if environment.is_current(profile)),
        versions=_versions(),
        needs=needs.needs_for(Purpose),
        missing=needs.missing_for(Purpose),
    )


def _versions() -> dict[str, str]:
    command = [str(environment.venv_program("python")), "-c", _ASK_VERSIONS]
    try:
        done = subprocess.run(command, check=True, capture_output=True, text=True, encoding="utf-8")
    except (OSError, subprocess.CalledProcessError):
        return {}
    found: dict[str, str] = json.loads(done.stdout)
    return found

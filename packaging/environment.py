"""The project's virtual environment: made once from the hashed locks, then found again by its stamp.

uv does the work, itself installed from a hashed lock with the pip of the new environment; where uv does not
run, pip installs the same lock. Hashes are checked either way. The package index is the machine's own affair:
what pip is configured to use is handed on to uv, and nothing of it is written down.
"""

from __future__ import annotations

import ast
import hashlib
import json
import os
import subprocess
import sys
import sysconfig
import tomllib
from collections.abc import Iterable, Mapping
from enum import StrEnum
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
STAMP = VENV / "autotask-queue-stamp.json"


class Profile(StrEnum):
    """Which lock an environment is made from; ``dev`` holds everything that ``console`` holds."""

    CONSOLE = "console"
    DEV = "dev"


class SetupFailed(Exception):
    """The environment could not be made; the text says what to do."""


def lock_path(name: str) -> Path:
    """Gives the path of a lock: ``console``, ``dev`` or ``tools``."""
    return ROOT / "packaging" / f"requirements-{name}.txt"


def venv_program(name: str) -> Path:
    """Gives the path of a program of the environment, whether it is there or not."""
    return VENV / ("Scripts" if os.name == "nt" else "bin") / (f"{name}.exe" if os.name == "nt" else name)


def uv_settings(pip_config: str, environment: Mapping[str, str]) -> dict[str, str]:
    """Translates pip's configuration into the environment variables that tell uv the same.

    Args:
        pip_config: what ``pip config list`` prints, a line ``section.key='value'`` each.
        environment: the caller's environment; a variable of uv's that is already set there is left as it is.
    """
    values: dict[str, str] = {}
    # pip's own precedence: a command's section over [global], the environment over both.
    for section in ("global.", "install.", ":env:."):
        for line in pip_config.splitlines():
            name, _, value = line.partition("=")
            if name.startswith(section) and value:
                values[name.removeprefix(section)] = str(ast.literal_eval(value))
    settings = {"UV_PYTHON_DOWNLOADS": "never", "UV_NO_PROGRESS": "1"}
    for key, variable, separator in (
        ("index-url", "UV_DEFAULT_INDEX", " "),
        ("extra-index-url", "UV_INDEX", " "),
        ("find-links", "UV_FIND_LINKS", ","),
        ("trusted-host", "UV_INSECURE_HOST", " "),
        ("cert", "SSL_CERT_FILE", " "),
        ("proxy", "ALL_PROXY", " "),
        ("default-timeout", "UV_HTTP_TIMEOUT", " "),
        ("timeout", "UV_HTTP_TIMEOUT", " "),
    ):
        if key in values:
            settings[variable] = separator.join(values[key].split())
    if values.get("no-index", "").lower() in {"1", "true", "yes", "on"}:
        settings["UV_NO_INDEX"] = "1"
    if "UV_INDEX" in settings:
        # pip takes the best match of all indexes, uv the first index that knows the name. With every file
        # pinned by its hash there is no confusion to fear from pip's way.
        settings["UV_INDEX_STRATEGY"] = "unsafe-best-match"
    return {name: value for name, value in settings.items() if name not in environment}


def fingerprint(profile: Profile) -> dict[str, str]:
    """Says what an environment of this profile is made of; an equal stamp means it is up to date."""
    parts = {
        "profile": profile.value,
        "python": f"{sysconfig.get_platform()} {sys.implementation.cache_tag}",
        "root": str(ROOT),
    }
    for name in (profile.value, "tools"):
        parts[f"lock {name}"] = hashlib.sha256(lock_path(name).read_bytes()).hexdigest()
    # Scripts, entry points and source roots are written down when the project is installed.
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    installed = json.dumps([settings["project"], settings["tool"]["hatch"]])
    parts["project"] = hashlib.sha256(installed.encode()).hexdigest()
    return parts


def _read_stamp() -> dict[str, str]:
    try:
        stamp = json.loads(STAMP.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return stamp if isinstance(stamp, dict) else {}


def is_current(profile: Profile) -> bool:
    """Tells whether the environment is there and holds at least this profile, as the locks have it now."""
    stamp = _read_stamp()
    return venv_program("python").exists() and any(
        stamp == fingerprint(candidate) for candidate in {profile, Profile.DEV}
    )


def was_moved() -> bool:
    """Tells whether the environment was made at another place: the programs in it then start nothing."""
    return _read_stamp().get("root", str(ROOT)) != str(ROOT)


def ensure(profile: Profile) -> Path:
    """Makes the environment if it is not there or not current, and gives the path of its Python.

    Raises:
        SetupFailed: with what went wrong and what to do.
    """
    python = venv_program("python")
    if is_current(profile):
        return python
    _say(f"Preparing the Python environment in {VENV} (once; some 300 MB are downloaded) …")
    usable = _is_usable(python) and not was_moved()
    STAMP.unlink(missing_ok=True)
    if not usable:
        _make_venv()
    if not (_sync_with_uv(python, profile) or _sync_with_pip(python, profile)):
        raise SetupFailed(
            "The packages could not be installed; the lines above say why. The first time needs a network. "
            "Behind a proxy, or with a package index of your own, configure pip as usual (pip config): "
            "what pip uses is used here."
        )
    STAMP.write_text(json.dumps(fingerprint(profile), indent=1), encoding="utf-8")
    return python


# A folder or a second index may hold a file for this machine alone; a lock needs the hashes for all.
_PARTIAL_SOURCES = ("UV_INDEX", "UV_EXTRA_INDEX_URL", "UV_FIND_LINKS", "UV_INDEX_STRATEGY")


def compile_locks(*, upgrade: bool) -> None:
    """Writes the locks anew from pyproject.toml, for every supported Python and system at once.

    Raises:
        SetupFailed: when uv cannot resolve them.
    """
    python = venv_program("python")
    if not _is_usable(python):
        _make_venv()
    if not _bootstrap(python):
        raise SetupFailed("uv is needed to make the locks and could not be installed; see the lines above.")
    console = ("pyproject.toml", "--extra", "console", "--extra", "demo", "--group", "tools")
    sources = {
        "dev": ("pyproject.toml", "--extra", "all", "--group", "dev"),
        # The smaller ones are cut out of the largest, so that a package has one version in all.
        "console": (*console, "--constraints", str(lock_path("dev"))),
        "tools": ("--group", "tools", "--constraints", str(lock_path("dev"))),
    }
    for name, source in sources.items():
        # --no-emit-... is the default; it is written out because an address in a lock would be a leak.
        options = (
            "--universal", "--python-version=3.11", "--generate-hashes", "--no-annotate",
            "--no-emit-index-url", "--no-emit-find-links", "--no-sources", "--quiet",
            "--custom-compile-command=python3 packaging/dev.py lock", f"--output-file={lock_path(name)}",
        )  # fmt: skip
        command = ["pip", "compile", *source, *options, *(["--upgrade"] if upgrade else [])]
        if not _uv(python, *command, without=_PARTIAL_SOURCES):
            raise SetupFailed("The locks could not be made; uv's lines above say why.")
        _say(f"wrote {lock_path(name).relative_to(ROOT)}")


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _run(*command: str | Path, environment: Mapping[str, str] | None = None) -> bool:
    try:
        # stdout carries only what was asked for (doctor --json), so what installers say goes to stderr.
        done = subprocess.run(command, check=False, cwd=ROOT, env=environment, stdout=sys.stderr)
    except OSError as error:
        _say(f"{command[0]}: {error}")
        return False
    return done.returncode == 0


def _is_usable(python: Path) -> bool:
    """Tells whether an environment that is already there runs, and on the Python that runs this."""
    probe = "import sys; print(*sys.version_info[:2])"
    try:
        done = subprocess.run(
            [python, "-c", probe], check=False, capture_output=True, text=True, encoding="utf-8"
        )
    except OSError:
        return False
    return done.stdout.split() == [str(part) for part in sys.version_info[:2]]


def _make_venv() -> None:
    if VENV.exists():
        _say(f"{VENV} was made by another Python or at another place; it is made anew.")
    if not _run(sys.executable, "-m", "venv", "--clear", VENV):
        raise SetupFailed(
            f"Python could not make the environment in {VENV}. On Debian and Ubuntu, install python3-venv."
        )


def _has_pip(python: Path) -> bool:
    quiet = subprocess.run([python, "-m", "pip", "--version"], check=False, capture_output=True)
    return quiet.returncode == 0 or _run(python, "-m", "ensurepip", "--default-pip")


def _pip(python: Path, *arguments: str | Path) -> bool:
    # Twice quiet: errors only.
    options = ("--disable-pip-version-check", "--quiet", "--quiet")
    return _has_pip(python) and _run(python, "-m", "pip", *options, *arguments)


def _uv(python: Path, *arguments: str | Path, without: Iterable[str] = ()) -> bool:
    listed = subprocess.run(
        [python, "-m", "pip", "config", "list"], check=False, capture_output=True, text=True, encoding="utf-8"
    )
    environment = {**os.environ, **uv_settings(listed.stdout, os.environ), "VIRTUAL_ENV": str(VENV)}
    for name in without:
        environment.pop(name, None)
    return _run(venv_program("uv"), *arguments, environment=environment)


_PROJECT = ("--no-deps", "--no-build-isolation", "-e", ROOT)


def _bootstrap(python: Path) -> bool:
    return _pip(python, "install", "--require-hashes", "-r", lock_path("tools"))


def _sync_with_uv(python: Path, profile: Profile) -> bool:
    quiet = ("--quiet", "--python", python)
    return (
        _bootstrap(python)
        and _uv(python, "pip", "sync", *quiet, "--require-hashes", lock_path(profile))
        and _uv(python, "pip", "install", *quiet, *_PROJECT)
    )


def _sync_with_pip(python: Path, profile: Profile) -> bool:
    _say("uv did not do it; trying the same with pip (slower) …")
    return _pip(python, "install", "--require-hashes", "-r", lock_path(profile)) and _pip(
        python, "install", *_PROJECT
    )

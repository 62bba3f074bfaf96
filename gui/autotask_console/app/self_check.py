"""What this installation holds and whether it works, as JSON: run by the tests on the bundle, and by support.

Each part is used, not only looked for: plugins are loaded, a picture is drawn, a database is opened, the
simulator is started and asked. Nothing of the person's is touched, and no keychain is asked for anything.
"""

from __future__ import annotations

import asyncio
import importlib
import platform
import sqlite3
import ssl
import subprocess
import sys
import tempfile
from collections.abc import Callable
from importlib import resources
from pathlib import Path
from typing import Any

from autotask_queue import QueueError, __version__, load_catalogue

_PLUGINS = (
    "iconengines", "imageformats", "platforminputcontexts", "platforms", "platformthemes", "styles",
    "wayland-shell-integration", "xcbglintegrations",
)  # fmt: skip
"""The kinds of Qt plugins that the program can come to use."""
_PLATFORMS = {"win32": "qwindows", "darwin": "qcocoa"}
"""Qt's plugin for windows on each system; qxcb elsewhere."""
_PATIENCE = 30.0
"""Seconds that a program started for a check may take."""


def self_check() -> dict[str, Any]:
    """Checks each part on its own; `ok` is False if one of them is missing or broken.

    It is the main program of its process: it makes the QApplication.
    """
    from PySide6.QtWidgets import QApplication

    app = QApplication([sys.argv[0], "-platform", "offscreen"])
    parts = {name: _checked(check) for name, check in _CHECKS.items()}
    app.shutdown()
    return {
        "version": __version__,
        "frozen": bool(getattr(sys, "frozen", False)),
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "ok": all(part["ok"] for part in parts.values()),
        "parts": parts,
    }


def _checked(check: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    foreseen = (ImportError, OSError, ValueError, LookupError, AttributeError, RuntimeError, TypeError)
    try:
        return {"ok": True, **check()}
    except (*foreseen, sqlite3.Error, subprocess.SubprocessError, QueueError) as error:
        return {"ok": False, "error": f"{type(error).__name__}: {error}"}


def _qt() -> dict[str, Any]:
    """Loads the plugins; one that this system lacks a library for is named with Qt's reason."""
    from PySide6.QtCore import QLibrary, QLibraryInfo, QPluginLoader, qVersion

    folder = Path(QLibraryInfo.path(QLibraryInfo.LibraryPath.PluginsPath))
    plugins: dict[str, list[str]] = {}
    unusable: dict[str, str] = {}
    libraries = [path for kind in _PLUGINS for path in sorted((folder / kind).glob("*"))]
    for path in (path for path in libraries if QLibrary.isLibrary(path.name)):
        name = path.stem.removeprefix("lib")
        loader = QPluginLoader(str(path))
        if loader.load():
            plugins.setdefault(path.parent.name, []).append(name)
        else:
            unusable[f"{path.parent.name}/{name}"] = loader.errorString()
    needed = {_PLATFORMS.get(sys.platform, "qxcb"), "qoffscreen"}
    if missing := needed - set(plugins.get("platforms", ())):
        raise LookupError(f"no plugin for {', '.join(sorted(missing))} in {folder}: {unusable}")
    return {"version": qVersion(), "plugins": plugins, "unusable": unusable}


def _drawing() -> dict[str, Any]:
    """Draws the program's icon, text in the bundled font, and a chart; blank pictures are errors."""
    from autotask_console.platform.fonts import add_bundled
    from autotask_console.platform.icons import window_icon
    from autotask_console.platform.theme import load
    from autotask_console.text import Tone
    from autotask_console.widgets.chart import Chart, Line

    fonts = add_bundled()
    if len(set(fonts)) < 2:  # one for text and one for code
        raise LookupError(f"the bundled fonts were not taken, only {fonts}")
    palettes = {name: load(name).window.name() for name in ("light", "dark")}
    chart = Chart([Line(name="check", tone=Tone.GOOD)], name="self-check")
    chart.resize(320, 200)
    chart.show_range(0, 3)
    chart.show_series([0, 1, 2, 3], [[1, 4, 2, 3]])
    pictures = {"icon": window_icon().pixmap(64, 64).toImage(), "chart": chart.grab().toImage()}
    colours = {
        name: len({image.pixel(x, y) for x in range(image.width()) for y in range(image.height())})
        for name, image in pictures.items()
    }
    if blank := [name for name, count in colours.items() if count < 2]:
        raise LookupError(f"nothing was drawn: {', '.join(blank)}")
    return {"fonts": fonts, "palettes": palettes, "colours": colours}


def _tls() -> dict[str, Any]:
    import certifi
    import truststore

    system = len(ssl.create_default_context().get_ca_certs())
    own = len(ssl.create_default_context(cafile=certifi.where()).get_ca_certs())
    if not own:
        raise LookupError("certifi's certificates were not found")
    return {
        "version": ssl.OPENSSL_VERSION,
        "truststore": truststore.__version__,
        "roots": {"system": system, "certifi": own},
    }


def _sqlite() -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        connection = sqlite3.connect(Path(folder) / "check.db")
        try:
            mode = connection.execute("PRAGMA journal_mode=WAL").fetchone()[0]
        finally:
            connection.close()
    if mode != "wal":
        raise LookupError(f"write-ahead log not available, but {mode}")
    return {"version": sqlite3.sqlite_version, "journal_mode": mode}


def _resources() -> dict[str, Any]:
    root = resources.files("autotask_resources")
    counts = {
        kind: sum(1 for item in root.joinpath(kind).iterdir() if item.is_file() and item.read_bytes())
        for kind in ("icons", "palettes", "fonts", "catalogue")
    }
    if not all(counts.values()):
        raise LookupError(f"missing resources: {counts}")
    return {"counts": counts}


def _catalogue() -> dict[str, Any]:
    return {"entities": sum(1 for _ in load_catalogue())}


def _keychains() -> dict[str, Any]:
    """Which keychain backends can be loaded."""
    from autotask_console.platform.keychain import loadable

    names = loadable()
    if not names:
        raise LookupError("no keychain backend can be loaded")
    return {"loadable": names}


def _modules() -> dict[str, Any]:
    """Imported only when first needed, so that a start would not miss them."""
    names = (
        "PySide6.QtNetwork",
        "cryptography",
        "httpx",
        "keyring",
        "numpy",
        "pyqtgraph",
        "qasync",
        "tomlkit",
    )
    return {"versions": {n: str(getattr(importlib.import_module(n), "__version__", "")) for n in names}}


def _command_line() -> dict[str, Any]:
    from autotask_console.app.demo import queue_program

    command = [*queue_program(), "--version"]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=_PATIENCE, check=False, stdin=subprocess.DEVNULL
    )
    said = (done.stdout or done.stderr).strip()
    if done.returncode != 0 or __version__ not in said.split():
        raise LookupError(f"{command[0]} answered {done.returncode}: {said}")
    return {"said": said}


def _simulator() -> dict[str, Any]:
    """Starts it as the demo does, on loopback, sees it answer, and ends it."""
    from autotask_console.app.demo import find_or_start, stop

    async def start_and_stop(folder: Path) -> None:
        await stop(await find_or_start(folder))

    # On Windows the log is still open for a moment after the end.
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        asyncio.run(start_and_stop(Path(folder)))
    return {}


_CHECKS: dict[str, Callable[[], dict[str, Any]]] = {
    "qt": _qt,
    "drawing": _drawing,
    "tls": _tls,
    "sqlite": _sqlite,
    "resources": _resources,
    "catalogue": _catalogue,
    "keychains": _keychains,
    "modules": _modules,
    "command_line": _command_line,
    "simulator": _simulator,
}

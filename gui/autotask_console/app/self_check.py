"""What this installation holds, as JSON: run by the tests on the bundle, and by support."""

from __future__ import annotations

import importlib
import platform
import sqlite3
import ssl
import sys
import tempfile
from collections.abc import Callable
from importlib import resources
from pathlib import Path
from typing import Any

from autotask_queue import __version__, load_catalogue


def self_check() -> dict[str, Any]:
    """Checks each part on its own; `ok` is False if one of them is missing or broken."""
    parts: dict[str, dict[str, Any]] = {}
    for name, check in _CHECKS.items():
        try:
            parts[name] = {"ok": True, **check()}
        except (
            ImportError,
            OSError,
            ValueError,
            LookupError,
            AttributeError,
            RuntimeError,
            sqlite3.Error,
        ) as error:
            parts[name] = {"ok": False, "error": f"{type(error).__name__}: {error}"}
    return {
        "version": __version__,
        "frozen": bool(getattr(sys, "frozen", False)),
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "ok": all(part["ok"] for part in parts.values()),
        "parts": parts,
    }


def _qt() -> dict[str, Any]:
    from PySide6.QtCore import QLibraryInfo, qVersion

    plugins = Path(QLibraryInfo.path(QLibraryInfo.LibraryPath.PluginsPath))
    platforms = sorted(p.stem for p in (plugins / "platforms").glob("*q*"))
    if not platforms:
        raise LookupError(f"no platform plugins in {plugins}")
    importlib.import_module("PySide6.QtSvg")
    importlib.import_module("PySide6.QtNetwork")
    return {"version": qVersion(), "platforms": platforms}


def _ssl() -> dict[str, Any]:
    return {"version": ssl.OPENSSL_VERSION, "roots": len(ssl.create_default_context().get_ca_certs())}


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
    found = {
        kind: sorted(item.name for item in root.joinpath(kind).iterdir())
        for kind in ("icons", "palettes", "fonts")
    }
    if any(not names for names in found.values()):
        raise LookupError(f"missing resources: {found}")
    return {"counts": {kind: len(names) for kind, names in found.items()}}


def _catalogue() -> dict[str, Any]:
    return {"entities": sum(1 for _ in load_catalogue())}


def _modules(*names: str) -> Callable[[], dict[str, Any]]:
    def check() -> dict[str, Any]:
        return {"modules": {n: str(getattr(importlib.import_module(n), "__version__", "")) for n in names}}

    return check


def _keychains() -> dict[str, Any]:
    """Which keychain backends can be loaded; none is asked for anything."""
    from autotask_console.platform.keychain import loadable

    return {"loadable": loadable()}


_CHECKS: dict[str, Callable[[], dict[str, Any]]] = {
    "qt": _qt,
    "ssl": _ssl,
    "sqlite": _sqlite,
    "resources": _resources,
    "catalogue": _catalogue,
    "keychains": _keychains,
    "charts": _modules("numpy", "pyqtgraph", "autotask_console.widgets.chart"),
    "http": _modules("httpx", "truststore"),
    "simulator": _modules("starlette", "uvicorn", "autotask_queue.simulator.server"),
}

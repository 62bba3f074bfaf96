"""What goes into the bundle and what stays out, as rules on names, so that a test can try them.

Left out is only what no part of the program can reach. Kept although it looks idle: pydoc, pyqtgraph's
multiprocess and libQt6Test, which pyqtgraph loads when it is imported.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path, PurePosixPath

Entry = tuple[str, str, str]
"""PyInstaller's own shape: the name in the bundle, the file it comes from, the kind."""

Links = Callable[[str], Iterable[str]]

EXCLUDED_MODULES = (
    "tkinter", "_tkinter", "lib2to3", "ensurepip", "idlelib", "pip", "setuptools",
    "IPython", "matplotlib", "PyQt5", "PyQt6", "PySide2", "scipy",
    "PySide6.QtQml", "PySide6.QtQuick", "PySide6.QtQuickWidgets", "PySide6.QtDesigner", "PySide6.QtHelp",
    "PySide6.QtSql", "PySide6.QtUiTools",
    "pyqtgraph.examples", "pyqtgraph.opengl", "pyqtgraph.jupyter",
    "numpy.f2py", "numpy.random", "numpy.testing",  # numpy loads them when somebody asks, and nobody does
    "httpx._main",  # httpx's own command line; the window would carry rich and click for it
    "pygments",  # rich colours source code with it, which the command line never shows
    "readline",  # GPL, and nobody types at a Python prompt here
)  # fmt: skip
"""Python modules that a hook or a guarded import would bring in."""

HIDDEN_IMPORTS = (
    # keyring finds its backends through metadata. Only those that platform/keychain.py allows, and the two
    # that say that there is none.
    "keyring.backends.SecretService", "keyring.backends.kwallet", "keyring.backends.libsecret",
    "keyring.backends.Windows", "keyring.backends.macOS", "keyring.backends.macOS.api",
    "keyring.backends.fail", "keyring.backends.null", "keyring.backends.chainer",
    "anyio._backends._asyncio",  # httpx chooses it by name
    "autotask_resources",  # read as files; without its module it is a namespace, which is read differently
)  # fmt: skip
"""Modules that are imported by a name made at run time."""

SERVER_IMPORTS = ("uvicorn.lifespan.on", "uvicorn.loops.asyncio", "uvicorn.protocols.http.h11_impl")
"""The same, for the simulator."""

LANGUAGES = ("de", "en", "es", "nl")
"""Languages whose texts of Qt's own (dialog buttons, context menus) are kept."""

_USELESS_PLUGINS = (
    # Whole folders: no SQL through Qt, no QML, no screens without a window system, no touch-screen drivers,
    # and no TLS: of QtNetwork only local sockets are used, HTTP is httpx's.
    "designer", "egldeviceintegrations", "generic", "qmllint", "qmltooling", "sqldrivers", "tls",
    "vectorimageformats", "wayland-graphics-integration-server",
    # Single files, by the beginning of their names. GTK's theme would drag in the build machine's GTK, which
    # must not meet that of the desktop; file dialogs come from the desktop through its portal.
    # Pictures are SVG (icons), ICO and ICNS (the program's own on Windows and macOS) and PNG (built in).
    "imageformats/libqgif", "imageformats/libqjpeg", "imageformats/libqpdf", "imageformats/libqtga",
    "imageformats/libqtiff", "imageformats/libqwbmp", "imageformats/libqwebp",
    "platforminputcontexts/libqtvirtualkeyboard", "platforms/libqeglfs",
    "platforms/libqlinuxfb", "platforms/libqminimalegl", "platforms/libqvkkhrdisplay", "platforms/libqvnc",
    "platformthemes/libqgtk3",
)  # fmt: skip
"""Qt plugins that nothing in the program asks for; the libraries that only they need go with them."""

# Unstripped as built. numpy's own libraries must not be touched: stripped, they no longer load.
_STRIPPED = ("libpython", "python3.", "lib-dynload/", "sqlcipher3/", "cryptography/")


def is_wanted(name: str) -> bool:
    """Tells whether a file, by its name in the bundle, is of any use to the program."""
    path = PurePosixPath(name.replace("\\", "/"))
    if "qml" in path.parts or path.is_relative_to("pyqtgraph/icons/peegee"):
        return False
    if "plugins" in path.parts:
        return not "/".join(path.parts[path.parts.index("plugins") + 1 :]).startswith(_USELESS_PLUGINS)
    if "translations" in path.parts and path.suffix == ".qm":
        # qtbase_* holds what widgets say; the other catalogues belong to programs that are not here.
        return path.stem in {f"qtbase_{language}" for language in LANGUAGES}
    return True


def wanted(entries: Iterable[Entry], links: Links) -> list[Entry]:
    """Gives the entries that are of use: without the useless ones and without what only those link against.

    A library that nothing links against stays, because somebody may load it by its name.

    Args:
        entries: what PyInstaller collected.
        links: gives the file names of the libraries that a file is linked against.
    """
    everything = list(entries)
    kept = [entry for entry in everything if is_wanted(entry[0])]
    dropped = [entry for entry in everything if not is_wanted(entry[0])]
    libraries = {PurePosixPath(name).name: source for name, source, kind in everything if kind != "SYMLINK"}
    useless = _reach(dropped, libraries, links) - _reach(
        [entry for entry in kept if not _is_shared_library(entry)], libraries, links
    )
    # PyInstaller sets links to libraries beside the programs; a link goes where its library goes.
    there = {PurePosixPath(name).name for name, _, kind in kept if kind != "SYMLINK"} - useless
    return [entry for entry in kept if PurePosixPath(entry[0]).name in there]


def _is_shared_library(entry: Entry) -> bool:
    """Tells a library, there for others, from a plugin or an extension module, there for itself."""
    name, _, kind = entry
    return kind == "BINARY" and "plugins" not in PurePosixPath(name).parts


def _reach(entries: Iterable[Entry], libraries: Mapping[str, str], links: Links) -> set[str]:
    reached: set[str] = set()
    waiting = [source for _, source, kind in entries if kind in {"BINARY", "EXTENSION"}]
    while waiting:
        for name in links(waiting.pop()):
            if name in libraries and name not in reached:
                reached.add(name)
                waiting.append(libraries[name])
    return reached


def is_stripped(name: str) -> bool:
    """Tells whether the symbols of this library may go, which nothing at run time reads."""
    return name.replace("\\", "/").startswith(_STRIPPED)


def stripped(entries: Iterable[Entry], folder: Path) -> list[Entry]:
    """Gives the entries with copies in place of those libraries that may be stripped, without their symbols.

    Where there is no ``strip``, everything stays as it is.
    """
    program = shutil.which("strip")
    if program is None:
        return list(entries)
    done: list[Entry] = []
    for name, source, kind in entries:
        if not is_stripped(name) or kind not in {"BINARY", "EXTENSION"}:
            done.append((name, source, kind))
            continue
        copy = folder / name
        copy.parent.mkdir(parents=True, exist_ok=True)
        subprocess.run([program, "--strip-unneeded", "-o", copy, source], check=True)
        done.append((name, str(copy), kind))
    return done

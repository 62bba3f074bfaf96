"""What the bundle's recipe keeps and leaves out, on a made-up collection."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterable
from pathlib import Path

import contents
import pytest

LIB = "PySide6/Qt/lib/"
PLUGINS = "PySide6/Qt/plugins/"


@pytest.mark.parametrize(
    "name",
    [
        PLUGINS + "platforms/libqxcb.so",
        PLUGINS + "platforms/libqwayland.so",
        PLUGINS + "platforms/libqoffscreen.so",
        PLUGINS + "imageformats/libqsvg.so",
        PLUGINS + "platformthemes/libqxdgdesktopportal.so",
        PLUGINS + "imageformats/libqico.so",
        "PySide6/Qt/translations/qtbase_de.qm",
        LIB + "libQt6Test.so.6",
        "autotask_resources/palettes/dark.toml",
    ],
)
def test_kept(name: str) -> None:
    assert contents.is_wanted(name)


@pytest.mark.parametrize(
    "name",
    [
        PLUGINS + "platforms/libqeglfs.so",
        PLUGINS + "sqldrivers/libqsqlite.so",
        PLUGINS + "platformthemes/libqgtk3.so",
        PLUGINS + "tls/libqopensslbackend.so",
        PLUGINS + "imageformats/libqtiff.so",
        "pyqtgraph/icons/peegee/peegee.svg",
        PLUGINS.replace("/", "\\") + "sqldrivers\\qsqlite.dll",
        "PySide6/Qt/qml/QtQuick/libqtquick2plugin.so",
        "PySide6/Qt/translations/qtbase_fr.qm",
        "PySide6/Qt/translations/designer_de.qm",
    ],
)
def test_left_out(name: str) -> None:
    assert not contents.is_wanted(name)


def links(path: str) -> Iterable[str]:
    """What each file of the made-up system is linked against."""
    return {
        "/qt/libqgtk3.so": ["libgtk-3.so.0", "libQt6Gui.so.6"],
        "/lib/libgtk-3.so.0": ["libcairo.so.2", "libglib-2.0.so.0"],
        "/qt/libQt6Gui.so.6": ["libglib-2.0.so.0"],
        "/py/QtGui.so": ["libQt6Gui.so.6"],
    }.get(path, [])


def test_a_library_goes_with_the_last_that_needs_it() -> None:
    entries = [
        (PLUGINS + "platformthemes/libqgtk3.so", "/qt/libqgtk3.so", "BINARY"),
        ("libgtk-3.so.0", "/lib/libgtk-3.so.0", "BINARY"),
        ("libcairo.so.2", "/lib/libcairo.so.2", "BINARY"),
        ("libglib-2.0.so.0", "/lib/libglib-2.0.so.0", "BINARY"),
        (LIB + "libQt6Gui.so.6", "/qt/libQt6Gui.so.6", "BINARY"),
        ("libQt6Gui.so.6", LIB + "libQt6Gui.so.6", "SYMLINK"),
        ("libloaded-by-name.so.1", "/lib/libloaded-by-name.so.1", "BINARY"),
        ("PySide6/QtGui.abi3.so", "/py/QtGui.so", "EXTENSION"),
        ("autotask_resources/a.json", "/res/a.json", "DATA"),
        ("libcairo-link.so", "libcairo.so.2", "DATA"),
    ]

    kept = [name for name, _, _ in contents.wanted(entries, links)]

    assert kept == [
        "libglib-2.0.so.0",
        LIB + "libQt6Gui.so.6",
        "libQt6Gui.so.6",
        "libloaded-by-name.so.1",
        "PySide6/QtGui.abi3.so",
        "autotask_resources/a.json",
        "libcairo-link.so",
    ]


def test_a_link_goes_with_its_library() -> None:
    entries = [
        (PLUGINS + "platforms/libqvnc.so", "/qt/libqvnc.so", "BINARY"),
        ("libqvnc.so", PLUGINS + "platforms/libqvnc.so", "SYMLINK"),
    ]

    assert contents.wanted(entries, links) == []


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("libpython3.11.so.1.0", True),
        ("python3.11/lib-dynload/_ssl.so", True),
        ("sqlcipher3/_sqlite3.so", True),
        ("numpy.libs/libscipy_openblas64_.so", False),
        ("numpy/_core/_multiarray_umath.so", False),
        (LIB + "libQt6Core.so.6", False),
    ],
)
def test_only_what_still_loads_is_stripped(name: str, expected: bool) -> None:
    assert contents.is_stripped(name) is expected


@pytest.mark.skipif(sys.platform != "linux" or not shutil.which("strip"), reason="strip is Linux's")
def test_stripping_changes_a_copy_and_never_the_original(tmp_path: Path) -> None:
    original = Path("/proc/self/exe").resolve()
    before = original.stat()
    entries = [("libpython3.so", str(original), "BINARY"), ("other.so", str(original), "BINARY")]

    (name, copy, kind), untouched = contents.stripped(entries, tmp_path)

    assert (name, kind, untouched) == ("libpython3.so", "BINARY", entries[1])
    assert Path(copy).is_relative_to(tmp_path)
    assert Path(copy).stat().st_size <= before.st_size
    assert original.stat().st_mtime == before.st_mtime

"""Widgets and coroutines together: one Runner on the real qasync loop, and services with a real queue."""

from __future__ import annotations

import asyncio
import gc
import tempfile
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any, TypeVar

import pytest
from PySide6.QtWidgets import QApplication
from tests.support.keyring import private_keyring, require_keyring

from autotask_console.platform.theme import Theme
from autotask_console.runtime.loop import Loop

T = TypeVar("T")
Run = Callable[[Coroutine[Any, Any, T]], T]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Lets Qt's platform without a display say what it cannot do: raise windows, grab keys."""
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.qt_log_ignore("^This plugin does not support ", extend=True))


@pytest.fixture(autouse=True)
def _garbage_is_collected_here() -> Iterator[None]:
    """Widgets in reference cycles end in the thread that collects them, and must not end in a worker."""
    gc.disable()
    yield
    gc.collect(1)
    gc.enable()


@pytest.fixture
def run(qapp: QApplication) -> Iterator[Run[Any]]:
    """Runs a coroutine on the loop that the console uses; several times, if wanted."""
    with asyncio.Runner(loop_factory=lambda: Loop(qapp)) as runner:
        yield runner.run


@pytest.fixture
def theme(qapp: QApplication) -> Iterator[Theme]:
    """Our light palette on the application; the earlier one comes back."""
    before, style = qapp.palette(), qapp.style().objectName()
    made = Theme(qapp, "light")
    yield made
    made.deleteLater()
    qapp.setStyle(style)
    qapp.setPalette(before)


@pytest.fixture
def settings_file(tmp_path: Path) -> Path:
    return tmp_path / "config.toml"


@pytest.fixture(scope="session")
def keychain() -> Iterator[dict[str, str]]:
    """The environment of a real keychain, for programs that are started."""
    require_keyring()
    with tempfile.TemporaryDirectory(prefix="keys-") as home, private_keyring(Path(home)) as environment:
        yield environment

"""The house rules hold in every module, and each of them finds what it is there to find."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from tests.architecture import rules
from tests.architecture.source import CONSOLE, CORE, Source, parse, sources

Rule = Callable[[Source], Iterator[str]]

MOST_LINES = 400
MOST_FUNCTION_LINES = 60

# A smell and no law: what is longer stands here with the reason why cutting it would not make it clearer.
LONG_FILES: dict[str, str] = {
    "core/autotask_queue/__init__.py": "the public names, one in a line",
    "core/autotask_queue/manager.py": "the one front door: every public command with its documentation",
    "core/autotask_queue/store/ledger.py": "what the changes of one request mean for others, which all meet",
    "core/autotask_queue/ports.py": "the contracts of all parts in one place; half of it says what must hold",
}
LONG_FUNCTIONS: dict[str, str] = {
    "core/autotask_queue/engine/intake.py::build_request": "every option of a request, as a stored field",
}


@pytest.mark.parametrize(
    "rule", [rules.banned_calls, rules.bare_tasks, rules.blanket_handlers, rules.strangers]
)
def test_rule_holds_everywhere(rule: Rule) -> None:
    found = [text for source in sources() for text in rule(source)]

    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    ("rule", "path", "text"),
    [
        (rules.banned_calls, CONSOLE + "window.py", "dialog.exec()"),
        (rules.banned_calls, CONSOLE + "window.py", "menu.exec_(position)"),
        (rules.banned_calls, CONSOLE + "window.py", "QApplication.processEvents()"),
        (rules.banned_calls, CONSOLE + "window.py", "app = QtWidgets.QApplication.instance()"),
        (rules.banned_calls, CONSOLE + "window.py", "from qasync import asyncSlot"),
        (rules.banned_calls, CONSOLE + "window.py", "@qasync.asyncClose\ndef closeEvent(self): ..."),
        (rules.bare_tasks, CONSOLE + "window.py", "asyncio.create_task(work())"),
        (rules.bare_tasks, CONSOLE + "window.py", "asyncio.get_running_loop().create_task(work())"),
        (rules.bare_tasks, CORE + "manager.py", "self._loop.create_task(work())"),
        (rules.blanket_handlers, CORE + "manager.py", "try:\n    work()\nexcept Exception:\n    pass"),
        (
            rules.blanket_handlers,
            CORE + "manager.py",
            "try:\n    work()\nexcept (OSError, Exception):\n    pass",
        ),
        (rules.blanket_handlers, CORE + "manager.py", "try:\n    work()\nexcept:\n    pass"),
        (rules.blanket_handlers, CORE + "engine/bus.py", "try:\n    work()\nexcept BaseException:\n    pass"),
        (
            rules.blanket_handlers,
            CORE + "manager.py",
            "try:\n    work()\nexcept asyncio.CancelledError:\n    pass",
        ),
        (rules.strangers, CORE + "engine/runner.py", "import httpx"),
        (
            rules.strangers,
            CONSOLE + "pages/metrics/page.py",
            "def draw():\n    from pyqtgraph import PlotWidget",
        ),
        (rules.strangers, CORE + "manager.py", "from PySide6.QtCore import QObject"),
    ],
)
def test_rule_finds_what_breaks_it(rule: Rule, path: str, text: str) -> None:
    assert list(rule(parse(path, text)))


@pytest.mark.parametrize(
    ("rule", "path", "text"),
    [
        (rules.bare_tasks, CORE + "manager.py", "group.create_task(work())"),
        (rules.bare_tasks, CONSOLE + "runtime/tasks.py", "loop.create_task(work())"),
        (rules.blanket_handlers, CORE + "engine/bus.py", "try:\n    work()\nexcept Exception:\n    pass"),
        (
            rules.blanket_handlers,
            CORE + "manager.py",
            "try:\n    work()\nexcept BaseException:\n    undo()\n    raise",
        ),
        (
            rules.blanket_handlers,
            CORE + "quick.py",
            "try:\n    do()\nexcept (*self.errors, OSError):\n    0",
        ),
        (rules.strangers, CORE + "transport/client.py", "import httpx"),
        (rules.banned_calls, CORE + "cli/__init__.py", "executor.execute()"),
    ],
)
def test_rule_leaves_alone_what_is_right(rule: Rule, path: str, text: str) -> None:
    assert not list(rule(parse(path, text)))


def test_files_are_short() -> None:
    long = {source.path: rules.length(source) for source in sources() if rules.length(source) > MOST_LINES}

    assert long.keys() == LONG_FILES.keys(), f"longer than {MOST_LINES} lines, or named here in vain: {long}"


def test_functions_are_short() -> None:
    lengths = [pair for source in sources() for pair in rules.function_lengths(source)]
    long = {name: lines for name, lines in lengths if lines > MOST_FUNCTION_LINES}

    assert long.keys() == LONG_FUNCTIONS.keys(), (
        f"longer than {MOST_FUNCTION_LINES} lines without the docstring, or named here in vain: {long}"
    )


def test_packaging_is_no_package() -> None:
    """An __init__.py there would hide the library of that name from what is run in the project root."""
    assert "packaging/__init__.py" not in {source.path for source in sources()}

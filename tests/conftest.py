"""What holds for every test: the environment, levels, and that nothing is left running."""

from __future__ import annotations

import itertools
import os
import tempfile
from collections.abc import Callable, Generator, Iterator
from pathlib import Path

# Before anything imports Qt: which binding, and no window on anybody's screen but one that is as large as a
# laptop's (Qt's own offscreen one is 800 pixels wide, and windows fit themselves to their screen). The
# end-to-end tests start the program as a process of its own and give it a screen of its own.
os.environ["QT_API"] = "pyside6"
os.environ["PYQTGRAPH_QT_LIB"] = "PySide6"
os.environ.setdefault(
    "QT_QPA_PLATFORM", f"offscreen:configfile={Path(__file__).parent / 'support' / 'screen.json'}"
)

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.database import DirectoryBasedExampleDatabase
from tests.support.leaks import LeakFound, LogWatch, Running, guard_runners

LEVELS = frozenset({"unit", "integration", "performance", "e2e", "bundle"})

# No deadline: a busy machine is no defect. The same examples each time, so that red means broken by the last
# change; `--hypothesis-profile=search` looks for new ones, as many as the test's patience allows.
settings.register_profile(
    "default", deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True, database=None
)
settings.register_profile(
    "search",
    settings.get_profile("default"),
    derandomize=False,
    print_blob=True,
    database=DirectoryBasedExampleDatabase(".hypothesis/examples"),
)
settings.load_profile("default")

_FAILED = pytest.StashKey[bool]()
_LEAKS = pytest.StashKey[list[str]]()
_RUNNING = pytest.StashKey[Running]()
_LOGS = pytest.StashKey[LogWatch]()
_HOMES = itertools.count()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Gives every test its level: that of its folder, else the one it names, else unit."""
    root = Path(__file__).parent
    for item in items:
        folder = item.path.relative_to(root).parts[0] if item.path.is_relative_to(root) else ""
        if folder in {"e2e", "bundle"}:
            item.add_marker(folder)
        elif not LEVELS.intersection(mark.name for mark in item.iter_markers()):
            item.add_marker("unit")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Remembers whether the test failed: what a failed test leaves behind is not news."""
    report = yield
    if report.failed:
        item.stash[_FAILED] = True
    return report


@pytest.fixture(autouse=True)
def nothing_left_running(request: pytest.FixtureRequest) -> None:
    """Takes stock after the wider fixtures started theirs; the hook below compares when all are gone."""
    request.node.stash[_RUNNING] = Running.now()


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Watches the logs and the closing loops from before the first fixture to after the last one."""
    leaks: list[str] = []
    item.stash[_LEAKS] = leaks
    watch = LogWatch(
        expected=[str(text) for mark in item.iter_markers("expected_logs") for text in mark.args]
    )
    item.stash[_LOGS] = watch
    watch.attach()
    restore = guard_runners(leaks.append)
    try:
        return (yield)
    finally:
        restore()
        watch.detach()


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_teardown(item: pytest.Item) -> Generator[None, None, None]:
    """Fails a test that left something behind."""
    __tracebackhide__ = True
    yield
    running = item.stash.get(_RUNNING, None)
    if running is None or item.stash.get(_FAILED, False):
        return
    found = [*item.stash[_LEAKS], *running.complaints(), *item.stash[_LOGS].complaints()]
    if found:
        raise LeakFound("The test left something behind:\n  " + "\n  ".join(found))


@pytest.fixture
def expected_logs(request: pytest.FixtureRequest) -> Callable[[str], None]:
    """Says at run time what the mark of the same name says beforehand: this warning is meant.

    The pattern is searched for in the messages and must be met at least once.
    """
    expected: list[str] = request.node.stash[_LOGS].expected
    return expected.append


@pytest.fixture(scope="session")
def _own_homes() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="autotask-tests-") as folder:
        yield Path(folder)


@pytest.fixture(autouse=True)
def own_folders(monkeypatch: pytest.MonkeyPatch, _own_homes: Path) -> None:
    """Points settings, data and state at empty folders of this test's own, never at the person's."""
    home = _own_homes / str(next(_HOMES))
    for name in ("CONFIG", "DATA", "STATE", "CACHE"):
        monkeypatch.setenv(f"XDG_{name}_HOME", str(home / name.lower()))
    for name in [name for name in os.environ if name.startswith("AUTOTASK_QUEUE_")]:
        monkeypatch.delenv(name)
    if "XDG_RUNTIME_DIR" not in os.environ:
        # Qt warns when it has to guess this one, and a warning of Qt's fails a test.
        runtime = home / "runtime"
        runtime.mkdir(parents=True, mode=0o700)
        monkeypatch.setenv("XDG_RUNTIME_DIR", str(runtime))

"""The fixture that fails a test which leaves something running, tried on tests that do."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest_plugins = ["pytester"]

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.integration


def run(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, source: str) -> pytest.RunResult:
    """Runs a test file under the real conftest and the real settings, in a process of its own."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    pytester.makeconftest((ROOT / "tests" / "conftest.py").read_text(encoding="utf-8"))
    path = pytester.makepyfile(source)
    settings = ROOT / "pyproject.toml"
    return pytester.runpytest_subprocess("-c", str(settings), "--rootdir", str(path.parent), str(path))


LEAKS = """
import asyncio
import logging
import threading
import pytest
from PySide6.QtWidgets import QLabel

@pytest.fixture
async def server():
    task = asyncio.create_task(asyncio.sleep(60), name="lost-by-fixture")
    yield

async def test_task():
    asyncio.create_task(asyncio.sleep(60), name="lost-by-test")

async def test_task_of_an_async_fixture(server):
    pass

def test_task_of_a_loop_of_its_own():
    async def main():
        asyncio.create_task(asyncio.sleep(60), name="lost-by-run")
    asyncio.run(main())

async def test_timer():
    asyncio.get_running_loop().call_later(60, print)

def test_timer_and_task_on_the_loop_of_the_console(qapp):
    from autotask_console.runtime import loop

    async def timer():
        asyncio.get_running_loop().call_later(60, repr)

    async def task():
        asyncio.create_task(asyncio.sleep(60), name="lost-on-qt")

    loop.run(qapp, timer)
    loop.run(qapp, task)

def test_thread():
    threading.Thread(target=threading.Event().wait, name="lost-thread", daemon=True).start()

def test_widget(qapp, kept=[]):
    kept.append(QLabel("lost"))
    kept[0].setObjectName("lost-label")

def test_log():
    logging.getLogger("autotask_queue.store").warning("the file is lost")

@pytest.mark.expected_logs("lost")
def test_log_that_never_came():
    pass
"""


def test_a_leak_fails_the_test_that_made_it(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = run(pytester, monkeypatch, LEAKS)

    result.assert_outcomes(passed=9, errors=9)
    result.stdout.fnmatch_lines_random(
        [
            "*task still running: lost-by-test *",
            "*task still running: lost-by-fixture *",
            "*task still running: lost-by-run *",
            "*timer still set: *print*",
            "*timer still set: *repr*",
            "*task still running: lost-on-qt *",
            "*thread still running: lost-thread*",
            "*top-level widget left: QLabel lost-label*",
            "*unexpected log record: WARNING autotask_queue.store: the file is lost*",
            "*expected log record never came: 'lost'*",
        ]
    )


CLEAN = """
import asyncio
import logging
import threading
import pytest
from PySide6.QtWidgets import QLabel

@pytest.fixture(scope="module")
def wider():
    stop = threading.Event()
    thread = threading.Thread(target=stop.wait)
    thread.start()
    yield
    stop.set()

@pytest.fixture
async def server():
    task = asyncio.create_task(asyncio.sleep(60))
    yield
    task.cancel()

async def test_tasks(server, wider):
    async with asyncio.timeout(60):
        await asyncio.to_thread(int)

def test_the_loop_of_the_console(qapp):
    from autotask_console.runtime import loop

    async def main():
        async with asyncio.timeout(60):
            await asyncio.sleep(0.001)

    loop.run(qapp, main)

def test_widget(qtbot, wider):
    qtbot.addWidget(QLabel("shown"))
    QLabel("forgotten")

@pytest.mark.expected_logs("file .* lost")
def test_log(caplog):
    logging.getLogger("autotask_queue.store").warning("the file is lost")
    assert caplog.messages == ["the file is lost"]

def test_log_at_run_time(expected_logs):
    expected_logs("lost")
    logging.getLogger("autotask_queue.store").warning("the file is lost")
"""


def test_clean_tests_pass(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    run(pytester, monkeypatch, CLEAN).assert_outcomes(passed=5)

import asyncio
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QWidget
from tests.gui.harness import until

from autotask_console.actions import Action, Binder
from autotask_console.errors import Presenter, say
from autotask_console.runtime.tasks import Tasks
from autotask_console.state import AppState
from autotask_console.widgets.toast import Toasts
from autotask_queue import IllegalTransition, Status


@pytest.fixture
def host(qtbot: Any, theme: object) -> QWidget:
    widget = QWidget()
    widget.resize(900, 500)
    qtbot.addWidget(widget)
    widget.show()
    return widget


def test_a_bound_action_shows_what_the_state_allows(run: Any, host: QWidget) -> None:
    async def scenario() -> None:
        done: list[str] = []

        def remember() -> None:
            done.append("now")

        action = Action(
            id="queue.resume",
            title=lambda s: "&Resume" if s.paused else "&Pause…",
            run=remember,
            when=lambda s: "" if s.open else "The queue is still being opened.",
            shortcut="Ctrl+R; F7",
            tip="One sentence more.",
            checked=lambda s: s.paused,
        )
        binder = Binder(host, Tasks(lambda error, what: None))
        bound = binder.bind(action)
        binder.update(AppState())
        assert (bound.objectName(), bound.text(), bound.isEnabled()) == ("queue.resume", "&Pause…", False)
        assert bound.toolTip() == "Pause (Ctrl+R)\nThe queue is still being opened."
        bound.trigger()
        assert done == []
        binder.update(AppState(open=True, paused=True))
        assert (bound.text(), bound.isEnabled(), bound.isChecked()) == ("&Resume", True, True)
        assert bound.toolTip() == "Resume (Ctrl+R)\nOne sentence more."
        bound.trigger()
        assert done == ["now"]
        assert "queue.resume" in binder
        assert binder["queue.resume"] is bound
        assert [k.toString() for k in bound.shortcuts()] == ["Ctrl+R", "F7"]

    run(scenario())


def test_a_second_trigger_while_it_runs_is_ignored(run: Any, host: QWidget) -> None:
    async def scenario() -> None:
        started: list[int] = []
        go = asyncio.Event()

        async def slow() -> None:
            started.append(1)
            await go.wait()

        tasks = Tasks(lambda error, what: None)
        binder = Binder(host, tasks)
        bound = binder.bind(
            Action(id="x", title="&Do it", run=slow), context=Qt.ShortcutContext.WidgetShortcut
        )
        bound.trigger()
        bound.trigger()
        await until(lambda: started)
        assert tasks.running == ("Do it",)
        go.set()
        await until(lambda: not tasks.running)
        bound.trigger()
        await until(lambda: len(started) == 2)

    run(scenario())


def test_known_errors_are_said_and_only_bugs_are_reported(host: QWidget) -> None:
    reported: list[tuple[BaseException, str]] = []
    toasts = Toasts(host)
    presenter = Presenter(toasts, lambda error, what: reported.append((error, what)))
    presenter.present(
        IllegalTransition("It is being sent.", status=Status.PROCESSING, remedy="Wait."), "cancel"
    )
    assert toasts.texts == ["Not possible for this request now. It is being sent. Wait."]
    assert reported == []
    at_control: list[str] = []
    presenter.at(at_control.append)(OSError(28, "No space left on device"), "save the picture")
    assert at_control[0].startswith("“save the picture” did not work.")
    assert "No space left on device" in at_control[0]
    assert reported == []
    bug = LookupError("x")
    presenter.present(bug, "open")
    assert reported == [(bug, "open")]
    assert "LookupError" not in toasts.texts[-1]
    assert "safe" in toasts.texts[-1]
    toasts.clear()


@pytest.mark.parametrize(
    "error",
    [IllegalTransition("x", status=Status.FAILED), OSError("x"), KeyError()],
)
def test_what_is_said_never_scolds(error: BaseException) -> None:
    sentence = say(error, "cancel").sentence.lower()
    for word in ("error occurred", "invalid operation", "are you sure", "exception"):
        assert word not in sentence
    assert sentence.endswith(".")

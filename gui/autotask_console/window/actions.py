"""What the shell itself can do, as data."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from typing import Any, Protocol

from autotask_console.actions import Action
from autotask_console.settings import Settings, declared
from autotask_console.state import AppState
from autotask_console.text import tr
from autotask_console.window.host import PageSpec
from autotask_queue import Connectivity

PAUSES: tuple[tuple[str, str, float | None], ...] = (
    ("15min", "For 15 minutes", 900.0),
    ("1h", "For 1 hour", 3600.0),
    ("until-resumed", "Until I resume", None),
)

Later = Coroutine[Any, Any, object]


class Commands(Protocol):
    """What the shell asks of the queue; app.py connects it."""

    def pause(self, seconds: float | None) -> Later: ...

    def resume(self) -> Later: ...

    def send_now(self) -> Later: ...

    def work_offline(self) -> Later: ...

    def work_online(self) -> Later: ...

    def try_now(self) -> Later: ...


class ShellDoing(Protocol):
    """What the shell's own actions do to the window."""

    def navigate(self, page_id: str, argument: object = None) -> None: ...

    def refresh(self) -> None: ...

    def undo(self) -> None: ...

    def undo_text(self) -> str: ...

    def quit(self) -> None: ...

    def choose_theme(self, choice: str) -> None: ...

    def toggle_compact(self) -> None: ...

    def toggle_full_screen(self) -> None: ...

    def show_help(self, what: str) -> None: ...


def _open_only(state: AppState) -> str:
    if state.closing:
        return tr("The program is closing.")
    return "" if state.open else tr("The queue is still being opened.")


def queue_actions(commands: Commands) -> list[Action]:
    """Pause, resume, send now, offline and online."""
    return [
        *(_pause(commands, *pause) for pause in PAUSES),
        Action(
            id="queue.resume",
            title="&Resume sending",
            menu="Queue",
            group="pause",
            when=lambda s: _open_only(s) or ("" if s.paused else tr("Sending is not paused.")),
            run=commands.resume,
        ),
        Action(
            id="queue.send-now",
            title="&Send now",
            menu="Queue",
            group="send",
            when=_open_only,
            tip="Skips the waits before the next try. Never overrides a stop or a hold.",
            run=commands.send_now,
        ),
        *_connection_actions(commands),
    ]


def _pause(commands: Commands, pause_id: str, title: str, seconds: float | None) -> Action:
    return Action(
        id=f"queue.pause.{pause_id}",
        title=title,
        menu="Queue/Pause sending",
        when=lambda s: _open_only(s) or (tr("Sending is paused already.") if s.paused else ""),
        run=lambda: commands.pause(seconds),
    )


def _connection_actions(commands: Commands) -> list[Action]:
    def by_hand(state: AppState) -> bool:
        return state.connectivity.state is Connectivity.WORK_OFFLINE

    def can_try(state: AppState) -> str:
        refusal = tr("You chose to work offline. Go online first.")
        return _open_only(state) or (refusal if by_hand(state) else "")

    return [
        Action(
            id="queue.try-now",
            title="&Try the connection now",
            menu="Queue",
            group="connection",
            when=can_try,
            run=commands.try_now,
        ),
        Action(
            id="queue.work-offline",
            title="&Work offline",
            menu="Queue",
            group="connection",
            when=lambda s: _open_only(s) or (tr("You work offline already.") if by_hand(s) else ""),
            tip="Nothing is sent until you go online again. Everything is saved.",
            run=commands.work_offline,
        ),
        Action(
            id="queue.work-online",
            title="&Go online",
            menu="Queue",
            group="connection",
            when=lambda s: _open_only(s) or ("" if by_hand(s) else tr("You did not choose to work offline.")),
            run=commands.work_online,
        ),
    ]


def window_actions(doing: ShellDoing, settings: Settings, specs: Sequence[PageSpec]) -> list[Action]:
    """Everything about the window itself."""

    def undo_title(_: AppState) -> str:
        what = doing.undo_text()
        return tr("&Undo {what}", what=what) if what else tr("&Undo")

    return [
        _page_action(doing, "compose", id_="file.new", title="&New request", shortcut="Ctrl+N", menu="File"),
        _page_action(doing, "sign-in", id_="file.sign-in", title="&Sign in…", menu="File", group="sign-in"),
        _page_action(
            doing, "breakers", id_="breakers.show", title="Show all &zones", menu="Breakers", group="show"
        ),
        Action(
            id="file.quit", title="&Quit", shortcut="Ctrl+Q", menu="File", group="quit", run=_now(doing.quit)
        ),
        Action(
            id="edit.undo",
            title=undo_title,
            shortcut="Ctrl+Z",
            menu="Edit",
            when=lambda _: "" if doing.undo_text() else tr("There is nothing to take back."),
            run=_now(doing.undo),
        ),
        *(_go_to(doing, spec) for spec in specs if spec.group),
        Action(
            id="view.refresh",
            title="&Refresh",
            shortcut="F5",
            menu="View",
            group="refresh",
            when=_open_only,
            run=_now(doing.refresh),
        ),
        Action(
            id="view.compact",
            title="&Compact strip",
            menu="View",
            group="look",
            checked=lambda _: settings.get(declared.COMPACT_STRIP),
            run=_now(doing.toggle_compact),
        ),
        *(_theme(doing, settings, choice, title) for choice, title in _THEMES),
        Action(
            id="view.full-screen",
            title="&Full screen",
            shortcut="F11",
            menu="View",
            group="look",
            run=_now(doing.toggle_full_screen),
        ),
        _help(doing, "shortcuts", "&Keyboard shortcuts", shortcut="F1; ?"),
        _help(doing, "symbols", "What do the &symbols mean"),
        _help(doing, "about", "&About"),
    ]


_THEMES = (("system", "&System"), ("light", "&Light"), ("dark", "&Dark"))


def _page_action(
    doing: ShellDoing, page_id: str, *, id_: str, title: str, menu: str, shortcut: str = "", group: str = ""
) -> Action:
    return Action(
        id=id_,
        title=title,
        shortcut=shortcut,
        menu=menu,
        group=group,
        when=_open_only,
        run=lambda: doing.navigate(page_id),
    )


def _go_to(doing: ShellDoing, spec: PageSpec) -> Action:
    return Action(
        id=f"view.{spec.page_id}",
        title=spec.title,
        shortcut=spec.shortcut,
        menu="View",
        when=_open_only,
        run=lambda: doing.navigate(spec.page_id),
    )


def _theme(doing: ShellDoing, settings: Settings, choice: str, title: str) -> Action:
    return Action(
        id=f"view.theme.{choice}",
        title=title,
        menu="View/Theme",
        checked=lambda _: settings.get(declared.THEME) == choice,
        run=lambda: doing.choose_theme(choice),
    )


def _help(doing: ShellDoing, what: str, title: str, *, shortcut: str = "") -> Action:
    return Action(
        id=f"help.{what}", title=title, shortcut=shortcut, menu="Help", run=lambda: doing.show_help(what)
    )


def _now(done: Callable[[], object]) -> Callable[[], None]:
    def run() -> None:
        done()

    return run

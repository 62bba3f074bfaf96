"""The house rules as functions from a module to what breaks them in it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Final

from tests.architecture.source import CONSOLE, CORE, Source

BANNED_CALLS: Final = {
    "exec": "re-enters the loop and loses other tasks (qasync issue 59): use open() and ask(dialog)",
    "exec_": "re-enters the loop and loses other tasks (qasync issue 59): use open() and ask(dialog)",
    "processEvents": "re-enters the loop: wait for an event",
    "asyncSlot": "errors in it vanish: connect to a function that calls Tasks.start(...)",
    "asyncClose": "spins a core and hangs from a coroutine: ignore once, run the shutdown, then close",
}
"""Names that product code may not use, as an attribute or a decorator, and why."""

APPLICATIONS: Final = frozenset({"QApplication", "QGuiApplication", "QCoreApplication"})

STARTS_TASKS: Final = frozenset(
    {
        CORE + "engine/supervisor.py",  # owns the engine's tasks until they have ended
        CORE + "engine/clock.py",  # races an event against a sleep and ends both before it returns
        CORE + "store/redis/store.py",  # one watch while it is open; its close() ends it
        CORE + "store/spooling/store.py",  # one look-out while the server is away; its close() ends it
        CORE + "store/redis/writer.py",  # one at a time; its close() waits for it
        CORE + "store/sqlite/check.py",  # one check of the file after an unclean end; its stop() ends it
        CORE + "store/sqlite/writer.py",  # one at a time; its close() waits for it
        "core/benchmarks/redis_queue.py",  # a peer's worker, ended and waited for when its round is over
        CONSOLE + "runtime/tasks.py",  # owns the console's
    }
)
"""The places that may start a task outside a TaskGroup."""

CATCHES_ALL: Final = frozenset(
    {
        CORE + "engine/supervisor.py",  # restarts what fell over
        CORE + "engine/bus.py",  # a subscriber of the user's
        CORE + "engine/calls.py",  # a processor of the user's
        CONSOLE + "runtime/tasks.py",  # shows what an action met
        CONSOLE + "runtime/hooks.py",  # the last resort
    }
)

HOMES: Final = {
    "httpx": (CORE + "transport/",),
    "sqlcipher3": (CORE + "store/",),
    "redis": (CORE + "store/",),
    "starlette": (CORE + "simulator/",),
    "uvicorn": (CORE + "simulator/",),
    "rich": (CORE + "cli/",),
    "qasync": (CONSOLE + "runtime/loop.py",),
    "pyqtgraph": (CONSOLE + "widgets/chart.py",),
    "keyring": (CONSOLE + "platform/keychain.py",),
    "PySide6": (CONSOLE, "gui/benchmarks/"),
}
"""Where a library may be imported: the one place that knows its ways."""


def banned_calls(source: Source) -> Iterator[str]:
    """Finds what re-enters Qt's loop or hides errors."""
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Attribute):
            if node.attr in BANNED_CALLS:
                yield f"{source.path}:{node.lineno}: .{node.attr} {BANNED_CALLS[node.attr]}"
            elif node.attr == "instance" and _name(node.value) in APPLICATIONS:
                yield f"{source.path}:{node.lineno}: pass what is needed instead of {ast.unparse(node)}()"
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                if alias.name in BANNED_CALLS:
                    yield f"{source.path}:{node.lineno}: {alias.name} {BANNED_CALLS[alias.name]}"


def _name(node: ast.expr) -> str:
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
        case ast.Call(func=inner) | ast.Starred(value=inner):
            return _name(inner)
        case _:
            return ""


def bare_tasks(source: Source) -> Iterator[str]:
    """Finds tasks that nobody owns: those of a TaskGroup are owned, and so are those awaited at once."""
    if source.path in STARTS_TASKS:
        return
    for node in ast.walk(source.tree):
        if (
            isinstance(node, ast.Attribute)
            and node.attr in {"create_task", "ensure_future"}
            and _name(node.value) in {"asyncio", "loop", "_loop", "get_running_loop", "get_event_loop"}
        ):
            yield f"{source.path}:{node.lineno}: {ast.unparse(node)}: start it where tasks are owned"


def blanket_handlers(source: Source) -> Iterator[str]:
    """Finds handlers that take everything or cancellation and do not pass it on."""
    for node in ast.walk(source.tree):
        if isinstance(node, ast.ExceptHandler):
            caught = _caught(node)
            everything = caught & {"Exception", "BaseException"}
            if everything and source.path not in CATCHES_ALL and not _raises(node):
                yield f"{source.path}:{node.lineno}: catches everything outside the five places that may"
            if caught & {"BaseException", "CancelledError"} and not _raises(node):
                yield f"{source.path}:{node.lineno}: swallows cancellation"


def _caught(node: ast.ExceptHandler) -> set[str]:
    if node.type is None:
        return {"BaseException"}
    return {_name(one) for one in (node.type.elts if isinstance(node.type, ast.Tuple) else [node.type])}


def _raises(node: ast.ExceptHandler) -> bool:
    return isinstance(node.body[-1], ast.Raise)


def strangers(source: Source) -> Iterator[str]:
    """Finds libraries imported outside their home."""
    if not source.path.startswith((CORE, CONSOLE)):
        return
    for name in sorted(source.imported() & HOMES.keys()):
        if not source.path.startswith(HOMES[name]):
            yield f"{source.path}: imports {name}, whose home is {' and '.join(HOMES[name])}"


def length(source: Source) -> int:
    """Counts the lines of a module."""
    return source.text.count("\n")


def function_lengths(source: Source) -> Iterator[tuple[str, int]]:
    """Counts the lines of each function without its docstring, which may be as long as it needs."""
    for name, node in source.functions():
        first = node.body[0]
        documented = ast.get_docstring(node) is not None
        docstring = (first.end_lineno or 0) - first.lineno + 1 if documented else 0
        yield f"{source.path}::{name}", (node.end_lineno or 0) - node.lineno + 1 - docstring

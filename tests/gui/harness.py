"""A real queue in memory, wired to the console's services as app.py does it, and patience with an end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from PySide6.QtWidgets import QWidget

from autotask_console.app.snapshot import look_at
from autotask_console.errors import Presenter
from autotask_console.models.list_keeper import ListKeeper
from autotask_console.models.references import References, zone_of
from autotask_console.pages.base import Services
from autotask_console.platform.theme import Theme
from autotask_console.runtime.bridge import CoreBridge
from autotask_console.runtime.tasks import Tasks
from autotask_console.settings import Settings
from autotask_console.state import AppState, AppStore, ChangeFlags, Snapshot
from autotask_console.widgets.toast import Toasts
from autotask_queue import (
    Clock,
    EchoProcessor,
    QueueManager,
    QueueProcessor,
    Secrets,
    SessionSecrets,
    SystemClock,
    ZoneConfig,
    create_test_configuration,
)

PATIENCE = 10.0
"""Seconds until a wait gives up; none takes that long unless something is broken."""


async def until(true: Callable[[], object], *, within: float = PATIENCE) -> None:
    """Lets the loop run until `true()` holds.

    Raises:
        AssertionError: it did not come true in time.
    """
    loop = asyncio.get_running_loop()
    end = loop.time() + within
    while not true():
        if loop.time() > end:
            raise AssertionError(f"did not come true within {within:g} s: {true}")
        await asyncio.sleep(0.005)


@dataclass(kw_only=True)
class Bench:
    """What a page gets in a test, and what it did with it."""

    services: Services
    queue: QueueManager
    store: AppStore
    host: QWidget
    """Parent of the toasts; put the page into it to see both."""
    visited: list[tuple[str, object]] = field(default_factory=list)
    """What `navigate` was asked for."""
    errors: list[tuple[BaseException, str]] = field(default_factory=list)
    """Bugs that the presenter reported; a test that expects none asserts it is empty."""

    def deliver(self) -> None:
        """Brings the state up to date without waiting for the bridge."""
        self.store.look_again()


@asynccontextmanager
async def bench(
    theme: Theme,
    settings_file: Path,
    *,
    processors: Mapping[str, QueueProcessor] | None = None,
    zones: Mapping[str, ZoneConfig] | None = None,
    secrets: Secrets | None = None,
    clock: Clock | None = None,
) -> AsyncIterator[Bench]:
    """A running queue in memory with everything a page needs around it; ended in the app's order.

    Without `processors` and `secrets`, an `EchoProcessor` answers every request. `clock` is the queue's and
    the page's time, for tests that move it by hand. The keeper of the lists rests until it is started.
    """
    clock = clock or SystemClock()
    own_secrets = secrets or SessionSecrets()
    answering = processors if processors is not None or secrets is not None else {"echo": EchoProcessor()}
    queue = QueueManager(
        create_test_configuration(zones=dict(zones or {})),
        processors=answering,
        secrets=secrets,
        clock=clock,
    )
    await queue.initialize()
    host = QWidget()
    host.resize(1000, 600)
    toasts = Toasts(host)
    errors: list[tuple[BaseException, str]] = []
    visited: list[tuple[str, object]] = []
    presenter = Presenter(toasts, lambda error, what: errors.append((error, what)))
    tasks = Tasks(presenter.present)
    settings = Settings(settings_file)

    def look() -> Snapshot:
        return look_at(queue, clock)

    def navigate(page: str, argument: object) -> None:
        visited.append((page, argument))

    store = AppStore(AppState(user="anna"), look=look)
    bridge = CoreBridge(queue.mailbox())
    bridge.events.connect(store.apply)
    bridge.gap.connect(store.gap)
    store.note(ChangeFlags.LIFE, open=True, location=queue.location)
    store.gap()
    tasks.start(bridge.run(), what="follow the queue")
    references = References(queue, clock)
    await references.load(zone_of(queue))
    services = Services(
        queue=queue,
        tasks=tasks,
        store=store,
        settings=settings,
        presenter=presenter,
        toasts=toasts,
        secrets=own_secrets,
        navigate=navigate,
        theme=theme,
        clock=clock,
        references=references,
        lists=ListKeeper(queue, clock, references, store, tasks),
        actor="anna",
    )
    try:
        yield Bench(services=services, queue=queue, store=store, host=host, visited=visited, errors=errors)
    finally:
        await tasks.shutdown()
        await queue.shutdown(grace=0)
        settings.flush()
        toasts.clear()
        host.close()
        host.deleteLater()

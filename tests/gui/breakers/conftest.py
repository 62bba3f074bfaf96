"""The page on a bench: real queue, hand-moved clock, zones that fail on demand."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from PySide6.QtWidgets import QVBoxLayout
from tests.core.clock import FakeClock
from tests.gui.harness import Bench, bench, until
from tests.gui.looks import child
from tests.gui.zones import Zones

from autotask_console.pages.breakers.card import ZoneCard
from autotask_console.pages.breakers.page import BreakersPage, create
from autotask_console.platform.theme import Theme
from autotask_console.state import ChangeFlags, Changes
from autotask_console.state.app_state import EVERYTHING
from autotask_console.widgets.button import Button
from autotask_queue import ZoneConfig

TIME = Changes(flags=ChangeFlags.TIME)


@dataclass(kw_only=True)
class Scene:
    bench: Bench
    page: BreakersPage
    clock: FakeClock
    zones: Zones = field(default_factory=Zones)

    def enter(self, argument: object = None) -> None:
        self.bench.deliver()
        self.page.enter(argument)
        self.page.refresh(self.bench.store.state, EVERYTHING)

    def look(self) -> None:
        """What the window does each second."""
        self.bench.deliver()
        self.page.refresh(self.bench.store.state, TIME | Changes(flags=ChangeFlags.BREAKERS))

    def card(self, zone: str) -> ZoneCard:
        return child(self.page, ZoneCard, f"breakers.card.{zone}")

    def says(self, zone: str) -> str:
        view = self.card(zone).shown
        assert view is not None
        return view.look.word

    async def press(self, name: str) -> None:
        """Clicks a button, which must be offered; a new one is shown with the loop's next turn."""
        await until(lambda: self.offers(name))
        child(self.page, Button, name).click()

    def offers(self, name: str) -> bool:
        return child(self.page, Button, name).isVisibleTo(self.page)

    async def said(self, sentence: str) -> None:
        """Waits for a toast that contains `sentence`."""
        toasts = self.bench.services.toasts
        await until(lambda: any(sentence in text for text in toasts.texts))

    async def dialog(self) -> None:
        """Waits until a dialog is open over the page."""
        await until(lambda: self.page.window().findChild(Button, "sheet.do") is not None)


Stage = Callable[..., AbstractAsyncContextManager[Scene]]


@pytest.fixture
def stage(theme: Theme, settings_file: Path) -> Stage:
    @asynccontextmanager
    async def make(
        *names: str, size: tuple[int, int] = (1120, 560), zones: Zones | None = None
    ) -> AsyncIterator[Scene]:
        clock, zones = FakeClock(), zones or Zones()
        configured = {name: ZoneConfig(url="http://127.0.0.1:1/") for name in names}
        async with bench(
            theme, settings_file, processors={"zones": zones}, zones=configured, clock=clock
        ) as b:
            page = create(b.services)
            assert isinstance(page, BreakersPage)
            b.host.resize(*size)
            layout = QVBoxLayout(b.host)
            layout.setContentsMargins(0, 0, 0, 0)
            layout.addWidget(page)
            scene = Scene(bench=b, page=page, clock=clock, zones=zones)
            scene.enter()
            b.host.show()
            yield scene
            assert b.errors == []

    return make

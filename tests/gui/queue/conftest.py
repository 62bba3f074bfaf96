"""The page on a bench: a real queue, the window's own host of pages, a processor that does as it is told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLabel, QVBoxLayout
from tests.gui.harness import Bench, bench, until
from tests.gui.looks import child

from autotask_console.pages.queue.page import QueuePage, create
from autotask_console.platform.theme import Theme
from autotask_console.widgets.button import Button
from autotask_console.window import PageSpec
from autotask_console.window.host import PageHost
from autotask_queue import (
    Applied,
    Effect,
    Facts,
    Failure,
    FailureClass,
    LookupResult,
    ProcessorError,
    Reply,
    Request,
    RequestId,
    ZoneConfig,
)

REFUSED = Failure(
    kind=FailureClass.APP_ERROR,
    code="refused",
    title="Billing code is inactive",
    message="Autotask did not accept the work type.",
    remedy="Choose another work type and send it again.",
    http_status=500,
    detail='{"errors": ["Billing code is inactive"]}',
)
BUSY = Failure(
    kind=FailureClass.SERVER_TRANSIENT,
    code="busy",
    title="Autotask has a problem",
    message="Autotask answered 503.",
    remedy="It is tried again by itself.",
    http_status=503,
)
LOST = Failure(
    kind=FailureClass.TIMEOUT_UNKNOWN,
    code="timeout",
    title="No answer came back",
    message="It was sent, but no usable answer came back.",
    remedy="It is looked up.",
    applied=Applied.UNKNOWN,
)
_FATES = {"refused": REFUSED, "busy": BUSY, "lost": LOST}


@dataclass
class Told:
    """Does what the title says: refused, busy, lost, stuck; anything else is sent."""

    sent: list[Request] = field(default_factory=list)
    stuck: asyncio.Event = field(default_factory=asyncio.Event)

    def can_process(self, request: Request) -> bool:
        return True

    def describe(self, request: Request) -> Facts:
        entity = request.endpoint.strip("/").split("/")[0]
        effect = Effect.READ if request.method == "GET" else Effect.WRITE
        return Facts(entity=entity, effect=effect, data=request.data, summary=request.summary)

    async def process_request(self, request: Request) -> Reply:
        title = str((request.data or {}).get("title", ""))
        if title.startswith("stuck"):
            await self.stuck.wait()
        for word, failure in _FATES.items():
            if title.startswith(word):
                raise ProcessorError(failure.message, failure=failure)
        self.sent.append(request)
        return Reply(record_id=48_000 + len(self.sent), body={"itemId": 48_000 + len(self.sent)})

    def can_reconcile(self, request: Request) -> bool:
        return False

    async def reconcile(self, request: Request) -> LookupResult:
        return LookupResult(found=False)


@dataclass(kw_only=True)
class Scene:
    bench: Bench
    host: PageHost
    told: Told

    @property
    def page(self) -> QueuePage:
        page = self.host.current
        assert isinstance(page, QueuePage)
        return page

    async def add(
        self, *titles: str, zone: str = "zone1", endpoint: str = "/Tickets", method: str = "POST"
    ) -> list[RequestId]:
        """Adds a request for each title; the title is its summary too."""
        return [
            (await self.bench.queue.submit(endpoint, method, zone, data={"title": t}, summary=t)).id
            for t in titles
        ]

    async def open(self, argument: object = None) -> QueuePage:
        """Shows the page and waits until its list is there."""
        self.host.show("queue", argument)
        await until(lambda: not self.page.live.loading)
        return self.page

    def texts(self) -> list[str]:
        """The visible rows' State and Request cells."""
        model = self.page.model
        return [
            f"{model.index(row, 0).data()} {model.index(row, 1).data()}" for row in range(model.rowCount())
        ]

    async def shows(self, *expected: str) -> None:
        """Waits until the rows are exactly these."""
        try:
            await until(lambda: self.texts() == list(expected))
        except AssertionError:
            assert self.texts() == list(expected)

    async def select(self, *rows: int) -> None:
        """Selects rows as a person does: click, then Ctrl+click."""
        table = self.page.table
        for place, row in enumerate(rows):
            control = Qt.KeyboardModifier.ControlModifier if place else Qt.KeyboardModifier.NoModifier
            spot = table.visualRect(self.page.model.index(row, 1)).center()
            QTest.mouseClick(table.viewport(), Qt.MouseButton.LeftButton, control, spot)
        await until(lambda: self.button("queue.bulk.more").isVisibleTo(self.page))
        await self.selected(f"{len(rows)} selected")

    async def selected(self, words: str) -> None:
        """Waits until the bar below the table says so."""
        await until(lambda: child(self.page, QLabel, "queue.selected").text() == words)

    def button(self, name: str) -> Button:
        return child(self.page, Button, name)

    async def press(self, name: str) -> None:
        """Clicks a button, which must be offered."""
        await until(lambda: self.button(name).isVisibleTo(self.page) and self.button(name).isEnabled())
        self.button(name).click()

    async def dialog(self, name: str) -> Button:
        """Waits for a button of a dialog over the page."""
        await until(lambda: self.page.window().findChild(Button, name) is not None)
        return child(self.page.window(), Button, name)

    async def said(self, sentence: str) -> None:
        """Waits for a toast that says exactly this."""
        toasts = self.bench.services.toasts
        await until(lambda: sentence in toasts.texts)

    def key(self, key: Qt.Key, modifier: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier) -> None:
        QTest.keyClick(self.page.table, key, modifier)

    async def statuses(self, ids: Sequence[RequestId]) -> list[str]:
        return [(await self.bench.queue.get_request(i)).status.value for i in ids]


Stage = Callable[..., AbstractAsyncContextManager[Scene]]


@pytest.fixture
def stage(theme: Theme, settings_file: Path) -> Stage:
    """`async with stage() as scene`; sending is paused unless `sending=True`."""

    @asynccontextmanager
    async def make(*, size: tuple[int, int] = (1120, 560), sending: bool = False) -> AsyncIterator[Scene]:
        told = Told()
        zones = {name: ZoneConfig(url="http://127.0.0.1:9/", user="anna") for name in ("zone1", "zone2")}
        async with bench(theme, settings_file, processors={"told": told}, zones=zones) as b:
            if not sending:
                await b.queue.work_offline()
            b.host.resize(*size)
            layout = QVBoxLayout(b.host)
            layout.setContentsMargins(0, 0, 0, 0)
            host = PageHost([PageSpec(page_id="queue", title="Queue", create=create)], b.store, parent=b.host)
            layout.addWidget(host.stack)
            host.attach(b.services)
            b.host.show()
            try:
                yield Scene(bench=b, host=host, told=told)
            finally:
                told.stuck.set()
                host.stop()
            assert b.errors == []

    return make

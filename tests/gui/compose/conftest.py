"""The page on a bench: a real queue, sending to a real simulator over HTTP where a test wants it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QVBoxLayout, QWidget
from tests.gui.harness import Bench, bench, until

from autotask_console.models.references import References
from autotask_console.pages.compose.draft import DOCUMENT_KIND
from autotask_console.pages.compose.editors import Editor
from autotask_console.pages.compose.page import ComposePage, create
from autotask_console.platform.theme import Theme
from autotask_console.state import Changes
from autotask_console.state.app_state import EVERYTHING
from autotask_queue import SessionSecrets, ZoneConfig
from autotask_queue.simulator import Simulator, run_simulator

KNOWN: dict[str, list[dict[str, Any]]] = {
    "Companies": [
        {"id": 175, "companyName": "Northgate Clinic", "city": "Northgate", "isActive": True},
        {"id": 176, "companyName": "Northgate Motors", "isActive": True},
        {"id": 177, "companyName": "Harbour Foods", "isActive": False},
    ],
    "Contacts": [
        {"id": 31, "firstName": "Anna", "lastName": "Smit", "companyID": 175, "isActive": 1},
        {"id": 32, "firstName": "Bram", "lastName": "Vogel", "companyID": 176, "isActive": 1},
    ],
    "Resources": [
        {
            "id": 501,
            "firstName": "Carla",
            "lastName": "Weber",
            "isActive": True,
            "defaultServiceDeskRoleID": 9,
        },
        {"id": 502, "firstName": "Dirk", "lastName": "Young", "isActive": True},
    ],
    "Roles": [{"id": 8, "name": "Consultant"}, {"id": 9, "name": "Field Technician"}],
    "ResourceRoles": [
        {"id": 1, "resourceID": 501, "roleID": 8, "isActive": True},
        {"id": 2, "resourceID": 501, "roleID": 9, "isActive": True},
        {"id": 3, "resourceID": 502, "roleID": 8, "isActive": True},
    ],
    "BillingCodes": [
        {"id": 71, "name": "On-site Support", "useType": 1, "isActive": True},
        {"id": 72, "name": "Internal Meeting", "useType": 3, "isActive": True},
    ],
    "Tickets": [
        {"id": 7866, "ticketNumber": "T20261120.0002", "title": "VPN drops", "companyID": 175, "status": 8},
        {
            "id": 7865,
            "ticketNumber": "T20261120.0001",
            "title": "Printer down",
            "companyID": 175,
            "status": 1,
        },
    ],
}
"""What the laptop of most tests knows."""


async def teach(references: References, zone: str = "zone1") -> None:
    """Fills the lists of a zone with `KNOWN`."""
    for entity, records in KNOWN.items():
        await references.learn(zone, entity, records)


@dataclass(kw_only=True)
class Scene:
    bench: Bench
    page: ComposePage
    simulator: Simulator | None = None

    def look(self, changed: Changes = EVERYTHING) -> None:
        """What the window does when something changed."""
        self.bench.deliver()
        self.page.refresh(self.bench.store.state, changed)

    def enter(self, argument: object = None) -> None:
        self.page.enter(argument)
        self.look()

    def editor(self, field: str) -> Editor:
        return self.page.view.form.editors[field]

    def type(self, field: str, text: str, *, leave: bool = True) -> None:
        """Types into a field as a person does, and goes on to the next one."""
        inner = self.editor(field).inner
        inner.setFocus()
        QTest.keyClicks(inner, text)
        if leave:
            self.leave(field)

    def leave(self, field: str) -> None:
        editor = self.editor(field)
        line = getattr(editor, "line", None)
        if line is not None:
            line.close_list()
        QTest.keyClick(editor.inner, Qt.Key.Key_Tab)

    def choose(self, field: str, label: str) -> None:
        """Chooses from a list by its words."""
        box: Any = self.editor(field).inner
        place = box.findText(label)
        assert place >= 0, [box.itemText(i) for i in range(box.count())]
        box.setCurrentIndex(place)
        box.activated.emit(place)

    def error(self, field: str) -> str:
        return self.page.view.form.rows[field].error

    def line(self, field: str) -> str:
        """What stands below a field."""
        return self.page.view.form.rows[field].line

    @property
    def document(self) -> dict[str, Any]:
        return self.page.bench.draft.document

    @property
    def toasts(self) -> list[str]:
        return self.bench.services.toasts.texts

    async def stored_drafts(self) -> dict[str, Any]:
        return await self.bench.queue.documents.list(DOCUMENT_KIND)

    async def added(self, count: int = 1) -> None:
        """Waits until so many writes are in the queue and the page is done with them."""

        async def there() -> int:
            return len([r for r in await self.bench.queue.get_requests() if r.effect == "write"])

        await until(lambda: not self.page.adding.busy)
        assert await there() == count

    def fill_ticket(self, title: str = "Printer down") -> None:
        """All that a ticket needs."""
        self.type("companyID", "175")
        self.type("title", title)
        self.choose("queueID", "Field Service")


Stage = Callable[..., AbstractAsyncContextManager[Scene]]


@pytest.fixture
def stage(theme: Theme, settings_file: Path) -> Stage:
    @asynccontextmanager
    async def make(
        *,
        signed_in: bool = True,
        known: bool = True,
        size: tuple[int, int] = (1120, 560),
        simulator: Simulator | None = None,
        zone: ZoneConfig | None = None,
    ) -> AsyncIterator[Scene]:
        config = zone or ZoneConfig(url="http://127.0.0.1:9/", user="anna")
        secrets = SessionSecrets({"zone1/secret": "s3cret-word", "zone1/integration_code": "CODE-1234"})
        if simulator is not None:
            own = simulator.credentials
            config = ZoneConfig(url=simulator.base_url, user=own.user, secret="keyring:zone1/secret")
            secrets = SessionSecrets(
                {"zone1/secret": own.secret, "zone1/integration_code": own.integration_code}
            )
        zones = {"zone1": config} if signed_in else {}
        async with bench(theme, settings_file, zones=zones, secrets=secrets) as b:
            if simulator is None:
                await b.queue.work_offline()
            page = create(b.services)
            assert isinstance(page, ComposePage)
            if known:
                await teach(page.references)
            elif simulator is not None:
                b.services.lists.start()
            _put(page, b.host, size)
            b.host.activateWindow()
            await until(b.host.isActiveWindow)
            scene = Scene(bench=b, page=page, simulator=simulator)
            scene.enter()
            await until(lambda: not b.services.tasks.running or page.references.zone == "zone1")
            b.store.changed.connect(lambda changes: page.refresh(b.store.state, changes))
            yield scene
            await page.save()
            assert b.errors == []

    return make


def _put(page: QWidget, host: QWidget, size: tuple[int, int]) -> None:
    host.resize(*size)
    layout = QVBoxLayout(host)
    layout.setContentsMargins(0, 0, 0, 0)
    layout.addWidget(page)
    host.show()


@pytest.fixture
def simulated() -> Callable[[], AbstractAsyncContextManager[Simulator]]:
    return lambda: run_simulator(seed=7)

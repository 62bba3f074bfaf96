"""Signing in: tested against the simulator line by line, kept where it belongs, skippable, never lost."""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from PySide6.QtWidgets import QApplication, QLabel, QLineEdit, QVBoxLayout
from tests.gui.harness import Bench, bench, until
from tests.gui.looks import backward, child, clipped, nameless, unringed
from typing_extensions import override

from autotask_console.pages.sign_in.details import Details
from autotask_console.pages.sign_in.page import SignInPage, create
from autotask_console.platform.theme import Theme
from autotask_console.state.app_state import EVERYTHING
from autotask_console.widgets.button import Button
from autotask_queue import RequestFilter, Secrets, SecretsUnavailable, SessionSecrets, Status
from autotask_queue.simulator import Simulator, run_simulator

pytestmark = pytest.mark.integration

SECRET = "hunter2#$~*"
CODE = "PLANTEDCODE000000000000001"


class Locked(SessionSecrets):
    """A keychain that takes nothing until a person says "for this session only"."""

    session_only = False

    def use_session_only(self) -> None:
        self.session_only = True

    @override
    async def set(self, name: str, value: str) -> None:
        if not self.session_only:
            raise SecretsUnavailable("No keychain here passed the test of keeping a secret.")
        await super().set(name, value)

    @override
    def describe(self) -> str:
        return "this session only" if self.session_only else "GNOME Keyring"


@dataclass(kw_only=True)
class Scene:
    bench: Bench
    page: SignInPage
    settings_file: Path

    def enter(self, argument: object = None) -> None:
        self.page.enter(argument)
        self.page.refresh(self.bench.store.state, EVERYTHING)

    def fill(self, **fields: str) -> None:
        for name, text in fields.items():
            edit = child(self.page, QLineEdit, f"sign_in.{name}")
            edit.setText(text)
            edit.textEdited.emit(text)

    def fill_from(self, simulator: Simulator) -> None:
        own = simulator.credentials
        self.fill(
            user=own.user,
            secret=own.secret,
            integration_code=own.integration_code,
            address=simulator.base_url,
        )

    def press(self, name: str) -> None:
        button = child(self.page, Button, f"sign_in.{name}")
        assert button.isVisibleTo(self.page), f"{name} is not offered"
        button.click()

    async def tested(self) -> list[str]:
        """Presses the button and waits for what comes out, as lines."""
        self.press("go")
        await until(lambda: self.page._testing is None)
        return self.page.checklist.lines


Stage = Callable[..., AbstractAsyncContextManager[Scene]]


@pytest.fixture
def stage(theme: Theme, settings_file: Path) -> Stage:
    @asynccontextmanager
    async def make(
        *, secrets: Secrets | None = None, size: tuple[int, int] = (1120, 560), bootstrap: str | None = None
    ) -> AsyncIterator[Scene]:
        async with bench(theme, settings_file, zones={}, secrets=secrets or SessionSecrets()) as b:
            services = dataclasses.replace(b.services, bootstrap_url=bootstrap)
            page = create(services)
            assert isinstance(page, SignInPage)
            b.host.resize(*size)
            layout = QVBoxLayout(b.host)
            layout.setContentsMargins(0, 0, 0, 0)
            layout.addWidget(page)
            scene = Scene(bench=b, page=page, settings_file=settings_file)
            scene.enter()
            b.store.changed.connect(lambda changes: page.refresh(b.store.state, changes))
            b.host.show()
            yield scene
            page.leave()
            assert b.errors == []

    return make


TICKET = {"companyID": 0, "title": "Composed before", "status": 1, "priority": 2, "queueID": 8}


def test_sign_in_sends_what_was_composed_before(run: Any, stage: Stage) -> None:
    async def scenario() -> None:
        async with run_simulator(seed=7) as simulator, stage() as scene:
            queue = scene.bench.queue
            receipt = await queue.submit("/Tickets", "POST", "zone1", data=TICKET)
            assert receipt.status is Status.HELD
            scene.fill_from(simulator)
            scene.fill(resource="29682886")
            lines = await scene.tested()
            assert [line[0] for line in lines] == ["✓"] * 5
            assert "10 000 calls used this hour" in lines[3].replace("\N{NARROW NO-BREAK SPACE}", " ")
            assert scene.page.message.startswith("✓ You are signed in.")
            assert (await queue.result(receipt.id, timeout=5)).ok
            zone = queue.zones["zone1"]
            assert (zone.user, zone.resource_id) == (simulator.credentials.user, 29682886)
            # References in the file, the secrets nowhere but in their home.
            text = scene.settings_file.read_text()
            assert 'secret = "keyring:zone1/secret"' in text
            assert simulator.credentials.secret not in text
            assert simulator.credentials.integration_code not in text
            assert await scene.bench.services.secrets.get("zone1/secret") == simulator.credentials.secret
            scene.press("queue")
            assert scene.bench.visited == [("queue", None)]

    run(scenario())


def test_what_is_missing_is_said_at_its_field(run: Any, stage: Stage) -> None:
    async def scenario() -> None:
        async with stage() as scene:
            scene.fill(resource="anna")
            scene.press("go")
            errors = {name: row.error for name, row in scene.page.fields.rows.items()}
            assert errors == {
                "user": "Fill in the API user’s name.",
                "secret": "Fill in the API user’s secret.",
                "integration_code": "Fill in the integration code. Autotask calls it tracking identifier.",
                "address": "",
                "resource": "A resource number has only digits.",
            }
            assert scene.page._testing is None

    run(scenario())


@pytest.mark.parametrize(
    ("wrong", "line"),
    [
        ({"user": "nobody@nowhere.example"}, "✕ Zone: Autotask knows no such API user."),
        ({"secret": SECRET}, "✕ Sign-in: Autotask knows the user, but refuses the sign-in"),
        ({"integration_code": CODE}, "✕ Sign-in: Autotask knows the user, but refuses the sign-in"),
        (
            {"address": "https://example.com/"},
            "✕ Zone: https://example.com/ is not an address of Autotask’s.",
        ),
        ({"address": "http://127.0.0.1:9/"}, "✕ Internet: "),
    ],
)
def test_each_mistake_is_named_with_its_remedy_and_nothing_changes(
    run: Any, stage: Stage, wrong: dict[str, str], line: str
) -> None:
    async def scenario() -> None:
        async with run_simulator(seed=7) as simulator, stage() as scene:
            scene.fill_from(simulator)
            scene.fill(**wrong)
            lines = await scene.tested()
            [red] = [one for one in lines if one.startswith("✕")]
            assert red.startswith(line)
            assert red.count(".") >= 2  # what happened, and what to do
            assert scene.page.message == "✕ Nothing was changed. Mend the red line and test again."
            assert scene.bench.queue.zones == {}
            assert not scene.settings_file.exists()
            assert await scene.bench.services.secrets.get("zone1/secret") is None
            # Saving untested is offered only where testing was impossible.
            offered = child(scene.page, Button, "sign_in.save_untested").isVisibleTo(scene.page)
            assert offered == (red.startswith("✕ Internet"))
            words = "\n".join(label.text() for label in scene.page.findChildren(QLabel))
            assert SECRET not in words
            assert CODE not in words
            # Mended, it works.
            scene.fill_from(simulator)
            assert [one[0] for one in await scene.tested()] == ["✓"] * 5

    run(scenario())


class _Portal(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        page = b"<html>Welcome to Hotel Wi-Fi. Please sign in.</html>"
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(page)))
        self.end_headers()
        self.wfile.write(page)

    @override
    def log_message(self, format: str, *args: object) -> None:
        """Says nothing."""


def test_a_captive_portal_is_named(run: Any, stage: Stage) -> None:
    portal = ThreadingHTTPServer(("127.0.0.1", 0), _Portal)
    thread = Thread(target=portal.serve_forever, daemon=True)
    thread.start()

    async def scenario() -> None:
        async with stage() as scene:
            address = f"http://127.0.0.1:{portal.server_port}/"
            scene.fill(user="anna@acme.example", secret=SECRET, integration_code=CODE, address=address)
            [red] = [one for one in await scene.tested() if one.startswith("✕")]
            assert "as Wi-Fi sign-in pages do" in red
            assert "sign in to the network" in red

    try:
        run(scenario())
    finally:
        portal.shutdown()
        portal.server_close()
        thread.join()


def test_a_server_that_does_not_answer_can_be_given_up(run: Any, stage: Stage) -> None:
    async def scenario() -> None:
        async with run_simulator(seed=7) as simulator, stage() as scene:
            simulator.add_fault("hang")
            scene.fill_from(simulator)
            scene.press("go")
            assert child(scene.page, Button, "sign_in.go").text() == "Stop testing"
            assert not child(scene.page, QLineEdit, "sign_in.user").isEnabled()
            await until(lambda: simulator.state()["requests"] > 0)
            scene.press("go")
            await until(lambda: scene.page._testing is None)
            assert child(scene.page, Button, "sign_in.go").text() == "Test and sign in"
            assert child(scene.page, QLineEdit, "sign_in.user").text() == simulator.credentials.user
            await simulator.end_faults()
            assert [one[0] for one in await scene.tested()] == ["✓"] * 5

    run(scenario())


def test_skipping_goes_on_composing(run: Any, stage: Stage) -> None:
    async def scenario() -> None:
        async with stage() as scene:
            scene.press("skip")
            assert scene.bench.visited == [("compose", None)]
            assert scene.bench.services.toasts.texts == []  # the banner says it
            assert scene.bench.queue.zones == {}

    run(scenario())


def test_offline_it_is_saved_untested_and_works_later(run: Any, stage: Stage) -> None:
    async def scenario() -> None:
        async with run_simulator(seed=7) as simulator, stage() as scene:
            simulator.add_fault("offline", refuse=True)
            scene.fill_from(simulator)
            lines = await scene.tested()
            assert lines[0].startswith("✕ Internet: ")
            scene.press("save_untested")
            await until(lambda: scene.page.message == "✓ Saved. It is tested when you are online.")
            receipt = await scene.bench.queue.submit("/Tickets", "POST", "zone1", data=TICKET)
            await simulator.end_faults()
            await scene.bench.queue.check_connection()
            await scene.bench.queue.send_now()
            assert (await scene.bench.queue.result(receipt.id, timeout=8)).ok

    run(scenario())


def test_without_a_keychain_it_says_so_and_keeps_it_for_the_session(run: Any, stage: Stage) -> None:
    async def scenario() -> None:
        async with run_simulator(seed=7) as simulator, stage(secrets=Locked()) as scene:
            scene.fill_from(simulator)
            await scene.tested()
            assert "This system has no secure place for passwords" in scene.page.message
            assert scene.bench.queue.zones == {}
            scene.press("session_only")
            await until(lambda: "for this session only: type them in again next time" in scene.page.message)
            assert "zone1" in scene.bench.queue.zones
            assert (
                scene.page.fields.where.text() == "Kept for this session only: type them in again next time."
            )

    run(scenario())


def test_a_refused_sign_in_is_mended(run: Any, stage: Stage) -> None:
    async def scenario() -> None:
        async with run_simulator(seed=7) as simulator, stage() as scene:
            scene.fill_from(simulator)
            await scene.tested()
            await scene.bench.services.secrets.set("zone1/secret", "revoked")
            await scene.bench.queue.set_zone("zone1", scene.bench.queue.zones["zone1"])
            receipt = await scene.bench.queue.submit("/Tickets", "POST", "zone1", data=TICKET)
            await until(scene.bench.queue.gates)
            scene.bench.deliver()
            scene.enter("zone1")
            assert "Sign-in was refused: " in scene.page._intro.text()
            # What is not typed again comes from the keychain; here the secret is what is wrong.
            secret = child(scene.page, QLineEdit, "sign_in.secret")
            assert secret.text() == ""
            assert secret.placeholderText() == "unchanged – type to replace it"
            assert [one for one in await scene.tested() if one.startswith("✕ Sign-in")]
            scene.fill(secret=simulator.credentials.secret)
            assert [one[0] for one in await scene.tested()] == ["✓"] * 5
            assert (await scene.bench.queue.result(receipt.id, timeout=5)).ok

    run(scenario())


def test_the_demo_finds_its_simulator_and_keeps_its_address(run: Any, stage: Stage) -> None:
    async def scenario() -> None:
        async with run_simulator(seed=7) as simulator, stage(bootstrap=simulator.base_url) as scene:
            own = simulator.credentials
            scene.fill(user=own.user, secret=f"  {own.secret} ", integration_code=own.integration_code)
            assert [one[0] for one in await scene.tested()] == ["✓"] * 5
            assert scene.bench.queue.zones["zone1"].url == simulator.base_url

    run(scenario())


def test_secrets_do_not_stay_on_the_page(run: Any, stage: Stage) -> None:
    async def scenario() -> None:
        async with stage() as scene:
            scene.fill(secret=SECRET, integration_code=CODE)
            secret = child(scene.page, QLineEdit, "sign_in.secret")
            assert secret.echoMode() is QLineEdit.EchoMode.Password
            scene.press("show")
            assert secret.echoMode() is QLineEdit.EchoMode.Normal
            scene.page.leave()
            assert secret.text() == ""
            assert SECRET not in repr(Details(user="a", secret=SECRET, integration_code=CODE))
            stored = await scene.bench.queue.get_requests(RequestFilter())
            assert stored == []

    run(scenario())


@pytest.mark.parametrize("size", [(1120, 560), (948, 424)])
def test_nothing_is_clipped_and_everything_has_a_name(
    qapp: QApplication, run: Any, stage: Stage, size: tuple[int, int]
) -> None:
    async def scenario() -> None:
        async with stage(size=size) as scene:
            scene.press("more")
            scene.fill(user="a", secret="b", integration_code="c", address="https://example.com/")
            await scene.tested()
            assert nameless(scene.page) == []
            assert backward(scene.page) == []
            scene.page.window().activateWindow()
            await until(scene.page.window().isActiveWindow)
            assert unringed(scene.page, qapp) == []
            await until(lambda: not clipped(scene.page))

    run(scenario())

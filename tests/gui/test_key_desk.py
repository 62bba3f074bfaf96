"""Where the console gets the key of its queue from, and what it does when a place fails."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLineEdit, QVBoxLayout, QWidget
from tests.gui.harness import until
from tests.gui.looks import child, clipped, nameless
from tests.gui.test_keychain import Keeping, RefusingLater, backends
from typing_extensions import override

from autotask_console.app.key_desk import KeyDesk, QuitInstead
from autotask_console.platform.keychain import SystemSecrets
from autotask_console.settings import Settings, declared
from autotask_console.widgets.button import Button
from autotask_console.widgets.passphrase import PassphraseForm
from autotask_queue import (
    FileKind,
    KeychainKeys,
    QuickSetup,
    StoreKeyMissing,
    SystemClock,
    VaultKeys,
    change_key,
    file_kind,
    key_id,
    key_id_of,
    new_encryption_key,
    vault_path,
)

__all__ = ["backends"]  # the fixture

PASSPHRASE = "four words that stay"


class Full(Keeping):
    """Passes the test and takes no key."""

    @override
    def set_password(self, service: str, username: str, password: str) -> None:
        if username.startswith("queue-key/"):
            raise OSError("no room")
        super().set_password(service, username, password)


class Place:
    """In place of the window: shows what would be shown."""

    def __init__(self) -> None:
        self.host = QWidget()
        self.host.resize(800, 600)
        self.column = QVBoxLayout(self.host)
        self.said: list[str] = []
        self.form: PassphraseForm | None = None

    def say_instead_of_page(self, head: str, more: str = "", buttons: Any = ()) -> None:
        self.said.append(f"{head} {more}")

    def ask_instead_of_page(self, form: PassphraseForm) -> None:
        if form is not self.form:
            self.column.addWidget(form)
            self.form = form
        self.host.show()

    async def asked(self) -> PassphraseForm:
        await until(lambda: self.form is not None and child(self.form, Button, "passphrase.show").isEnabled())
        assert self.form is not None
        return self.form

    async def answer(self, button: str, *typed: str) -> None:
        form = await self.asked()
        await until(lambda: form.isEnabled() and child(form, QLineEdit, "passphrase.first").isEnabled())
        for name, text in zip(("first", "again"), typed, strict=False):
            child(form, QLineEdit, f"passphrase.{name}").setText(text)
        child(form, Button, f"passphrase.{button}").click()


@pytest.fixture
def place(theme: Any) -> Iterator[Place]:
    made = Place()
    yield made
    made.host.close()
    made.host.deleteLater()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "queue.db"


def make_desk(place: Place, path: Path, settings_file: Path, secrets: SystemSecrets | None = None) -> KeyDesk:
    return KeyDesk(
        place,
        queue_file=path,
        secrets=secrets or SystemSecrets(),
        settings=Settings(settings_file),
        clock=SystemClock(),
        actor="anna",
    )


async def fill(path: Path, key: bytes | None) -> None:
    async with QuickSetup.sqlite(path, encryption_key=key):
        pass


def test_a_new_queue_gets_a_key_that_is_in_the_keychain(
    run: Any, backends: Any, place: Place, path: Path, settings_file: Path
) -> None:
    backends(Keeping)

    async def scenario() -> None:
        secrets = SystemSecrets()
        desk = make_desk(place, path, settings_file, secrets)
        key = await desk.key()
        assert key is not None
        assert await KeychainKeys(secrets).get(key_id(key)) == key
        await fill(path, key)
        await desk.opened()
        again = make_desk(place, path, settings_file, secrets)
        assert await again.key() == key
        assert desk._settings.get(declared.KEY_NAME) == key_id_of(path) == key_id(key)
        assert place.form is None

    run(scenario())


def test_a_key_for_a_file_that_never_was_is_removed_again(
    run: Any, backends: Any, place: Place, path: Path, settings_file: Path
) -> None:
    backends(Keeping)

    async def scenario() -> None:
        secrets = SystemSecrets()
        desk = make_desk(place, path, settings_file, secrets)
        key = await desk.key()
        assert key is not None
        await desk.not_opened()
        assert await KeychainKeys(secrets).get(key_id(key)) is None
        await desk.not_opened()

    run(scenario())


@pytest.mark.parametrize("kinds", [(), (Full,)])
def test_a_keychain_that_takes_no_key_leads_to_a_passphrase(
    run: Any, backends: Any, place: Place, tmp_path: Path, kinds: Any
) -> None:
    path = tmp_path / "queue.db"
    backends(*kinds)

    async def scenario() -> None:
        desk = make_desk(place, path, tmp_path / "config.toml")
        waiting = asyncio.ensure_future(desk.key())
        first = await place.asked()
        await place.answer("keychain")
        await until(lambda: place.form is not first)
        await place.answer("encrypt", PASSPHRASE, PASSPHRASE + "!")
        await until(lambda: place.form is not None and "differ" in place.form._row.error)
        await place.answer("encrypt", PASSPHRASE, PASSPHRASE)
        key = await waiting
        assert key is not None
        assert await VaultKeys(vault_path(path), PASSPHRASE).get(key_id(key)) == key

    run(scenario())


def test_the_vault_of_an_earlier_queue_takes_the_key_of_the_next(
    run: Any, backends: Any, place: Place, path: Path, settings_file: Path
) -> None:
    backends()

    async def scenario() -> None:
        old = new_encryption_key()
        vault = VaultKeys(vault_path(path), PASSPHRASE)
        await vault.keep(old)
        waiting = asyncio.ensure_future(make_desk(place, path, settings_file).key())
        form = await place.asked()
        assert not form.findChildren(QLineEdit, "passphrase.again")
        await place.answer("encrypt", "another passphrase")
        await until(lambda: "does not open" in form._row.error)
        await place.answer("encrypt", PASSPHRASE)
        key = await waiting
        assert key is not None
        assert set(vault.names()) == {key_id(old), key_id(key)}

    run(scenario())


@pytest.mark.expected_logs("could not be encrypted")
def test_what_cannot_be_converted_stays_as_it_is_and_is_said(
    run: Any, backends: Any, place: Place, path: Path, settings_file: Path
) -> None:
    backends(Keeping)

    async def scenario() -> None:
        async with QuickSetup.sqlite(path):  # another program has it open
            desk = make_desk(place, path, settings_file)
            assert await desk.key() is None
            assert "could not be encrypted and stays as it was" in desk.problems[0]
        assert file_kind(path) is FileKind.PLAIN
        key = await desk.key()
        assert key is not None
        assert desk.problems == []
        assert "encrypted now" in desk.news
        assert file_kind(path) is FileKind.ENCRYPTED

    run(scenario())


def test_secrets_for_this_session_only_are_no_place_for_a_key(
    run: Any, backends: Any, place: Place, path: Path, settings_file: Path
) -> None:
    backends(Keeping)

    async def scenario() -> None:
        secrets = SystemSecrets()
        secrets.use_session_only()
        waiting = asyncio.ensure_future(make_desk(place, path, settings_file, secrets).key())
        await place.answer("plain")
        assert await waiting is None

    run(scenario())


def test_a_keychain_that_refuses_is_named_and_the_settings_know_the_key_of_a_damaged_file(
    run: Any, backends: Any, place: Place, path: Path, settings_file: Path
) -> None:
    backends(Keeping)

    async def scenario() -> None:
        secrets = SystemSecrets()
        await fill(path, None)
        await change_key(path, found=None, home=KeychainKeys(secrets), now=1.8e9)
        desk = make_desk(place, path, settings_file, secrets)
        key = await desk.key()
        await desk.opened()
        with path.open("r+b") as file:
            file.write(bytes(range(100, 116)))
        assert await desk.key() == key
        desk._settings.set(declared.KEY_NAME, "")
        with pytest.raises(StoreKeyMissing) as missing:
            await desk.key()
        assert "Unlock the keychain" in missing.value.remedy

    run(scenario())


def test_a_person_may_leave_instead_of_typing(
    run: Any, backends: Any, place: Place, path: Path, settings_file: Path
) -> None:
    backends(RefusingLater)

    async def scenario() -> None:
        vault = VaultKeys(vault_path(path), PASSPHRASE)
        await fill(path, None)
        await change_key(path, found=None, home=vault, now=1.8e9)
        waiting = asyncio.ensure_future(make_desk(place, path, settings_file).key())
        await place.answer("open", "not that one at all")
        form = await place.asked()
        await until(lambda: "does not open" in form._row.error)
        assert form.passphrase == ""
        await place.answer("quit")
        with pytest.raises(QuitInstead):
            await waiting

    run(scenario())


def test_the_form_is_walked_with_the_keyboard(place: Place) -> None:
    form = PassphraseForm(
        "Protect your queue", "Because.", new=True, buttons=(("encrypt", "Encrypt"), ("plain", "Start"))
    )
    answers: list[str] = []
    form.answered.connect(answers.append)
    place.ask_instead_of_page(form)
    first, again = (child(form, QLineEdit, f"passphrase.{name}") for name in ("first", "again"))
    first.setFocus()
    QTest.keyClicks(first, "seven letters")
    QTest.keyClick(first, Qt.Key.Key_Return)
    assert (answers, place.host.focusWidget()) == ([], again)
    QTest.keyClicks(again, "seven letters")
    QTest.keyClick(again, Qt.Key.Key_Return)
    assert answers == ["encrypt"]
    assert (form.passphrase, form.again) == ("seven letters", "seven letters")
    assert first.echoMode() is QLineEdit.EchoMode.Password
    child(form, Button, "passphrase.show").click()
    assert again.echoMode() is QLineEdit.EchoMode.Normal
    form.forget()
    assert (form.passphrase, again.echoMode()) == ("", QLineEdit.EchoMode.Password)
    assert nameless(form) == []
    assert clipped(form) == []

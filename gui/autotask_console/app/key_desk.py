"""Gets the key of the queue file before it is opened: from the keychain, or behind a passphrase.

A new file is encrypted, and a plain one is converted, as long as there is a place for the key. Where there is
no keychain a person chooses a passphrase, or starts without encryption and is asked again next time: nobody
is kept from work.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Protocol

from autotask_console.errors import say
from autotask_console.platform.keychain import SystemSecrets
from autotask_console.settings import Settings, declared
from autotask_console.text import tr
from autotask_console.widgets.passphrase import PassphraseForm
from autotask_queue import (
    Clock,
    FileKind,
    InvalidPassphrase,
    KeychainKeys,
    KeyHome,
    KeysUnusable,
    PassphraseWrong,
    QueueConfig,
    QueueError,
    QueueManager,
    Recovery,
    SecretsError,
    SecretsUnavailable,
    StoreError,
    StoreKeyMissing,
    VaultKeys,
    change_key,
    file_kind,
    find_key,
    key_id,
    key_id_of,
    new_encryption_key,
    vault_path,
)

logger = logging.getLogger(__name__)

Use = Callable[[KeyHome], Awaitable[bytes]]


class QuitInstead(Exception):
    """A person was asked for the passphrase and wants to end the program."""


class Place(Protocol):
    """Where things are said and asked before there are pages: the window."""

    def say_instead_of_page(
        self, head: str, more: str = "", buttons: tuple[tuple[str, str], ...] = ()
    ) -> None: ...

    def ask_instead_of_page(self, form: PassphraseForm) -> None: ...


class KeyDesk:
    """`open()` for each try; afterwards `problems` and `news` are what to tell.

    `encrypted` says how the file is kept, None for the demo.
    """

    def __init__(
        self,
        place: Place,
        *,
        queue_file: Path,
        secrets: SystemSecrets,
        settings: Settings,
        clock: Clock,
        actor: str,
        demo: bool = False,
    ) -> None:
        self._place = place
        self._path = queue_file
        self._vault = vault_path(queue_file)
        self._secrets = secrets
        self._keychain = KeychainKeys(secrets)
        self._settings = settings
        self._clock = clock
        self._actor = actor
        self._demo = demo
        self._fresh: tuple[KeyHome, str] | None = None
        self.problems: list[str] = []
        self.news = ""
        self.encrypted: bool | None = None

    async def open(self, config: QueueConfig) -> tuple[QueueManager, Recovery]:
        """The queue, open with its key. That of the demo is plain: nothing in it is anybody's.

        Raises:
            QueueError: it could not be opened; it can be tried again.
            QuitInstead: see there.
        """
        key = None if self._demo else await self.key()
        try:
            queue = QueueManager(config, secrets=self._secrets, clock=self._clock, encryption_key=key)
            recovery = await queue.initialize()
        except QueueError:
            await self.not_opened()
            raise
        if not self._demo:
            await self.opened()
            self.encrypted = key is not None
        return queue, recovery

    async def key(self) -> bytes | None:
        """The key to open the queue with; None for a plain file.

        Raises:
            StoreKeyMissing: it is encrypted, and its key was not found.
            KeysUnusable: the vault of the key is damaged.
            QuitInstead: see there.
        """
        self.problems, self.news = [], ""
        kind = await asyncio.to_thread(file_kind, self._path)
        if kind is FileKind.ENCRYPTED:
            return await self._known_key()
        if self._settings.get(declared.ENCRYPTION) == "off":
            return None
        if kind is FileKind.PLAIN:
            return await self._converted()
        return await self._new_key()

    async def opened(self) -> None:
        """The queue is open: the name of its key is remembered, for a file whose beginning is damaged."""
        self._fresh = None
        name = await asyncio.to_thread(key_id_of, self._path)
        self._settings.set(declared.KEY_NAME, name)

    async def not_opened(self) -> None:
        """It could not be opened: a key that was made for it and encrypts nothing is removed."""
        if self._fresh is None:
            return
        home, name = self._fresh
        self._fresh = None
        if await asyncio.to_thread(file_kind, self._path) is not FileKind.ENCRYPTED:
            try:
                await home.forget(name)
            except SecretsError as error:
                logger.info("a key that is not needed stays: %s", error.message)

    # -- a file that is encrypted already

    async def _known_key(self) -> bytes:
        damaged: KeysUnusable | None = None
        try:
            if await asyncio.to_thread(key_id_of, self._path) in VaultKeys(self._vault, "").names():
                return await self._typed_key()
        except KeysUnusable as error:  # the key may be in the keychain all the same
            damaged = error
        self._say_asking()
        names = [known] if (known := self._settings.get(declared.KEY_NAME)) else []
        try:
            return (await find_key(self._path, [self._keychain], names=names)).key
        except StoreKeyMissing as error:
            if damaged is not None:
                raise damaged from error
            if self._vault.exists():
                return await self._typed_key()
            raise StoreKeyMissing(
                tr("Its key was not found. {why}", why=error.message), remedy=_key_missing()
            ) from error

    async def _typed_key(self) -> bytes:
        form = PassphraseForm(
            tr("Your queue is locked"),
            tr("Type the passphrase that you chose. Everything that you queued is kept as it is."),
            new=False,
            buttons=(("open", tr("Open the queue")), ("quit", tr("Quit"))),
        )
        while await self._answer(form) == "open":
            form.set_busy(True)
            try:
                return (await find_key(self._path, [VaultKeys(self._vault, form.passphrase)])).key
            except PassphraseWrong as error:
                form.set_busy(False)
                form.forget()
                form.set_error(say(error, "").sentence)
        raise QuitInstead

    # -- a file that is plain, or not there yet

    async def _converted(self) -> bytes | None:
        try:
            return await self._in_a_home(self._convert)
        except StoreError as error:  # in use, another program's, no room: opening it says what else is wrong
            logger.warning("the queue file could not be encrypted: %s", error)
            self.problems.append(
                tr("The queue file could not be encrypted and stays as it was. {why}", why=error.message)
            )
            return None

    async def _convert(self, home: KeyHome) -> bytes:
        self._place.say_instead_of_page(
            tr("Encrypting your queue…"), tr("This is done once. A large queue takes a minute.")
        )
        done = await change_key(self._path, found=None, home=home, actor=self._actor, now=self._clock.now())
        self.problems += [*done.notes, *done.left]
        self.news = tr("Your queue file is encrypted now. Its key is in {home}.", home=home.describe())
        return (await find_key(self._path, [home])).key

    async def _new_key(self) -> bytes | None:
        return await self._in_a_home(self._keep_new)

    async def _keep_new(self, home: KeyHome) -> bytes:
        key = new_encryption_key()
        await home.keep(key)
        self._fresh = (home, key_id(key))
        return key

    async def _in_a_home(self, use: Use) -> bytes | None:
        """What `use` gives with the first place that keeps a key; None without encryption."""
        while True:
            try:
                return await self._in_keychain(use)
            except SecretsError as error:
                trouble = error
            form = self._new_form(trouble)
            while (answer := await self._answer(form)) == "encrypt":
                form.set_busy(True)
                try:
                    return await self._in_vault(form, use)
                except SecretsError as error:
                    form.set_busy(False)
                    form.set_error(say(error, "").sentence)
                    self._place.ask_instead_of_page(form)
            if answer == "plain":
                return None

    async def _in_keychain(self, use: Use) -> bytes:
        if self._secrets.session_only:
            raise SecretsUnavailable(tr("Secrets are kept for this session only."))
        self._say_asking()
        await self._secrets.check()
        return await use(self._keychain)

    async def _in_vault(self, form: PassphraseForm, use: Use) -> bytes:
        if form.again != form.passphrase:
            raise InvalidPassphrase(
                tr("The two passphrases differ."), remedy=tr("Type it twice in the same way.")
            )
        return await use(VaultKeys(self._vault, form.passphrase))

    # -- words

    def _say_asking(self) -> None:
        self._place.say_instead_of_page(
            tr("Opening your queue…"),
            tr(
                "Asking the system’s keychain for its key. If a window asks for your password, type it there."
            ),
        )

    def _new_form(self, trouble: SecretsError) -> PassphraseForm:
        buttons = (
            ("encrypt", tr("Encrypt with this passphrase")),
            ("keychain", tr("Ask the keychain again")),
            ("plain", tr("Start without encryption")),
        )
        if self._vault.exists():
            more = tr(
                "Keys of an earlier queue lie behind a passphrase here. Type it, and the key of this one is "
                "kept there too."
            )
            return PassphraseForm(tr("Type the passphrase of your queue"), more, new=False, buttons=buttons)
        more = tr(
            "{why} With a passphrase, all that you queue is encrypted on this laptop, and you type it at "
            "each start. Nobody can open the queue without it, and nobody can give you another one.",
            why=trouble.message,
        )
        return PassphraseForm(tr("Protect your queue with a passphrase"), more, new=True, buttons=buttons)

    async def _answer(self, form: PassphraseForm) -> str:
        answer: asyncio.Future[str] = asyncio.get_running_loop().create_future()

        def answered(button_id: str) -> None:
            if not answer.done():
                answer.set_result(button_id)

        form.answered.connect(answered)
        self._place.ask_instead_of_page(form)
        return await answer


def _key_missing() -> str:
    return tr(
        "Unlock the keychain of this computer, as the user who queued, and try again. Nothing was changed. "
        "If the key is lost for good, nobody can read this file: move it away to begin a new queue."
    )

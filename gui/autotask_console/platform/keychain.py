"""The system's keychain: keyring's one home.

keyring is never asked which backend it would like: with `keyrings.alt` installed it silently takes a
plain-text file, `null` accepts and forgets, and an environment variable may name anything. Only the
backends listed here are used, and only after they kept a random probe. Every call runs in a thread of
its own with a time limit, because a locked keychain asks its owner and blocks until they answer.
"""

from __future__ import annotations

import asyncio
import importlib
import logging
import secrets as random_values
import sys
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from autotask_queue import KNOWN_SECRETS, SecretsError, SecretsUnavailable

if TYPE_CHECKING:
    from keyring.backend import KeyringBackend

logger = logging.getLogger(__name__)

T = TypeVar("T")

SERVICE = "autotask-queue"
TIMEOUT = 10.0
"""Seconds for one call; long enough for a person to type a password into a small prompt."""

_ALLOWED: dict[str, tuple[tuple[str, str, str], ...]] = {
    "linux": (
        ("keyring.backends.SecretService", "Keyring", "Secret Service (GNOME Keyring, KeePassXC)"),
        ("keyring.backends.libsecret", "Keyring", "Secret Service (libsecret)"),
        ("keyring.backends.kwallet", "DBusKeyring", "KWallet"),
    ),
    "win32": (("keyring.backends.Windows", "WinVaultKeyring", "Windows Credential Manager"),),
    "darwin": (("keyring.backends.macOS", "Keyring", "macOS Keychain"),),
}
"""(module, class, name for people) by `sys.platform`, best first."""


_LOCKED = ("KeyringLocked", "InitError", "PromptDismissedException", "LockedException")
"""What backends raise when nobody unlocked them."""


class SystemSecrets:
    """Secrets in the system's keychain, or, when a person said so, in memory for this session.

    Nothing touches the keychain before the first call. `get`, `set` and `delete` raise
    `SecretsUnavailable` where no trustworthy keychain answers, and `SecretsError` where it refuses.
    """

    def __init__(self, *, service: str = SERVICE, timeout: float = TIMEOUT) -> None:
        self._service = service
        self._timeout = timeout
        self._backend: KeyringBackend | None = None
        self._home = ""
        self._session: dict[str, str] = {}
        self._session_only = False
        self._choosing = asyncio.Lock()

    @property
    def session_only(self) -> bool:
        """Secrets are kept in memory and must be typed in again next time."""
        return self._session_only

    def use_session_only(self) -> None:
        """From now on `set` keeps secrets in memory; the keychain is still read."""
        self._session_only = True

    def describe(self) -> str:
        """For people: the keychain's name, or that it is this session only."""
        if self._session_only:
            return "this session only"
        return self._home or "the system’s keychain"

    async def check(self) -> str:
        """Proves that the keychain keeps a secret; its name.

        Raises:
            SecretsUnavailable: there is none that can be trusted, or it did not answer in time.
        """
        await self._ready()
        return self._home

    async def get(self, name: str) -> str | None:
        name = _bare(name)
        if name in self._session:
            return self._session[name]
        if self._session_only:
            return None
        backend = await self._ready()
        value = await self._call(lambda: backend.get_password(self._service, name))
        if value:
            KNOWN_SECRETS.add(value)
        return value

    async def set(self, name: str, value: str) -> None:
        name = _bare(name)
        KNOWN_SECRETS.add(value)
        if self._session_only:
            self._session[name] = value
            return
        backend = await self._ready()
        await self._call(lambda: backend.set_password(self._service, name, value))
        self._session.pop(name, None)

    async def delete(self, name: str) -> None:
        name = _bare(name)
        self._session.pop(name, None)
        if self._session_only:
            return
        backend = await self._ready()
        if await self._call(lambda: backend.get_password(self._service, name)) is not None:
            await self._call(lambda: backend.delete_password(self._service, name))

    async def _ready(self) -> KeyringBackend:
        async with self._choosing:
            if self._backend is None:
                found = await self._call(lambda: _choose(self._service))
                if isinstance(found, str):
                    raise SecretsUnavailable(found)
                self._backend, self._home = found
                logger.info("keychain: %s", self._home)
            return self._backend

    async def _call(self, work: Callable[[], T]) -> T:
        try:
            return await _in_thread(work, timeout=self._timeout)
        except TimeoutError:
            raise SecretsUnavailable(
                f"The system's keychain did not answer within {self._timeout:g} seconds. It may be locked.",
                remedy="Unlock the keychain and try again, or use the sign-in for this session only.",
            ) from None
        except _foreign_errors() as error:
            raise SecretsError(f"The system's keychain refused ({type(error).__name__}).") from error


def open_secrets() -> SystemSecrets:
    """The console's secrets; also the entry point that the command line asks for a file's key."""
    return SystemSecrets()


def _bare(name: str) -> str:
    return name.removeprefix("keyring:").removeprefix("session:")


def _choose(service: str) -> tuple[KeyringBackend, str] | str:
    """The first allowed backend that keeps a probe, or in words why there is none. Runs in a thread."""
    why = "No keychain here passed the test of keeping a secret."
    for module, kind, home in _ALLOWED.get(sys.platform, ()):
        try:
            backend: KeyringBackend = getattr(importlib.import_module(module), kind)()
            if backend.priority > 0 and _keeps_a_probe(backend, service):
                return backend, home
        except _foreign_errors(ImportError, AttributeError, RuntimeError) as error:
            logger.info("keychain %s: %s", module, type(error).__name__)
            if type(error).__name__ in _LOCKED:
                why = f"{home} is locked."
    return why


def _keeps_a_probe(backend: KeyringBackend, service: str) -> bool:
    name, value = f"probe/{random_values.token_hex(4)}", random_values.token_hex(16)
    backend.set_password(service, name, value)
    kept = backend.get_password(service, name) == value
    backend.delete_password(service, name)
    return kept and backend.get_password(service, name) is None


def _foreign_errors(*also: type[Exception]) -> tuple[type[Exception], ...]:
    """What backends raise; those of the Linux ones exist only where they are installed."""
    from keyring.errors import KeyringError

    errors: list[type[Exception]] = [KeyringError, OSError, *also]
    for module, name in (
        ("secretstorage.exceptions", "SecretStorageException"),
        ("jeepney.wrappers", "DBusErrorResponse"),
    ):
        if module.partition(".")[0] in sys.modules:
            errors.append(getattr(importlib.import_module(module), name))
    return tuple(errors)


async def _in_thread(work: Callable[[], T], *, timeout: float) -> T:
    """Runs `work` in a daemon thread: one that hangs in a locked keychain must not hold the program.

    Raises:
        TimeoutError: it did not end in time; whatever it does later is ignored.
    """
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()

    def settle(value: T | None, error: BaseException | None) -> None:
        if future.done():
            return
        if error is not None:
            future.set_exception(error)
        else:
            future.set_result(value)  # type: ignore[arg-type]  # None only if T admits it

    def run() -> None:
        value, error = None, None
        try:
            value = work()
        except _foreign_errors(ImportError, AttributeError, RuntimeError) as caught:
            error = caught
        if not loop.is_closed():
            loop.call_soon_threadsafe(settle, value, error)

    threading.Thread(target=run, name="keychain", daemon=True).start()
    async with asyncio.timeout(timeout):
        return await future


def loadable() -> list[str]:
    """Names of the allowed backends whose modules are here; nothing is asked of any keychain."""
    names = []
    for module, kind, home in _ALLOWED.get(sys.platform, ()):
        try:
            getattr(importlib.import_module(module), kind)
        except (ImportError, AttributeError):
            continue
        names.append(home)
    return names

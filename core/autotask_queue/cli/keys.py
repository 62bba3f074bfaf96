"""Where the command line finds the key of an encrypted queue file, and where it may keep a new one.

In this order: the key file that `--key-file` or AUTOTASK_QUEUE_KEY_FILE names, and then nothing else; the
home of secrets that an installed package offers (the console: the system's keychain); the passphrase vault
beside the queue file, whose passphrase is asked for at a terminal.
"""

from __future__ import annotations

import getpass
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final, TypeVar

from autotask_queue.cli.secret_homes import CommandLineSecrets
from autotask_queue.cli.settings import Settings
from autotask_queue.model.errors import (
    KeysUnusable,
    PassphraseWrong,
    SecretsError,
    StoreKeyMissing,
    StoreNotEncrypted,
)
from autotask_queue.store.custody import FoundKey, file_kind, find_key
from autotask_queue.store.key_homes import KeychainKeys, KeyFile, KeyHome, VaultKeys
from autotask_queue.store.sqlite.cipher import FileKind
from autotask_queue.store.vault import Vault, check_passphrase, vault_path

T = TypeVar("T")

_TRIES: Final = 3
NO_KEY: Final = (
    "Run the command in the desktop session whose keychain has the key, unlocked; or name its key file with "
    "--key-file. The queue file was not changed, and nothing in it is lost."
)


def given_key(settings: Settings) -> bytes | None:
    """What a new queue is encrypted with: the last key in the named key file.

    None if no key file is named, and for a file that is encrypted already: see `found_key`.

    Raises:
        SecretsError: the key file cannot be used, or holds no key.
        StoreNotEncrypted: the queue file is plain.
    """
    if settings.key_file is None:
        return None
    keys = KeyFile(settings.key_file).read()
    if not keys:
        raise KeysUnusable(
            f"The key file {settings.key_file} holds no key.",
            remedy="Name the right file, or make a key with `autotask-queue encryption encrypt --key-file`.",
        )
    kind = FileKind.EMPTY if settings.shared else file_kind(settings.database)
    if kind is FileKind.PLAIN:
        raise StoreNotEncrypted(
            f"A key file was named, but {settings.database} is plain: everything in it can be read without.",
            remedy="Encrypt it with `autotask-queue encryption encrypt`, or leave the key file out.",
        )
    return None if kind is FileKind.ENCRYPTED else keys[-1]


async def found_key(settings: Settings, secrets: CommandLineSecrets, *, copy: Path | None = None) -> FoundKey:
    """The key of the encrypted queue file; a person at the terminal may be asked for a passphrase.

    With `copy`, the key of that copy of it, which lies in the same places.

    Raises:
        StoreKeyMissing: it was not found.
        PassphraseWrong: what was typed three times is not the passphrase.
        SecretsError: the key file or the vault cannot be used.
    """
    file = copy or settings.database
    if settings.key_file is not None:
        home = KeyFile(settings.key_file)
        home.read()  # what is wrong with a file that somebody named is said as it is
        return await find_key(file, [home])
    try:
        return await find_key(file, keychains(secrets))
    except StoreKeyMissing as error:
        if not vault_path(settings.database).exists():
            raise StoreKeyMissing(error.message, remedy=NO_KEY) from error
    return await _from_vault(file, vault_path(settings.database))


def keychains(secrets: CommandLineSecrets) -> list[KeyHome]:
    """The keychain, where one is offered to the command line."""
    home = secrets.keychain()
    return [] if home is None else [KeychainKeys(home)]


async def _from_vault(file: Path, path: Path) -> FoundKey:
    Vault(path).names()  # a damaged one is said before anybody types
    if not sys.stdin.isatty():
        raise StoreKeyMissing(
            f"{file} is encrypted, and its key lies behind a passphrase in {path}.",
            remedy="Run the command in a terminal, where you are asked for the passphrase; or name "
            "a key file with --key-file. Nothing was changed.",
        )
    return await _typed(lambda passphrase: find_key(file, [VaultKeys(path, passphrase)]))


async def open_vault(database: Path) -> VaultKeys:
    """The vault beside the queue file with its passphrase, or a new one with a new passphrase.

    Raises:
        SecretsError: the vault cannot be used, or nobody is there to type.
    """
    path = vault_path(database)
    if not Vault(path).exists():
        return VaultKeys(path, new_passphrase())

    async def opened(passphrase: str) -> VaultKeys:
        home = VaultKeys(path, passphrase)
        await home.get("")
        return home

    require_terminal()
    return await _typed(opened)


def new_passphrase() -> str:
    """Asks for a new passphrase, twice.

    Raises:
        InvalidPassphrase: it is too short, or the two differ.
        SecretsError: there is no terminal.
    """
    require_terminal()
    typed = _ask("A new passphrase for the queue file: ")
    check_passphrase(typed, again=_ask("The same again: "))
    return typed


def require_terminal() -> None:
    """Refuses to go on where nobody can type a passphrase.

    Raises:
        SecretsError: there is no terminal.
    """
    if not sys.stdin.isatty():
        raise SecretsError(
            "A passphrase must be typed, and there is no terminal.",
            remedy="Run the command in a terminal, or use a key file: --key-file. Nothing was changed.",
        )


async def _typed(use: Callable[[str], Awaitable[T]]) -> T:
    """What a passphrase opens that a person types; the last of three tries must be right."""
    for _ in range(_TRIES - 1):
        try:
            return await use(_ask(_KNOWN))
        except PassphraseWrong as error:
            print(f"{error.title}. Try again.", file=sys.stderr)
    return await use(_ask(_KNOWN))


_KNOWN: Final = "The passphrase of the queue file: "


def _ask(prompt: str) -> str:
    try:
        return getpass.getpass(prompt)
    except EOFError:
        raise KeysUnusable(
            "No passphrase was typed.", remedy="Run the command again and type it. Nothing was changed."
        ) from None

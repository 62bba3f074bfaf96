"""How a queue file is kept, and where its key is: for `encryption status` and `doctor`."""

from __future__ import annotations

import msgspec

from autotask_queue.cli.keys import keychains
from autotask_queue.cli.secret_homes import CommandLineSecrets
from autotask_queue.cli.settings import Settings
from autotask_queue.model.errors import SecretsError, StoreKeyMissing
from autotask_queue.store.custody import file_kind, find_key
from autotask_queue.store.key_homes import KeyFile, KeyHome
from autotask_queue.store.sqlite.cipher import FileKind, key_id_of
from autotask_queue.store.sqlite.conversion import copies_of
from autotask_queue.store.vault import Vault, vault_path


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """How a queue file is kept. `key_in` is empty if its key was not found without asking anybody."""

    file: str
    encrypted: bool
    key_name: str = ""
    key_in: str = ""
    problem: str = ""
    plain_copies: tuple[str, ...] = ()


async def look(settings: Settings, secrets: CommandLineSecrets) -> Status:
    """How the queue file is kept. Nobody is asked for anything."""
    database = settings.database
    encrypted = file_kind(database) is FileKind.ENCRYPTED
    plain = tuple(copy.name for copy in copies_of(database) if file_kind(copy) is FileKind.PLAIN)
    if not encrypted:
        return Status(file=str(database), encrypted=False, plain_copies=plain)
    name = key_id_of(database)
    status = Status(file=str(database), encrypted=True, key_name=name, plain_copies=plain)
    vault = Vault(vault_path(database))
    homes: list[KeyHome] = keychains(secrets)
    try:
        if settings.key_file is not None:
            homes = [KeyFile(settings.key_file)]
        elif vault.exists() and name in vault.names():
            return msgspec.structs.replace(status, key_in=f"the passphrase vault {vault.path}")
        found = await find_key(database, homes)
    except (StoreKeyMissing, SecretsError) as error:
        return msgspec.structs.replace(status, problem=error.message)
    return msgspec.structs.replace(status, key_in=found.home.describe())

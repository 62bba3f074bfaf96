"""`encryption`: whether the queue file can be read by who has the disk, and changing that."""

from __future__ import annotations

import argparse
import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec

from autotask_queue.cli.access import find_owner
from autotask_queue.cli.arguments import Subparsers, help_with
from autotask_queue.cli.context import Context
from autotask_queue.cli.errors import Exit, NoQueueFile, WrongArguments
from autotask_queue.cli.keys import found_key, keychains, new_passphrase, open_vault
from autotask_queue.cli.places import expand
from autotask_queue.cli.protection import look
from autotask_queue.model.errors import (
    SecretsError,
    SecretsUnavailable,
    StoreInUse,
    StoreNotEncrypted,
    StoreUnsuitable,
)
from autotask_queue.store.custody import FoundKey, change_key, file_kind
from autotask_queue.store.key_homes import KeyFile, KeyHome
from autotask_queue.store.sqlite.cipher import FileKind, key_id_of
from autotask_queue.store.sqlite.conversion import Converted, change_encryption
from autotask_queue.store.vault import Vault, vault_path

_ENCRYPTION = """
  autotask-queue encryption status
  autotask-queue encryption encrypt
"""
_STATUS = """
  autotask-queue encryption status
  autotask-queue encryption status --json
"""
_ENCRYPT = """
  autotask-queue encryption encrypt
  autotask-queue encryption encrypt --in-vault
  autotask-queue --db /srv/outbox/queue.db encryption encrypt --in-file /etc/autotask/queue.key
"""
_DECRYPT = """
  autotask-queue encryption decrypt
"""
_REKEY = """
  autotask-queue encryption rekey
  autotask-queue encryption rekey --in-vault
"""
_CHANGE = """
  autotask-queue encryption passphrase
"""


def configure(commands: Subparsers) -> None:
    """Adds `encryption`."""
    text = (
        "Says whether the queue file is encrypted, and encrypts it, decrypts it or gives it another key. No "
        "program may have it open meanwhile. A key is kept before it is used: whenever this is interrupted, "
        "the file opens with a key that is in its place."
    )
    parser = commands.add_parser("encryption", **help_with(text, _ENCRYPTION))
    found = parser.add_subparsers(title="commands", metavar="WHAT", required=True)
    status = found.add_parser(
        "status", **help_with("Says how the file is kept and where its key is. It changes nothing.", _STATUS)
    )
    status.set_defaults(command=_of(_status))
    encrypt = found.add_parser(
        "encrypt",
        **help_with(
            "Encrypts the queue file and its backups beside it. The new key goes to the keychain, or where "
            "an option says.",
            _ENCRYPT,
        ),
    )
    _add_places(encrypt)
    encrypt.set_defaults(command=_of(_encrypt))
    decrypt = found.add_parser(
        "decrypt", **help_with("Makes the queue file plain again, and its backups beside it.", _DECRYPT)
    )
    _add_forget(decrypt)
    decrypt.set_defaults(command=_of(_decrypt))
    rekey = found.add_parser(
        "rekey",
        **help_with(
            "Gives the queue file and its backups beside it a new key. It is kept where the old one is, or "
            "where an option says.",
            _REKEY,
        ),
    )
    _add_places(rekey)
    _add_forget(rekey)
    rekey.set_defaults(command=_of(_rekey))
    passphrase = found.add_parser(
        "passphrase",
        **help_with("Changes the passphrase of the vault. The queue file stays as it is.", _CHANGE),
    )
    passphrase.set_defaults(command=_of(_passphrase))


def _add_places(parser: argparse.ArgumentParser) -> None:
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--in-keychain", action="store_true", help="keep the new key in the system's keychain")
    where.add_argument(
        "--in-vault", action="store_true", help="keep it in a file beside the queue, behind a passphrase"
    )
    where.add_argument(
        "--in-file", type=Path, metavar="FILE", help="keep it in a key file, made if it is not there"
    )


def _add_forget(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--forget-old-key", action="store_true", help="remove the old key: no copy elsewhere needs it"
    )


def _of(work: Callable[[argparse.Namespace, Context], Awaitable[int]]) -> Callable[..., int]:
    def command(args: argparse.Namespace, context: Context) -> int:
        if context.settings.shared:
            raise WrongArguments(
                "A queue on a Redis server has no file.", remedy="Name a queue file with --db."
            )
        return asyncio.run(_checked(work, args, context))

    return command


async def _checked(
    work: Callable[[argparse.Namespace, Context], Awaitable[int]], args: argparse.Namespace, context: Context
) -> int:
    database = context.settings.database
    kind = file_kind(database)
    if kind is FileKind.EMPTY:
        raise NoQueueFile(f"There is no queue file {database}.")
    if kind is FileKind.OTHER:
        raise StoreUnsuitable(f"{database} is not a queue file.", remedy="Name the right file with --db.")
    return await work(args, context)


# ---------------------------------------------------------------------------------------------
# The commands


async def _status(_: argparse.Namespace, context: Context) -> int:
    status = await look(context.settings, context.secrets)
    if context.out.as_json:
        context.out.answer(status)
        return Exit.DONE
    context.out.facts(
        [
            ("file", status.file),
            ("encrypted", "yes" if status.encrypted else "no: whoever has the disk can read it"),
            ("key", status.key_name),
            ("kept in", status.key_in or status.problem),
            ("plain copies", "\n".join(status.plain_copies) if status.encrypted else ""),
        ]
    )
    return Exit.DONE


async def _encrypt(args: argparse.Namespace, context: Context) -> int:
    await _refuse_owned(context)
    settings = context.settings
    if file_kind(settings.database) is FileKind.ENCRYPTED:
        key = (await found_key(settings, context.secrets)).key
        done = await change_encryption(
            settings.database, key=key, new_key=key, actor=context.actor, now=time.time()
        )
        return _report(done, context, "It was encrypted already.")
    home = await _place(args, context, None)
    return await _change(context, None, home, forget=False)


async def _decrypt(args: argparse.Namespace, context: Context) -> int:
    return await _change(context, await _old(context), None, forget=args.forget_old_key)


async def _rekey(args: argparse.Namespace, context: Context) -> int:
    found = await _old(context)
    return await _change(context, found, await _place(args, context, found), forget=args.forget_old_key)


async def _passphrase(_: argparse.Namespace, context: Context) -> int:
    path = vault_path(context.settings.database)
    if not Vault(path).exists():
        raise SecretsError(
            f"There is no passphrase vault {path}.",
            remedy="`autotask-queue encryption encrypt --in-vault` or `rekey --in-vault` makes one.",
        )
    vault = await open_vault(context.settings.database)
    await vault.change_passphrase(new_passphrase())
    if context.out.as_json:
        context.out.answer({"changed": True})
    else:
        context.out.line("The passphrase was changed. The queue file and its key are as they were.")
    return Exit.DONE


# ---------------------------------------------------------------------------------------------
# What they have in common


async def _old(context: Context) -> FoundKey:
    await _refuse_owned(context)
    database = context.settings.database
    if file_kind(database) is FileKind.PLAIN:
        raise StoreNotEncrypted(
            f"Everything in {database} can be read without a key.",
            remedy="`autotask-queue encryption encrypt` encrypts it. Nothing was changed.",
        )
    return await found_key(context.settings, context.secrets)


async def _refuse_owned(context: Context) -> None:
    """Says who has the file open, before anybody is asked for a passphrase."""
    others = await find_owner(context.settings.database)
    if others is not None and others.owner is not None:
        raise StoreInUse(f"A {others.owner.role} (process {others.owner.pid}) has it open.", remedy=_CLOSE)


async def _place(args: argparse.Namespace, context: Context, found: FoundKey | None) -> KeyHome:
    """Where the new key is to be kept."""
    database = context.settings.database
    if args.in_vault:
        return await open_vault(database)
    named = args.in_file or (None if args.in_keychain else context.settings.key_file)
    if named is not None:
        file = expand(named)
        if file.resolve().parent == database.resolve().parent:
            raise WrongArguments(
                f"{file} lies beside the queue file: a key beside what it opens protects nothing.",
                remedy="Keep the key in another folder, or in the keychain.",
            )
        return KeyFile(file)
    if found is not None and not args.in_keychain:
        return found.home
    homes = keychains(context.secrets)
    if not homes:
        raise SecretsUnavailable("No keychain is installed for the command line.", remedy=_ELSEWHERE)
    return homes[0]


async def _change(context: Context, found: FoundKey | None, home: KeyHome | None, *, forget: bool) -> int:
    database = context.settings.database
    try:
        done = await change_key(
            database, found=found, home=home, actor=context.actor, now=time.time(), forget=forget
        )
    except StoreInUse as error:
        raise StoreInUse(error.message, remedy=_CLOSE) from error
    except SecretsUnavailable as error:
        raise SecretsUnavailable(error.message, remedy=_ELSEWHERE) from error
    what = "It is plain now." if home is None else f"It is encrypted, and its key is in {home.describe()}."
    if found is not None and not forget:
        old = f"The old key stays in {found.home.describe()}, for copies that are elsewhere."
        done = msgspec.structs.replace(done, notes=(*done.notes, f"{old} --forget-old-key removes it."))
    return _report(done, context, what)


def _report(done: Converted, context: Context, what: str) -> int:
    out, database = context.out, context.settings.database
    if out.as_json:
        encrypted = file_kind(database) is FileKind.ENCRYPTED
        out.answer({"encrypted": encrypted, "key_name": key_id_of(database), "done": done})
    else:
        out.line(f"{database}: {what}")
        for name in done.copies:
            out.line(f"{name} was converted too.")
    for note in (*done.notes, *done.left):
        out.note(f"Note: {note}")
    return Exit.DONE


_CLOSE = (
    "Close that program, then run this again: a file is converted while nobody uses it. Nothing was changed."
)
_ELSEWHERE = (
    "Keep the key behind a passphrase with --in-vault, or in a file with --in-file. The queue file was not "
    "changed."
)

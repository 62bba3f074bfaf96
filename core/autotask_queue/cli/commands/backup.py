"""`backup` and `restore`: a whole copy of the queue, and back."""

from __future__ import annotations

import argparse
import asyncio
import time
from pathlib import Path
from typing import Final

from autotask_queue.cli.access import Asking, find_owner
from autotask_queue.cli.arguments import Subparsers, help_with
from autotask_queue.cli.asking import confirm
from autotask_queue.cli.context import Context, asks
from autotask_queue.cli.errors import Exit
from autotask_queue.cli.keys import found_key
from autotask_queue.cli.places import expand
from autotask_queue.cli.times import say_moment
from autotask_queue.cli.words import plural
from autotask_queue.engine.control.orders import BackUp
from autotask_queue.model.errors import BackupUnavailable, StoreInUse
from autotask_queue.store.custody import file_kind
from autotask_queue.store.sqlite.cipher import FileKind
from autotask_queue.store.sqlite.restoring import copied_at, restore_backup

_BACKUP = """
  autotask-queue backup /media/stick
  autotask-queue backup ~/queue-before-the-update.db
"""
_RESTORE = """
  autotask-queue restore ~/queue-before-the-update.db
  autotask-queue --db /srv/outbox/queue.db restore /srv/outbox/queue.db.backup-0012-2026-03-01 --yes
"""
_SERVER: Final = "Restore the server's own data, as its manual says, and start it again."


def configure(commands: Subparsers) -> None:
    """Adds both."""
    parser = commands.add_parser(
        "backup",
        **help_with(
            "Copies the whole queue to a file, also while it is in use. One copy a day is made anyway, "
            "beside the queue file.",
            _BACKUP,
        ),
    )
    parser.add_argument("path", type=Path, metavar="PATH", help="a new file, or a folder to put it in")
    parser.set_defaults(command=asks(_backup))

    parser = commands.add_parser(
        "restore",
        **help_with(
            "Puts a copy in the queue's place. What stands there is kept under another name. Writes that "
            "were unfinished in the copy may have been sent since: they are looked up first, or wait for "
            "a decision.",
            _RESTORE,
        ),
    )
    parser.add_argument("copy", type=Path, metavar="PATH", help="the copy")
    parser.add_argument("--yes", action="store_true", help="do not ask whether this is meant")
    parser.set_defaults(command=_restore)


async def _backup(queue: Asking, args: argparse.Namespace, context: Context) -> int:
    target = expand(args.path).absolute()  # the owner may stand in another folder
    made = await queue.ask(BackUp(path=str(target), actor=context.actor))
    if context.out.as_json:
        context.out.answer(made)
    else:
        size = f"{made.size_bytes / 2**20:,.1f} MB"
        context.out.line(
            f"Copied {plural(made.requests, 'request')}, {made.unfinished:,} of them unfinished, to "
            f"{made.path} ({size})."
        )
    return Exit.DONE


def _restore(args: argparse.Namespace, context: Context) -> int:
    settings = context.settings
    if settings.shared:
        raise BackupUnavailable("The queue is kept by a Redis server, not in a file.", remedy=_SERVER)
    copy, database = expand(args.copy).absolute(), settings.database
    _refuse_owned(database)
    encrypted = file_kind(copy) is FileKind.ENCRYPTED
    was_encrypted = file_kind(database) is FileKind.ENCRYPTED
    key = asyncio.run(found_key(settings, context.secrets, copy=copy)).key if encrypted else None
    made = copied_at(copy, key=key)
    if not args.yes and not confirm(f"Put the copy of {say_moment(made)} in the place of {database}?"):
        context.out.note("Nothing was changed.")
        return Exit.NOT_DONE
    restored = asyncio.run(restore_backup(copy, database, key=key, actor=context.actor, now=time.time()))
    if context.out.as_json:
        context.out.answer(restored)
    else:
        for note in restored.notes:
            context.out.line(note)
        if restored.set_aside:
            context.out.line(f"The queue as it was before is kept as {restored.set_aside}.")
    if was_encrypted and not encrypted:
        context.out.note(
            "The copy was not encrypted, and so the queue is not any more: `autotask-queue encryption "
            "encrypt` changes that."
        )
    return Exit.DONE


def _refuse_owned(database: Path) -> None:
    """Says who has the queue open, if somebody answers; others are found by the lock."""
    others = asyncio.run(find_owner(database))
    if others is not None and others.owner is not None:
        owner = others.owner
        raise StoreInUse(
            f"The {owner.role or 'program'} (process {owner.pid}) has {database} open.",
            remedy="Close it, then restore. Nothing was changed.",
        )

"""`doctor`: says what is there and what is missing, without changing anything."""

from __future__ import annotations

import argparse
import asyncio
import platform
import sqlite3
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec

from autotask_queue.__about__ import __version__
from autotask_queue.cli.access import find_owner
from autotask_queue.cli.arguments import Subparsers, help_with
from autotask_queue.cli.context import Context
from autotask_queue.cli.errors import Exit
from autotask_queue.cli.keys import NO_KEY
from autotask_queue.cli.output import Column
from autotask_queue.cli.places import log_folder
from autotask_queue.cli.protection import look
from autotask_queue.cli.secret_homes import reference_of
from autotask_queue.cli.times import say_moment
from autotask_queue.model.config import ZoneConfig
from autotask_queue.model.errors import SecretsError, StoreError
from autotask_queue.model.request import Durability
from autotask_queue.store.custody import file_kind
from autotask_queue.store.redis.address import parse
from autotask_queue.store.redis.checks import examine
from autotask_queue.store.redis.link import Link
from autotask_queue.store.sqlite.cipher import FileKind
from autotask_queue.store.sqlite.driver import OLDEST
from autotask_queue.store.sqlite.place import check_network, check_synced

_DOCTOR = """
  autotask-queue doctor
  autotask-queue doctor --online
"""
_OK, _NOTE, _BAD = "ok", "note", "wrong"
_HEADER: Final = 100
"""Bytes of SQLite's header."""


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that was looked at. `state` is "ok", "note" or "wrong"; a remedy belongs to the latter."""

    name: str
    state: str
    text: str
    remedy: str = ""


def configure(commands: Subparsers) -> None:
    """Adds `doctor`."""
    parser = commands.add_parser(
        "doctor",
        **help_with(
            "Says what is there: file, owner, SQLite, settings, zones, secrets. It changes nothing. "
            "The exit code is 1 if something is wrong.",
            _DOCTOR,
        ),
    )
    parser.add_argument("--online", action="store_true", help="also test the sign-in of every zone")
    parser.set_defaults(command=_command)


def _command(args: argparse.Namespace, context: Context) -> int:
    zones = context.settings.config.zones
    if context.settings.shared:
        checks = [*_program(context), *asyncio.run(_server(context))]
    else:
        checks = [
            *_program(context),
            *_file(context),
            *asyncio.run(_key(context)),
            *asyncio.run(_owner(context)),
        ]
    checks += asyncio.run(_secrets(context, zones))
    if args.online:
        context.prepare_to_send()
        checks += asyncio.run(_online(context, zones))
    if context.out.as_json:
        context.out.answer({"ok": all(c.state != _BAD for c in checks), "checks": checks})
    else:
        styles = {_OK: "green", _NOTE: "yellow", _BAD: "red"}
        context.out.table(
            [Column("what"), Column("is", styles=styles), Column("how it is", wraps=True)],
            [(c.name, c.state, f"{c.text} {c.remedy}".strip()) for c in checks],
        )
    return Exit.NOT_DONE if any(c.state == _BAD for c in checks) else Exit.DONE


def _program(context: Context) -> Iterator[Check]:
    settings = context.settings
    python = f"{__version__}, Python {platform.python_version()} on {platform.platform(terse=True)}"
    yield Check(name="program", state=_OK, text=python)
    yield Check(
        name="SQLite",
        state=_OK if sqlite3.sqlite_version_info >= OLDEST else _BAD,
        text=sqlite3.sqlite_version,
        remedy="" if sqlite3.sqlite_version_info >= OLDEST else "Use a newer Python.",
    )
    found = "in use" if settings.file_found else "not there; the defaults hold"
    yield Check(name="configuration", state=_OK, text=f"{settings.file} ({found})")
    if settings.variables:
        yield Check(name="environment", state=_OK, text=", ".join(settings.variables))
    yield Check(name="logs", state=_OK, text=str(log_folder()))


# ---------------------------------------------------------------------------------------------
# The file


def _file(context: Context) -> Iterator[Check]:
    path = context.settings.database
    try:
        check_synced(path)
        if path.parent.exists():
            check_network(path.parent.resolve())
    except StoreError as error:
        yield Check(name="folder", state=_BAD, text=error.message, remedy=error.remedy)
    try:
        log = path.with_name(f"{path.name}-wal")
        size = path.stat().st_size + (log.stat().st_size if log.exists() else 0)
        with path.open("rb") as file:
            header = file.read(_HEADER)
    except FileNotFoundError:
        yield Check(name="queue file", state=_NOTE, text=f"{path} does not exist yet")
        return
    except OSError as error:
        text = f"{path} cannot be read ({error.strerror or error})"
        yield Check(name="queue file", state=_BAD, text=text, remedy="Give this user the right to it.")
        return
    kind = file_kind(path)
    if kind is FileKind.ENCRYPTED:
        yield Check(name="queue file", state=_OK, text=f"{path}, {size:,} bytes, {_private(path)}, encrypted")
        return
    if kind is not FileKind.PLAIN or len(header) < _HEADER:
        text = f"{path} is no queue file"
        yield Check(name="queue file", state=_BAD, text=text, remedy="Name another file with --db.")
        return
    text = f"{path}, {size:,} bytes, {_private(path)}, not encrypted"
    yield Check(name="queue file", state=_OK, text=text)
    yield _journal(header)


async def _key(context: Context) -> list[Check]:
    """Where the key of the file is; nobody is asked for a passphrase."""
    if file_kind(context.settings.database) is not FileKind.ENCRYPTED:
        return []
    status = await look(context.settings, context.secrets)
    checks = [
        Check(name="key", state=_OK, text=f"in {status.key_in}")
        if status.key_in
        else Check(name="key", state=_BAD, text=status.problem, remedy=NO_KEY)
    ]
    if status.plain_copies:
        text = f"not encrypted: {', '.join(status.plain_copies)}"
        remedy = "`autotask-queue encryption encrypt` encrypts them too; remove damaged ones by hand."
        checks.append(Check(name="copies", state=_NOTE, text=text, remedy=remedy))
    return checks


def _private(path: Path) -> str:
    if sys.platform == "win32":
        return "protected by your user profile"
    return "readable by others" if path.stat().st_mode & 0o077 else "readable by you only"


def _journal(header: bytes) -> Check:
    # https://www.sqlite.org/fileformat.html: 18 and 19 are 2 in a file that uses a write-ahead log.
    wal, version = header[18:20] == b"\x02\x02", int.from_bytes(header[60:64], "big")
    # While a program has the file open, the version may still stand in the log only.
    text = ("write-ahead log" if wal else "no write-ahead log") + (f", version {version}" if version else "")
    return Check(name="journal", state=_OK if wal else _NOTE, text=text)


async def _owner(context: Context) -> list[Check]:
    found = await find_owner(context.settings.database)
    if found is None or found.owner is None:
        return [Check(name="owner", state=_OK, text="no program has the queue open, or none that answers")]
    owner = found.owner
    text = f"{owner.role} {owner.version} (process {owner.pid}) since {say_moment(owner.since)}; it answers"
    return [Check(name="owner", state=_OK, text=text)]


async def _server(context: Context) -> list[Check]:
    connection = context.settings.config.persistence.connection
    link = Link(parse(connection.url), namespace=connection.namespace)
    try:
        await link.open()
        facts = await examine(link)
    except StoreError as error:
        return [Check(name="server", state=_BAD, text=error.message, remedy=error.remedy)]
    finally:
        await link.close()
    durable = facts.durability is not Durability.MEMORY
    text = f"{link.address.shown}, queue {connection.namespace}; durability {facts.durability.value}"
    remedy = "" if durable else "Set appendonly yes and appendfsync always: now a restart loses everything."
    found = [Check(name="server", state=_OK if durable else _NOTE, text=text, remedy=remedy)]
    return [*found, *(Check(name="server", state=_NOTE, text=note) for note in facts.notes)]


# ---------------------------------------------------------------------------------------------
# Zones


async def _secrets(context: Context, zones: dict[str, ZoneConfig]) -> list[Check]:
    secrets = context.secrets
    checks = [Check(name="secrets", state=_OK, text=secrets.describe())]
    if not zones:
        remedy = f"Add a table [zones.zone1] to {context.settings.file}, or sign in with the console."
        return [*checks, Check(name="zones", state=_NOTE, text="none is configured", remedy=remedy)]
    for name, zone in zones.items():
        try:
            gone = [
                part
                for part in ("secret", "integration_code")
                if not await secrets.get(reference_of(zone, name, part))
            ]
        except SecretsError as error:
            checks.append(_zone(name, zone, error.message, error.remedy))
            continue
        words = " and ".join(part.replace("_", " ") for part in gone)
        remedy = "Sign in with the console, or use --secrets-file." if gone else ""
        checks.append(_zone(name, zone, f"there is no {words}" if gone else "", remedy))
    return checks


def _zone(name: str, zone: ZoneConfig, problem: str, remedy: str) -> Check:
    where = zone.url or "address found by discovery"
    user = zone.user or "no user name"
    state = _OK if not problem and zone.user else _BAD
    text = "; ".join(part for part in (f"{user} at {where}", problem) if part)
    return Check(name=f"zone {name}", state=state, text=text, remedy=remedy)


async def _online(context: Context, zones: dict[str, ZoneConfig]) -> list[Check]:
    from autotask_queue.autotask import check_sign_in
    from autotask_queue.transport import HttpxTransport

    checks: list[Check] = []
    transport = HttpxTransport()
    try:
        for name, zone in zones.items():
            values = [
                await context.secrets.get(reference_of(zone, name, part)) or ""
                for part in ("secret", "integration_code")
            ]
            report = await check_sign_in(zone, *values, transport=transport)
            for step in report.steps:
                state = _OK if step.ok else _BAD
                label = f"{name}: {step.name}"
                checks.append(Check(name=label, state=state, text=step.message, remedy=step.remedy))
    finally:
        await transport.close()
    return checks

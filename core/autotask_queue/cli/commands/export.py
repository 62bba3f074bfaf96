"""`export`: requests as CSV, JSON or JSON Lines."""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

import msgspec

from autotask_queue.cli.access import Asking
from autotask_queue.cli.arguments import (
    Subparsers,
    add_filter,
    build_filter,
    help_with,
    sort_field,
    sorting,
    whole,
)
from autotask_queue.cli.context import Context, asks
from autotask_queue.cli.errors import Exit, WrongArguments
from autotask_queue.cli.output import Column, clean
from autotask_queue.cli.places import expand
from autotask_queue.cli.words import plural
from autotask_queue.engine.control.questions import Whole
from autotask_queue.engine.export import EXPORT_COLUMNS, ExportFormat, Page, export_text
from autotask_queue.model.errors import AlreadyThere, StoreUnwritable
from autotask_queue.model.filters import RequestFilter, SortField

_EXPORT = """
  autotask-queue export --format csv --output requests.csv --since 2026-03-01
  autotask-queue export --status failed --output failed.json
  autotask-queue export --zone zone1 | jq .summary
  autotask-queue export --columns
"""


def configure(commands: Subparsers) -> None:
    """Adds `export`."""
    parser = commands.add_parser(
        "export",
        **help_with(
            "Writes requests as a table for spreadsheets, or as JSON, with their documents and replies. What "
            "customers wrote is in it; secrets are masked.",
            _EXPORT,
        ),
    )
    add_filter(parser)
    parser.add_argument("--format", choices=[f.value for f in ExportFormat], dest="form",
                        help="csv, json, or jsonl, a request a line (as FILE ends, else jsonl)")  # fmt: skip
    parser.add_argument("--output", type=Path, metavar="FILE", help="where to write it (to the terminal)")
    parser.add_argument("--force", action="store_true", help="write over a file that is there")
    parser.add_argument("--sort", type=sort_field, default=SortField.SEQ, metavar="FIELD",
                        help=f"{', '.join(SortField)} (%(default)s)")  # fmt: skip
    parser.add_argument("--descending", action="store_true", help="largest, or newest, first")
    parser.add_argument("--limit", type=whole(1, 1_000_000_000), help="at most so many (all)")
    parser.add_argument("--columns", action="store_true", help="only say what is in each column of a table")
    parser.set_defaults(command=_command)


def _command(args: argparse.Namespace, context: Context) -> int:
    if not args.columns:
        return asks(_export)(args, context)
    if context.out.as_json:
        context.out.answer(EXPORT_COLUMNS)
    else:
        context.out.table(
            [Column("column"), Column("what it holds", wraps=True)], list(EXPORT_COLUMNS.items())
        )
    return Exit.DONE


async def _export(queue: Asking, args: argparse.Namespace, context: Context) -> int:
    query = msgspec.structs.replace(
        build_filter(args), sort=sorting(args.sort, ascending=not args.descending), limit=args.limit
    )
    target = None if args.output is None else expand(args.output)
    form = _format(args, target, as_json=context.out.as_json)

    async def fetch(page: RequestFilter) -> Page:
        return await queue.ask(Whole(filter=page))

    count = 0
    with _written_to(target, force=args.force) as file:
        steers = target is None and sys.stdout.isatty()
        async for text, requests in export_text(fetch, query, form, at=time.time()):
            file.write(clean(text) if steers else text)
            count += requests
    where = "" if target is None else f" to {target}"
    context.out.note(f"Exported {plural(count, 'request')}{where}.")
    return Exit.DONE


def _format(args: argparse.Namespace, target: Path | None, *, as_json: bool) -> ExportFormat:
    if args.form is not None:
        return ExportFormat(args.form)
    ending = "" if target is None else target.suffix.lstrip(".").lower()
    if ending in list(ExportFormat):
        return ExportFormat(ending)
    if target is not None and not as_json:
        raise WrongArguments(
            f"It cannot be told from the name {target.name} what to write.",
            remedy="Give --format, or let the name end in .csv, .json or .jsonl.",
        )
    return ExportFormat.JSON if as_json else ExportFormat.JSONL


@contextlib.contextmanager
def _written_to(target: Path | None, *, force: bool) -> Iterator[TextIO]:
    """Where the text goes: the terminal, or a file for this user only, which is there when it is whole."""
    if target is None:
        yield sys.stdout
        sys.stdout.flush()
        return
    part = target.with_name(f"{target.name}.new")
    try:
        if target.exists() and not force:
            raise AlreadyThere(
                f"{target} is not written over.", remedy="Choose another name, or give --force."
            )
        handle = os.open(part, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600)
        try:
            with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
                yield file
            part.replace(target)
        finally:
            part.unlink(missing_ok=True)
    except OSError as error:
        raise StoreUnwritable(
            f"{target} cannot be written ({error.strerror or error}).", remedy="Choose another place."
        ) from error

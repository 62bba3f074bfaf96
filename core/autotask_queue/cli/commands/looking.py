"""`list`, `show` and `audit`: what is in the queue, and what became of it."""

from __future__ import annotations

import argparse
import time

import msgspec

from autotask_queue.cli.access import Asking
from autotask_queue.cli.arguments import (
    Subparsers,
    add_filter,
    add_ids,
    build_filter,
    help_with,
    sort_field,
    sorting,
    whole,
)
from autotask_queue.cli.context import Context, asks
from autotask_queue.cli.errors import Exit
from autotask_queue.cli.output import Column, pretty
from autotask_queue.cli.requests import fetch_rows, find_id
from autotask_queue.cli.times import say_duration, say_moment
from autotask_queue.cli.words import STATUS_STYLES, plural, say_gate, say_note, say_reason, say_tries
from autotask_queue.engine.control.questions import Audit, Find, Gates, Show, Shown
from autotask_queue.model.filters import SortField
from autotask_queue.model.request import Attempt, AuditEntry, Request

_LIST = """
  autotask-queue list --status open
  autotask-queue list --status failed,held --zone zone1 --since 2026-03-01
  autotask-queue list --text printer --all --json
  autotask-queue list --status failed --ids | xargs autotask-queue retry
"""
_SHOW = """
  autotask-queue show 12
  autotask-queue show 019b3c5e
  autotask-queue --json show 12
"""
_AUDIT = """
  autotask-queue audit list --limit 20
  autotask-queue audit list --request 12
  autotask-queue audit list --kind circuit.forced_open
"""
_PAGE = 200
_HISTORY = [
    Column("no", "right"),
    Column("time"),
    Column("who"),
    Column("what"),
    Column("about"),
    Column("why", wraps=True),
]


def configure(commands: Subparsers) -> None:
    """Adds `list`, `show` and `audit`."""
    parser = commands.add_parser("list", **help_with("Lists requests, the newest first.", _LIST))
    add_filter(parser)
    parser.add_argument("--sort", type=sort_field, default=SortField.SEQ, metavar="FIELD",
                        help=f"{', '.join(SortField)} (%(default)s)")  # fmt: skip
    parser.add_argument("--ascending", action="store_true", help="smallest, or oldest, first")
    parser.add_argument("--limit", type=whole(1, 1_000_000), default=50, help="at most so many (%(default)s)")
    parser.add_argument("--all", action="store_true", help="without a limit")
    parser.add_argument("--ids", action="store_true", help="print the ids only, one in a line")
    parser.set_defaults(command=asks(_list))

    parser = commands.add_parser(
        "show", **help_with("Shows one request with its tries and its history.", _SHOW)
    )
    add_ids(parser, many=False)
    parser.set_defaults(command=asks(_show))

    parser = commands.add_parser("audit", **help_with("Tells who did what, when and why.", _AUDIT))
    parser.add_argument("action", nargs="?", choices=["list"], default="list", help="list: the newest first")
    parser.add_argument("--request", metavar="ID", help="of one request")
    parser.add_argument("--kind", action="append", default=[], help="of this kind, such as completed")
    parser.add_argument("--limit", type=whole(1, 1_000_000), default=50, help="at most so many (%(default)s)")
    parser.set_defaults(command=asks(_audit))


# ---------------------------------------------------------------------------------------------
# list


async def _list(queue: Asking, args: argparse.Namespace, context: Context) -> int:
    query = msgspec.structs.replace(
        build_filter(args),
        sort=sorting(args.sort, ascending=args.ascending),
        limit=None if args.all else args.limit,
    )
    found = await queue.ask(Find(filter=query))
    rows = await fetch_rows(queue, found.seqs)
    if args.ids:
        for row in rows:
            context.out.line(row.id)
        return Exit.DONE
    if context.out.as_json:
        context.out.answer({"total": found.total, "requests": rows})
        return Exit.DONE
    now, gates = time.time(), await queue.ask(Gates())
    columns = [
        Column("no", "right"), Column("status", styles=STATUS_STYLES), Column("pri", "right"), Column("zone"),
        Column("age", "right"), Column("tries", "right"), Column("request", wraps=True),
        Column("note", wraps=True),
    ]  # fmt: skip
    context.out.table(
        columns,
        [
            (
                str(row.seq),
                row.status.value,
                str(row.priority),
                row.zone,
                say_duration(now - row.created_at),
                say_tries(row),
                row.summary,
                say_note(row, gates, now),
            )
            for row in rows
        ],
    )
    more = found.total - len(rows)
    context.out.note(
        f"{plural(found.total, 'request')}"
        + (f", {more:,} of them not shown (--limit, --all)" if more else "")
    )
    return Exit.DONE


# ---------------------------------------------------------------------------------------------
# show


async def _show(queue: Asking, args: argparse.Namespace, context: Context) -> int:
    shown = await queue.ask(Show(id=await find_id(queue, args.id)))
    if context.out.as_json:
        context.out.answer(shown)
        return Exit.DONE
    request, out = shown.request, context.out
    out.line(f"Request {request.seq}: {request.summary}")
    out.facts(_facts(shown))
    if request.data is not None:
        out.line("\nDocument")
        out.line(pretty(request.data))
    if request.reply is not None and request.reply.body is not None:
        out.line("\nReply")
        out.line(pretty(request.reply.body))
    if shown.attempts:
        out.line("\nTries")
        out.table(_ATTEMPT, [_attempt(attempt) for attempt in shown.attempts])
    out.line("\nHistory")
    out.table(_HISTORY, [_entry(entry) for entry in reversed(shown.audit)])
    return Exit.DONE


def _facts(shown: Shown) -> list[tuple[str, str]]:
    request = shown.request
    failure = request.failure
    return [
        ("id", request.id),
        ("status", request.status.value),
        ("because", say_reason(request)),
        ("waits", say_gate(shown.gate, time.time()) if shown.gate is not None else ""),
        ("request", f"{request.method} {request.endpoint} ({request.effect.value})"),
        ("zone", request.zone),
        ("record", "" if request.record_id is None else str(request.record_id)),
        ("priority", str(request.priority)),
        ("tries", f"{request.attempts} of {request.max_retries + 1}"),
        ("composed", f"{say_moment(request.created_at)} by {request.actor}"),
        *_times(request),
        ("after", ", ".join(request.depends_on)),
        ("lane", request.lane or ""),
        ("failure", f"{failure.title}: {failure.message}" if failure else ""),
        ("what to do", failure.remedy if failure else ""),
        ("detail", failure.detail if failure else ""),
    ]


def _times(request: Request) -> list[tuple[str, str]]:
    return [
        ("scheduled", say_moment(request.scheduled_at)),
        ("next try", say_moment(request.not_before)),
        ("expires", say_moment(request.expires_at)),
        ("finished", say_moment(request.finished_at)),
    ]


_ATTEMPT = [
    Column("no", "right"),
    Column("time"),
    Column("took", "right"),
    Column("for"),
    Column("result", styles={"ok": "green", "found": "green", "failed": "red", "unknown": "yellow"}),
    Column("http", "right"),
    Column("what happened", wraps=True),
]


def _attempt(attempt: Attempt) -> tuple[str, ...]:
    took = "" if attempt.ended_at is None else say_duration(attempt.ended_at - attempt.started_at)
    return (
        str(attempt.number),
        say_moment(attempt.started_at),
        took,
        attempt.kind.value,
        attempt.result.value,
        "" if attempt.http_status is None else str(attempt.http_status),
        attempt.failure.message if attempt.failure else attempt.note,
    )


# ---------------------------------------------------------------------------------------------
# audit


async def _audit(queue: Asking, args: argparse.Namespace, context: Context) -> int:
    request_id = await find_id(queue, args.request) if args.request else None
    entries: list[AuditEntry] = []
    before: int | None = None
    while len(entries) < args.limit:
        wanted = min(_PAGE, args.limit - len(entries))
        page = await queue.ask(
            Audit(request_id=request_id, kinds=tuple(args.kind), limit=wanted, before_seq=before)
        )
        entries += page
        if len(page) < wanted:
            break
        before = page[-1].seq
    if context.out.as_json:
        context.out.answer({"entries": entries})
    else:
        context.out.table(_HISTORY, [_entry(entry) for entry in entries])
    return Exit.DONE


def _entry(entry: AuditEntry) -> tuple[str, ...]:
    about = str(entry.request_id or entry.zone or entry.target)
    return (str(entry.seq), say_moment(entry.at), entry.actor, entry.kind, about, entry.why)

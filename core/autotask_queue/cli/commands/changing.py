"""`cancel`, `retry`, `reprioritise`, `clear` and `resolve`: orders about requests in the queue."""

from __future__ import annotations

import argparse
from typing import Any

from autotask_queue.cli.access import Asking
from autotask_queue.cli.arguments import (
    Subparsers,
    add_filter,
    add_ids,
    add_reason,
    build_filter,
    help_with,
    priority,
    whole,
)
from autotask_queue.cli.asking import confirm
from autotask_queue.cli.context import Context, asks
from autotask_queue.cli.errors import Exit, WrongArguments
from autotask_queue.cli.requests import find_id, is_everything, known_zone, with_ids
from autotask_queue.cli.words import plural
from autotask_queue.engine.commands import WAITING
from autotask_queue.engine.control.command import BulkOrder
from autotask_queue.engine.control.orders import (
    Cancel,
    CancelOne,
    Clear,
    Reprioritise,
    Resolve,
    Restore,
    Retry,
)
from autotask_queue.engine.control.questions import Find
from autotask_queue.model.filters import BulkResult, RequestFilter

_CANCEL = """
  autotask-queue cancel 12 --reason "the customer solved it"
  autotask-queue cancel --status held --zone zone1
  autotask-queue cancel 12 --undo
"""
_RETRY = """
  autotask-queue retry 12
  autotask-queue retry --status failed --since 2026-03-01
  autotask-queue list --status failed --ids | xargs autotask-queue retry
"""
_REPRIORITISE = """
  autotask-queue reprioritise 10 12 13
  autotask-queue reprioritise 3 --entity TimeEntries --status open
"""
_CLEAR = """
  autotask-queue clear --zone zone1
  autotask-queue clear --yes --reason "test data"
"""
_RESOLVE = """
  autotask-queue resolve 12 --sent --record 48120 --reason "found it in Autotask"
  autotask-queue resolve 12 --send-again --reason "looked: it is not there"
  autotask-queue resolve 12 --give-up --reason "not needed any more"
"""


def configure(commands: Subparsers) -> None:
    """Adds the commands of this module."""
    parser = _bulk(commands, "cancel", "Cancels requests that are not being sent.", _CANCEL)
    parser.add_argument("--undo", action="store_true", help="bring cancelled requests back as they were")
    parser.set_defaults(command=asks(_cancel))

    parser = _bulk(commands, "retry", "Queues failed, expired and held requests again.", _RETRY)
    parser.set_defaults(command=asks(_retry))

    parser = commands.add_parser(
        "reprioritise", **help_with("Changes the priority of what waits.", _REPRIORITISE)
    )
    parser.add_argument("priority", type=priority, metavar="PRIORITY", help="1 to 10, 10 goes first")
    _add_target(parser)
    parser.set_defaults(command=asks(_reprioritise))

    parser = commands.add_parser("clear", **help_with("Cancels everything that waits.", _CLEAR))
    parser.add_argument("--zone", help="of this zone only")
    parser.add_argument("--yes", action="store_true", help="do not ask whether this is meant")
    add_reason(parser)
    parser.set_defaults(command=asks(_clear))

    _add_resolve(commands)


def _bulk(commands: Subparsers, name: str, text: str, examples: str) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = commands.add_parser(name, **help_with(text, examples))
    _add_target(parser)
    return parser


def _add_target(parser: argparse.ArgumentParser) -> None:
    add_ids(parser)
    add_filter(parser)
    add_reason(parser)


def _add_resolve(commands: Subparsers) -> None:
    parser = commands.add_parser(
        "resolve",
        **help_with(
            "Decides about a write whose outcome is unknown. Look in Autotask first: the queue never sends "
            "such a request twice by itself.",
            _RESOLVE,
        ),
    )
    add_ids(parser, many=False)
    decision = parser.add_mutually_exclusive_group(required=True)
    for flag, value, text in (
        ("--sent", "sent", "it arrived: complete it"),
        ("--send-again", "send_again", "it did not arrive: send it once more"),
        ("--give-up", "give_up", "do not send it again, whether it arrived or not"),
    ):
        decision.add_argument(flag, dest="decision", action="store_const", const=value, help=text)
    parser.add_argument(
        "--record", type=whole(0, 2**63 - 1), metavar="N", help="with --sent: the record's number"
    )
    add_reason(parser, required=True)
    parser.set_defaults(command=asks(_resolve))


# ---------------------------------------------------------------------------------------------


async def _cancel(queue: Asking, args: argparse.Namespace, context: Context) -> int:
    if args.undo:
        return await _order(queue, args, context, Restore, "brought back")
    if len(args.ids) == 1 and is_everything(build_filter(args)):
        # One request alone: the queue says exactly why it cannot be.
        request = await queue.ask(
            CancelOne(id=await find_id(queue, args.ids[0]), why=args.reason, actor=context.actor)
        )
        return _report(BulkResult(changed=1, skipped=0, ids=(request.id,)), "cancelled", context, named=True)
    return await _order(queue, args, context, Cancel, "cancelled")


async def _retry(queue: Asking, args: argparse.Namespace, context: Context) -> int:
    return await _order(queue, args, context, Retry, "queued again")


async def _reprioritise(queue: Asking, args: argparse.Namespace, context: Context) -> int:
    return await _order(
        queue, args, context, Reprioritise, f"given priority {args.priority}", priority=args.priority
    )


async def _order(
    queue: Asking,
    args: argparse.Namespace,
    context: Context,
    kind: type[BulkOrder],
    done: str,
    **more: Any,
) -> int:
    query = build_filter(args)
    ids = await with_ids(queue, args)
    if bool(ids) is not is_everything(query):
        raise WrongArguments(
            "Name requests, or say which ones with flags such as --status failed; not both, and not neither.",
            remedy="See the command's --help. `clear` cancels everything that waits.",
        )
    result = await queue.ask(
        kind(ids=ids, matching=None if ids else query, why=args.reason, actor=context.actor, **more)
    )
    return _report(result, done, context, named=bool(ids))


def _report(result: BulkResult, done: str, context: Context, *, named: bool) -> int:
    """Says what became of an order; requests that were named and left out are a failure."""
    if context.out.as_json:
        context.out.answer(result)
    else:
        context.out.line(f"{plural(result.changed, 'request')} {done}.")
    if result.skipped:
        why = f" ({result.skipped_why})" if result.skipped_why else ""
        context.out.note(f"{plural(result.skipped, 'request was', 'requests were')} left alone{why}.")
    return Exit.NOT_DONE if named and result.skipped else Exit.DONE


async def _clear(queue: Asking, args: argparse.Namespace, context: Context) -> int:
    zone = None if args.zone is None else await known_zone(queue, args.zone)
    waiting = RequestFilter(status=tuple(sorted(WAITING)), zone=() if zone is None else (zone,), limit=1)
    count = (await queue.ask(Find(filter=waiting))).total
    if count == 0 and not context.out.as_json:
        context.out.line("Nothing waits.")
        return Exit.DONE
    if count and not args.yes and not confirm(f"Cancel {plural(count, 'waiting request')}?"):
        context.out.note("Nothing was changed.")
        return Exit.NOT_DONE
    result = await queue.ask(Clear(zone=zone, why=args.reason, actor=context.actor))
    return _report(result, "cancelled", context, named=False)


async def _resolve(queue: Asking, args: argparse.Namespace, context: Context) -> int:
    request = await queue.ask(
        Resolve(
            id=await find_id(queue, args.id),
            decision=args.decision,
            record_id=args.record,
            why=args.reason,
            actor=context.actor,
        )
    )
    if context.out.as_json:
        context.out.answer(request)
    else:
        context.out.line(f"Request {request.seq} is {request.status.value}.")
    return Exit.DONE

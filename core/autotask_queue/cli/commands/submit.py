"""`submit`: stores a request, and waits for its end if asked to."""

from __future__ import annotations

import argparse
import asyncio
import time
from typing import Any

from autotask_queue.cli.access import Asking, reach
from autotask_queue.cli.arguments import (
    Subparsers,
    add_ids,
    add_reason,
    assignment,
    document,
    duration,
    header,
    help_with,
    moment,
    pairs,
    priority,
    whole,
)
from autotask_queue.cli.context import Context, asks
from autotask_queue.cli.errors import Exit, NotFinished, WrongArguments
from autotask_queue.cli.output import pretty
from autotask_queue.cli.requests import find_id, zone_for
from autotask_queue.cli.words import say_gate, say_reason
from autotask_queue.engine.control.orders import Edit, Submit
from autotask_queue.engine.control.questions import LONGEST_WAIT, ListZones, Result, Show
from autotask_queue.engine.intake import new_request_id
from autotask_queue.model.errors import NoProcessor, RequestFailed
from autotask_queue.model.request import Durability, OnDuplicate, Outcome, Receipt
from autotask_queue.model.status import Effect, Reason, Status

_SUBMIT = r"""
  autotask-queue submit /Tickets POST --zone zone1 --set title="Printer offline" --set companyID=0 \
      --set status=1 --set priority=2
  autotask-queue submit /Tickets/12345/Notes POST --data @note.json --priority 8
  echo '{"id": 12345, "status": 5}' | autotask-queue submit /Tickets PATCH --data -
  autotask-queue submit /Companies/0 GET --wait 30
  autotask-queue submit /Tickets POST --data @ticket.json --scheduled-at +2h
  autotask-queue submit /Tickets PATCH --data @state.json --dedup-key 12345-state --on-duplicate replace
"""
_EDIT = """
  autotask-queue edit 12 --set title="Printer on floor 2 offline"
  autotask-queue edit 019b3c --data @ticket.json --priority 10 --reason "customer called again"
  autotask-queue edit 12 --send-now
"""

_SURVIVES = {
    Durability.MEMORY: "It is kept in memory only.",
    Durability.SQLITE_FSYNC: "It is safely stored: it survives a power cut.",
    Durability.REDIS_FSYNC: "It is safely stored: it survives a power cut of the server.",
    Durability.REDIS_EVERYSEC: "It is stored on the server; a power cut there may lose the last second.",
}


def configure(commands: Subparsers) -> None:
    """Adds `submit` and `edit`."""
    parser = commands.add_parser(
        "submit", **help_with("Stores a request; it is sent once, when its turn comes.", _SUBMIT)
    )
    parser.add_argument("endpoint", help="path below the zone's API root, such as /Tickets")
    parser.add_argument("method", nargs="?", default="GET", type=str.upper, help="HTTP method (%(default)s)")
    parser.add_argument("--zone", help="the connection; needed if there are several")
    _add_content(parser)
    _add_submit_only(parser)
    parser.set_defaults(command=_submit)

    parser = commands.add_parser(
        "edit", **help_with("Changes a request that waits or failed; a failed one is queued again.", _EDIT)
    )
    add_ids(parser, many=False)
    parser.add_argument("--endpoint", help="another path")
    parser.add_argument("--method", type=str.upper, help="another HTTP method")
    _add_content(parser)
    parser.add_argument("--send-now", action="store_true", help="forget its scheduled time")
    add_reason(parser)
    parser.set_defaults(command=asks(_edit))


def _add_content(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--data", type=document, metavar="JSON", help="the document: JSON, @file, or - for stdin")
    add(
        "--set", type=assignment, action="append", default=[], metavar="NAME=VALUE", dest="assignments",
        help="a field of the document; a value that is JSON is taken as such, so a number, true or null",
    )  # fmt: skip
    add(
        "--header", type=header, action="append", default=[], metavar="'NAME: VALUE'", help="a further header"
    )
    add("--priority", type=priority, metavar="N", help="1 to 10, 10 goes first")
    add("--scheduled-at", type=moment, metavar="WHEN", help="not before: 2026-03-01T09:30, or +2h")
    add("--expires-at", type=moment, metavar="WHEN", help="pointless after: 2026-03-01T18:00, or +1d")
    add("--timeout", type=duration, metavar="TIME", help="what one try may take, such as 30s")
    add("--max-retries", type=whole(0, 100), metavar="N", help="tries after the first")
    add(
        "--summary", default=None, metavar="TEXT", help="one line for people; made from the request otherwise"
    )


def _add_submit_only(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add(
        "--wait", nargs="?", type=duration, const=float("inf"), metavar="TIME",
        help="wait until it is finished, at most for TIME; exit code 5 if it failed",
    )  # fmt: skip
    add("--after", action="append", default=[], metavar="ID", help="send only when this request is completed")
    add("--lane", help="writes of the same lane go one at a time, in order")
    add("--dedup-key", metavar="KEY", help="no two unfinished requests have the same key")
    add(
        "--on-duplicate", choices=[one.value for one in OnDuplicate], default=OnDuplicate.REJECT.value,
        help="if the key is taken: refuse this one, let it take the other's place unless that may have been "
        "sent, or keep the other (%(default)s)",
    )  # fmt: skip
    add(
        "--id",
        type=str.lower,
        metavar="UUID",
        help="an id of your own: submitting it twice stores one request",
    )
    add("--metadata", type=assignment, action="append", default=[], metavar="NAME=VALUE",
        help="kept with the request, not sent")  # fmt: skip
    add("--read", action="store_true", help="this POST only reads")
    add("--alone", action="store_true", help="never send this edit together with others of its record")
    add("--no-retry", action="store_true", help="fail at the first failure")


def _submit(args: argparse.Namespace, context: Context) -> int:
    sends = args.wait is not None and not context.is_owned()
    if sends:
        context.prepare_to_send()

    async def run() -> int:
        async with reach(context.settings, context.secrets, creates=True, sends=sends) as queue:
            return await _store(queue, args, context)

    return asyncio.run(run())


async def _store(queue: Asking, args: argparse.Namespace, context: Context) -> int:
    zone = await zone_for(queue, args.zone)
    receipt = await queue.ask(
        Submit(
            request_id=args.id or new_request_id(),
            endpoint=args.endpoint,
            method=args.method,
            zone=zone,
            data=_document(args.data, args.assignments),
            headers=pairs(args.header),
            metadata=pairs(args.metadata),
            retryable=not args.no_retry,
            batchable=False if args.alone else None,
            timeout=args.timeout,
            max_retries=args.max_retries,
            scheduled_at=args.scheduled_at,
            expires_at=args.expires_at,
            dedup_key=args.dedup_key,
            on_duplicate=OnDuplicate(args.on_duplicate),
            depends_on=tuple([await find_id(queue, text) for text in args.after]),
            lane=args.lane,
            effect=Effect.READ if args.read else None,
            summary=args.summary or "",
            actor=context.actor,
            **({} if args.priority is None else {"priority": args.priority}),
        )
    )
    if args.wait is None:
        await _say_stored(queue, receipt, zone, context)
        return Exit.DONE
    return await _wait(queue, receipt, args.wait, context)


async def _say_stored(queue: Asking, receipt: Receipt, zone: str, context: Context) -> None:
    if context.out.as_json:
        context.out.answer(receipt)
        return
    known = "was stored before" if receipt.duplicate else "is stored"
    context.out.line(f"Request {receipt.seq} {known}: {receipt.id}")
    context.out.note(_SURVIVES.get(receipt.durability, f"Durability: {receipt.durability.value}."))
    shown = await queue.ask(Show(id=receipt.id))
    if receipt.status is Status.HELD and shown.request.reason is Reason.NO_PROCESSOR:
        configured = (await queue.ask(ListZones())).configured
        names = f"configured: {', '.join(configured)}" if configured else "none is configured"
        context.out.note(f"It is held: zone {zone} is not configured here ({names}).")
    elif shown.gate is not None:
        context.out.note(f"It waits: {say_gate(shown.gate, time.time())}.")
    elif not queue.sends and not receipt.status.is_terminal:
        context.out.note("It is sent when the console or `autotask-queue worker` runs.")


async def _wait(queue: Asking, receipt: Receipt, longest: float, context: Context) -> int:
    outcome = await _outcome(queue, receipt, longest, context)
    if context.out.as_json:
        context.out.answer({"receipt": receipt, "outcome": outcome})
    if outcome.ok:
        if not context.out.as_json:
            _say_reply(outcome, receipt, context)
        return Exit.DONE
    failure = outcome.failure
    if outcome.status.is_terminal:
        words = failure.message if failure else f"It was {outcome.status.value}."
        raise RequestFailed(words, outcome=outcome, remedy=failure.remedy if failure else "")
    raise NotFinished(f"Request {receipt.seq} is {outcome.status.value} still.")


async def _outcome(queue: Asking, receipt: Receipt, longest: float, context: Context) -> Outcome:
    ends = time.monotonic() + longest
    said = ""
    while True:
        left = max(0.0, ends - time.monotonic())
        outcome = await queue.ask(Result(id=receipt.id, wait=min(left, _LOOK if said else _FIRST_LOOK)))
        if outcome.status.is_terminal or time.monotonic() >= ends:
            return outcome
        shown = await queue.ask(Show(id=receipt.id))
        request = shown.request
        if request.status is Status.HELD:
            _refuse_held(request.seq, request.reason, say_reason(request))
        now = say_gate(shown.gate, time.time()) if shown.gate is not None else say_reason(request)
        words = f"Waiting: {', '.join(filter(None, (request.status.value, now.rstrip('.'))))}."
        if words != said:
            context.out.note(words)
            said = words


def _refuse_held(seq: int, reason: Reason | None, words: str) -> None:
    """A held request waits for a person: nobody would come while this waits."""
    if reason is Reason.NO_PROCESSOR:
        raise NoProcessor(f"Request {seq} is stored and held: {words}", remedy="Configure its zone.")
    raise NotFinished(f"Request {seq} is held: {words}.", remedy="`show` tells what it needs.")


_FIRST_LOOK, _LOOK = 0.3, min(LONGEST_WAIT, 10.0)


def _say_reply(outcome: Outcome, receipt: Receipt, context: Context) -> None:
    reply = outcome.reply
    record = f", record {reply.record_id}" if reply and reply.record_id is not None else ""
    context.out.note(f"Request {receipt.seq} is completed{record}.")
    if reply is not None and reply.body is not None:
        context.out.line(pretty(reply.body))


def _document(data: Any, assignments: list[tuple[str, Any]], before: Any = None) -> Any:
    """The document to send: what was given, with single fields set.

    Raises:
        WrongArguments: fields are to be set in something that has none.
    """
    base = before if data is None else data
    if not assignments:
        return base
    if base is not None and not isinstance(base, dict):
        raise WrongArguments(
            "--set needs a document that is an object.", remedy="Give all of it with --data."
        )
    return {**(base or {}), **dict(assignments)}


async def _edit(queue: Asking, args: argparse.Namespace, context: Context) -> int:
    request_id = await find_id(queue, args.id)
    fields: dict[str, Any] = {
        name: getattr(args, name)
        for name in ("endpoint", "method", "priority", "scheduled_at", "expires_at", "timeout",
                     "max_retries", "summary")
        if getattr(args, name) is not None
    }  # fmt: skip
    if args.send_now:
        fields["scheduled_at"] = None
    if args.header:
        fields["headers"] = pairs(args.header)
    if args.data is not None or args.assignments:
        before = (await queue.ask(Show(id=request_id))).request.data if args.assignments else None
        fields["data"] = _document(args.data, args.assignments, before)
    if not fields:
        raise WrongArguments("Nothing to change was given.")
    request = await queue.ask(Edit(id=request_id, why=args.reason, actor=context.actor, **fields))
    if context.out.as_json:
        context.out.answer(request)
    else:
        context.out.line(f"Request {request.seq} is changed; it is {request.status.value}.")
    return Exit.DONE

"""`pause`, `resume` and `breaker`: what keeps requests from being sent, by a person's wish."""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from typing import Any

from autotask_queue.cli.access import Asking
from autotask_queue.cli.arguments import Subparsers, add_reason, duration, help_with, moment
from autotask_queue.cli.context import Context, asks
from autotask_queue.cli.errors import Exit
from autotask_queue.cli.output import Column
from autotask_queue.cli.requests import known_zone
from autotask_queue.cli.times import say_duration, say_moment
from autotask_queue.engine.breakers import EVERY_ZONE
from autotask_queue.engine.control.command import Order
from autotask_queue.engine.control.orders import ForceClose, ForceOpen, Pause, Release, ResetBreaker, Resume
from autotask_queue.engine.control.questions import ListBreakers
from autotask_queue.model.breaker import BreakerMetrics, OverrideKind

_PAUSE = """
  autotask-queue pause
  autotask-queue pause 30m --reason "phone call"
"""
_RESUME = """
  autotask-queue resume
"""
_BREAKER = """
  autotask-queue breaker list
  autotask-queue breaker force-open zone1 --reason "maintenance until noon" --for 2h
  autotask-queue breaker force-open --all --reason "office moves"
  autotask-queue breaker release zone1
"""


def configure(commands: Subparsers) -> None:
    """Adds the commands of this module."""
    parser = commands.add_parser(
        "pause",
        **help_with("Stops sending. What is on the wire is finished; new requests are stored.", _PAUSE),
    )
    parser.add_argument(
        "time", nargs="?", type=duration, metavar="TIME", help="for so long; else until resume"
    )
    add_reason(parser)
    parser.set_defaults(command=asks(_pause))

    parser = commands.add_parser("resume", **help_with("Ends a pause.", _RESUME))
    add_reason(parser)
    parser.set_defaults(command=asks(_resume))

    parser = commands.add_parser(
        "breaker", **help_with("Shows and sets the breakers: which zones are sent to.", _BREAKER)
    )
    parser.set_defaults(command=asks(_list))
    _add_actions(parser)


def _add_actions(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(metavar="ACTION")
    action = actions.add_parser("list", help="every zone's breaker")
    action.set_defaults(command=asks(_list))

    action = actions.add_parser("force-open", help="hold a zone, one endpoint of it, or everything")
    _add_zone(action)
    action.add_argument("--entity", help="one endpoint only, such as TimeEntries")
    action.add_argument("--for", dest="time", type=duration, metavar="TIME", help="else until it is released")
    action.add_argument("--starts-at", type=moment, metavar="WHEN", help="else now")
    add_reason(action, required=True)
    action.set_defaults(command=asks(_force_open))

    action = actions.add_parser("force-close", help="send to a zone whatever its breaker thinks, for a time")
    _add_zone(action)
    action.add_argument(
        "--for", dest="time", type=duration, default=3_600.0, metavar="TIME", help="else for an hour"
    )
    add_reason(action, required=True)
    action.set_defaults(command=asks(_force_close))

    action = actions.add_parser("release", help="end a hold; the zone is tested before it is used")
    _add_zone(action)
    action.add_argument("--entity", help="the hold of this endpoint")
    add_reason(action)
    action.set_defaults(command=asks(_release))

    action = actions.add_parser("reset", help="forget a zone's failures and holds")
    _add_zone(action)
    add_reason(action)
    action.set_defaults(command=asks(_reset))


def _add_zone(parser: argparse.ArgumentParser) -> None:
    parser.allow_abbrev = False
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("zone", nargs="?", help="the zone's name")
    which.add_argument("--all", dest="everything", action="store_true", help="everything, every zone")


async def _pause(queue: Asking, args: argparse.Namespace, context: Context) -> int:
    await queue.ask(Pause(expires_in=args.time, why=args.reason, actor=context.actor))
    until = None if args.time is None else time.time() + args.time
    if context.out.as_json:
        context.out.answer({"paused": True, "until": until})
    else:
        text = f"for {say_duration(args.time)}" if args.time is not None else "until `autotask-queue resume`"
        context.out.line(f"Sending is paused {text}.")
    return Exit.DONE


async def _resume(queue: Asking, args: argparse.Namespace, context: Context) -> int:
    await queue.ask(Resume(why=args.reason, actor=context.actor))
    if context.out.as_json:
        context.out.answer({"paused": False, "until": None})
    else:
        context.out.line("The pause is ended.")
    return Exit.DONE


async def _list(queue: Asking, _: argparse.Namespace, context: Context) -> int:
    breakers = await queue.ask(ListBreakers())
    _print(breakers, context)
    return Exit.DONE


async def _force_open(queue: Asking, args: argparse.Namespace, context: Context) -> int:
    more = {"entity": args.entity, "starts_at": args.starts_at, "expires_in": args.time}
    return await _set(queue, args, context, ForceOpen, **more)


async def _force_close(queue: Asking, args: argparse.Namespace, context: Context) -> int:
    return await _set(queue, args, context, ForceClose, expires_in=args.time)


async def _release(queue: Asking, args: argparse.Namespace, context: Context) -> int:
    return await _set(queue, args, context, Release, entity=args.entity)


async def _reset(queue: Asking, args: argparse.Namespace, context: Context) -> int:
    return await _set(queue, args, context, ResetBreaker)


async def _set(
    queue: Asking,
    args: argparse.Namespace,
    context: Context,
    kind: type[Order[BreakerMetrics]],
    **more: Any,
) -> int:
    zone = await known_zone(queue, EVERY_ZONE if args.everything else args.zone)
    fields: dict[str, Any] = {"zone": zone, "why": args.reason, "actor": context.actor, **more}
    _print([await queue.ask(kind(**fields))], context)
    return Exit.DONE


def _print(breakers: Sequence[BreakerMetrics], context: Context) -> None:
    if context.out.as_json:
        context.out.answer({"breakers": breakers})
        return
    styles = {"sending": "green", "stopped": "red", "testing": "yellow", "held": "yellow", "forced": "yellow"}
    context.out.table(
        [Column("zone"), Column("state", styles=styles), Column("last minute"), Column("why", wraps=True)],
        [_row(breaker) for breaker in breakers],
    )


def _row(breaker: BreakerMetrics) -> tuple[str, ...]:
    zone = "everything" if breaker.zone == EVERY_ZONE else breaker.zone
    calls = f"{breaker.recent_total} calls, {breaker.recent_failed} failed"
    held = breaker.override
    if held is not None:
        word = "held" if held.kind is OverrideKind.FORCED_OPEN else "forced"
        if held.starts_at is not None and held.starts_at > time.time():
            word = f"{word} from {say_moment(held.starts_at)}"
        end = f" until {say_moment(held.expires_at)}" if held.expires_at is not None else ""
        return (zone, f"{word}{end}", calls, f"{held.actor}: {held.reason}")
    parts = [f"{o.entity} held by {o.actor}: {o.reason}" for o in breaker.overrides]
    words = {"closed": "sending", "open": "stopped", "half_open": "testing"}
    if breaker.retry_in is not None:
        parts.append(f"tested again in {say_duration(breaker.retry_in)}")
    return (zone, words[breaker.state.value], calls, "; ".join(p for p in (breaker.reason, *parts) if p))

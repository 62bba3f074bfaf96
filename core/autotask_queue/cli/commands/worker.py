"""`worker`: sends what is in a queue file, without a window, until it is told to stop."""

from __future__ import annotations

import argparse
import asyncio
import logging
import time
from typing import Final

from autotask_queue.cli.access import OwnQueue, own
from autotask_queue.cli.arguments import Subparsers, duration, help_with
from autotask_queue.cli.context import Context
from autotask_queue.cli.errors import Exit, NotFinished
from autotask_queue.cli.interrupts import stopped_by_signals
from autotask_queue.cli.output import Output
from autotask_queue.cli.places import log_folder
from autotask_queue.cli.words import plural, say_finished, say_gate
from autotask_queue.engine.bus import Mailbox
from autotask_queue.logs import LEVELS, log_to_files
from autotask_queue.manager import QueueManager
from autotask_queue.model.errors import ConfigError
from autotask_queue.model.events import (
    EventsLost,
    RequestCancelled,
    RequestCompleted,
    RequestExpired,
    RequestFailedEvent,
    RequestHeld,
    RequestUncertain,
)
from autotask_queue.model.gates import Gate, GateKind, gate_for
from autotask_queue.model.request import Request
from autotask_queue.model.status import Status

_WORKER = """
  autotask-queue worker
  autotask-queue --db /var/lib/outbox/queue.db worker --secrets-file /etc/outbox/secrets.toml
  autotask-queue worker --drain --for 10m
"""
_log = logging.getLogger(__name__)

_TOLD: Final = (
    RequestCompleted,
    RequestFailedEvent,
    RequestCancelled,
    RequestExpired,
    RequestHeld,
    RequestUncertain,
)
_LIVE: Final = (Status.PENDING, Status.PROCESSING, Status.RETRYING, Status.UNCERTAIN)
"""What moves by itself. Deferred requests wait for their time, held ones for a person."""
_BY_PEOPLE: Final = frozenset(
    {GateKind.WORK_OFFLINE, GateKind.PAUSED, GateKind.MAINTENANCE, GateKind.SIGN_IN, GateKind.NO_PROCESSOR}
)
"""Gates that do not open by themselves, or not soon."""
_TICK: Final = 0.5
_STUCK_AFTER: Final = 5.0
"""Seconds without any event after which pending requests behind no gate wait for others that are held."""


def configure(commands: Subparsers) -> None:
    """Adds `worker`."""
    parser = commands.add_parser(
        "worker",
        **help_with(
            "Sends what is in the queue until Ctrl+C or SIGTERM. It prints a line for each request that is "
            "finished; other commands work on the same file meanwhile.",
            _WORKER,
        ),
    )
    parser.add_argument(
        "--drain", action="store_true", help="end when nothing is left that could be sent now"
    )
    parser.add_argument("--for", dest="time", type=duration, metavar="TIME", help="end after so long")
    parser.add_argument("--quiet", action="store_true", help="print no line for each request")
    parser.set_defaults(command=_command)


def _command(args: argparse.Namespace, context: Context) -> int:
    if not context.settings.config.zones:
        raise ConfigError(
            [f"no zone is configured in {context.settings.file}, so nothing could be sent"],
            remedy="Add one: [zones.zone1] with url, user, secret and integration_code. See `doctor`.",
        )
    context.prepare_to_send()
    level = context.log_level if context.log_level in LEVELS[:2] else "info"
    with log_to_files(log_folder(), name="worker", level=level):
        return asyncio.run(_work(args, context))


async def _work(args: argparse.Namespace, context: Context) -> int:
    stop = asyncio.Event()
    with stopped_by_signals(stop):
        async with own(context.settings, context.secrets, sends=True) as queue:
            return await _run(queue, stop, args, context)


async def _run(queue: OwnQueue, stop: asyncio.Event, args: argparse.Namespace, context: Context) -> int:
    out, manager = context.out, queue.manager
    _log.info("worker started: %s", manager.location)
    out.note(f"Sending from {manager.location}. Ctrl+C ends it; nothing is lost.")
    mailbox = manager.mailbox()
    ends = None if args.time is None else time.monotonic() + args.time
    last_event = time.monotonic()
    try:
        while not stop.is_set():
            if args.drain and (why := _drained(manager, time.monotonic() - last_event)) is not None:
                return _say_drained(why, out)
            if ends is not None and time.monotonic() >= ends:
                return _say_time_is_up(manager, out) if args.drain else Exit.DONE
            await _next(mailbox, stop, _TICK if args.drain or ends is not None else None)
            if _tell(mailbox, None if args.quiet else out):
                last_event = time.monotonic()
        out.note("Ending: what is on the wire is finished first.")
        return Exit.DONE
    finally:
        mailbox.close()
        _log.info("worker ends")


async def _next(mailbox: Mailbox, stop: asyncio.Event, longest: float | None) -> None:
    """Returns when something happened, when it is to end, or after `longest` seconds."""
    async with asyncio.TaskGroup() as group:
        waits = {group.create_task(mailbox.wait()), group.create_task(stop.wait())}
        await asyncio.wait(waits, timeout=longest, return_when=asyncio.FIRST_COMPLETED)
        for wait in waits:
            wait.cancel()


def _tell(mailbox: Mailbox, out: Output | None) -> bool:
    """Prints a line for each request that ended; whether there was any event."""
    events = mailbox.drain()
    for event in events:
        if isinstance(event, EventsLost):
            _log.warning("%d events were not printed: too many at once", event.count)
        elif isinstance(event, _TOLD) and out is not None:
            _print(event.request, out)
    return bool(events)


def _print(request: Request, out: Output) -> None:
    if out.as_json:
        out.answer(
            {
                "at": request.updated_at,
                "id": request.id,
                "seq": request.seq,
                "status": request.status,
                "zone": request.zone,
                "summary": request.summary,
                "record_id": request.record_id,
                "failure": request.failure,
            }
        )
    else:
        out.line(say_finished(request))


# ---------------------------------------------------------------------------------------------
# --drain


def _drained(manager: QueueManager, quiet_for: float) -> str | None:
    """None while something may still move by itself; else why what is left does not ("" if nothing is)."""
    cells = [c for c in manager.counters().cells if c.status in _LIVE and c.count]
    if not cells:
        return ""
    if any(c.status is Status.PROCESSING for c in cells):
        return None
    gates = manager.gates()
    closed = [gate_for(gates, cell.zone, cell.entity) for cell in cells]
    if any(gate is not None and gate.kind not in _BY_PEOPLE for gate in closed):
        return None
    count = sum(cell.count for cell in cells)
    why = [_why(gate) for gate in closed if gate is not None]
    if len(why) == len(closed):
        return f"{plural(count, 'request')} left: {why[0]}"
    moving = [c for c, gate in zip(cells, closed, strict=True) if gate is None]
    if all(c.status is Status.PENDING for c in moving) and quiet_for > _STUCK_AFTER:
        return f"{plural(count, 'request')} left, behind others that need a person"
    return None


def _why(gate: Gate) -> str:
    return say_gate(gate, time.time())


def _say_drained(why: str, out: Output) -> int:
    if why:
        raise NotFinished(f"{why}.", remedy="`list --status open` shows them; they stay queued.")
    out.note("Nothing is left to send.")
    return Exit.DONE


def _say_time_is_up(manager: QueueManager, out: Output) -> int:
    left = manager.counters().count(*_LIVE)
    if left:
        raise NotFinished(f"The time is up; {plural(left, 'request is', 'requests are')} left.")
    out.note("Nothing is left to send.")
    return Exit.DONE

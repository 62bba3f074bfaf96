"""The simulator as a program: prints where it listens, runs until it is told to stop."""

from __future__ import annotations

import argparse
import asyncio
import ipaddress
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from autotask_queue.simulator.limits import HOURLY_LIMIT

if TYPE_CHECKING:
    from autotask_queue.simulator.server import Simulator

Number = TypeVar("Number", int, float)

BANNER = "This is a simulator of the Autotask REST API, with invented data. It is not Autotask."

USAGE, CANNOT_START = 2, 1


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds the simulator's options to a parser."""
    parser.description = (
        "Runs a simulator of the Autotask REST API on this machine, with invented data. When it is ready it "
        "prints one line of JSON with its address and the credentials it accepts."
    )
    parser.add_argument("--host", default="127.0.0.1", help="loopback address to listen on (%(default)s)")
    parser.add_argument(
        "--port", type=_port, default=0, help="port to listen on; 0 takes a free one (%(default)s)"
    )
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="which invented data (%(default)s)")
    parser.add_argument(
        "--latency", type=_seconds, default=0.0, metavar="SECONDS", help="make every call take so much longer"
    )
    parser.add_argument("--ready-file", type=Path, metavar="PATH", help="write the line of JSON there too")
    parser.add_argument(
        "--any-credentials", action="store_true", help="accept all credentials, as long as they are complete"
    )
    parser.add_argument(
        "--hourly-limit", type=_count, default=HOURLY_LIMIT, metavar="N", help="calls an hour (%(default)s)"
    )
    parser.add_argument(
        "--latency-scale",
        type=_seconds,
        default=1.0,
        metavar="FACTOR",
        help="factor on the slowdown near the hourly limit (%(default)s)",
    )
    parser.add_argument(
        "--idle-exit",
        type=_waiting,
        metavar="SECONDS",
        help="end by itself when nobody called for so long (never, if left out)",
    )
    parser.add_argument(
        "--missing-as-null", action="store_true", help='answer {"item": null}, not 404, for unknown records'
    )


def main(args: argparse.Namespace) -> int:
    """Runs the simulator until SIGTERM or Ctrl+C.

    Returns:
        0 after a requested end or a long silence, 1 if it could not start, 2 for an address that is not this
        machine's own.
    """
    host = _loopback(args.host)
    if host is None:
        return _complain(
            f"The simulator does not listen on {args.host}: it protects nothing, so it is kept to this "
            "machine. Leave --host out, or give 127.0.0.1.",
            USAGE,
        )
    try:
        import autotask_queue.simulator.server  # noqa: F401 - only to see whether it can be
    except ModuleNotFoundError as error:
        return _complain(
            f"The simulator needs {error.name}, which is not installed. "
            "Install it with: pip install 'autotask-queue[demo]'",
            CANNOT_START,
        )
    return asyncio.run(_run(args, host))


async def _run(args: argparse.Namespace, host: str) -> int:
    from autotask_queue.simulator.server import run_simulator

    stop = asyncio.Event()
    with _stopped_by_signals(stop):
        try:
            async with run_simulator(
                host=host,
                port=args.port,
                seed=args.seed,
                latency=args.latency,
                any_credentials=args.any_credentials,
                hourly_limit=args.hourly_limit,
                latency_scale=args.latency_scale,
                missing_as_null=args.missing_as_null,
            ) as simulator:
                _announce(simulator, args.ready_file)
                await _until_stopped(stop, simulator, args.idle_exit)
        except OSError as error:
            reason = error.strerror or str(error)
            place = f"port {args.port}" if error.filename is None else f"“{error.filename}”"
            text = f"The simulator could not start ({place}: {reason}). Choose another, or leave it out."
            return _complain(text, CANNOT_START)
    return 0


async def _until_stopped(stop: asyncio.Event, simulator: Simulator, patience: float | None) -> None:
    """Waits for a signal, or until nobody called for `patience` seconds."""
    while not stop.is_set():
        left = None if patience is None else patience - simulator.idle
        if left is not None and left <= 0:
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(left):
                await stop.wait()


def _announce(simulator: Simulator, ready_file: Path | None) -> None:
    line = msgspec.json.encode(ready(simulator)).decode()
    if ready_file is not None:
        part = ready_file.with_name(f"{ready_file.name}.{os.getpid()}.part")
        part.write_text(f"{line}\n", encoding="utf-8")
        part.replace(ready_file)
    if sys.stdout is not None:  # there is none in a windowed bundle
        sys.stdout.write(f"{line}\n")
        sys.stdout.flush()


def ready(simulator: Simulator) -> dict[str, Any]:
    """What is printed when the simulator listens."""
    credentials = simulator.credentials
    return {
        "url": simulator.url,
        "base_url": simulator.base_url,
        "control_url": simulator.control_url,
        "user": credentials.user,
        "secret": credentials.secret,
        "integration_code": credentials.integration_code,
        "pid": os.getpid(),
        "banner": BANNER,
    }


@contextmanager
def _stopped_by_signals(stop: asyncio.Event) -> Iterator[None]:
    """Sets the event on SIGTERM, Ctrl+C and Ctrl+Break; a second Ctrl+C ends the program at once."""
    loop = asyncio.get_running_loop()
    names = ("SIGTERM", "SIGINT", "SIGBREAK")
    handled = [getattr(signal, name) for name in names if hasattr(signal, name)]

    def ask(number: int, _: FrameType | None) -> None:
        if stop.is_set() and number == signal.SIGINT:
            raise KeyboardInterrupt
        loop.call_soon_threadsafe(stop.set)

    before = {number: signal.signal(number, ask) for number in handled}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _loopback(host: str) -> str | None:
    """The IPv4 loopback address meant by a host name; None if it is another machine's or all of them."""
    if host.lower() == "localhost":
        return "127.0.0.1"
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return None
    return str(address) if address.version == 4 and address.is_loopback else None


def _complain(text: str, code: int) -> int:
    if sys.stderr is not None:
        sys.stderr.write(f"{text}\n")
    return code


def _port(text: str) -> int:
    return _within(text, int(text), 0, 65_535)


def _count(text: str) -> int:
    return _within(text, int(text), 1, 10_000_000)


def _seconds(text: str) -> float:
    return _within(text, float(text), 0, 3600)


def _waiting(text: str) -> float:
    return _within(text, float(text), 1, 7 * 86_400)


def _within(text: str, number: Number, least: int, most: int) -> Number:
    if not least <= number <= most:
        raise argparse.ArgumentTypeError(f"{text} is not between {least} and {most}")
    return number

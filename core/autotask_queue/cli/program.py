"""The program: takes the arguments apart, runs the command, and turns errors into words and exit codes."""

from __future__ import annotations

import argparse
import io
import os
import sys
from collections.abc import Callable, Sequence

import msgspec

from autotask_queue.__about__ import __version__
from autotask_queue.cli.arguments import Subparsers, add_common
from autotask_queue.cli.commands import (
    backup,
    changing,
    config,
    doctor,
    encryption,
    export,
    gates,
    looking,
    numbers,
    simulator,
    strategy,
    submit,
    worker,
)
from autotask_queue.cli.context import Command, Context
from autotask_queue.cli.errors import Exit, WrongArguments, exit_code
from autotask_queue.cli.output import Output, clean
from autotask_queue.cli.refusals import refuse_secrets
from autotask_queue.cli.secret_homes import CommandLineSecrets
from autotask_queue.engine.control.errors import to_message
from autotask_queue.logs import log_to_stderr
from autotask_queue.model.errors import ConfigError, QueueError

_PROGRAM = "autotask-queue"
_CONFIGURES: tuple[Callable[[Subparsers], None], ...] = tuple(
    module.configure
    for module in (
        submit,
        looking,
        changing,
        gates,
        strategy,
        numbers,
        export,
        backup,
        worker,
        simulator,
        config,
        encryption,
        doctor,
    )
)
_EPILOG = """
examples:
  autotask-queue submit /Tickets POST --zone zone1 --data @ticket.json
  autotask-queue list --status open
  autotask-queue show 12
  autotask-queue breaker force-open zone1 --reason "maintenance" --for 2h
  autotask-queue --db /srv/outbox/queue.db worker --drain
  autotask-queue --redis redis://queue.example:6379/0 worker

One program at a time owns a queue file. While the console or a worker has it open, commands go through that
program; otherwise they open the file themselves for a moment. A queue on a Redis server is used by as many
programs at a time as you like.
The options above may also stand after the command.

settings: flags before environment variables (AUTOTASK_QUEUE_MAX_SIZE, AUTOTASK_QUEUE_ZONES__ZONE1__URL)
before the configuration file before the defaults. Secrets are never arguments: see --secrets-file.

the key of an encrypted queue file: --key-file before the variable AUTOTASK_QUEUE_KEY_FILE before the
keychain (with the console installed) before the passphrase vault beside the file, which asks at a terminal.

exit codes: 0 done, 1 could not be done, 2 wrong arguments or settings, 3 not found, 4 the queue is in use or
unavailable or it was not finished in time, 5 the request failed, 130 interrupted.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command.

    Args:
        argv: the arguments without the program's name; the process's own if None.

    Returns:
        The exit code, one of `Exit`.
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a name in a script that this terminal cannot show
            stream.reconfigure(errors="backslashreplace")
    as_json = "--json" in arguments
    try:
        refuse_secrets(arguments)
        _refuse_bytes(arguments)
        return _run(build_parser().parse_args(arguments))
    except SystemExit as end:  # argparse's: 0 after --help, 2 for wrong arguments
        return end.code if isinstance(end.code, int) else Exit.USAGE
    except QueueError as error:
        _complain(error, as_json=as_json)
        return exit_code(error)
    except BrokenPipeError:
        # Whoever read this has enough; Python would complain once more when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return Exit.NOT_DONE
    except KeyboardInterrupt:
        print("Interrupted. What was stored stays stored.", file=sys.stderr)
        return Exit.INTERRUPTED


def _run(args: argparse.Namespace) -> int:
    command: Command = args.command
    if args.db is not None and args.redis is not None:
        raise WrongArguments("--db and --redis name two queues.", remedy="Give one of them.")
    with log_to_stderr(args.log_level):
        context = Context(
            database=args.db,
            redis=args.redis,
            config_file=args.config,
            key_file=args.key_file,
            secrets=CommandLineSecrets(args.secrets_file),
            out=Output(as_json=args.json),
            log_level=args.log_level,
        )
        return command(args, context)


def _refuse_bytes(arguments: Sequence[str]) -> None:
    """Refuses what is no text: neither a file nor the wire could hold it."""
    for place, argument in enumerate(arguments, start=1):
        if not argument.isprintable() and any(c == "\0" or "\ud800" <= c <= "\udfff" for c in argument):
            raise WrongArguments(f"Argument {place} is not valid text.", remedy="Write it in UTF-8.")


def _complain(error: QueueError, *, as_json: bool) -> None:
    if as_json:
        text = msgspec.json.encode({"error": to_message(error)}).decode()
    else:
        problems = error.problems if isinstance(error, ConfigError) else (error.message,)
        lines = [f"{_PROGRAM}: {error.title}", *(f"  {p}" for p in problems), f"What to do: {error.remedy}"]
        text = clean("\n".join(lines))
    print(text, file=sys.stderr)


# ---------------------------------------------------------------------------------------------
# Arguments


def build_parser() -> argparse.ArgumentParser:
    """The whole grammar."""
    parser = argparse.ArgumentParser(
        prog=_PROGRAM,
        description="A queue of Autotask requests: stored safely, sent once each, also after days offline.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"{_PROGRAM} {__version__}")
    add_common(parser)
    found = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for configure in _CONFIGURES:
        configure(found)
    return parser

"""`strategy`: in which order requests are sent."""

from __future__ import annotations

import argparse

from autotask_queue.cli.access import Asking
from autotask_queue.cli.arguments import Subparsers, add_reason, help_with
from autotask_queue.cli.context import Context, asks
from autotask_queue.cli.errors import Exit
from autotask_queue.cli.times import say_moment
from autotask_queue.engine.control.orders import SetStrategy
from autotask_queue.engine.control.questions import AskStrategy
from autotask_queue.engine.ordering import NAMES
from autotask_queue.model.strategy import Strain, StrategyState

CONFIGURED = "configured"
"""The word for: what the settings say."""

_EXAMPLES = """
  autotask-queue strategy
  autotask-queue strategy weighted --reason "the import must not wait"
  autotask-queue strategy configured
"""
_STRAINS = {
    Strain.CROWDED: "urgent look-ups wait, so the newest go first, and background work waits",
    Strain.DRAINING: "much has gathered while nothing could be sent, so every class gets its share",
    Strain.SCARCE: "the server wants fewer calls, so background work waits",
}


def configure(commands: Subparsers) -> None:
    """Adds `strategy`."""
    parser = commands.add_parser(
        "strategy",
        **help_with(
            "Shows or switches the order in which requests are sent. It holds from the next request on, and "
            "over restarts.",
            _EXAMPLES,
        ),
    )
    parser.add_argument(
        "name",
        nargs="?",
        choices=(*NAMES, CONFIGURED),
        metavar="NAME",
        help=f"one of {', '.join(NAMES)}; or {CONFIGURED}, for what the settings say",
    )
    add_reason(parser)
    parser.set_defaults(command=asks(_strategy))


async def _strategy(queue: Asking, args: argparse.Namespace, context: Context) -> int:
    if args.name is None:
        state = await queue.ask(AskStrategy())
    else:
        chosen = None if args.name == CONFIGURED else args.name
        state = await queue.ask(SetStrategy(strategy=chosen, why=args.reason, actor=context.actor))
    if context.out.as_json:
        context.out.answer(state)
        return Exit.DONE
    context.out.line(f"Requests are sent by the strategy {state.strategy}: {_origin(state)}.")
    for strain in state.strains:
        context.out.line(f"Now: {_STRAINS[strain]}.")
    return Exit.DONE


def _origin(state: StrategyState) -> str:
    if state.since is not None:
        why = f" ({state.reason})" if state.reason else ""
        return f"chosen by {state.actor}, {say_moment(state.since)}{why}; the settings say {state.configured}"
    if state.strategy != state.configured:
        return "the setting priority_enabled is false"
    return "as the settings say"

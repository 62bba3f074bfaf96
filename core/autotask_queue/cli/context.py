"""What every command gets: the settings, where secrets are, where its answer goes."""

from __future__ import annotations

import argparse
import asyncio
import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from autotask_queue.cli.access import Asking, find_owner, reach
from autotask_queue.cli.output import Output
from autotask_queue.cli.secret_homes import CommandLineSecrets
from autotask_queue.cli.settings import Settings, load_settings
from autotask_queue.engine.commands import system_user
from autotask_queue.logs import Level


@dataclass(frozen=True, kw_only=True)
class Context:
    """One run of the program.

    `database`, `redis`, `config_file` and `key_file` are what the flags name, if they name anything.
    """

    database: Path | None
    redis: str | None
    config_file: Path | None
    key_file: Path | None
    secrets: CommandLineSecrets
    out: Output
    log_level: Level

    @cached_property
    def settings(self) -> Settings:
        """What is in force; read when first asked for, so that the simulator runs where they are wrong.

        Raises:
            ConfigError: every mistake at once, each with its place.
        """
        return load_settings(
            database=self.database,
            redis=self.redis,
            file=self.config_file,
            key_file=self.key_file,
            environ=os.environ,
        )

    @property
    def actor(self) -> str:
        """Who does this, for the audit trail."""
        return self.settings.config.actor or system_user()

    def prepare_to_send(self) -> None:
        """Gets the secrets together before anything is opened, asking for those that no home has.

        Raises:
            SecretsError: one cannot be had.
        """
        zones = self.settings.config.zones
        self.secrets.ask_for(asyncio.run(self.secrets.missing(zones)), zones)

    def is_owned(self) -> bool:
        """Whether another program has the queue open, and answers; a shared one is its workers'."""
        return self.settings.shared or asyncio.run(find_owner(self.settings.database)) is not None


Command = Callable[[argparse.Namespace, Context], int]
"""A command's function: it returns the exit code."""
Asker = Callable[[Asking, argparse.Namespace, Context], Awaitable[int]]


def asks(asker: Asker, *, creates: bool = False) -> Command:
    """A command that talks to the queue and does not stay; `creates` if it may make the queue file."""

    def command(args: argparse.Namespace, context: Context) -> int:
        async def run() -> int:
            async with reach(context.settings, context.secrets, creates=creates) as queue:
                return await asker(queue, args, context)

        return asyncio.run(run())

    return command

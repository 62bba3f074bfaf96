"""Reaches the queue: through the program that owns its file, or by owning the file for a moment."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final, Protocol, TypeVar

from autotask_queue.cli.errors import NoQueueFile
from autotask_queue.cli.keys import found_key, given_key
from autotask_queue.cli.secret_homes import CommandLineSecrets
from autotask_queue.cli.settings import Settings
from autotask_queue.engine.control import Command, ControlClient, ControlServer, Owner, OwnerUnreachable
from autotask_queue.manager import QueueManager
from autotask_queue.model.errors import StoreInUse, StoreKeyMissing
from autotask_queue.ports import Recovery

T = TypeVar("T")

PATIENCE: Final = 5.0
"""Seconds to wait for an owner that is starting or ending; other commands own the file for a moment only."""
_PAUSE: Final = 0.05


class Asking(Protocol):
    """A queue that commands can be sent to, here or elsewhere."""

    @property
    def owner(self) -> Owner | None:
        """The program that has the queue open; None if it is this one."""
        ...

    @property
    def sends(self) -> bool:
        """Whether what waits is being sent meanwhile."""
        ...

    async def ask(self, command: Command[T]) -> T: ...


class OwnQueue:
    """The queue of this process."""

    owner: Owner | None = None

    def __init__(self, manager: QueueManager, *, sends: bool) -> None:
        self.manager = manager
        self.sends = sends

    async def ask(self, command: Command[T]) -> T:
        """What the queue answers."""
        return await command.run(self.manager)


class OthersQueue:
    """The queue of the program that owns the file; it sends as long as it runs."""

    sends = True

    def __init__(self, client: ControlClient) -> None:
        self._client = client
        self.owner: Owner | None = client.owner

    async def ask(self, command: Command[T]) -> T:
        """What the owner answers."""
        return await self._client.ask(command)


@contextlib.asynccontextmanager
async def reach(
    settings: Settings, secrets: CommandLineSecrets, *, creates: bool = False, sends: bool = False
) -> AsyncIterator[Asking]:
    """The queue, open until the block ends.

    The lock decides who owns the file, so this tries to own it first and asks the owner only if there is
    one: what a killed owner left behind can then mislead nobody.

    Args:
        settings: which file, and how.
        secrets: for sending.
        creates: whether the file may be made.
        sends: whether this process should send, if no other owns the file.

    Raises:
        NoQueueFile: there is no file.
        OwnerUnreachable: another program has it and does not answer.
        StoreError: it cannot be used.
    """
    if settings.shared:
        async with own(settings, secrets, sends=sends) as shared:
            yield shared
        return
    if not creates and not settings.database.exists():
        raise NoQueueFile(f"There is no queue file {settings.database}.")
    try:
        async with own(settings, secrets, sends=sends) as queue:
            yield queue
            return
    except OwnedElsewhere as elsewhere:
        others = elsewhere.queue
    yield others


@contextlib.asynccontextmanager
async def own(settings: Settings, secrets: CommandLineSecrets, *, sends: bool) -> AsyncIterator[OwnQueue]:
    """The queue as this process's own; while it sends, other processes can send it commands.

    Raises:
        OwnedElsewhere: another program owns the file, and answers.
        OwnerUnreachable: another program owns it, and does not answer.
        StoreError: it cannot be used.
    """
    manager, recovery = await _open(settings, secrets, sends=sends)
    try:
        for note in recovery.notes:
            print(f"Note: {note}", file=sys.stderr)
        # Others reach a queue on a server there, not through this process.
        takes_commands = sends and not settings.shared
        async with ControlServer(manager, role="worker") if takes_commands else contextlib.nullcontext():
            yield OwnQueue(manager, sends=sends)
    finally:
        await manager.shutdown()


async def _open(
    settings: Settings, secrets: CommandLineSecrets, *, sends: bool
) -> tuple[QueueManager, Recovery]:
    deadline = asyncio.get_running_loop().time() + PATIENCE
    key = given_key(settings)
    while True:
        manager = QueueManager(settings.config, secrets=secrets, encryption_key=key)
        try:
            return manager, await manager.initialize(send=sends)
        except StoreKeyMissing:
            if key is not None or settings.shared:  # no key of a queue on a server is kept beside it
                raise
            # Only now: whoever reaches the file through its owner needs no key.
            key = (await found_key(settings, secrets)).key
        except StoreInUse as error:
            others = await find_owner(settings.database)
            if others is not None:
                raise OwnedElsewhere(others, error.message) from error
            if asyncio.get_running_loop().time() > deadline:
                raise OwnerUnreachable(f"{error.message} It does not take commands.") from error
            await asyncio.sleep(_PAUSE)


async def find_owner(database: Path) -> OthersQueue | None:
    """The program that owns the file, if it answers."""
    client = ControlClient.of(database)
    return OthersQueue(client) if client is not None and await client.answers() else None


class OwnedElsewhere(StoreInUse):
    """Another program owns the file; `queue` reaches it."""

    default_remedy = (
        "One program at a time sends from a queue file. Close that one, or let it do the work: submit, list "
        "and all other commands reach it."
    )

    def __init__(self, queue: OthersQueue, message: str) -> None:
        super().__init__(message)
        self.queue = queue

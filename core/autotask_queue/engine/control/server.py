"""The owner's side: listens on loopback and does what those ask who know the token."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import secrets
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import msgspec

from autotask_queue.__about__ import __version__
from autotask_queue.engine.clock import SystemClock
from autotask_queue.engine.control.command import Command
from autotask_queue.engine.control.commands import AnyCommand
from autotask_queue.engine.control.errors import CommandRefused, to_message
from autotask_queue.engine.control.owner_file import Owner, remove_owner, write_owner
from autotask_queue.engine.control.queue import ControlledQueue
from autotask_queue.engine.control.wire import (
    HOST,
    LONGEST_GREETING,
    LONGEST_MESSAGE,
    Answer,
    Greeting,
    Key,
    LineTooLong,
    Proof,
    line,
    prove,
    read_line,
    same,
)
from autotask_queue.engine.supervisor import Supervisor
from autotask_queue.model.errors import QueueError, StoreUnwritable

GREETING_TIMEOUT: Final = 5.0
"""Seconds until the token must have been shown; who has not by then is hung up on."""
MESSAGE_TIMEOUT: Final = 30.0
"""Seconds for a command to arrive, and for its answer to be taken."""
MOST_CONNECTIONS: Final = 16

_log = logging.getLogger(__name__)


class ControlServer:
    """Lets other processes of this user send commands to a queue that this one owns.

    Use it with `async with`, or `start` and `close`, while the queue is open. `close` lets nobody wait: a
    command that still runs then is cancelled, and its client told nothing.

    Args:
        queue: what is controlled; the queue's `QueueManager`.
        role: what people know this program as, such as "console" or "worker".
        database: the queue file, if `queue.location` is not its path.
        logger: where a command that failed unexpectedly is logged.
    """

    def __init__(
        self,
        queue: ControlledQueue,
        *,
        role: str = "program",
        database: Path | None = None,
        logger: logging.Logger | None = None,
    ) -> None:
        self._queue = queue
        self._role = role
        self._database = Path(queue.location) if database is None else database
        self._clock = SystemClock()
        self._tasks = Supervisor(self._clock, logger or _log)
        self._decoder: msgspec.json.Decoder[Any] = msgspec.json.Decoder(AnyCommand)
        self._server: asyncio.Server | None = None
        self._owner: Owner | None = None
        self._clients: set[asyncio.StreamWriter] = set()

    @property
    def owner(self) -> Owner | None:
        """What stands in the owner file; None while this does not listen."""
        return self._owner

    @property
    def connections(self) -> int:
        """How many clients are connected now."""
        return len(self._clients)

    async def start(self) -> None:
        """Listens from now on, and says so in the owner file.

        Raises:
            StoreUnwritable: the owner file cannot be written.
        """
        server = await asyncio.start_server(self._connected, HOST, 0)
        owner = Owner(
            pid=os.getpid(),
            port=server.sockets[0].getsockname()[1],
            token=secrets.token_hex(32),
            role=self._role,
            version=__version__,
            since=self._clock.now(),
        )
        try:
            write_owner(self._database, owner)
        except OSError as error:
            server.close()
            raise StoreUnwritable(
                f"The file that tells others how to reach this program cannot be written beside "
                f"{self._database} ({error.strerror or error})."
            ) from error
        self._server, self._owner = server, owner

    async def close(self) -> None:
        """Hangs up and removes the owner file. Calling it again does nothing."""
        server, self._server = self._server, None
        owner, self._owner = self._owner, None
        if server is None or owner is None:
            return
        remove_owner(self._database, owner)
        server.close()
        await asyncio.sleep(0)  # a task that is cancelled before its first step never gets to its clean-up
        await self._tasks.stop()
        for client in tuple(self._clients):
            client.transport.abort()
        await server.wait_closed()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._owner is None or len(self._clients) >= MOST_CONNECTIONS:
            writer.transport.abort()
            return
        self._clients.add(writer)
        self._tasks.spawn("control command", self._serve(self._owner, reader, writer))

    async def _serve(self, owner: Owner, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            with contextlib.suppress(TimeoutError, OSError):  # it hung up, or never said what it wanted
                writer.write(line(await self._converse(owner, reader, writer)))
                async with asyncio.timeout(MESSAGE_TIMEOUT):
                    await writer.drain()
                    writer.close()
                    await writer.wait_closed()
        finally:
            self._clients.discard(writer)
            writer.transport.abort()

    async def _converse(
        self, owner: Owner, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> Answer:
        """One command from its greeting to its answer."""
        try:
            async with asyncio.timeout(GREETING_TIMEOUT):
                greeting = msgspec.json.decode(await read_line(reader, LONGEST_GREETING), type=Greeting)
                writer.write(line(Proof(proof=prove(owner.token, greeting.nonce))))
                key = msgspec.json.decode(await read_line(reader, LONGEST_GREETING), type=Key)
            if not same(key.token, owner.token):
                return _refuse("The token is wrong.")
            async with asyncio.timeout(MESSAGE_TIMEOUT):
                command: Command[Any] = self._decoder.decode(await read_line(reader, LONGEST_MESSAGE))
        except LineTooLong as error:
            return _refuse(f"The message is too long: {error}.")
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            return _refuse(f"This is no command: {error}.")
        return await self._do(command)

    async def _do(self, command: Command[Any]) -> Answer:
        try:
            result = msgspec.json.encode(await command.run(self._queue))
        except QueueError as error:
            return Answer(error=to_message(error))
        if len(result) > LONGEST_MESSAGE - 1_024:
            return _refuse("The answer is too long to be sent. Ask for less at once.")
        return Answer(result=msgspec.Raw(result))


def _refuse(why: str) -> Answer:
    return Answer(error=to_message(CommandRefused(why)))

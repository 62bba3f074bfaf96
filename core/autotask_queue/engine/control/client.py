"""The asking side: one connection for each command."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final, TypeVar

import msgspec

from autotask_queue.engine.control.command import Command, answer_type
from autotask_queue.engine.control.errors import CommandRefused, OwnerUnreachable, to_error
from autotask_queue.engine.control.owner_file import Owner, read_owner
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

T = TypeVar("T")

GREETING_TIMEOUT: Final = 5.0
"""Seconds for the owner to prove that it is one; its loop may be busy for a moment."""
ANSWER_TIMEOUT: Final = 300.0
"""Seconds for an answer. An order about a million requests takes its time; a dead owner hangs up."""

_Channel = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class ControlClient:
    """Sends commands to the owner of a queue file."""

    def __init__(self, owner: Owner) -> None:
        self.owner = owner

    @classmethod
    def of(cls, database: Path) -> ControlClient | None:
        """One for the program that says it owns the file; None if none says so. Asks nobody."""
        owner = read_owner(database)
        return None if owner is None else cls(owner)

    async def answers(self) -> bool:
        """Whether the owner is there: False for what a killed one left behind."""
        try:
            async with self._channel():
                return True
        except OwnerUnreachable:
            return False

    async def ask(self, command: Command[T]) -> T:
        """What the owner answers.

        Raises:
            OwnerUnreachable: it is not there, or its answer did not come. Only in the second case may
                the command have been done; its message says so.
            QueueError: what the command met, as the same class.
        """
        message = line(command)
        if len(message) > LONGEST_MESSAGE:
            raise CommandRefused(f"The command is longer than {LONGEST_MESSAGE // 2**20} MB.")
        async with self._channel() as (reader, writer):
            try:
                async with asyncio.timeout(ANSWER_TIMEOUT):
                    writer.write(line(Key(token=self.owner.token)) + message)
                    await writer.drain()
                    answer = msgspec.json.decode(await read_line(reader, LONGEST_MESSAGE), type=Answer)
            except (OSError, TimeoutError, LineTooLong, msgspec.MsgspecError) as error:
                raise OwnerUnreachable(
                    f"{self._name} took the command, but its answer did not come. It may have been done.",
                    remedy="Look at the queue before you repeat the command.",
                ) from error
        if answer.error is not None:
            raise to_error(answer.error)
        return msgspec.json.decode(answer.result, type=answer_type(command))

    @contextlib.asynccontextmanager
    async def _channel(self) -> AsyncIterator[_Channel]:
        """A connection to somebody who knows the token."""
        writer: asyncio.StreamWriter | None = None
        try:
            async with asyncio.timeout(GREETING_TIMEOUT):
                reader, writer = await asyncio.open_connection(HOST, self.owner.port)
                nonce = secrets.token_hex(16)
                writer.write(line(Greeting(nonce=nonce)))
                proof = msgspec.json.decode(await read_line(reader, LONGEST_GREETING), type=Proof)
            if not same(proof.proof, prove(self.owner.token, nonce)):
                raise OwnerUnreachable(f"Something else than {self._name} answers in its place.")
        except (OSError, TimeoutError, LineTooLong, msgspec.MsgspecError) as error:
            if writer is not None:
                writer.transport.abort()
            raise OwnerUnreachable(f"{self._name} could not be reached.") from error
        except BaseException:
            if writer is not None:
                writer.transport.abort()
            raise
        try:
            yield reader, writer
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    @property
    def _name(self) -> str:
        return f"The {self.owner.role or 'program'} (process {self.owner.pid})"

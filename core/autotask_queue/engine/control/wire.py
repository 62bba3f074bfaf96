"""What goes over the control channel, in its order: one line of JSON each, bounded and validated.

client: Greeting   a nonce
owner:  Proof      that it knows the token: a port may have passed to a stranger since its owner died
client: Key        the token
client: a command
owner:  Answer     its result, or its error; then the connection ends
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac

import msgspec

from autotask_queue.engine.control.errors import ErrorMessage

HOST = "127.0.0.1"
LONGEST_GREETING = 1_024
"""Bytes of a line from somebody who has not shown the token."""
LONGEST_MESSAGE = 16 * 2**20
"""Bytes of a command or an answer. A request may hold 8 MB (`intake.MAX_BODY`)."""


class Greeting(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The first line: a random text that the owner has to answer to."""

    nonce: str


class Proof(msgspec.Struct, frozen=True, kw_only=True):
    """What `prove` gives for the token and the nonce."""

    proof: str


class Key(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Shows that the client may command; a command follows."""

    token: str


class Answer(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """`result` is there if `error` is not."""

    result: msgspec.Raw = msgspec.Raw(b"null")
    error: ErrorMessage | None = None


class LineTooLong(ValueError):
    """More bytes came without a newline than are taken."""


def prove(token: str, nonce: str) -> str:
    """What only a program that knows the token can answer to `nonce`."""
    return hmac.new(token.encode(), f"owner {nonce}".encode(), hashlib.sha256).hexdigest()


def same(left: str, right: str) -> bool:
    """Whether two secrets are equal, in a time that does not tell where they differ."""
    return hmac.compare_digest(left.encode(), right.encode())


def line(message: object) -> bytes:
    """A message as it is sent."""
    return msgspec.json.encode(message) + b"\n"


async def read_line(reader: asyncio.StreamReader, longest: int) -> bytes:
    """The next line, without its newline.

    Raises:
        LineTooLong: it is longer than `longest` bytes; what came of it is dropped.
        ConnectionError: the other side closed before its end.
    """
    parts: list[bytes] = []
    size = 0
    while True:
        try:
            part = await reader.readuntil(b"\n")
        except asyncio.LimitOverrunError as error:  # longer than the reader's own buffer
            part = await reader.readexactly(error.consumed)
        except asyncio.IncompleteReadError as error:
            raise ConnectionResetError("the connection ended within a message") from error
        size += len(part)
        if size > longest:
            raise LineTooLong(f"more than {longest} bytes in one message")
        parts.append(part)
        if part.endswith(b"\n"):
            return b"".join(parts)[:-1]

"""The corpus: replies and ends of exchanges as recorded, and what each must mean (see `corpus/README.md`)."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import msgspec

from autotask_queue.model.failure import Applied, FailureClass
from autotask_queue.model.status import Status
from autotask_queue.policy.retry import Signal, ZoneEffect

FOLDER = Path(__file__).parent / "corpus"


class Expected(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a failure must be, and what must follow from it for a first try."""

    class_: FailureClass = msgspec.field(name="class")
    applied: Applied
    code: str
    remedy: str
    """Words that the remedy must have."""
    next: Status
    breaker: Signal
    uses_try: bool
    zone: ZoneEffect


class Asked(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The write that was answered; the read in its place is always GET /Tickets/7."""

    method: str
    path: str


class Shape(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A reply."""

    name: str
    why: str = ""
    request: Asked
    status: int
    headers: dict[str, str]
    body: str = ""
    body_hex: str = ""
    write: Expected | Literal["ok"]
    read: Expected | Literal["ok"]

    @property
    def content(self) -> bytes:
        return bytes.fromhex(self.body_hex) if self.body_hex else self.body.encode()


class End(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An exchange without a reply: the exception, what lies below it, and how far the attempt had come."""

    name: str
    error: str
    cause: str = ""
    stage: str
    write: Expected
    read: Expected


def _lines(name: str) -> list[bytes]:
    return (FOLDER / name).read_bytes().splitlines()


REPLIES = [msgspec.json.decode(line, type=Shape) for line in _lines("replies.jsonl")]
ENDS = [msgspec.json.decode(line, type=End) for line in _lines("ends.jsonl")]

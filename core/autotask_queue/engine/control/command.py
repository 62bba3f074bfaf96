"""A command: data that knows which method of the queue it stands for.

It does the same whether it runs where the queue is or comes over the wire.
"""

from __future__ import annotations

from typing import Generic, TypeVar, get_args

import msgspec

from autotask_queue.engine.bulk import Target
from autotask_queue.engine.control.queue import ControlledQueue
from autotask_queue.model.filters import BulkResult, RequestFilter
from autotask_queue.model.request import RequestId

T = TypeVar("T")


class Command(
    msgspec.Struct, Generic[T], frozen=True, kw_only=True, tag_field="do", forbid_unknown_fields=True
):
    """A question or an order; `run` answers with a `T`.

    Raises:
        QueueError: what the queue's method of that name raises.
    """

    async def run(self, queue: ControlledQueue) -> T:
        raise NotImplementedError


class Order(Command[T], frozen=True, kw_only=True):
    """A command that changes something: who wants it, and why, for the audit trail."""

    why: str = ""
    actor: str = ""


class BulkOrder(Order[BulkResult], frozen=True, kw_only=True):
    """An order about the requests with these `ids`, or about all that match now."""

    ids: tuple[RequestId, ...] = ()
    matching: RequestFilter | None = None

    def target(self, queue: ControlledQueue) -> Target:
        """What the order is about."""
        return self.ids if self.matching is None else queue.selection(self.matching)


def answer_type(command: Command[T]) -> type[T]:
    """What `command` answers with, as its class says."""
    for base in (base for kind in type(command).__mro__ for base in getattr(kind, "__orig_bases__", ())):
        for argument in get_args(base):
            if not isinstance(argument, TypeVar):
                answer: type[T] = argument
                return answer
    raise TypeError(f"{type(command).__name__} does not say what it answers")

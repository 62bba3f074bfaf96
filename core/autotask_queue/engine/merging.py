"""Successive edits of one record that are sent as one: what the one looks like.

The first leads, and the others are merged into it in the store (`Companions.merge`), where they share its
fate. What is sent, and looked up, is the first with the document of all.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from autotask_queue.engine.calls import merged_document
from autotask_queue.model.request import Request
from autotask_queue.model.status import Effect
from autotask_queue.ports import Merging


def merges(processor: object, request: Request) -> bool:
    """Whether `processor` can send `request` together with other edits of its record."""
    return isinstance(processor, Merging) and request.method == "PATCH" and request.effect is Effect.WRITE


def merged(processor: object, requests: Sequence[Request]) -> Request | None:
    """The first of `requests`, with what all of them change; None if the processor cannot tell.

    The fields as they were before (`base`) are those of before the first that changes them.
    """
    lead = requests[0]
    if len(requests) == 1 or not isinstance(processor, Merging):
        return lead if len(requests) == 1 else None
    data = merged_document(processor, requests)
    if data is None:
        return None
    before: dict[str, object] = {}
    for request in reversed(requests):
        before |= request.base or {}
    return msgspec.structs.replace(lead, data=data, base=before or None)

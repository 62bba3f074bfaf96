"""Makes creates findable: a key of our own in the record's `externalID`.

Autotask has no idempotency keys, so a create whose reply was lost can only be looked for. Tickets, tasks and
contacts have a free text field for that. A person's own key in it is never overwritten; it may occur more
than once, so it is looked for together with the creation date.
"""

from __future__ import annotations

import hashlib
import re
from typing import Any

from autotask_queue.autotask.routes import value_of
from autotask_queue.catalogue import Entity
from autotask_queue.model.request import RequestId

MARKER_PREFIX = "AQC-"
MAX_MARKER = 50
"""Characters that Autotask's `externalID` holds."""


def marker_for(request_id: RequestId) -> str:
    """The key of our own for a request: always the same, at most 50 characters."""
    compact = re.sub(r"[^a-z0-9]", "", request_id.lower())
    if not 8 <= len(compact) <= MAX_MARKER - len(MARKER_PREFIX) or compact != request_id.lower().replace(
        "-", ""
    ):
        compact = hashlib.sha256(request_id.encode()).hexdigest()[
            :40
        ]  # no UUID: ids of callers may be anything
    return f"{MARKER_PREFIX}{compact}"


def is_own(marker: str, request_id: RequestId) -> bool:
    """Whether a marker is the key of our own for this request, and not a person's."""
    return marker == marker_for(request_id)


def with_marker(
    entity: Entity | None, document: dict[str, Any], request_id: RequestId
) -> tuple[dict[str, Any], str | None]:
    """The document with a marker in place, and the marker; None where the entity has no field for it."""
    if entity is None or entity.marker is None:
        return document, None
    theirs = value_of(document, entity.marker)
    if theirs is not None and str(theirs).strip():
        return document, str(theirs)
    document = {key: value for key, value in document.items() if key.lower() != entity.marker.lower()}
    marker = marker_for(request_id)
    return {**document, entity.marker: marker}, marker

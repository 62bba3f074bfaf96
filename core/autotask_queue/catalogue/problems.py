"""What is wrong with a document, and what the checks of it share."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

import msgspec

from autotask_queue.catalogue.entities import Entity, PicklistValue

Document = Mapping[str, Any]


class Severity(StrEnum):
    """Whether a problem keeps the document from being sent."""

    ERROR = "error"
    WARNING = "warning"


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """Something wrong with one field: what, and what to do. `field` is the property's name."""

    field: str
    message: str
    """What is wrong."""
    remedy: str
    """What to do."""
    severity: Severity = Severity.ERROR
    """Whether it can be sent all the same."""


class Draft(msgspec.Struct, frozen=True, kw_only=True):
    """What is being checked; the names in `document` are Autotask's, those in `picklists` lower case."""

    entity: Entity
    document: Document
    picklists: Mapping[str, tuple[PicklistValue, ...]]
    update: bool


def empty(value: object) -> bool:
    """True for null and for text without content: Autotask takes both for nothing."""
    return value is None or (isinstance(value, str) and not value.strip())


def moment(value: object) -> datetime | None:
    """The date and time in a JSON string, as naive UTC (also if it names no zone); None if it is none."""
    if not isinstance(value, str):
        return None
    try:
        parsed = datetime.fromisoformat(value)
        return parsed.replace(tzinfo=None) - (parsed.utcoffset() or timedelta())
    except (ValueError, OverflowError):
        return None

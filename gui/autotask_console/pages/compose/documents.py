"""Reading and changing a document whose property names may be in any case, without losing any."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Document = dict[str, Any]


def key_of(document: Mapping[str, Any], name: str) -> str | None:
    """How `name` is written in the document, or None if it is not there. Autotask ignores case."""
    if name in document:
        return name
    lower = name.lower()
    return next((key for key in document if key.lower() == lower), None)


def value_of(document: Mapping[str, Any], name: str) -> Any:
    """The value, None if it is not there."""
    key = key_of(document, name)
    return None if key is None else document[key]


def with_value(document: Mapping[str, Any], name: str, value: Any) -> Document:
    """The document with another value, in the same place; None takes the property out."""
    key = key_of(document, name) or name
    if value is None:
        return {k: v for k, v in document.items() if k != key}
    return {**document, key: value}


def is_empty(value: object) -> bool:
    """Whether nothing was filled in."""
    return value is None or (isinstance(value, str) and not value.strip())

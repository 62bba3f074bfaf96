"""Keys that encrypt what a store keeps: 32 random bytes, given by the program and kept by nobody here."""

from __future__ import annotations

import secrets
from typing import Final

from autotask_queue.model.errors import ConfigError

KEY_BYTES: Final = 32


def new_key() -> bytes:
    """A random key: 32 bytes. Who loses it loses what it encrypted."""
    return secrets.token_bytes(KEY_BYTES)


def checked_key(key: object) -> bytes:
    """The key, if it is one.

    Raises:
        ConfigError: it is not 32 bytes; the message does not repeat it.
    """
    if not isinstance(key, bytes):
        raise ConfigError([f"encryption_key must be bytes, got {type(key).__name__}"], remedy=_REMEDY)
    if len(key) != KEY_BYTES:
        raise ConfigError([f"encryption_key must be {KEY_BYTES} bytes, got {len(key)}"], remedy=_REMEDY)
    return key


_REMEDY: Final = "Make one with new_encryption_key() and keep it where only this program finds it."

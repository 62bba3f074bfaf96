"""Larger documents, compressed where that saves something; which ones were is told by their first byte.

zlib's fastest level: the others take up to four times as long for a few hundredths (measured on tickets,
notes, answers to queries and attachments). Below 1 KiB there is little to gain. Compressed before encrypted,
for what is encrypted cannot be compressed.
"""

from __future__ import annotations

import zlib
from typing import Final

import msgspec

SMALLEST: Final = 1_024
"""Bytes from which on a document is compressed."""
WORTH: Final = 0.9
"""What is left of a document, at most, for which it is worth it."""

_LEVEL: Final = 1
_MARK: Final = b"x"
"""How what zlib makes begins; a document of ours begins with a brace."""


def pack(data: bytes) -> bytes:
    """A JSON object as it is kept."""
    if len(data) < SMALLEST:
        return data
    packed = zlib.compress(data, _LEVEL)
    return packed if len(packed) <= WORTH * len(data) else data


def unpack(data: bytes) -> bytes:
    """The JSON object that `pack` was given, or that was kept without it.

    Raises:
        msgspec.DecodeError: it is damaged.
    """
    if not data.startswith(_MARK):
        return data
    try:
        return zlib.decompress(data)
    except zlib.error as error:
        raise msgspec.DecodeError(f"a compressed document is damaged ({error})") from error

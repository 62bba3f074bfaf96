"""When two requests are the same: one id stored twice.

What is compared is what would be sent, and to where. Words for people, priorities and times are not part of
it: a program that tries again may well give others.
"""

from __future__ import annotations

import hashlib
from typing import Final

import msgspec

from autotask_queue.model.errors import InvalidRequest
from autotask_queue.model.request import JSON, Request

_SIZE: Final = 16
"""Bytes of a digest: nobody meets another's by chance."""
_encoder: Final = msgspec.json.Encoder(order="sorted")


def digest(request: Request) -> str:
    """Of what is sent: alike for requests that ask for the same, whatever the order of their fields.

    Raises:
        InvalidRequest: it holds something that is not JSON.
    """
    return _digest(request.zone, request.method, request.endpoint, request.data, request.headers)


def _digest(*parts: JSON) -> str:
    try:
        encoded = _encoder.encode(parts)
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidRequest(f"It holds something that is not JSON: {error}.") from error
    return hashlib.blake2b(encoded, digest_size=_SIZE).hexdigest()

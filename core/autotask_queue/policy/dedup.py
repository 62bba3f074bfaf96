"""When two requests are the same: one id stored twice, or reads that ask the same question.

What is compared is what would be sent, and to where. Words for people, priorities and times are not part of
it: a program that tries again may well give others. Writes are never the same for being alike.
"""

from __future__ import annotations

import hashlib
from typing import Final
from urllib.parse import parse_qsl

import msgspec

from autotask_queue.model.errors import InvalidRequest
from autotask_queue.model.request import JSON, Request
from autotask_queue.model.status import Effect

_SIZE: Final = 16
"""Bytes of a digest: nobody meets another's by chance."""
_encoder: Final = msgspec.json.Encoder(order="sorted")


def digest(request: Request) -> str:
    """Of what is sent: alike for requests that ask for the same, whatever the order of their fields.

    Raises:
        InvalidRequest: it holds something that is not JSON.
    """
    return _digest(request.zone, request.method, request.endpoint, request.data, request.headers)


def flight(request: Request) -> str | None:
    """What reads have in common that one call can answer: the question, and how often and long it is asked.

    None for what is always sent by itself: writes, and what waits for others, which may change the answer.
    """
    if request.effect is not Effect.READ or request.depends_on:
        return None
    path, _, query = request.endpoint.partition("?")
    question = (request.zone, request.method, path.rstrip("/"), _in_order(query), request.data)
    patience = (request.timeout, request.retryable, request.max_retries)
    return _digest(*question, sorted((k.lower(), v) for k, v in request.headers.items()), *patience)


def _in_order(query: str) -> list[tuple[str, str]]:
    """The parameters of an address; those of one name keep their order, which may mean something."""
    return sorted(parse_qsl(query, keep_blank_values=True), key=lambda pair: pair[0])


def _digest(*parts: JSON) -> str:
    try:
        encoded = _encoder.encode(parts)
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidRequest(f"It holds something that is not JSON: {error}.") from error
    return hashlib.blake2b(encoded, digest_size=_SIZE).hexdigest()

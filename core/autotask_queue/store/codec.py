"""Between requests and bytes."""

from __future__ import annotations

from operator import attrgetter
from typing import Any

import msgspec

from autotask_queue.model.errors import InvalidRequest
from autotask_queue.model.request import JSON, Reply, Request, RequestRow
from autotask_queue.ports import Change
from autotask_queue.store.packing import unpack
from autotask_queue.store.rules import PAYLOAD, Payload

_ROW_FIELDS = RequestRow.__struct_fields__
_row_values = attrgetter(*_ROW_FIELDS)
_payload_values = attrgetter(*PAYLOAD)
_encoder = msgspec.json.Encoder()
_payload_decoder = msgspec.json.Decoder(Payload)
_reply_decoder = msgspec.json.Decoder(Reply)


def encode(value: JSON) -> bytes:
    """A document as bytes.

    Raises:
        InvalidRequest: it holds something that JSON has no words for.
    """
    try:
        return _encoder.encode(value)
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidRequest(f"It holds something that is not JSON: {error}.") from error


def decode(data: bytes) -> JSON:
    """The document that `encode` wrote."""
    return msgspec.json.decode(data)


def encode_payload(request: Request) -> bytes:
    """The fields of a request that no list looks at.

    Raises:
        InvalidRequest: they hold something that JSON has no words for.
    """
    return encode(Payload(*_payload_values(request)))


def decode_payload(data: bytes) -> dict[str, Any]:
    """The fields that `encode_payload` wrote, packed or not."""
    payload = _payload_decoder.decode(unpack(data))
    return dict(zip(PAYLOAD, _payload_values(payload), strict=True))


def decode_reply(data: bytes) -> Reply:
    """A reply that `encode` wrote, packed or not."""
    return _reply_decoder.decode(unpack(data))


def row(request: Request) -> RequestRow:
    """A request without its documents."""
    return RequestRow(**dict(zip(_ROW_FIELDS, _row_values(request), strict=True)))


def copy(request: Request) -> Request:
    """The same request with documents of its own.

    Raises:
        InvalidRequest: a document is not JSON.
    """
    values = decode_payload(encode_payload(request))
    if request.reply is not None:
        values["reply"] = msgspec.structs.replace(request.reply, body=decode(encode(request.reply.body)))
    return msgspec.structs.replace(request, **values)


def copy_change(change: Change) -> Change:
    """The same change with documents of its own.

    Raises:
        InvalidRequest: a document is not JSON.
    """
    values: dict[str, Any] = {}
    if change.edit:
        values["edit"] = decode(encode(change.edit))
        if "effect" in values["edit"]:
            values["edit"]["effect"] = change.edit["effect"]
    if change.detail:
        values["detail"] = decode(encode(change.detail))
    if isinstance(change.reply, msgspec.Struct):
        values["reply"] = msgspec.structs.replace(change.reply, body=decode(encode(change.reply.body)))
    return msgspec.structs.replace(change, **values) if values else change

"""Enqueueing and changing: worked out here by the rules, stored if the request still is what it was then.

The script compares versions. If somebody was quicker, it answers with the request as it now is, and the
change is worked out again from that. What a change means for others (lanes, children) is the script's work,
because only there nobody can come between.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from autotask_queue.model.errors import (
    IllegalTransition,
    QueueError,
    RequestNotFound,
    StoreError,
)
from autotask_queue.model.request import OnDuplicate, Request, RequestId
from autotask_queue.model.status import Reason, Status
from autotask_queue.ports import Change
from autotask_queue.store import carrying, codec, flights, rules
from autotask_queue.store.packing import pack
from autotask_queue.store.redis import rows
from autotask_queue.store.redis.batches import Operation, operation
from autotask_queue.store.redis.rows import Stored
from autotask_queue.store.redis.sealing import Seal, as_bytes

_REASONS: Final = {reason.value: reason for reason in Reason}


# ---------------------------------------------------------------------------------------------
# Enqueue


def enqueue(request: Request, seal: Seal, *, actor: str, adopted: bool = False) -> Operation:
    """Adds a request; `adopted` if it was acknowledged elsewhere, so that it may have come and gone already.

    Raises:
        InvalidRequest: it holds something that cannot be stored, or its status is none to begin with.
    """
    payload = codec.encode_payload(request)
    rules.check_new(request)
    policy = request.on_duplicate
    if adopted and policy is OnDuplicate.KEEP_FIRST:  # its receipt was given out: it must not vanish
        policy = OnDuplicate.REJECT
    documents = {"payload": payload, "search": as_bytes(rules.haystack(request))}
    if request.reply is not None:
        documents["reply"] = codec.encode(request.reply)
    return operation(
        "enqueue",
        request.id,
        rows.columns(rules.admitted(request, seq=0, actor=actor), seal),
        {name: place for place, name in enumerate(documents, start=1)},
        list(dict.fromkeys(request.depends_on)),
        rows.from_actor(actor, seal),
        adopted,
        policy.value,
        documents=tuple(_kept(name, request.id, data, seal) for name, data in documents.items()),
    )


def enqueued(request: Request, answer: Sequence[Any], found: dict[str, Stored], *, actor: str) -> Request:
    """The request as it is stored.

    Raises:
        DuplicateKey, RequestIdTaken: as `Store.enqueue`.
    """
    if answer[0] == "old":
        rules.check_same(found[answer[1]].request, request)
        return found[answer[1]].request
    if answer[0] == "first":
        return found[answer[1]].request
    if answer[0] == "gone":
        return request
    if answer[0] == "taken":
        raise rules.key_taken(request, RequestId(answer[1]))
    if answer[0] == "sent":
        raise rules.key_taken(request, RequestId(answer[1]), Status(answer[2]))
    _, seq, status, reason, updated_at, leader = answer
    stored = rules.admitted(codec.copy(request), seq=int(seq), actor=actor)
    if leader:
        stored = msgspec.structs.replace(stored, merged_into=RequestId(leader))
    return _as_parents_let_it(stored, status, reason, updated_at)


def _kept(name: str, request_id: RequestId, document: bytes, seal: Seal) -> bytes:
    """A document as the server keeps it. What is searched for words there stays as it is."""
    packed = pack(document) if seal.compression and name != "search" else document
    return seal.document(name, request_id, packed)


# ---------------------------------------------------------------------------------------------
# Change


class Planned(msgspec.Struct, frozen=True):
    """A change worked out from a request as it was read, or why the rules refuse it."""

    before: Stored
    wanted: Request | QueueError
    operation: Operation


def plan(before: Stored, change: Change, seal: Seal, merged: Sequence[Stored] = ()) -> Planned:
    """Works a change out. A refusal counts only if the request is still the same, too.

    Args:
        before: the request as it was read.
        change: what is wanted.
        seal: how what it holds is written.
        merged: those that the script says go along.
    """
    try:
        return _plan(before, change, seal, merged)
    except QueueError as refusal:
        return Planned(before, refusal, operation("check", str(before.request.seq), before.version))


def _plan(before: Stored, change: Change, seal: Seal, merged: Sequence[Stored]) -> Planned:
    """Works a change out.

    Raises:
        IllegalTransition: see `rules.changed`.
        InvalidRequest: it holds something that cannot be stored.
    """
    request = before.request
    change = codec.copy_change(change)
    wanted = rules.changed(request, change)
    documents: list[bytes] = []
    own = _difference(request, wanted, change, documents, seal)
    along = []
    for stored in merged:
        one = stored.request
        if not carrying.goes_along(one, request, wanted):
            continue
        carried = carrying.carried(change, request, wanted, one)
        if flights.follows(one):
            one = rules.claimed(one, now=change.at, merged_into=request.id)
        after = rules.changed(one, carried)
        along.append((str(one.seq), stored.version, *_difference(one, after, carried, documents, seal)))
    packed = operation("change", str(request.seq), before.version, *own, along, documents=tuple(documents))
    return Planned(before, wanted, packed)


def _difference(
    request: Request, wanted: Request, change: Change, documents: list[bytes], seal: Seal
) -> tuple[Any, ...]:
    """What the script is told of a change: columns, the places of its documents, and what to write down."""
    places: dict[str, int | bool] = {}

    def attach(name: str, document: bytes) -> None:
        documents.append(_kept(name, request.id, document, seal))
        places[name] = len(documents)

    if change.edit:
        attach("payload", codec.encode_payload(wanted))
    if wanted.reply is not request.reply:
        if wanted.reply is None:
            places["reply"] = False
        else:
            attach("reply", codec.encode(wanted.reply))
    haystack = rules.haystack(wanted)
    if haystack != rules.haystack(request):
        attach("search", as_bytes(haystack))
    about: dict[str, Any] = {
        "kind": change.kind,
        "at": rows.number(change.at),
        "actor": rows.from_actor(change.actor, seal),
        "why": seal.text("why", request.id, change.why),
        "detail": rows.from_detail(change.detail, request.id, seal),
    }
    if change.attempt is not None:
        about["attempt"] = rows.from_attempt(change.attempt, request.id, seal)
    return rows.changed_columns(request, wanted, seal), places, about


def changed(planned: Planned, answer: Sequence[Any]) -> Stored:
    """The request after the change.

    Raises:
        QueueError: it was refused.
    """
    before, wanted = planned.before.request, planned.wanted
    if isinstance(wanted, QueueError):
        raise wanted
    if answer[0] == "gone":
        raise not_found(before.id)
    if answer[0] == "parent":
        raise IllegalTransition(
            "The request it depends on did not complete.",
            status=before.status,
            remedy="Retry or restore that one: this one then follows by itself.",
        )
    if answer[0] == "taken":
        raise IllegalTransition(
            f"Another unfinished request took its dedup_key: {answer[1]}.", status=before.status
        )
    _, version, status, reason, updated_at = answer
    return Stored(_as_parents_let_it(wanted, status, reason, updated_at), version)


def not_found(request_id: RequestId) -> RequestNotFound:
    """What to say when nothing has this id."""
    return RequestNotFound(f"There is no request {request_id}.")


def always_changing(request: Request) -> StoreError:
    """What to say when a request never holds still."""
    return StoreError(f"Request {request.seq} is being changed by others all the time.", remedy="Try again.")


def _as_parents_let_it(request: Request, status: str, reason: str, updated_at: str) -> Request:
    """The request with what the script decided about it: held, or waiting for others."""
    if request.status.value == status and (request.reason or "") == reason:
        return request
    return msgspec.structs.replace(
        request,
        status=Status(status),
        reason=_REASONS.get(reason),
        updated_at=float(updated_at),
    )

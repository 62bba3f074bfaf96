"""Makes a storable request out of what a caller asks for, or says what is wrong with it."""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Mapping, Sequence

import msgspec

from autotask_queue.engine.arguments import MAX_BODY, MAX_NAME, check, one_line
from autotask_queue.engine.calls import facts_of
from autotask_queue.engine.context import Context
from autotask_queue.engine.merging import merges
from autotask_queue.model.errors import InvalidRequest
from autotask_queue.model.request import JSON, NORMAL_PRIORITY, OnDuplicate, Request, RequestId
from autotask_queue.model.status import Effect, Reason, Status, queued_status
from autotask_queue.policy.dedup import digest, flight
from autotask_queue.ports import Change, Facts

__all__ = ["MAX_BODY", "build_request", "check_circle", "check_times", "default_effect",
           "describe", "describe_again", "new_request_id", "release"]  # fmt: skip

_SEARCH_LIMIT = 512
_LONGEST_WAY = 1_000


def new_request_id() -> RequestId:
    """A UUIDv7 (RFC 9562): sorts by the time it was made. Python has none before 3.14."""
    value = int(time.time() * 1_000) << 80 | int.from_bytes(os.urandom(10), "big")
    value = value & ~(0xF << 76) | 0x7 << 76
    value = value & ~(0x3 << 62) | 0x2 << 62
    return RequestId(str(uuid.UUID(int=value)))


def build_request(
    ctx: Context,
    endpoint: str,
    method: str,
    zone: str,
    *,
    priority: int = NORMAL_PRIORITY,
    data: JSON = None,
    headers: Mapping[str, str] | None = None,
    metadata: Mapping[str, JSON] | None = None,
    retryable: bool = True,
    batchable: bool | None = None,
    timeout: float | None = None,
    max_retries: int | None = None,
    scheduled_at: float | None = None,
    expires_at: float | None = None,
    dedup_key: str | None = None,
    on_duplicate: OnDuplicate | str = OnDuplicate.REJECT,
    depends_on: Sequence[str] = (),
    base: Mapping[str, JSON] | None = None,
    lane: str | None = None,
    effect: Effect | str | None = None,
    request_id: str | uuid.UUID | None = None,
    summary: str = "",
    actor: str = "",
) -> Request:
    """A complete request, described by its processor.

    Raises:
        InvalidRequest: with everything that is wrong with it.
    """
    now = ctx.clock.now()
    fields = check(
        {
            "endpoint": endpoint,
            "method": method,
            "zone": zone,
            "priority": priority,
            "data": data,
            "headers": {} if headers is None else headers,
            "metadata": {} if metadata is None else metadata,
            "retryable": retryable,
            "batchable": False if batchable is None else batchable,
            "timeout": timeout,
            "scheduled_at": scheduled_at,
            "expires_at": expires_at,
            "dedup_key": dedup_key,
            "on_duplicate": on_duplicate,
            "depends_on": depends_on,
            "base": base,
            "lane": lane,
            "effect": effect,
            "request_id": str(request_id) if isinstance(request_id, uuid.UUID) else request_id,
            "summary": summary,
            "actor": actor,
            **({} if max_retries is None else {"max_retries": max_retries}),
        }
    )
    check_times(fields["scheduled_at"], fields["expires_at"], now=now)
    given_id: str | None = fields.pop("request_id")
    if given_id in fields["depends_on"]:
        raise InvalidRequest("depends_on names the request itself, which would wait for ever.")
    declared: Effect | None = fields.pop("effect")
    lane, summary = fields.pop("lane"), fields.pop("summary")
    effect = declared or default_effect(fields["endpoint"], fields["method"])
    fields.setdefault("max_retries", _default_retries(ctx, effect))
    if fields["dedup_key"] is None and fields["on_duplicate"] is not OnDuplicate.REJECT:
        raise InvalidRequest("on_duplicate says what to do about a dedup_key, and none is given.")
    if not ctx.config.deduplication_enabled:
        fields |= {"dedup_key": None, "on_duplicate": OnDuplicate.REJECT}
    request = Request(
        **fields | {"actor": fields["actor"] or ctx.actor},
        seq=0,
        id=RequestId(given_id or new_request_id()),
        status=queued_status(fields["scheduled_at"], now=now),
        effect=effect,
        entity="",
        summary=summary or f"{fields['method']} {fields['endpoint']}"[:MAX_NAME],
        created_at=now,
        updated_at=now,
        lane=lane if effect is Effect.WRITE else None,
    )
    if given_id is not None:
        request = msgspec.structs.replace(request, digest=digest(request))
    return describe(ctx, request, summary=summary, lane=lane, declared=declared, shares=batchable)


def check_times(scheduled_at: float | None, expires_at: float | None, *, now: float) -> None:
    """Refuses a request that would be too late before it could be sent.

    Raises:
        InvalidRequest: it would be.
    """
    if expires_at is not None and expires_at <= max(now, scheduled_at or 0.0):
        raise InvalidRequest("expires_at lies before the request could be sent.")


def describe(
    ctx: Context,
    request: Request,
    *,
    summary: str = "",
    lane: str | None = None,
    declared: Effect | None = None,
    shares: bool | None = None,
) -> Request:
    """Adds what the processor knows of `request`; holds it if no processor takes it.

    `shares` is whether the caller wants it to share calls; None leaves that to the queue.

    Raises:
        InvalidRequest: the processor knows that it can never be sent.
    """
    processor = ctx.processors.find(request)
    facts = facts_of(processor, request)
    # A caller may declare a POST to be a read, but not what the processor knows to be a write.
    effect = Effect.WRITE if facts.effect is Effect.WRITE else declared or facts.effect or request.effect
    summary = summary or one_line(facts.summary)
    search = f"{summary} {facts.search_text} {request.endpoint} {request.id}"
    held = processor is None
    edits = merges(processor, msgspec.structs.replace(request, effect=effect))
    batchable = (edits and request.retryable) if shares is None else shares
    described = msgspec.structs.replace(
        request,
        effect=effect,
        entity=facts.entity,
        lane=(lane or facts.lane) if effect is Effect.WRITE else None,
        summary=summary or request.summary,
        search_text=search.casefold()[:_SEARCH_LIMIT],
        marker=facts.marker,
        data=facts.data,
        batchable=batchable,
        batch=_batch_of(request, facts, effect, edits=edits) if batchable else None,
        status=Status.HELD if held else request.status,
        reason=Reason.NO_PROCESSOR if held else None,
        reason_text="Nothing here can send this request yet." if held else "",
    )
    shares = ctx.config.deduplication_enabled
    return msgspec.structs.replace(described, flight=flight(described) if shares else None)


def _batch_of(request: Request, facts: Facts, effect: Effect, *, edits: bool) -> str | None:
    """The word that is shared by all who may share a call with it."""
    if facts.batch is None or request.headers:
        return None
    path = request.endpoint if edits else f"/{request.endpoint.split('/')[1]}"
    word = facts.batch or f"{request.method} {path}"
    limit = "" if request.timeout is None else f" within {request.timeout:g} s"
    once = " once" if edits and not request.retryable else ""
    return f"{effect.value} {word}{limit}{once}"


def describe_again(ctx: Context, before: Request, edited: Request, *, summary: str | None = None) -> Request:
    """`edited` as its processor sees it, with the caller's own lane, words and effect of `before`.

    Raises:
        InvalidRequest: as `describe`.
    """
    own = _own_words(ctx, before)
    usual = default_effect(before.endpoint, before.method)
    same = (before.endpoint, before.method) == (edited.endpoint, edited.method)
    # A caller's word that a POST only reads was about that endpoint.
    keep = before.effect is not usual and (same or before.effect is Effect.WRITE)
    declared = before.effect if keep else None
    edited = msgspec.structs.replace(
        edited, effect=declared or default_effect(edited.endpoint, edited.method)
    )
    words = own.get("summary", "") if summary is None else summary
    return describe(
        ctx, edited, summary=words, lane=own.get("lane"), declared=declared, shares=edited.batchable
    )


def release(ctx: Context, request: Request, *, why: str, actor: str) -> Change | None:
    """What becomes of a request that was held for want of a processor; None if there still is none."""
    now = ctx.clock.now()
    held = frozenset({Status.HELD})
    try:
        described = describe_again(ctx, request, request)
    except InvalidRequest as error:
        if error.message == request.reason_text:
            return None
        return Change(
            id=request.id, kind="held", at=now, actor=actor, why=error.message, sources=held,
            fence=request.fence, reason=Reason.NO_PROCESSOR, reason_text=error.message,
        )  # fmt: skip
    if described.reason is Reason.NO_PROCESSOR:
        return None
    return Change(
        id=request.id, kind="released", at=now, actor=actor, why=why or "something can send it now",
        to=queued_status(request.scheduled_at, now=now), sources=held, fence=request.fence, reason=None,
        reason_text="",
        edit={"data": described.data, "entity": described.entity, "lane": described.lane,
              "marker": described.marker, "effect": described.effect, "summary": described.summary,
              "search_text": described.search_text, "batch": described.batch,
              "flight": described.flight},
    )  # fmt: skip


def _own_words(ctx: Context, request: Request) -> dict[str, str]:
    """The lane and the summary of a stored request that its caller gave, not its processor."""
    try:
        facts = facts_of(ctx.processors.find(request), request)
    except InvalidRequest:
        if request.entity:  # it was described once, by an older catalogue
            return {}
        facts = Facts()
    own = {"lane": request.lane or "", "summary": request.summary}
    theirs = {
        "lane": (facts.lane or "",),
        "summary": (one_line(facts.summary), f"{request.method} {request.endpoint}"[:MAX_NAME]),
    }
    return {name: value for name, value in own.items() if value not in theirs[name]}


def default_effect(endpoint: str, method: str) -> Effect:
    """GET, HEAD and the query routes read; everything else writes."""
    path = endpoint.split("?", 1)[0].rstrip("/").casefold()
    query = method == "POST" and path.endswith(("/query", "/query/count"))
    return Effect.READ if method in ("GET", "HEAD") or query else Effect.WRITE


def _default_retries(ctx: Context, effect: Effect) -> int:
    own = ctx.config.read_retries
    return own if effect is Effect.READ and own is not None else ctx.config.default_retries


async def check_circle(ctx: Context, request: Request) -> None:
    """Refuses a request that would wait for itself, through others that were added before it.

    Only one whose caller chose its id can: nobody knows the others' before. Very long ways are not
    walked to their end.

    Raises:
        InvalidRequest: it would.
    """
    seen: set[RequestId] = set()
    ahead = list(request.depends_on)
    while ahead and len(seen) < _LONGEST_WAY:
        parent = ahead.pop()
        if parent in seen:
            continue
        seen.add(parent)
        found = await ctx.store.get(parent)
        if found is None or found.status is Status.COMPLETED:
            continue
        if request.id in found.depends_on:
            raise InvalidRequest(
                f"depends_on leads back to it: {found.id} depends on this request. It would wait for itself."
            )
        ahead.extend(found.depends_on)

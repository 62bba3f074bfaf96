"""Makes a storable request out of what a caller asks for, or says what is wrong with it."""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Mapping, Sequence

import msgspec

from autotask_queue.engine.context import Context
from autotask_queue.model.errors import InvalidRequest, QueueFull
from autotask_queue.model.events import QueueFullEvent
from autotask_queue.model.request import JSON, MAX_PRIORITY, MIN_PRIORITY, Request, RequestId
from autotask_queue.model.status import OPEN, Effect, Reason, Status
from autotask_queue.ports import Describing, Facts

MAX_BODY = 8 * 1024 * 1024
"""Bytes of JSON; the attachments of Autotask stay below 7 MB."""
WRITE_HEADROOM = 10
"""Writes of people are taken up to this many times `max_size`."""
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"})
_SEARCH_LIMIT = 512


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
    priority: int,
    data: JSON,
    headers: Mapping[str, str] | None,
    metadata: Mapping[str, JSON] | None,
    retryable: bool,
    batchable: bool,
    timeout: float | None,
    max_retries: int | None,
    scheduled_at: float | None,
    expires_at: float | None,
    dedup_key: str | None,
    depends_on: Sequence[RequestId],
    base: Mapping[str, JSON] | None,
    lane: str | None,
    effect: Effect | None,
    request_id: RequestId | None,
    summary: str,
    actor: str,
) -> Request:
    """A complete request, described by its processor.

    Raises:
        InvalidRequest: with everything that is wrong with it.
    """
    now = ctx.clock.now()
    method = method.upper()
    problems = _problems(
        endpoint, method, zone, priority=priority, data=data, timeout=timeout, max_retries=max_retries
    )
    if expires_at is not None and expires_at <= max(now, scheduled_at or 0.0):
        problems.append("expires_at lies before the request could be sent")
    if problems:
        raise InvalidRequest("; ".join(problems) + ".")
    declared, effect = effect, effect or default_effect(endpoint, method)
    retries = max_retries if max_retries is not None else _default_retries(ctx, effect)
    request = Request(
        seq=0,
        id=request_id or new_request_id(),
        status=Status.DEFERRED if scheduled_at is not None and scheduled_at > now else Status.PENDING,
        zone=zone,
        endpoint=endpoint,
        method=method,
        effect=effect,
        entity="",
        priority=priority,
        summary=summary or f"{method} {endpoint}",
        created_at=now,
        updated_at=now,
        max_retries=retries,
        lane=lane if effect is Effect.WRITE else None,
        scheduled_at=scheduled_at,
        expires_at=expires_at,
        actor=actor or ctx.actor,
        data=data,
        headers=dict(headers or {}),
        metadata=dict(metadata or {}),
        retryable=retryable,
        batchable=batchable,
        timeout=timeout,
        dedup_key=dedup_key if ctx.config.deduplication_enabled else None,
        depends_on=tuple(depends_on),
        base=None if base is None else dict(base),
    )
    return describe(ctx, request, summary=summary, lane=lane, declared=declared)


def describe(
    ctx: Context,
    request: Request,
    *,
    summary: str = "",
    lane: str | None = None,
    declared: Effect | None = None,
) -> Request:
    """Adds what the processor knows of `request`; holds it if no processor takes it.

    Raises:
        InvalidRequest: the processor knows that it can never be sent.
    """
    processor = ctx.processors.find(request)
    facts = _facts(processor, request)
    # A caller may declare a POST to be a read, but not what the processor knows to be a write.
    effect = Effect.WRITE if facts.effect is Effect.WRITE else declared or facts.effect or request.effect
    search = " ".join((summary or facts.summary, facts.search_text, request.endpoint, request.id))
    held = processor is None
    return msgspec.structs.replace(
        request,
        effect=effect,
        entity=facts.entity,
        lane=(lane or facts.lane) if effect is Effect.WRITE else None,
        summary=summary or facts.summary or request.summary,
        search_text=search.casefold()[:_SEARCH_LIMIT],
        marker=facts.marker,
        data=facts.data,
        status=Status.HELD if held else request.status,
        reason=Reason.NO_PROCESSOR if held else None,
        reason_text="Nothing here can send this request yet." if held else "",
    )


def _facts(processor: object, request: Request) -> Facts:
    return processor.describe(request) if isinstance(processor, Describing) else Facts(data=request.data)


def default_effect(endpoint: str, method: str) -> Effect:
    """GET, HEAD and the query routes read; everything else writes."""
    path = endpoint.split("?", 1)[0].rstrip("/").casefold()
    query = method == "POST" and path.endswith(("/query", "/query/count"))
    return Effect.READ if method in ("GET", "HEAD") or query else Effect.WRITE


def _default_retries(ctx: Context, effect: Effect) -> int:
    own = ctx.config.read_retries
    return own if effect is Effect.READ and own is not None else ctx.config.default_retries


def check_room(ctx: Context, request: Request) -> None:
    """Refuses loudly when the queue is full.

    Raises:
        QueueFull: reads at `max_size` unfinished requests, writes at ten times as many.
    """
    size = ctx.store.counters().count(*OPEN)
    limit = ctx.config.max_size * (WRITE_HEADROOM if request.effect is Effect.WRITE else 1)
    if size >= limit:
        ctx.bus.publish(QueueFullEvent(at=ctx.clock.now(), size=size))
        raise QueueFull(f"{size} requests wait already; the limit is {limit}.")


def _problems(
    endpoint: str,
    method: str,
    zone: str,
    *,
    priority: object,  # callers without a type checker send anything
    data: JSON,
    timeout: float | None,
    max_retries: int | None,
) -> list[str]:
    problems = []
    if not endpoint.startswith("/") or any(c.isspace() for c in endpoint):
        problems.append(f"the endpoint must start with / and hold no blanks, got {endpoint!r}")
    if method not in _METHODS:
        problems.append(f"{method!r} is not an HTTP method")
    if not zone or len(zone) > 64 or zone == "*":
        problems.append("the zone needs a name of at most 64 characters other than *")
    if not isinstance(priority, int) or not MIN_PRIORITY <= priority <= MAX_PRIORITY:
        problems.append(f"priority must be a whole number from 1 to 10 (10 goes first), got {priority!r}")
    if timeout is not None and not 0 < timeout <= 310:
        problems.append("timeout must be more than 0 and at most 310 seconds")
    if max_retries is not None and not 0 <= max_retries <= 100:
        problems.append("max_retries must be between 0 and 100")
    problem = _document_problem(data)
    return [*problems, problem] if problem else problems


def _document_problem(data: JSON) -> str:
    try:
        size = len(msgspec.json.encode(data))
    except (TypeError, ValueError, OverflowError, RecursionError, msgspec.MsgspecError) as error:
        return f"data cannot be written as JSON ({error})"
    return f"data is larger than {MAX_BODY // 1024 // 1024} MB" if size > MAX_BODY else ""

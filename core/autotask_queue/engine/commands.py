"""What people and programs tell the queue to do with stored requests; each command is audited."""

from __future__ import annotations

import getpass
from collections.abc import Sequence
from typing import Any

import msgspec

from autotask_queue.engine.arguments import check
from autotask_queue.engine.bulk import UNDOABLE, Bulk, Target
from autotask_queue.engine.context import Context
from autotask_queue.engine.intake import check_times, describe_again, release
from autotask_queue.engine.settle import Settler
from autotask_queue.model.errors import (
    IllegalTransition,
    InvalidRequest,
    ReasonRequired,
    RequestNotFound,
)
from autotask_queue.model.filters import BulkResult, RequestFilter
from autotask_queue.model.request import Reply, Request, RequestId, RequestRow
from autotask_queue.model.status import UNDECIDED, Reason, Status, may_have_arrived, queued_status
from autotask_queue.ports import Change

CANCELLABLE = frozenset({Status.PENDING, Status.DEFERRED, Status.RETRYING, Status.HELD})
EDITABLE = frozenset({Status.PENDING, Status.DEFERRED, Status.RETRYING, Status.HELD, Status.FAILED})
RETRYABLE = frozenset({Status.FAILED, Status.EXPIRED, Status.RETRYING, Status.HELD})

WAITING = frozenset({Status.PENDING, Status.DEFERRED, Status.RETRYING, Status.HELD})
EDITABLE_FIELDS = frozenset(
    {"data", "endpoint", "method", "headers", "metadata", "priority", "scheduled_at", "expires_at",
     "timeout", "max_retries", "summary"}
)  # fmt: skip


def system_user() -> str:
    """The operating system's user name, for the audit trail."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # no entry for this user id, as in some containers
        return "unknown"


class Commands:
    """The commands of one queue. Every one is durable when it returns."""

    def __init__(self, ctx: Context, settler: Settler) -> None:
        self._ctx = ctx
        self._settler = settler
        self._bulk = Bulk(ctx, settler)

    # -- one request

    async def cancel_one(self, request_id: RequestId, *, why: str, actor: str) -> Request:
        """Cancels a request that is not being sent."""
        request = await self.get(request_id)
        if may_have_arrived(request.status, request.reason) or request.status not in CANCELLABLE:
            raise IllegalTransition(_why_not_cancel(request), status=request.status)
        return await self._settler.change(self._cancel(request_id, why=why, actor=actor))

    async def edit(self, request_id: RequestId, *, why: str, actor: str, fields: dict[str, Any]) -> Request:
        """Changes a request that is not being sent; a failed one is queued again with the new content."""
        unknown = sorted(set(fields) - EDITABLE_FIELDS)
        if unknown:
            raise InvalidRequest(
                f"{', '.join(unknown)} cannot be edited, but these can: {', '.join(sorted(EDITABLE_FIELDS))}."
            )
        fields = check(fields)
        before = await self.get(request_id)
        if before.status not in EDITABLE:
            raise IllegalTransition(
                f"A request that is {before.status.value} cannot be edited.", status=before.status
            )
        if before.status is Status.FAILED and before.reason in UNDECIDED:
            raise IllegalTransition(
                "It was given up while nobody knew whether it had arrived, so an edit does not send it.",
                status=before.status,
                remedy="Send it again if you are sure that it did not arrive, or add a new request.",
            )
        edited = msgspec.structs.replace(before, **fields)
        if {"scheduled_at", "expires_at"} & set(fields):
            check_times(edited.scheduled_at, edited.expires_at, now=self._now)
        described = describe_again(self._ctx, before, edited, summary=fields.get("summary"))
        edit = {
            name: getattr(described, name)
            for name in ("data", "endpoint", "method", "headers", "metadata", "expires_at", "timeout",
                         "max_retries", "summary", "search_text", "entity", "lane", "marker", "effect",
                         "batch", "flight")
            if getattr(described, name) != getattr(before, name)
        }  # fmt: skip
        scheduled = fields.get("scheduled_at", before.scheduled_at)
        return await self._settler.change(
            Change(
                id=request_id,
                kind="edited",
                at=self._now,
                actor=actor,
                why=why,
                to=self._queued_status(before, scheduled),
                # Only as it was looked at: meanwhile it may have been tried, and its reply lost.
                sources=frozenset({before.status}),
                fence=before.fence,
                priority=edited.priority,
                scheduled_at=scheduled,
                edit=edit,
                reset_attempts=before.status is Status.FAILED,
                detail={"fields": sorted(fields)},
                reason=before.reason if before.status is Status.HELD else None,
                reason_text=before.reason_text if before.status is Status.HELD else "",
            )
        )

    def _queued_status(self, before: Request, scheduled: float | None) -> Status | None:
        if before.status in (Status.HELD, Status.RETRYING):
            return None
        target = queued_status(scheduled, now=self._now)
        return None if target is before.status else target

    async def send_again(self, request_id: RequestId, *, why: str, actor: str) -> Request:
        """A person is sure that the write did not arrive: it is sent once more."""
        return await self._decide(request_id, why, actor, kind="sent_again", to=Status.PENDING, resend=True)

    async def mark_sent(
        self, request_id: RequestId, *, why: str, actor: str, record_id: int | None
    ) -> Request:
        """A person found it in Autotask: it is complete."""
        reply = Reply(record_id=record_id, adopted=True)
        return await self._decide(
            request_id, why, actor, kind="marked_sent", to=Status.COMPLETED, reply=reply
        )

    async def do_not_send(self, request_id: RequestId, *, why: str, actor: str) -> Request:
        """A person gives the write up, whether it arrived or not."""
        return await self._decide(request_id, why, actor, kind="given_up", to=Status.FAILED)

    async def _decide(
        self,
        request_id: RequestId,
        why: str,
        actor: str,
        *,
        kind: str,
        to: Status,
        resend: bool = False,
        reply: Reply | msgspec.UnsetType | None = msgspec.UNSET,
    ) -> Request:
        if not why.strip():
            raise ReasonRequired("Deciding about a request whose outcome is unknown needs a reason.")
        request = await self.get(request_id)
        unknown = may_have_arrived(request.status, request.reason)
        if not unknown and (request.status, request.reason) != (Status.HELD, Reason.GONE):
            raise IllegalTransition(
                "There is nothing to decide: its outcome is known.", status=request.status
            )
        # What is given up stays marked as unknown; a change whose record is gone surely did not happen.
        gave_up = to is Status.FAILED
        why_given_up = Reason.BY_PERSON if unknown else Reason.GONE
        return await self._settler.change(
            Change(
                id=request_id,
                kind=kind,
                at=self._now,
                actor=actor,
                why=why,
                to=queued_status(request.scheduled_at, now=self._now) if resend else to,
                sources=frozenset({request.status}),
                fence=request.fence,
                resend=resend,
                reset_attempts=resend,
                reason=why_given_up if gave_up else None,
                reason_text=why if gave_up else "",
                not_before=None,
                reply=reply,
            )
        )

    async def get(self, request_id: RequestId) -> Request:
        """The stored request.

        Raises:
            RequestNotFound: there is none with this id.
        """
        request = await self._ctx.store.get(request_id)
        if request is None:
            raise RequestNotFound(f"There is no request {request_id}.")
        return request

    # -- many

    async def cancel(self, target: Target, *, why: str, actor: str) -> BulkResult:
        """Cancels what can be; `restore` undoes it."""
        return await self._bulk.many(
            target, lambda i: self._cancel(i, why=why, actor=actor), skipped="already sending or finished"
        )

    async def restore(self, target: Target, *, why: str, actor: str) -> BulkResult:
        """Undoes a cancel: each request is again what it was."""
        return await self._bulk.many(
            target,
            lambda i: Change(
                id=i,
                kind="restored",
                at=self._now,
                actor=actor,
                why=why,
                restore=True,
                sources=frozenset({Status.CANCELLED}),
            ),
            skipped="not cancelled any more",
        )

    async def retry(self, target: Target, *, why: str, actor: str) -> BulkResult:
        """Queues failed, expired, retrying and held requests again, with all their tries.

        Those whose outcome is unknown are left out: `send_again` decides about them, one by one.
        """
        unprocessed: list[RequestId] = []

        def change(request: RequestRow) -> Change | None:
            if may_have_arrived(request.status, request.reason):
                return None
            if request.status is Status.HELD and request.reason is Reason.NO_PROCESSOR:
                unprocessed.append(request.id)  # nobody has looked at its content yet
                return None
            late = request.expires_at is not None and request.expires_at <= self._now
            return Change(
                id=request.id, kind="retried", at=self._now, actor=actor, why=why, to=Status.PENDING,
                sources=RETRYABLE, reset_attempts=True, reason=None, reason_text="", not_before=None,
                scheduled_at=None, edit={"expires_at": None} if late else {},
            )  # fmt: skip

        result = await self._bulk.each(
            target, change, skipped="not failed or waiting, or to be decided one by one"
        )
        if not unprocessed:
            return result
        query = RequestFilter(ids=tuple(unprocessed), status=(Status.HELD,), reason=(Reason.NO_PROCESSOR,))
        released, stay = await self._release(await self._ctx.store.find(query), why=why, actor=actor)
        return msgspec.structs.replace(
            result,
            changed=result.changed + len(released),
            skipped=result.skipped - len(released),
            skipped_why=(stay or [result.skipped_why])[0] if result.skipped > len(released) else "",
            ids=(*result.ids, *(r.id for r in released))[:UNDOABLE],
        )

    async def reprioritise(self, target: Target, priority: int, *, why: str, actor: str) -> BulkResult:
        """Changes the priority of what waits."""
        check({"priority": priority})
        return await self._bulk.many(
            target,
            lambda i: Change(
                id=i,
                kind="reprioritised",
                at=self._now,
                actor=actor,
                why=why,
                sources=WAITING,
                priority=priority,
                detail={"priority": priority},
            ),
            skipped="already sending or finished",
        )

    async def reschedule(
        self, target: Target, scheduled_at: float | None, *, why: str, actor: str
    ) -> BulkResult:
        """Sends what waits at another time (seconds since the epoch), or now with None."""
        scheduled_at = check({"scheduled_at": scheduled_at})["scheduled_at"]
        to = queued_status(scheduled_at, now=self._now)
        return await self._bulk.each(
            target,
            lambda r: Change(
                id=r.id,
                kind="rescheduled",
                at=self._now,
                actor=actor,
                why=why,
                to=None if r.status is to else to,
                sources=frozenset({Status.PENDING, Status.DEFERRED, Status.RETRYING}),
                scheduled_at=scheduled_at,
            ),
            skipped="already sending or finished",
        )

    async def skip_waits(self, *, actor: str) -> int:
        """Lets everything that waits for its next try go now; tells how many."""
        found = await self._ctx.store.find(RequestFilter(status=(Status.RETRYING,)))
        changes = [
            Change(
                id=r.id, kind="sent_now", at=self._now, actor=actor, sources=frozenset({Status.RETRYING}),
                not_before=self._now,
            )
            for r in found
        ]  # fmt: skip
        done = await self._bulk.apply(changes)
        return len(done)

    async def release_unprocessed(self) -> int:
        """A processor was registered: what was held for want of one goes on."""
        query = RequestFilter(status=(Status.HELD,), reason=(Reason.NO_PROCESSOR,))
        released, _ = await self._release(await self._ctx.store.find(query), why="", actor="queue")
        return len(released)

    async def _release(
        self, requests: Sequence[Request], *, why: str, actor: str
    ) -> tuple[list[Request], list[str]]:
        """Lets go what something can send now; the rest stays held and says why. Both are returned."""
        changes = [release(self._ctx, request, why=why, actor=actor) for request in requests]
        done = await self._bulk.apply([c for c in changes if c is not None])
        now = {r.id: r for r in (*requests, *done)}
        stay = [r.reason_text for r in now.values() if r.status is Status.HELD]
        return [r for r in done if r.status is not Status.HELD], stay

    # -- how

    def _cancel(self, request_id: RequestId, *, why: str, actor: str) -> Change:
        return Change(
            id=request_id, kind="cancelled", at=self._now, actor=actor, why=why, to=Status.CANCELLED,
            sources=CANCELLABLE,
        )  # fmt: skip

    @property
    def _now(self) -> float:
        return self._ctx.clock.now()


def _why_not_cancel(request: Request) -> str:
    if request.status is Status.PROCESSING:
        return "It is being sent right now and cannot be recalled. You can undo it in Autotask."
    if request.status in WAITING or request.status is Status.UNCERTAIN:
        return (
            "It may have arrived already, so it cannot be cancelled. You can say that it is not sent again."
        )
    return f"It is {request.status.value} already."

"""Requests, claims and changes in few words, for the tests of stores."""

from __future__ import annotations

import itertools
from typing import Any

from autotask_queue.model.errors import QueueError
from autotask_queue.model.failure import Failure, FailureClass
from autotask_queue.model.request import AttemptResult, Reply, Request, RequestId
from autotask_queue.model.status import Effect, Status
from autotask_queue.model.work import Order, Rule
from autotask_queue.policy.schedule import ORDERS
from autotask_queue.ports import AttemptRecord, Change, Claim, Claimed, Store, ZoneGate

NOW = 1_800_000_000.0
_numbers = itertools.count(1)

OPEN_GATE = ZoneGate(slots=1_000)
FAILURE = Failure(
    kind=FailureClass.SERVER_TRANSIENT,
    code="server_transient",
    title="Server busy",
    message="The server was busy.",
    remedy="Wait.",
    http_status=503,
)


def new_id() -> RequestId:
    return RequestId(f"018f0000-0000-7000-8000-{next(_numbers):012x}")


def request(**values: Any) -> Request:
    """A pending write without a lane."""
    base: dict[str, Any] = {
        "seq": 0,
        "id": values.get("id") or new_id(),
        "status": Status.PENDING,
        "zone": "zone1",
        "endpoint": "/Tickets",
        "method": "POST",
        "effect": Effect.WRITE,
        "entity": "Tickets",
        "priority": 5,
        "summary": "Create ticket",
        "created_at": NOW,
        "updated_at": NOW,
    }
    return Request(**{**base, **values})


def read(**values: Any) -> Request:
    return request(**{"effect": Effect.READ, "method": "GET", **values})


async def add(store: Store, *requests: Request) -> list[Request]:
    """Adds requests that nothing speaks against."""
    stored = []
    for answer in await store.enqueue(requests, actor="tester"):
        assert isinstance(answer, Request), answer
        stored.append(answer)
    return stored


async def add_one(store: Store, **values: Any) -> Request:
    return (await add(store, request(**values)))[0]


FIFO = ORDERS["fifo"]
STRICT = Order(rule=Rule.PRIORITY, head_starts=tuple(1e7 * n for n in range(10)))
"""By priority alone, then by arrival."""


async def claim(store: Store, *, now: float = NOW, limit: int = 100, **values: Any) -> Claimed:
    """Claims from everywhere, first come, first served, unless told otherwise."""
    if "zones" not in values:
        values.setdefault("default_gate", OPEN_GATE)
    return await store.claim(Claim(now=now, limit=limit, **{"order": FIFO, **values}))


async def claim_ids(store: Store, **values: Any) -> list[RequestId]:
    return [r.id for r in (await claim(store, **values)).requests]


async def change(store: Store, request_id: RequestId, **values: Any) -> Request:
    """Applies one change that nothing speaks against."""
    answer = await try_change(store, request_id, **values)
    assert isinstance(answer, Request), answer
    return answer


async def try_change(store: Store, request_id: RequestId, **values: Any) -> Request | QueueError:
    (answer,) = await store.apply([Change(**{"id": request_id, "kind": "changed", "at": NOW, **values})])
    return answer


def ended(result: AttemptResult, **values: Any) -> AttemptRecord:
    return AttemptRecord(**{"result": result, "started_at": NOW, "ended_at": NOW + 1, **values})


async def complete(store: Store, one: Request, **values: Any) -> Request:
    return await change(
        store,
        one.id,
        **{
            "kind": "completed",
            "to": Status.COMPLETED,
            "fence": one.fence,
            "reply": Reply(status_code=200, record_id=4711),
            "attempt": ended(AttemptResult.OK, http_status=200),
            **values,
        },
    )


async def fail(store: Store, one: Request, **values: Any) -> Request:
    return await change(
        store,
        one.id,
        **{
            "kind": "failed",
            "to": Status.FAILED,
            "fence": one.fence,
            "failure": FAILURE,
            "attempt": ended(AttemptResult.FAILED, failure=FAILURE),
            "count_attempt": True,
            **values,
        },
    )


async def claim_one(store: Store, **values: Any) -> Request:
    """The one request that is ready."""
    (one,) = (await claim(store, **values)).requests
    return one


async def load(store: Store, request_id: RequestId) -> Request:
    found = await store.get(request_id)
    assert found is not None
    return found


async def status_of(store: Store, request_id: RequestId) -> Status:
    return (await load(store, request_id)).status

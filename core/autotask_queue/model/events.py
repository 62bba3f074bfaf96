"""What happened, as frozen values. The dotted `name` is what `queue.on(name, callback)` takes."""

from __future__ import annotations

from typing import ClassVar

import msgspec

from autotask_queue.model.breaker import BreakerMetrics, Override
from autotask_queue.model.failure import Failure
from autotask_queue.model.metrics import ConnectivityState, QueueMetrics
from autotask_queue.model.request import Request, RequestId
from autotask_queue.model.strategy import StrategyState


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """Base of all events. `at` is seconds since the epoch."""

    name: ClassVar[str] = ""
    at: float


class RequestEvent(Event, frozen=True, kw_only=True):
    """A request changed; `request` is how it stands after the change."""

    request: Request


class RequestEnqueued(RequestEvent, frozen=True):
    name = "request.enqueued"


class RequestProcessing(RequestEvent, frozen=True):
    name = "request.processing"


class RequestCompleted(RequestEvent, frozen=True):
    name = "request.completed"


class RequestFailedEvent(RequestEvent, frozen=True):
    name = "request.failed"


class RequestRetrying(RequestEvent, frozen=True):
    name = "request.retrying"


class RequestCancelled(RequestEvent, frozen=True):
    name = "request.cancelled"


class RequestDeferred(RequestEvent, frozen=True):
    name = "request.deferred"


class RequestExpired(RequestEvent, frozen=True):
    name = "request.expired"


class RequestUncertain(RequestEvent, frozen=True):
    name = "request.uncertain"


class RequestHeld(RequestEvent, frozen=True):
    name = "request.held"


class RequestReleased(RequestEvent, frozen=True):
    """Back to pending: unblocked, due, or returned unsent."""

    name = "request.released"


class RequestEdited(RequestEvent, frozen=True):
    name = "request.edited"


class RequestRestored(RequestEvent, frozen=True):
    """A finished request was brought back (retry, undo of a cancel)."""

    name = "request.restored"


class RequestsChanged(Event, frozen=True, kw_only=True):
    """A command changed many requests at once; `count` says how many, instead of an event each."""

    name = "requests.changed"
    count: int
    what: str
    """What was done to them."""


class ZoneEvent(Event, frozen=True, kw_only=True):
    """Something about a zone's breaker; `breaker` is how it stands after the change."""

    zone: str
    """The zone's name."""
    reason: str = ""
    """Why."""
    breaker: BreakerMetrics
    """The zone's breaker after the change."""


class CircuitOpened(ZoneEvent, frozen=True):
    name = "circuit.opened"


class CircuitHalfOpen(ZoneEvent, frozen=True):
    name = "circuit.half_open"


class CircuitClosed(ZoneEvent, frozen=True):
    name = "circuit.closed"


class CircuitForced(ZoneEvent, frozen=True, kw_only=True):
    """A person set, changed or ended an override; `override` is None when it ended."""

    name = "circuit.forced"
    override: Override | None = None


class ProcessingPaused(Event, frozen=True, kw_only=True):
    name = "processing.paused"
    until: float | None = None
    """When it ends by itself, seconds since the epoch; None if somebody must resume."""


class ProcessingResumed(Event, frozen=True, kw_only=True):
    name = "processing.resumed"


class StrategyChanged(Event, frozen=True, kw_only=True):
    """Somebody switched the strategy, or `adaptive` answers another load than before."""

    name = "strategy.changed"
    state: StrategyState
    """The strategy in force now."""


class BatchEvent(Event, frozen=True, kw_only=True):
    """Something about requests that share a call."""

    zone: str
    """The connection."""
    entity: str
    """The endpoint."""
    ids: tuple[RequestId, ...]
    """Those requests, the first one first."""


class BatchCreated(BatchEvent, frozen=True, kw_only=True):
    """They were put together; none was sent so far."""

    name = "batch.created"


class BatchProcessing(BatchEvent, frozen=True, kw_only=True):
    """A call with these begins. When a batch fails, more calls with some of them may follow."""

    name = "batch.processing"


class BatchCompleted(BatchEvent, frozen=True, kw_only=True):
    """Every request has its own result, or a failure of its own."""

    name = "batch.completed"
    failed: int = 0
    """How many have a failure."""
    calls: int = 1
    """How many calls it took."""


class BatchFailed(BatchEvent, frozen=True, kw_only=True):
    """Some or all got no result, because of `failure`; each goes on as after a call of its own."""

    name = "batch.failed"
    failure: Failure
    """Why."""
    calls: int = 1
    """How many calls were made."""


class QueueFullEvent(Event, frozen=True, kw_only=True):
    name = "queue.full"
    size: int
    """Unfinished requests."""
    size_bytes: int | None = None
    """Of their documents, if that is what there is no room for."""


class QueueEmpty(Event, frozen=True, kw_only=True):
    """Nothing is left that is not finished."""

    name = "queue.empty"


class ConnectivityChanged(Event, frozen=True, kw_only=True):
    name = "connectivity.changed"
    connectivity: ConnectivityState
    """What is believed now."""


class HealthDegraded(Event, frozen=True, kw_only=True):
    name = "health.degraded"
    component: str
    """Which part."""
    reason: str
    """Why, for people."""


class HealthRecovered(Event, frozen=True, kw_only=True):
    name = "health.recovered"
    component: str
    """Which part."""


class SignInRefused(Event, frozen=True, kw_only=True):
    """A zone refuses the sign-in; everything of the zone waits until a person mends it."""

    name = "zone.sign_in_refused"
    zone: str
    """The zone's name."""
    reason: str
    """What the zone said."""


class SignInAccepted(Event, frozen=True, kw_only=True):
    name = "zone.sign_in_accepted"
    zone: str
    """The zone's name."""


class MetricsUpdated(Event, frozen=True, kw_only=True):
    name = "metrics.updated"
    metrics: QueueMetrics
    """The queue in numbers."""


class EventsLost(Event, frozen=True, kw_only=True):
    """This subscriber was too slow and missed `count` events: take a fresh snapshot."""

    name = "events.lost"
    count: int


def _all_subclasses(cls: type[Event]) -> list[type[Event]]:
    return [cls, *(s for c in cls.__subclasses__() for s in _all_subclasses(c))]


EVENT_NAMES: frozenset[str] = frozenset(c.name for c in _all_subclasses(Event) if c.name)
"""Every name that `queue.on` accepts."""

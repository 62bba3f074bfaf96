"""What the engine needs from the outside, as protocols.

Implementations live in `store`, `transport`, `autotask` and with whoever embeds the queue. A fake
of any of them passes the same conformance suite as the real thing.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import msgspec

from autotask_queue.model.backup import Backup
from autotask_queue.model.breaker import BreakerRecord
from autotask_queue.model.errors import ProcessorError, QueueError
from autotask_queue.model.failure import Failure
from autotask_queue.model.filters import BulkResult, RequestFilter, Selection
from autotask_queue.model.metrics import Counters, MinuteStat
from autotask_queue.model.request import (
    JSON,
    Attempt,
    AttemptKind,
    AttemptResult,
    AuditEntry,
    Durability,
    Reply,
    Request,
    RequestId,
    RequestRow,
)
from autotask_queue.model.status import Effect, Reason, Status
from autotask_queue.model.strategy import Load
from autotask_queue.model.work import Order

# ---------------------------------------------------------------------------------------------
# Time and secrets


class Clock(Protocol):
    """Time as a port: tests move it by hand."""

    def now(self) -> float:
        """Wall clock, seconds since the epoch; may jump."""
        ...

    def monotonic(self) -> float:
        """Seconds that never run backwards; may stand still while the machine sleeps."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Returns after so many `seconds`."""
        ...


class Secrets(Protocol):
    """Where sign-in secrets live. Names look like "zone1/secret".

    Every call may take seconds (a locked keychain asks its owner) and must not block the loop.
    All raise `SecretsError`.
    """

    async def get(self, name: str) -> str | None:
        """The secret called `name`, or None."""
        ...

    async def set(self, name: str, value: str) -> None:
        """Keeps the secret `value` under `name`."""
        ...

    async def delete(self, name: str) -> None:
        """Forgets the secret called `name`."""
        ...

    def describe(self) -> str:
        """The home's name for people, such as "GNOME Keyring" or "this session only"."""
        ...


class LoadSource(Protocol):
    """Knows how busy the queue is; the adaptive strategy asks before each claim."""

    def load(self) -> Load:
        """The load as it is now; cheap, from memory."""
        ...


# ---------------------------------------------------------------------------------------------
# Processors


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """What a processor knows about a request before it is stored.

    `entity` names the endpoint (zone × entity) for limits and holds. Writes with the same `lane`
    (one record) go one at a time, in order. `marker` is what makes a lost write findable;
    `data` is the document with the marker in place. `summary` is one line for people.
    `batch` says who may share a call, among batchable requests of one zone, entity and effect: those with
    the same word; empty means those with the same method and first part of the path; None that it always
    goes alone.
    """

    entity: str = ""
    lane: str | None = None
    effect: Effect | None = None
    """Whether it changes something; as submitted if None."""
    summary: str = ""
    search_text: str = ""
    """Further words by which people find it."""
    marker: str | None = None
    data: JSON = None
    batch: str | None = ""


class LookupResult(msgspec.Struct, frozen=True, kw_only=True):
    """What a server says about an uncertain request.

    `found` with the reply to adopt; `matches` > 1 means a person must look.
    """

    found: bool
    reply: Reply | None = None
    alternatives: tuple[Reply, ...] = ()
    """Of records just like that of `reply`, which other requests may have made."""
    matches: int = 0
    absent: bool = False
    """It surely did not arrive, as far as the server knows by now: the answer was complete, and nothing in it
    could be what was sent (with `found`: nothing but the records named). The queue sends it again when the
    server cannot be at it any more."""
    note: str = ""
    """What was looked for, for people."""


class ProcessorHealth(msgspec.Struct, frozen=True, kw_only=True):
    """How a processor says it is."""

    status: str = "healthy"
    """healthy, degraded or critical."""
    message: str = ""
    """Why, for people."""


@runtime_checkable
class QueueProcessor(Protocol):
    """Does the work of requests. `process_request` and `can_process` are all that is needed.

    `process_request` returns a `Reply` or any JSON value, which becomes the reply's body. It raises
    `ProcessorError` to say what is known about a failure; any other exception on a write means that
    nobody knows whether it was applied, and the write becomes uncertain.
    Cancellation must be let through.

    Optional, found by name (see `Describing`, `Reconciling`, `Probing`, `Batching`, `Merging`): `describe`,
    `reconcile`, `probe`, `process_batch`, `merge`, `get_health`, `close` (called at the shutdown).
    """

    async def process_request(self, request: Request) -> Reply | JSON:
        """Sends `request` once; repeating it is the queue's work."""
        ...

    def can_process(self, request: Request) -> bool:
        """Whether this processor takes `request`; no I/O."""
        ...


@runtime_checkable
class Describing(Protocol):
    """Tells the facts of a request when it is submitted or edited. Pure and fast.

    Raises:
        InvalidRequest: the request could never be sent (unknown route, missing field, …).
    """

    def describe(self, request: Request) -> Facts:
        """What is known of `request`."""
        ...


@runtime_checkable
class Batching(Protocol):
    """Does the work of several requests with one call: batchable ones of one zone, entity and batch."""

    async def process_batch(
        self, requests: Sequence[Request]
    ) -> Mapping[RequestId, Reply | JSON | ProcessorError]:
        """Answers by request id, each with what `process_request` would return, or the error it would raise.

        A read that is missing in the answer was not found; of a write that is missing nobody knows what
        became.

        Raises:
            ProcessorError: the call failed as a whole. If one of them may be to blame, and nothing was
                applied, they are sent again in smaller groups until it is found.
        """
        ...


@runtime_checkable
class Merging(Protocol):
    """Makes one edit of several: PATCH requests of one lane and batch that wait right behind each other.

    With it such edits are sent as one, unless they were submitted with `batchable=False`. They are done, or
    uncertain, together; what the server refuses is sent again one by one.
    """

    def merge(self, requests: Sequence[Request]) -> JSON:
        """The document that changes what `requests` change, of which later ones win. Pure and fast."""
        ...


@runtime_checkable
class Reconciling(Protocol):
    """Finds out whether an uncertain write arrived.

    `can_reconcile` tells, without I/O, whether there is anything to look for.
    """

    def can_reconcile(self, request: Request) -> bool:
        """Whether `request` could be found at the server; no I/O."""
        ...

    async def reconcile(self, request: Request) -> LookupResult:
        """Asks the server whether `request` arrived."""
        ...


@runtime_checkable
class Probing(Protocol):
    """Asks a zone, harmlessly, whether it works; raises `ProcessorError` if not."""

    def can_probe(self, zone: str) -> bool:
        """Whether this processor knows the zone; no I/O."""
        ...

    async def probe(self, zone: str) -> None:
        """Asks `zone` once."""
        ...


# ---------------------------------------------------------------------------------------------
# Transport


class HttpRequest(msgspec.Struct, frozen=True, kw_only=True):
    """`url` is absolute; `headers` may hold secrets and are never logged; `timeout` in seconds."""

    method: str
    """GET, POST, …"""
    url: str
    headers: Mapping[str, str] = {}
    json: JSON = None
    """The document to send."""
    timeout: float = 60.0


class HttpReply(msgspec.Struct, frozen=True, kw_only=True):
    """Any HTTP answer, whatever its status. `body` is None where `text` is not JSON."""

    status_code: int
    """The HTTP status."""
    headers: Mapping[str, str]
    """Names in lower case."""
    body: JSON
    text: str
    is_json: bool
    """Whether `body` was JSON."""
    elapsed: float
    """Seconds that it took."""


class Transport(Protocol):
    """HTTP. Knows nothing of Autotask."""

    async def send(self, request: HttpRequest) -> HttpReply:
        """Sends `request` once; never retries, never follows a redirect.

        Raises:
            ProcessorError: no complete answer came; its failure says whether bytes left.
        """
        ...

    async def close(self) -> None:
        """Closes the connections."""
        ...


# ---------------------------------------------------------------------------------------------
# Store


class ZoneGate(msgspec.Struct, frozen=True, kw_only=True):
    """How much of a zone may run now.

    `slots` requests in all; `entity_slots` per endpoint, `default_entity_slots` for endpoints not
    named there. 0 closes it.
    """

    slots: int
    entity_slots: Mapping[str, int] = {}
    default_entity_slots: int = 1_000_000


class Claim(msgspec.Struct, frozen=True, kw_only=True):
    """A question for work. Zones without a gate here are closed, unless `default_gate` is given.

    At most `background` requests of the two lowest priorities are taken.
    """

    now: float
    limit: int
    order: Order
    background: int = 1_000_000
    zones: Mapping[str, ZoneGate] = {}
    default_gate: ZoneGate | None = None


class Companions(msgspec.Struct, frozen=True, kw_only=True):
    """A question for requests that go along with `lead`, which is being sent. `now` as in `Claim`.

    Without `merge`: ready requests of its zone, entity and `batch`, by `seq`, that used up no more tries
    than it did. With `merge`: the writes right behind it in its lane, up to the first that has another
    `batch`, entity or priority, or waits for more than its turn; they are then `merged_into` it.
    """

    now: float
    lead: Request
    limit: int
    merge: bool = False


class AttemptRecord(msgspec.Struct, frozen=True, kw_only=True):
    """How the running attempt ended, or a whole lookup."""

    kind: AttemptKind = AttemptKind.SEND
    result: AttemptResult
    started_at: float
    ended_at: float
    http_status: int | None = None
    failure: Failure | None = None
    note: str = ""


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """One change of one request; applied whole, with its audit row, or not at all.

    `to` None keeps the status (an edit). `sources`, if given, lists the statuses the change is meant
    for; from any other it is refused. `fence`, if given, must equal the request's: a late result of
    an older attempt changes nothing. Fields left at `msgspec.UNSET` keep their value.
    """

    id: RequestId
    kind: str
    """Audit kind, past tense: "completed", "cancelled", "edited", …"""
    at: float
    actor: str = ""
    why: str = ""
    to: Status | None = None
    restore: bool = False
    """Undo a cancel: back to the request's own `restore_to`, whatever `to` says."""
    resend: bool = False
    """It is sure that a write which may have arrived did not: a person says so, or the server, asked when it
    could no longer be at it. Without this no change queues such a request again (`status.may_have_arrived`),
    or says that it was cancelled or ran out of time."""
    apart: bool = False
    """It, and what was merged into it, shares no call from now on."""
    sources: frozenset[Status] = frozenset()
    fence: int | None = None
    unchanged_since: float | None = None
    """If given, must equal the request's `updated_at`: what was worked out from an older look is refused."""
    attempt: AttemptRecord | None = None
    count_attempt: bool = False
    reset_attempts: bool = False
    reason: Reason | msgspec.UnsetType | None = msgspec.UNSET
    reason_text: str | msgspec.UnsetType = msgspec.UNSET
    not_before: float | msgspec.UnsetType | None = msgspec.UNSET
    scheduled_at: float | msgspec.UnsetType | None = msgspec.UNSET
    priority: int | msgspec.UnsetType = msgspec.UNSET
    reply: Reply | msgspec.UnsetType | None = msgspec.UNSET
    failure: Failure | msgspec.UnsetType | None = msgspec.UNSET
    edit: Mapping[str, Any] = {}
    """New values of stored fields when a person edits: data, endpoint, method, lane, entity, summary,
    search_text, headers, metadata, timeout, max_retries, expires_at, marker, effect, base."""
    detail: Mapping[str, JSON] = {}
    """For the audit row; already redacted."""


class Recovery(msgspec.Struct, frozen=True, kw_only=True):
    """What opening a store found: requests that a dead process left in flight."""

    uncertain: tuple[Request, ...] = ()
    """Writes: now uncertain (interrupted)."""
    released: tuple[Request, ...] = ()
    """Reads: pending again."""
    notes: tuple[str, ...] = ()
    """For people: a migration done, a damaged file set aside, …"""


class Claimed(msgspec.Struct, frozen=True, kw_only=True):
    """What a claim brought. `requests` are processing now, their intents durable.

    `next_due` is the earliest time (seconds since the epoch) at which a waiting request becomes ready,
    or expires, by itself.
    """

    requests: tuple[Request, ...] = ()
    expired: tuple[Request, ...] = ()
    next_due: float | None = None


class AuditAnchor(msgspec.Struct, frozen=True, kw_only=True):
    """The last entry that was deleted from the old end of the audit trail: the next one follows from it."""

    seq: int
    hash: str
    """Hexadecimal; empty where the trail is no chain."""
    removed: int


class Store(Protocol):
    """Keeps requests. Every write is one transaction: rows, counters, attempts and audit together.

    When a coroutine returns, its effect is as durable as `durability` says. A cancelled call may
    still take effect. All raise `StoreError` when the storage itself fails.

    Rules that hold in every implementation, checked by one conformance suite:
    a request is *ready* if it is pending, or retrying with `not_before` in the past, and no request
    of its lane with a lower `seq` is in `LANE_BLOCKING`, none of its lane is processing or uncertain,
    and every request in `depends_on` is completed. (Reads and requests without a lane have no lane
    order.) A deferred request becomes pending when its `scheduled_at` has come. A pending or
    deferred or retrying request whose `expires_at` has passed becomes expired at the next claim.
    A request with a dependency that failed, was cancelled, expired or never existed becomes held
    (`parent_failed`,
    `parent_missing`); a live one gives it the reason `after`, cleared when it becomes ready.
    A request that a more urgent one waits for, in its lane or as its parent, is chosen as if it had that
    one's priority. Its own priority, as people see it, stays.
    """

    @property
    def durability(self) -> Durability: ...

    @property
    def location(self) -> str:
        """Where it is kept, for people."""
        ...

    async def open(self, *, now: float) -> Recovery: ...

    async def close(self) -> None: ...

    async def enqueue(self, requests: Sequence[Request], *, actor: str) -> list[Request | QueueError]:
        """Stores new requests and gives them their `seq`.

        An id that exists returns the stored request (idempotent; told by its other `created_at` or
        `seq`), or is refused with `RequestIdTaken` if that was stored with another `digest`. Where an
        unfinished request has its `dedup_key`, `on_duplicate` says whether the new one is refused
        (`DuplicateKey`), the other cancelled in the same step, or the other returned in its place. One
        refused request does not refuse the others.
        """
        ...

    async def claim(self, claim: Claim) -> Claimed:
        """Promotes what is due and takes ready requests, the best by `claim.order` first.

        They are processing then, each with a new fence and a running attempt. What the order remembers
        from one claim to the next (`model.work.Turn`) is kept with the requests.
        """
        ...

    async def join(self, companions: Companions) -> tuple[Request, ...]:
        """Takes what may share the call of a request that is being sent; processing then, as by `claim`.

        What expired by then is left to the next claim. None come along if the lead is not being sent any
        more, by this store and with its fence.
        """
        ...

    async def apply(self, changes: Sequence[Change]) -> list[Request | QueueError]:
        """Applies changes independently.

        A refused one is answered with its error (`RequestNotFound`, `IllegalTransition`).
        """
        ...

    async def apply_matching(self, selection: Selection, change: Change) -> BulkResult:
        """Applies `change` (its `id` is ignored) to all of `selection` that it fits, in chunks."""
        ...

    def consequences(self) -> tuple[Request, ...]:
        """Requests that changed because others did, as they stand, since the last call.

        A child held because its parent failed, or freed; a deferred one that came due. For events
        only: all but the latest 10,000 are forgotten, and so is everything at a restart.
        """
        ...

    # -- reading; never waits for a writer

    async def get(self, request_id: RequestId) -> Request | None: ...

    async def find(self, query: RequestFilter) -> list[Request]: ...

    async def index(self, query: RequestFilter) -> array[int]:
        """The `seq` of all that match, in the filter's order; an array of type 'q'."""
        ...

    async def rows(self, seqs: Sequence[int]) -> list[RequestRow]:
        """Rows for these `seq`, in their order; unknown ones are left out."""
        ...

    async def count(self, query: RequestFilter) -> int: ...

    def counters(self) -> Counters:
        """Exact at the last commit; from memory."""
        ...

    def max_seq(self) -> int: ...

    def next_due(self) -> float | None:
        """As in `Claimed`; from memory."""
        ...

    async def oldest_waiting(self) -> float | None:
        """`created_at` of the oldest request that is pending, retrying or held; None without one."""
        ...

    async def priorities(self) -> dict[int, int]:
        """How many unfinished requests there are of each priority that occurs."""
        ...

    async def attempts(self, request_id: RequestId) -> list[Attempt]: ...

    async def audit(
        self,
        *,
        request_id: RequestId | None = None,
        kinds: Sequence[str] = (),
        limit: int = 100,
        before_seq: int | None = None,
    ) -> list[AuditEntry]:
        """Newest first."""
        ...

    # -- small things kept beside the requests

    async def record(self, entry: AuditEntry) -> None:
        """An audit entry of its own."""
        ...

    async def save_breaker(self, record: BreakerRecord, entry: AuditEntry | None = None) -> None: ...

    async def load_breakers(self) -> list[BreakerRecord]: ...

    async def put_document(self, kind: str, key: str, value: JSON, *, at: float) -> None:
        """Keeps a small JSON document: drafts, cached field lists, pauses."""
        ...

    async def get_document(self, kind: str, key: str) -> JSON: ...

    async def list_documents(self, kind: str) -> dict[str, JSON]: ...

    async def delete_document(self, kind: str, key: str) -> None: ...

    async def save_minutes(self, minutes: Sequence[MinuteStat]) -> None:
        """Inserts or replaces by `at`; older than 8 days may be dropped."""
        ...

    async def load_minutes(self, *, since: float, until: float | None = None) -> list[MinuteStat]: ...

    async def prune(self, *, finished_before: float, max_seq: int | None = None, limit: int = 500) -> int:
        """Deletes at most `limit` finished, sufficiently old requests; tells how many.

        Never unfinished ones, never failed ones, none that an unfinished one depends on, and none with a
        `seq` above `max_seq`. Their tries and replies go with them; the audit trail stays.
        """
        ...

    async def prune_audit(self, *, before: float, limit: int = 500) -> AuditAnchor | None:
        """Deletes at most about `limit` entries at the trail's old end that were written before `before`.

        Never the newest entry. What is left begins behind the anchor, which is kept; None if nothing was
        deleted.
        """
        ...

    async def shrink(self) -> bool:
        """Gives a slice of unused room back to the system; True while there is more worth giving back."""
        ...

    async def checkpoint(self) -> None:
        """Writes back what can be; called when idle."""
        ...

    async def size_bytes(self) -> int: ...

    async def waiting_bytes(self, *, at_least: int) -> int | None:
        """How many bytes the documents of unfinished requests take, about; None below `at_least`.

        Also None where nobody knows. Asked before each request is taken.
        """
        ...


@runtime_checkable
class BackingUp(Protocol):
    """A store that makes whole copies of itself; found by `isinstance`, as optional as `Probing`."""

    async def backup(self, target: Path, *, now: float) -> Backup:
        """Copies everything to a file that must not exist yet, or into a folder; nobody waits meanwhile.

        Whole and on the disk when it returns. When the caller is cancelled, nothing is left of it.
        """
        ...

    async def daily_backup(self, *, now: float) -> Backup | None:
        """Makes the copy of the day where such copies are kept, and removes old ones; None if not due."""
        ...


class News(StrEnum):
    """What somebody else may have changed in a store that several processes share."""

    WORK = "work"
    """Requests: something may be ready, or finished."""
    CONTROL = "control"
    """Holds, or documents of the kind "control". Until they are read again, claims bring nothing."""


@runtime_checkable
class Shared(Protocol):
    """A store that several processes use at the same time; found by `isinstance`, as optional as `Probing`.

    A claim brings only what nobody else has; a request that a dead process left in flight is taken up as
    in `Store.open`, by whoever claims next.
    """

    def on_change(self, callback: Callable[[News], None]) -> None:
        """Calls `callback`, on the loop, when others may have changed something; often in vain.

        For `News.CONTROL` the callback sees to it that breakers and controls are read again before the next
        claim: what others have paused is then surely not sent.
        """
        ...

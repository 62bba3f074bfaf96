"""The operations of a store, written once over the few things a shelf can do.

A shelf keeps rows (in dictionaries, in SQLite); the ledger knows what enqueueing, claiming and
changing mean: lanes, parents, attempts, audit. Everything here is synchronous and runs inside one
transaction of the shelf.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from autotask_queue.model.errors import IllegalTransition, RequestNotFound
from autotask_queue.model.request import (
    JSON,
    AuditEntry,
    OnDuplicate,
    Request,
    RequestId,
)
from autotask_queue.model.status import OPEN, TERMINAL, Effect, Reason, Status, may_have_arrived
from autotask_queue.ports import Change, Claim, Claimed, Companions, Recovery
from autotask_queue.store import carrying, flights, joining, rules
from autotask_queue.store.flights import Flights
from autotask_queue.store.picking import pick
from autotask_queue.store.ranks import Ranks
from autotask_queue.store.shelf import Shelf

INTERRUPTED = "The program ended while it was being sent."


class Ledger:
    """Enqueue, claim, change, recover. Not thread-safe: one user at a time.

    `consequences` collects the requests that changed because others did; its owner takes them.
    """

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf
        self._ranks = Ranks(shelf)
        self._flights = Flights(shelf)
        self.consequences: list[Request] = []

    # -- enqueue

    def enqueue(self, request: Request, *, actor: str) -> Request:
        """Stores a new request, or finds the one that has its id, or, if it wants that, its key.

        Raises:
            InvalidRequest: its status is none to begin with.
            DuplicateKey: an unfinished request has its `dedup_key`.
            RequestIdTaken: something else is stored under its id.
        """
        shelf = self._shelf
        stored = shelf.get(request.id)
        if stored is not None:
            rules.check_same(stored, request)
            return stored
        rules.check_new(request)
        holder = self._holder_of_key(request)
        detail: dict[str, JSON] = {}
        if holder is not None and request.on_duplicate is OnDuplicate.KEEP_FIRST:
            return holder
        if holder is not None:
            self._replace(holder, request, actor=actor)
            detail["replaces"] = holder.id
        request = rules.admitted(request, seq=shelf.next_seq(), actor=actor)
        if request.depends_on:
            shelf.add_parents(request.seq, request.depends_on)
        leader = self._flights.leader_for(request)
        if leader is not None:
            request = msgspec.structs.replace(request, merged_into=leader.id)
            detail["follows"] = leader.id
        first = request
        request = self._behind_parents(request, at=request.created_at)
        shelf.insert(request, self._waits(request, at=request.created_at))
        self._ranks.added(request)
        self._write_down(None, first, kind="enqueued", at=first.created_at, actor=actor, detail=detail)
        if request.status is not first.status:
            self._write_down(first, request, kind="held", at=first.created_at, actor=actor, why=_PARENT)
        self._free_children(request, at=request.created_at, actor=actor)
        return request

    def _holder_of_key(self, request: Request) -> Request | None:
        """The unfinished request that has its `dedup_key`."""
        if request.dedup_key is None:
            return None
        other = self._shelf.open_with_dedup_key(request.dedup_key)
        return None if other is None else self._shelf.get(other)

    def _replace(self, holder: Request, request: Request, *, actor: str) -> None:
        """Cancels the one that has the key in favour of a new one.

        Raises:
            DuplicateKey: that is not wanted, or the other may have been sent.
        """
        if request.on_duplicate is not OnDuplicate.REPLACE:
            raise rules.key_taken(request, holder.id)
        if not rules.is_replaceable(holder):
            raise rules.key_taken(request, holder.id, holder.status)
        change = rules.replaced_by(request, holder.id, actor=actor)
        self.consequences.append(self._apply(holder, change))

    # -- change

    def apply(self, change: Change) -> Request:
        """Applies one change whole.

        Raises:
            RequestNotFound: nothing has this id.
            IllegalTransition: see `rules.changed`; also if it must wait for a dead parent, or its
                `dedup_key` was taken meanwhile.
        """
        before = self._shelf.get(change.id)
        if before is None:
            raise RequestNotFound(f"There is no request {change.id}.")
        return self._apply(before, change)

    def _apply(self, before: Request, change: Change, *, alone: bool = False) -> Request:
        """Applies a change; unless `alone`, those that are merged into the request go along."""
        wanted = rules.changed(before, change)
        after = self._behind_parents(wanted, at=change.at)
        if after.status is Status.HELD and before.status is Status.HELD and wanted.status is not Status.HELD:
            raise IllegalTransition(
                "The request it depends on did not complete.",
                status=before.status,
                remedy="Retry or restore that one: this one then follows by itself.",
            )
        self._refuse_taken_key(before, after)
        along = [] if alone else self._going_along(before, wanted)
        if wanted.status is not before.status:
            self._flights.changed(before, wanted.status)
        detail = dict(change.detail)
        for record in rules.endings(before, change, after):
            number = self._shelf.end_attempt(before.seq, record)
            detail["attempt"] = {"number": number, "kind": record.kind, "result": record.result}
        self._store(before, after, at=change.at)
        self._write_down(
            before, wanted, kind=change.kind, at=change.at, actor=change.actor, why=change.why, detail=detail
        )
        if after.status is not wanted.status:
            self._write_down(wanted, after, kind="held", at=change.at, actor=change.actor, why=_PARENT)
        if before.status is not after.status:
            self._tell_children(before, after, at=change.at, actor=change.actor)
        for one in along:
            self._carry(one, before, wanted, change)
        self._let_another_lead(before, after, at=change.at, actor=change.actor)
        return after

    def _going_along(self, before: Request, wanted: Request) -> list[Request]:
        if before.status is wanted.status or before.status not in carrying.SHARED:
            return []
        merged = self._shelf.by_seqs(self._shelf.merged(before.id))
        return [one for one in merged if carrying.goes_along(one, before, wanted)]

    def _carry(self, one: Request, before: Request, wanted: Request, change: Change) -> None:
        carried = carrying.carried(change, before, wanted, one)
        if flights.follows(one):
            attempt = self._shelf.next_attempts((one.seq,))[one.seq]
            one = self._start(one, now=change.at, attempt=attempt, merged_into=before.id)
        self.consequences.append(self._apply(one, carried, alone=True))

    def _let_another_lead(self, before: Request, after: Request, *, at: float, actor: str) -> None:
        """A read that others follow goes its own way: the first of them is sent, and followed by the rest."""
        still = flights.leads(after) and flights.flight_of(after) == flights.flight_of(before)
        if still or not flights.leads(before):
            return
        followers = self._flights.followers(before)
        if not followers:
            return
        first, *others = followers
        leader = msgspec.structs.replace(first, merged_into=None, updated_at=at)
        self._store(first, leader, at=at)
        self._write_down(first, leader, kind="promoted", at=at, actor=actor, detail={"instead_of": before.id})
        for one in others:
            self._store(one, msgspec.structs.replace(one, merged_into=leader.id), at=at)
        self.consequences.append(leader)

    def _refuse_taken_key(self, before: Request, after: Request) -> None:
        if after.dedup_key is None or before.status not in TERMINAL or after.status in TERMINAL:
            return
        other = self._shelf.open_with_dedup_key(after.dedup_key)
        if other is not None:
            raise IllegalTransition(
                f"Another unfinished request took its dedup_key: {other}.", status=before.status
            )

    def _store(self, before: Request, after: Request, *, at: float) -> None:
        self._shelf.replace(before, after, self._waits(after, at=at))
        was, now = _lane_state(before), _lane_state(after)
        if was != now:
            for lane in sorted({state[0] for state in (was, now) if state is not None}):
                self._settle_lane(lane)
        self._ranks.changed(before, after)

    def _write_down(
        self,
        before: Request | None,
        after: Request,
        *,
        kind: str,
        at: float,
        actor: str,
        why: str = "",
        detail: Mapping[str, JSON] | None = None,
    ) -> None:
        self._shelf.add_audit(
            AuditEntry(
                at=at,
                actor=actor,
                kind=kind,
                zone=after.zone,
                request_id=after.id,
                origin=before.status if before else "",
                target=after.status,
                why=why,
                detail=dict(detail or {}),
            )
        )

    # -- lanes

    def _waits(self, request: Request, *, at: float) -> int | None:
        if request.status not in rules.WAITING:
            return None
        waits = 0
        retrying = request.status is Status.RETRYING
        if retrying and request.not_before is not None and request.not_before > at:
            waits |= rules.FOR_TIME
        lane = rules.ordered_lane(request)
        if request.merged_into is not None or (lane is not None and self._must_queue(lane, request.seq)):
            waits |= rules.FOR_LANE
        if request.depends_on and self._shelf.open_parents(request.seq):
            waits |= rules.FOR_PARENT
        return waits

    def _must_queue(self, lane: str, seq: int) -> bool:
        front = self._shelf.lane_front(lane, besides=seq)
        earlier = bool(front) and front[0][0] < seq
        return earlier or self._shelf.lane_busy(lane, besides=seq)

    def _settle_lane(self, lane: str) -> None:
        """Lets the first of the lane go, unless one is on its way, and stops the second.

        Two are enough: at most one request enters or leaves a lane at a time, so that nobody behind
        the second can have been first before.
        """
        front = self._shelf.lane_front(lane)
        for place, (seq, waits) in enumerate(front):
            if waits is None:
                continue
            must_wait = place > 0 or self._shelf.lane_busy(lane)
            wanted = waits | rules.FOR_LANE if must_wait else waits & ~rules.FOR_LANE
            if wanted != waits:
                self._shelf.set_waits(self._shelf.by_seq(seq), wanted)

    # -- parents and children

    def _behind_parents(self, request: Request, *, at: float) -> Request:
        """`request` as its parents let it be: held, waiting after them, or free."""
        if not request.depends_on or request.status not in rules.BEFORE_PARENTS:
            return request
        reason = rules.hold_reason(self._shelf.open_parents(request.seq))
        if reason is not None and reason in rules.PARENT_REASONS:
            return msgspec.structs.replace(request, status=Status.HELD, reason=reason, updated_at=at)
        if (reason is Reason.AFTER) != (request.reason is Reason.AFTER):
            return msgspec.structs.replace(request, reason=reason, updated_at=at)
        return request

    def _tell_children(self, before: Request, after: Request, *, at: float, actor: str) -> None:
        """A request ended, or came back: what that means for those that depend on it."""
        if after.status is Status.COMPLETED:
            children = self._shelf.children(after.id)
            self._shelf.forget_parent(after.id)
            for seq in children:
                self._reconsider(self._shelf.by_seq(seq), at=at, actor=actor)
        elif after.status in TERMINAL:
            for seq in self._shelf.children(after.id):
                self._reconsider(self._shelf.by_seq(seq), at=at, actor=actor)
        elif before.status in TERMINAL:
            self._free_children(after, at=at, actor=actor)

    def _free_children(self, parent: Request, *, at: float, actor: str) -> None:
        """A parent lives again, or exists at last: its children wait for it instead of being held."""
        for seq in self._shelf.children(parent.id):
            child = self._shelf.by_seq(seq)
            if child.status is not Status.HELD or child.reason not in rules.PARENT_REASONS:
                continue
            later = child.scheduled_at is not None and child.scheduled_at > at
            status = Status.DEFERRED if later else Status.PENDING
            freed = msgspec.structs.replace(child, status=status, reason=None, updated_at=at)
            freed = self._behind_parents(freed, at=at)
            if freed.status is Status.HELD:
                continue
            self._store(child, freed, at=at)
            self._write_down(child, freed, kind="released", at=at, actor=actor, why=_PARENT_BACK)
            self.consequences.append(freed)

    def _reconsider(self, child: Request, *, at: float, actor: str) -> None:
        after = self._behind_parents(child, at=at)
        if after is child:
            return
        self._store(child, after, at=at)
        if after.status is not child.status:
            self._write_down(child, after, kind="held", at=at, actor=actor, why=_PARENT)
        self.consequences.append(after)

    # -- claim

    def claim(self, claim: Claim) -> Claimed:
        """See `ports.Store.claim`."""
        expired = self._promote(claim.now)
        turn = self._shelf.turn()
        heads, next_turn = pick(claim, turn, self._shelf)
        if next_turn != turn:
            self._shelf.keep_turn(next_turn)
        picked = [head.seq for head in heads]
        attempts = self._shelf.next_attempts(picked)
        requests = [
            self._start(request, now=claim.now, attempt=attempts[request.seq])
            for request in self._shelf.by_seqs(picked)
        ]
        return Claimed(requests=tuple(requests), expired=tuple(expired), next_due=self._shelf.next_due())

    def join(self, wanted: Companions) -> tuple[Request, ...]:
        """See `ports.Store.join`."""
        lead = self._shelf.get(wanted.lead.id)
        if lead is None or lead.status is not Status.PROCESSING or lead.fence != wanted.lead.fence:
            return ()
        found = joining.companions(self._shelf, lead, wanted)
        attempts = self._shelf.next_attempts([request.seq for request in found])
        into = lead.id if wanted.merge else None
        return tuple(
            self._start(request, now=wanted.now, attempt=attempts[request.seq], merged_into=into)
            for request in found
        )

    def _promote(self, now: float) -> list[Request]:
        expired: list[Request] = []
        for seq in self._shelf.due(now):
            # An earlier one may have changed it: a parent that expired holds its children.
            request = self._shelf.by_seq(seq)
            if request.status not in rules.EXPIRING:
                continue
            if request.expires_at is not None and request.expires_at <= now:
                change = Change(
                    id=request.id,
                    kind="expired",
                    at=now,
                    to=Status.EXPIRED,
                    why="Its time ran out.",
                )
                expired.append(self._apply(request, change))
            elif request.status is Status.DEFERRED:
                change = Change(
                    id=request.id, kind="released", at=now, to=Status.PENDING, why="Its time has come."
                )
                self.consequences.append(self._apply(request, change))
            else:
                waits = self._shelf.waits(request.seq) or 0
                self._shelf.set_waits(request, waits & ~rules.FOR_TIME)
        return expired

    def _start(
        self, before: Request, *, now: float, attempt: int, merged_into: RequestId | None = None
    ) -> Request:
        after = rules.claimed(before, now=now, merged_into=merged_into)
        self._flights.sent(after)
        self._store(before, after, at=now)
        self._shelf.open_attempt(after.seq, attempt, started_at=now)
        detail: dict[str, JSON] = {"attempt": attempt}
        if merged_into is not None:
            detail["merged_into"] = merged_into
        self._write_down(before, after, kind="claimed", at=now, actor="", detail=detail)
        return after

    # -- recovery

    def rebuild(self, *, now: float) -> None:
        """Works out afresh what every unfinished request waits for, after rows were lost."""
        for status in sorted(rules.WAITING | rules.BEFORE_PARENTS):
            for request in self._shelf.in_status(status):
                after = self._behind_parents(self._without_lost_leader(request), at=now)
                if after.status is not request.status:
                    self._write_down(request, after, kind="held", at=now, actor="", why=_PARENT)
                self._shelf.replace(request, after, self._waits(after, at=now))
        for status in sorted(OPEN):
            self._ranks.work_out([request.seq for request in self._shelf.in_status(status)])

    def _without_lost_leader(self, request: Request) -> Request:
        if not flights.follows(request):
            return request
        leader = None if request.merged_into is None else self._shelf.get(request.merged_into)
        lost = leader is None or not flights.leads(leader)
        return msgspec.structs.replace(request, merged_into=None) if lost else request

    def recover(self, *, now: float) -> Recovery:
        """What a dead process left in flight: writes become uncertain, reads pending again."""
        uncertain: list[Request] = []
        released: list[Request] = []
        for request in self._shelf.in_status(Status.PROCESSING):
            read = request.effect is Effect.READ
            change = Change(
                id=request.id,
                kind="recovered",
                at=now,
                to=Status.PENDING if read else Status.UNCERTAIN,
                reason=None if read else Reason.INTERRUPTED,
                why=INTERRUPTED,
            )
            (released if read else uncertain).append(self._apply(request, change, alone=True))
        return Recovery(uncertain=tuple(uncertain), released=tuple(released))

    def take_up_copy(self, *, why: str, now: float, actor: str) -> tuple[Request, ...]:
        """The rows are those of an older copy: writes that were unfinished then may have been sent since.

        They become uncertain. Reads stay, and so does what a person has to decide about anyway.
        """
        changed: list[Request] = []
        for status in sorted(OPEN - {Status.UNCERTAIN}):
            for request in self._shelf.in_status(status):
                if request.effect is Effect.READ or may_have_arrived(status, request.reason):
                    continue
                change = Change(
                    id=request.id,
                    kind="restored_from_copy",
                    at=now,
                    actor=actor,
                    to=Status.UNCERTAIN,
                    reason=Reason.RESTORED,
                    reason_text=why,
                    not_before=now,
                    why=why,
                )
                changed.append(self._apply(request, change, alone=True))
        return tuple(changed)


_PARENT = "A request it depends on did not complete."
_PARENT_BACK = "The request it depends on is back."


def _lane_state(request: Request) -> tuple[str, bool, bool] | None:
    lane = rules.ordered_lane(request)
    if lane is None:
        return None
    return lane, rules.blocks_lane(request), request.status in rules.BUSY

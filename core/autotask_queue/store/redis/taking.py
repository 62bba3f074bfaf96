"""What makes requests this worker's: claims, and what joins them; and letting go of what nobody heard of."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from autotask_queue.model.request import Request
from autotask_queue.ports import Claim, Claimed, Companions
from autotask_queue.store.redis import claiming, rows
from autotask_queue.store.redis.batches import Reply, operation
from autotask_queue.store.redis.view import View
from autotask_queue.store.redis.writer import Answer


class Taker:
    """Takes requests, one call at a time; `run` sends operations, `view` learns what is being sent.

    The answer to a claim may be lost for longer than anybody waits for it. What it took is then nobody's to
    send, and surely not sent: it is handed back before the next claim, and at the end.
    """

    def __init__(self, run: Callable[[Sequence[Any]], Awaitable[list[Answer]]], view: View) -> None:
        self._run = run
        self._view = view
        self._turn = asyncio.Lock()
        self._unheard = False
        """Whether a call may have taken something without anybody hearing of it."""

    async def claim(self, claim: Claim, *, follows: bool) -> Claimed:
        """See `ports.Store.claim`.

        Args:
            claim: what is wanted.
            follows: whether the caller reads the controls again when others have changed them.
        """
        async with self._turn:
            await self.hand_back(claim.now)
            return await self._claim(claim, follows=follows)

    async def join(self, companions: Companions) -> tuple[Request, ...]:
        """See `ports.Store.join`."""
        async with self._turn:
            await self.hand_back(companions.now)
            (seqs,), reply = await self._take(claiming.join(companions, self._view.seen_epoch))
            return self._taken(seqs, reply)

    async def hand_back(self, now: float) -> None:
        """Lets go of what was taken in a call whose answer never came."""
        if self._unheard:
            known = {str(stored.request.seq): True for stored in self._view.in_flight.values()}
            await self._run((operation("hand_back", rows.number(now), known),))
            self._unheard = False

    async def _claim(self, claim: Claim, *, follows: bool) -> Claimed:
        expired: list[Request] = []
        # The controls that the caller has read; what changes from here on is for the next claim.
        epoch = self._view.seen_epoch
        while True:
            (seqs, more, got, taken), reply = await self._take(claiming.claim(claim, epoch))
            expired += [reply.rows[seq].request for seq in seqs]
            if got == "control" and not follows:
                epoch, more = self._view.seen_epoch, True
            if not more:
                break
        return Claimed(
            requests=self._taken(taken, reply), expired=tuple(expired), next_due=self._view.next_due
        )

    async def _take(self, wanted: Any) -> Answer:
        self._unheard = True
        (answer,) = await self._run((wanted,))
        self._unheard = False
        return answer

    def _taken(self, seqs: Sequence[str], reply: Reply) -> tuple[Request, ...]:
        for seq in seqs:
            self._view.keep(reply.rows[seq])
        return tuple(reply.rows[seq].request for seq in seqs)

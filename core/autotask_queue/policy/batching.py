"""How many requests share a call, how long the first waits for company, and who is to blame when it fails.

Size: halved by a failure, a tenth larger after a success that used it up, and no more than that. What the
server says about a request's content, or about limits, says nothing about size. Vegas-like control by the
time per record (Netflix's concurrency limits) was left out: Autotask answers 500 ids nearly as fast as one.

Waiting: nobody waits for company at whose screen a person waits. The wait counts from the first one's
arrival, so that what has waited offline goes at once.

Blame: binary search for one poison at a time, the rest together again after each: among n requests, k
poisons cost at most k * (ceil(log2 n) + 1) + 1 calls, the first included. Who used up a try goes with an
eighth as many, so that one that lets the server fail does not use up the tries of others.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import Final, TypeVar

from autotask_queue.model.failure import Applied, Failure, FailureClass
from autotask_queue.model.request import Request
from autotask_queue.model.status import Effect
from autotask_queue.policy.schedule import BACKGROUND, INTERACTIVE

START: Final = 50
LARGEST: Final = 500
"""Ids that Autotask takes in one `in` condition."""
SHORT_WAIT: Final = 0.05
"""Seconds that ordinary reads wait for company; background ones wait up to `batch_timeout`."""

_T = TypeVar("_T")

_OVERLOAD: Final = frozenset({FailureClass.TIMEOUT_UNKNOWN, FailureClass.SERVER_TRANSIENT})
_CONTENT: Final = frozenset(
    {
        FailureClass.APP_ERROR,
        FailureClass.VALIDATION,
        FailureClass.PERMISSION,
        FailureClass.NOT_FOUND,
        FailureClass.CONFLICT,
        FailureClass.PROCESSOR_ERROR,
        FailureClass.BUG,
    }
)
"""May be one request's fault."""


class Size:
    """How many requests may share a call of one endpoint: 1 to `cap`."""

    def __init__(self, cap: int) -> None:
        self.cap = min(cap, LARGEST)
        self.now = min(START, self.cap)

    def succeeded(self, count: int) -> None:
        """A call with `count` requests was answered. One that was not full proves nothing."""
        if count >= self.now:
            self.now = min(self.cap, self.now + max(1, self.now // 10))

    def failed(self, count: int, failure: Failure) -> None:
        """A call with `count` requests failed as a whole."""
        if failure.kind in _OVERLOAD:
            self.now = max(1, min(self.now, count) // 2)

    def for_lead(self, lead: Request) -> int:
        """How many may go together with `lead` as the first, itself included."""
        return int(max(1, self.now >> (3 * min(lead.attempts, 10))))


def linger(lead: Request, *, batch_timeout: float, now: float) -> float:
    """Seconds that `lead` waits for company from now on. A write never does: it might be on the wire."""
    if lead.effect is Effect.WRITE or lead.priority >= INTERACTIVE:
        return 0.0
    wait = batch_timeout if lead.priority <= BACKGROUND else min(SHORT_WAIT, batch_timeout)
    return min(wait, max(0.0, lead.created_at + wait - now))


def is_one_requests(failure: Failure, effect: Effect) -> bool:
    """Whether a batch may have failed because of one of its requests, and the others may be sent again."""
    applied = effect is Effect.WRITE and failure.applied is not Applied.NO
    return failure.kind in _CONTENT and not applied


def bisect(
    members: Sequence[_T], failure: Failure
) -> Generator[Sequence[_T], Failure | None, list[tuple[_T, Failure]]]:
    """Finds out who made `members` fail together.

    Yields whom to send next and is told how they failed as a whole, or None. Returns the poisons, each
    with the failure of the smallest group in which it failed.
    """
    poisons: list[tuple[_T, Failure]] = []
    rest = members
    while True:
        suspects, others = rest, list[_T]()
        while len(suspects) > 1:
            half = (len(suspects) + 1) // 2
            first, second = suspects[:half], suspects[half:]
            answer = yield first
            if answer is None:
                suspects = second
            else:
                failure, suspects, others = answer, first, [*second, *others]
        poisons.append((suspects[0], failure))
        if not others:
            return poisons
        answer = yield others
        if answer is None:
            return poisons
        rest, failure = others, answer

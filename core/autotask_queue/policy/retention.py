"""How old things are, when the clock cannot be trusted.

What is kept for a while is deleted by age, and a clock that is set wrong must not make everything look old.
So age is counted twice: by the wall clock that stamped it, and by time that was seen to pass. A leap of the
wall clock may be a night's sleep of the computer or a clock set wrong, which nothing can tell apart; it
counts for a night at most. A computer that sleeps for a week therefore keeps things a few days longer.
"""

from __future__ import annotations

from typing import Final

import msgspec

LONGEST_GAP: Final = 16 * 3_600.0
"""Seconds that a leap of the wall clock counts for at most."""
_GAP_SHARE: Final = 0.1
"""The same as a share of the period: short periods believe short leaps only."""
_STEP_BACK: Final = 1.0
"""Seconds by which a clock is put right every day without a word."""
_MARKS_A_PERIOD: Final = 200
_MOST_MARKS: Final = 400
_LONGEST_INTERVAL: Final = 3_600.0
_SHORTEST_INTERVAL: Final = 60.0


class Mark(msgspec.Struct, frozen=True, kw_only=True):
    """One moment: its place in the time that was seen to pass, the wall clock then, and the newest `seq`."""

    passed: float
    wall: float
    seq: int


class Ages(msgspec.Struct, frozen=True, kw_only=True):
    """What was seen of time so far: `passed` seconds in all, and marks on the way, the oldest first."""

    passed: float = 0.0
    wall: float = 0.0
    """The wall clock when it was looked at last, seconds since the epoch."""
    marks: tuple[Mark, ...] = ()


class Limit(msgspec.Struct, frozen=True, kw_only=True):
    """What is old enough: stamped before `before` (wall clock), and not newer than `max_seq`."""

    before: float
    max_seq: int


def interval(period: float) -> float:
    """Seconds between two marks, and between two clearings, for things kept for `period` seconds."""
    often = max(_SHORTEST_INTERVAL, min(_LONGEST_INTERVAL, period * _GAP_SHARE))
    return max(often, period / _MARKS_A_PERIOD)


def looked(ages: Ages, *, wall: float, running: float, newest_seq: int, period: float) -> Ages:
    """`ages` after another look at the clocks.

    Args:
        ages: as of the last look.
        wall: the wall clock now, seconds since the epoch.
        running: monotonic seconds since the last look by this process; 0 for its first.
        newest_seq: the number of the newest thing.
        period: how long things are kept, seconds.
    """
    if not ages.marks:
        return Ages(wall=wall, marks=(Mark(passed=0.0, wall=wall, seq=newest_seq),))
    leap = min(LONGEST_GAP, period * _GAP_SHARE)
    passed = ages.passed + min(max(0.0, wall - ages.wall), running + leap)
    last = ages.marks[-1]
    marks = ages.marks
    if wall < ages.wall - _STEP_BACK or passed - last.passed >= interval(period):
        marks = _thinned((*marks, Mark(passed=passed, wall=wall, seq=newest_seq)), passed - period)
    return Ages(passed=passed, wall=wall, marks=marks)


def limit(ages: Ages, *, wall: float, period: float) -> Limit | None:
    """What may be deleted; None if nothing is old enough."""
    old = [mark for mark in ages.marks if mark.passed <= ages.passed - period]
    if not old:
        return None
    base = old[-1]
    # Since then nothing was stamped earlier than the lowest that the clock was seen to show.
    shown = [mark.wall for mark in ages.marks if mark.passed >= base.passed]
    return Limit(before=min(wall - period, *shown), max_seq=base.seq)


def _thinned(marks: tuple[Mark, ...], horizon: float) -> tuple[Mark, ...]:
    """The marks that are still needed: the newest before the horizon, and all after it, at most so many."""
    before = [mark for mark in marks if mark.passed <= horizon]
    kept = [*before[-1:], *(mark for mark in marks if mark.passed > horizon)]
    while len(kept) > _MOST_MARKS:  # a clock that is set all the time
        first, second, *rest = kept
        low = min(first.wall, second.wall)
        kept = [Mark(passed=second.passed, wall=low, seq=min(first.seq, second.seq)), *rest]
    return tuple(kept)

"""What was wanted, what was found, and whether that is enough."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple


class Goal(NamedTuple):
    """One line of the design's table of goals."""

    what: str
    wanted: str
    found: str
    is_met: bool


def at_least(what: str, times: float, found: float, whom: str) -> Goal:
    """A speed beside somebody else's."""
    return Goal(what, f"at least {times:g} times {whom}", f"{found:.1f} times", found >= times)


def at_most(what: str, most: float, found: float, unit: str) -> Goal:
    """A time or a loss."""
    return Goal(what, f"at most {most:g} {unit}", f"{found:.3g} {unit}", found <= most)


def show(goals: Iterable[Goal]) -> None:
    """A line for each."""
    print("\ngoals")
    for goal in goals:
        verdict = "met" if goal.is_met else "NOT met"
        print(f"  {verdict:<8} {goal.what:<58} {goal.found:>12}   wanted: {goal.wanted}")

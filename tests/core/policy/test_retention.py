"""CL1: whatever a clock is set to, nothing is deleted before its time."""

from __future__ import annotations

import math
import random

from hypothesis import example, given
from hypothesis import strategies as st

from autotask_queue.policy.retention import Ages, interval, limit, looked

DAY, YEAR = 86_400.0, 365 * 86_400.0
WEEK = 7 * DAY
START = 1_800_000_000.0


class Life:
    """A computer, its clock, and what was finished on it, with the time that really passed."""

    def __init__(self, period: float = WEEK) -> None:
        self.period = period
        self.real = 0.0
        self.awake = 0.0
        self.wrong = 0.0
        self.ages = Ages()
        self.seq = 0
        self.finished: list[tuple[int, float, float, float, int]] = []
        """seq, stamp, real time, time awake, leaps so far"""
        self.leaps = 0
        self.look(running=0.0)

    @property
    def wall(self) -> float:
        return START + self.real + self.wrong

    def look(self, *, running: float) -> None:
        self.ages = looked(
            self.ages, wall=self.wall, running=running, newest_seq=self.seq, period=self.period
        )

    def finish(self, *, old: bool = False) -> None:
        """Something ends that was just made, or that was there before all else."""
        self.seq += not old
        seq = 0 if old else self.seq
        self.finished.append((seq, self.wall, self.real, self.awake, self.leaps))

    def work(self, seconds: float, *, step: float = 3_600.0) -> None:
        while seconds > 0:
            part = min(seconds, step)
            self.real, self.awake, seconds = self.real + part, self.awake + part, seconds - part
            self.look(running=part)

    def sleep(self, seconds: float) -> None:
        self.real += seconds
        self.leaps += 1
        self.look(running=0.0)

    def set_clock(self, by: float) -> None:
        self.wrong += by
        self.leaps += by > 0
        self.look(running=0.0)

    def deleted(self) -> list[tuple[int, float, float, float, int]]:
        old = limit(self.ages, wall=self.wall, period=self.period)
        if old is None:
            return []
        return [one for one in self.finished if one[0] <= old.max_seq and one[1] < old.before]


def test_what_is_old_goes_and_what_is_young_stays() -> None:
    life = Life()
    life.finish()
    life.work(WEEK - DAY)
    life.finish()
    assert life.deleted() == []
    life.work(DAY + 2 * interval(WEEK))
    assert [one[0] for one in life.deleted()] == [1]
    life.work(WEEK)
    assert [one[0] for one in life.deleted()] == [1, 2]


def test_a_leap_of_ten_years_makes_nothing_old() -> None:
    life = Life()
    life.finish()
    life.work(DAY)
    life.set_clock(10 * YEAR)
    assert life.deleted() == []
    life.work(DAY)
    life.set_clock(-10 * YEAR)
    life.work(DAY)
    assert life.deleted() == []
    life.work(WEEK + DAY)
    assert [one[0] for one in life.deleted()] == [1], "and in the end it goes"


def test_what_was_stamped_by_a_clock_ten_years_late_is_not_old_when_the_clock_is_mended() -> None:
    life = Life()
    life.work(2 * WEEK)
    life.set_clock(-10 * YEAR)
    life.finish(old=True)
    life.work(60.0)
    life.set_clock(10 * YEAR)
    life.work(WEEK - DAY)
    assert life.deleted() == []
    life.work(2 * DAY)
    assert len(life.deleted()) == 1


def test_a_laptop_that_sleeps_every_night_and_every_weekend_deletes_in_time() -> None:
    life = Life()
    life.finish()
    for day in range(12):
        life.work(9 * 3_600.0)
        life.sleep((63 if day % 5 == 4 else 15) * 3_600.0)
    life.work(9 * 3_600.0)
    assert [one[0] for one in life.deleted()] == [1]


def test_two_systems_that_disagree_about_the_hour_do_not_keep_things_for_ever() -> None:
    life = Life()
    life.finish()
    for turn in range(30):
        life.set_clock(3_600.0 if turn % 2 else -3_600.0)
        life.work(12 * 3_600.0)
    assert life.deleted()


LEAP = st.floats(-20 * YEAR, 20 * YEAR)
STEPS = st.one_of(
    st.tuples(st.just("work"), st.floats(1.0, 3 * DAY)),
    st.tuples(st.just("sleep"), st.floats(1.0, 30 * DAY)),
    st.tuples(st.just("clock"), LEAP),
    st.tuples(st.just("finish"), st.sampled_from([0.0, 1.0])),
)


@given(
    steps=st.lists(STEPS, max_size=40),
    period=st.sampled_from([3_600.0, DAY, WEEK, YEAR]),
)
@example(steps=[("finish", 0.0), *[("clock", YEAR)] * 3, ("clock", -3 * YEAR), ("work", 1.0)], period=WEEK)
def test_cl1_nothing_goes_before_its_time_whatever_the_clock_says(
    steps: list[tuple[str, float]], period: float
) -> None:
    life = Life(period)
    for what, amount in steps:
        if what == "work":
            life.work(amount, step=interval(period))
        elif what == "sleep":
            life.sleep(amount)
        elif what == "clock":
            life.set_clock(amount)
        else:
            life.finish(old=bool(amount))
    for _, _, _, awake, leaps in life.deleted():
        # Awake all the time, or asleep: a leap counts for a tenth of the period at most.
        believed = life.awake - awake + (life.leaps - leaps) * min(16 * 3_600.0, period / 10)
        assert believed >= period or math.isclose(believed, period, rel_tol=1e-6)


def test_a_clock_that_is_set_all_the_time_fills_no_file() -> None:
    rng = random.Random(3)
    life = Life(YEAR)
    for _ in range(900):
        life.set_clock(rng.uniform(-YEAR, YEAR))
        life.work(rng.uniform(1.0, 100.0))
    assert len(life.ages.marks) == 400

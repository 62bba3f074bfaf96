"""Vectors become one another by one insertion, one removal, or a new arrangement that finds rows again."""

from __future__ import annotations

from array import array

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autotask_console.models import vector
from autotask_console.models.vector import (
    Order,
    Step,
    compare,
    count_above,
    difference,
    join,
    locate,
    newest_of,
)

SEQS = st.lists(st.integers(1, 60), unique=True)


def q(values: list[int]) -> array[int]:
    return array("q", values)


def ordered(values: list[int], order: Order) -> array[int]:
    if order is Order.OTHER:
        return q(values)
    return q(sorted(values, reverse=order is Order.DESCENDING))


@pytest.fixture(params=["short", "long"], autouse=True)
def both_ways(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything is right by hand and through numpy."""
    monkeypatch.setattr(vector, "LONG", 10**9 if request.param == "short" else 0)


@pytest.mark.usefixtures("both_ways")
class TestBothWays:
    @given(SEQS, SEQS)
    def test_the_step_leads_from_old_to_new(self, old: list[int], new: list[int]) -> None:
        before, after = q(old), q(new)
        step, first, count = difference(before, after)

        shown = list(before)
        match step:
            case Step.INSERT:
                shown[first:first] = after[first : first + count]
            case Step.REMOVE:
                del shown[first : first + count]
            case Step.REARRANGE:
                shown = list(after)
            case Step.SAME:
                pass
        assert shown == list(after)

    def test_simple_steps_are_found(self) -> None:
        assert difference(q([1, 2]), q([1, 2])) == (Step.SAME, 0, 0)
        assert difference(q([2, 1]), q([4, 3, 2, 1])) == (Step.INSERT, 0, 2)
        assert difference(q([1, 2]), q([1, 2, 3])) == (Step.INSERT, 2, 1)
        assert difference(q([4, 3, 2, 1]), q([4, 1])) == (Step.REMOVE, 1, 2)
        assert difference(q([]), q([1])) == (Step.INSERT, 0, 1)
        assert difference(q([1]), q([])) == (Step.REMOVE, 0, 1)
        assert difference(q([1, 2, 3]), q([3, 2, 1]))[0] is Step.REARRANGE

    @given(SEQS, st.sampled_from(Order), st.sets(st.integers(1, 60)))
    def test_rows_are_found(self, values: list[int], order: Order, wanted: set[int]) -> None:
        found = locate(ordered(values, order), wanted, order)

        assert found == {s: list(ordered(values, order)).index(s) for s in wanted if s in values}

    @given(SEQS, st.sampled_from(Order), st.integers(0, 61))
    def test_counting_what_arrived(self, values: list[int], order: Order, limit: int) -> None:
        made = ordered(values, order)

        assert count_above(made, limit, order) == sum(v > limit for v in values)
        assert newest_of(made, order) == max(values, default=0)

    @given(st.lists(SEQS, max_size=3), st.sampled_from([Order.ASCENDING, Order.DESCENDING]))
    def test_joined_parts_are_in_order(self, parts: list[list[int]], order: Order) -> None:
        disjoint = [[v * 3 + n for v in part] for n, part in enumerate(parts)]
        made = join([ordered(part, order) for part in disjoint], order)

        assert list(made) == sorted((v for p in disjoint for v in p), reverse=order is Order.DESCENDING)

    def test_without_an_order_parts_follow_each_other(self) -> None:
        assert list(join([q([3, 9]), q([]), q([1])], Order.OTHER)) == [3, 9, 1]

    def test_a_comparison_tells_all_that_is_needed_to_show_it(self) -> None:
        listing = compare([q([9, 8, 5, 2])], Order.DESCENDING, base=q([5, 3, 2]), newest=5, wanted={5, 3})

        assert listing.step is Step.REARRANGE
        assert (listing.newest, listing.arrived, listing.places) == (9, 2, {5: 2})

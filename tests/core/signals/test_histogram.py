"""Quantiles within one per cent of the truth, for any durations."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from autotask_queue.signals.histogram import HIGHEST, LOWEST, LogHistogram

durations = st.lists(st.floats(LOWEST, HIGHEST), min_size=1, max_size=300)


def filled(values: list[float]) -> LogHistogram:
    histogram = LogHistogram()
    for value in values:
        histogram.add(value)
    return histogram


@given(durations, st.floats(0, 1))
def test_m1_quantiles_are_within_one_per_cent(values: list[float], q: float) -> None:
    exact = sorted(values)[int(q * (len(values) - 1))]
    found = filled(values).quantile(q)
    assert found is not None
    assert abs(found - exact) <= 0.01 * exact


@given(durations, durations)
def test_m2_merging_equals_recording_together(a: list[float], b: list[float]) -> None:
    merged = filled(a)
    merged.merge(filled(b))
    together = filled(a + b)
    assert merged.count == together.count
    assert merged.maximum == together.maximum
    assert math.isclose(merged.total, together.total)
    assert [merged.quantile(q) for q in (0, 0.5, 1)] == [together.quantile(q) for q in (0, 0.5, 1)]


def test_nothing_recorded_has_no_quantile() -> None:
    assert LogHistogram().quantile(0.5) is None
    assert LogHistogram().mean == 0


def test_values_out_of_range_are_kept_at_the_bounds() -> None:
    histogram = filled([-1.0, 0.0, float("nan"), 1e9])
    assert histogram.count == 4
    assert histogram.maximum == HIGHEST
    lowest = histogram.quantile(0)
    assert lowest is not None
    assert lowest <= LOWEST * 1.01

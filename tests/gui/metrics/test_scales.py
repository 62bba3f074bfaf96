"""Axes count in steps that people count in."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autotask_console.widgets.scales import AGE, COUNT, LATENCY, TICKS, Scale


@pytest.mark.parametrize(
    ("scale", "highest", "top"),
    [
        (COUNT, 0, 1),
        (COUNT, 1, 1),
        (COUNT, 14, 15),
        (COUNT, 38, 40),
        (COUNT, 401, 600),
        (AGE, 0, 5),
        (AGE, 45, 45),
        (AGE, 3 * 60, 180),
        (AGE, 50 * 60, 3_600),
        (AGE, 20 * 86_400, 20 * 86_400),
        (LATENCY, 0.61, 0.8),
        (LATENCY, 0.018, 0.02),
    ],
)
def test_tops(scale: Scale, highest: float, top: float) -> None:
    assert scale.top(highest) == pytest.approx(top)


@given(st.sampled_from([COUNT, AGE, LATENCY]), st.floats(min_value=0, max_value=1e7))
def test_the_top_holds_the_highest_in_few_whole_steps(scale: Scale, highest: float) -> None:
    top, step = scale.top(highest), scale.step(highest / TICKS)
    assert top >= highest * (1 - 1e-6)
    assert top / step == pytest.approx(round(top / step))
    assert top / step <= TICKS + 1e-6


@pytest.mark.parametrize(
    ("scale", "value", "step", "text"),
    [
        (COUNT, 1_200, 200, "1 200"),
        (AGE, 90, 30, "90 s"),
        (AGE, 3_600, 1_800, "1 h"),
        (LATENCY, 0.05, 0.01, "50 ms"),
        (LATENCY, 1.5, 0.5, "1.5 s"),
        (LATENCY, 20, 5, "20 s"),
    ],
)
def test_labels(scale: Scale, value: float, step: float, text: str) -> None:
    assert scale.label(value, step).replace("\N{NARROW NO-BREAK SPACE}", " ") == text


@given(st.sampled_from([COUNT, AGE, LATENCY]), st.floats(min_value=0.0005, max_value=1e6))
def test_labels_of_an_axis_differ(scale: Scale, highest: float) -> None:
    step = scale.step(highest / TICKS)
    count = round(scale.top(highest) / step)
    texts = [scale.label(step * place, step) for place in range(count + 1)]
    assert len(set(texts)) == len(texts)

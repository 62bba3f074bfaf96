"""Steps and labels of value axes, in units that people count in. Pure: pyqtgraph is not needed here."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from autotask_console.text import duration, number, tr

TICKS = 4
"""How many steps an axis aims for."""


@dataclass(frozen=True, kw_only=True)
class Scale:
    """What an axis counts.

    `step(wanted)` is the smallest human step that is at least `wanted`; `label(value, step)` says a
    value as precisely as the step asks for.
    """

    step: Callable[[float], float]
    label: Callable[[float, float], str]

    def top(self, highest: float) -> float:
        """The end of the axis: whole steps, so that it changes seldom while values grow."""
        step = self.step(highest / TICKS)
        return step * max(1.0, math.ceil(highest / step - 1e-9))


def _decimal(smallest: float) -> Callable[[float], float]:
    def step(wanted: float) -> float:
        if wanted <= smallest:
            return smallest
        power = 10.0 ** math.floor(math.log10(wanted))
        return next(power * factor for factor in (1, 2, 5, 10) if power * factor >= wanted * (1 - 1e-9))

    return step


_AGES = (5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400)


def _age_step(wanted: float) -> float:
    fixed = next((float(step) for step in _AGES if step >= wanted), None)
    return fixed if fixed is not None else 86_400.0 * _decimal(1.0)(wanted / 86_400.0)


def _latency_label(value: float, step: float) -> str:
    if step < 0.1:
        return tr("{n} ms", n=number(value * 1000))
    return tr("{n} s", n=number(value, decimals=1 if step < 1 else 0))


COUNT = Scale(step=_decimal(1.0), label=lambda value, _: number(value))
"""Whole things: requests."""


def _age_label(value: float, step: float) -> str:
    return tr("{n} s", n=number(value)) if step < 60 else duration(value)


AGE = Scale(step=_age_step, label=_age_label)
"""Seconds that people wait: 30 s, 5 min, 2 h."""
LATENCY = Scale(step=_decimal(0.001), label=_latency_label)
"""Seconds that machines take: 50 ms, 0.5 s."""

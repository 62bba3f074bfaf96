"""Bad days: the short form for every run of the tests; `simulation.py` lives as many as one wants."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest
from tests.core.engine.simulation import Violated, live

from autotask_queue.model.status import Status
from autotask_queue.policy import retry
from autotask_queue.policy.retry import Signal, Verdict


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    """A bad day has hundreds of warnings, and each is meant."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


@pytest.mark.parametrize("seed", range(16))
async def test_a_bad_day(seed: int) -> None:
    await live(seed)


@pytest.mark.parametrize("seed", range(2))
async def test_a_bad_day_with_a_file(seed: int) -> None:
    await live(seed, store="sqlite")


async def test_the_oracle_sees_a_double_sending(monkeypatch: pytest.MonkeyPatch) -> None:
    """A lost write that is simply tried again: the mistake that all this is about."""
    again = Verdict(to=Status.RETRYING, signal=Signal.FAIL, delay=1.0)
    monkeypatch.setattr(retry, "_unknown", lambda failure: again)

    async def some_days() -> None:
        for seed in range(24):
            await live(seed)

    with pytest.raises(
        Violated, match=r"applied \d times[\s\S]*python -m tests.core.engine.simulation --seed"
    ):
        await some_days()

"""Mistakes of those who embed the queue: each is told at once, by its name, where it is made."""

from __future__ import annotations

from typing import Any

import pytest
from tests.core.engine.conftest import Server

from autotask_queue import (
    ConfigError,
    EchoProcessor,
    QueueConfig,
    QueueManager,
    QuickSetup,
    RequestFilter,
    create_test_configuration,
)
from autotask_queue.model.config import RetryConfig, StrategiesConfig


@pytest.mark.parametrize(
    ("zones", "named"),
    [
        ({"z1": {"max_concurrency": 0}}, "zones.z1.max_concurrency"),
        ({"z1": {"max_concurrency": -2}}, "zones.z1.max_concurrency"),
        ({"z1": {"max_concurrency": 10_000}}, "zones.z1.max_concurrency"),
        ({"*": {}}, r"zones.\*"),
        ({"": {}}, "zones"),
        ({"x" * 65: {}}, "zones.x"),
        ({"a\nb": {}}, "zones"),
    ],
)
def test_a_zone_through_which_nothing_could_ever_go_is_refused(zones: dict[str, Any], named: str) -> None:
    with pytest.raises(ConfigError, match=named):
        create_test_configuration(zones=zones)


@pytest.mark.parametrize(
    "config",
    [
        QueueConfig(max_concurrency=0),
        QueueConfig(default_timeout=float("nan")),
        QueueConfig(strategies=StrategiesConfig(retry=RetryConfig(base_delay=500.0))),
    ],
)
def test_a_configuration_made_by_hand_is_checked_like_any_other(config: QueueConfig) -> None:
    with pytest.raises(ConfigError):
        QueueManager(config)


def test_what_is_no_configuration_is_refused() -> None:
    with pytest.raises(TypeError, match="create_"):
        QueueManager({"max_size": 5})  # type: ignore[arg-type]


@pytest.mark.parametrize("processor", [EchoProcessor, object(), None, print])
def test_what_is_no_processor_is_refused(processor: Any) -> None:
    with pytest.raises(TypeError, match="process"):
        QueueManager(processors={"p": processor})
    queue = QueueManager()
    with pytest.raises(TypeError, match="process"):
        queue.processors["p"] = processor


def test_a_path_that_is_none_is_refused() -> None:
    make: Any = QuickSetup.sqlite
    with pytest.raises(TypeError):
        make(None)


def test_what_cannot_be_called_is_no_subscriber() -> None:
    with pytest.raises(TypeError, match="callable"):
        QueueManager().on("request.completed", "print")  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["status", "not_status", "zone", "entity", "method", "ids", "reason"])
def test_a_word_where_a_filter_takes_several_is_not_taken_for_its_letters(name: str) -> None:
    """`not_status="failed"` would exclude nothing, and a command on all that match would hit too much."""
    make: Any = RequestFilter
    with pytest.raises(TypeError, match=rf"{name}.*\('pending',\)"):
        make(**{name: "pending"})


def test_a_limit_below_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="limit"):
        RequestFilter(limit=-1)


async def test_a_hold_of_no_zone_is_refused() -> None:
    async with QueueManager(create_test_configuration(), processors={"s": Server()}) as queue:
        for zone in (None, "", 5):
            with pytest.raises(ValueError, match="zone"):
                await queue.circuit_breaker.force_open(zone, "why")  # type: ignore[arg-type]
        assert queue.gates() == ()

"""The table of transitions, the configuration and the gates."""

from __future__ import annotations

from typing import Any

import pytest

from autotask_queue.model.config import QueueConfig, build_config, config_to_dict
from autotask_queue.model.errors import ConfigError, QueueError
from autotask_queue.model.events import EVENT_NAMES
from autotask_queue.model.gates import Gate, GateKind, gate_for
from autotask_queue.model.presets import (
    create_default_configuration,
    create_development_configuration,
    create_production_configuration,
    create_redis_configuration,
    create_test_configuration,
)
from autotask_queue.model.status import OPEN, TERMINAL, TRANSITIONS, Status, can_move, queued_status


def test_every_status_is_in_the_table() -> None:
    assert set(TRANSITIONS) == set(Status)
    assert {s for s in Status if s.is_terminal} == TERMINAL
    assert TERMINAL.isdisjoint(OPEN)


def test_every_status_can_be_reached_and_left_for_an_end() -> None:
    for status in set(Status) - {Status.PENDING}:
        assert any(status in targets for targets in TRANSITIONS.values())
    for status in OPEN:
        seen, todo = set(), [status]
        while todo:
            here = todo.pop()
            seen.add(here)
            todo += [t for t in TRANSITIONS[here] if t not in seen]
        assert seen & TERMINAL


def test_what_may_have_arrived_cannot_be_cancelled() -> None:
    assert not can_move(Status.UNCERTAIN, Status.CANCELLED)
    assert not can_move(Status.PROCESSING, Status.CANCELLED)
    assert not can_move(Status.UNCERTAIN, Status.PROCESSING), "it is never simply sent again"
    assert TRANSITIONS[Status.COMPLETED] == frozenset()


def test_after_a_restore_everything_that_waits_can_be_doubted() -> None:
    """The copy may be older than what was sent."""
    for status in OPEN - {Status.UNCERTAIN}:
        assert can_move(status, Status.UNCERTAIN), status
    for status in TERMINAL:
        assert not can_move(status, Status.UNCERTAIN), status
    assert can_move(Status.UNCERTAIN, Status.DEFERRED), "what was scheduled keeps its time"


@pytest.mark.parametrize(
    ("scheduled_at", "status"),
    [(None, Status.PENDING), (99.0, Status.PENDING), (100.0, Status.PENDING), (101.0, Status.DEFERRED)],
)
def test_what_is_scheduled_for_later_is_deferred(scheduled_at: float | None, status: Status) -> None:
    assert queued_status(scheduled_at, now=100.0) is status


def test_the_readmes_defaults() -> None:
    config = create_default_configuration()
    assert config == QueueConfig()
    assert (config.max_size, config.max_concurrency, config.max_batch_size) == (10_000, 10, 10)
    assert (config.batch_timeout, config.default_timeout, config.default_retries) == (1.0, 300.0, 3)
    assert config.priority_enabled
    assert config.batching_enabled
    assert config.deduplication_enabled


def test_presets_take_deep_overrides() -> None:
    config = create_production_configuration(
        max_size=50_000,
        strategies={"circuit_breaker": {"failure_threshold": 3}},
        persistence={"connection": {"db_path": "x.db"}},
    )
    assert config.persistence.backend == "sqlite"
    assert config.persistence.connection.db_path == "x.db"
    assert config.strategies.circuit_breaker.failure_threshold == 3
    assert config.strategies.circuit_breaker.success_threshold == 2
    assert config.default_retries == 8
    assert create_test_configuration().strategies.retry.max_delay < 1
    assert create_development_configuration().max_size == 1_000


def test_every_mistake_is_named_at_once() -> None:
    with pytest.raises(ConfigError) as caught:
        create_default_configuration(
            max_sise=1,
            max_concurrency="many",
            default_timeout=-1,
            strategies={"retry": {"base": 3}, "priority_strategy": "random"},
            zones={"z1": {"usr": "x"}},
            persistence=3,
        )
    text = " ".join(caught.value.problems)
    assert len(caught.value.problems) == 7
    for part in (
        "max_sise is not a setting; did you mean max_size?",
        "max_concurrency",
        "default_timeout must be between",
        "strategies.retry.base is not a setting",
        "strategies.priority_strategy",
        "zones.z1.usr is not a setting; did you mean user?",
        "persistence must be a table",
    ):
        assert part in text
    assert caught.value.remedy


@pytest.mark.parametrize("zones", [3, {"z": 3}])
def test_zones_must_be_tables(zones: object) -> None:
    with pytest.raises(ConfigError):
        build_config({"zones": zones})


def test_combinations_are_checked() -> None:
    with pytest.raises(ConfigError, match="must not be larger"):
        create_default_configuration(strategies={"retry": {"base_delay": 200, "max_delay": 100}})


def test_a_configuration_survives_being_written_down() -> None:
    config = create_production_configuration(zones={"z1": {"user": "u"}})
    assert build_config(config_to_dict(config)) == config
    assert build_config({"persistence": config.persistence}).persistence == config.persistence


def _subclasses(cls: type[QueueError]) -> list[type[QueueError]]:
    return [cls, *(s for c in cls.__subclasses__() for s in _subclasses(c))]


@pytest.mark.parametrize("cls", _subclasses(QueueError), ids=lambda c: c.__name__)
def test_every_error_says_what_it_is_and_what_to_do(cls: Any) -> None:
    assert cls.code
    assert cls.title
    assert cls.default_remedy
    assert cls.code == cls.code.lower()


def test_error_codes_are_unique() -> None:
    # A special case may share its parent's code: a program that handles the one handles the other.
    codes = [c.code for c in _subclasses(QueueError) if "code" in vars(c)]
    assert len(codes) == len(set(codes))


def test_event_names_are_dotted() -> None:
    assert all("." in name for name in EVENT_NAMES)
    assert "request.completed" in EVENT_NAMES


def test_the_first_gate_in_precedence_explains_the_wait() -> None:
    gates = (
        Gate(kind=GateKind.BREAKER, zone="z1"),
        Gate(kind=GateKind.MAINTENANCE, zone="z1", entity="Tickets"),
        Gate(kind=GateKind.OFFLINE),
    )
    found = gate_for(gates, "z1", "Tickets")
    assert found is not None
    assert found.kind is GateKind.MAINTENANCE
    other = gate_for(gates, "z2", "Tickets")
    assert other is not None
    assert other.kind is GateKind.OFFLINE
    assert gate_for(gates[:2], "z2", "Tickets") is None


def test_a_redis_queue_needs_an_address_and_never_shows_it() -> None:
    config = create_redis_configuration(persistence={"connection": {"url": "redis://:hush@h"}})
    assert config.persistence.backend == "redis"
    assert (config.default_retries, config.persistence.connection.namespace) == (8, "autotask")
    assert "hush" not in repr(config)
    assert build_config(config_to_dict(config)) == config
    with pytest.raises(ConfigError, match="must say where"):
        create_default_configuration(persistence={"backend": "redis"})
    with pytest.raises(ConfigError) as caught:
        create_redis_configuration(persistence={"connection": {"url": ["redis://:hush@h"]}})
    assert "hush" not in str(caught.value)

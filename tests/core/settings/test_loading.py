"""A configuration from code, file and environment: who wins, and how every mistake is named."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from autotask_queue import ConfigError, create_default_configuration, create_test_configuration
from autotask_queue.model.presets import PRESETS
from autotask_queue.settings import combine, given_layer, load_configuration, preset_layer


def problems(**overrides: Any) -> tuple[str, ...]:
    with pytest.raises(ConfigError) as caught:
        create_default_configuration(**overrides)
    return caught.value.problems


def test_argument_before_environment_before_file_before_preset(tmp_path: Path) -> None:
    file = tmp_path / "queue.toml"
    file.write_text(
        "max_size = 1\nmax_concurrency = 1\nshutdown_grace = 1\n[console]\nx = 1\n", encoding="utf-8"
    )
    environ = {"AUTOTASK_QUEUE_MAX_SIZE": "2", "AUTOTASK_QUEUE_MAX_CONCURRENCY": "2", "HOME": "/root"}
    config = load_configuration(file, environ=environ, max_size=3)
    assert (config.max_size, config.max_concurrency, config.shutdown_grace) == (3, 2, 1.0)
    assert (config.default_retries, config.max_batch_size) == (8, 500)


def test_the_process_s_own_environment_is_the_usual_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUTOTASK_QUEUE_STRATEGIES__RETRY__BASE_DELAY", "0.5")
    assert load_configuration(preset="default").strategies.retry.base_delay == 0.5


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_can_be_named(name: str) -> None:
    config = load_configuration(preset=name, environ={})
    assert config.max_batch_size == {"production": 500, "redis": 500}.get(name, 10)
    assert load_configuration(preset="test", environ={}) == create_test_configuration()


def test_an_unknown_preset_is_told() -> None:
    with pytest.raises(ConfigError, match="no preset 'staging', only default, development"):
        load_configuration(preset="staging", environ={})


def test_mistakes_of_all_places_are_told_at_once(tmp_path: Path) -> None:
    file = tmp_path / "queue.toml"
    file.write_text(
        "[strategies.retry]\nbase_delay = 9.0\nmax_delay = 5.0\n[zones.z]\nmax_concurrency = 0\n",
        encoding="utf-8",
    )
    with pytest.raises(ConfigError) as caught:
        load_configuration(file, environ={"AUTOTASK_QUEUE_MAX_SIZE": "0"}, defualt_timeout=1)
    assert sorted(problem.replace(str(file), "F") for problem in caught.value.problems) == [
        "defualt_timeout is not a setting; did you mean default_timeout? (argument)",
        "max_size must be between 1 and 10,000,000, got 0 (environment variable AUTOTASK_QUEUE_MAX_SIZE)",
        "strategies.retry.base_delay must not be larger than strategies.retry.max_delay (9 > 5) (F, line 2)",
        "zones.z.max_concurrency must be between 1 and 1,000, got 0 (F, line 5)",
    ]


def test_each_value_knows_where_it_came_from() -> None:
    layers = [preset_layer("test"), given_layer({"strategies": {"retry": {"jitter": False}}}, "--flag")]
    origins = combine(layers).origins
    assert origins["max_size"] == origins["strategies.retry.base_delay"] == "preset test"
    assert origins["strategies.retry.jitter"] == "--flag"
    assert origins["strategies.retry.multiplier"] == "default"


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        ({"maxSize": 1}, "maxSize is not a setting; did you mean max_size?"),
        ({"strategies": {"priorityStrategy": "fifo"}},
         "strategies.priorityStrategy is not a setting; did you mean strategies.priority_strategy?"),
        ({"failure_threshold": 3},
         "failure_threshold is not a setting; did you mean strategies.circuit_breaker.failure_threshold?"),
        ({"retention_perod": 3}, "retention_perod is not a setting"),
        ({"max_size": "many"}, "max_size must be a whole number, got 'many'"),
        ({"max_size": True}, "max_size must be a whole number, got True"),
        ({"priority_enabled": 1}, "priority_enabled must be true or false, got 1"),
        ({"batch_timeout": float("nan")}, "batch_timeout must be between 0 and 60, got nan"),
        ({"max_batch_size": 501}, "max_batch_size must be between 1 and 500, got 501"),
        ({"zones": {"z": {"max_concurrency": 1001}}},
         "zones.z.max_concurrency must be between 1 and 1,000, got 1001"),
        ({"read_retries": "x"}, "read_retries must be a whole number, or left out, got 'x'"),
        ({"persistence": {"backend": "disk"}},
         "persistence.backend must be one of memory, sqlite, redis, got 'disk'"),
        ({"zones": {"a\nb": {}}},
         r"'zones.a\nb': a zone's name has 1 to 64 characters on one line and is not *"),
        ({"persistence": {"backend": "sqlite", "connection": {"db_path": ""}}},
         "persistence.connection.db_path must be the name of a file"),
    ],
)  # fmt: skip
def test_a_mistake_is_named_in_words(overrides: dict[str, Any], said: str) -> None:
    assert problems(**overrides) == (said,)


@pytest.mark.parametrize(
    "overrides",
    [
        {"persistence": {"connection": {"url": 12345678}}},
        {"persistence": {"connection": "redis://:12345678@h"}},
        {"zones": {"z": {"secret": 12345678}}},
        {"zones": {"z": {"integration_code": [12345678]}}},
        {"zones": {"z": "12345678"}},
    ],
)
def test_what_may_be_a_secret_is_not_repeated(overrides: dict[str, Any]) -> None:
    (said,) = problems(**overrides)
    assert "12345678" not in said


def test_values_are_not_compared_with_wrong_ones() -> None:
    retry = {"base_delay": 500.0, "max_delay": "long"}
    assert problems(strategies={"retry": retry}) == (
        "strategies.retry.max_delay must be a number, got 'long'",
    )

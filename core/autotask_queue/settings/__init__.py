"""Settings from a TOML file and from environment variables, each value with the place it came from."""

from autotask_queue.settings.loading import Loaded, combine, load_configuration, used_variables
from autotask_queue.settings.sources import (
    KEY_FILE_VARIABLE,
    PREFIX,
    REFERENCE_HOMES,
    Layer,
    environment_layer,
    file_layer,
    given_layer,
    preset_layer,
)

__all__ = [
    "KEY_FILE_VARIABLE",
    "PREFIX",
    "REFERENCE_HOMES",
    "Layer",
    "Loaded",
    "combine",
    "environment_layer",
    "file_layer",
    "given_layer",
    "load_configuration",
    "preset_layer",
    "used_variables",
]

"""Where things are by default: the places that the console uses (its platform/paths.py)."""

from __future__ import annotations

from pathlib import Path

import platformdirs

_APP = "autotask-queue"


def default_database() -> Path:
    """The console's own queue file."""
    return Path(_dirs().user_data_dir) / "queue.db"


def default_config() -> Path:
    """The configuration that console and command line share."""
    return Path(_dirs().user_config_dir) / "config.toml"


def log_folder() -> Path:
    """For logs; may be deleted."""
    return Path(_dirs().user_state_dir) / "logs"


def expand(path: Path) -> Path:
    """The absolute path; "~" is the user's home, and stays what it is where nobody has one."""
    try:
        return path.expanduser().absolute()
    except RuntimeError:
        return path.absolute()


def _dirs() -> platformdirs.PlatformDirs:
    return platformdirs.PlatformDirs(_APP, appauthor=False)

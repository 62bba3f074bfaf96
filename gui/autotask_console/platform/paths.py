"""Where things are kept: the system's folders for the user, or one folder of one's own."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import platformdirs

APP = "autotask-queue"
"""Shared with the command line: both use the same queue file by default."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Paths:
    """Folders of one profile.

    `data` holds the queue file, `config` config.toml, `state` logs and reports (may be deleted).
    """

    data: Path
    config: Path
    state: Path

    @property
    def queue_file(self) -> Path:
        return self.data / "queue.db"

    @property
    def config_file(self) -> Path:
        return self.config / "config.toml"

    @property
    def logs(self) -> Path:
        return self.state / "logs"

    @property
    def reports(self) -> Path:
        return self.state / "reports"


def system_paths(profile: str = "") -> Paths:
    """The user's own folders; a profile has a queue, settings and logs of its own."""
    dirs = platformdirs.PlatformDirs(APP, appauthor=False)
    below = Path("profiles", profile) if profile else Path()
    return Paths(
        data=Path(dirs.user_data_dir) / below,
        config=Path(dirs.user_config_dir) / below,
        state=Path(dirs.user_state_dir) / below,
    )


def paths_in(folder: Path) -> Paths:
    """Everything in one folder, as `--data-dir` asks."""
    folder = folder.expanduser().absolute()
    return Paths(data=folder, config=folder, state=folder)

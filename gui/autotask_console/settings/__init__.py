"""Every setting of the console, declared once; kept in the one config.toml beside the zones."""

from autotask_console.settings import declared
from autotask_console.settings.declared import ALL, Setting
from autotask_console.settings.store import Settings

__all__ = ["ALL", "Setting", "Settings", "declared"]

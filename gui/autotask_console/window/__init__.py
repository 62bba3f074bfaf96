"""The shell around the pages: rail, toolbar, banner, numbers at a glance, status bar, menus."""

from autotask_console.window.actions import Commands
from autotask_console.window.host import PageSpec
from autotask_console.window.shell import Window

__all__ = ["Commands", "PageSpec", "Window"]

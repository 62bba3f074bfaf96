"""What a person can do, as data; menus, toolbar, shortcuts and (later) the palette are made from it."""

from autotask_console.actions.action import Action, Doing, When, always
from autotask_console.actions.binder import Binder, BoundAction

__all__ = ["Action", "Binder", "BoundAction", "Doing", "When", "always"]

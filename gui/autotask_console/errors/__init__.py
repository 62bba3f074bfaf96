"""How errors are said: a sentence, what it means, what to do; at the control, or as a toast."""

from autotask_console.errors.presenter import Presenter, Said, say

__all__ = ["Presenter", "Said", "say"]

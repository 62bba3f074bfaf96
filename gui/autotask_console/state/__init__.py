"""What the whole window knows: one frozen value, one pure reducer, one store with one signal."""

from autotask_console.state.app_state import AppState, ChangeFlags, Changes, Snapshot
from autotask_console.state.reducer import reduce
from autotask_console.state.store import AppStore

__all__ = ["AppState", "AppStore", "ChangeFlags", "Changes", "Snapshot", "reduce"]

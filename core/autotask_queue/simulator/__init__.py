"""A faithful simulator of the Autotask REST API, over real HTTP on loopback.

It is written from the API's documentation and shares nothing with the client but the entity catalogue, so
that either can find the other's mistakes.

    async with run_simulator(seed=7) as sim:
        sim.add_fault("drop_after_apply", route="POST /Tickets$", count=1)
        ...  # talk to sim.base_url with sim.credentials
        assert len(sim.state()["writes"]) == 1

`simulator_process` runs it beside the program instead of in it. As a program of its own:
`autotask-queue simulator`, or `python -m autotask_queue.simulator`.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from autotask_queue.simulator.access import Credentials
    from autotask_queue.simulator.faults import FaultKind
    from autotask_queue.simulator.process import SimulatorProcess, simulator_process
    from autotask_queue.simulator.seed import API_USER
    from autotask_queue.simulator.server import Simulator, run_simulator

__all__ = [
    "API_USER",
    "Credentials",
    "FaultKind",
    "Simulator",
    "SimulatorProcess",
    "run_simulator",
    "simulator_process",
]


_HOMES = {
    "API_USER": "seed",
    "Credentials": "access",
    "FaultKind": "faults",
    "Simulator": "server",
    "SimulatorProcess": "process",
    "run_simulator": "server",
    "simulator_process": "process",
}


def __getattr__(name: str) -> Any:
    """Loads the server when it is first asked for: a command line that only lists its commands must not."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)

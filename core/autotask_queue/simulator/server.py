"""The simulator as a whole: composed, started and stopped as one."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from random import Random
from typing import Any

import msgspec

from autotask_queue.catalogue import load_catalogue
from autotask_queue.simulator.access import Access, Credentials
from autotask_queue.simulator.control import control
from autotask_queue.simulator.faults import Fault, FaultBook, FaultKind, FaultRequest
from autotask_queue.simulator.gate import Gate
from autotask_queue.simulator.limits import HOURLY_LIMIT, HourlyLimit, ThreadLimit
from autotask_queue.simulator.listener import Listener
from autotask_queue.simulator.routes import api
from autotask_queue.simulator.seed import seed
from autotask_queue.simulator.tables import Tables
from autotask_queue.simulator.tenant import Tenant


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """How a simulator behaves. `latency` is in seconds and slows down every call."""

    host: str = "127.0.0.1"
    port: int = 0
    seed: int = 1
    latency: float = 0.0
    any_credentials: bool = False
    credentials: Credentials = Credentials()
    hourly_limit: int = HOURLY_LIMIT
    latency_scale: float = 1.0
    missing_as_null: bool = False


class Simulator:
    """A running simulator. Use `run_simulator`; everything here belongs to its event loop."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        tables = Tables(load_catalogue())
        seed(tables, settings.seed)
        self._tenant = Tenant(
            tables=tables,
            access=Access(settings.credentials, any_credentials=settings.any_credentials),
            hourly=HourlyLimit(settings.hourly_limit, settings.latency_scale),
            threads=ThreadLimit(),
            missing_as_null=settings.missing_as_null,
        )
        self._faults = FaultBook(Random(settings.seed))
        controls = control(self)
        self._gate = Gate(api(self._tenant), controls, self._tenant, self._faults, latency=settings.latency)
        self._listener = Listener(self._gate, settings.host)
        self._controls = Listener(controls, settings.host)

    @property
    def url(self) -> str:
        """Where it listens: `http://127.0.0.1:PORT`."""
        return self._listener.url

    @property
    def base_url(self) -> str:
        """What zone discovery names; the API is at `{base_url}v1.0/`."""
        return self._tenant.base_url

    @property
    def control_url(self) -> str:
        """A second address of `/_sim`, there even while the first one refuses connections."""
        return self._controls.url

    @property
    def credentials(self) -> Credentials:
        return self.settings.credentials

    @property
    def idle(self) -> float:
        """Seconds since anybody called, the control routes included."""
        return min(self._listener.idle, self._controls.idle)

    def state(self) -> dict[str, Any]:
        """What the server holds: `{"entities": {name: records}, "writes": […], "requests": N, "at_once": M}`.

        `requests` calls arrived, and at most `at_once` of them were there at the same time.
        """
        return {
            "entities": self._tenant.tables.snapshot(),
            "writes": msgspec.to_builtins(self._gate.writes),
            "requests": self._gate.requests,
            "at_once": self._gate.most_at_once,
        }

    def faults(self) -> list[dict[str, object]]:
        """The faults at work."""
        return [fault.described() for fault in self._faults.active()]

    def add_fault(
        self,
        kind: FaultKind | str,
        *,
        route: str | None = None,
        rate: float = 1.0,
        count: int | None = None,
        seconds: float | None = None,
        latency: float | None = None,
        refuse: bool = False,
    ) -> int:
        """Starts a fault (see `FaultRequest`) and returns its id.

        Raises:
            msgspec.ValidationError: a value makes no sense.
        """
        document = {
            "kind": str(kind),
            "route": route,
            "rate": rate,
            "count": count,
            "seconds": seconds,
            "latency": latency,
            "refuse": refuse,
        }
        return self.start_fault(msgspec.convert(document, FaultRequest)).id

    def start_fault(self, request: FaultRequest) -> Fault:
        """Starts a fault."""
        fault = self._faults.add(request)
        if request.refuse:
            self._listener.refuse()
        return fault

    async def end_fault(self, id_: int) -> bool:
        """Ends a fault, cutting the calls that hang on it; False if there is none with that id."""
        fault = self._faults.end(id_)
        await self._restore()
        return fault is not None

    async def end_faults(self) -> int:
        """Ends all faults and returns how many there were."""
        ended = self._faults.end_all()
        await self._restore()
        return len(ended)

    async def start(self) -> None:
        """Opens the ports.

        Raises:
            OSError: the port is taken, or not allowed.
        """
        await self._listener.open(self.settings.port)
        try:
            await self._controls.open()
        except OSError:
            await self._listener.close()
            raise
        self._tenant.url = self._listener.url

    async def close(self) -> None:
        """Closes the ports; calls under way lose their connection."""
        self._gate.stop()
        await self._listener.close()
        await self._controls.close()

    async def _restore(self) -> None:
        """Opens the port again, if no fault keeps it closed any more."""
        if not any(fault.request.refuse for fault in self._faults.active()):
            await self._listener.reopen()


@asynccontextmanager
async def run_simulator(
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    seed: int = 1,
    latency: float = 0.0,
    any_credentials: bool = False,
    credentials: Credentials | None = None,
    hourly_limit: int = HOURLY_LIMIT,
    latency_scale: float = 1.0,
    missing_as_null: bool = False,
) -> AsyncIterator[Simulator]:
    """Runs a simulator on the running event loop, over real HTTP, until the block ends.

    Args:
        host: a loopback address.
        port: 0 for a free one.
        seed: the data set; the same number, the same records.
        latency: seconds that every call takes longer.
        any_credentials: accept all credentials that are complete.
        credentials: what to accept instead of the default ones.
        hourly_limit: calls an hour.
        latency_scale: factor on the slowdown near that limit (0 turns it off).
        missing_as_null: answer `{"item": null}` and not 404 for a record that does not exist.

    Raises:
        OSError: the port is taken, or not allowed.
    """
    simulator = Simulator(
        Settings(
            host=host,
            port=port,
            seed=seed,
            latency=latency,
            any_credentials=any_credentials,
            credentials=credentials or Credentials(),
            hourly_limit=hourly_limit,
            latency_scale=latency_scale,
            missing_as_null=missing_as_null,
        )
    )
    await simulator.start()
    try:
        yield simulator
    finally:
        await simulator.close()

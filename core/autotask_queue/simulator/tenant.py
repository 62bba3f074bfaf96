"""What the API's endpoints work on: one tenant with its records, its users and its use of the limits."""

from __future__ import annotations

import msgspec

from autotask_queue.catalogue import Catalogue
from autotask_queue.simulator.access import Access
from autotask_queue.simulator.limits import HourlyLimit, ThreadLimit
from autotask_queue.simulator.tables import Tables


class Tenant(msgspec.Struct, kw_only=True):
    """The simulated tenant. `url` is where the simulator listens: `http://127.0.0.1:PORT`.

    `missing_as_null`: reading a record that does not exist gives `{"item": null}` and not 404; real
    tenants were seen to do either.
    """

    tables: Tables
    access: Access
    hourly: HourlyLimit
    threads: ThreadLimit
    url: str = ""
    missing_as_null: bool = False

    @property
    def catalogue(self) -> Catalogue:
        return self.tables.catalogue

    @property
    def base_url(self) -> str:
        """What zone discovery answers; the API is at `{base_url}V1.0/`."""
        return f"{self.url}/atservicesrest/"

"""A caller of the API for these tests: written anew, so that it shares no mistake with the product's."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

import httpx

from autotask_queue.simulator import Simulator

TICKET: dict[str, Any] = {"companyID": 175, "title": "Printer down", "status": 1, "priority": 2, "queueID": 5}


async def until(met: Callable[[], bool]) -> None:
    """Waits for what the server is about to do, ten seconds at most."""
    async with asyncio.timeout(10):
        while not met():  # noqa: ASYNC110 - looked at from outside, like a person would
            await asyncio.sleep(0.01)


class Api:
    """Calls `v1.0` of a simulator with its credentials; `answer.json()` is the body."""

    def __init__(self, http: httpx.AsyncClient, sim: Simulator) -> None:
        self.http = http
        self.sim = sim
        credentials = sim.credentials
        self.headers = {
            "UserName": credentials.user,
            "Secret": credentials.secret,
            "ApiIntegrationCode": credentials.integration_code,
        }

    async def call(
        self, method: str, path: str, json: Any = None, headers: Mapping[str, str] | None = None, **more: Any
    ) -> httpx.Response:
        url = path if path.startswith("http") else f"{self.sim.base_url}v1.0{path}"
        return await self.http.request(
            method, url, json=json, headers=self.headers | dict(headers or {}), **more
        )

    async def done(self, method: str, path: str, json: Any = None, headers: Any = None) -> Any:
        """The body of a call that must succeed."""
        answer = await self.call(method, path, json, headers)
        assert answer.status_code == 200, (answer.status_code, answer.text)
        return answer.json()

    async def refused(self, method: str, path: str, json: Any = None, headers: Any = None) -> str:
        """The one text of a call that must be refused, with nothing changed."""
        before = self.sim.state()["entities"]
        answer = await self.call(method, path, json, headers)
        assert answer.status_code == 500, (answer.status_code, answer.text)
        assert self.sim.state()["entities"] == before
        (text,) = answer.json()["errors"]
        assert isinstance(text, str)
        return text

    async def create(self, path: str, json: Any, headers: Any = None) -> int:
        """Creates a record and returns its id."""
        id_ = (await self.done("POST", path, json, headers))["itemId"]
        assert isinstance(id_, int)
        return id_

    async def item(self, path: str) -> dict[str, Any]:
        item: dict[str, Any] = (await self.done("GET", path))["item"]
        return item

    async def query(self, entity: str, *filters: Any, **more: Any) -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = (
            await self.done("POST", f"/{entity}/query", {"filter": list(filters), **more})
        )["items"]
        return items

    def rows(self, entity: str) -> list[dict[str, Any]]:
        """What the simulator holds, looked up behind the API."""
        rows: list[dict[str, Any]] = self.sim.state()["entities"][entity]
        return rows

    def pair(self) -> tuple[int, int]:
        """A resource and a role that they hold."""
        held = next(row for row in self.rows("ResourceRoles") if row["isActive"])
        return held["resourceID"], held["roleID"]

    def time_entry(self, **changes: Any) -> dict[str, Any]:
        """A time entry that is accepted as it is."""
        resource, role = self.pair()
        return {
            "ticketID": self.rows("Tickets")[0]["id"],
            "resourceID": resource,
            "roleID": role,
            "startDateTime": "2026-06-03T08:00:00Z",
            "endDateTime": "2026-06-03T08:30:00Z",
            "summaryNotes": "Replaced PSU",
        } | changes

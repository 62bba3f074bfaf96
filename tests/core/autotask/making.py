"""Requests and sign-ins for the tests of the Autotask processor."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import msgspec

from autotask_queue.autotask import AutotaskProcessor
from autotask_queue.model.config import ZoneConfig
from autotask_queue.model.errors import ProcessorError, SecretsError
from autotask_queue.model.failure import Failure
from autotask_queue.model.request import JSON, Request, RequestId
from autotask_queue.model.status import Effect, Status
from autotask_queue.ports import HttpReply, HttpRequest

TICKET: dict[str, Any] = {"companyID": 175, "title": "Printer down", "status": 1, "priority": 2, "queueID": 5}
ID = "0190a1b2-c3d4-7e5f-8a6b-0123456789ab"
NOW = 1_800_000_000.0


def make(
    endpoint: str,
    method: str = "GET",
    data: JSON = None,
    *,
    id: str = ID,  # noqa: A002 - a request's own name for it
    effect: Effect | None = None,
    timeout: float | None = None,
    headers: Mapping[str, str] | None = None,
    created_at: float = NOW,
) -> Request:
    """A request as the queue would make it, before it is described."""
    reading = method == "GET" or endpoint.endswith(("/query", "/query/count"))
    return Request(
        seq=1,
        id=RequestId(id),
        status=Status.PROCESSING,
        zone="zone1",
        endpoint=endpoint,
        method=method,
        effect=effect or (Effect.READ if reading else Effect.WRITE),
        entity="",
        priority=5,
        summary="",
        created_at=created_at,
        updated_at=created_at,
        data=data,
        timeout=timeout,
        headers=dict(headers or {}),
    )


def described(processor: AutotaskProcessor, request: Request) -> Request:
    """The request with its facts, as it is stored."""
    facts = processor.describe(request)
    return msgspec.structs.replace(
        request,
        data=facts.data,
        marker=facts.marker,
        lane=facts.lane,
        entity=facts.entity,
        summary=facts.summary,
    )


async def failure_of(processor: AutotaskProcessor, request: Request) -> Failure:
    """The failure with which a request ends."""
    try:
        reply = await processor.process_request(request)
    except ProcessorError as error:
        return error.failure
    raise AssertionError(f"it went well: {reply}")


class MemorySecrets:
    """Secrets in memory. `asked` lists each name that was read; `locked` refuses."""

    def __init__(self, values: Mapping[str, str] | None = None) -> None:
        self.values = dict(values or {})
        self.asked: list[str] = []
        self.locked = False

    async def get(self, name: str) -> str | None:
        self.asked.append(name)
        if self.locked:
            raise SecretsError("The keychain is locked.")
        return self.values.get(name)

    async def set(self, name: str, value: str) -> None:
        self.values[name] = value

    async def delete(self, name: str) -> None:
        self.values.pop(name, None)

    def describe(self) -> str:
        return "this session only"


def zone_for(url: str, user: str, **more: Any) -> ZoneConfig:
    """A zone whose secrets are those of `MemorySecrets` by convention."""
    return ZoneConfig(
        url=url,
        user=user,
        secret="keyring:zone1/secret",
        integration_code="keyring:zone1/integration_code",
        **more,
    )


class Scripted:
    """A transport of canned answers, by a part of the address. Real ones must not be reached from a test."""

    def __init__(self, answers: Mapping[str, HttpReply]) -> None:
        self.answers = dict(answers)
        self.requests: list[HttpRequest] = []

    async def send(self, request: HttpRequest) -> HttpReply:
        self.requests.append(request)
        await asyncio.sleep(0)
        for part, answer in self.answers.items():
            if part in request.url:
                return answer
        return json_reply({}, 404)

    async def close(self) -> None: ...


def json_reply(body: JSON, status: int = 200) -> HttpReply:
    """An answer whose body is JSON."""
    return HttpReply(status_code=status, headers={}, body=body, text="x", is_json=True, elapsed=0.0)


def zone_answer(number: int) -> HttpReply:
    """What zone discovery answers for a tenant in that zone."""
    url = f"https://webservices{number}.autotask.net/atservicesrest/"
    web = f"https://ww{number}.autotask.net/"
    return json_reply({"zoneName": "America East", "url": url, "webUrl": web, "ci": 20264})


ZONE3 = zone_answer(3)

"""Every recorded end of an attempt against classifier and judge: in memory, and over a real socket."""

from __future__ import annotations

import errno
import random
import socket
import ssl
from collections.abc import Mapping
from http import HTTPStatus

import httpx
import msgspec
import pytest
from tests.core.autotask.making import TICKET, MemorySecrets, make, zone_for
from tests.core.autotask.recorded import ENDS, REPLIES, End, Expected, Shape
from tests.core.transport.servers import Connection, Server, raw_server

from autotask_queue.autotask import AutotaskProcessor
from autotask_queue.model.config import RetryConfig
from autotask_queue.model.errors import ProcessorError
from autotask_queue.model.failure import Applied, Failure, FailureClass
from autotask_queue.model.request import JSON, Request
from autotask_queue.model.status import Effect
from autotask_queue.policy.classify import classify_reply
from autotask_queue.policy.retry import Signal, ZoneEffect, judge
from autotask_queue.policy.wording import TITLES, for_read
from autotask_queue.transport.exchange import parse
from autotask_queue.transport.failures import Stage, failure_of

NOW = 1_800_000_000.0
ALL: list[Shape | End] = [*REPLIES, *ENDS]
EXPECTED = [e for shape in ALL for e in (shape.write, shape.read) if isinstance(e, Expected)]
EFFECTS = pytest.mark.parametrize("effect", Effect, ids=str)


def request_for(shape: Shape | End, effect: Effect) -> Request:
    if effect is Effect.READ or isinstance(shape, End):
        return make("/Tickets/7", "GET" if effect is Effect.READ else "POST", effect=effect)
    return make(shape.request.path, shape.request.method, effect=effect)


def classify(shape: Shape, effect: Effect, *, headers: Mapping[str, str] | None = None) -> Failure | None:
    body, text, is_json = parse(shape.content)
    return classify_reply(
        shape.status, body, text, is_json,
        write=effect is Effect.WRITE, headers=shape.headers if headers is None else headers, now=NOW,
    )  # fmt: skip


def check(failure: Failure | None, expected: Expected | str, request: Request) -> None:
    """The failure is as expected, and so is what follows from it."""
    if isinstance(expected, str):
        assert failure is None
        return
    assert failure is not None
    verdict = judge(request, failure, RetryConfig(), random.Random(1))
    found = Expected(
        class_=failure.kind, applied=failure.applied, code=failure.code,
        remedy=expected.remedy if expected.remedy in failure.remedy else failure.remedy,
        next=verdict.to, breaker=verdict.signal, uses_try=verdict.counts, zone=verdict.zone,
    )  # fmt: skip
    assert found == expected


def expected_of(shape: Shape | End, effect: Effect) -> Expected | str:
    return shape.write if effect is Effect.WRITE else shape.read


# ---------------------------------------------------------------------------------------------
# The corpus itself


def test_it_is_as_large_as_promised_and_says_nothing_twice() -> None:
    names = [shape.name for shape in ALL]
    assert len(names) == len(set(names)) >= 200
    assert {e.class_ for s in REPLIES for e in (s.write, s.read) if isinstance(e, Expected)} >= set(
        FailureClass
    ) - {FailureClass.BUG, FailureClass.CANCELLED, FailureClass.PROCESSOR_ERROR}


def test_no_refusal_of_content_or_sign_in_is_counted_against_the_zone() -> None:
    """Issue 4's metric: openings of a breaker for what a person wrote are 0."""
    people = {FailureClass.VALIDATION, FailureClass.APP_ERROR, FailureClass.AUTH, FailureClass.PERMISSION,
              FailureClass.NOT_FOUND, FailureClass.CONFLICT, FailureClass.LOCAL_OFFLINE}  # fmt: skip
    assert {e.breaker for e in EXPECTED if e.class_ in people} == {Signal.NEUTRAL}


def test_what_rests_the_zone_uses_up_no_try() -> None:
    assert not any(e.uses_try for e in EXPECTED if e.zone in {ZoneEffect.THROTTLED, ZoneEffect.SIGN_IN})


def test_every_title_of_its_own_is_met() -> None:
    assert set(TITLES) <= {e.code for e in EXPECTED}


# ---------------------------------------------------------------------------------------------
# In memory


@EFFECTS
@pytest.mark.parametrize("shape", REPLIES, ids=lambda s: s.name)
def test_a_reply(shape: Shape, effect: Effect) -> None:
    check(classify(shape, effect), expected_of(shape, effect), request_for(shape, effect))


@pytest.mark.parametrize("shape", REPLIES, ids=lambda s: s.name)
def test_every_failure_says_what_happened_and_what_to_do(shape: Shape) -> None:
    failure = classify(shape, Effect.WRITE)
    if failure is None:
        return
    assert failure.title
    assert not failure.title.endswith(".")
    assert failure.remedy.endswith(".")
    assert failure.message
    assert "<" not in failure.message + failure.detail, "no tags reach a person"


@pytest.mark.parametrize("shape", REPLIES, ids=lambda s: s.name)
def test_c4_blanks_and_the_case_and_order_of_names_change_nothing(shape: Shape) -> None:
    body, text, is_json = parse(shape.content)
    if is_json and isinstance(body, dict):
        text = f"\n {msgspec.json.format(msgspec.json.encode(_swapped(body)), indent=3).decode()} "
    headers = {name.swapcase(): value for name, value in reversed(shape.headers.items())}
    again, _, _ = parse(text.encode())
    first = classify(shape, Effect.WRITE)
    second = classify_reply(shape.status, again, text, is_json, write=True, headers=headers, now=NOW)
    assert (first and (first.kind, first.applied, first.code, first.retry_after)) == (
        second and (second.kind, second.applied, second.code, second.retry_after)
    )


def _swapped(body: dict[str, JSON]) -> dict[str, JSON]:
    return {name.swapcase(): value for name, value in reversed(body.items())}


@EFFECTS
@pytest.mark.parametrize("end", ENDS, ids=lambda e: e.name)
def test_an_end_without_a_reply(end: End, effect: Effect) -> None:
    failure = failure_of(_made(end), Stage[end.stage], host="webservices3.autotask.net")
    if effect is Effect.READ:
        failure = for_read(failure)
    check(failure, expected_of(end, effect), request_for(end, effect))


@pytest.mark.parametrize("end", ENDS, ids=lambda e: e.name)
def test_c3_only_what_surely_stayed_here_is_surely_not_applied(end: End) -> None:
    left = Stage[end.stage].left and end.write.class_ is not FailureClass.BUG
    assert (end.write.applied is Applied.NO) is not left


def _made(end: End) -> Exception:
    kind, _, name = end.error.partition(":")
    error: Exception
    if kind.startswith("httpx."):
        error = getattr(httpx, kind.removeprefix("httpx."))("All connection attempts failed")
    elif kind == "OSError":
        error = OSError(getattr(errno, name), name)
    else:
        error = RuntimeError("something")
    if end.cause:
        error.__cause__ = _cause(end.cause)
    return error


def _cause(text: str) -> BaseException:
    kind, _, rest = text.partition(":")
    if kind == "gaierror":
        return socket.gaierror(int(rest) if rest.isdigit() else getattr(socket, rest), rest)
    if kind == "OSError":
        return OSError(getattr(errno, rest), rest)
    if kind == "group":
        return ExceptionGroup("several", [OSError(getattr(errno, name), name) for name in rest.split(",")])
    number, _, words = rest.partition(":")
    if kind == "certificate":
        untrusted = ssl.SSLCertVerificationError(1, "certificate verify failed")
        untrusted.verify_code, untrusted.verify_message = int(number), words
        return untrusted
    return (ssl.SSLEOFError if kind == "tlseof" else ssl.SSLError)(int(number), words)


# ---------------------------------------------------------------------------------------------
# Over a real socket


@pytest.mark.integration
@EFFECTS
async def test_replies_on_the_wire(effect: Effect) -> None:
    """The same through sockets, httpx and the processor, one connection for all."""
    names = {"zone1/secret": "s3cret", "zone1/integration_code": "c0de1"}
    on_the_wire = [shape for shape in REPLIES if 200 <= shape.status <= 599 and shape.status != 204]
    script: list[Shape] = []
    async with raw_server(_Playing(script)) as server:
        for shape in on_the_wire:
            processor = AutotaskProcessor({"zone1": zone_for(server.url, "u@x")}, MemorySecrets(names))
            script[:] = [shape]
            request = _sendable(shape, effect)
            failure: Failure | None = None
            try:
                await processor.process_request(request)
            except ProcessorError as error:
                failure = error.failure
            await processor.close()
            assert not script, f"{shape.name} was never asked for"
            try:
                check(failure, expected_of(shape, effect), request)
            except AssertionError as error:
                error.add_note(f"the reply was {shape.name}")
                raise


def _sendable(shape: Shape, effect: Effect) -> Request:
    if effect is Effect.READ or shape.request.method == "GET":
        return make("/Tickets/7") if effect is Effect.READ else make("/Tickets", "POST", TICKET)
    if shape.request.method == "DELETE":
        return make("/TimeEntries/7", "DELETE")
    return make("/Tickets", shape.request.method, {"id": 7, **TICKET})


class _Playing:
    """Answers where the zone is, and everything else with what the script says."""

    def __init__(self, script: list[Shape]) -> None:
        self.script = script

    async def __call__(self, connection: Connection) -> None:
        while True:
            asked = await connection.request()
            if b"zoneInformation" in asked.split(b"\r\n", 1)[0]:
                await connection.send(_wire(200, {}, _zone(connection.server)))
            else:
                shape = self.script.pop()
                await connection.send(_wire(shape.status, shape.headers, shape.content))


def _zone(server: Server) -> bytes:
    return msgspec.json.encode({"zoneName": "x", "url": f"{server.url}/atservicesrest/"})


def _wire(status: int, headers: Mapping[str, str], content: bytes) -> bytes:
    words = HTTPStatus(status).phrase if status in set(HTTPStatus) else "Whatever"
    lines = [f"HTTP/1.1 {status} {words}", *(f"{k}: {v}" for k, v in headers.items())]
    return "\r\n".join([*lines, f"Content-Length: {len(content)}", "", ""]).encode() + content

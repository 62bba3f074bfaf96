"""The test of a sign-in: each thing that can be wrong has a step and words of its own."""

from __future__ import annotations

from typing import Any

import pytest
from tests.core.autotask.making import ZONE3, Scripted, json_reply, zone_for
from tests.core.transport.servers import Connection, answering, raw_server, reply

from autotask_queue.autotask import SignInReport, Step, ZoneInfo, check_sign_in, discover_zone
from autotask_queue.autotask.zones import base_url
from autotask_queue.model.config import ZoneConfig
from autotask_queue.model.errors import ProcessorError
from autotask_queue.model.failure import Applied, FailureClass
from autotask_queue.simulator import Credentials, Simulator, run_simulator
from autotask_queue.transport import HttpxTransport


async def check(sim: Simulator, transport: HttpxTransport, **wrong: str) -> SignInReport:
    right = sim.credentials
    zone = zone_for(wrong.get("url", sim.base_url), wrong.get("user", right.user))
    return await check_sign_in(
        zone,
        wrong.get("secret", right.secret),
        wrong.get("code", right.integration_code),
        transport=transport,
    )


def last(report: SignInReport) -> Step:
    assert not report.ok
    *well, step = report.steps
    assert all(one.ok for one in well)
    assert step.message
    assert step.remedy
    return step


@pytest.mark.integration
async def test_all_is_well(sim: Simulator, transport: HttpxTransport) -> None:
    report = await check(sim, transport)
    assert report.ok
    assert [step.name for step in report.steps] == ["Internet", "Zone", "Sign-in", "Limit", "Permissions"]
    assert report.url == sim.base_url
    assert report.zone_name
    limit = report.steps[3].message.replace("\N{NARROW NO-BREAK SPACE}", " ")
    assert limit.endswith("of 10 000 calls used this hour.")
    assert all(step.remedy == "" for step in report.steps)


@pytest.mark.integration
async def test_a_bare_address_is_enough(sim: Simulator, transport: HttpxTransport) -> None:
    assert (await check(sim, transport, url=sim.url)).ok


@pytest.mark.integration
async def test_blanks_around_what_was_pasted(sim: Simulator, transport: HttpxTransport) -> None:
    right = sim.credentials
    report = await check(
        sim,
        transport,
        secret=f" {right.secret}\n",
        code=f"{right.integration_code}\t",
        user=f" {right.user} ",
    )
    assert report.ok


@pytest.mark.integration
async def test_an_unknown_user(sim: Simulator, transport: HttpxTransport) -> None:
    step = last(await check(sim, transport, user="nobody@msp.example"))
    assert step.name == "Zone"
    assert "knows no such API user" in step.message


@pytest.mark.integration
@pytest.mark.parametrize("what", ["secret", "code"])
async def test_a_wrong_secret_or_code_is_tried_once(
    sim: Simulator, transport: HttpxTransport, what: str
) -> None:
    step = last(await check(sim, transport, **{what: "wrong-value-1"}))
    assert step.name == "Sign-in"
    assert "secret or the integration code is wrong" in step.message
    assert "locks a user" in step.remedy
    assert sim.state()["requests"] == 2, "zone and one call"
    assert "wrong-value-1" not in repr(step)


@pytest.mark.integration
@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("IntegrationCode is invalid", "does not know this integration code"),
        ("The user account has been locked.", "has locked this API user"),
        ("The logged in Resource does not have the adequate permissions", "may not do this"),
    ],
)
async def test_refusals_in_words(transport: HttpxTransport, words: str, message: str) -> None:
    refused = reply(f'{{"errors": ["{words}"]}}'.encode(), status="500 Oops")
    async with raw_server(_autotask(refused)) as server:
        report = await check_sign_in(zone_for(server.url, "u@x"), "s3cret", "c0de1", transport=transport)
    assert message in last(report).message


def _autotask(answer: bytes) -> Any:
    async def behaviour(connection: Connection) -> None:
        while True:
            request = await connection.request()
            info = reply(b'{"url": "%s/atservicesrest/"}' % connection.server.url.encode())
            await connection.send(info if b"/zoneInformation" in request.split(b"\r\n")[0] else answer)

    return behaviour


@pytest.mark.integration
@pytest.mark.parametrize(
    ("secret", "code", "words"),
    [
        ("", "", "no secret and no integration code"),
        ("", "x", "no secret"),
        ("x", " ", "no integration code"),
    ],
)
async def test_what_is_missing_is_not_tried(
    sim: Simulator, transport: HttpxTransport, secret: str, code: str, words: str
) -> None:
    step = last(await check(sim, transport, secret=secret, code=code))
    assert words in step.message
    assert sim.state()["requests"] == 1


@pytest.mark.integration
async def test_without_a_user(sim: Simulator, transport: HttpxTransport) -> None:
    assert "no user name" in last(await check(sim, transport, user=" ")).message
    assert sim.state()["requests"] == 0


@pytest.mark.integration
async def test_no_internet(sim: Simulator, transport: HttpxTransport) -> None:
    sim.add_fault("offline", refuse=True)
    step = last(await check(sim, transport))
    assert step.name == "Internet"
    assert "work offline" in step.remedy
    await sim.end_faults()


@pytest.mark.integration
async def test_a_page_in_between(transport: HttpxTransport) -> None:
    async with raw_server(answering(reply(b"<html>Hotel Wi-Fi</html>"))) as server:
        report = await check_sign_in(zone_for(server.url, "u@x"), "s3cret", "c0de1", transport=transport)
        step = last(report)
        assert not any(b"s3cret" in one for one in server.requests)
    assert step.name == "Internet"
    assert "Wi-Fi sign-in" in step.message
    assert "browser" in step.remedy


@pytest.mark.integration
@pytest.mark.parametrize(
    "answer", [reply(b"", status="404 Not Found"), reply(b'{"hello": "world"}'), reply(b"[]")]
)
async def test_a_server_that_is_not_autotask(transport: HttpxTransport, answer: bytes) -> None:
    async with raw_server(answering(answer)) as server:
        report = await check_sign_in(zone_for(server.url, "u@x"), "s3cret", "c0de1", transport=transport)
        last(report)
        assert not any(b"s3cret" in one for one in server.requests)


@pytest.mark.integration
async def test_a_full_hour_and_missing_rights(transport: HttpxTransport) -> None:
    async def behaviour(connection: Connection) -> None:
        while True:
            head = (await connection.request()).split(b"\r\n")[0]
            if b"/zoneInformation" in head:
                body = b'{"url": "%s/atservicesrest/"}' % connection.server.url.encode()
            elif b"/ThresholdInformation" in head:
                body = b"[]"
            elif b"/entityInformation" in head:
                body = b'{"info": {"canQuery": true, "canCreate": false, "canUpdate": false}}'
            else:
                body = b"{}"
            await connection.send(reply(body))

    async with raw_server(behaviour) as server:
        report = await check_sign_in(zone_for(server.url, "u@x"), "s3cret", "c0de1", transport=transport)
    assert last(report).message == "This user may not create or change tickets."
    assert "could not be read" in report.steps[3].message


@pytest.mark.integration
async def test_the_limit_used_up() -> None:
    async with run_simulator(hourly_limit=1, latency_scale=0.0) as sim:
        transport = HttpxTransport()
        report = await check(sim, transport)
        await transport.close()
    limit = report.steps[3]
    assert not limit.ok
    assert "hour" in limit.message


@pytest.mark.integration
@pytest.mark.parametrize("fault", ["status_503", "truncate", "offline", "html_500"])
async def test_trouble_after_the_zone_was_found(
    sim: Simulator, transport: HttpxTransport, fault: str
) -> None:
    sim.add_fault(fault, route="GET /Version$")
    step = last(await check(sim, transport))
    assert step.name == "Sign-in"
    assert "wrong" not in step.message


@pytest.mark.integration
async def test_a_page_that_comes_in_between_later(transport: HttpxTransport) -> None:
    async with raw_server(_autotask(reply(b"<html>Session over</html>"))) as server:
        report = await check_sign_in(zone_for(server.url, "u@x"), "s3cret", "c0de1", transport=transport)
    assert "Wi-Fi sign-in" in last(report).message


@pytest.mark.integration
async def test_rights_that_cannot_be_read(sim: Simulator, transport: HttpxTransport) -> None:
    sim.add_fault("html_500", route="GET /Tickets/entityInformation")
    assert last(await check(sim, transport)).name == "Permissions"


# ---------------------------------------------------------------------------------------------
# Real addresses, without a network


async def test_a_zone_that_is_not_the_users_own() -> None:
    scripted = Scripted({"zoneInformation": ZONE3})
    zone = ZoneConfig(url="https://webservices5.autotask.net/atservicesrest/", user="u@x")
    step = last(await check_sign_in(zone, "s3cret", "c0de1", transport=scripted))
    assert "America East" in step.message
    assert "webservices5" in step.message
    assert len(scripted.requests) == 1
    assert not scripted.requests[0].headers


async def test_the_users_own_zone_in_another_spelling() -> None:
    scripted = Scripted({"zoneInformation": ZONE3, "Version": json_reply({"majorVersion": 1})})
    zone = ZoneConfig(url="https://WebServices3.autotask.net/ATServicesRest/V1.0/", user="u@x")
    report = await check_sign_in(zone, "s3cret", "c0de1", transport=scripted)
    assert [step.ok for step in report.steps[:3]] == [True] * 3
    for request in scripted.requests[1:]:
        assert request.url.startswith("https://webservices3.autotask.net/atservicesrest/V1.0/")


async def test_an_address_that_is_not_autotasks_gets_nothing() -> None:
    scripted = Scripted({})
    report = await check_sign_in(
        ZoneConfig(url="https://evil.example/", user="u@x"), "s", "c", transport=scripted
    )
    assert "not an address of Autotask" in last(report).message
    assert scripted.requests == []


async def test_discovery() -> None:
    scripted = Scripted({"zoneInformation": ZONE3})
    info = await discover_zone("api+user@msp.example", transport=scripted)
    assert info == ZoneInfo(
        name="America East",
        url="https://webservices3.autotask.net/atservicesrest/",
        web_url="https://ww3.autotask.net/",
    )
    (request,) = scripted.requests
    assert request.url == (
        "https://webservices.autotask.net/atservicesrest/V1.0/zoneInformation?user=api%2Buser%40msp.example"
    )
    assert not request.headers


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example/atservicesrest/",
        "http://webservices3.autotask.net/atservicesrest/",
        "http://127.0.0.1:8080/atservicesrest/",
        "",
        None,
        7,
    ],
)
async def test_discovery_names_only_hosts_of_autotask(url: Any) -> None:
    with pytest.raises(ProcessorError) as caught:
        await discover_zone("u@x", transport=Scripted({"zone": json_reply({"url": url})}))
    assert caught.value.failure.kind is FailureClass.AUTH
    assert caught.value.failure.applied is Applied.NO


@pytest.mark.parametrize(
    ("url", "base"),
    [
        ("https://webservices3.autotask.net", "https://webservices3.autotask.net/atservicesrest/V1.0"),
        ("https://webservices3.autotask.net/", "https://webservices3.autotask.net/atservicesrest/V1.0"),
        ("https://w/atservicesrest/", "https://w/atservicesrest/V1.0"),
        ("https://w/ATServicesRest/v1.0/", "https://w/ATServicesRest/V1.0"),
        ("https://w/atservicesrest/V2.0", "https://w/atservicesrest/V1.0"),
        ("http://127.0.0.1:99", "http://127.0.0.1:99/atservicesrest/V1.0"),
    ],
)
def test_addresses_as_people_write_them(url: str, base: str) -> None:
    assert base_url(url) == base


def test_a_report_says_nothing_secret() -> None:
    assert Credentials().secret not in repr(SignInReport(steps=()))

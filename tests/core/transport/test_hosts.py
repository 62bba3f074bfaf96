"""Where credentials may go."""

from __future__ import annotations

import re

import pytest

from autotask_queue.autotask.zones import GUARD
from autotask_queue.model.errors import ProcessorError
from autotask_queue.model.failure import Applied
from autotask_queue.transport import HostGuard, is_loopback


@pytest.mark.parametrize(
    "url",
    [
        "https://webservices3.autotask.net/atservicesrest/V1.0/Tickets",
        "https://WebServices29.AutoTask.net/ATServicesRest/",
        "https://webservices3.autotask.net:443/",
        "https://prde.autotask.net/",
        "https://pres.autotask.net/",
        "http://127.0.0.1:8080/atservicesrest",
        "http://localhost/",
        "https://[::1]:8443/",
        "http://127.8.9.1/",
    ],
)
def test_trusted(url: str) -> None:
    assert GUARD.trusts(url)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "webservices3.autotask.net",
        "http://webservices3.autotask.net/",
        "https://webservices3.autotask.net:8443/",
        "https://webservices3.autotask.net.evil.example/",
        "https://evil.example/webservices3.autotask.net",
        "https://webservices3.autotask.net@evil.example/",
        "https://user:pw@webservices3.autotask.net/",
        "https://webservices3-autotask.net/",
        "https://webservices.autotask.net/",
        "https://ww3.autotask.net/",
        "https://xwebservices3.autotask.net/",
        "https://webservices3.autotask.net\n.evil.example/",
        "https://[::1",
        "https://127.0.0.1.evil.example/",
        "http://10.0.0.1/",
        "http://0.0.0.0/",
        "ftp://127.0.0.1/",
        "file:///etc/passwd",
        "https://webservices3.autotask.net:99999/",
        "https:///",
    ],
)
def test_not_trusted(url: str) -> None:
    assert not GUARD.trusts(url)


def test_only_the_zones_own_host() -> None:
    home = "https://webservices3.autotask.net/atservicesrest/V1.0"
    GUARD.check(f"{home}/Tickets", home=home)
    for other in ("https://webservices4.autotask.net/x", "http://127.0.0.1:1/x", "https://evil.example/x"):
        with pytest.raises(ProcessorError) as caught:
            GUARD.check(other, home=home)
        assert caught.value.failure.applied is Applied.NO
    with pytest.raises(ProcessorError):
        GUARD.check("http://127.0.0.1:8081/x", home="http://127.0.0.1:8080/x")


def test_a_guard_for_other_hosts() -> None:
    guard = HostGuard(re.compile(r"api\.example\.org"))
    assert guard.trusts("https://api.example.org/x")
    assert not guard.trusts("https://webservices3.autotask.net/")


def test_loopback() -> None:
    assert is_loopback("127.0.0.1")
    assert is_loopback("LOCALHOST")
    assert is_loopback("::1")
    assert not is_loopback("localhost.evil.example")
    assert not is_loopback("")

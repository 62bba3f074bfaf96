from __future__ import annotations

import pytest

from autotask_queue.model.errors import ConfigError
from autotask_queue.store.redis import RedisStore
from autotask_queue.store.redis.address import compose, parse

SECRET = "s3cr3t/:@?#"
QUOTED = "s3cr3t%2F%3A%40%3F%23"


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("redis://localhost", "redis://localhost:6379/0"),
        ("redis://10.0.0.1:7000/3", "redis://10.0.0.1:7000/3"),
        ("redis://h:1/?db=4", "redis://h:1/4"),
        (f"redis://:{QUOTED}@h", "redis://h:6379/0"),
        (f"redis://anna:{QUOTED}@h/2", "redis://anna@h:6379/2"),
        ("redis://[::1]:7000/0", "redis://[::1]:7000/0"),
        ("rediss://h", "rediss://h:6379/0"),
        ("unix:///run/redis.sock?db=2", "unix:///run/redis.sock (database 2)"),
        ("redis+sentinel://a,b:27000/main/1", "redis+sentinel://a:26379,b:27000/main/1"),
        ("redis+cluster://a:7000,b:7001", "redis+cluster://a:7000,b:7001"),
        ("rediss+cluster://a", "rediss+cluster://a:6379"),
    ],
)
def test_the_forms_of_an_address(url: str, shown: str) -> None:
    assert parse(url).shown == shown


@pytest.mark.parametrize("scheme", ["redis", "rediss", "redis+sentinel", "redis+cluster"])
def test_user_and_password_are_taken_and_never_shown(scheme: str) -> None:
    service = "/main" if "sentinel" in scheme else ""
    address = parse(f"{scheme}://an%20na:{QUOTED}@h{service}")
    assert (address.username, address.password) == ("an na", SECRET)
    assert SECRET not in f"{address!r} {address} {address.shown}"
    assert QUOTED not in f"{address!r} {address} {address.shown}"


def test_options_of_tls_and_of_sentinel() -> None:
    address = parse("rediss+sentinel://h/main?ssl_ca_certs=/ca.pem&sentinel_password=other")
    assert address.options == {"ssl_ca_certs": "/ca.pem", "sentinel_password": "other"}
    assert address.secrets == ("other",)


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("", "begins with none of"),
        ("localhost:6379", "begins with none of"),
        ("http://h", "begins with none of"),
        ("redis://[::1", "begins with none of"),
        ("redis://", "the host is missing"),
        ("redis://h:port", "h has no number"),
        ("redis://h:70000", "h has no number"),
        ("redis://h/zero", "the database must be a number"),
        ("redis://h?timeout=5", "timeout is no option"),
        ("redis://h?ssl_ca_certs=x", "ssl_ca_certs is no option"),
        ("unix://", "the path of the socket is missing"),
        ("redis+sentinel://h", "the name of the service"),
        ("redis+cluster://h/1", "database 0 only"),
    ],
)
def test_what_is_no_address_is_refused_with_the_reason(url: str, problem: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse(url)
    assert problem in str(caught.value)
    assert caught.value.problems[0].startswith("persistence.connection.url ")
    assert "redis://host:6379/0" in caught.value.remedy


def test_a_refused_address_is_not_repeated() -> None:
    with pytest.raises(ConfigError) as caught:
        parse(f"redis://anna:{QUOTED}@h:port/zero?x=1")
    assert QUOTED not in str(caught.value)
    assert SECRET not in str(caught.value)


def test_an_address_from_its_parts() -> None:
    address = parse(compose(host="::1", port=7000, username="an na", password=SECRET, db=3, tls=True))
    assert (address.hosts, address.username, address.password) == ((("::1", 7000),), "an na", SECRET)
    assert (address.db, address.tls) == (3, True)
    assert compose(host="h") == "redis://h:6379/0"


@pytest.mark.parametrize("namespace", ["", "a{b", "a}b", "a\nb"])
def test_a_namespace_that_would_break_the_keys_is_refused(namespace: str) -> None:
    with pytest.raises(ConfigError, match="namespace"):
        RedisStore("redis://h", namespace=namespace)

"""An attack on the redaction: random secrets go in through every door, none may come out."""

from __future__ import annotations

import io
import json
import logging
import random
import string
from urllib.parse import quote, quote_plus, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typing_extensions import override

from autotask_queue.transport.redaction import MASK, KnownSecrets, RedactingFilter, redact

AWKWARD = string.ascii_letters + string.digits + "#$~*!@%^&()[]{}<>|;:,.?/\\'\"` +=äß€"


def _secret() -> str:
    """Random, and of the letters that real ones hold (`# $ ~ *`) and that break quoting."""
    return "".join(random.choice(AWKWARD) for _ in range(24)).strip() + "x9"


SECRET_HEADERS = ("Secret", "ApiIntegrationCode", "UserName", "Authorization")


# ---------------------------------------------------------------------------------------------
# Known values, wherever they stand


@pytest.mark.parametrize("seed", range(40))
def test_a_known_secret_is_masked_however_it_is_written(seed: int) -> None:
    random.seed(seed)
    secret = _secret()
    known = KnownSecrets()
    known.add(secret)
    document = {"note": f"see {secret} there"}
    texts = [
        f"it is {secret}, really",
        json.dumps(document),
        json.dumps(document, ensure_ascii=False),
        json.dumps({"inner": json.dumps(document)}),
        repr(document),
        repr([secret.encode()]),
        f"https://x/?a={quote(secret)}&b={quote_plus(secret)}&c={quote(secret, safe='')}",
        f"https://x/?{urlencode({'q': secret})}",
        f"{secret}{secret}",
        f"curl -H 'x: {secret}'",
    ]
    for text in texts:
        masked = redact(text, known=known)
        assert MASK in masked
        assert secret not in masked
        for part in (secret[:12], secret[-12:]):
            assert part not in masked, text


def test_several_secrets_where_one_begins_the_other() -> None:
    known = KnownSecrets()
    known.add("abcdef", "abcdefghijkl")
    assert redact("abcdefghijkl abcdef", known=known) == f"{MASK} {MASK}"


def test_short_and_empty_values_do_not_blacken_everything() -> None:
    known = KnownSecrets()
    known.add("", "abc")
    assert redact("abc is fine", known=known) == "abc is fine"


# ---------------------------------------------------------------------------------------------
# Values beside a telling name

VALUE = "Q7w+plane/Text-42=="


@pytest.mark.parametrize(
    "name", [*SECRET_HEADERS, "secret", "APIINTEGRATIONCODE", "X-Api-Key", "password", "access_token"]
)
@pytest.mark.parametrize(
    "pattern",
    [
        "{name}: {value}",
        "> {name}: {value} and the rest",
        '{{"{name}": "{value}"}}',
        '{{"a": 1, "{name}":"{value}", "b": 2}}',
        '{{\\"{name}\\": \\"{value}\\"}}',
        "{{'{name}': '{value}'}}",
        "(b'{name}', b'{value}')",
        "[('{name}', '{value}')]",
        "{name}={value}",
        "?x=1&{name}={value}&y=2",
        '{name} = "{value}"',
        "headers: {name}: {value}",
        "{name} => {value}",
    ],
)
def test_a_value_beside_its_name(pattern: str, name: str) -> None:
    masked = redact(pattern.format(name=name, value=VALUE), known=KnownSecrets())
    assert VALUE not in masked
    assert VALUE[:8] not in masked
    assert MASK in masked


def test_an_authorization_with_its_scheme() -> None:
    assert "abc.def.ghi" not in redact("Authorization=Bearer abc.def.ghi", known=KnownSecrets())
    assert "abc.def.ghi" not in redact("authorization: bearer abc.def.ghi", known=KnownSecrets())


def test_the_user_in_a_zone_question() -> None:
    text = redact("GET https://h/V1.0/zoneInformation?user=api%40msp.example HTTP/1.1", known=KnownSecrets())
    assert "msp.example" not in text
    assert text.startswith("GET https://h/V1.0/zoneInformation?user=")


@pytest.mark.parametrize(
    "text",
    [
        "Check the user name, the secret and the integration code.",
        "The secret of success is work",
        "/Tickets/48120/Notes",
        "username is wrong",
        "12:30 the printer said: no paper",
    ],
)
def test_plain_words_stay_as_they_are(text: str) -> None:
    assert redact(text, known=KnownSecrets()) == text


def test_mappings_and_what_is_in_them() -> None:
    known = KnownSecrets()
    known.add("hush-hush-1")
    value = redact(
        {
            "Secret": "anything",
            "api_integration_code": 7,
            "deep": [
                {"UserName": "u@x"},
                ("Secret", "abcd"),
                (b"Secret", b"abcd"),
                "say hush-hush-1",
                b"hush-hush-1",
            ],
            "hush-hush-1": 1,
            "number": 5,
            "none": None,
        },
        known=known,
    )
    assert value == {
        "Secret": MASK,
        "api_integration_code": MASK,
        "deep": [{"UserName": MASK}, ("Secret", MASK), (b"Secret", MASK), f"say {MASK}", MASK.encode()],
        MASK: 1,
        "number": 5,
        "none": None,
    }


@given(text=st.text(max_size=300))
def test_any_text_at_all(text: str) -> None:
    assert isinstance(redact(text), str)


@given(text=st.text(alphabet="secret:=\"'\\ ,{}b", max_size=400))
def test_nasty_quoting_does_not_stall_it(text: str) -> None:
    redact(text)


# ---------------------------------------------------------------------------------------------
# The filter


class Sink:
    """A logger with the filter on its handler, and everything that handler wrote."""

    def __init__(self, known: KnownSecrets) -> None:
        self.stream = io.StringIO()
        handler = logging.StreamHandler(self.stream)
        handler.setFormatter(_Everything())
        handler.addFilter(RedactingFilter(known))
        self.log = logging.Logger("attacked", logging.DEBUG)  # noqa: LOG001 - of its own, not the process's
        self.log.addHandler(handler)

    @property
    def text(self) -> str:
        return self.stream.getvalue()


class _Everything(logging.Formatter):
    """Writes all that a record holds, as a JSON formatter might."""

    @override
    def format(self, record: logging.LogRecord) -> str:
        return super().format(record) + " " + str(vars(record))


@pytest.fixture
def planted() -> tuple[str, KnownSecrets]:
    secret = _secret()
    known = KnownSecrets()
    known.add(secret)
    return secret, known


class _Box:
    def __init__(self, secret: str) -> None:
        self.secret = secret

    @override
    def __repr__(self) -> str:
        return f"Box({self.secret})"


def _attack(log: logging.Logger, secret: str) -> None:
    log.info(f"plain {secret}")  # noqa: G004
    log.info("argument %s", secret)
    log.info("%(a)s", {"a": secret})
    log.info("repr %r", [secret])
    log.info("headers %s", {"Secret": "hunter2-unknown", "Accept": "x"})
    log.info("raw %s", [(b"Secret", b"hunter2-unknown")])
    log.info("object %s", _Box(secret))
    log.info(_Box(secret))
    log.info("wrong format %d %d", secret)  # noqa: PLE1206 - the mistake is meant
    log.info("extra", extra={"payload": {"a": [secret]}, "Secret": "hunter2-unknown", "box": _Box(secret)})
    log.info("stack", stack_info=True)
    log.info("url https://h/?user=hunter2-unknown")
    try:
        try:
            raise ValueError(secret)
        except ValueError as inner:
            raise RuntimeError(f"Secret: {secret}") from inner
    except RuntimeError:
        log.exception("failed %s", secret)
    log.info("x", exc_info=ValueError(secret))
    log.info("json %s", json.dumps({"ApiIntegrationCode": "hunter2-unknown"}))


def test_no_attack_gets_through(planted: tuple[str, KnownSecrets]) -> None:
    secret, known = planted
    sink = Sink(known)
    _attack(sink.log, secret)
    assert sink.text.count(MASK) > 20
    assert "Traceback" in sink.text, "what is harmless stays readable"
    for shape in (secret, repr(secret)[1:-1], json.dumps(secret)[1:-1], quote(secret, safe=""), "hunter2"):
        assert shape not in sink.text


def test_harmless_records_pass_unchanged() -> None:
    sink = Sink(KnownSecrets())
    sink.log.info("sent %d of %s", 3, "ten", extra={"seq": 7, "zone": "zone1"})
    assert sink.text.startswith("sent 3 of ten ")
    assert "'seq': 7" in sink.text
    assert "'zone': 'zone1'" in sink.text


def test_the_filter_never_raises(planted: tuple[str, KnownSecrets]) -> None:
    secret, known = planted
    record = logging.makeLogRecord({"msg": "%s %s", "args": (secret,)})
    assert RedactingFilter(known).filter(record) is True
    assert secret not in record.getMessage()


@pytest.mark.parametrize(
    ("address", "masked"),
    [
        ("redis://:hunter2@host:6379/0", "redis://:[hidden]@host:6379/0"),
        ("'redis+sentinel://user:p@ss@a:1,b:2/name/0'", "'redis+sentinel://user:[hidden]@a:1,b:2/name/0'"),
        ("https://host:443/path?x=a@b", "https://host:443/path?x=a@b"),
        ("write to me@example.com: yes", "write to me@example.com: yes"),
    ],
)
def test_a_password_in_an_address_is_masked(address: str, masked: str) -> None:
    assert redact(address, known=KnownSecrets()) == masked


@pytest.mark.parametrize(
    "piece",
    ["x", "\n", " ", ">", "a.", "secret ", 'secret":"', "a://", "a://b:", '\\"', "user=", "secret:\n"],
)
def test_long_texts_take_no_time(piece: str) -> None:
    """Whatever repeats in them: the work grows with the text, not with its square, or this would not end."""
    assert redact(piece * 300_000)

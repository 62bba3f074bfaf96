"""The classifier's small rules, and the classifier against anything at all.

What Autotask was seen to answer is in `tests/core/autotask/corpus`.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autotask_queue.model.failure import Applied, Failure, FailureClass
from autotask_queue.policy.classify import classify_reply, parse_retry_after, record_id
from autotask_queue.policy.refusals import MAX_WORDS, RULES
from autotask_queue.policy.wording import WORDS
from autotask_queue.transport.exchange import parse

NO = Applied.NO
HTML = (
    "<!DOCTYPE html>\r\n<html><head><title>Runtime Error</title><style>b{color:red}</style></head>"
    "<body><h1>Server Error in '/ATServicesRest' Application.</h1></body></html>"
)
HTML_503 = "<html><body><h2>Service Unavailable</h2><p>HTTP Error 503.</p></body></html>"


def errors(*texts: str) -> str:
    return json.dumps({"errors": list(texts)})


def parsed(text: str) -> tuple[Any, bool]:
    try:
        return json.loads(text), True
    except json.JSONDecodeError:
        return None, False


def classify(status: int, text: str, *, write: bool) -> Failure | None:
    body, is_json = parsed(text)
    return classify_reply(status, body, text, is_json, write=write)


def test_the_servers_own_words_are_kept() -> None:
    words = "TimeEntries for Tickets must have a roleID."
    failure = classify(500, errors(words), write=True)
    assert failure is not None
    assert failure.message == f"Autotask refused this: {words}"
    several = classify(500, errors("One.", "Two."), write=True)
    assert several is not None
    assert several.message == "Autotask refused this: One. · Two."


def test_long_words_are_cut_and_line_breaks_straightened() -> None:
    failure = classify(500, errors("a\r\n\tb\x00\x1b[31m " + "x" * 5_000), write=True)
    assert failure is not None
    assert failure.message.startswith("Autotask refused this: a b [31m xxx")
    assert len(failure.message) <= MAX_WORDS + len("Autotask refused this: ")
    assert failure.message.endswith("…")


def test_a_page_leaves_its_readable_beginning_as_detail() -> None:
    failure = classify(500, HTML, write=True)
    assert failure is not None
    assert failure.detail == "Runtime Error Server Error in '/ATServicesRest' Application."


def test_a_lost_write_says_that_it_is_looked_up() -> None:
    failure = classify(503, HTML_503, write=True)
    assert failure is not None
    assert "may or may not have arrived" in failure.message
    assert "looked up" in failure.remedy
    read = classify(503, HTML_503, write=False)
    assert read is not None
    assert "may or may not" not in read.message


def test_retry_after_is_kept() -> None:
    failure = classify_reply(429, None, "", False, write=True, headers={"RETRY-after": "12"})
    assert failure is not None
    assert failure.retry_after == 12.0


# ---------------------------------------------------------------------------------------------
# Invariants

JSONS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=40),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["errors", "Errors", "message", "Message", "itemId", "item", "items"])
            | st.text(max_size=6),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


HEADERS = st.dictionaries(
    st.sampled_from(["Retry-After", "location", "Content-Type", "Server"]) | st.text(max_size=12),
    st.text(max_size=40)
    | st.sampled_from(
        ["-1", "1e9", "Fri, 15 Jan 2027 08:01:00 GMT", "http://[", "//x", "https://a.autotask.net"]
    ),
    max_size=4,
)
SAID = st.sampled_from(
    [rule.pattern.pattern.split("|")[0] for rule in RULES] + ["deadlock", "try again", "thread threshold", ""]
)


@st.composite
def contents(draw: st.DrawFn) -> bytes:
    """Bodies: anything, JSON of Autotask's kind, and such JSON cut short or damaged."""
    if draw(st.booleans()):
        return draw(st.binary(max_size=300) | st.sampled_from([HTML, HTML_503, "", "null"]).map(str.encode))
    body = draw(JSONS | SAID.map(lambda words: {"errors": [words]}))
    content = draw(st.sampled_from([b"", b"\xef\xbb\xbf", b" "])) + json.dumps(body).encode()
    if draw(st.booleans()):
        return content
    cut = draw(st.integers(0, len(content)))
    return content[:cut] + draw(st.binary(max_size=3)) + content[cut + draw(st.integers(0, 3)) :]


@given(
    status=st.integers(-5, 1_000) | st.sampled_from([200, 204, 302, 303, 400, 401, 403, 404, 429, 500, 503]),
    content=contents(),
    headers=HEADERS,
    write=st.booleans(),
    now=st.floats(-1e12, 1e12),
)
def test_c1_c5_any_reply_at_all_is_classified(
    status: int, content: bytes, headers: dict[str, str], write: bool, now: float
) -> None:
    body, text, is_json = parse(content)
    failure = classify_reply(status, body, text, is_json, write=write, headers=headers, now=now)
    if failure is None:
        assert 200 <= status < 300
        assert is_json
        if write:
            assert record_id(body) is not None
        return
    assert failure.kind in FailureClass
    assert failure.title
    assert failure.message
    assert failure.remedy
    assert len(failure.message) < MAX_WORDS + 200
    assert len(failure.detail) <= 300
    assert failure.retry_after is None or 0 <= failure.retry_after <= 3_600
    if not write:
        assert failure.applied is NO, "reads are never perhaps applied"
    elif 200 <= status < 300 and failure.applied is NO:
        assert failure.kind in {FailureClass.THREAD_LIMIT, FailureClass.QUOTA_SUSPENDED}
    again = classify_reply(
        status, body, text, is_json, write=write, now=now,
        headers={name.swapcase() if name.isascii() else name: v for name, v in headers.items()},
    )  # fmt: skip
    assert again == failure or len({name.lower() for name in headers}) < len(headers)


@given(text=st.text(alphabet="<>scriptyle/ab\"'[]", max_size=3_000), status=st.sampled_from([200, 429, 500]))
def test_nasty_pages_do_not_stall_it(text: str, status: int) -> None:
    classify_reply(status, None, text, False, write=True)


def test_every_class_has_words() -> None:
    assert set(WORDS) == set(FailureClass)
    for words in WORDS.values():
        assert words.title
        assert words.message.endswith(".")
        assert words.remedy.endswith(".")


# ---------------------------------------------------------------------------------------------
# Small readers


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, None),
        ("", None),
        ("soon", None),
        ("12", 12.0),
        (" 1.5 ", 1.5),
        ("-3", 0.0),
        ("99999999999", 3_600.0),
        ("Fri, 15 Jan 2027 08:01:00 GMT", 60.0),
        ("Fri, 15 Jan 2027 07:00:00 GMT", 0.0),
        ("Fri, 15 Jan 2099 07:00:00 GMT", 3_600.0),
        ("Fri, 15 Jan 2027 08:01:00", 60.0),
        ("Fri, 99 Jan 2027 08:01:00 GMT", None),
    ],
)
def test_retry_after(value: str | None, seconds: float | None) -> None:
    assert parse_retry_after(value, now=1_800_000_000.0) == seconds


@given(value=st.text(max_size=40))
def test_retry_after_takes_any_text(value: str) -> None:
    seconds = parse_retry_after(value, now=1_800_000_000.0)
    assert seconds is None or 0 <= seconds <= 3_600


@pytest.mark.parametrize(
    ("body", "id_"),
    [
        ({"itemId": 7}, 7),
        ({"itemID": "0042"}, 42),
        ({"itemId": "٤٢"}, None),
        ({"itemId": 1.5}, None),
        ({"itemId": -1}, None),
        ({"itemId": []}, None),
        ("itemId", None),
        (None, None),
    ],
)
def test_record_id(body: Any, id_: int | None) -> None:
    assert record_id(body) == id_

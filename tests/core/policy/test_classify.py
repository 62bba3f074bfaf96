"""The classifier against recorded replies, and against anything at all."""

from __future__ import annotations

import json
import string
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.core.policy.recorded import CORPUS, HTML, HTML_503, NO, Shape, errors

from autotask_queue.model.failure import Failure, FailureClass
from autotask_queue.policy.classify import classify_reply, parse_retry_after, record_id
from autotask_queue.policy.refusals import MAX_WORDS
from autotask_queue.policy.wording import WORDS


def parsed(text: str) -> tuple[Any, bool]:
    try:
        return json.loads(text), True
    except json.JSONDecodeError:
        return None, False


def classify(status: int, text: str, *, write: bool) -> Failure | None:
    body, is_json = parsed(text)
    return classify_reply(status, body, text, is_json, write=write)


def test_the_corpus_is_as_large_as_promised() -> None:
    assert len({(shape.status, shape.text) for shape in CORPUS}) == len(CORPUS)
    assert len(CORPUS) >= 60


@pytest.mark.parametrize("shape", CORPUS, ids=lambda s: f"{s.status}-{s.text[:40]}")
@pytest.mark.parametrize("write", [True, False], ids=["write", "read"])
def test_recorded_replies(shape: Shape, write: bool) -> None:
    failure = classify(shape.status, shape.text, write=write)
    expected = shape.write if write else shape.read
    if expected is None:
        assert failure is None
        return
    assert failure is not None
    assert (failure.kind, failure.applied) == expected
    assert failure.http_status == shape.status
    if shape.code and (write or shape.read is not None):
        assert failure.code == shape.code


@pytest.mark.parametrize("shape", CORPUS, ids=lambda s: f"{s.status}-{s.text[:40]}")
def test_every_failure_says_what_happened_and_what_to_do(shape: Shape) -> None:
    failure = classify(shape.status, shape.text, write=True)
    if failure is None:
        return
    assert failure.title
    assert not failure.title.endswith(".")
    assert failure.remedy.endswith(".")
    assert failure.message[-1] in ".!?…" or failure.message.endswith(_last_words(shape.text))
    assert "<" not in failure.message + failure.detail, "no tags reach a person"


def _last_words(text: str) -> str:
    body, _ = parsed(text)
    found = (
        body.get("errors") or body.get("Errors") or [body.get("Message", "")]
        if isinstance(body, dict)
        else [""]
    )
    last = found[-1] if isinstance(found, list) else found
    return str(last.get("message", "") if isinstance(last, dict) else last).split()[-1]


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
    failure = classify_reply(429, None, "", False, write=True, retry_after=12.0)
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


@given(
    status=st.integers(-5, 1_000),
    body=JSONS,
    text=st.text(max_size=400),
    is_json=st.booleans(),
    write=st.booleans(),
)
def test_any_reply_at_all_is_classified(
    status: int, body: Any, text: str, is_json: bool, write: bool
) -> None:
    failure = classify_reply(status, body, text, is_json, write=write)
    if failure is None:
        assert 200 <= status < 300
        assert is_json
        if write:
            assert record_id(body) is not None
        return
    assert failure.kind in FailureClass
    if not write:
        assert failure.applied is NO, "reads are never perhaps applied"
    assert len(failure.message) < MAX_WORDS + 200
    assert len(failure.detail) <= 300


@given(text=st.text(alphabet="<>scriptyle/ab\"'[]", max_size=3_000), status=st.sampled_from([200, 429, 500]))
def test_nasty_pages_do_not_stall_it(text: str, status: int) -> None:
    classify_reply(status, None, text, False, write=True)


@pytest.mark.parametrize("shape", CORPUS, ids=lambda s: f"{s.status}-{s.text[:40]}")
def test_blanks_and_the_case_of_names_change_nothing(shape: Shape) -> None:
    body, is_json = parsed(shape.text)
    if not is_json or not isinstance(body, dict):
        return
    other = json.dumps({_swapped(key): value for key, value in body.items()}, indent=3)
    first, second = (
        classify(shape.status, shape.text, write=True),
        classify(shape.status, f"\n {other} ", write=True),
    )
    assert (first and (first.kind, first.applied)) == (second and (second.kind, second.applied))


def _swapped(name: str) -> str:
    return name.swapcase() if name[0] in string.ascii_letters else name


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

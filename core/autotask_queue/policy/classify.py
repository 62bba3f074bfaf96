"""Says what a reply of Autotask means: the body is asked before the status.

Autotask answers 500 to a mistyped picklist and, with other words, to a crash, so the status alone says
little. Two questions decide: may the request have been applied, and whose fault is it? The order:
words about limits (whatever the status), then the statuses that have a meaning of their own, then for
5xx the words of the error list. A 5xx without such a list says nothing about a write's fate.

Pure and total: any status with any body gives an answer, never an exception.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import NamedTuple

from autotask_queue.model.failure import Applied, Failure, FailureClass
from autotask_queue.model.request import JSON
from autotask_queue.policy import refusals
from autotask_queue.policy.wording import AGAIN, LOOKED_UP, WORDS

_MAX_DETAIL = 300
_MAX_RETRY_AFTER = 3_600.0
"""Seconds. Autotask counts by the rolling hour: nothing has to wait longer."""


def classify_reply(
    status_code: int,
    body: JSON,
    text: str,
    is_json: bool,
    *,
    write: bool,
    retry_after: float | None = None,
) -> Failure | None:
    """What went wrong, or None if the reply is a usable success.

    Args:
        status_code: the HTTP status.
        body: the parsed reply; ignored unless `is_json`.
        text: the reply as text.
        is_json: whether `text` is JSON.
        write: whether the request changes something; reads are never "perhaps applied".
        retry_after: the server's wish in seconds, kept in the failure.
    """
    body = body if is_json else None
    reply = _Reply(status_code, body, text, write, retry_after, refusals.words_in(body))
    if 200 <= status_code < 300:
        return _of_write(reply) if write else _of_read(reply)
    return _of_limits(reply) or _of_status(reply) or _of_fault(reply)


def record_id(body: JSON) -> int | None:
    """The id in `{"itemId": 128926}`; Autotask also writes it as a string. None if there is none."""
    value = refusals.property_of(body, "itemId")
    if isinstance(value, str) and re.fullmatch(r"\d{1,19}", value.strip(), flags=re.ASCII):
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool) and value > 0:
        return value
    return None


def parse_retry_after(value: str | None, *, now: float) -> float | None:
    """Seconds to wait by a Retry-After header: a number or an HTTP date; None if it says neither.

    `now` is in seconds since the epoch. The past gives 0; more than an hour gives an hour.
    """
    if not value:
        return None
    value = value.strip()
    if re.fullmatch(r"[+-]?\d{1,20}(\.\d{1,9})?", value, flags=re.ASCII):
        seconds = float(value)
    else:
        try:
            when = parsedate_to_datetime(value)
            seconds = (when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp() - now
        except (ValueError, TypeError, OverflowError):
            return None
    return min(max(seconds, 0.0), _MAX_RETRY_AFTER)


# ---------------------------------------------------------------------------------------------


class _Reply(NamedTuple):
    """`said` are the server's own words in `body`, which is None unless it is JSON."""

    status: int
    body: JSON
    text: str
    write: bool
    retry_after: float | None
    said: tuple[str, ...]

    @property
    def perhaps(self) -> Applied:
        """For replies that say nothing about what was done."""
        return Applied.UNKNOWN if self.write else Applied.NO


def _of_write(reply: _Reply) -> Failure | None:
    """2xx to a write: Autotask always names the record, so anything else is no answer."""
    if record_id(reply.body) is not None:
        return None
    return _of_limits(reply) or _failure(
        reply, FailureClass.TIMEOUT_UNKNOWN, "unusable_reply", applied=reply.perhaps
    )


def _of_read(reply: _Reply) -> Failure | None:
    if refusals.lists_errors(reply.body):
        return _of_limits(reply) or _of_fault(reply)
    if isinstance(reply.body, Mapping):
        return _failure(reply, FailureClass.NOT_FOUND, "not_found") if _is_empty(reply.body) else None
    return _failure(
        reply,
        FailureClass.SERVER_TRANSIENT,
        "unusable_reply",
        message="What came back is no answer of Autotask’s. Perhaps a Wi-Fi sign-in page answered instead.",
    )


def _of_limits(reply: _Reply) -> Failure | None:
    """Words about limits mean "not carried out". So only words of refusal count, no data of a record."""
    page = reply.body is None and not 200 <= reply.status < 300
    words = refusals.unquoted((refusals.excerpt(reply.text),) if page else reply.said)
    if refusals.THREAD_LIMIT.search(words):
        return _failure(reply, FailureClass.THREAD_LIMIT, "thread_limit")
    if refusals.HOURLY_LIMIT.search(words):
        return _failure(reply, FailureClass.QUOTA_SUSPENDED, "hourly_limit")
    if reply.status == 429:
        return _failure(reply, FailureClass.THROTTLE, "throttled")
    return None


def _of_status(reply: _Reply) -> Failure | None:
    """3xx and 4xx; None for the rest."""
    match reply.status:
        case 401:
            rule = _of_rules(reply, only=FailureClass.AUTH)
            failure = rule or _failure(reply, FailureClass.AUTH, "sign_in")
        case 403:
            failure = _failure(reply, FailureClass.PERMISSION, "permission")
        case 404 | 410 if not refusals.NO_ROUTE.search(refusals.unquoted(reply.said)):
            failure = _failure(reply, FailureClass.NOT_FOUND, "not_found")
        case 407:
            failure = _failure(
                reply,
                FailureClass.CONNECT_FAIL,
                "proxy_sign_in",
                message="The network’s proxy wants a sign-in first. Nothing was sent.",
                remedy="Sign in to the network, or ask its administrator. " + AGAIN,
            )
        case 408:  # the server gave up waiting; what it had read by then is not said
            failure = _failure(reply, FailureClass.TIMEOUT_UNKNOWN, "server_gave_up", applied=reply.perhaps)
        case 303 if reply.write:  # "see what came of it": by HTTP's own words it was carried out
            failure = _failure(reply, FailureClass.TIMEOUT_UNKNOWN, "redirected", applied=reply.perhaps)
        case status if 300 <= status < 400:
            failure = _failure(reply, FailureClass.WRONG_ZONE, "redirected")
        case status if 400 <= status < 500:
            failure = _of_rules(reply) or _failure(reply, FailureClass.VALIDATION, f"http_{status}")
        case _:
            return None
    return failure


def _of_fault(reply: _Reply) -> Failure:
    """5xx, statuses that do not exist, and error lists in a read's 200."""
    stumbled = refusals.STUMBLED.search(refusals.unquoted(reply.said))
    if not refusals.lists_errors(reply.body) or not reply.said or stumbled or reply.status in {502, 504}:
        return _transient(reply, applied=reply.perhaps)
    if reply.status > 500:
        return _transient(reply, applied=Applied.NO)
    return _of_rules(reply) or _failure(reply, FailureClass.APP_ERROR, "refused")


def _of_rules(reply: _Reply, *, only: FailureClass | None = None) -> Failure | None:
    rule = refusals.find_rule(reply.said, only=only)
    return _failure(reply, rule.kind, rule.code, remedy=rule.remedy) if rule else None


def _transient(reply: _Reply, *, applied: Applied) -> Failure:
    message = f"Autotask answered with a fault of its own (HTTP {reply.status})"
    message += f": {_sentence(refusals.joined(reply.said))}" if reply.said else "."
    if applied is not Applied.NO:
        message += " What was sent may or may not have arrived."
    return _failure(
        reply,
        FailureClass.SERVER_TRANSIENT,
        f"http_{reply.status}",
        message=message,
        remedy="" if applied is Applied.NO else LOOKED_UP,
        applied=applied,
    )


_REFUSED = frozenset({FailureClass.APP_ERROR, FailureClass.VALIDATION, FailureClass.CONFLICT})


def _failure(
    reply: _Reply,
    kind: FailureClass,
    code: str,
    *,
    message: str = "",
    remedy: str = "",
    applied: Applied = Applied.NO,
) -> Failure:
    words = WORDS[kind]
    said = refusals.joined(reply.said)
    if not message and said:
        message = f"Autotask refused this: {said}" if kind in _REFUSED else f"{words.message} It said: {said}"
    elif not message and kind is FailureClass.TIMEOUT_UNKNOWN and not reply.write:
        message, remedy = "No usable answer came back.", f"It only asks for data. {AGAIN}"
    return Failure(
        kind=kind,
        code=code,
        title=words.title,
        message=message or words.message,
        remedy=remedy or words.remedy,
        applied=applied,
        detail="" if said else refusals.excerpt(reply.text)[:_MAX_DETAIL],
        http_status=reply.status,
        retry_after=reply.retry_after,
    )


def _is_empty(body: Mapping[str, JSON]) -> bool:
    """`{"item": null}`: what a missing id gives where it does not give 404."""
    return {str(key).lower() for key in body} == {"item"} and refusals.property_of(body, "item") is None


def _sentence(text: str) -> str:
    return text if text.endswith((".", "!", "?", "…")) else f"{text}."

"""Says what a reply of Autotask means: the body is asked before the status.

Autotask answers 500 to a mistyped picklist and, with other words, to a crash, so the status alone says
little. Two questions decide: may the request have been applied, and whose fault is it? The order:
words about limits (whatever the status), then the statuses that have a meaning of their own, then for
5xx the words of the error list. A 5xx without such a list says nothing about a write's fate.

Autotask answers in JSON, or not at all. A page in its place comes from what stands before it: a Wi-Fi's
sign-in, a firewall, a web server whose application is gone. So a page with 404 is no missing record.

Pure and total: any status with any body and headers gives an answer, never an exception.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime

from autotask_queue.model.failure import Applied, Failure, FailureClass
from autotask_queue.model.request import JSON
from autotask_queue.policy import refusals
from autotask_queue.policy.answer import Answer, by_rules, failure_of, portal_failure, transient
from autotask_queue.policy.statuses import of_status

_MAX_RETRY_AFTER = 3_600.0
"""Seconds. Autotask counts by the rolling hour: nothing has to wait longer."""


def classify_reply(
    status_code: int,
    body: JSON,
    text: str,
    is_json: bool,
    *,
    write: bool,
    headers: Mapping[str, str] | None = None,
    now: float = 0.0,
) -> Failure | None:
    """What went wrong, or None if the reply is a usable success.

    Args:
        status_code: the HTTP status.
        body: the parsed reply; ignored unless `is_json`.
        text: the reply as text.
        is_json: whether `text` is JSON.
        write: whether the request changes something; reads are never "perhaps applied".
        headers: of the reply, in any case: where a redirect leads, when to come again.
        now: seconds since the epoch, for a `Retry-After` that is a date.
    """
    named = {name.lower(): value for name, value in (headers or {}).items()}
    body = body if is_json else None
    reply = Answer(
        status_code,
        body,
        text,
        write,
        parse_retry_after(named.get("retry-after"), now=now),
        named.get("location", ""),
        refusals.words_in(body),
    )
    if 200 <= status_code < 300:
        return _of_write(reply) if write else _of_read(reply)
    return _of_limits(reply) or of_status(reply) or _of_fault(reply)


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


def _of_write(reply: Answer) -> Failure | None:
    """2xx to a write: Autotask always names the record, so anything else is no answer."""
    if record_id(reply.body) is not None:
        return None
    return _of_limits(reply) or failure_of(
        reply, FailureClass.TIMEOUT_UNKNOWN, "unusable_reply", applied=reply.perhaps
    )


def _of_read(reply: Answer) -> Failure | None:
    if refusals.lists_errors(reply.body) or _is_only(reply.body, "message"):
        return _of_limits(reply) or _of_fault(reply)
    if isinstance(reply.body, Mapping):
        empty = _is_only(reply.body, "item") and refusals.property_of(reply.body, "item") is None
        return failure_of(reply, FailureClass.NOT_FOUND, "not_found") if empty else None
    if reply.is_page:
        return portal_failure(reply.status)
    message = "What came back is no answer of Autotask’s, or only a part of one."
    return failure_of(reply, FailureClass.SERVER_TRANSIENT, "unusable_reply", message=message)


def _of_limits(reply: Answer) -> Failure | None:
    """Words about limits mean "not carried out". So only words of refusal count, no data of a record."""
    page = reply.body is None and not 200 <= reply.status < 300
    words = refusals.unquoted((refusals.excerpt(reply.text),) if page else reply.said)
    if refusals.THREAD_LIMIT.search(words):
        return failure_of(reply, FailureClass.THREAD_LIMIT, "thread_limit")
    if refusals.HOURLY_LIMIT.search(words):
        return failure_of(reply, FailureClass.QUOTA_SUSPENDED, "hourly_limit")
    if reply.status == 429:
        return failure_of(reply, FailureClass.THROTTLE, "throttled")
    return None


def _of_fault(reply: Answer) -> Failure:
    """5xx, statuses that do not exist, and error lists in a read's 200."""
    words = refusals.unquoted(reply.said)
    speaks = refusals.lists_errors(reply.body) and bool(reply.said)
    if not speaks or refusals.STUMBLED.search(words) or reply.status in {502, 504}:
        return transient(reply, applied=reply.perhaps)
    if reply.status > 500:
        return transient(reply, applied=Applied.NO)
    rule = by_rules(reply)
    if rule is None and refusals.PASSING.search(words):
        return transient(reply, applied=reply.perhaps)
    return rule or failure_of(reply, FailureClass.APP_ERROR, "refused")


def _is_only(body: JSON, name: str) -> bool:
    """Whether a body has this property and no other: `{"item": null}` is what a missing id may give."""
    return isinstance(body, Mapping) and {str(key).lower() for key in body} == {name}

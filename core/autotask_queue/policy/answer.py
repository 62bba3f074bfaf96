"""An answer as the classifier looks at it, and the failures that are made of one."""

from __future__ import annotations

from typing import NamedTuple

import msgspec

from autotask_queue.model.failure import Applied, Failure, FailureClass
from autotask_queue.model.request import JSON
from autotask_queue.policy import refusals
from autotask_queue.policy.wording import LOOKED_UP, OF_READ, PERHAPS, TITLES, WORDS, captive_portal

_MAX_DETAIL = 300


class Answer(NamedTuple):
    """A reply. `body` is None unless it is JSON; `said` are the server's own words in it.

    `retry_after` is in seconds, `location` where a redirect leads.
    """

    status: int
    body: JSON
    text: str
    write: bool
    retry_after: float | None
    location: str
    said: tuple[str, ...]

    @property
    def perhaps(self) -> Applied:
        """For replies that say nothing about what was done."""
        return Applied.UNKNOWN if self.write else Applied.NO

    @property
    def is_page(self) -> bool:
        """Whether it is HTML, which Autotask's interface never speaks."""
        return self.body is None and self.text.lstrip().startswith("<")


def transient(reply: Answer, *, applied: Applied) -> Failure:
    """A fault of the server's own."""
    message = f"Autotask answered with a fault of its own (HTTP {reply.status})"
    message += f": {_sentence(refusals.joined(reply.said))}" if reply.said else "."
    if applied is not Applied.NO:
        message += f" {PERHAPS}"
    return failure_of(
        reply,
        FailureClass.SERVER_TRANSIENT,
        f"http_{reply.status}",
        message=message,
        remedy="" if applied is Applied.NO else LOOKED_UP,
        applied=applied,
    )


_REFUSED = frozenset({FailureClass.APP_ERROR, FailureClass.VALIDATION, FailureClass.CONFLICT})


def failure_of(
    reply: Answer,
    kind: FailureClass,
    code: str,
    *,
    message: str = "",
    remedy: str = "",
    applied: Applied = Applied.NO,
) -> Failure:
    """A failure of a class, in the class's words and the server's, unless others are given."""
    words = WORDS[kind]
    said = refusals.joined(reply.said)
    if not message and said:
        message = f"Autotask refused this: {said}" if kind in _REFUSED else f"{words.message} It said: {said}"
    elif not message and kind is FailureClass.TIMEOUT_UNKNOWN and not reply.write:
        message, remedy = OF_READ.message, OF_READ.remedy
    return Failure(
        kind=kind,
        code=code,
        title=TITLES.get(code, words.title),
        message=message or words.message,
        remedy=remedy or words.remedy,
        applied=applied,
        detail="" if said else refusals.excerpt(reply.text)[:_MAX_DETAIL],
        http_status=reply.status,
        retry_after=reply.retry_after,
    )


def by_rules(reply: Answer, *, only: FailureClass | None = None) -> Failure | None:
    """What the server's words mean by the first rule that fits them (of class `only`), if one does."""
    rule = refusals.find_rule(reply.said, only=only)
    if rule is None:
        return None
    failure = failure_of(reply, rule.kind, rule.code, remedy=rule.remedy)
    if rule.wait and failure.retry_after is None:
        failure = msgspec.structs.replace(failure, retry_after=rule.wait)
    return failure


def portal_failure(status_code: int | None) -> Failure:
    """The failure when something else answers in Autotask's place; surely nothing was applied."""
    words = captive_portal("Autotask")
    return Failure(
        kind=FailureClass.LOCAL_OFFLINE,
        code="captive_portal",
        title=words.title,
        message=words.message,
        remedy=words.remedy,
        http_status=status_code,
    )


def _sentence(text: str) -> str:
    return text if text.endswith((".", "!", "?", "…")) else f"{text}."

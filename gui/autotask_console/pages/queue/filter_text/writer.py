"""From a filter to the text that means it: for lists that other pages lead to."""

from __future__ import annotations

from collections.abc import Iterator

from autotask_console.pages.queue.filter_text.amounts import moment_text
from autotask_console.pages.queue.filter_text.qualifiers import OPERATIONS
from autotask_console.pages.queue.filter_text.tokens import quoted, write
from autotask_console.text import UiState, statuses_of
from autotask_queue import Range, RequestFilter, Status

# Words that mean one stored status, whatever the gates are.
_STATE_WORDS = {
    statuses_of(state)[0]: state.value
    for state in UiState
    if state not in {UiState.WAITING, UiState.RETRYING, UiState.HELD, UiState.BOTH_CHANGED}
}


def text_of(query: RequestFilter) -> str:
    """The text that `parse` reads as `query`; sort, limit and cursor have no text."""
    return " ".join(_tokens(query))


def _tokens(query: RequestFilter) -> Iterator[str]:
    yield from _status_tokens(query.status, negated=False)
    yield from _status_tokens(query.not_status, negated=True)
    if query.reason:
        yield write("reason", [r.value.replace("_", "-") for r in query.reason])
    if query.zone:
        yield write("zone", query.zone)
    if query.entity:
        yield write("entity", query.entity)
    if query.method:
        words = {method: word for word, method in OPERATIONS.items()}
        yield write("op", [words.get(m, m.lower()) for m in query.method])
    if query.ids:
        yield write("id", query.ids)
    if query.lane is not None:
        yield write("lane", [query.lane])
    if query.endpoint is not None:
        yield write("path", [query.endpoint])
    yield from _number_tokens("prio", query.priority)
    yield from _number_tokens("tries", query.attempts)
    for key, span in (("created", query.created), ("finished", query.finished), ("due", query.scheduled)):
        yield from _time_tokens(key, span)
    if query.http_status:
        yield write("http", [str(n) for n in query.http_status])
    yield from (quoted(word) for word in query.text.split())


def _status_tokens(statuses: tuple[Status, ...], *, negated: bool) -> Iterator[str]:
    if not statuses:
        return
    if all(s in _STATE_WORDS for s in statuses):
        yield write("state", [_STATE_WORDS[s] for s in statuses], negated=negated)
    else:
        yield write("status", [s.value for s in statuses], negated=negated)


def _number_tokens(key: str, span: Range | None) -> Iterator[str]:
    if span is None:
        return
    low, high = (None if end is None else f"{end:.0f}" for end in (span.min, span.max))
    if low is not None and high is not None:
        yield f"{key}:{low}" if low == high else f"{key}:{low}..{high}"
    elif low is not None:
        yield f"{key}:>={low}"
    elif high is not None:
        yield f"{key}:<={high}"


def _time_tokens(key: str, span: Range | None) -> Iterator[str]:
    if span is None:
        return
    low, high = (None if end is None else moment_text(end) for end in (span.min, span.max))
    if low is not None and high is not None:
        yield write(key, [f"{low}..{high}"])
    elif low is not None:
        yield write(key, [f">={low}"])
    elif high is not None:
        yield write(key, [f"<={high}"])

"""Filters and sorting over requests in memory; `sqlite.query` says the same in SQL."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from autotask_queue.model.filters import Range, RequestFilter
from autotask_queue.model.request import Request
from autotask_queue.store import order, rules

Test = Callable[[Request], bool]


def select(requests: Iterable[Request], query: RequestFilter) -> list[Request]:
    """Those that match, in the filter's order, from its cursor and up to its limit."""
    test, field = matcher(query), query.sort.field.value
    by_seq = {r.seq: r for r in requests if test(r)}
    keys = order.behind(query, [order.key(getattr(r, field), r.seq) for r in by_seq.values()])
    found = [by_seq[seq] for _, _, seq in keys]
    return found if query.limit is None else found[: query.limit]


def matcher(query: RequestFilter) -> Test:
    """A test of one request against every condition of the filter but cursor and limit."""
    tests = [*_choices(query), *_ranges(query)]
    words = rules.needles(query.text)
    if words:
        tests.append(lambda r: all(word in rules.haystack(r) for word in words))
    return lambda r: all(test(r) for test in tests)


def _choices(query: RequestFilter) -> list[Test]:
    wanted: list[tuple[str, tuple[Any, ...]]] = [
        ("status", query.status),
        ("reason", query.reason),
        ("zone", query.zone),
        ("entity", query.entity),
        ("method", query.method),
        ("effect", query.effect),
        ("id", query.ids),
        ("http_status", query.http_status),
        ("endpoint", () if query.endpoint is None else (query.endpoint,)),
        ("lane", () if query.lane is None else (query.lane,)),
    ]
    tests = [_one_of(name, frozenset(values)) for name, values in wanted if values]
    if query.not_status:
        excluded = frozenset(query.not_status)
        tests.append(lambda r: r.status not in excluded)
    return tests


def _ranges(query: RequestFilter) -> list[Test]:
    wanted: list[tuple[str, Range | None]] = [
        ("priority", query.priority),
        ("created_at", query.created),
        ("scheduled_at", query.scheduled),
        ("finished_at", query.finished),
        ("attempts", query.attempts),
    ]
    return [_within(name, span) for name, span in wanted if span is not None]


def _one_of(name: str, values: frozenset[Any]) -> Test:
    return lambda r: getattr(r, name) in values


def _within(name: str, span: Range) -> Test:
    def test(request: Request) -> bool:
        if span.min is None and span.max is None:
            return True
        value = getattr(request, name)
        return (
            value is not None
            and (span.min is None or value >= span.min)
            and (span.max is None or value <= span.max)
        )

    return test

"""From the text of the filter box to what it asks for."""

from __future__ import annotations

import difflib
from dataclasses import dataclass, field

from autotask_console.models.query import Query
from autotask_console.pages.queue.filter_text.amounts import WrongValue
from autotask_console.pages.queue.filter_text.qualifiers import EXCLUDE, QUALIFIERS, Draft, Known
from autotask_console.pages.queue.filter_text.tokens import Token, tokens
from autotask_console.text import tr
from autotask_queue import RequestFilter, Status


@dataclass(frozen=True, kw_only=True)
class Problem:
    """Why a token means nothing, in a sentence that says what would; and where it stands."""

    message: str
    start: int
    end: int


@dataclass(frozen=True, kw_only=True)
class Parsed:
    """What a text asks for. With a `problem`, `query` is what the other tokens ask for."""

    query: Query = field(default_factory=Query)
    problem: Problem | None = None

    @property
    def names_states(self) -> bool:
        """Whether it says itself which states it wants: then it is not narrowed to a view."""
        return self.query.states is not None or bool(self.query.statuses)


def parse(text: str, known: Known) -> Parsed:
    """Reads all of `text`. Every text has a meaning or a problem; nothing is raised."""
    draft = Draft()
    problem: Problem | None = None
    seen: set[str] = set()
    for token in tokens(text):
        try:
            _take(token, draft, known, seen)
        except WrongValue as error:
            problem = problem or Problem(message=str(error), start=token.start, end=token.end)
    return Parsed(query=_query(draft), problem=problem)


def _take(token: Token, draft: Draft, known: Known, seen: set[str]) -> None:
    if not token.key:
        if token.negated:
            raise WrongValue(tr("Words cannot be left out. A minus works before state: only."))
        draft.words.extend(word for value in token.values for word in value.split())
        return
    qualifier = QUALIFIERS.get(token.key)
    if qualifier is None:
        raise WrongValue(_unknown(token.key))
    if not token.values:
        raise WrongValue(_needs(token.key, known))
    if token.negated:
        exclude = EXCLUDE.get(token.key)
        if exclude is None:
            raise WrongValue(
                tr("“-{key}:” cannot leave out. Name what you want instead: {key}:a,b.", key=token.key)
            )
        exclude(draft, token.values, known)
        return
    if token.key in seen and not qualifier.repeats:
        raise WrongValue(tr("“{key}:” is there twice. Write {key}:a,b for either.", key=token.key))
    seen.add(token.key)
    qualifier.take(draft, token.values, known)


def _query(draft: Draft) -> Query:
    statuses = tuple(s for s in Status if draft.statuses is not None and s in draft.statuses)
    narrow = RequestFilter(text=" ".join(draft.words), **draft.fields)
    states = None if draft.states is None else frozenset(draft.states)
    if draft.statuses is not None and not statuses:
        states = frozenset()  # contradicts itself: nothing
    return Query(states=states, statuses=statuses, narrow=narrow)


def _unknown(key: str) -> str:
    close = difflib.get_close_matches(key, QUALIFIERS, n=1)
    if close:
        return tr("There is no “{key}:”. Did you mean {close}:?", key=key, close=close[0])
    return tr("There is no “{key}:”. To search for it, put it in quotes.", key=key)


def _needs(key: str, known: Known) -> str:
    qualifier = QUALIFIERS[key]
    offered = ", ".join(value for value, _ in qualifier.choices(known)[:6])
    if offered:
        return tr("{key}: what? For example {values}.", key=key, values=offered)
    return tr("{key}: what? It is {help}.", key=key, help=qualifier.help)
